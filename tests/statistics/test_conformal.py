"""Split-conformal intervals hold what they say: by the formula, on exchangeable residuals, and on simulated series."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from seqexp.statistics import conformal

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import check_conformal


@pytest.mark.parametrize(("level", "count"), [(0.9, 9), (0.8, 4), (0.95, 19), (0.99, 99), (0.5, 1), (0.05, 1)])
def test_so_many_residuals_are_needed(level: float, count: int) -> None:
    assert conformal.least(level) == count
    residuals = np.arange(1.0, count + 1)[:, None]
    assert conformal.half_widths(residuals, level) == [max(1, np.ceil((count + 1) * level - 1e-9))]
    if count > 1:
        with pytest.raises(ValueError, match=f"step 1 has {count - 1} residuals, and level {level:g} needs {count}"):
            conformal.half_widths(residuals[1:], level)


def test_exchangeable_residuals_are_covered_as_often_as_is_said() -> None:
    draws = np.random.default_rng(0).standard_t(3, (20_000, 21))
    widths = conformal.half_widths(draws[:, :19].T, 0.9)
    held = np.abs(draws[:, 19]) <= widths
    assert abs(held.mean() - 0.9) < 4 * np.sqrt(0.09 / 20_000)


def test_coverage_counts_what_is_known() -> None:
    residuals = np.array([[0.5, -3.0], [-2.0, np.nan], [0.1, np.nan], [1.0, np.nan]])
    np.testing.assert_array_equal(conformal.coverage(residuals, np.array([1.0, 1.0])), [0.75, 0.0])
    assert np.isnan(conformal.coverage(np.full((2, 1), np.nan), np.ones(1))).all()


def test_on_ar_2_each_step_holds_its_level_within_3_points() -> None:
    series = check_conformal.simulate(np.random.default_rng(1), 200, check_conformal.FITTED + 400 + 100)
    errors = check_conformal.residuals(series, 10)
    by_step = check_conformal.coverage(errors, 0.9, 400, 100).mean(0)
    assert np.all(np.abs(by_step - 0.9) < 0.03), by_step


def test_the_script_counts_what_lies_in_its_split_and_no_more() -> None:
    errors = np.full((1, check_conformal.FITTED + 148, 3), np.nan)
    first = check_conformal.FITTED - 2
    errors[0, first : first + 100] = 1.0
    errors[0, first + 100 : first + 150] = 0.5
    errors[0, first + 99, 1:] = 9.0  # paths that leave validation, which end in the test
    errors[0, first + 149, 1:] = 9.0  # and those that leave the test
    np.testing.assert_array_equal(check_conformal.coverage(errors, 0.9, 100, 50), [[1.0, 1.0, 1.0]])
