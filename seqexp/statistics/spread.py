"""How far scores spread: a standard deviation and a ratio of two variances, with intervals that tails do not mislead.

D. G. Bonett, "Approximate confidence interval for standard deviation of nonnormal distributions", Computational
Statistics & Data Analysis 50 (2006): the logarithm of the variance is about normal, with a standard error that the
sample's own kurtosis sets. For normal scores it is as good as the chi-square and F intervals; for skewed ones those are
far too narrow.
"""

from __future__ import annotations

import math

from scipy import special

from seqexp.statistics.paired import CONFIDENCE, Array

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
    if values.var() == 0:
        return 0.0, 0.0
    log, error = _log_variance(values)
    return math.exp((log - _Z * error) / 2), math.exp((log + _Z * error) / 2)


def variance_ratio(first: Array, second: Array) -> tuple[float, float, float]:
    """The ratio of two variances with its 95 % interval.

    Args:
        first: (n,) finite scores.
        second: (m,) finite scores of other seeds.

    Returns:
        The ratio and both ends; NaN where one has fewer than five scores, or the second does not vary.
    """
    if min(len(first), len(second)) < FEWEST or second.var() == 0:
        return math.nan, math.nan, math.nan
    ratio = float(first.var(ddof=1) / second.var(ddof=1))
    if ratio == 0:
        return 0.0, 0.0, 0.0
    (log, error), (other, its_error) = _log_variance(first), _log_variance(second)
    half = _Z * math.hypot(error, its_error)
    return ratio, math.exp(log - other - half), math.exp(log - other + half)


def _log_variance(values: Array) -> tuple[float, float]:
    """The logarithm of the variance, corrected for small samples, and its standard error."""
    count = len(values)
    trimmed = 1 / (2 * math.sqrt(count - 4))  # the share that the mean of the fourth powers leaves out at each end
    cut = int(trimmed * count)
    ordered = sorted(values.tolist())
    inner = ordered[cut : count - cut] or ordered
    centre = sum(inner) / len(inner)
    kurtosis = count * float(((values - centre) ** 4).sum()) / float(((values - values.mean()) ** 2).sum()) ** 2
    correction = count / (count - _Z)
    error = correction * math.sqrt(max(0.0, (kurtosis - (count - 3) / count) / (count - 1)))
    return math.log(correction * float(values.var(ddof=1))), error
