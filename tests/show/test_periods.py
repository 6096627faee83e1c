"""Test periods of folds on one axis."""

from __future__ import annotations

import numpy as np

from seqexp.show.periods import joined, spread, steps


def test_no_line_joins_two_periods_and_no_step_is_counted_for_the_gap() -> None:
    line = joined([np.array([1.0, 2.0]), np.array([3.0])])
    np.testing.assert_array_equal(line, [1, 2, np.nan, 3])
    np.testing.assert_array_equal(steps(line)[np.isfinite(line)], [0, 1, 2])


def test_a_fold_without_a_seed_is_left_empty() -> None:
    mean, low, high = spread({1: [np.array([1.0, 2.0]), np.array([3.0, 4.0])]}, {0: 1, 1: 2})
    np.testing.assert_allclose(mean, [np.nan, np.nan, 2, 3])
    np.testing.assert_allclose((low + high) / 2, mean)
