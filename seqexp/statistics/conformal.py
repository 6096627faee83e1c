"""Split-conformal intervals: from how wrong predictions were on data that nothing was fitted to."""

from __future__ import annotations

import math

import numpy as np

from seqexp.statistics import Array


def least(level: float) -> int:
    """How many residuals an interval of this level needs: fewer would leave it without an end.

    Args:
        level: between 0 and 1.
    """
    # The (n + 1) * level-th smallest of n, rounded up, must be one of them; rounding may not make it one too many.
    return max(1, math.ceil(level / (1 - level) - 1e-9))


def half_widths(residuals: Array, level: float) -> Array:
    """The half width of the interval of each step: the ceil((n + 1) * level)-th smallest of n absolute residuals.

    If the residuals and the next one are exchangeable, the interval holds the next value with a probability of at least
    `level`. Neighbouring windows of a series are so at best nearly; coverage is to be measured beside it.

    Source: V. Vovk, A. Gammerman, G. Shafer, "Algorithmic learning in a random world" (2005); by steps of a horizon K.
    Stankeviciute, A. Alaa, M. van der Schaar, "Conformal time-series forecasting", NeurIPS (2021), without their
    correction over steps: each step has the level for itself.

    Args:
        residuals: (N, K) what was measured minus what was predicted; NaN where there is none.
        level: between 0 and 1.

    Returns:
        (K,).

    Raises:
        ValueError: a step has fewer residuals than `least`.
    """
    found = np.empty(residuals.shape[1])
    for step, column in enumerate(residuals.T):
        sizes = np.sort(np.abs(column[np.isfinite(column)]))
        if len(sizes) < least(level):
            raise ValueError(f"step {step + 1} has {len(sizes)} residuals, and level {level:g} needs {least(level)}")
        found[step] = sizes[math.ceil((len(sizes) + 1) * level - 1e-9) - 1]
    return found


def coverage(residuals: Array, widths: Array) -> Array:
    """The share of residuals inside the interval of each step, (K,); NaN where there is none.

    Args:
        residuals: (N, K), NaN where there is none.
        widths: (K,) half widths.
    """
    known = np.isfinite(residuals)
    inside = (np.abs(residuals) <= widths) & known
    counts = known.sum(0)
    return np.where(counts > 0, inside.sum(0) / np.maximum(counts, 1), np.nan)
