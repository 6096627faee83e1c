"""How times are taken: child processes, interleaved rounds, and the noise of the machine."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SCRIPTS = Path(__file__).resolve().parents[1]

Measured = dict[str, Any]
"""The numbers of one measurement, by name."""


class Child(NamedTuple):
    """A process from its start to its exit."""

    seconds: float
    peak_mib: float
    stdout: str
    stderr: str

    @property
    def answer(self) -> dict[str, Any]:
        """The line of JSON that a program of this folder ends with."""
        found: dict[str, Any] = json.loads(self.stdout.splitlines()[-1])
        return found


def run(
    command: Sequence[str],
    threads: int | None = None,
    cores: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Child:
    """Runs a program in a process of its own and waits for its exit.

    Args:
        command: program and arguments.
        threads: OMP_NUM_THREADS; None leaves it to the program.
        cores: keeps the process on so many cores; None allows all.
        environment: further variables.

    Raises:
        RuntimeError: it failed; the message ends with what it printed.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "MKL_"))}
    limits = {} if threads is None else {"OMP_NUM_THREADS": str(threads)}
    paths = [str(SCRIPTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    own = {"PYTHONPATH": os.pathsep.join(paths), **limits, **(environment or {})}
    allowed = os.sched_getaffinity(0)
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        try:
            os.sched_setaffinity(0, sorted(allowed)[-(cores or 0) :])  # the child inherits it
            start = time.perf_counter()
            process = subprocess.Popen(command, stdout=stdout, stderr=stderr, env={**inherited, **own})
        finally:
            os.sched_setaffinity(0, allowed)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        stdout.seek(0)
        stderr.seek(0)
        child = Child(seconds, usage.ru_maxrss / 1024, stdout.read(), stderr.read())
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}\nfailed with {process.returncode}:\n{child.stderr[-2000:]}")
    return child


class Noise:
    """How steady the machine is: one small fixed piece of work on one core, timed between all others."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.load: list[float] = []
        self.numbers = np.random.default_rng(0).standard_normal(200_000)

    def sample(self) -> None:
        """Times the work three times, and notes how busy the machine has been."""
        self.load.append(os.getloadavg()[0])
        for _ in range(3):
            start = time.perf_counter()
            np.sort(self.numbers.copy(), kind="heapsort")
            self.seconds.append(time.perf_counter() - start)

    @property
    def spread(self) -> float:
        """Interquartile range over median of the calibration times."""
        low, middle, high = np.percentile(self.seconds, [25, 50, 75])
        return float((high - low) / middle)

    def __str__(self) -> str:
        worst = max(self.seconds) / statistics.median(self.seconds)
        return (
            f"Noise of the machine: a fixed calibration kernel took {1e3 * statistics.median(self.seconds):.1f} ms, "
            f"interquartile range {self.spread:.0%} of that, worst {worst:.1f} times that "
            f"({len(self.seconds)} samples between the runs); "
            f"load average {min(self.load):.1f} to {max(self.load):.1f}, of which the benchmark itself is about 1 to 2."
        )


def interleave(sides: Mapping[str, Callable[[], Measured]], rounds: int, noise: Noise) -> dict[str, list[Measured]]:
    """Runs every side once, then every side again, and so on, so that a slow hour is slow for all.

    Returns:
        For each side its measurements, one per round.
    """
    results: dict[str, list[Measured]] = {name: [] for name in sides}
    for index in range(rounds):
        noise.sample()
        for name, side in sides.items():
            results[name].append(side())
            sys.stderr.write(f"  {name}, round {index + 1} of {rounds}: {_brief(results[name][-1])}\n")
    noise.sample()
    return results


def _brief(measured: Measured) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in measured.items() if isinstance(value, int | float))


def median(measured: Sequence[Measured], name: str = "seconds") -> float:
    """The median over rounds of one number."""
    return float(statistics.median(each[name] for each in measured))


def ratio(above: Sequence[Measured], below: Sequence[Measured], name: str = "seconds") -> float:
    """The median over rounds of the ratio of two sides that ran in the same round."""
    return float(statistics.median(a[name] / b[name] for a, b in zip(above, below, strict=True)))
