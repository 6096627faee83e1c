"""What the program prints, word for word, on screens of several kinds: kept in tests/golden, to be read.

`make golden` writes these texts anew; what has changed in them is then seen, and read, in the diff.
"""

from __future__ import annotations

import io
import math
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch
from rich.cells import cell_len
from rich.console import Console

from seqexp.compare.comparison import Comparison, compare
from seqexp.config.mistakes import say_error, unknown_key
from seqexp.program.listing import main as show_choices
from seqexp.record.record import Record
from seqexp.run.report import report
from seqexp.show.console import prepare_output, say
from seqexp.training.screen import EpochLines

GOLDEN = Path(__file__).parent.parent / "golden"

SEEDS = list(range(10))

LEVELS = {"constant": 0.53, "persistence": 0.0196, "linear": 0.0117, "noise": 0.0094}


class Way(NamedTuple):
    """How somebody looks at it: a terminal of so many columns, or None for a pipe; its encoding and environment."""

    columns: int | None
    encoding: str = "utf-8"
    environment: tuple[str, str] = ("TERM", "xterm-256color")


WAYS = {
    "80": Way(80),
    "120": Way(120),
    "200": Way(200),
    "pipe": Way(None),
    "no_color": Way(80, environment=("NO_COLOR", "1")),
    "dumb": Way(80, environment=("TERM", "dumb")),
    "cp1252": Way(80, "cp1252"),
}


class Stream(io.TextIOWrapper):
    """Keeps what is written, as a terminal or a pipe would get it."""

    def __init__(self, way: Way) -> None:
        super().__init__(io.BytesIO(), encoding=way.encoding)
        self.way = way

    def isatty(self) -> bool:
        return self.way.columns is not None

    def text(self) -> str:
        """What has been written, with what commands a terminal made visible."""
        self.flush()
        kept: Any = self.buffer
        return str(kept.getvalue().decode(self.way.encoding).replace("\x1b", "␛").replace("\r", "␍"))


def wave(level: float, phase: int) -> list[float]:
    """Scores of ten seeds around a level, the same on every machine."""
    return [level * math.exp(0.08 * math.sin(1.7 * seed + phase)) for seed in SEEDS]


def record(cell: str, lr: float, level: float, phase: int, **changes: Any) -> Record:
    """A run that nobody trained."""
    guesses: Any = {name: wave(at, 7 + index) for index, (name, at) in enumerate(LEVELS.items())}
    values: dict[str, Any] = {
        "status": "done",
        "data": "sine",
        "cell": cell,
        "seeds": SEEDS,
        "data_hash": [[f"{seed} train", f"{seed} test"] for seed in SEEDS],
        "scores": {part: {"mse": wave(level, phase + index)} for index, part in enumerate(("train", "val", "test"))},
        "baselines": guesses,
        "validation_baselines": guesses,
        "num_parameters": {"rnn": 321}.get(cell, 1233),
        "epochs": 30,
        "steps": 660,
        "train_seconds": 8.5,
        "config": {
            "num_seeds": 10,
            "data": {"_target_": "seqexp.data.sine.Sine", "noise": 0.1, "batch_size": 32},
            "cell": {"_target_": f"seqexp.cell.{cell}.{cell.upper()}", "hidden_size": 16},
            "optimizer": {"_target_": "torch.optim.Adam", "lr": lr},
        },
    }
    return Record(**values | changes)


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Two cells with two learning rates each, and a run that failed."""
    top = tmp_path_factory.mktemp("golden")
    runs = {
        "lstm,lr=0.001": record("lstm", 0.001, 0.0153, 0),
        "lstm,lr=0.01": record("lstm", 0.01, 0.0116, 1),
        "rnn,lr=0.001": record("rnn", 0.001, 0.0171, 2),
        "rnn,lr=0.01": record("rnn", 0.01, 0.0134, 3, diverged=[4]),
    }
    reason = "CUDA out of memory. Tried to allocate 2.00 GiB, and 1.25 GiB are free of the 79.1 GiB that the GPU has"
    error = {"type": "OutOfMemoryError", "message": reason}
    runs["gru,lr=0.01"] = record("gru", 0.01, 1, 4, status="failed", scores={}, baselines={}, error=error)
    for name, run in runs.items():
        (top / name).mkdir()
        run.write(top / name)
    return compare(top, by=["cell"])


def print_epochs(folder: Path, beside: str) -> None:
    """The lines of a training of 20 epochs."""
    rows: dict[str, list[torch.Tensor]] = {"train": [], "val": []}
    training = SimpleNamespace(score=SimpleNamespace(label="MSE"))
    selection: Any = SimpleNamespace(seeds=tuple(SEEDS), history=rows, training=training)
    nobody: Any = None
    lines = EpochLines("lstm on sine", folder, beside, 10, selection)
    lines.on_fit_start(nobody, nobody)
    for epoch in range(20):
        for phase, scores in enumerate(rows.values()):
            scores.append(torch.tensor(wave(0.4 / (1 + epoch), phase)))
        lines.on_train_epoch_end(nobody, nobody)


def print_everything(comparison: Comparison) -> None:
    """The lines of a sweep, its comparison, a list of keys and a refusal, as the program prints each."""
    folder = Path("outputs/rnn-lstm_sine/cell=lstm,optimizer.lr=0.01")
    for beside in ("", folder.name):
        print_epochs(folder, beside)
    say(sys.stdout, report(record("lstm", 0.01, 0.0116, 1), folder))
    say(sys.stderr, f"failed: ValueError: the loss must be finite, got nan → {folder}/seqexp.log")
    console = Console()
    console.print()
    comparison.render(console)
    show_choices(["cell/lstm"])
    say_error(str(unknown_key("cell.hiden_size", ["hidden_size", "num_layers", "dropout", "bidirectional"])))


@pytest.mark.parametrize("name", WAYS)
def test_every_screen_gets_the_text_that_has_been_read(
    name: str, comparison: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = WAYS[name]
    for variable in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "JUPYTER_COLUMNS"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in (("TERM", "xterm-256color"), ("COLUMNS", str(way.columns or 80)), way.environment):
        monkeypatch.setenv(variable, value)
    stream = Stream(way)
    for each in ("stdout", "stderr"):
        monkeypatch.setattr(sys, each, stream)
    prepare_output()
    print_everything(comparison)
    text = stream.text()
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", WAYS)
def test_no_line_of_those_is_longer_than_its_screen(name: str) -> None:
    width = WAYS[name].columns
    lines = re.sub(r"␛\[[\d;]*[mK]|␍", "", (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")).splitlines()
    assert len(lines) > 30
    assert all(width is None or cell_len(line) <= width for line in lines)
    assert "␛" not in "".join(lines)


def test_pipes_and_dumb_terminals_are_sent_no_commands_and_cp1252_lacks_no_letter() -> None:
    for name in ("pipe", "dumb"):
        assert not re.search("[␛␍]", (GOLDEN / f"{name}.txt").read_text(encoding="utf-8"))
    for name, way in WAYS.items():
        text = re.sub("[␛␍]", "", (GOLDEN / f"{name}.txt").read_text(encoding="utf-8"))
        assert "\\" not in text
        text.encode(way.encoding)
