"""How far scores spread: a standard deviation and a ratio of two variances, with intervals that tails do not mislead.

D. G. Bonett, "Approximate confidence interval for standard deviation of nonnormal distributions", Computational
Statistics & Data Analysis 50 (2006): the logarithm of the variance is about normal, with a standard error that the
sample's own kurtosis sets. For normal scores it is as good as the chi-square and F intervals; for skewed ones those are
far too narrow.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from seqexp.statistics.paired import CONFIDENCE, Array, bounded_exp

_Z = float(special.ndtri(0.5 + CONFIDENCE / 2))

FEWEST = 5
"""Scores from which on there is an interval."""


def deviation_interval(values: Array) -> tuple[float, float]:
    """The 95 % interval of a standard deviation.

    Args:
        values: (n,) finite scores.

    Returns:
        Both ends; NaN for fewer than five scores, 0 where they do not vary.
    """
    if len(values) < FEWEST:
        return math.nan, math.nan
    if np.ptp(values) == 0:
        return 0.0, 0.0
    log, error = _log_variance(values)
    return bounded_exp((log - _Z * error) / 2), bounded_exp((log + _Z * error) / 2)


def variance_ratio(first: Array, second: Array) -> tuple[float, float, float]:
    """The ratio of two variances with its 95 % interval.

    Args:
        first: (n,) finite scores.
        second: (m,) finite scores of other seeds.

    Returns:
        The ratio and both ends; NaN where one has fewer than five scores, or the second does not vary.
    """
    if min(len(first), len(second)) < FEWEST or np.ptp(second) == 0:
        return math.nan, math.nan, math.nan
    if np.ptp(first) == 0:
        return 0.0, 0.0, 0.0
    (log, error), (other, its_error) = _log_variance(first), _log_variance(second)
    plain = log - _correction(len(first)) - other + _correction(len(second))
    half = _Z * math.hypot(error, its_error)
    return bounded_exp(plain), bounded_exp(log - other - half), bounded_exp(log - other + half)


def _log_variance(values: Array) -> tuple[float, float]:
    """The logarithm of the variance, corrected for small samples, and its standard error."""
    count, unit = len(values), float(np.ptp(values))  # squares of very small or large numbers have no float
    values = (values - values.min()) / unit
    trimmed = 1 / (2 * math.sqrt(count - 4))  # the share that the mean of the fourth powers leaves out at each end
    cut = int(trimmed * count)
    ordered = sorted(values.tolist())
    inner = ordered[cut : count - cut] or ordered
    centre = sum(inner) / len(inner)
    kurtosis = count * float(((values - centre) ** 4).sum()) / float(((values - values.mean()) ** 2).sum()) ** 2
    error = math.exp(_correction(count)) * math.sqrt(max(0.0, (kurtosis - (count - 3) / count) / (count - 1)))
    return _correction(count) + math.log(float(values.var(ddof=1))) + 2 * math.log(unit), error


def _correction(count: int) -> float:
    """What is added to the logarithm of a small sample's variance."""
    return math.log(count / (count - _Z))
