"""Does the summary over tasks keep its promises? Simulated false positives and coverage, as Markdown.

`python scripts/check_tasks.py`, whose tables stand in docs/several_tasks.md
"""

from __future__ import annotations

import argparse
import math
import sys
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy import special

from seqexp.statistics import ALPHA
from seqexp.statistics.tasks import aggregate, critical_difference, interquartile_mean, mean_log_ratio, rank

Array = npt.NDArray[np.float64]

SPREAD = 0.3  # standard deviation over tasks of a row's log score
NOISE = 0.2  # the same over seeds
SEEDS = 10
MANY = 20_000  # seeds that stand for all


def null(rng: np.random.Generator, num_rows: int, num_tasks: int) -> Array:
    """(k, N, S) log scores of rows that are better on some tasks and worse on others, alike over all tasks."""
    effects = rng.normal(0, SPREAD, (num_rows, num_tasks, 1))
    return effects + rng.normal(0, NOISE, (num_rows, num_tasks, SEEDS))


def by_ranks(scores: Array) -> bool:
    """Whether the mean ranks of some two rows are a critical difference apart."""
    num_rows, num_tasks, _ = scores.shape
    on_tasks = rank(rank(scores.transpose(1, 2, 0)).mean(axis=1))  # (N, k)
    means = on_tasks.mean(axis=0)
    return bool(means.max() - means.min() >= critical_difference(num_rows, num_tasks) - 1e-9)


def by_ratios(scores: Array) -> bool:
    """Whether the interval of some pair's mean ratio leaves out 1."""
    pairs = list(combinations(scores.mean(axis=2), 2))
    found = [mean_log_ratio(first - second, len(pairs)) for first, second in pairs]
    return any(not each.low <= 1 <= each.high for each in found)


def by_pooled_seeds(scores: Array) -> bool:
    """What seqexp does not do: a t-test over all seeds of all tasks, Bonferroni-corrected."""
    pairs = list(combinations(scores.reshape(len(scores), -1), 2))
    gaps = np.stack([first - second for first, second in pairs])
    t = gaps.mean(axis=1) / gaps.std(axis=1, ddof=1) * math.sqrt(gaps.shape[1])
    return bool((np.abs(t) > special.stdtrit(gaps.shape[1] - 1, 1 - ALPHA / (2 * len(pairs)))).any())


def _share(hits: int, draws: int) -> str:
    share = hits / draws
    return f"{share:.1%} ± {1.96 * math.sqrt(share * (1 - share) / draws):.1%}".replace("%", " %")


def print_false_positives(rng: np.random.Generator, draws: int) -> None:
    """How often a difference is named of rows that no kind of task favours."""
    print("\n## False positives: some two rows differ although tasks favour each at random\n")
    print("| rows | tasks | critical difference | interval of a mean ratio | all seeds as one sample (not done) |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for num_rows in (2, 3, 5):
        for num_tasks in (3, 5, 8, 14):
            sweeps = [null(rng, num_rows, num_tasks) for _ in range(draws)]
            tests = (by_ranks, by_ratios, by_pooled_seeds)
            shares = [_share(sum(map(test, sweeps)), draws) for test in tests]
            print(f"| {num_rows} | {num_tasks} | {' | '.join(shares)} |")


def print_ratios(rng: np.random.Generator, draws: int) -> None:
    """How often the intervals of three mean ratios all hold what they are of."""
    print("\n## Joint coverage of the mean ratios of three rows (nominal 95 %)\n")
    print("| tasks | normal over tasks | skewed over tasks (exponential) |\n| ---: | ---: | ---: |")
    for num_tasks in (3, 5, 8, 14):
        texts = []
        for skewed in (False, True):
            shape = (3, num_tasks)
            hits = 0
            for _ in range(draws):
                effects = rng.exponential(SPREAD, shape) - SPREAD if skewed else rng.normal(0, SPREAD, shape)
                effects[0] *= 2  # the rows are not alike: their means over all tasks are
                means = effects + rng.normal(0, NOISE / math.sqrt(SEEDS), shape)
                found = [mean_log_ratio(first - second, 3) for first, second in combinations(means, 2)]
                hits += all(each.low <= 1 <= each.high for each in found)
            texts.append(_share(hits, draws))
        print(f"| {num_tasks} | {' | '.join(texts)} |")


def print_interquartile(rng: np.random.Generator, draws: int) -> None:
    """How often the bootstrap interval holds the interquartile mean of all seeds of the same tasks."""
    print("\n## Coverage of the interquartile mean over new seeds of the same tasks (nominal 95 %)\n")
    print("| tasks | seeds | sd of log 0.2 | sd of log 1 |\n| ---: | ---: | ---: | ---: |")
    for num_tasks in (5, 8):
        levels = rng.normal(-1, 0.7, (num_tasks, 1))
        for num_seeds in (3, 5, 10, 20):
            texts = []
            for noise in (NOISE, 1.0):
                truth = interquartile_mean(np.exp(levels + noise * rng.normal(0, 1, (num_tasks, MANY))).ravel())
                hits = 0
                for _ in range(10):  # rows of one call share what is drawn, as in a comparison
                    scores = np.exp(levels + noise * rng.normal(0, 1, (draws // 10, num_tasks, num_seeds)))
                    means = aggregate(scores, np.ones(1), rng).means
                    hits += sum(bool(mean.low <= truth <= mean.high) for mean in means)
                texts.append(_share(hits, draws // 10 * 10))
            print(f"| {num_tasks} | {num_seeds} | {' | '.join(texts)} |")


def main() -> None:
    """Prints all three tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1_000, help="simulated comparisons (a fifth for the bootstrap)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"`python {' '.join(sys.argv)}` (seed {options.seed}; ± is 95 % Monte-Carlo error)")
    print_false_positives(np.random.default_rng([options.seed, 0]), options.draws)
    print_ratios(np.random.default_rng([options.seed, 1]), options.draws)
    print_interquartile(np.random.default_rng([options.seed, 2]), max(10, options.draws // 5))


if __name__ == "__main__":
    main()
