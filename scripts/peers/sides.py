"""The sides of a comparison: what is run, with how many threads. A side is called without arguments and measures once.

Every measurement has `seconds`, the time of a whole process, and whatever the process says of itself.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from peers.measure import Measured, run
from peers.work import overrides

Side = Callable[[], Measured]

PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE"}
"""What `python -m seqexp` sets for itself, for programs that time its parts; not for rivals."""


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def run_seqexp(
    settings: Sequence[str],
    threads: int | None = None,
    all_of_them: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Measured:
    """One run of `python -m seqexp` from its start to its exit, in a folder that is thrown away.

    Args:
        settings: its command line.
        threads: the most that it may choose; None leaves all to it.
        all_of_them: takes this choice away from it: it takes so many.
        environment: further variables.
    """
    program = "peers.threaded" if all_of_them else "seqexp"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "run"
        command = [sys.executable, "-m", program, *settings, f"hydra.run.dir={folder}"]
        child = run(command, threads, environment={**(PASSIVE if all_of_them else {}), **(environment or {})})
        record = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return {
        "seconds": child.seconds,
        "train_seconds": record["train_seconds"],
        "test_mse": sum(record["test_mse"]) / len(record["test_mse"]),
        "epochs": record["epochs"],
        "peak_mib": child.peak_mib,
    }


def run_program(
    name: str,
    *arguments: str,
    python: str = sys.executable,
    threads: int | None = None,
    pinned: int | None = None,
    passive: bool = False,
) -> Measured:
    """One run of a program of this folder from its start to its exit.

    Args:
        name: of its file.
        arguments: its command line.
        python: the interpreter.
        threads: OMP_NUM_THREADS.
        pinned: keeps it on so many cores.
        passive: as seqexp's own processes, its waiting threads do not spin.
    """
    command = [python, "-m", f"peers.{name}", *arguments]
    child = run(command, threads, pinned, PASSIVE if passive else None)
    return {"seconds": child.seconds, "peak_mib": child.peak_mib, **child.answer}


def seqexp(
    work: str,
    cell: str,
    seeds: int,
    threads: int | None = None,
    all_of_them: bool = False,
    extra: Sequence[str] = (),
) -> Side:
    """The whole of seqexp as the user has it: everything on, and a validation split."""
    settings = [*overrides(work), f"cell={cell}", f"num_seeds={seeds}", *extra]
    return functools.partial(run_seqexp, settings, threads, all_of_them)


def bare(work: str, cell: str, seeds: int, threads: int, device: str = "cpu") -> Side:
    """Its model and optimiser alone, in the smallest loop."""
    arguments = ("--work", work, "--cell", cell, "--device", device, f"num_seeds={seeds}")
    return functools.partial(run_program, "bare", *arguments, threads=threads, passive=True)


def loop(work: str, cell: str, seeds: int, threads: int = 1, processes: int = 1, device: str = "cpu") -> Side:
    """One torch.nn training loop per seed, in one process or shared out among several."""
    arguments = ("--work", work, "--cell", cell, "--seeds", str(seeds), "--device", device)
    return functools.partial(run_program, "loop", *arguments, "--processes", str(processes), threads=threads)


def vmap(work: str, cell: str, seeds: int, threads: int, device: str = "cpu") -> Side:
    """torch.func."""
    arguments = ("--work", work, "--cell", cell, "--seeds", str(seeds), "--device", device)
    return functools.partial(run_program, "vmap", *arguments, threads=threads)


def jax(python: str, work: str, cell: str, seeds: int, threads: int | None = None) -> Side:
    """JAX; kept on so many cores where a number of threads is given, as XLA takes one for each core it sees."""
    arguments = ("--work", work, "--cell", cell, "--seeds", str(seeds))
    return functools.partial(run_program, "jax_scan", *arguments, python=python, pinned=threads)
