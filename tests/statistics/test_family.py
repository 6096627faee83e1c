"""Holm against statsmodels, its steps, and power by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from seqexp.statistics import detectable_effect, holm, seeds_needed
from seqexp.statistics.signflip import least_p

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@settings(max_examples=12, deadline=None)  # statsmodels collects garbage at each call
@given(P_VALUES)
def test_holm_is_statsmodels(p_values: list[float]) -> None:
    assert [step.p for step in holm(p_values)] == pytest.approx(multipletests(p_values, method="holm")[1])


@settings(max_examples=100, deadline=None)
@given(P_VALUES | st.lists(st.sampled_from([0.001, 0.01, 0.02, 0.04, 0.05]), min_size=1, max_size=8))
def test_a_corrected_p_is_below_5_percent_exactly_where_its_own_is_below_its_level(p_values: list[float]) -> None:
    for p, step in zip(p_values, holm(p_values), strict=True):
        assert (step.p < 0.05) == (p < step.level)


def test_levels_by_hand() -> None:
    levels = [step.level for step in holm([0.2, 0.001, 0.02, 0.03])]
    # 0.001 passes 0.05 / 4; 0.02 fails 0.05 / 3, which then is the level of all that are left
    assert levels == pytest.approx([0.05 / 3, 0.05 / 4, 0.05 / 3, 0.05 / 3])


def test_seeds_needed() -> None:
    assert [seeds_needed(count) for count in (1, 2, 3, 66)] == [6, 7, 7, 12]
    assert detectable_effect(5, 1) == math.inf  # the smallest p is 0.0625
    assert detectable_effect(40, 3_540) == math.inf  # no p is below 1 / 65,536
    assert detectable_effect(30, 3_540) < 2  # where it is exact
    for count in (1, 7, 3_540):
        assert count * least_p(seeds_needed(count)) < 0.05 <= count * least_p(seeds_needed(count) - 1)


@pytest.mark.parametrize("count", [10, 20, 30])
def test_the_effect_is_that_of_the_t_test_made_larger_for_an_uncertain_deviation(count: int) -> None:
    rng = np.random.default_rng(count)
    spread = rng.normal(0, 1, (20_000, count)).std(axis=1, ddof=1)  # of the first sample
    again = detectable_effect(count, 1) * spread[:, None] + rng.normal(0, 1, (20_000, count))
    found = stats.ttest_1samp(again, 0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.80, abs=0.02)
