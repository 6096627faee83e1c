"""The test between two rows of scores, and who wins within a family of tests."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from seqexp.compare.meetings import Entry, shared_scores
from seqexp.statistics import (
    ALPHA,
    Difference,
    Paired,
    Step,
    detectable_effect,
    holm,
    unpaired_difference,
)
from seqexp.statistics.success import clopper_pearson

RARE = 0.1
"""A winner's failures that are rarer than this share of seeds go without a word."""


class Share(NamedTuple):
    """A share of seeds with its 95 % Clopper-Pearson interval."""

    share: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two rows of scores on one data set.

    Attributes:
        first: label of the first.
        second: label of the second.
        paired: whether they were compared seed by seed, over two seeds at least.
        difference: first against second; its interval is at the level of this pair's step of Holm's correction.
        share: the probability that the first scores lower on a new seed, among those on which the two differ; None
            where no pair differs.
        num_seeds: how many seeds each of the two has.
        num_shared: seeds that both have, and that are the same data for both.
        num_other_data: seeds that both have, but with other data, so that they are no pairs.
        num_dropped: shared seeds left out because both diverged.
        num_diverged: on how many of its seeds each of the two diverged.
        num_tests: size of the family that Holm's correction is over.
        p_corrected: p after Holm; NaN where nothing was tested.
        decidable: whether some outcome on so many seeds could pass in so large a family.
        detectable: what this many seeds find with 80 % power: the largest ratio below 1, or the smallest gap where the
            scores themselves were compared; NaN where there is none.
        margin: the share within which two scores count as alike; None where nobody asked.
        p_alike: p, after Holm over the same family, of two one-sided tests that they are; NaN where nothing was tested.
        student_p_alike: the same by Student's t, without a correction.
        lower: label of the one that scored lower, None unless p_corrected < 0.05.
        reservation: why it is no winner all the same: "means", its mean is the higher one, or "lost", it diverged on
            more seeds than the other.
        winner: the one that scored lower, None where there is a reservation.
    """

    first: str
    second: str
    paired: bool
    difference: Difference
    share: Share | None
    num_seeds: tuple[int, int]
    num_shared: int
    num_other_data: int
    num_dropped: int
    num_diverged: tuple[int, int]
    num_tests: int
    p_corrected: float
    decidable: bool
    detectable: float
    margin: float | None
    p_alike: float
    student_p_alike: float
    lower: str | None
    reservation: Literal["means", "lost"] | None
    winner: str | None

    @property
    def alike(self) -> bool:
        """Whether the two were shown to be alike within the margin."""
        return self.p_alike < ALPHA

    @property
    def hides_failures(self) -> bool:
        """Whether so few seeds may well have met none of the failures of one seed in ten."""
        return (1 - RARE) ** self.difference.num_pairs >= ALPHA

    @property
    def largest_opposes(self) -> bool:
        """Whether the largest difference of all is one by which the lower one lost."""
        d = self.difference
        return bool(d.largest * d.effect < 0)

    @property
    def unqualified(self) -> bool:
        """Whether a winner is named without a word on failures."""
        return self.winner is not None and not (self.hides_failures or self.largest_opposes)


@dataclass(frozen=True)
class Measured:
    """Two entries, before any correction.

    Attributes:
        first: the first.
        second: the second.
        paired: their shared seeds; None where there are fewer than two that at least one of them finished.
        num_shared: seeds that both have, of the same data.
        num_other_data: seeds that both have, of other data.
        num_dropped: shared seeds that both lost.
    """

    first: Entry
    second: Entry
    paired: Paired | None
    num_shared: int
    num_other_data: int
    num_dropped: int


def measure(first: Entry, second: Entry, rounding: float, any_training: bool) -> Measured:
    """Compares two entries by themselves.

    Args:
        first: a row.
        second: a row or a baseline.
        rounding: a score up to here is 0 as far as anybody knows.
        any_training: seeds are pairs if their test targets are the same, whatever each was trained on.
    """
    both, num_other_data = shared_scores(first.scores, second.scores, any_training)
    both = np.where(both <= rounding, 0.0, both)  # compared by difference there, so that rounding is none
    num_dropped = int(np.isnan(both).all(axis=0).sum())
    by_ratio = first.by_ratio and second.by_ratio
    paired = Paired(both[0], both[1], by_ratio, rounding) if both.shape[1] - num_dropped >= 2 else None
    return Measured(first, second, paired, both.shape[1], num_other_data, num_dropped)


def decide(family: Sequence[Measured], roundings: Sequence[float], margin: float | None) -> list[Pair]:
    """Corrects one family by Holm, over those that share two seeds at least, and names its winners.

    Args:
        family: all pairs of one or more data sets.
        roundings: for each, the score up to which it is 0.
        margin: the share within which two scores count as alike, None where nobody asks.
    """
    tested = [(index, found.paired) for index, found in enumerate(family) if found.paired is not None]
    steps = dict(zip([i for i, _ in tested], holm([paired.p for _, paired in tested]), strict=True))
    alike: dict[int, Step] = {}
    if margin is not None:
        within = [paired.p_alike(margin) if paired.by_ratio else 1.0 for _, paired in tested]
        alike = dict(zip([i for i, _ in tested], holm(within), strict=True))
    size = len(tested) or len(family)
    return [
        _pair(found, roundings[index], size, steps.get(index), margin, alike.get(index))
        for index, found in enumerate(family)
    ]


def decide_in_order(
    chain: Sequence[Measured], rounding: float, num_chains: int, margin: float | None
) -> Iterator[Pair]:
    """Tests the pairs of one chain in a fixed order, and stops behind the first one that its first does not win.

    Each is tested only where all before it are won, so one chain says a wrong thing in at most `ALPHA / num_chains` of
    cases, however long it is (Maurer, Hothorn and Lehmacher 1995).

    Args:
        chain: pairs whose first is always the same.
        rounding: the score up to which it is 0.
        num_chains: how many there are, among which `ALPHA` is shared out.
        margin: the share within which two scores count as alike, None where nobody asked.
    """
    for found in chain:
        step = alike = None
        if found.paired is not None:
            step = _shared_out(found.paired.p, num_chains)
            if margin is not None:
                alike = _shared_out(found.paired.p_alike(margin) if found.paired.by_ratio else 1.0, num_chains)
        pair = _pair(found, rounding, num_chains, step, margin, alike)
        yield pair
        if pair.winner != pair.first or pair.alike:
            return


def _shared_out(p: float, count: int) -> Step:
    return Step(min(1.0, p * count), ALPHA / count)


def _pair(
    measured: Measured, rounding: float, num_tests: int, step: Step | None, margin: float | None, alike: Step | None
) -> Pair:
    first, second, paired = measured.first, measured.second, measured.paired
    if paired is None or step is None:
        alone = [entry.scores.values[~np.isnan(entry.scores.values)] for entry in (first, second)]
        difference = unpaired_difference(alone[0], alone[1], first.by_ratio and second.by_ratio, rounding)
    else:
        difference = paired.difference(step.level)
    p_corrected = step.p if step else math.nan
    better = 0 if difference.effect < 0 else 1
    lower = (first, second)[better].label if p_corrected < ALPHA else None
    reservation = _reservation(difference, better) if lower else None
    effect = detectable_effect(difference.num_pairs, num_tests) if paired else math.inf
    size = effect * difference.deviation if math.isfinite(effect) else math.nan
    return Pair(
        first=first.label,
        second=second.label,
        paired=paired is not None,
        difference=difference,
        share=_share(difference.first_lower, difference.second_lower),
        num_seeds=(len(first.scores.seeds), len(second.scores.seeds)),
        num_shared=measured.num_shared,
        num_other_data=measured.num_other_data,
        num_dropped=measured.num_dropped,
        num_diverged=(first.scores.num_diverged, second.scores.num_diverged),
        num_tests=num_tests,
        p_corrected=p_corrected,
        decidable=math.isfinite(effect),
        detectable=math.exp(-size) if difference.by_ratio and not math.isnan(size) else size,
        margin=margin,
        p_alike=alike.p if alike else math.nan,
        student_p_alike=paired.student_p_alike(margin) if alike and paired and margin else math.nan,
        lower=lower,
        reservation=reservation,
        winner=None if reservation else lower,
    )


def _reservation(d: Difference, better: int) -> Literal["means", "lost"] | None:
    """Why the one that usually scored lower (0: the first, 1: the second) is not named a winner."""
    if d.num_lost[better] > d.num_lost[1 - better]:
        return "lost"
    higher = d.means > 1 if better == 0 else d.means < 1
    return "means" if d.by_ratio and higher else None


def _share(lower: int, higher: int) -> Share | None:
    count = lower + higher
    return Share(lower / count, *clopper_pearson(lower, count)) if count else None
