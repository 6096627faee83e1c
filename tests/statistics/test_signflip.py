"""The sign-flip test against SciPy and by hand, and the interval that inverts it."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from seqexp.statistics import SignFlip, sign_flip_p
from seqexp.statistics.signflip import DRAWS

ROWS = st.lists(st.floats(-9, 9), min_size=3, max_size=9)


@settings(max_examples=40, deadline=None)
@given(ROWS, st.floats(-3, 3))
def test_p_is_scipys(row: list[float], shift: float) -> None:
    values = np.round(2**20 * np.array(row))  # SciPy takes equal sums for unequal where rounding makes them so
    moved = values - round(2**20 * shift)
    exact = stats.permutation_test((moved,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert SignFlip(values).p(round(2**20 * shift)) == pytest.approx(exact.pvalue)


def test_by_hand() -> None:
    assert sign_flip_p(np.array([1.0, 2.0, 3.0])) == 2 / 8
    assert sign_flip_p(np.array([3.0, 2.0, -1.0])) == 4 / 8  # the sum is 4; the eight sums are ±4, ±6, ±0, ±2
    assert sign_flip_p(np.zeros(5)) == 1
    assert sign_flip_p(np.zeros(0)) == 1
    assert sign_flip_p(np.array([3.0, 2.0, -1.0]) * 5e307) == 4 / 8  # their sum is beyond a float
    assert [sign_flip_p(np.ones(count)) for count in (16, 17, 30)] == [2 / 2**count for count in (16, 17, 30)]
    assert sign_flip_p(np.ones(40)) == 1 / (DRAWS + 1)  # never 0


@pytest.mark.parametrize("count", [17, 20])
@pytest.mark.parametrize("shift", [0.0, 0.2, -0.4])
def test_beyond_16_all_patterns_are_counted(count: int, shift: float) -> None:
    values = np.round(100 * np.random.default_rng(count).normal(0.4, 1, count)) / 100  # with many equal sums
    moved = values - shift
    signs = [np.array(list(itertools.product([-1, 1], repeat=each))) for each in (10, count - 10)]
    sums = (signs[0] @ moved[:10])[:, None] + signs[1] @ moved[10:]
    exact = float((np.abs(sums) >= abs(moved.sum()) - 1e-9).mean())
    assert SignFlip(values).p(shift) == pytest.approx(exact, abs=1e-12)
    assert SignFlip(-values).p(-shift) == pytest.approx(exact, abs=1e-12)


def test_random_patterns_are_near_what_all_would_say() -> None:
    values = np.random.default_rng(1).normal(0.3, 1, 40)
    p, normal = sign_flip_p(values), 2 * stats.norm.sf(abs(values.sum()) / math.sqrt((values**2).sum()))
    assert p == pytest.approx(normal, abs=0.01)
    assert p == sign_flip_p(values)  # seeded


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-9, 9), min_size=5, max_size=20), st.sampled_from([0.05, 0.05 / 3, 0.05 / 6]))
def test_the_interval_holds_0_exactly_where_p_is_not_below_the_level(row: list[float], level: float) -> None:
    flip = SignFlip(np.array(row))
    low, high = flip.interval(level)
    assert (low <= 0 <= high) == (flip.p() >= level)


@pytest.mark.parametrize("count", [8, 12, 18, 35])
def test_the_ends_are_the_last_shifts_that_are_not_rejected(count: int) -> None:
    flip = SignFlip(np.random.default_rng(count).normal(0.5, 1, count))
    for end, outward in zip(flip.interval(0.05), (-1e-4, 1e-4), strict=True):
        assert flip.p(end) >= 0.05 > flip.p(end + outward)


def test_ends_are_means_of_subsets() -> None:
    # At 0.1 three of the 32 patterns beside the observed one are too few to reject below: the third smallest mean of a
    # subset is the end. The smallest are 1, 1.5 = (1 + 2) / 2 and 2; the largest 32, 24 and 20 = (8 + 32) / 2.
    values = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    low, high = SignFlip(values).interval(0.1)
    assert low == pytest.approx(2.0, abs=1e-3)
    assert high == pytest.approx(20.0, abs=1e-3)


def test_too_few_differences_leave_it_open() -> None:
    assert SignFlip(np.array([1.0, 1.1, 1.2, 1.3, 1.4])).interval(0.05) == (-math.inf, math.inf)
    assert SignFlip(np.ones(8)).interval(0.05) == (1.0, 1.0)
    assert SignFlip(np.zeros(8)).interval(0.05) == (0.0, 0.0)


def test_coverage_is_at_least_nominal() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for row in rng.normal(0.3, 1, (400, 9)):
        low, high = SignFlip(row).interval(0.05)
        held += low <= 0.3 <= high
    assert stats.binomtest(held, 400, 0.95, alternative="less").pvalue > 0.001
