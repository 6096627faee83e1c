"""A program that is told to end says so in one line, with the right status, and its training loses no whole epoch."""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqexp.record.record import Record
from seqexp.run import run
from seqexp.signals import ECHO_SECONDS, Ending, Terminated
from seqexp.sweep.sweep import STOP
from tests.forked import Forked, Starter

LONG = ("num_seeds=2", "data.length=120", "cell.hidden_size=4", "trainer.max_epochs=10000000")
SWEEP = ("-m", "seqexp", "--multirun", "sweep.name=mine")
PLACE = Path("outputs/mine")


Process = Forked | subprocess.Popen[str]


def start(folder: Path, environment: dict[str, str], *arguments: str, before: str = "") -> subprocess.Popen[str]:
    """Starts a Python that imports everything; `before` is shell code, such as a trap."""
    line = f'{before} exec "$0" "$@"'
    return subprocess.Popen(
        ["sh", "-c", line, sys.executable, *arguments],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait(process: Process, condition: Callable[[], Any]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)
    time.sleep(0.5)


def end(process: Process, number: int) -> tuple[int, str, str]:
    """Sends the signal; returns status, output and errors."""
    try:
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    return process.returncode, out, err


def trains(folder: Path, count: int = 1) -> Callable[[], bool]:
    return lambda: len(list(folder.rglob("*tfevents*"))) >= count


# ---------------------------------------------------------------- whole programs


@pytest.mark.parametrize(
    ("name", "arguments"), [("SIGHUP", ("-m", "seqexp")), ("SIGTERM", (*SWEEP, "cell=rnn,lstm"))], ids=["run", "sweep"]
)
def test_a_signal_ends_with_one_line_the_right_status_and_the_last_epoch(
    tmp_path: Path, starter: Starter, environment: dict[str, str], name: str, arguments: tuple[str, ...]
) -> None:
    given = (*arguments, *LONG, "checkpoint.every_seconds=1000")
    process: Process = (
        start(tmp_path, environment, *given)
        if name == "SIGHUP"
        else starter.start(*given, cwd=tmp_path, env=environment)
    )
    wait(process, trains(tmp_path))
    status, out, err = end(process, signal.Signals[name])
    assert (status, out) == (128 + signal.Signals[name], "")
    assert re.fullmatch(rf"seqexp: ended by {name}; [^\n]*\n", err)
    assert len(list(tmp_path.rglob("last.ckpt"))) == 1
    assert not list(tmp_path.rglob("result.json"))
    (log,) = tmp_path.rglob("seqexp.log")
    assert f"ended by {name}" in log.read_text()


def test_a_run_that_goes_on_after_a_signal_has_the_bits_of_an_undisturbed_one(
    tmp_path: Path, starter: Starter, environment: dict[str, str]
) -> None:
    settings = ("num_seeds=2", "data.length=120", "trainer.max_epochs=400", "checkpoint.every_seconds=1000")
    process = starter.start(*SWEEP, *settings, cwd=tmp_path, env=environment)
    wait(process, trains(tmp_path))
    status, _, err = end(process, signal.SIGTERM)
    assert status == 143, err
    process = starter.start(*SWEEP, *settings, cwd=tmp_path, env=environment)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    run(settings, tmp_path / "whole")
    found = []
    for name in ("whole", "outputs"):
        (path,) = tmp_path.joinpath(name).rglob("result.json")
        record = Record.read(path.parent)
        with np.load(path.parent / "predictions.npz") as arrays:
            predictions = arrays["predictions"].tobytes()
        curves = (path.parent / "curves.csv").read_text()
        found.append((record.train_mse, record.val_mse, record.test_mse, record.best_epoch, curves, predictions))
        if name == "outputs":
            assert "Restored all states from the checkpoint" in (path.parent / "seqexp.log").read_text()
    assert found[0] == found[1]


def test_what_is_ignored_stays_ignored(tmp_path: Path, environment: dict[str, str]) -> None:
    process = start(tmp_path, environment, "-m", "seqexp", *LONG, before="trap '' HUP;")  # as nohup does
    wait(process, trains(tmp_path))
    process.send_signal(signal.SIGHUP)
    time.sleep(1)
    assert process.poll() is None
    status, _, err = end(process, signal.SIGTERM)
    assert status == 143, err


def test_timeout_which_sends_each_signal_twice_lets_the_last_epoch_be_saved(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    command = ["timeout", "--preserve-status", "8", sys.executable, "-m", "seqexp", *LONG]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 143, done.stderr
    assert re.fullmatch(r"seqexp: ended by SIGTERM; [^\n]*\n", done.stderr)


def test_joblibs_workers_save_their_runs(tmp_path: Path, starter: Starter, environment: dict[str, str]) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    launcher = (
        "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
        "cell=rnn,lstm,gru",
        "checkpoint.every_seconds=1000",
    )
    process = starter.start(*SWEEP, *launcher, *LONG, cwd=tmp_path, env=environment)
    wait(process, trains(tmp_path, 2))
    status, _, err = end(process, signal.SIGTERM)
    assert status == 143, err
    assert err.count("ended by SIGTERM; ") == 1
    assert len(list(tmp_path.rglob("last.ckpt"))) == 2
    assert (tmp_path / PLACE / STOP).read_text() == "ended by SIGTERM"


def test_a_search_says_how_to_go_on(tmp_path: Path, environment: dict[str, str]) -> None:
    pytest.importorskip("optuna")
    arguments = ("-m", "seqexp.search", "search.name=mine", "optimizer.lr=tag(log, interval(1e-3,1e-1))")
    process = start(tmp_path, environment, *arguments, *LONG)
    wait(process, lambda: (tmp_path / PLACE / "search.log").is_file())
    time.sleep(1)
    status, out, err = end(process, signal.SIGTERM)
    assert (status, out) == (143, "")
    assert re.fullmatch(
        r"seqexp: ended by SIGTERM\. [^\n]*: python -m seqexp\.search [^\n]*search\.name=mine[^\n]*\n", err
    )


# ---------------------------------------------------------------- who listens


def send(number: int = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0.01)


def test_it_raises_where_the_program_stands() -> None:
    before, went_on = signal.getsignal(signal.SIGTERM), False

    def work() -> None:
        nonlocal went_on
        with Ending(at_once=True):
            send()
            went_on = True

    with pytest.raises(Terminated, match="ended by SIGTERM") as raised:
        work()
    assert (raised.value.code, went_on) == (143, False)
    assert signal.getsignal(signal.SIGTERM) is before


def test_it_can_be_asked_and_ends_with_its_context_at_the_latest() -> None:
    heard = []

    def work() -> None:
        with Ending(at_once=True) as outer, Ending(at_once=False) as inner:
            send()
            send()  # an echo
            heard.extend([inner.received, outer.received])

    with pytest.raises(Terminated):
        work()
    assert heard == [signal.SIGTERM, signal.SIGTERM]


def test_a_second_signal_ends_the_process_at_once(environment: dict[str, str]) -> None:
    code = (
        "import os, signal, time\nfrom seqexp.signals import Ending\nwith Ending(at_once=False):\n"
        f"    os.kill(os.getpid(), 15)\n    time.sleep({ECHO_SECONDS + 0.1})\n    os.kill(os.getpid(), 15)\n"
        "    time.sleep(9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (-signal.SIGTERM, "")


def test_others_handlers_stay_and_are_put_back() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        with Ending(at_once=True) as ending:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a library's own idea
            ending.listen()
            send()
        assert heard == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_worker_can_send_it_home() -> None:
    copy = pickle.loads(pickle.dumps(Terminated(signal.SIGHUP)))
    assert (str(copy), copy.code) == ("ended by SIGHUP", 129)
