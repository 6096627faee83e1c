"""Shares, McNemar, Kaplan-Meier and restarts against scipy, statsmodels, a published example and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.duration.survfunc import SurvfuncRight
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.proportion import proportion_confint

from seqexp.statistics.success import clopper_pearson, kaplan_meier, mcnemar, restarts

few = settings(max_examples=40, deadline=None)


@few
@given(st.integers(1, 200), st.data())
def test_the_interval_of_a_share_is_clopper_and_pearsons(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    found = clopper_pearson(successes, trials)
    exact = stats.binomtest(successes, trials).proportion_ci(0.95, method="exact")
    assert found == pytest.approx((exact.low, exact.high), abs=1e-12)
    assert found == pytest.approx(proportion_confint(successes, trials, 0.05, method="beta"), abs=1e-12)


def test_of_nothing_tried_nothing_is_known() -> None:
    assert all(math.isnan(end) for end in clopper_pearson(0, 0))
    assert math.isnan(restarts(math.nan))
    assert np.isnan(kaplan_meier(np.array([]), np.array([])).share).all()


@few
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_that_of_statsmodels_and_scipy(first: int, second: int) -> None:
    p = mcnemar(first, second)
    assert p == pytest.approx(statsmodels_mcnemar([[7, first], [second, 5]], exact=True).pvalue, rel=1e-9)
    if first + second:
        assert p == pytest.approx(stats.binomtest(first, first + second).pvalue, rel=1e-9)


@pytest.mark.parametrize("count", [5, 6, 10, 17, 30])
def test_mcnemar_keeps_its_level(count: int) -> None:
    outcomes = np.arange(count + 1)
    rejected = np.array([mcnemar(each, count - each) < 0.05 for each in outcomes])
    assert stats.binom.pmf(outcomes, count, 0.5)[rejected].sum() <= 0.05
    assert rejected.any() == (count >= 6)


@few
@given(st.integers(1, 99))
def test_so_many_restarts_and_not_one_less(percent: int) -> None:
    share, needed = percent / 100, restarts(percent / 100)
    assert 1 - (1 - share) ** needed >= 0.95 - 1e-12
    assert needed == 1 or 1 - (1 - share) ** (needed - 1) < 0.95 - 1e-12


def test_restarts_at_the_ends() -> None:
    assert [restarts(share) for share in (0.0, 0.2, 0.9, 0.95, 1.0)] == [math.inf, 14, 2, 1, 1]


@st.composite
def watched(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """When seeds solved something, and up to which step each was watched; many at the same step."""
    count = draw(st.integers(1, 25))
    solved = np.array(draw(st.lists(st.sampled_from([1, 2, 3, 5, 8, 13, math.inf]), min_size=count, max_size=count)))
    until = np.array(draw(st.lists(st.sampled_from([2, 5, 9, 13]), min_size=count, max_size=count)), dtype=float)
    return solved, until


@few
@given(watched())
def test_the_course_is_that_of_statsmodels(seeds: tuple[np.ndarray, np.ndarray]) -> None:
    solved, until = seeds
    found = kaplan_meier(solved, until)
    expected = SurvfuncRight(np.minimum(solved, until), solved <= until)
    at = np.searchsorted(found.steps, expected.surv_times)
    assert found.share[at] == pytest.approx(1 - expected.surv_prob, abs=1e-12)
    assert (found.low <= found.share + 1e-12).all()
    assert (found.share <= found.high + 1e-12).all()
    if not np.isclose(expected.surv_prob, 0.5).any():  # statsmodels goes on to the next step there
        median = expected.quantile(0.5)
        assert found.median[0] == (math.inf if math.isnan(median) else median)


@few
@given(st.lists(st.sampled_from([1, 2, 3, 5, 8, math.inf]), min_size=1, max_size=30))
def test_the_band_of_seeds_watched_alike_is_clopper_and_pearsons(steps: list[float]) -> None:
    solved = np.array(steps)
    for until in (9.0, math.inf):  # up to the same step, or known never to solve it
        found = kaplan_meier(solved, np.full(len(solved), until))
        for step, *ends in zip(found.steps, found.low, found.high, strict=True):
            expected = clopper_pearson(int((solved <= step).sum()), len(solved))
            assert ends == pytest.approx(expected, abs=1e-9)


def test_the_band_of_a_published_example() -> None:
    """Times 3, 7, 8, 14: M. P. Fay, E. H. Brittain, vignette "Discrete data" of R's package bpcp, version 1.3."""
    found = kaplan_meier(np.array([3.0, 7, 8, 14]), np.full(4, 20.0))
    assert found.steps.tolist() == [0, 3, 7, 8, 14]
    low = [0.397635364, 0.194120450, 0.067585986, 0.006309463, 0]
    high = [1, 0.9936905, 0.9324140, 0.8058796, 0.6023646]
    assert 1 - found.high == pytest.approx(low, abs=1e-6)
    assert 1 - found.low == pytest.approx(high, abs=1e-6)


def test_the_band_with_seeds_lost_from_sight_is_a_product_of_betas() -> None:
    solved = np.array([2.0, 4, 4, 9, *[math.inf] * 6])
    until = np.array([10.0, 10, 10, 10, 3, 3, 6, 10, 10, math.inf])
    found = kaplan_meier(solved, until)
    rng, draws = np.random.default_rng(0), 400_000
    # ten at risk at 2; seven at 4, of whom two; four at 9; after it three, of whom none is lost from sight
    upper = rng.beta(10, 1, draws) * rng.beta(7, 1, draws) * rng.beta(6, 1, draws) * rng.beta(4, 1, draws)
    lower = upper * rng.beta(3, 1, draws)
    assert found.steps.tolist() == [0, 2, 3, 4, 6, 9, 10]
    assert found.share[-1] == pytest.approx(1 - 9 / 10 * 5 / 7 * 3 / 4)
    assert 1 - found.low[-1] == pytest.approx(np.quantile(upper, 0.975), abs=0.004)
    assert 1 - found.high[-1] == pytest.approx(np.quantile(lower, 0.025), abs=0.004)


def test_the_medians_interval_is_that_of_order_statistics() -> None:
    solved = np.arange(1.0, 11)
    assert kaplan_meier(solved, np.full(10, 99.0)).median == (5, 2, 9)  # the sign test's: 97.9 % of ten
    few = np.where(solved <= 4, solved, math.inf)
    assert kaplan_meier(few, np.full(10, 99.0)).median == (math.inf, 2, math.inf)
    assert kaplan_meier(np.full(10, math.inf), np.full(10, 99.0)).median == (math.inf, math.inf, math.inf)
