"""Statistics over tasks: ranks with their critical difference, mean ratios, interquartile means and profiles.

Tasks are the sample of ranks and mean ratios; of interquartile means and profiles it is the seeds within each task.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from seqexp.statistics.paired import ALPHA, Array, Interval, bounded_exp

DRAWS = 2_000
"""Bootstrap samples."""

_CHUNK = 2**22  # scores held at once: 32 MiB of float64


@dataclass(frozen=True)
class Friedman:
    """Friedman's statistic, chi-squared with k - 1 degrees of freedom, and Iman and Davenport's F of it."""

    chi_squared: float
    f: float


@dataclass(frozen=True)
class Aggregate:
    """What k rows score over tasks and seeds.

    Attributes:
        means: interquartile mean of each row, with its interval (NaN where every task has one seed).
        levels: (P,) scores.
        share: (k, P) share of all tasks and seeds that score so much or less.
        low: (k, P) lower edge of its pointwise 95 % band.
        high: (k, P) upper edge.
    """

    means: list[Interval]
    levels: Array
    share: Array
    low: Array
    high: Array


def rank(scores: Array) -> Array:
    """Ranks along the last axis, from 1 for the lowest score; equal scores share the mean of their ranks.

    Args:
        scores: (..., k) no NaN; infinite is the worst.

    Returns:
        (..., k) ranks.
    """
    own, other = scores[..., :, None], scores[..., None, :]
    below, equal = (other < own).sum(axis=-1), (other == own).sum(axis=-1)
    return np.asarray(below + (equal + 1) / 2, dtype=np.float64)


def friedman(ranks: Array) -> Friedman:
    """Friedman's test of k rows on N tasks, corrected for ties (J. Demsar, JMLR 7 (2006), section 3.2.2).

    Args:
        ranks: (N, k) ranks within each task, as `rank` gives them.

    Returns:
        Both statistics; NaN where all ranks are tied, F infinite where all tasks agree.
    """
    num_tasks, num_rows = ranks.shape
    middle = (num_rows + 1) / 2
    spread = float(((ranks - middle) ** 2).sum())
    if spread == 0:
        return Friedman(math.nan, math.nan)
    between = float(((ranks.sum(axis=0) - num_tasks * middle) ** 2).sum())
    chi_squared = (num_rows - 1) * between / spread
    rest = num_tasks * (num_rows - 1) - chi_squared
    return Friedman(chi_squared, (num_tasks - 1) * chi_squared / rest if rest > 1e-9 else math.inf)


def critical_difference(num_rows: int, num_tasks: int) -> float:
    """How far two mean ranks must be apart to differ at 0.05, over all pairs of rows at once.

    From three rows on it is Nemenyi's q sqrt(k (k + 1) / (6 N)), where q is the 0.95 quantile of the range of k normal
    variables over sqrt(2) (J. Demsar, JMLR 7 (2006), section 3.2.2). Of two rows the normal approximation errs too
    often (12 % at four tasks), so theirs is that of the exact sign test (section 3.1.3).

    Args:
        num_rows: k >= 2.
        num_tasks: N >= 1.

    Returns:
        The difference; it is infinite where two rows cannot differ on so few tasks.
    """
    if num_rows > 2:
        return _range_quantile(num_rows) * math.sqrt(num_rows * (num_rows + 1) / (12 * num_tasks))
    wins = np.arange(num_tasks // 2 + 1, num_tasks + 1)
    p = 2 * special.bdtrc(wins - 1, num_tasks, 0.5)  # of so many wins or more, in either direction
    enough = wins[p <= ALPHA]
    return float((2 * enough[0] - num_tasks) / num_tasks) if enough.size else math.inf


def tasks_needed(num_rows: int) -> int:
    """The fewest tasks on which the mean ranks of some two rows can be a critical difference apart."""
    tasks = 2
    while critical_difference(num_rows, tasks) > num_rows - 1:
        tasks += 1
    return tasks


def mean_log_ratio(logs: Array, num_pairs: int) -> Interval:
    """The geometric mean of ratios over tasks, with a Student-t interval of their logarithms over tasks.

    Args:
        logs: (N,) logarithm of the ratio on each task.
        num_pairs: so many such intervals hold all at once in 95 % of cases (Bonferroni).

    Returns:
        A ratio with its interval; NaN for fewer than two tasks.
    """
    mean = float(logs.mean())
    if len(logs) < 2:
        return Interval(bounded_exp(mean), math.nan, math.nan)
    quantile = float(special.stdtrit(len(logs) - 1, 1 - ALPHA / (2 * num_pairs)))
    half = quantile * float(logs.std(ddof=1)) / math.sqrt(len(logs))
    return Interval(bounded_exp(mean), bounded_exp(mean - half), bounded_exp(mean + half))


def interquartile_mean(scores: Array) -> Array:
    """The mean of the middle half, along the last axis: a quarter, rounded down, is cut at each end.

    R. Agarwal et al., "Deep RL at the edge of the statistical precipice", https://arxiv.org/abs/2108.13264

    Args:
        scores: (..., m), which may be infinite.
    """
    cut = scores.shape[-1] // 4
    middle = np.sort(scores, axis=-1)[..., cut : scores.shape[-1] - cut]
    return np.asarray(middle.mean(axis=-1), dtype=np.float64)


def aggregate(scores: Array, levels: Array, rng: np.random.Generator) -> Aggregate:
    """Interquartile means and performance profiles, with percentile intervals of a stratified bootstrap.

    Seeds are drawn again within each task, the same ones for all rows; tasks stay as they are: the intervals speak of
    new seeds on these tasks (R. Agarwal et al., https://arxiv.org/abs/2108.13264, section 4; there higher scores are
    better, here lower ones). A sample of n has the variance (n - 1) / n of what it is drawn from, so
    the intervals are widened by sqrt(n / (n - 1)) about the estimate: few seeds do not make them too narrow.

    Args:
        scores: (k, T, n) of k rows on T tasks with n seeds, made comparable; infinite where a seed diverged.
        levels: (P,) at which the profile is taken.
        rng: draws the samples.
    """
    num_rows, num_tasks, num_seeds = scores.shape
    rows = scores.reshape(num_rows, -1)  # (k, T * n)
    means, shares = [], []
    step = max(1, _CHUNK // rows.shape[1])
    for start in range(0, DRAWS if num_seeds > 1 else 0, step):
        count = min(step, DRAWS - start)
        drawn = rng.integers(num_seeds, size=(count, num_tasks, num_seeds))
        places = (drawn + num_seeds * np.arange(num_tasks)[:, None]).reshape(count, -1)  # (B, T * n)
        times = np.zeros((count, rows.shape[1]))  # how often each score was drawn
        np.add.at(times, (np.arange(count)[:, None], places), 1.0)
        means.append(np.stack([interquartile_mean(row[places]) for row in rows]))  # (k, B)
        shares.append(np.stack([times @ _below(row, levels) / rows.shape[1] for row in rows]))  # (k, B, P)
    point = interquartile_mean(rows)
    share = np.stack([_below(row, levels).mean(axis=0) for row in rows])
    if not means:
        nothing = np.full_like(share, math.nan)
        return Aggregate([Interval(float(each), math.nan, math.nan) for each in point], levels, share, nothing, nothing)
    wider = math.sqrt(num_seeds / (num_seeds - 1))
    ends = zip(point, *_middle(np.concatenate(means, axis=1), point, wider), strict=True)
    low, high = _middle(np.concatenate(shares, axis=1), share, wider)
    return Aggregate([Interval(*map(float, each)) for each in ends], levels, share, low, np.minimum(high, 1.0))


def _below(row: Array, levels: Array) -> Array:
    """(m, P) 1 where a score is so much or less, else 0."""
    return (row[:, None] <= levels).astype(np.float64)


def _middle(values: Array, estimate: Array, wider: float) -> Array:
    """Both ends of the middle 95 % of samples along axis 1, so much wider about an estimate, and not below 0.

    What is infinite is not interpolated, and stays as it is.
    """
    ends = np.quantile(values, [ALPHA / 2, 1 - ALPHA / 2], axis=1, method="inverted_cdf")
    finite = np.isfinite(ends) & np.isfinite(estimate)
    about, end = np.where(finite, estimate, 0.0), np.where(finite, ends, 0.0)
    widened = about + wider * (end - about)
    return np.asarray(np.where(finite, np.maximum(widened, 0.0), ends), dtype=np.float64)


def _range_quantile(count: int) -> float:
    """The 0.95 quantile of the range of `count` standard normal variables: the studentized range of infinite freedom.

    Its distribution is the integral of count phi(z) (Phi(z) - Phi(z - q))^(count - 1) over z, phi and Phi the normal
    density and distribution; it is inverted by halving.
    """
    z = np.linspace(-9.0, 9.0, 2001)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    low, high = 0.0, 20.0
    while high - low > 1e-10:
        q = (low + high) / 2
        inside = count * density * (special.ndtr(z) - special.ndtr(z - q)) ** (count - 1)
        low, high = (q, high) if np.trapezoid(inside, z) < 1 - ALPHA else (low, q)
    return low
