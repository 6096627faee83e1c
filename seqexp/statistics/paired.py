"""Statistics over seeds: intervals, paired differences, exact p-values, Holm, power."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special

Array = npt.NDArray[np.float64]

ALPHA = 0.05
CONFIDENCE = 0.95
POWER = 0.80
MOST_PATTERNS = 2**16
MANY_SEEDS = 1_000  # beyond, 9,999 random patterns do
_CHUNK = 2**22  # signs held at once: 32 MiB of float64


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % Student-t interval; the ends are NaN for fewer than two values."""

    mean: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the interval's width: the number behind ±."""
        return (self.high - self.low) / 2


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How the first of two rows of scores differs from the second.

    Attributes:
        num_pairs: pairs of scores that entered (0 for an unpaired difference).
        by_ratio: True where the logarithms of the scores were compared, False where the scores themselves.
        ratio: first over second: the geometric mean where `by_ratio`, else the ratio of the two means; NaN where a mean
            is 0 up to rounding.
        low: lower end of the ratio's 95 % interval; NaN unless `by_ratio`.
        high: upper end of it.
        gap: first minus second, mean, in the unit of the scores.
        gap_low: lower end of the gap's 95 % interval.
        gap_high: upper end of it.
        p: two-sided p-value before any correction; NaN where nothing was tested.
        effect: paired Cohen's d_z, mean over standard deviation of the differences that were compared.
        deviation: standard deviation of the differences that were compared; NaN where there are no pairs.
        first_lower: pairs in which the first scored lower.
        second_lower: pairs in which the second scored lower.
    """

    num_pairs: int
    by_ratio: bool
    ratio: float
    low: float
    high: float
    gap: float
    gap_low: float
    gap_high: float
    p: float
    effect: float
    deviation: float
    first_lower: int
    second_lower: int


def mean_interval(values: npt.ArrayLike) -> Interval:
    """The mean of the finite values, with its Student-t interval."""
    array = np.asarray(values, dtype=float)
    array = array[np.isfinite(array)]
    if array.size == 0:
        return Interval(math.nan, math.nan, math.nan)
    if array.size == 1:
        return Interval(float(array[0]), math.nan, math.nan)
    with np.errstate(over="ignore"):  # numbers near the end of what a float holds
        mean = float(array.mean())
        half = _t_quantile(array.size - 1) * float(array.std(ddof=1)) / math.sqrt(array.size)
    return Interval(mean, mean - half, mean + half)


def paired_difference(first: Array, second: Array, by_ratio: bool = True, rounding: float = 0.0) -> Difference:
    """Compares two rows of scores pair by pair.

    Args:
        first: (n,) finite scores >= 0, n >= 2.
        second: (n,) scores of the same seeds.
        by_ratio: compares logarithms, for which all scores are > 0; else the scores themselves, which may be 0.
        rounding: a mean up to here is 0 as far as anybody knows, and has no ratio.

    Returns:
        The difference, with an uncorrected p-value.
    """
    with np.errstate(over="ignore"):
        gaps = first - second
    differences = np.log(first) - np.log(second) if by_ratio else gaps
    with np.errstate(over="ignore", invalid="ignore"):  # numbers near the end of what a float holds
        mean, deviation = float(differences.mean()), float(differences.std(ddof=1))
    if deviation < 1e-12 * abs(mean):  # one and the same difference in every pair, up to rounding
        deviation = 0.0
    return Difference(
        num_pairs=len(first),
        by_ratio=by_ratio,
        **_sizes(first, second, mean_interval(differences), mean_interval(gaps), by_ratio, rounding),
        p=sign_flip_p(differences),
        effect=mean / deviation if deviation > 0 else math.copysign(math.inf, mean) if mean else 0.0,
        deviation=deviation,
        first_lower=int((gaps < 0).sum()),
        second_lower=int((gaps > 0).sum()),
    )


def unpaired_difference(first: Array, second: Array, by_ratio: bool = True, rounding: float = 0.0) -> Difference:
    """The difference of two rows of scores that share no seeds, with Welch's interval. Nothing is tested.

    Args:
        first: (n,) finite scores >= 0.
        second: (m,) finite scores >= 0.
        by_ratio: compares logarithms, for which all scores are > 0.
        rounding: a mean up to here has no ratio.

    Returns:
        The difference; an interval is NaN where a row has fewer than two scores.
    """
    logs = _welch(np.log(first), np.log(second)) if by_ratio else Interval(math.nan, math.nan, math.nan)
    return Difference(
        num_pairs=0,
        by_ratio=by_ratio,
        **_sizes(first, second, logs, _welch(first, second), by_ratio, rounding),
        p=math.nan,
        effect=math.nan,
        deviation=math.nan,
        first_lower=0,
        second_lower=0,
    )


def mean_ratio(first: Array, second: Array, rounding: float) -> float:
    """The ratio of two means; NaN where one of them is 0 up to rounding, or there is none."""
    if min(len(first), len(second)) == 0:
        return math.nan
    with np.errstate(over="ignore"):
        means = float(first.mean()), float(second.mean())
    return means[0] / means[1] if min(means) > rounding else math.nan


def _sizes(
    first: Array, second: Array, logs: Interval, gaps: Interval, by_ratio: bool, rounding: float
) -> dict[str, float]:
    """Ratio and gap with their intervals, as fields of a `Difference`."""
    if by_ratio:
        ratio = {"ratio": _exp(logs.mean), "low": _exp(logs.low), "high": _exp(logs.high)}
    else:
        ratio = {"ratio": mean_ratio(first, second, rounding), "low": math.nan, "high": math.nan}
    return {**ratio, "gap": gaps.mean, "gap_low": gaps.low, "gap_high": gaps.high}


def _welch(first: Array, second: Array) -> Interval:
    """The difference of two means with Welch's interval."""
    if min(len(first), len(second)) == 0:
        return Interval(math.nan, math.nan, math.nan)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(first.mean() - second.mean())
        if min(len(first), len(second)) < 2:
            return Interval(mean, math.nan, math.nan)
        va, vb = float(first.var(ddof=1)) / len(first), float(second.var(ddof=1)) / len(second)
    if not math.isfinite(va + vb):
        return Interval(mean, math.nan, math.nan)
    if va + vb == 0:
        return Interval(mean, mean, mean)
    share = va / (va + vb)
    freedom = 1 / (share**2 / (len(first) - 1) + (1 - share) ** 2 / (len(second) - 1))
    half = _t_quantile(freedom) * math.sqrt(va + vb)
    return Interval(mean, mean - half, mean + half)


def sign_flip_p(differences: Array) -> float:
    """Two-sided p-value of the sign-flip permutation test of mean zero.

    Exact over all 2^n patterns of signs up to 2^16 of them; beyond, from 2^16 - 1 random patterns of a fixed
    seed (9,999 above 1,000 seeds) with the observed one added, so that p is never 0 and the test keeps its
    level (Phipson & Smyth 2010, https://doi.org/10.2202/1544-6115.1585).
    """
    count = len(differences)
    if count and (largest := float(np.abs(differences).max())) > 1e150:  # their sum may be beyond what a float holds
        differences = differences / largest
    observed = abs(float(differences.sum()))
    bound = observed - 1e-12 * float(np.abs(differences).sum())  # equal sums count as equal
    if count == 0:
        return 1.0
    if 2**count <= MOST_PATTERNS:  # the last sign stays: a pattern and its mirror image have the same |sum|
        sums = np.abs(_all_signs(count) @ differences)
        return float((sums >= bound).mean())
    rng = np.random.default_rng(0)
    draws = MOST_PATTERNS - 1 if count <= MANY_SEEDS else 9_999
    hits, step = 0, max(1, _CHUNK // count)
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        noise = np.frombuffer(rng.bytes(rows * math.ceil(count / 8)), np.uint8).reshape(rows, -1)
        kept = np.unpackbits(noise, axis=1)[:, :count].astype(float) @ differences  # (rows,)
        sums = np.abs(2.0 * kept - differences.sum())
        hits += int((sums >= bound).sum())
    return (hits + 1) / (draws + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (Holm 1979): adjusted p-values, in the order given."""
    count = len(p_values)
    adjusted, running = [0.0] * count, 0.0
    for rank, index in enumerate(sorted(range(count), key=lambda i: p_values[i])):
        running = max(running, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted


def seeds_needed(num_tests: int) -> int:
    """The fewest paired seeds with which one of `num_tests` can fall below 0.05 after Holm."""
    seeds = 2
    while _rejecting_patterns(seeds, num_tests) == 0:
        seeds += 1
    return seeds


@lru_cache
def detectable_effect(num_pairs: int, num_tests: int) -> float:
    """The smallest paired effect d_z that a test among `num_tests` finds with 80 % power.

    It is taken at Holm's first and strictest step, 0.05 / num_tests: what a single true difference would
    have had to pass. Below 17 pairs the sign-flip test knows only 2^(n-1) p-values, so the level is the
    highest of them that passes. Power is that of the t-test at this level (normal differences); where
    only the pattern "all seeds agree" passes, it is the probability of that pattern.

    Returns:
        The effect in standard deviations of the difference; infinite where no outcome could pass.
    """
    if num_pairs < 2:
        return math.inf
    level = ALPHA / num_tests
    if num_pairs <= 16:
        passing = _rejecting_patterns(num_pairs, num_tests)
        if passing == 0:
            return math.inf
        if passing == 1:
            return float(special.ndtri(POWER ** (1 / num_pairs)))
        level = passing / 2 ** (num_pairs - 1)
    critical = special.stdtrit(num_pairs - 1, 1 - level / 2)
    return float(special.nctdtrinc(num_pairs - 1, 1 - POWER, critical)) / math.sqrt(num_pairs)


def _rejecting_patterns(num_pairs: int, num_tests: int) -> int:
    """How many of the 2^(n-1) mirrored pairs of patterns may be as extreme with p below the level."""
    return math.ceil(ALPHA / num_tests * 2.0 ** (num_pairs - 1)) - 1


@lru_cache(maxsize=4)
def _all_signs(count: int) -> Array:
    """(2^(count-1), count) all patterns of +1 and -1 whose last entry is +1."""
    patterns = np.arange(2 ** (count - 1))[:, None] >> np.arange(count)
    return np.asarray(1.0 - 2.0 * (patterns & 1), dtype=np.float64)


@lru_cache(maxsize=1024)
def _t_quantile(freedom: float) -> float:
    return float(special.stdtrit(freedom, 0.5 + CONFIDENCE / 2))


def _exp(value: float) -> float:
    return float(np.exp(min(max(value, -700.0), 700.0))) if not math.isnan(value) else math.nan
