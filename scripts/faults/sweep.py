"""One sweep in a home of its own: its command, and every value that it leaves."""

from __future__ import annotations

import contextlib
import csv
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seqexp.record.record import RESULT, Record, RecordError, find

CHECKOUT = Path(__file__).resolve().parents[2]

CELLS = ("rnn", "lstm", "gru")
SMALL = ("num_seeds=3", "data.length=150", "trainer.max_epochs=30", "trainer.enable_progress_bar=false")
PLAIN = (f"cell={','.join(CELLS)}", *SMALL, "checkpoint.every_seconds=0")
"""The sweep that most faults are tried on."""

HARD = (
    "cell=rnn,lstm",
    *("num_seeds=2", "data.length=150", "data.batch_size=16", "trainer.max_epochs=30"),
    *("cell.num_layers=2", "cell.dropout=0.3", "optimizer.lr=0.05", "early_stopping.patience=4"),
    *("trainer.enable_progress_bar=false", "checkpoint.every_seconds=0"),
)
"""Generators, an optimiser's state and a seed's patience to be gone on with: the sweep for kills while writing."""

Scores = dict[tuple[str, int, str], Any]


@dataclass(frozen=True)
class Done:
    """How a command ended; `text` is all that it said on the console; no status is a command that did not end."""

    status: int | None
    text: str


def start(home: Path, arguments: Sequence[str], **options: Any) -> subprocess.Popen[str]:
    """Starts Python in a folder, in a process group of its own.

    Args:
        home: the working directory, made where it is missing.
        arguments: for Python.
        options: as for `subprocess.Popen`; `env` is put over the environment that all have.
    """
    home.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {
        "PYTHONPATH": os.pathsep.join([str(CHECKOUT), *environment.get("PYTHONPATH", "").split(os.pathsep)])
    }
    environment |= options.pop("env", {})
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "cwd": home, "text": True, **options}
    return subprocess.Popen([sys.executable, *arguments], env=environment, start_new_session=True, **given)


def end(process: subprocess.Popen[str], seconds: float = 600) -> Done:
    """Waits for a process; one that does not end in time is killed, and its status is None."""
    try:
        text, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        text, _ = process.communicate()
        return Done(None, text or "")
    return Done(process.returncode, text or "")


@dataclass
class Sweep:
    """One sweep, in a home of its own.

    Attributes:
        home: an empty folder.
        overrides: the command line, but for `--multirun sweep.name=mine`.
    """

    home: Path
    overrides: Sequence[str] = PLAIN

    @property
    def folder(self) -> Path:
        """Where the sweep lies."""
        return self.home / "outputs" / "mine"

    def start(self, *more: str, code: Sequence[str] = ("-m", "seqexp"), **options: Any) -> subprocess.Popen[str]:
        """Starts the command in a process group of its own."""
        return start(self.home, (*code, "--multirun", "sweep.name=mine", *self.overrides, *more), **options)

    def run(self, *more: str, **options: Any) -> Done:
        """Gives the command and waits for its end."""
        return end(self.start(*more, **options))

    def records(self) -> Iterator[tuple[Path, Record]]:
        """The finished runs."""
        for folder in find(self.folder):
            with contextlib.suppress(RecordError):
                record = Record.read(folder)
                if record.status == "done":
                    yield folder, record

    def finished(self) -> dict[Path, bytes]:
        """The finished runs' records, as they lie on the disk."""
        return {folder / RESULT: (folder / RESULT).read_bytes() for folder, _ in self.records()}

    def seeds(self) -> Counter[tuple[str, int]]:
        """How many finished runs there are for each cell and seed."""
        return Counter((record.cell, seed) for _, record in self.records() for seed in record.seeds)

    def scores(self) -> Scores:
        """Every value that must not depend on a fault: (cell, seed, name) -> value."""
        found: Scores = {}
        for folder, record in self.records():
            files = _files(folder)
            for index, seed in enumerate(record.seeds):
                scores = (record.train_mse, record.val_mse or (), record.test_mse, record.best_epoch)
                found[record.cell, seed, "scores"] = repr([row[index] for row in scores])
                found[record.cell, seed, "epochs"] = (record.epochs, record.steps, seed in record.diverged)
                found |= {(record.cell, seed, name): value for name, value in files.items()}
        table = self.folder / "comparison.csv"
        if table.exists():  # what the comparison counts: a row for each cell and seed
            rows = csv.DictReader(table.read_text().splitlines())
            found["comparison", 0, "rows"] = sorted((row["cell"], row["seed"], row["test_mse"]) for row in rows)
        return found


def _files(folder: Path) -> dict[str, Any]:
    """What lies beside a record, in a form that can be compared."""
    found: dict[str, Any] = {"curves.csv": (folder / "curves.csv").read_bytes()}
    with np.load(folder / "predictions.npz") as arrays:
        for name in arrays.files:
            found[f"predictions.{name}"] = (arrays[name].shape, str(arrays[name].dtype), arrays[name].tobytes())
    board = EventAccumulator(str(folder))
    board.Reload()
    for tag in board.Tags()["scalars"]:
        found[f"scalar {tag}"] = [(event.step, repr(event.value)) for event in board.Scalars(tag)]
    found["event files"] = len(list(folder.glob("events.out.tfevents.*")))
    return found
