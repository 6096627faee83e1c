"""How far scores spread: a standard deviation with its interval, and the ratio of two variances."""

from __future__ import annotations

import math

from scipy import special

from seqexp.statistics.paired import CONFIDENCE, Array

_TAIL = (1 - CONFIDENCE) / 2


def deviation_interval(values: Array) -> tuple[float, float]:
    """The 95 % interval of a normal standard deviation: (n - 1) s^2 / sigma^2 is chi-square with n - 1 degrees.

    Args:
        values: (n,) finite scores.

    Returns:
        Both ends; NaN for fewer than two values.
    """
    if len(values) < 2:
        return math.nan, math.nan
    freedom, deviation = len(values) - 1, float(values.std(ddof=1))
    low, high = special.chdtri(freedom, _TAIL), special.chdtri(freedom, 1 - _TAIL)
    return float(deviation * math.sqrt(freedom / low)), float(deviation * math.sqrt(freedom / high))


def variance_ratio(first: Array, second: Array) -> tuple[float, float, float]:
    """The ratio of two normal variances with its 95 % interval: divided by the true one it has an F distribution.

    Args:
        first: (n,) finite scores.
        second: (m,) finite scores of other seeds.

    Returns:
        The ratio and both ends; NaN where one has fewer than two values, or the second does not vary.
    """
    if min(len(first), len(second)) < 2 or second.var(ddof=1) == 0:
        return math.nan, math.nan, math.nan
    ratio = float(first.var(ddof=1) / second.var(ddof=1))
    low, high = (special.fdtri(len(first) - 1, len(second) - 1, share) for share in (1 - _TAIL, _TAIL))
    return ratio, float(ratio / low), float(ratio / high)
