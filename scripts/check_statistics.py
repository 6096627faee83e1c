"""Does the comparison keep its promises? Simulated coverage, false winners and power, as Markdown.

`python scripts/check_statistics.py --sweeps 2000 --seed 0`, whose tables stand in docs/statistics.md
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seqexp.compare.data_sets import group
from seqexp.compare.pairs import Pair
from seqexp.compare.runs import Metric, Run
from seqexp.compare.section import Section, build
from seqexp.statistics import ALPHA, SignFlip, detectable_effect, mean_interval

Array = npt.NDArray[np.float64]

SPREAD = 0.2  # standard deviation of log MSE that is a seed's own; as much again is shared by the cells
DEVIATION = SPREAD * math.sqrt(2)  # of the difference of two cells
METRIC = Metric("mse", "MSE", "squared units of the data")


def sweep(rows: list[dict[str, Array]], baseline: bool = True) -> list[Section]:
    """One sweep over as many tasks as there are rows.

    Args:
        rows: for each task the cells' log scores, (n,), NaN where a seed diverged.
        baseline: the first of them is a baseline and no cell.
    """
    runs = []
    for number, cells in enumerate(rows):
        names = list(cells)
        guesses = {"linear": np.exp(cells[names[0]])} if baseline else {}
        runs += [_run(f"task{number:02}", cell, np.exp(cells[cell]), guesses) for cell in names[baseline:]]
    return build(group(runs))


def _run(data: str, cell: str, scores: Array, baselines: dict[str, Array]) -> Run:
    return Run(
        folder=Path("sweep", f"{cell}-{data}"),
        name="",
        data=data,
        cell=cell,
        settings={},
        seeds=list(range(len(scores))),
        metric=METRIC,
        train=scores,
        val=scores,
        test=scores,
        baselines=baselines,
        diverged=frozenset(),
        num_parameters=1,
        epochs=1,
        steps=1,
        train_seconds=1.0,
    )


def alike(rng: np.random.Generator, num_seeds: int, names: str = "abc") -> dict[str, Array]:
    """Log scores of cells that differ by nothing."""
    shared = rng.normal(0, SPREAD, num_seeds)
    return {name: shared + rng.normal(0, SPREAD, num_seeds) for name in names}


def failing(rng: np.random.Generator, num_seeds: int) -> dict[str, Array]:
    """Two cells with the same mean log score, of which the first is lower but for one seed in ten, which fails."""
    cells = alike(rng, num_seeds, "ab")
    return cells | {"a": cells["a"] + np.where(rng.random(num_seeds) < 0.1, 2.7, -0.3)}


def missing(rng: np.random.Generator, num_seeds: int, losers: str = "ab") -> dict[str, Array]:
    """Two cells that differ by nothing, but some of them have no score where it would be among their worst fifth."""
    cells = alike(rng, num_seeds, "ab")
    return cells | {name: np.where(cells[name] > 0.8416 * DEVIATION, np.nan, cells[name]) for name in losers}


def _pairs(sections: list[Section]) -> list[Pair]:
    return [pair for section in sections for pair in (*section.pairs, *section.baseline_pairs)]


def _share(hits: int, draws: int) -> str:
    share = hits / draws
    return f"{share:.1%} ± {1.96 * math.sqrt(share * (1 - share) / draws):.1%}".replace("%", " %")


def _table(title: str, head: list[str], lines: list[list[str]]) -> None:
    print(f"\n## {title}\n\n| {' | '.join(head)} |\n|{' ---: |' * len(head)}")
    for line in lines:
        print(f"| {' | '.join(line)} |", flush=True)


def print_coverage(rng: np.random.Generator, sweeps: int) -> None:
    """Coverage of the Student-t interval of a mean, and so of the one of a paired ratio on the logarithm."""
    lines = []
    for num_seeds in (5, 8, 10, 20, 30):
        texts = []
        for sigma in (0.0, 0.5, 1.0):
            scores = rng.normal(0, sigma or 1.0, (5 * sweeps, num_seeds))
            truth = math.exp(sigma**2 / 2) if sigma else 0.0
            found = [mean_interval(np.exp(row) if sigma else row) for row in scores]
            texts.append(_share(sum(each.low <= truth <= each.high for each in found), len(found)))
        lines.append([str(num_seeds), *texts])
    head = ["seeds", "normal", "log-normal, sd of log 0.5", "log-normal, sd of log 1"]
    _table("Coverage of the nominal 95 % interval of a mean", head, lines)


def print_families(rng: np.random.Generator, sweeps: int) -> None:
    """How often a sweep of several tasks names any winner where nothing differs, and what its size costs in power."""
    lines = []
    for tasks in (1, 2, 4, 8, 16):
        winners = covered = found = 0
        for _ in range(sweeps):
            pairs = _pairs(sweep([alike(rng, 12) for _ in range(tasks)]))
            winners += any(pair.winner for pair in pairs)
            covered += all(pair.difference.low <= 1 <= pair.difference.high for pair in pairs)
            rows = [alike(rng, 12) for _ in range(tasks)]
            rows[0]["c"] = rows[0]["c"] - 1.2 * DEVIATION
            found += sweep(rows)[0].pairs[0].winner == "c"
        lines.append([str(tasks), str(3 * tasks), *(_share(each, sweeps) for each in (winners, covered, found))])
    head = ["tasks", "pairs", "some winner is named", "all intervals hold 1", "a true difference of 1.2 sd is found"]
    _table("One family per sweep: two cells and a baseline on each task, 12 seeds, nothing differs", head, lines)


def print_joint(rng: np.random.Generator, sweeps: int) -> None:
    """How often all intervals of a sweep hold the true ratios, where some of them are not 1."""
    lines = []
    for num_seeds in (8, 12, 20):
        joint = agree = 0
        for _ in range(sweeps):
            cells = alike(rng, num_seeds)
            truth = {"a": 0.0, "b": 0.0, "c": -1.5 * DEVIATION}
            section = sweep([{name: cells[name] + truth[name] for name in cells}], baseline=False)[0]
            ends = [
                (math.exp(truth[pair.first] - truth[pair.second]), pair.difference.low, pair.difference.high)
                for pair in section.pairs
            ]
            joint += all(low <= true <= high for true, low, high in ends)
            agree += all(
                (pair.p_corrected < ALPHA) == (not pair.difference.low <= 1 <= pair.difference.high)
                for pair in section.pairs
            )
        lines.append([str(num_seeds), _share(joint, sweeps), _share(agree, sweeps)])
    head = ["seeds", "all three intervals hold the truth", "each excludes 1 where p < 0.05, and only there"]
    _table("Joint coverage: three cells, of which one is 1.5 sd lower", head, lines)


def print_power(rng: np.random.Generator, sweeps: int) -> None:
    """How often a true difference of the size that a sample calls detectable is found in a new one (nominal 80 %)."""
    lines = []
    kinds: list[Callable[[tuple[int, ...]], Array]] = [
        lambda size: rng.normal(0, 1, size),
        lambda size: rng.standard_t(3, size) / math.sqrt(3),
    ]
    for num_seeds in (8, 10, 20, 30):
        texts = []
        for num_tests in (1, 6):
            effect = detectable_effect(num_seeds, num_tests)
            for draw in kinds:
                first, second = draw((sweeps, num_seeds)), draw((sweeps, num_seeds))
                moved = second + effect * first.std(axis=1, ddof=1)[:, None]
                hits = sum(SignFlip(row).p() * num_tests < ALPHA for row in moved)
                texts.append(_share(hits, sweeps))
        lines.append([str(num_seeds), *texts])
    head = ["seeds", "one pair, normal", "one pair, t3", "six pairs, normal", "six pairs, t3"]
    _table("Power at the difference that `could have shown` names (nominal 80 %)", head, lines)


def print_nulls(rng: np.random.Generator, sweeps: int) -> None:
    """How often a winner is named where none is, with and without a word on failures."""
    nulls: dict[str, Callable[[int], dict[str, Array]]] = {
        "nothing differs": lambda count: alike(rng, count, "ab"),
        "equal log means, a tenth of a fails": lambda count: failing(rng, count),
        "both diverge on their own worst fifth": lambda count: missing(rng, count),
        "a alone diverges on its worst fifth": lambda count: missing(rng, count, "a"),
    }
    lines = []
    for name, draw in nulls.items():
        for num_seeds in (8, 20, 30, 40):
            pairs = [sweep([draw(num_seeds)], baseline=False)[0].pairs[0] for _ in range(sweeps)]
            named = [sum(pair.winner is not None for pair in pairs), sum(pair.winner == "a" for pair in pairs)]
            named.append(sum(pair.unqualified for pair in pairs))
            named.append(sum(pair.unqualified and pair.winner == "a" for pair in pairs))
            lines.append([name, str(num_seeds), *(_share(count, sweeps) for count in named)])
    head = ["two cells, a and b", "seeds", "a winner is named", "it is a", "without a word on failures", "and it is a"]
    _table("Three nulls", head, lines)


def main() -> None:
    """Prints all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweeps", type=int, default=2_000, help="simulated sweeps for each line of a table")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"`python {' '.join(sys.argv)}` (± is 95 % Monte-Carlo error)", flush=True)
    for number, table in enumerate((print_coverage, print_families, print_joint, print_power, print_nulls)):
        table(np.random.default_rng([options.seed, number]), options.sweeps)


if __name__ == "__main__":
    main()
