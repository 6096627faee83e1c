"""Disks that are full or read-only, files that are damaged, memory that is not there, a loss that becomes NaN."""

from __future__ import annotations

import contextlib
import functools
import json
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from faults.outcome import Bench, NotHereError, Outcome
from faults.sweep import PLAIN, SMALL, Sweep
from seqexp.record.record import RESULT


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
            outcome.expect_clear(done, f"{size} KiB")
            for path in sweep.folder.rglob(RESULT):
                outcome.expect(_is_json(path), f"{size} KiB: {path} is half written")
            remount("size=64m")
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
                outcome.expect_clear(done, f"{name} {kind}")
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
    outcome.expect_clear(done, "nan")
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
    outcome = Outcome("`cell.hidden_size=1000000`; and `RLIMIT_AS` so tight that one run of two fails")
    done = bench.sweep((*PLAIN[:1], *SMALL, "cell.hidden_size=1000000")).run()
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
    outcome.expect_clear(done, "memory")
    if done.status == 1:
        scores = [record.test_mse for _, record in both.records()]
        ((_, alone),) = small.records()
        outcome.lost += not scores
        outcome.different += scores != [alone.test_mse]
    return outcome


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
