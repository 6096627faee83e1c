"""Test periods of several folds as one line with gaps, each period predicted by the seeds of its own fold alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from seqexp.show.figures import Array

BAND = (2.5, 97.5)
"""Percentiles over seeds."""


def joined(periods: Sequence[Array]) -> Array:
    """Puts periods, (N,) each, one behind the other, with NaN between two of them so that no line joins them."""
    gap = [np.array([np.nan])]
    parts = [part for period in periods for part in (*gap, period)]
    return np.concatenate(parts[1:])


def steps(actual: Array) -> Array:
    """The time steps of joined periods, counted without the gaps."""
    counted: Array = np.maximum(np.cumsum(np.isfinite(actual)) - 1, 0).astype(np.float64)
    return counted


def spread(lines: Mapping[int, Sequence[Array]], sizes: Mapping[int, int]) -> tuple[Array, Array, Array]:
    """Mean and band over the seeds of each fold, joined in the order of the folds; NaN where a fold has no seed.

    Args:
        lines: fold -> what each of its seeds predicts, (N,) each.
        sizes: fold -> N, all folds that are drawn.
    """
    ends: list[tuple[Array, Array, Array]] = []
    for fold in sorted(sizes):
        if found := lines.get(fold):
            values = np.array(found)  # (S, N)
            low, high = np.percentile(values, BAND, axis=0) if len(values) > 1 else values.repeat(2, axis=0)
            ends.append((values.mean(axis=0), low, high))
        else:
            nothing = np.full(sizes[fold], np.nan)
            ends.append((nothing, nothing, nothing))
    mean, low, high = (joined(each) for each in zip(*ends, strict=True))
    return mean, low, high
