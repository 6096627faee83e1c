"""Which rows are compared with which, the tests between them, and who wins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from seqexp.compare.data_sets import DataSet
from seqexp.compare.keys import CELL
from seqexp.compare.rows import Scores
from seqexp.compare.swept import split
from seqexp.record.record import MSE
from seqexp.statistics import (
    ALPHA,
    Array,
    Difference,
    detectable_effect,
    holm,
    mean_interval,
    paired_difference,
    unpaired_difference,
)

MOST_ROWS = 12
"""So many rows are compared each with each; more of them only where one row stands for each name."""

ROUNDING = 1e-6
"""Some roundings of single precision, in which most runs are trained: a smaller share of the data's scale is 0."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two rows of scores on one data set.

    Attributes:
        first: label of the first.
        second: label of the second.
        paired: whether they were compared seed by seed, over two seeds at least.
        difference: first against second.
        num_seeds: how many seeds each of the two has.
        num_shared: seeds that both have, and that are the same data for both.
        num_other_data: seeds that both have, but with other data, so that they are no pairs.
        num_dropped: shared seeds left out because one of the two diverged.
        num_diverged: on how many of its seeds each of the two diverged.
        num_tests: size of the family that Holm's correction is over.
        p_corrected: p after Holm; NaN where nothing was tested.
        detectable: what this many seeds find with 80 % power: the largest ratio below 1, or the smallest gap where the
            scores themselves were compared; NaN where there is none.
        lower: label of the one that scored lower, None unless p_corrected < 0.05.
        winner: the same, but None where it diverged on a seed that the other did not lose as well: the seeds that are
            left are not a fair sample.
    """

    first: str
    second: str
    paired: bool
    difference: Difference
    num_seeds: tuple[int, int]
    num_shared: int
    num_other_data: int
    num_dropped: int
    num_diverged: tuple[int, int]
    num_tests: int
    p_corrected: float
    detectable: float
    lower: str | None
    winner: str | None


@dataclass(frozen=True)
class Entry:
    """A label and its test scores: a row of the table, or a baseline.

    `by_ratio` says whether its scores have logarithms that mean something: none is 0, up to rounding.
    """

    label: str
    scores: Scores
    by_ratio: bool


@dataclass(frozen=True)
class Meetings:
    """Which entries meet, by position, and what is to be said of a limit."""

    pairs: list[tuple[int, int]]
    notes: list[str]


def entries(data_set: DataSet, picked: Sequence[int], rounding: float) -> list[Entry]:
    """The picked rows by name; all rows by name and setting where nothing was picked.

    Where one of them has a score of 0, none is compared by ratio: one table has one scale.
    """
    rows = [data_set.rows[index] for index in picked] or data_set.rows
    by_ratio = not any(reaches_zero(row.test, rounding) for row in rows)
    return [Entry(row.name if picked else row.label, row.test, by_ratio) for row in rows]


def rounding_of(data_set: DataSet) -> float:
    """The score up to which it is 0 as far as anybody knows: rounding, on the scale of the constant guess.

    Without a constant guess the scale is unknown, and only 0 is 0.
    """
    constant = data_set.baselines.get("constant")
    if constant is None or np.isnan(constant.values).all():
        return 0.0
    relative = ROUNDING**2 if data_set.metric.name == MSE else ROUNDING
    return relative * mean_interval(constant.values).mean


def reaches_zero(scores: Scores, rounding: float) -> bool:
    """Whether some seed's score is 0, up to rounding."""
    return bool((scores.values <= rounding).any())


def choose_pairs(data_set: DataSet, picked: Sequence[int]) -> Meetings:
    """Which entries meet. Depends on settings only, never on a score."""
    count = len(picked or data_set.rows)
    if picked or count <= MOST_ROWS:
        return Meetings(list(combinations(range(count), 2)), [])
    rows = data_set.rows
    alike = split(range(count), lambda index: tuple(rows[index].settings.values())).values()
    pairs = [pair for group in alike for pair in combinations(group, 2)]
    most = MOST_ROWS * (MOST_ROWS - 1) // 2
    limit = f"{count} rows would make {count * (count - 1) // 2} pairs"
    if 0 < len(pairs) <= most:
        what = "cells" if data_set.compared == [CELL] else "rows"
        return Meetings(pairs, [f"{limit}: only {what} with the same settings are compared."])
    advice = "Sweep less at once, or add a validation split to pick by."
    return Meetings([], [f"{limit}: none is tested. {advice}"])


def compare_pairs(
    table: Sequence[Entry], chosen: Sequence[tuple[int, int]], rounding: float, any_training: bool
) -> list[Pair]:
    """Compares the chosen pairs; Holm's correction is over those that share two seeds at least.

    Args:
        table: what is compared.
        chosen: positions in it.
        rounding: a score up to here is 0 as far as anybody knows.
        any_training: seeds are pairs if their test targets are the same, whatever each was trained on.
    """
    measured = [_measure(table[first], table[second], rounding, any_training) for first, second in chosen]
    tested = [index for index, found in enumerate(measured) if found.difference.num_pairs >= 2]
    corrected = holm([measured[index].difference.p for index in tested])
    p_corrected = dict(zip(tested, corrected, strict=True))
    family = len(tested) or len(chosen)
    return [
        _pair(table[first], table[second], measured[index], family, p_corrected.get(index, math.nan))
        for index, (first, second) in enumerate(chosen)
    ]


def shared_scores(first: Scores, second: Scores, any_training: bool) -> tuple[Array, int]:
    """The seeds that both have.

    Args:
        first: of one row or baseline.
        second: of another.
        any_training: only the test targets have to be the same.

    Returns:
        (2, n) the scores of those whose data are the same, NaN included, and how many others there are.
    """
    _, at_first, at_second = np.intersect1d(first.seeds, second.seeds, True, return_indices=True)
    tested, trained = first.learnt.take(at_first).differ(second.learnt.take(at_second))
    other = tested if any_training else tested | trained
    return np.stack([first.values[at_first], second.values[at_second]])[:, ~other], int(other.sum())


@dataclass(frozen=True)
class _Measured:
    """The difference, and the seeds behind it: shared, of other data, left out, and lost by both."""

    difference: Difference
    num_shared: int
    num_other_data: int
    num_dropped: int
    num_both_diverged: int


def _measure(first: Entry, second: Entry, rounding: float, any_training: bool) -> _Measured:
    both, num_other_data = shared_scores(first.scores, second.scores, any_training)
    by_ratio = first.by_ratio and second.by_ratio
    lost = np.isnan(both)
    finite = ~lost.any(axis=0)
    num_shared, num_pairs = both.shape[1], int(finite.sum())
    if num_pairs >= 2:
        difference = paired_difference(both[0, finite], both[1, finite], by_ratio, rounding)
    else:
        alone = [entry.scores.values[~np.isnan(entry.scores.values)] for entry in (first, second)]
        difference = unpaired_difference(alone[0], alone[1], by_ratio, rounding)
    return _Measured(difference, num_shared, num_other_data, num_shared - num_pairs, int(lost.all(axis=0).sum()))


def _pair(first: Entry, second: Entry, measured: _Measured, num_tests: int, p_corrected: float) -> Pair:
    difference = measured.difference
    num_diverged = (first.scores.num_diverged, second.scores.num_diverged)
    better = 0 if difference.effect < 0 else 1
    lower = (first, second)[better].label if p_corrected < ALPHA else None
    fair = num_diverged[better] == measured.num_both_diverged  # it lost no seed alone
    paired = difference.num_pairs >= 2
    effect = detectable_effect(difference.num_pairs, num_tests) if paired else math.inf
    size = effect * difference.deviation if math.isfinite(effect) else math.nan
    return Pair(
        first=first.label,
        second=second.label,
        paired=paired,
        difference=difference,
        num_seeds=(len(first.scores.seeds), len(second.scores.seeds)),
        num_shared=measured.num_shared,
        num_other_data=measured.num_other_data,
        num_dropped=measured.num_dropped,
        num_diverged=num_diverged,
        num_tests=num_tests,
        p_corrected=p_corrected,
        detectable=math.exp(-size) if difference.by_ratio and not math.isnan(size) else size,
        lower=lower,
        winner=lower if fair else None,
    )
