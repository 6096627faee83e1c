"""Does the comparison keep its promises? Simulated coverage, false positives and power, as Markdown.

`python scripts/check_statistics.py --sweeps 8000 --seed 0`, whose tables stand in docs/statistics.md
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seqexp.compare.data_sets import group
from seqexp.compare.runs import Metric, Run
from seqexp.compare.section import Section, build
from seqexp.statistics import detectable_effect, mean_interval

Array = npt.NDArray[np.float64]

CELLS = ("gru", "lstm", "rnn")
SETTINGS = 3
SPREAD = 0.2  # standard deviation of log MSE that is a seed's own; as much again is shared by the cells


def coverage(rng: np.random.Generator, num_seeds: int, draws: int, skewed: bool) -> float:
    """Share of nominal 95 % intervals that hold the true mean, of normal or log-normal scores."""
    sigma = 0.5
    scores = rng.normal(0, sigma, (draws, num_seeds))
    truth = math.exp(sigma**2 / 2) if skewed else 0.0
    intervals = [mean_interval(np.exp(row) if skewed else row) for row in scores]
    return sum(interval.low <= truth <= interval.high for interval in intervals) / draws


def sweep(rng: np.random.Generator, num_seeds: int, shift: float, settings: int) -> Section:
    """One sweep of three cells that differ by nothing, but for the first's log MSE moved by `shift`."""
    shared = rng.normal(0, SPREAD, num_seeds)
    runs = []
    baseline = np.exp(shared + rng.normal(0, SPREAD, num_seeds))
    for cell in CELLS:
        for setting in range(settings):
            own = rng.normal(0, SPREAD, (2, num_seeds)) + (shift if cell == CELLS[0] else 0.0)
            runs.append(_run(cell, setting, np.exp(shared + own), baseline))
    (section,) = build(group(runs))  # the baseline differs by as little as the cells do
    return section


def _run(cell: str, setting: int, scores: Array, baseline: Array) -> Run:
    return Run(
        folder=Path(),
        name="",
        data="null",
        cell=cell,
        settings={"optimizer.lr": setting},
        seeds=list(range(scores.shape[1])),
        metric=Metric("mse", "MSE", "squared units of the data"),
        train=scores[0],
        val=scores[0],
        test=scores[1],
        baselines={"linear": baseline},
        diverged=frozenset(),
        num_parameters=1,
        epochs=1,
        steps=1,
        train_seconds=1.0,
    )


def _share(hits: int, draws: int) -> str:
    share = hits / draws
    return f"{share:.1%} ± {1.96 * math.sqrt(share * (1 - share) / draws):.1%}".replace("%", " %")


def print_coverage(rng: np.random.Generator, draws: int) -> None:
    """Coverage of the Student-t interval of a mean, and so of a paired ratio on the logarithm."""
    print("\n## Coverage of the nominal 95 % interval\n")
    print("| seeds | normal (log ratios) | log-normal, sd of log 0.5 (raw MSE) |\n| ---: | ---: | ---: |")
    for num_seeds in (5, 10, 20):
        shares = [coverage(rng, num_seeds, draws, skewed) for skewed in (False, True)]
        print(f"| {num_seeds} | {' | '.join(_share(round(share * draws), draws) for share in shares)} |")


def print_false_positives(rng: np.random.Generator, sweeps: int) -> None:
    """How often any sentence names a winner among three equal cells and an equal baseline."""
    print("\n## False positives: some winner is named although three cells and a baseline are equal\n")
    print("| seeds | one setting each | picked from three by validation |\n| ---: | ---: | ---: |")
    for num_seeds in (5, 8, 10, 20):
        count = sweeps if num_seeds <= 16 else sweeps // 4
        texts = []
        for settings in (1, SETTINGS):
            sections = (sweep(rng, num_seeds, 0.0, settings) for _ in range(count))
            hits = sum(any(pair.winner for pair in (*section.pairs, *section.baseline_pairs)) for section in sections)
            texts.append(_share(hits, count))
        print(f"| {num_seeds} | {' | '.join(texts)} |")


def print_power(rng: np.random.Generator, sweeps: int) -> None:
    """How often a true difference of the size that is called detectable is found (nominal 80 %)."""
    print("\n## Power at the difference that `could have shown` names (nominal 80 %)\n")
    print("| seeds | ratio | found |\n| ---: | ---: | ---: |")
    for num_seeds in (9, 10, 20):
        count = sweeps if num_seeds <= 16 else sweeps // 4
        shift = -detectable_effect(num_seeds, 6) * SPREAD * math.sqrt(2)
        sections = (sweep(rng, num_seeds, shift, 1) for _ in range(count))
        hits = sum(section.pairs[0].winner == CELLS[0] for section in sections)
        print(f"| {num_seeds} | {math.exp(shift):.2f} | {_share(hits, count)} |")


def main() -> None:
    """Prints all three tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=10_000, help="intervals per cell of the first table")
    parser.add_argument("--sweeps", type=int, default=2_000, help="simulated sweeps (a quarter at 20 seeds)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"`python {' '.join(sys.argv)}` (seed {options.seed}; ± is 95 % Monte-Carlo error)")
    print_coverage(np.random.default_rng([options.seed, 0]), options.draws)
    print_false_positives(np.random.default_rng([options.seed, 1]), options.sweeps)
    print_power(np.random.default_rng([options.seed, 2]), options.sweeps)


if __name__ == "__main__":
    main()
