"""Which rows and baselines meet, and by what they are compared. Nothing is tested here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from seqexp.compare.data_sets import DataSet
from seqexp.compare.keys import CELL
from seqexp.compare.rows import Scores
from seqexp.compare.swept import split
from seqexp.compare.varied import COPIES
from seqexp.record.record import MSE
from seqexp.statistics import Array, mean_interval

MOST_ROWS = 12
"""So many rows are compared each with each; more of them only where one row stands for each name."""

PART = "Other sources of randomness are fixed here, to split the variance: nothing is tested."

ROUNDING = 1e-6
"""Some roundings of single precision, in which most runs are trained: a smaller share of the data's scale is 0."""


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

    Without a constant guess the scale is that of the largest mean among the baselines, or the rows.
    """
    constant = data_set.baselines.get("constant")
    if constant is None or np.isnan(constant.values).all():
        others = [*data_set.baselines.values(), *(row.test for row in data_set.rows)]
        means = [mean_interval(scores.values).mean for scores in others]
        scale = max((mean for mean in means if np.isfinite(mean)), default=0.0)
    else:
        scale = mean_interval(constant.values).mean
    return rounding_at(data_set.metric.name, scale)


def rounding_at(metric: str, scale: float) -> float:
    """The score up to which it is 0 as far as anybody knows, where the constant guess scores `scale`."""
    return scale * (ROUNDING**2 if metric == MSE else ROUNDING)


def reaches_zero(scores: Scores, rounding: float) -> bool:
    """Whether some seed's score is 0, up to rounding."""
    return bool((scores.values <= rounding).any())


def choose_pairs(data_set: DataSet, picked: Sequence[int]) -> Meetings:
    """Which entries meet. Depends on settings only, never on a score."""
    if data_set.copies:
        return Meetings([], [COPIES])
    if data_set.is_part:
        return Meetings([], [PART])
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
