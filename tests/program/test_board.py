"""The verb `board`: TensorBoard over a folder, reached from this machine alone, ended by Ctrl-C."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqexp.program import board
from seqexp.record.tidy import EVENTS
from seqexp.show.board import Board

Command = Callable[..., Any]


def run(folder: Path) -> None:
    with Board(folder) as own:
        own.value("answer", 42.0, 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("", "outputs: there is no such folder; a run writes there, as seqexp cell=lstm does"),
        ("nowhere", "nowhere: there is no such folder\n"),
        ("a_file", "a_file: is no folder"),
        ("empty", "empty: holds no run that TensorBoard could show, at no depth"),
        ("empty --port 0", "empty: holds no run"),
        ("there --port 70000", "--port must be from 1 to 65535, got 70000"),
        ("there --port 1 --port 2", "given twice"),
        ("there --port x", "invalid int value: 'x'"),
        ("there here", "unrecognized arguments: here"),
    ],
)
def test_what_cannot_be_shown_is_refused(command: Command, arguments: str, words: str) -> None:
    Path("a_file").write_text("")
    for name in ("empty/below", "there/run"):
        Path(name).mkdir(parents=True)
    Path("there/run", EVENTS.replace("*", "1")).write_text("")
    done = command("board", *arguments.split())
    assert (done.status, done.out) == (2, "")
    assert re.fullmatch(r"seqexp: [^\n]+\n", done.err)
    assert words in done.err


def test_a_port_that_is_taken_is_refused_or_passed_by(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    run(Path("there"))
    with socket.socket() as taken:
        taken.bind((board.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = command("board", "there", "--port", str(port))
        assert done.status == 2
        assert f"--port {port}: cannot be had (Address already in use); leave it out" in done.err
        monkeypatch.setattr(board, "FIRST_PORT", port)
        assert board.free_port(None) in range(port + 1, port + board.NEXT_PORTS)
        monkeypatch.setattr(board, "NEXT_PORTS", 1)
        assert board.free_port(None) != port


def test_it_shows_a_folder_and_ends_with_ctrl_c(tmp_path: Path, environment: dict[str, str]) -> None:
    """Whatever the current folder holds: a folder called tensorboard there is no TensorBoard."""
    run(tmp_path / "some runs" / "mine")
    (tmp_path / "tensorboard").mkdir()
    (tmp_path / "tensorboard" / "__init__.py").write_text("raise SystemExit('a stranger')")
    port = board.free_port(None)
    program = subprocess.Popen(
        [sys.executable, "-m", "seqexp", "board", "some runs", "--port", str(port)],
        cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert program.stdout is not None
        line = program.stdout.readline()
        assert line == f"some runs: http://127.0.0.1:{port}/ · Ctrl-C ends it\n"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/data/runs") as answer:
            assert json.load(answer) == ["mine"]
        with socket.socket() as other:
            assert other.connect_ex(("127.0.0.2", port)) != 0  # at one address only, not at all of this machine's
    finally:
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=20)
    assert (program.returncode, out, err) == (0, "", "")
    assert board.free_port(port) == port  # nobody is left there


class Ended:
    """A TensorBoard that could not begin."""

    stderr = ("TensorFlow installation not found - running with reduced feature set.\n", "\n", "ERROR: no such thing\n")
    returncode = 7

    def wait(self, seconds: float = 0) -> int:
        """Has ended already."""
        return self.returncode

    def terminate(self) -> None:
        """Too late."""


def test_trouble_of_tensorboards_own_is_handed_on(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    run(Path("there"))
    monkeypatch.setattr(board.subprocess, "Popen", lambda *_, **__: Ended())
    done = command("board", "there")
    assert (done.status, done.out) == (1, "")
    assert done.err == "TensorBoard: ERROR: no such thing\nTensorBoard has ended by itself, with status 7\n"
