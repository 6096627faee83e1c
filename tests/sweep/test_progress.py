"""The line of a sweep whose runs go on in other processes."""

from __future__ import annotations

import atexit
import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from seqexp.record.claim import Claim
from seqexp.record.record import Record
from seqexp.sweep.progress import SweepLine


def test_runs_are_counted_as_they_go(train: Callable[..., Any], tmp_path: Path) -> None:
    record: Record = train("cell=rnn")[0]
    folders = [tmp_path / name for name in "abcd"]
    for folder in folders:
        folder.mkdir()
    line = SweepLine(folders, Console(file=io.StringIO()))
    assert line.text() == "0 done · 0 running · 4 waiting"
    Claim("f", 0, 2).write(folders[0])
    assert line.text() == "0 done · 1 running · 3 waiting"
    record.write(folders[0])
    replace(record, status="failed", error={"type": "E", "message": "m"}).write(folders[1])
    line.start -= 10  # as if ten seconds had passed
    assert line.text() == "1 done · 0 running · 2 waiting · 1 failed · about 10 s left"
    (folders[2] / "result.json").write_text("{")
    assert "2 waiting" in line.text()  # half a record is none


def test_a_failure_of_an_earlier_attempt_does_not_count(train: Callable[..., Any], tmp_path: Path) -> None:
    record: Record = train("cell=rnn")[0]
    path = replace(record, status="failed", error={"type": "E", "message": "m"}).write(tmp_path)
    os.utime(path, (1, 1))
    assert SweepLine([tmp_path], Console(file=io.StringIO())).text() == "0 done · 0 running · 1 waiting"


def test_the_line_is_drawn_on_a_terminal_only_and_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_exit: list[Callable[[], None]] = []
    monkeypatch.setattr(atexit, "register", at_exit.append)
    for terminal in (True, False):
        screen = io.StringIO()
        line = SweepLine([tmp_path], Console(file=screen, force_terminal=terminal, width=100))
        line.begin()
        if terminal:
            while "waiting" not in screen.getvalue():
                pass
        assert at_exit == ([line.end] if terminal else [])  # else Ctrl-C would leave no cursor
        at_exit.clear()
        line.end()
        assert ("waiting" in screen.getvalue()) is terminal
