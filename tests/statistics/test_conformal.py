"""Split-conformal intervals hold what they say: by the formula, on exchangeable residuals, and on simulated series."""

from __future__ import annotations

import numpy as np
import pytest

from seqexp.statistics import Array, conformal


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


def paths(series: Array, fitted: int, steps: int) -> Array:
    """What AR(2), fitted to the first values of each series, makes of every two neighbours: (series, starts, K)."""
    known = np.stack([series[:, 1 : fitted - 1], series[:, : fitted - 2]], -1)  # (R, N, 2)
    target = series[:, 2:fitted]
    found = np.linalg.solve(np.swapaxes(known, 1, 2) @ known, np.swapaxes(known, 1, 2) @ target[..., None])[..., 0]
    last, before = series[:, 1:-1], series[:, :-2]
    made = []
    for _ in range(steps):
        last, before = found[:, :1] * last + found[:, 1:] * before, last
        made.append(last)
    return np.stack(made, -1)


def test_on_ar_2_each_step_holds_its_level_within_3_points() -> None:
    rng, steps, level = np.random.default_rng(1), 10, 0.9
    fitted, judged, tested = 400, 400, 100
    length = fitted + judged + tested + steps
    series = np.zeros((200, length + 200))
    noise = rng.standard_normal(series.shape)
    for place in range(2, series.shape[1]):
        series[:, place] = 1.2 * series[:, place - 1] - 0.5 * series[:, place - 2] + noise[:, place]
    series = series[:, 200:]
    made = paths(series, fitted, steps)  # (R, L - 2, K), of starts that end at 1, 2, ...
    places = np.arange(made.shape[1])[:, None] + 2 + np.arange(steps)
    truth = np.where(places < length, series[:, np.minimum(places, length - 1)], np.nan)
    residuals = truth - made
    held = []
    for own in residuals:
        widths = conformal.half_widths(own[fitted - 2 : fitted + judged - 2 - steps], level)
        held.append(conformal.coverage(own[fitted + judged - 2 : fitted + judged - 2 + tested], widths))
    by_step = np.mean(held, axis=0)
    assert np.all(np.abs(by_step - level) < 0.03), by_step
