"""Standard deviations and ratios of variances: coverage, and the chi-square interval for normal scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from seqexp.statistics.spread import deviation_interval, variance_ratio

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("sigma", "least"), [(0.0, 0.93), (0.3, 0.90), (0.7, 0.78)])
def test_coverage_is_near_nominal_where_chi_square_is_not(sigma: float, least: float) -> None:
    scores = RNG.normal(0, 1, (2, 2_000, 20))
    scores = np.exp(sigma * scores) if sigma else scores
    truth = math.sqrt(math.expm1(sigma**2) * math.exp(sigma**2)) if sigma else 1.0
    held = [low <= truth <= high for low, high in map(deviation_interval, scores[0])]
    assert least <= np.mean(held) <= 0.97
    pairs = [variance_ratio(first, second) for first, second in zip(*scores, strict=True)]
    assert 0.84 <= np.mean([low <= 1 <= high for _, low, high in pairs]) <= 0.97
    if sigma == 0.7:
        ends = [19 * row.var(ddof=1) / stats.chi2.ppf([0.975, 0.025], 19) for row in scores[0]]
        assert np.mean([low <= truth**2 <= high for low, high in ends]) < 0.70


def test_many_normal_scores_have_about_the_chi_square_interval() -> None:
    scores = RNG.normal(0, 2, 2_000)
    expected = scores.std(ddof=1) * np.sqrt(1999 / stats.chi2.ppf([0.975, 0.025], 1999))
    assert deviation_interval(scores) == pytest.approx(expected, rel=0.01)


def test_units_do_not_matter_and_a_ratio_turns_round() -> None:
    first, second = RNG.lognormal(0, 0.3, 12), RNG.lognormal(0, 0.3, 9)
    assert deviation_interval(1e-3 * first) == pytest.approx(1e-3 * np.array(deviation_interval(first)))
    ratio, low, high = variance_ratio(first, second)
    assert ratio == pytest.approx(first.var(ddof=1) / second.var(ddof=1))
    assert variance_ratio(second, first) == pytest.approx((1 / ratio, 1 / high, 1 / low))


def test_very_small_and_very_large_scores_do_not_overflow() -> None:
    first = RNG.lognormal(0, 0.3, 12)
    assert deviation_interval(1e-90 * first) == pytest.approx(1e-90 * np.array(deviation_interval(first)))
    assert variance_ratio(1e100 * first, 1e-60 * first)[0] > 1e300


def test_few_or_equal_scores() -> None:
    assert math.isnan(deviation_interval(np.arange(4.0))[0])
    assert deviation_interval(np.ones(6)) == (0.0, 0.0)
    assert variance_ratio(np.ones(6), np.arange(6.0)) == (0.0, 0.0, 0.0)
    assert math.isnan(variance_ratio(np.arange(6.0), np.ones(6))[0])
