"""Signals that ask a program to end, and places that take no output."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

from faults.again import SEARCH
from faults.outcome import Bench, Outcome, need
from faults.sweep import CELLS, SMALL, Done, end, start

LONG = ("num_seeds=3", "data.length=400", "trainer.max_epochs=400", "trainer.enable_progress_bar=false")
"""Some seconds of training for each run, and no checkpoint in between."""

ENCODINGS = ("latin-1", "cp1252", "ascii")
STREAMS = {
    "| head -1": "| head -1",
    "`>&-`": ">&-",
    "`2>&-`": "2>&-",
    "both closed": ">&- 2>&-",
    "`> /dev/full`": "> /dev/full",
}
"""What a shell does with the output."""

BASH = "import os, sys; os.execvp('bash', ['bash', '-c', sys.argv[1]])"


def signals(bench: Bench) -> Outcome:
    """Ends runs, sweeps and searches by SIGTERM and SIGHUP."""
    need("optuna", "search")
    outcome = Outcome("SIGTERM and SIGHUP to a run, a sweep and a search in the midst of training")
    sweep = (f"cell={','.join(CELLS[:2])}", *LONG)
    original = bench.original(sweep)
    for number in (signal.SIGTERM, signal.SIGHUP):
        home = bench.folder / f"run{number}"
        done = _signal(start(home, ("-m", "seqexp", "hydra.run.dir=outputs/mine", *LONG)), home, number)
        _expect_end(outcome, done, number, "run")
        outcome.expect((home / "outputs/mine/checkpoints/last.ckpt").exists(), f"run, {number.name}: no checkpoint")
        tried = bench.sweep(sweep)
        done = _signal(tried.start(), tried.home, number)
        _expect_end(outcome, done, number, "sweep")
        outcome.expect(any(tried.folder.rglob("last.ckpt")), f"sweep, {number.name}: no checkpoint")
        outcome.settle(tried, original)
        home = bench.folder / f"search{number}"
        search = ("-m", "seqexp.search", *SEARCH, "trainer.max_epochs=200", "data.length=400")
        _expect_end(outcome, _signal(start(home, search), home, number), number, "search")
        done = end(start(home, search))
        outcome.expect(done.status == 0, f"search, {number.name}, again: status {done.status}: {done.text[-1000:]}")
        outcome.times += 3
    return outcome


def _signal(process: subprocess.Popen[str], home: Path, number: signal.Signals) -> Done:
    """Sends a signal when training has been going on for a moment."""
    while process.poll() is None and not any(home.rglob("claim.json")) and not any(home.rglob("search.db")):
        time.sleep(0.02)
    time.sleep(1.0)
    process.send_signal(number)
    return end(process, 60)


def _expect_end(outcome: Outcome, done: Done, number: signal.Signals, what: str) -> None:
    when = f"{what}, {number.name}"
    outcome.expect_clear(done, when)
    outcome.expect(done.status == 128 + number, f"{when}: status {done.status}")
    said = [line for line in done.text.splitlines() if line.startswith("seqexp:")]
    outcome.expect(len(said) == 1, f"{when}: said {done.text[-500:]!r}")


def streams(bench: Bench) -> Outcome:
    """Runs a sweep and a run whose output goes nowhere, or has no letters for what is said."""
    outcome = Outcome("`PYTHONIOENCODING=` latin-1, cp1252, ascii; `\\| head -1`, `>&-`, `2>&-`, both, `> /dev/full`")
    original = bench.original()
    for encoding in ENCODINGS:
        sweep = bench.sweep()
        done = end(sweep.start(env={"PYTHONIOENCODING": encoding}, encoding=encoding))
        outcome.expect(done.status == 0, f"{encoding}: status {done.status}: {done.text[-1000:]}")
        outcome.expect_clear(done, encoding)
        outcome.check(sweep, original, {})
        home = bench.folder / encoding
        done = end(start(home, ("-m", "seqexp", *SMALL), env={"PYTHONIOENCODING": encoding}, encoding=encoding))
        outcome.expect(done.status == 0, f"{encoding}, a run: status {done.status}: {done.text[-1000:]}")
        outcome.times += 2
    for name, shell in STREAMS.items():
        sweep = bench.sweep()
        sweep.home.mkdir(parents=True)
        given = (sys.executable, "-m", "seqexp", "--multirun", "sweep.name=mine", *sweep.overrides)
        script = f"set -o pipefail; {shlex.join(given)} {shell}"
        done = end(start(sweep.home, ("-c", BASH, script)))
        outcome.expect(done.status in (0, 1), f"{name}: status {done.status}: {done.text[-1000:]}")
        outcome.expect_clear(done, name)
        outcome.check(sweep, original, {})
        outcome.times += 1
    return outcome
