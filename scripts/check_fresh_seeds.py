"""Whether luck on validation is luck on test, and what a pick on the seeds that judge as well makes of it.

    python -m seqexp --multirun sweep.name=luck data=sine,sum cell=rnn,lstm num_seeds=30
    python scripts/check_fresh_seeds.py outputs/luck

The first table is of a sweep's runs: the correlation over seeds of the logarithms of the validation and the test score,
and of their differences between two rows, with Fisher's interval. The second is simulated: two cells, all settings of
both equally good. A seed's two logarithms are normal, with that correlation, and independent between settings. The
setting with the lowest mean validation score is picked, and the sign-flip test compares the two cells on test: on the
seeds that picked, or on fresh ones.
"""

from __future__ import annotations

import argparse
import math
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seqexp.compare.data_sets import group
from seqexp.compare.runs import collect
from seqexp.statistics import ALPHA, sign_flip_p

SEEDS = 10
GRIDS = ((1, 1), (4, 1), (16, 1), (4, 4), (16, 16))
CORRELATIONS = (0.0, 0.15, 0.35, 0.55)


def measure(folder: Path) -> None:
    """Prints the correlation of the two kinds of luck, for each row of a sweep and for each pair of rows."""
    print("| data | row | seeds | correlation | 95 % interval |\n| --- | --- | ---: | ---: | --- |")
    for data_set in group(collect([folder]).runs):
        known = [(row.label, row.val.values, row.test.values) for row in data_set.rows if row.val is not None]
        logs = {label: np.log(np.stack(scores)) for label, *scores in known}
        for first, second in combinations([label for label, *_ in known], 2):
            if logs[first].shape == logs[second].shape:
                logs[f"{first} \N{MINUS SIGN} {second}"] = logs[first] - logs[second]
        for label, both in logs.items():
            both = both[:, np.isfinite(both).all(axis=0)]  # (2, n)
            found, half = float(np.corrcoef(both)[0, 1]), 1.96 / math.sqrt(both.shape[1] - 3)
            low, high = (math.tanh(math.atanh(found) + end) for end in (-half, half))
            print(f"| {data_set.name} | {label} | {both.shape[1]} | {found:.2f} | {low:.2f} to {high:.2f} |")


def simulate(repeats: int) -> None:
    """Prints how often the first of two equal cells wins and loses, and by how much its score is too low."""
    generator = np.random.default_rng(0)
    print("\n| settings | correlation | same seeds: wins | loses | too low by | fresh seeds: wins | loses |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for first, second in GRIDS:
        for correlation in CORRELATIONS:
            same, fresh = [], []
            for _ in range(repeats):
                ours = _picked(generator, first, correlation)
                theirs = _picked(generator, second, correlation)
                same.append(ours - theirs)
                fresh.append(generator.normal(size=SEEDS) - generator.normal(size=SEEDS))
            shift = -np.mean(same) * math.sqrt(SEEDS / 2)
            texts = [*_rates(same), f"{shift:.2f} standard errors", *_rates(fresh)]
            print(f"| {first} against {second} | {correlation} | {' | '.join(texts)} |", flush=True)


def _picked(generator: np.random.Generator, count: int, correlation: float) -> npt.NDArray[np.float64]:
    """(SEEDS,) the test luck of that one of some equal settings that has the lowest mean on validation."""
    validation = generator.normal(size=(count, SEEDS))
    own = generator.normal(size=(count, SEEDS))
    test = correlation * validation + math.sqrt(1 - correlation**2) * own
    return np.asarray(test[validation.mean(axis=1).argmin()])


def _rates(differences: list[npt.NDArray[np.float64]]) -> list[str]:
    """How often the first wins and loses below ALPHA."""
    sure = [each.mean() for each in differences if sign_flip_p(each) < ALPHA]
    return [f"{100 * sum(side * each > 0 for each in sure) / len(differences):.1f} %" for side in (-1, 1)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="a sweep; none for the simulation alone")
    parser.add_argument("--repeats", type=int, default=4000)
    given = parser.parse_args()
    if given.folder is not None:
        measure(given.folder)
    simulate(given.repeats)
