"""The command line: one line when all is well, status 2 for a wrong input, 130 for Ctrl-C, a traceback for a bug."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seqexp.run
from seqexp.record.record import Record
from tests.forked import Starter

Command = Callable[..., Any]
TINY = ("num_seeds=2", "trainer.max_epochs=1", "data.length=120")
PROGRAM = [sys.executable, "-m", "seqexp"]


def test_a_run_prints_one_line_that_ends_with_its_folder(command: Command) -> None:
    done = command(*TINY, "cell=lstm")
    assert (done.status, done.err) == (0, "")
    found = re.fullmatch(
        r"lstm on sine · test MSE [\d.]+ ± [\d.]+ \(2 seeds\) · .* s · "
        r"[a-z ]+, num_seeds=\d+ or more could → (outputs/\S+)\n",
        done.out,
    )
    assert found
    record = Record.read(Path(found[1]))
    assert record.cell == "lstm"
    assert record.overrides == [*TINY, "cell=lstm"]
    for name in ("config", "hydra", "overrides"):
        assert (Path(found[1]) / ".hydra" / f"{name}.yaml").is_file()


def test_the_console_stays_quiet_in_a_process_of_its_own(tmp_path: Path, environment: dict[str, str]) -> None:
    done = subprocess.run([*PROGRAM, *TINY], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"rnn on sine · [^\n]+\n", done.stdout)
    assert [path.name for path in tmp_path.iterdir()] == ["outputs"]


def test_command_line_and_python_give_the_same_numbers(command: Command, train: Callable[..., Any]) -> None:
    done = command(*TINY, "hydra.run.dir=here")
    assert done.status == 0
    record, _ = train(*TINY, tiny=())
    found = Record.read(Path("here"))
    assert (found.test_mse, found.fingerprint) == (record.test_mse, record.fingerprint)


def test_help_shows_verbs_groups_and_experiments_and_writes_nothing(command: Command) -> None:
    done = command("--help")
    assert (done.status, done.err) == (0, "")
    for text in (
        "  seqexp cell=lstm data=sine ",
        "  compare  ",
        "  cell            cifg, ",
        "  rnn_vs_lstm  ",
    ):
        assert text in done.out
    assert command("cell=lstm", "-h").out == done.out
    assert list(Path.cwd().iterdir()) == []


def test_showing_the_configuration_runs_nothing(command: Command) -> None:
    done = command("--cfg", "job", "cell=lstm")
    assert (done.status, done.err) == (0, "")
    assert "seqexp.cell.lstm.LSTM" in done.out
    assert not Path("outputs").exists()


def test_flags_stand_anywhere_on_the_line(command: Command) -> None:
    done = command("cell=lstm", "--cfg", "job", "seed=7", "--package", "cell", "data=sum")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("# @package cell\n_target_: seqexp.cell.lstm.LSTM")
    done = command(*TINY, "--multirun", "cell=rnn,lstm", "hydra.sweep.dir=here")
    assert (done.status, done.err) == (0, "")
    assert {Record.read(path.parent).cell for path in Path("here").rglob("result.json")} == {"rnn", "lstm"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--nosuch"], "seqexp: unrecognized arguments: --nosuch"),
        (["--info", "nosuch", "seed=1"], "seqexp: argument --info/-i: invalid choice"),
        (["--config-dir"], "seqexp: argument --config-dir/-cd: expected one argument"),
        (["--config-dir", "a", "seed=1", "-cd", "b"], "seqexp: argument --config-dir/-cd: given twice"),
        (["--conf=3"], "seqexp: ambiguous option"),
        (["--cfg", "job", "--package", "nosuch"], "package 'nosuch' not found in config"),
        (["hydra.job=???"], "seqexp: hydra.job: must be written out"),
        (["hydra.launcher=5"], "seqexp: hydra.launcher: must be written out"),
        (["hydra.launcher='${seed}'"], "seqexp: hydra.launcher: must be written out"),
        (["++hydra.launcher.x=1"], "seqexp: hydra.launcher: the basic launcher has no settings, got x"),
    ],
)
def test_a_line_that_hydra_cannot_use_gets_one_paragraph(command: Command, arguments: list[str], said: str) -> None:
    done = command(*arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(said)
    assert done.err.count("\n") == 1
    assert list(Path.cwd().iterdir()) == []


def test_a_folder_that_is_taken_is_refused_and_loses_nothing(command: Command) -> None:
    assert command(*TINY, "hydra.run.dir=here").status == 0
    before = {path: path.read_bytes() for path in Path("here").rglob("*") if path.is_file()}
    done = command(*TINY, "seed=7", "hydra.run.dir=here")
    assert done.status == 2
    assert re.fullmatch(r"seqexp: here: [^\n]+\n", done.err)
    assert {path: path.read_bytes() for path in Path("here").rglob("*") if path.is_file()} == before


def test_a_read_only_folder_is_refused(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("locked").mkdir(mode=0o500)
    if os.access("locked", os.W_OK):  # root may write everywhere

        def refuse(*arguments: Any, **more: Any) -> None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    done = command(*TINY, "hydra.run.dir=locked/run")
    assert done.status == 2
    assert re.fullmatch(r"seqexp: locked/run: [^\n]*Permission denied[^\n]*\n", done.err)
    assert list(Path("locked").iterdir()) == []


def test_a_bug_keeps_its_traceback_and_leaves_a_failed_record(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*arguments: Any) -> None:
        raise RuntimeError("the roof is on fire")

    monkeypatch.setattr(seqexp.run.fit, "limit_threads", explode)
    with pytest.raises(RuntimeError, match="the roof is on fire"):
        command(*TINY, "hydra.run.dir=here")
    record = Record.read(Path("here"))
    assert record.status == "failed"
    assert record.error == {"type": "RuntimeError", "message": "the roof is on fire"}


def test_a_value_error_of_the_program_is_not_taken_for_a_wrong_configuration(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*arguments: Any) -> None:
        raise ValueError("shapes differ")

    monkeypatch.setattr(seqexp.run.fit, "limit_threads", explode)
    with pytest.raises(ValueError, match="shapes differ"):
        command(*TINY)


def interrupted(
    folder: Path, starter: Starter, environment: dict[str, str], arguments: list[str]
) -> tuple[int, str, str]:
    """Starts a run that would take for ever, and presses Ctrl-C once it trains."""
    endless = ("num_seeds=2", "data.length=120", "trainer.max_epochs=10000000")
    process = starter.start("-m", "seqexp", *arguments, *endless, cwd=folder, env=environment)
    try:
        end = time.monotonic() + 120
        while not list(folder.rglob("*tfevents*")):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
            time.sleep(0.05)
        time.sleep(0.7)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    return process.returncode, out, err


@pytest.mark.parametrize("arguments", [[], ["--multirun", "cell=rnn,lstm"]], ids=["run", "multirun"])
def test_ctrl_c_ends_with_one_line_and_no_result(
    tmp_path: Path, starter: Starter, environment: dict[str, str], arguments: list[str]
) -> None:
    status, out, err = interrupted(tmp_path, starter, environment, arguments)
    assert status == 130
    assert out == ""
    assert re.fullmatch(r"seqexp: interrupted[^\n]*\n", err)
    assert list(tmp_path.rglob("seqexp.log"))
    assert not list(tmp_path.rglob("result.json"))
    assert not list(tmp_path.rglob("comparison*"))


LOOK = """
import socket, sys
import psutil
from seqexp.__main__ import main
from seqexp.training.keeper import Selection

def sockets():
    return len(psutil.Process().net_connections("inet"))

with socket.create_server(("127.0.0.1", 0)):
    assert sockets() == 1  # one would be seen

right = Selection.on_train_epoch_end

def on_train_epoch_end(*arguments):
    right(*arguments)
    sys.stderr.write(f"{sockets()} sockets\\n")

Selection.on_train_epoch_end = on_train_epoch_end
main()
"""


def test_nothing_listens_on_a_network(tmp_path: Path, starter: Starter, environment: dict[str, str]) -> None:
    done = starter.run("-c", LOOK, "--multirun", "cell=rnn,lstm", *TINY, cwd=tmp_path, env=environment)
    assert (done.returncode, done.stderr) == (0, "0 sockets\n0 sockets\n")
