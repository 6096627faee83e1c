"""Means with their intervals, and how two rows of scores differ, seed by seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from seqexp.statistics.signflip import Array as Array
from seqexp.statistics.signflip import SignFlip

ALPHA = 0.05
CONFIDENCE = 0.95


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
        num_pairs: pairs that entered (0 for an unpaired difference).
        num_lost: pairs in which the first has no score, and in which the second has none; each counts as a loss by the
            largest difference seen.
        sized: whether sizes mean something; not where lost seeds are all in which the two differ.
        by_ratio: True where the logarithms of the scores were compared, False where the scores themselves.
        ratio: first over second: the geometric mean where `by_ratio`, else the ratio of the two means; NaN where a mean
            is 0 up to rounding.
        low: lower end of the ratio's interval; NaN unless `by_ratio`, 0 where it is open.
        high: upper end of it, infinite where it is open.
        gap: first minus second, mean, in the unit of the scores.
        gap_low: lower end of the gap's interval, minus infinity where it is open.
        gap_high: upper end of it.
        level: the interval of what was compared holds what the pair's own test does not reject at this level; an
            unpaired one and that of the gap where `by_ratio` are of 95 %, by Student's t.
        student_low: lower end of the 95 % Student-t interval of what was compared, as a ratio where `by_ratio`.
        student_high: upper end of it.
        means: first over second, ratio of the arithmetic means of the seeds that both finished; NaN where a mean is 0.
        means_low: lower end of its 95 % interval (Fieller 1954); 0 where it is open.
        means_high: upper end of it; infinite where it is open.
        p: two-sided p-value before any correction; NaN where nothing was tested.
        effect: paired Cohen's d_z, mean over standard deviation of the differences that were compared.
        deviation: standard deviation of the differences that were compared; NaN where there are no pairs.
        first_lower: pairs in which the first scored lower.
        second_lower: pairs in which the second scored lower.
        largest: the largest difference that was compared, with its sign.
    """

    num_pairs: int
    num_lost: tuple[int, int] = (0, 0)
    sized: bool = True
    by_ratio: bool
    ratio: float
    low: float
    high: float
    gap: float
    gap_low: float
    gap_high: float
    level: float = ALPHA
    student_low: float
    student_high: float
    means: float = math.nan
    means_low: float = math.nan
    means_high: float = math.nan
    p: float = math.nan
    effect: float = math.nan
    deviation: float = math.nan
    first_lower: int = 0
    second_lower: int = 0
    largest: float = math.nan


class Paired:
    """Two rows of scores of the same seeds.

    A seed that one of the two lost, by diverging, counts as a loss by the largest |difference| that was seen among the
    others; one that both lost says nothing, and is left out. Where the two are exchangeable, swapping them in one seed
    changes a sign and no size of any difference, lost seeds included, so that the sign-flip test stays exact.

    Args:
        first: (n,) scores >= 0, NaN where the seed was lost.
        second: (n,) scores of the same seeds.
        by_ratio: logarithms are compared, for which all scores are > 0; else the scores themselves, which may be 0.
        rounding: a mean up to here is 0 as far as anybody knows, and has no ratio.
    """

    def __init__(self, first: Array, second: Array, by_ratio: bool = True, rounding: float = 0.0) -> None:
        lost = np.isnan(np.stack([first, second]))
        kept = ~lost.all(axis=0)
        finite = ~lost.any(axis=0)
        self.by_ratio, self.rounding = by_ratio, rounding
        self.num_lost = (int((lost[0] & kept).sum()), int((lost[1] & kept).sum()))
        self.first, self.second = first[finite], second[finite]
        with np.errstate(over="ignore"):
            seen = np.log(self.first) - np.log(self.second) if by_ratio else self.first - self.second
        largest = float(np.abs(seen).max(initial=0.0))
        self.sized = largest > 0 or not any(self.num_lost)
        largest = largest or 1.0  # any size gives the same p
        losses = np.repeat([largest, -largest], self.num_lost)
        self.differences = np.concatenate([seen, losses])
        self.flip = SignFlip(self.differences) if len(self.differences) else None

    @property
    def p(self) -> float:
        """The two-sided p-value of the sign-flip test, before any correction."""
        return self.flip.p() if self.flip else math.nan

    def p_alike(self, margin: float) -> float:
        """The p-value of two one-sided sign-flip tests that the ratio lies between 1 / (1 + margin) and 1 + margin."""
        end = math.log1p(margin)
        return self.flip.p_between(-end, end) if self.flip and self.by_ratio else math.nan

    def student_p_alike(self, margin: float) -> float:
        """The same by Student's t, for a reader who expects that test."""
        d = self.differences
        if not self.by_ratio or len(d) < 2 or d.std(ddof=1) == 0:
            return math.nan
        error, end = float(d.std(ddof=1)) / math.sqrt(len(d)), math.log1p(margin)
        return float(special.stdtr(len(d) - 1, -(end - abs(float(d.mean()))) / error))

    def difference(self, level: float = ALPHA) -> Difference:
        """The difference of two pairs at least, with the interval of what the test does not reject at `level`."""
        d = self.differences
        with np.errstate(over="ignore", invalid="ignore"):  # numbers near the end of what a float holds
            mean, deviation, effect = float(d.mean()), float(d.std(ddof=1)), _effect(d)
            gaps = mean_interval(self.first - self.second)
        low, high = self.flip.interval(level) if self.flip else (-math.inf, math.inf)
        student = mean_interval(d)
        if self.by_ratio:
            sizes = {"ratio": bounded_exp(mean), "low": bounded_exp(low), "high": bounded_exp(high)}
            sizes |= {"gap": gaps.mean, "gap_low": gaps.low, "gap_high": gaps.high}
            sizes |= {"student_low": bounded_exp(student.low), "student_high": bounded_exp(student.high)}
        else:
            ratio = math.nan if any(self.num_lost) else mean_ratio(self.first, self.second, self.rounding)
            sizes = {"ratio": ratio, "low": math.nan, "high": math.nan, "gap": mean, "gap_low": low, "gap_high": high}
            sizes |= {"student_low": student.low, "student_high": student.high}
        if not self.sized:
            sizes, deviation = dict.fromkeys(sizes, math.nan), math.nan
        means, means_low, means_high = self._means()
        return Difference(
            num_pairs=len(d),
            num_lost=self.num_lost,
            sized=self.sized,
            by_ratio=self.by_ratio,
            **sizes,
            level=level,
            means=means,
            means_low=means_low,
            means_high=means_high,
            p=self.p,
            effect=effect,
            deviation=0.0 if math.isinf(effect) and self.sized else deviation,
            first_lower=int((d < 0).sum()),
            second_lower=int((d > 0).sum()),
            largest=float(d[np.argmax(np.abs(d))]),
        )

    def _means(self) -> tuple[float, float, float]:
        if math.isnan(mean_ratio(self.first, self.second, self.rounding)):
            return math.nan, math.nan, math.nan
        return fieller(self.first, self.second)


def _effect(differences: Array) -> float:
    """Mean over standard deviation, in any unit; infinite where all differences are one, up to rounding; 0 of zeros."""
    scaled = differences / (float(np.abs(differences).max()) or 1.0)
    mean, deviation = float(scaled.mean()), float(scaled.std(ddof=1))
    if deviation <= 1e-12 * abs(mean):
        return math.copysign(math.inf, mean) if mean else 0.0
    return mean / deviation


def paired_difference(first: Array, second: Array, by_ratio: bool = True, rounding: float = 0.0) -> Difference:
    """Compares two rows of scores pair by pair, by themselves; see `Paired`."""
    return Paired(first, second, by_ratio, rounding).difference()


def mean_interval(values: object) -> Interval:
    """The mean of the finite values, with its Student-t interval."""
    array = np.asarray(values, dtype=float)
    array = array[np.isfinite(array)]
    if array.size == 0:
        return Interval(math.nan, math.nan, math.nan)
    if array.size == 1:
        return Interval(float(array[0]), math.nan, math.nan)
    with np.errstate(over="ignore", invalid="ignore"):  # numbers near the end of what a float holds
        mean = float(array.mean())
        half = t_quantile(array.size - 1) * float(array.std(ddof=1)) / math.sqrt(array.size)
    return Interval(mean, mean - half, mean + half)


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
    gaps = _welch(first, second)
    shown = gaps
    ratio = (mean_ratio(first, second, rounding), math.nan, math.nan)
    if by_ratio:
        logs = _welch(np.log(first), np.log(second))
        ratio = (bounded_exp(logs.mean), bounded_exp(logs.low), bounded_exp(logs.high))
        shown = Interval(*ratio)
    return Difference(
        num_pairs=0,
        by_ratio=by_ratio,
        ratio=ratio[0],
        low=ratio[1],
        high=ratio[2],
        gap=gaps.mean,
        gap_low=gaps.low,
        gap_high=gaps.high,
        student_low=shown.low,
        student_high=shown.high,
    )


def mean_ratio(first: Array, second: Array, rounding: float) -> float:
    """The ratio of two means; NaN where one of them is 0 up to rounding, or there is none."""
    if min(len(first), len(second)) == 0:
        return math.nan
    with np.errstate(over="ignore"):
        means = float(first.mean()), float(second.mean())
    return means[0] / means[1] if min(means) > rounding else math.nan


def fieller(first: Array, second: Array) -> tuple[float, float, float]:
    """The ratio of two means of pairs with its 95 % interval (Fieller 1954, https://www.jstor.org/stable/2984043).

    Args:
        first: (n,) scores, their mean > 0.
        second: (n,) scores of the same seeds, their mean > 0.

    Returns:
        The ratio and the ends; 0 and infinity where the second mean is not told from 0.
    """
    count = len(first)
    if count < 2:
        return float(first.mean() / second.mean()), math.nan, math.nan
    scale = max(float(first.max()), float(second.max()))
    a, b = first / scale, second / scale
    (aa, ab), (_, bb) = np.cov(a, b) * t_quantile(count - 1) ** 2 / count
    square, line, constant = b.mean() ** 2 - bb, a.mean() * b.mean() - ab, a.mean() ** 2 - aa
    ratio = float(a.mean() / b.mean())
    if square <= 0:
        return ratio, 0.0, math.inf
    root = math.sqrt(max(0.0, line**2 - square * constant))
    return ratio, max(0.0, float((line - root) / square)), float((line + root) / square)


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
    half = t_quantile(freedom) * math.sqrt(va + vb)
    return Interval(mean, mean - half, mean + half)


@lru_cache(maxsize=1024)
def t_quantile(freedom: float) -> float:
    """What half the width of a 95 % Student-t interval is, in standard errors."""
    return float(special.stdtrit(freedom, 0.5 + CONFIDENCE / 2))


def bounded_exp(value: float) -> float:
    """exp, finite for finite numbers."""
    if math.isinf(value):
        return math.inf if value > 0 else 0.0
    return float(np.exp(min(max(value, -700.0), 700.0))) if not math.isnan(value) else math.nan
