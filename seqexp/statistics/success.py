"""Successes over seeds: a share with its exact interval, an exact paired test, steps to success, restarts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from seqexp.statistics.paired import CONFIDENCE, Array

_TAIL = (1 - CONFIDENCE) / 2
_EQUAL = 1e-12  # products of fractions that are one number differ by less


@dataclass(frozen=True)
class Course:
    """The share of seeds that have solved a task, against steps; it changes at E steps, of which the first is 0.

    Attributes:
        steps: (E,) ascending.
        share: (E,) one minus the Kaplan-Meier estimate, from this step to the next one.
        low: (E,) lower edge of its pointwise 95 % band.
        high: (E,) upper edge.
    """

    steps: Array
    share: Array
    low: Array
    high: Array

    @property
    def median(self) -> tuple[float, float, float]:
        """The step by which half of the seeds have solved it, and its 95 % interval; infinite is "not yet".

        The interval holds the steps at which the band holds one half (R. Brookmeyer, J. Crowley, "A confidence interval
        for the median survival time", Biometrics 38 (1982)). Without censoring it is that of order statistics.
        """
        return self._reaches(self.share), self._reaches(self.high), self._reaches(self.low)

    def _reaches(self, line: Array) -> float:
        """The first step at which a line is one half at least."""
        found = np.flatnonzero(line >= 0.5 - _EQUAL)
        return float(self.steps[found[0]]) if found.size else math.inf


def clopper_pearson(successes: int, trials: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The exact interval of a share.

    C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26 (1934); the ends are quantiles of beta distributions.

    Args:
        successes: k, from 0 to n.
        trials: n.
        confidence: of the interval.

    Returns:
        Both ends, from 0 to 1; NaN where nothing was tried.
    """
    failures, tail = trials - successes, (1 - confidence) / 2
    if trials == 0:
        return math.nan, math.nan
    low = float(special.betaincinv(successes, failures + 1, tail)) if successes else 0.0
    high = float(special.betaincinv(successes + 1, failures, 1 - tail)) if failures else 1.0
    return low, high


def mcnemar(first_only: int, second_only: int) -> float:
    """The exact two-sided p-value that two rows succeed equally often, on the same seeds.

    Only seeds count that one of the two solved and the other did not: each is a fair coin where both are alike
    (Q. McNemar, Psychometrika 12 (1947); exact: A. M. Mood, "Introduction to the theory of statistics" (1950)).

    Args:
        first_only: seeds that only the first solved.
        second_only: seeds that only the second solved.

    Returns:
        p, 1 where there is no such seed.
    """
    count = first_only + second_only
    return min(1.0, 2 * float(special.bdtr(min(first_only, second_only), count, 0.5))) if count else 1.0


def restarts(share: float) -> float:
    """How many seeds have to be trained, the first included, until one of them solves it with 95 % probability.

    The smallest r with 1 - (1 - share)^r >= 0.95.

    Args:
        share: of the seeds that solve it.

    Returns:
        A whole number; infinite where none solves it, NaN where the share is NaN.
    """
    if math.isnan(share) or share <= 0:
        return math.nan if math.isnan(share) else math.inf
    if share >= CONFIDENCE - _EQUAL:
        return 1.0
    return float(math.ceil(math.log(1 - CONFIDENCE) / math.log1p(-share) - 1e-9))


def kaplan_meier(solved: Array, until: Array) -> Course:
    """The share of seeds that have solved a task against steps, where some were watched for fewer steps than others.

    E. L. Kaplan, P. Meier, "Nonparametric estimation from incomplete observations", JASA 53 (1958). The band is the
    beta product confidence procedure (M. P. Fay, E. H. Brittain, M. A. Proschan, Biostatistics 14 (2013)), by the
    method of moments: of few seeds it covers what Greenwood's does not, and where all are watched equally long it is
    Clopper and Pearson's interval at every step.

    Args:
        solved: (n,) the step at which each seed solved it, infinite where it did not.
        until: (n,) the last step up to which it was watched; infinite where it is known that nothing would have come.

    Returns:
        The course; of no seed, all NaN.
    """
    count = len(solved)
    ends = np.sort(np.minimum(solved, until))
    events = np.sort(solved[solved <= until])
    steps = np.unique(np.append(ends[np.isfinite(ends)], 0.0))  # (E,)
    risk = count - np.searchsorted(ends, steps, "left")  # (E,) not solved before, and watched
    later = count - np.searchsorted(ends, steps, "right")  # (E,) neither solved nor lost from sight by then
    hits = np.searchsorted(events, steps, "right") - np.searchsorted(events, steps, "left")  # (E,)
    later[-1] = risk[-1] - hits[-1]  # who is watched up to the last step has been seen there
    if count == 0:
        nothing = np.full(len(steps), math.nan)
        return Course(steps, nothing, nothing, nothing)
    share = 1 - np.cumprod(1 - hits / risk, dtype=np.float64)
    left = risk - hits + 1
    first = np.cumprod(left / (risk + 1), dtype=np.float64)  # moments of a product of beta variables
    second = np.cumprod(left * (left + 1) / ((risk + 1.0) * (risk + 2)), dtype=np.float64)
    low = 1 - _quantile(first, second, 1 - _TAIL)
    high = 1 - _quantile(first * later / (later + 1), second * later / (later + 2), _TAIL)
    return Course(steps, share, low, high)


def _quantile(first: Array, second: Array, level: float) -> Array:
    """Quantiles of the beta distributions with given first and second moments; 0 and 1 are certain."""
    quantiles = np.where(first > 0.5, 1.0, 0.0)  # (E,)
    spread = second - first**2
    sure = spread <= 1e-15
    first, second, spread = first[~sure], second[~sure], spread[~sure]
    scale = (first - second) / spread
    quantiles[~sure] = special.betaincinv(first * scale, (1 - first) * scale, level)
    return quantiles
