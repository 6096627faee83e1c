"""The commands and the Python of README.md work as they stand there, only with less training."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqexp.program.verbs import VERBS

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
LINES = sorted(set(re.findall(r"python -m seqexp ([^#`\n]+?)(?:\s+#.*|`.*|\n)", README)))
COMMANDS = [line for line in LINES if line.split()[0] not in VERBS]
LESS = {"num_seeds": "2", "trainer.max_epochs": "1"}
LESS_FRESH = {"data.steps_per_epoch": "2"}
LESS_TEXT = {"data.characters": "5000"}
LESS_SWEPT = {"optimizer.lr": "0.01", "data": "sine"}
"""One learning rate and one task in the place of those that an experiment sweeps."""


def test_there_are_commands_to_run() -> None:
    assert "--multirun cell=rnn,lstm" in COMMANDS
    assert "experiment=rnn_vs_lstm" in COMMANDS


@pytest.mark.parametrize("line", COMMANDS)
def test_command(line: str, command: Callable[..., Any]) -> None:
    given = shlex.split(line)
    if "mine.csv" in line:
        shutil.copy(Path(__file__).parent / "data/series.csv", "mine.csv")
    less = LESS | (LESS_FRESH if re.search(r"data=(adding|copy|parity)\b", line) else {})
    less = less | (LESS_TEXT if "data=text" in line else {})
    if line.startswith("experiment="):
        less = less | LESS_SWEPT
    kept = [each for each in given if each.split("=")[0] not in less]
    done = command(*kept, *(f"{key}={value}" for key, value in less.items()))
    assert (done.status, done.err) == (0, "")
    (folder,) = Path("outputs").iterdir()
    swept = "--multirun" in line or line.startswith("experiment=")
    assert (folder / ("comparison.md" if swept else "result.json")).is_file()


def test_every_verb_is_shown() -> None:
    assert {line.split()[0] for line in LINES} >= set(VERBS)


def test_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    exec(code, space)
    assert space["torch_modules"]["cell"].hidden_size == 16
    out = capsys.readouterr().out
    assert "linear" in out
    assert len(json.loads(out.splitlines()[-1])) == 3  # each seed's score elsewhere
