"""Intervals and paired differences against SciPy; lost seeds; means."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from seqexp import statistics
from seqexp.statistics import Paired

NOISE = np.random.default_rng(0).lognormal(0, 0.2, (6, 40))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.floats(1e-3, 1e3)] * 2), min_size=3, max_size=9), st.integers(0, 99))
def test_paired_difference_is_scipys(pairs: list[tuple[float, float]], seed: int) -> None:
    first, second = np.array(pairs).T * np.random.default_rng(seed).lognormal(0, 0.1, (2, len(pairs)))
    found = statistics.paired_difference(first, second)
    oracle = stats.ttest_rel(np.log(first), np.log(second)).confidence_interval(0.95)
    assert np.log([found.student_low, found.student_high]) == pytest.approx([oracle.low, oracle.high], abs=1e-9)
    assert found.ratio == pytest.approx(stats.gmean(first) / stats.gmean(second))
    assert found.p == statistics.sign_flip_p(np.log(first) - np.log(second))
    gap = statistics.paired_difference(first, second, by_ratio=False)
    oracle = stats.ttest_rel(first, second).confidence_interval(0.95)
    assert [gap.student_low, gap.student_high] == pytest.approx([oracle.low, oracle.high], rel=1e-6, abs=1e-9)
    assert (found.gap, gap.ratio) == pytest.approx(((first - second).mean(), first.mean() / second.mean()))
    assert gap.p == statistics.sign_flip_p(first - second)
    for each, at in ((found, 1), (gap, 0)):
        low, high = (each.low, each.high) if each.by_ratio else (each.gap_low, each.gap_high)
        assert (low <= at <= high) == (each.p >= 0.05)


def test_interval_is_student_t() -> None:
    found = statistics.mean_interval([1.0, 2.0, 3.0, 4.0, math.nan])
    assert (found.mean, found.half_width) == pytest.approx((2.5, 3.182446305 * 1.290994449 / 2))
    assert math.isnan(statistics.mean_interval([1.0]).low)
    assert math.isnan(statistics.mean_interval([]).mean)


def test_unpaired_interval_is_welch() -> None:
    first, second = NOISE[0, :8], 2 * NOISE[1, :12]
    found = statistics.unpaired_difference(first, second)
    oracle = stats.ttest_ind(np.log(first), np.log(second), equal_var=False).confidence_interval(0.95)
    assert np.log([found.low, found.high]) == pytest.approx([oracle.low, oracle.high])
    gap = statistics.unpaired_difference(first, second, by_ratio=False)
    oracle = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    assert [gap.gap_low, gap.gap_high] == pytest.approx([oracle.low, oracle.high])


def test_the_ratio_of_means_is_where_fieller_cannot_reject() -> None:
    first, second = NOISE[0], 2 * NOISE[1]
    ratio, low, high = statistics.fieller(first, second)
    assert ratio == pytest.approx(first.mean() / second.mean())
    for end in (low, high):  # there the t-test of first - end * second is just at its level
        assert stats.ttest_1samp(first - end * second, 0).pvalue == pytest.approx(0.05)
    assert statistics.fieller(np.array([1.0, 2.0, 1.0]), np.array([1e-3, 1.0, 50.0]))[1:] == (0.0, math.inf)


def test_a_lost_seed_counts_as_the_largest_difference() -> None:
    first, second = np.array([1.0, 2.0, np.nan, 1.0, np.nan]), np.array([2.0, 2.5, 9.0, np.nan, np.nan])
    pair = Paired(first, second)
    largest = math.log(2)
    assert pair.differences == pytest.approx([-largest, math.log(2 / 2.5), largest, -largest])
    assert pair.num_lost == (1, 1)
    found = pair.difference()
    assert (found.num_pairs, found.first_lower, found.second_lower) == (4, 3, 1)
    assert found.means == pytest.approx(3 / 4.5)  # of those that both finished


def test_swapping_the_two_in_some_seeds_changes_signs_only() -> None:
    """So the test is exact where the two are exchangeable, whatever seeds they lose."""
    rng = np.random.default_rng(3)
    both = rng.lognormal(0, 1, (2, 12))
    both[rng.random((2, 12)) < 0.3] = np.nan
    sizes = sorted(np.abs(Paired(*both).differences))
    for _ in range(20):
        swapped = np.where(rng.random(12) < 0.5, both, both[::-1])
        assert sorted(np.abs(Paired(*swapped).differences)) == pytest.approx(sizes)


def test_alike_is_two_one_sided_tests() -> None:
    first = np.exp(np.array([0.004, -0.003, 0.002, -0.001, 0.003, -0.002, 0.001, -0.004, 0.0]))
    pair = Paired(first, np.ones(9))
    assert pair.p_alike(0.02) == pytest.approx(1 / 2**9)  # every seed lies within
    low, high = np.log([pair.difference(0.1).low, pair.difference(0.1).high])
    for margin in (0.0005, 0.001, 0.0015, 0.002, 0.004):  # inside exactly where the 90 % interval is
        end = math.log1p(margin)
        assert (pair.p_alike(margin) < 0.05) == (-end < low and high < end)
    assert math.isnan(Paired(first, np.ones(9), by_ratio=False).p_alike(0.02))


@pytest.mark.parametrize("margin", [0.02, 0.1, 0.5])
def test_alike_by_student_is_statsmodels(margin: float) -> None:
    first, second = NOISE[0, :12], NOISE[1, :12]
    end = math.log1p(margin)
    oracle = ttost_paired(np.log(first), np.log(second), -end, end)[0]
    assert Paired(first, second).student_p_alike(margin) == pytest.approx(oracle)
    assert Paired(first, second).p_alike(margin) == pytest.approx(oracle, abs=0.02)
