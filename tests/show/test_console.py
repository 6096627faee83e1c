"""The line that a terminal shows while the program starts: there at once, and gone when anything is written."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seqexp.program import run, verbs
from seqexp.show.console import ERASE, STARTING, end_start, prepare_output, show_start


@contextlib.contextmanager
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """Standard error is a terminal and standard output a pipe; gives what has come to the terminal since last time."""
    monkeypatch.setenv("TERM", "xterm")
    master, slave = pty.openpty()
    reader, writer = os.pipe()
    for name, number in (("stderr", slave), ("stdout", writer)):
        stream = io.TextIOWrapper(io.BufferedWriter(io.FileIO(number, "w", closefd=False)), "utf-8")
        monkeypatch.setattr(sys, name, stream)
        monkeypatch.setattr(sys, f"__{name}__", stream)
    prepare_output()

    def seen() -> str:
        sys.stderr.flush()
        found = b""
        while select.select([master], [], [], 0.2)[0]:
            found += os.read(master, 10_000)
        return found.decode().replace("\r\n", "\n")

    try:
        yield seen
    finally:
        end_start()
        for number in (master, slave, reader, writer):
            os.close(number)


def test_a_sign_makes_way_for_whatever_is_written_first(monkeypatch: pytest.MonkeyPatch) -> None:
    with at_a_terminal(monkeypatch) as seen:
        show_start()
        assert seen() == STARTING
        sys.stdout.write("into a pipe\n")
        sys.stdout.flush()
        assert seen() == ERASE
        sys.stderr.write("and on\n")
        assert seen() == "and on\n"


def test_a_sign_goes_when_work_begins_and_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with at_a_terminal(monkeypatch) as seen:
        show_start()
        end_start()
        end_start()
        assert seen() == STARTING + ERASE


def test_what_takes_no_line_back_gets_a_line_and_a_pipe_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with at_a_terminal(monkeypatch) as seen:
        monkeypatch.setenv("TERM", "dumb")
        show_start()
        sys.stderr.write("then\n")
        assert seen() == f"{STARTING}\nthen\n"
        other = io.StringIO()
        monkeypatch.setattr(sys, "stderr", other)
        show_start()
        assert other.getvalue() == ""


def test_a_terminal_shows_the_sign_long_before_anything_is_imported(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "seqexp", "num_seeds=1", "trainer.max_epochs=1"]
    start = time.monotonic()
    child = subprocess.Popen(
        command, cwd=tmp_path, env={**environment, "TERM": "xterm"}, stdout=subprocess.PIPE, stderr=slave
    )
    try:
        assert select.select([master], [], [], 60)[0]
        seconds = time.monotonic() - start
        assert os.read(master, 100).decode() == STARTING
    finally:
        child.kill()
        child.communicate()
        os.close(master)
        os.close(slave)
    assert seconds < 2  # 0.1 where nothing else runs
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("", True), ("cell=lstm", True), ("-m cell=rnn,lstm", True), ("--multirun -cd x", True),
        ("--config-dir=x", True), ("search cell=rnn", True),
        ("--help", False), ("cell=lstm -h", False), ("--version", False), ("--cfg job", False), ("--hydra-help", False),
        ("list", False), ("compare x", False), ("search --help", False), ("-sc install=bash", False),
    ],
)  # fmt: skip
def test_only_what_takes_long_shows_one(line: str, shown: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(verbs, "prepare_output", lambda: None)
    for name in ("show_start", "end_start"):
        monkeypatch.setattr(verbs, name, lambda name=name: calls.append(name))
    monkeypatch.setattr(verbs, "start", lambda *_: sys.exit(0))
    monkeypatch.setattr(run, "run", lambda: None)
    monkeypatch.setattr(sys, "argv", ["seqexp", *line.split()])
    with contextlib.suppress(SystemExit):
        verbs.main()
    assert calls == [*(["show_start"] if shown else []), "end_start"]
