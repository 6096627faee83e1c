"""Processes that are killed, or meet another one at the same work."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

import psutil

from faults.outcome import Bench, Outcome, need
from faults.sweep import HARD, Done
from seqexp.record.record import RESULT

DIE = """
import os, pathlib, signal, sys
name, mode, left = sys.argv.pop(1), sys.argv.pop(1), int(sys.argv.pop(1))
replace = os.replace
def kill(source, target):
    global left
    if pathlib.Path(target).name == name:
        left -= 1
        if left == 0:
            if mode == "half":
                os.truncate(source, os.path.getsize(source) // 2)
            if mode == "after":
                replace(source, target)
            os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)
os.replace = kill
if hasattr(os, "rename"):
    os.rename = kill
from seqexp.__main__ import main
main()
"""
"""A seqexp that kills itself as it puts the nth file of a name in place: half written, just before, or just after."""


def kill(bench: Bench) -> Outcome:
    """Kills the whole process group at moments that are uniform over the time of an undisturbed sweep."""
    outcome = Outcome("`kill -9` of all its processes at random moments of the sweep")
    original, seconds = bench.undisturbed()
    times = bench.times or 50
    for _ in range(2 * times):  # a sweep takes several kills, as a rule
        sweep = bench.sweep()
        while outcome.times < times:
            before, process = sweep.finished(), sweep.start()
            try:
                text, _ = process.communicate(timeout=bench.chance.uniform(0, seconds))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                outcome.times += 1
                outcome.count_again(sweep, before)
                continue
            outcome.expect(process.returncode == 0, f"ended with {process.returncode}: {text[-2000:]}")
            outcome.check(sweep, original, before)
            break
        else:
            outcome.settle(sweep, original)
            break
        print(f"kill: {outcome.times} of {times}", file=sys.stderr, flush=True)
    return outcome


def kill_writing(bench: Bench) -> Outcome:
    """Kills the process while a certain file is put in place, one after another in the same sweep."""
    outcome = Outcome("`kill -9` of itself with a file half written, whole but not in place, just in place")
    original = bench.original(HARD)
    names = ("claim.json", "last.ckpt", "last.ckpt", "best.ckpt", "curves.csv", "predictions.npz", RESULT)
    points = [(name, mode) for name in names for mode in ("half", "before", "after")]
    times = bench.times or 2 * len(points)
    for _ in range(times):
        if outcome.times >= times:
            break
        sweep = bench.sweep(HARD)
        for name, mode in points * 2:  # the first round meets the first run, the second the second
            nth = bench.chance.randint(1, 4) if name == "last.ckpt" else 1
            process = sweep.start(code=("-c", DIE, name, mode, str(nth)))
            text, _ = process.communicate(timeout=600)
            outcome.times += process.returncode == -signal.SIGKILL
            right = process.returncode == -signal.SIGKILL or name == "last.ckpt"  # training may end before the nth
            outcome.expect(right, f"{name}, {mode}: ended with {process.returncode}: {text[-2000:]}")
            if outcome.times >= times or process.returncode == 0:
                break
        outcome.settle(sweep, original)
    return outcome


def two_at_once(bench: Bench) -> Outcome:
    """Gives the same command twice at the same moment."""
    outcome = Outcome("the same command twice at the same moment")
    original = bench.original()
    for _ in range(3):
        sweep = bench.sweep()
        processes = [sweep.start() for _ in range(2)]
        ends = sorted((process.returncode, text) for process in processes for text in [process.communicate()[0]])
        outcome.times += 1
        outcome.expect([status for status, _ in ends] == [0, 2], f"ended with {ends}")
        outcome.expect("another process is at work" in ends[1][1], f"the second said {ends[1][1]}")
        outcome.settle(sweep, original)
    return outcome


def worker(bench: Bench) -> Outcome:
    """Kills one process of a sweep that joblib spreads over two."""
    need("hydra_plugins.hydra_joblib_launcher", "parallel")
    outcome = Outcome("`kill -9` of one joblib worker during `hydra/launcher=joblib`")
    original, seconds = bench.undisturbed()
    for _ in range(3):
        sweep = bench.sweep()
        process = sweep.start("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
        moment = time.monotonic() + seconds * bench.chance.uniform(0.5, 1.0)
        victims: list[psutil.Process] = []
        while process.poll() is None and not (victims and time.monotonic() > moment):
            time.sleep(0.05)
            with contextlib.suppress(psutil.Error):
                children = psutil.Process(process.pid).children(recursive=True)
                victims = [each for each in children if "LokyProcess" in " ".join(each.cmdline())]
        if process.poll() is None:
            bench.chance.choice(victims).kill()
            outcome.times += 1
        text, _ = process.communicate(timeout=600)
        outcome.expect(process.returncode in (0, 1), f"status {process.returncode}: {text[-2000:]}")
        outcome.expect_clear(Done(process.returncode, text), "worker")
        outcome.settle(sweep, original)
    return outcome
