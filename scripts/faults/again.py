"""The same sweep again: spelt otherwise, wider, copied, or broken off at its start."""

from __future__ import annotations

import contextlib
import csv
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

from faults.outcome import Bench, Outcome, need
from faults.sweep import CELLS, SMALL, Sweep, end, start
from seqexp.record.record import RESULT

SUBDIRS = (
    "${hydra.job.num}", "${hydra.job.id}", "run-${hydra.job.num}", "${hydra.job.num}/of/${seed}", "${cell._target_}",
)  # fmt: skip
"""Spellings of `hydra.sweep.subdir` that number a sweep's runs, nest them, or name them by something else."""

SPELLINGS: tuple[tuple[str, ...], ...] = (
    ("data=sine",),
    ("seed=0", "cell.hidden_size=16"),
    ("optimizer=adam", "++optimizer.lr=0.005", "optimizer.eps=0.00000001"),
    ("checkpoint.every_seconds=0.0", "trainer=default", "data.noise=1e-1"),
)
"""What changes nothing when it is added to a command."""

SEARCH = (
    *("cell=rnn", "optimizer.lr=tag(log,interval(1e-3,1e-1))", "search.name=mine", "search.trials=3"),
    *("search.sampler=random", "num_seeds=2", "data.length=150", "trainer.max_epochs=3"),
    "trainer.enable_progress_bar=false",
)
MOMENTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
"""Seconds after its folder has appeared."""


def subdir(bench: Bench) -> Outcome:
    """Names a sweep's folders by a pattern, and gives a wider list the next day."""
    outcome = Outcome(f"a sweep with `hydra.sweep.subdir=` {len(SUBDIRS)} other patterns; then more cells, in front")
    original = bench.original()
    for pattern in SUBDIRS:
        sweep = bench.sweep(("cell=rnn,lstm", *SMALL, "checkpoint.every_seconds=0", f"hydra.sweep.subdir={pattern}"))
        done = sweep.run()
        outcome.times += 1
        if done.status == 2:
            outcome.expect_paragraph(done, pattern)
            continue
        outcome.expect(done.status == 0, f"{pattern}: status {done.status}: {done.text[-1000:]}")
        before = sweep.finished()
        for cells in ("gru,rnn,lstm", "gru,lstm"):
            wider = Sweep(sweep.home, (f"cell={cells}", *sweep.overrides[1:]))
            outcome.expect_clear(done := wider.run(), pattern)
            outcome.expect(done.status in (0, 2), f"{pattern}: status {done.status}: {done.text[-1000:]}")
            outcome.count_again(wider, before)
        usual = bench.sweep(home=sweep.home)  # the plain command finds what those have done
        outcome.settle(usual, original)
    return outcome


def spelling(bench: Bench) -> Outcome:
    """Kills a sweep, and gives the command that means the same."""
    outcome = Outcome(f"`kill -9`, then the same settings spelt otherwise, {len(SPELLINGS)} ways")
    original, seconds = bench.undisturbed()
    for more in SPELLINGS:
        sweep = bench.sweep()
        process = sweep.start()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(bench.chance.uniform(0.6, 0.95) * seconds)
        _kill(process)
        outcome.times += 1
        before, begun = sweep.finished(), _begun(sweep.folder)
        other = Sweep(sweep.home, (*sweep.overrides, *more))
        outcome.expect_clear(done := other.run(), str(more))
        outcome.expect(done.status == 0, f"{more}: status {done.status}: {done.text[-1000:]}")
        outcome.check(other, original, before)
        stranded = [folder.name for folder in begun if not (folder / RESULT).exists()]
        outcome.expect(not stranded, f"{more}: not gone on with: {stranded}")
    return outcome


def early(bench: Bench) -> Outcome:
    """Kills searches and sweeps within the first second."""
    need("optuna", "search")
    outcome = Outcome("`kill -9` of a search and of a sweep up to a second after its folder has appeared")
    whole = bench.folder / "search"
    done = end(start(whole, ("-m", "seqexp.search", *SEARCH)))
    outcome.expect(done.status == 0, f"the undisturbed search ended with {done.status}: {done.text[-1000:]}")
    wanted = _trials(whole)
    for moment in MOMENTS:
        home = bench.folder / f"search{moment}"
        _kill_at(start(home, ("-m", "seqexp.search", *SEARCH)), home, moment)
        done = end(start(home, ("-m", "seqexp.search", *SEARCH)))
        outcome.times += 1
        outcome.expect_clear(done, f"search, {moment} s")
        outcome.expect(done.status == 0, f"search, {moment} s: status {done.status}: {done.text[-1000:]}")
        outcome.different += _trials(home) != wanted
    original = bench.original()
    for moment in MOMENTS[::2]:
        sweep = bench.sweep()
        _kill_at(sweep.start(), sweep.home, moment)
        outcome.times += 1
        outcome.settle(sweep, original)
    return outcome


def copied(bench: Bench) -> Outcome:
    """Goes on with a copy of a sweep that lacks what begins with a dot, and where the folder went while it ran."""
    outcome = Outcome(
        "a sweep's copy without dotfiles, finished, half done and wider; `outputs/` removed while it runs"
    )
    original = bench.original()
    for cells in (",".join(CELLS), "rnn"):
        first = bench.sweep((f"cell={cells}", *SMALL, "checkpoint.every_seconds=0"))
        first.run()
        sweep = bench.sweep()
        shutil.copytree(first.folder, sweep.folder, ignore=shutil.ignore_patterns(".*"))
        outcome.times += 1
        outcome.settle(sweep, original)
    sweep = bench.sweep()
    process = sweep.start()
    _wait_for(process, sweep.home, "outputs/mine/*/claim.json")
    shutil.rmtree(sweep.home / "outputs", ignore_errors=True)
    done = end(process)
    outcome.times += 1
    outcome.expect_clear(done, "removed")
    outcome.expect(done.status in (0, 1, 2), f"removed: status {done.status}: {done.text[-1000:]}")
    outcome.settle(sweep, original)
    return outcome


def gaps(bench: Bench) -> Outcome:
    """Asks for seeds around those that have finished."""
    outcome = Outcome("seed 6, then seeds 3 and 4, then 0 to 7")
    common = ("cell=rnn", *SMALL[1:], "checkpoint.every_seconds=0")
    original = bench.original((*common, "seed=0", "num_seeds=8"))
    sweep = bench.sweep((*common, "seed=3", "num_seeds=2"))
    Sweep(sweep.home, (*common, "seed=6", "num_seeds=1")).run()
    for overrides in (sweep.overrides, (*common, "seed=0", "num_seeds=8")):
        wider = Sweep(sweep.home, overrides)
        before = wider.finished()
        outcome.times += 1
        done = wider.run()
        outcome.expect(done.status == 0, f"{overrides[-2:]}: status {done.status}: {done.text[-1000:]}")
        outcome.count_again(wider, before)
    outcome.check(wider, original, before, only=("scores", "epochs", "rows"))
    return outcome


def _begun(folder: Path) -> list[Path]:
    """Folders of runs that have a checkpoint, and may have ended."""
    return [path.parents[1] for path in folder.rglob("last.ckpt")]


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _wait_for(process: subprocess.Popen[str], home: Path, pattern: str) -> None:
    while process.poll() is None and not any(home.glob(pattern)):
        time.sleep(0.005)


def _kill_at(process: subprocess.Popen[str], home: Path, moment: float) -> None:
    """Kills a process so many seconds after its folder has appeared."""
    _wait_for(process, home, "outputs/mine")
    time.sleep(moment)
    _kill(process)


def _trials(home: Path) -> Counter[tuple[str, ...]]:
    """The rows of a search's table, but for how long each took, and of its comparison."""
    found: Counter[tuple[str, ...]] = Counter()
    for name in ("trials.csv", "comparison.csv"):
        with contextlib.suppress(FileNotFoundError):
            rows = csv.DictReader((home / "outputs/mine" / name).read_text().splitlines())
            found.update(tuple(f"{key}={row[key]}" for key in row if "seconds" not in key) for row in rows)
    return found
