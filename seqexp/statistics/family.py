"""Many tests at once: Holm's correction, its steps, and what a number of seeds can show within it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import optimize, special

from seqexp.statistics.paired import ALPHA, Array
from seqexp.statistics.signflip import least_p

POWER = 0.80
_QUANTILES = 400  # at which the spread of a sample's standard deviation is averaged over
_LISTED = 16  # up to so many pairs the p-values of the sign-flip test are far apart


class Step(NamedTuple):
    """A test after Holm's correction: its p-value, and the level at which the test itself was decided."""

    p: float
    level: float


def holm(p_values: Sequence[float]) -> list[Step]:
    """Holm's step-down correction (Holm 1979, https://www.jstor.org/stable/4615733), in the order given.

    The tests go by their p-values, the smallest first, each at its own level, 0.05 / (tests that are left), until one
    fails: all others are then decided at that one's level. So a corrected p is below 0.05 exactly where the test's own
    is below its level.
    """
    count = len(p_values)
    order = sorted(range(count), key=lambda i: p_values[i])
    steps = [Step(1.0, ALPHA)] * count
    running, level = 0.0, ALPHA
    for rank, index in enumerate(order):
        if running < ALPHA:
            level = ALPHA / (count - rank)
        running = max(running, min(1.0, (count - rank) * p_values[index]))
        steps[index] = Step(running, level)
    return steps


def seeds_needed(num_tests: int) -> int:
    """The fewest paired seeds with which one of `num_tests` can fall below 0.05 after Holm."""
    seeds = 2
    while num_tests * least_p(seeds) >= ALPHA:
        seeds += 1
    return seeds


@lru_cache
def detectable_effect(num_pairs: int, num_tests: int) -> float:
    """The effect, in standard deviations *of the sample*, that as many new pairs find with 80 % power.

    It is taken at Holm's first and strictest step, 0.05 / num_tests: what a single true difference would have to pass.
    Up to 16 pairs the sign-flip test knows few p-values, so the level is the highest of them that passes; its power is
    that of the t-test at this level (normal differences), and where only the pattern "all seeds agree" passes, the
    probability of that pattern. A sample's standard deviation s is itself uncertain: (n - 1) s² / sigma² is chi-square,
    and power is averaged over it. That makes the effect larger than one in standard deviations of the population.

    Returns:
        The effect; infinite where no outcome could pass.
    """
    if num_pairs < 2 or num_tests * least_p(num_pairs) >= ALPHA:
        return math.inf
    freedom = num_pairs - 1
    ratios = np.sqrt(special.chdtri(freedom, (np.arange(_QUANTILES) + 0.5) / _QUANTILES) / freedom)  # s / sigma

    def missing(effect: float) -> float:
        return float(np.mean(_power(effect * ratios, num_pairs, num_tests))) - POWER

    high = 1.0
    while missing(high) < 0:
        high *= 2
    return float(optimize.brentq(missing, 0.0, high, xtol=1e-6))


def _power(effects: Array, num_pairs: int, num_tests: int) -> Array:
    """(Q,) the probability that each true effect, in standard deviations of the population, is found."""
    level = ALPHA / num_tests
    if num_pairs <= _LISTED:
        passing = _rejecting_patterns(num_pairs, num_tests)
        if passing == 1:
            return np.asarray(special.ndtr(effects) ** num_pairs)
        level = passing / 2 ** (num_pairs - 1)
    critical = special.stdtrit(num_pairs - 1, 1 - level / 2)
    return np.asarray(1 - special.nctdtr(num_pairs - 1, effects * math.sqrt(num_pairs), critical))


def _rejecting_patterns(num_pairs: int, num_tests: int) -> int:
    """How many of the 2^(n-1) mirrored pairs of patterns may be as extreme with p below the level."""
    return math.ceil(ALPHA / num_tests * 2.0 ** (num_pairs - 1)) - 1
