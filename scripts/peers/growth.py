"""One training step of the bare scan against each of its sizes, the others as in the lab's mini-batch work.

cd scripts; python -m peers.growth --cell lstm --short
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time

from peers.bare import Bare
from peers.work import CELLS, HIDDEN, WINDOW, answer
from seqexp.config.mistakes import ConfigError

LAB = {"S": 30, "N": 32, "T": WINDOW, "H": HIDDEN}

AXES: dict[str, tuple[str, list[int], dict[str, int]]] = {
    "S": ("S", [1, 3, 10, 30, 100, 300, 1000], {}),
    "S, full batch": ("S", [1, 3, 10, 30, 100, 300, 1000], {"N": 784}),
    "T": ("T", [20, 50, 100, 200, 500, 1000], {}),
    "N": ("N", [32, 64, 128, 256, 512, 1024, 2048, 4096], {}),
    "H": ("H", [8, 16, 32, 64, 128, 256], {}),
}
"""What grows: its letter, its values, and which other sizes differ from the lab's."""

BLOCKS = {"rnn": 4, "lstm": 9, "gru": 7}
"""Roughly how many numbers a hidden unit's step leaves in memory until its backward: only to skip what cannot fit."""


def settings(cell: str, sizes: dict[str, int]) -> list[str]:
    """A configuration of these sizes: N training windows in one batch, one window to test on."""
    windows = sizes["N"] + 1
    return [
        "experiment=lab_sine",
        f"cell={cell}",
        f"num_seeds={sizes['S']}",
        f"cell.hidden_size={sizes['H']}",
        f"data.window={sizes['T']}",
        f"data.length={sizes['T'] + windows}",
        f"data.train_fraction={sizes['N'] / windows}",
        f"data.test_fraction={1 / windows}",
    ]


def fits(cell: str, sizes: dict[str, int]) -> bool:
    """Whether a step can be expected to take less than half of the machine's free memory."""
    numbers = sizes["S"] * sizes["N"] * sizes["T"] * sizes["H"] * BLOCKS[cell]
    return 4 * numbers < 0.5 * os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def time_step(cell: str, sizes: dict[str, int], seconds: float) -> float:
    """The median time of a step in milliseconds, measured for so many seconds and at least three steps."""
    bare = Bare(settings(cell, sizes))
    batch = next(bare.batches())
    bare.step(batch)
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        start = time.perf_counter()
        bare.step(batch)
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def main() -> None:
    """Measures every point; one that does not fit or is refused says so in place of its time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", choices=CELLS, default="lstm")
    parser.add_argument("--short", action="store_true", help="leave out points of more than 2**22 states")
    options = parser.parse_args()
    points: list[dict[str, object]] = []
    for axis, (letter, values, others) in AXES.items():
        for value in values:
            sizes = {**LAB, **others, letter: value}
            if options.short and sizes["S"] * sizes["N"] * sizes["T"] * sizes["H"] > 2**22:
                continue
            point: dict[str, object] = {"axis": axis, "value": value, **sizes}
            try:
                if not fits(options.cell, sizes):
                    raise MemoryError("skipped: more than half of the free memory")
                point["milliseconds"] = time_step(options.cell, sizes, 0.1 if options.short else 0.5)
            except (MemoryError, RuntimeError, ConfigError) as error:
                point["missing"] = str(error)
            sys.stderr.write(f"{point}\n")
            points.append(point)
    answer(points=points)


if __name__ == "__main__":
    main()
