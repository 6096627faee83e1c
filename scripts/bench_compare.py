"""Time and peak memory of comparing many runs: `python scripts/bench_compare.py --runs 10000 --seeds 10`.

The records are synthetic and lie in a temporary folder. Three shapes: many settings of few cells, one setting
of two cells over very many seeds, and many data sets of two cells.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from seqexp.record.record import PARTS, Record

SHAPES = ("settings", "seeds", "data")
_MEASURED = (
    "import sys, pathlib; from seqexp.compare import compare; "
    "folder = pathlib.Path(sys.argv[1]); compare(folder).write(folder)"
)


def make_record(rng: np.random.Generator, shape: str, index: int, runs: int, num_seeds: int) -> Record:
    """One synthetic run of the given shape."""
    cell = ("rnn", "lstm", "gru", "minimal", "linear")[index % (5 if shape == "settings" else 2)]
    first = (index // 2) * num_seeds if shape == "seeds" else 0
    level = 0.1 * (1 + 0.1 * (index % 5))
    scores = level * np.exp(0.1 * rng.standard_normal((3, num_seeds)))
    seeds = list(range(first, first + num_seeds))
    truth = np.random.default_rng(first).lognormal(0, 0.05, num_seeds)
    return Record(
        status="done",
        data="sine",
        cell=cell,
        seeds=seeds,
        data_hash=[[f"{seed:064x}", f"{seed:064x}"] for seed in seeds],
        scores={part: {"mse": row.tolist()} for part, row in zip(PARTS, scores, strict=True)},
        baselines={name: (at * truth).tolist() for name, at in (("constant", 0.5), ("linear", 0.12))},
        num_parameters=337,
        epochs=50,
        steps=650,
        train_seconds=4.0,
        config={
            "seed": first,
            "num_seeds": num_seeds,
            "data": {"_target_": "seqexp.data.sine.Sine", "noise": index // 2 if shape == "data" else 0.1},
            "cell": {"_target_": f"seqexp.cell.{cell}.Cell", "hidden_size": 16, "num_layers": 1},
            "optimizer": {"_target_": "torch.optim.Adam", "lr": index // 5 if shape == "settings" else 0.01},
            "trainer": {f"flag_{flag}": flag for flag in range(30)},
        },
    )


def measure(shape: str, runs: int, num_seeds: int) -> tuple[float, float, float, float]:
    """Writes `runs` records and compares them in a process of its own.

    Returns:
        Seconds to compare and write all files, CPU seconds of it, peak MiB, and MiB of records read.
    """
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for index in range(runs):
            place = folder / f"{index:06d}"
            place.mkdir()
            make_record(rng, shape, index, runs, num_seeds).write(place)
        size = sum(path.stat().st_size for path in folder.glob("*/result.json")) / 2**20
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        subprocess.run([sys.executable, "-W", "error", "-c", _MEASURED, name], check=True)
        seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, cpu, after.ru_maxrss / 1024, size


def main() -> None:
    """Prints one line per shape as a Markdown table; memory is the largest so far."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--shape", choices=SHAPES, action="append")
    options = parser.parse_args()
    print(f"`python {' '.join(sys.argv)}`\n")
    print("| shape | runs | seeds per run | MiB read | seconds | CPU seconds | peak MiB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for shape in options.shape or SHAPES:
        seconds, cpu, memory, size = measure(shape, options.runs, options.seeds)
        numbers = f"{size:.0f} | {seconds:.1f} | {cpu:.1f} | {memory:.0f}"
        print(f"| {shape} | {options.runs} | {options.seeds} | {numbers} |", flush=True)


if __name__ == "__main__":
    main()
