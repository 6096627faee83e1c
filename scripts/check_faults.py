"""Is anything lost when a sweep is killed, or its disk fills up? Breaks sweeps for real and prints a Markdown table.

    python scripts/check_faults.py                         # every fault; a quarter of an hour on one core
    python scripts/check_faults.py kill --times 50         # one of them
    python scripts/check_faults.py damaged nan --out table

After each fault the same command is given again until it ends by itself, and what it left is held against a sweep that
nobody disturbed: every score, `curves.csv` byte by byte, the arrays of `predictions.npz`, and TensorBoard's scalars,
one for each epoch. Exit status 1 if anything was lost, counted twice or different, or if a traceback was shown.

`full-disk` and `read-only` mount a small tmpfs, which needs root on Linux; `worker` needs `seqexp[parallel]`. Where
that is missing, the fault is left out and the table says so.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import functools
import importlib.util
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seqexp.record.record import RESULT, Record, RecordError, find

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

Scores = dict[tuple[str, int, str], Any]


class NotHereError(Exception):
    """This machine cannot try the fault."""


@dataclass
class Outcome:
    """A row of the table.

    Attributes:
        how: how the fault is brought about.
        times: how often it was.
        lost: pairs of cell and seed without a finished run, in the end.
        twice: pairs of cell and seed that two runs have, or that were trained again though finished.
        different: values that are not those of the undisturbed sweep.
        wrong: everything else that is not as promised.
    """

    how: str
    times: int = 0
    lost: int = 0
    twice: int = 0
    different: int = 0
    wrong: list[str] = field(default_factory=list)

    def expect(self, right: bool, what: str) -> None:
        """Notes what is not as promised."""
        if not right:
            self.wrong.append(what)
            print(f"WRONG: {what}", file=sys.stderr, flush=True)

    def count_again(self, sweep: Sweep, before: dict[Path, bytes]) -> None:
        """Counts the runs that had finished before and have been trained again, or are gone."""
        now = sweep.finished()
        self.twice += sum(now.get(path) != content for path, content in before.items())

    def settle(self, sweep: Sweep, original: Scores) -> None:
        """Gives the command again, and holds what there is then against the undisturbed sweep."""
        before = sweep.finished()
        done = sweep.run()
        self.expect(done.status == 0, f"the last command ended with {done.status}: {done.text[-2000:]}")
        self.check(sweep, original, before)

    def check(self, sweep: Sweep, original: Scores, before: dict[Path, bytes]) -> None:
        """Holds what there is against the undisturbed sweep, and against the runs that had finished before."""
        found, seeds = sweep.scores(), sweep.seeds()
        wanted = {(cell, seed) for cell, seed, _ in original if cell != "comparison"}
        self.lost += len(wanted - set(seeds))
        self.twice += sum(count - 1 for count in seeds.values())
        self.count_again(sweep, before)
        wrong = [key for key in original.keys() | found.keys() if original.get(key) != found.get(key)]
        self.different += len(wrong)
        self.expect(not wrong, f"different: {sorted(wrong, key=str)[:9]} in {sweep.folder}")
        parts = [path.name for path in sweep.folder.glob("*/**/*.part")]
        self.expect(not parts, f"left behind: {parts[:3]}")


@dataclass(frozen=True)
class Done:
    """How a command ended; `text` is all that it said on the console."""

    status: int
    text: str


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
        self.home.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, *code, "--multirun", "sweep.name=mine", *self.overrides, *more]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.Popen(
            command, cwd=self.home, env=environment, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options,
        )  # fmt: skip

    def run(self, *more: str, **options: Any) -> Done:
        """Gives the command and waits for its end."""
        process = self.start(*more, **options)
        text, _ = process.communicate(timeout=600)
        return Done(process.returncode, text)

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


class Bench:
    """Where the faults are tried: a folder, chance with a seed, and the undisturbed sweeps."""

    def __init__(self, folder: Path, times: int | None, seed: int) -> None:
        self.folder = folder
        self.times = times
        self.chance = random.Random(seed)
        self.count = 0
        self._undisturbed: dict[tuple[str, ...], tuple[Scores, float]] = {}

    def sweep(self, overrides: Sequence[str] = PLAIN, home: Path | None = None) -> Sweep:
        """A new sweep."""
        self.count += 1
        return Sweep(home or self.folder / f"sweep{self.count}", overrides)

    def original(self, overrides: Sequence[str] = PLAIN) -> Scores:
        """What the sweep gives when nobody disturbs it."""
        return self.undisturbed(overrides)[0]

    def undisturbed(self, overrides: Sequence[str] = PLAIN) -> tuple[Scores, float]:
        """The same, and the seconds that it takes."""
        key = tuple(overrides)
        if key not in self._undisturbed:
            self.sweep(overrides).run()  # the first time, files come from the disk
            sweep, start = self.sweep(overrides), time.monotonic()
            done = sweep.run()
            seconds = time.monotonic() - start
            if done.status:
                raise RuntimeError(f"the undisturbed sweep ended with {done.status}: {done.text}")
            self._undisturbed[key] = sweep.scores(), seconds
        return self._undisturbed[key]


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


@contextlib.contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Callable[[str], None]]:
    """Mounts a tmpfs; yields what mounts it anew with other options.

    Raises:
        NotHereError: that is not allowed here.
    """
    folder.mkdir(parents=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        raise NotHereError(f"no tmpfs can be mounted here ({done.stderr.strip()})")

    def again(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)

    try:
        yield again
    finally:
        subprocess.run(["umount", folder], check=True)


def full_disk(bench: Bench) -> Outcome:
    """Lets the disk be full at different stages, enlarges it, and goes on."""
    outcome = Outcome("the sweep's folder on a tmpfs of 8 KiB to 1 MiB; then the disk is enlarged")
    original = bench.original()
    for size in (8, 32, 64, 96, 160, 256, 384, 512, 768, 1024):
        home = bench.folder / f"disk{size}"
        with small_disk(home, f"size={size}k") as remount:
            sweep = bench.sweep(home=home)
            done = sweep.run()
            outcome.times += 1
            outcome.expect(done.status in (1, 2), f"{size} KiB: status {done.status}")
            _expect_clear(outcome, done, f"{size} KiB")
            for path in sweep.folder.rglob(RESULT):
                outcome.expect(_is_json(path), f"{size} KiB: {path} is half written")
            remount("size=64m")
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


def read_only(bench: Bench) -> Outcome:
    """Gives the command where nothing can be written, before the sweep and in its midst."""
    outcome = Outcome("the sweep's folder on a tmpfs mounted read-only, empty and half done")
    original = bench.original()
    with small_disk(bench.folder / "read-only", "size=64m") as remount:
        sweep = bench.sweep(home=bench.folder / "read-only")
        half = Sweep(sweep.home, ("cell=rnn", *PLAIN[1:]))
        for prepare in (None, half):
            if prepare is not None:
                prepare.run()
            remount("ro")
            done = sweep.run()
            outcome.times += 1
            outcome.expect(done.status == 2, f"status {done.status}")
            outcome.expect(done.text.count("\n") == 1, f"more than a line: {done.text}")
            remount("rw")
        outcome.settle(sweep, original)
    return outcome


def damaged(bench: Bench) -> Outcome:
    """Empties, cuts and overwrites the files of a finished and of an unfinished run."""
    outcome = Outcome("`last.ckpt`, `claim.json`, `result.json`: empty, cut in half, noise; finished and unfinished")
    original = bench.original()
    damage: dict[str, Callable[[bytes], bytes]] = {
        "empty": lambda content: b"",
        "cut": lambda content: content[: len(content) // 2],
        "noise": lambda content: bench.chance.randbytes(len(content)),
    }
    sweep = bench.sweep()
    outcome.settle(sweep, original)
    for name in ("checkpoints/last.ckpt", "claim.json", RESULT):
        for kind, change in damage.items():
            for is_finished in (True, False):
                run = next(iter(sweep.folder.glob("cell=lstm*")))
                if not is_finished and name == RESULT:
                    continue  # an unfinished run has none
                if not is_finished:
                    (run / RESULT).unlink()
                (run / name).write_bytes(change((run / name).read_bytes()))
                done = sweep.run()
                outcome.times += 1
                _expect_clear(outcome, done, f"{name} {kind}")
                outcome.expect(done.status == 0, f"{name} {kind}: status {done.status}: {done.text[-500:]}")
                outcome.check(sweep, original, {})
    return outcome


def nan(bench: Bench) -> Outcome:
    """Lets one setting diverge."""
    outcome = Outcome("a setting whose loss becomes NaN, beside one that does not: `optimizer.lr=1e30`")
    common = ("cell=rnn", *SMALL, "optimizer=sgd")
    right = Sweep(bench.folder / "nan-alone", (*common, "optimizer.lr=0.01"))
    outcome.expect(right.run().status == 0, "the setting that does not diverge failed")
    both = bench.sweep((*common, "optimizer.lr=0.01,1e30"))
    done = both.run()
    outcome.times += 1
    outcome.expect(done.status == 0, f"status {done.status}: {done.text[-2000:]}")
    _expect_clear(outcome, done, "nan")
    records = {record.config["optimizer"]["lr"]: (folder, record) for folder, record in both.records()}
    outcome.expect(len(records) == 2, "a record is missing")
    folder, broken = records[1e30]
    outcome.expect(json.loads((folder / RESULT).read_text())["test_mse"] == [None] * 3, "the scores are not null")
    outcome.expect(broken.diverged == broken.seeds, "the seeds are not said to have diverged")
    _, kept = records[0.01]
    ((_, alone),) = right.records()
    outcome.different += kept.test_mse != alone.test_mse
    outcome.lost += len(set(alone.seeds) - set(kept.seeds))
    text = (both.folder / "comparison.md").read_text()
    outcome.expect("0.01 was picked" in text or "diverged" in text, "the comparison does not say what diverged")
    return outcome


def memory(bench: Bench) -> Outcome:
    """Asks for more memory than there is, and forbids a run the memory that it was promised."""
    outcome = Outcome("`num_seeds=100000000`; and `RLIMIT_AS` so tight that one run of two fails")
    done = bench.sweep((*PLAIN[:1], *SMALL[1:], "num_seeds=100000000")).run()
    outcome.times += 1
    outcome.expect(done.status == 2 and done.text.count("\n") == 1, f"{done.status}: {done.text[-2000:]}")
    cells = ("data.batch_size=null", "trainer.max_epochs=1", "num_seeds=3", "cell=lstm", "data.length=150")
    small = Sweep(bench.folder / "small", (*cells, "cell.hidden_size=8"))
    done = small.run()
    outcome.expect(done.status == 0, f"{done.status}: {done.text[-2000:]}")
    both = bench.sweep((*cells, "cell.hidden_size=2800,8"))
    peak = _peak_address_space(small)
    limit = functools.partial(resource.setrlimit, resource.RLIMIT_AS, (peak + 500 * 2**20, peak + 500 * 2**20))
    done = both.run(preexec_fn=limit)
    outcome.times += 1
    outcome.expect(done.status in (1, 2), f"status {done.status}: {done.text[-2000:]}")
    _expect_clear(outcome, done, "memory")
    if done.status == 1:
        scores = [record.test_mse for _, record in both.records()]
        ((_, alone),) = small.records()
        outcome.lost += not scores
        outcome.different += scores != [alone.test_mse]
    return outcome


def worker(bench: Bench) -> Outcome:
    """Kills one process of a sweep that joblib spreads over two."""
    if importlib.util.find_spec("hydra_plugins.hydra_joblib_launcher") is None:
        raise NotHereError("hydra-joblib-launcher is not installed")
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
        _expect_clear(outcome, Done(process.returncode, text), "worker")
        outcome.settle(sweep, original)
    return outcome


def _expect_clear(outcome: Outcome, done: Done, when: str) -> None:
    traceback = re.search(r"Traceback|Logging error|Segmentation|core dumped", done.text)
    outcome.expect(traceback is None, f"{when}: a traceback on the console:\n{done.text[-3000:]}")


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text())
    except ValueError:
        return False
    return True


def _peak_address_space(sweep: Sweep) -> int:
    """Bytes of address space that a sweep takes at its peak, from running it once more elsewhere."""
    process = Sweep(sweep.home.with_name("peak"), sweep.overrides).start()
    peak = 0
    while process.poll() is None:
        with contextlib.suppress(OSError, IndexError):
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = max(peak, int(status.split("VmPeak:")[1].split()[0]) * 1024)
        time.sleep(0.02)
    process.communicate()
    return peak


FAULTS: dict[str, Callable[[Bench], Outcome]] = {
    "kill": kill,
    "kill-writing": kill_writing,
    "full-disk": full_disk,
    "two-at-once": two_at_once,
    "read-only": read_only,
    "damaged": damaged,
    "nan": nan,
    "memory": memory,
    "worker": worker,
}

HEAD = (
    "| fault | how injected | times | runs lost | counted twice | different numbers | otherwise wrong | to repeat |\n"
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |"
)


def main() -> int:
    """Tries the faults and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"of {', '.join(FAULTS)}; all where none is named")
    parser.add_argument("--times", type=int, help="how many kills (50) and kills while writing (42)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--out", type=Path, help="a folder for faults.md")
    options = parser.parse_args()
    unknown = set(options.faults) - FAULTS.keys()
    if unknown:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}")
    lines, wrong = [HEAD], []
    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory(prefix="faults") as folder:
        for name in options.faults or FAULTS:
            times = f" --times {options.times}" if options.times and name.startswith("kill") else ""
            repeat = f"`python scripts/check_faults.py {name}{times}`"
            bench = Bench(Path(folder) / name, options.times, options.seed)
            try:
                found = FAULTS[name](bench)
            except NotHereError as reason:
                lines.append(f"| {name} | not tried: {reason} | 0 | – | – | – | – | {repeat} |")
            else:
                counts = [found.lost, found.twice, found.different, len(found.wrong)]
                wrong += [f"{name}: {each}" for each in found.wrong]
                wrong += [f"{name}: {counts}"] * any(counts)
                cells = [name, found.how, found.times, *counts, repeat]
                lines.append(f"| {' | '.join(map(str, cells))} |")
            print(lines[-1], flush=True)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "faults.md").write_text("\n".join(lines) + "\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
