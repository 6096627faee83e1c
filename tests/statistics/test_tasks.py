"""Ranks, critical differences, mean ratios, interquartile means and profiles, against scipy and a published example."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from seqexp.statistics.tasks import (
    aggregate,
    critical_difference,
    friedman,
    interquartile_mean,
    mean_log_ratio,
    rank,
    tasks_needed,
)

# Areas under ROC curves of four variants of C4.5 on 14 data sets: J. Demsar, JMLR 7 (2006), table 6, printed with three
# digits. The paper's ranks tell 0.975 of the last but one from 0.975 of its neighbour, hence a fourth digit.
AREAS = """
.763 .768 .771 .798  .599 .591 .590 .569  .954 .971 .968 .967  .628 .661 .654 .657  .882 .888 .886 .898
.936 .931 .916 .931  .661 .668 .609 .685  .583 .583 .563 .625  .775 .838 .866 .875  1 1 1 1
.940 .962 .965 .962  .619 .666 .614 .669  .972 .981 .9751 .975  .957 .978 .946 .970
"""


def test_the_published_example() -> None:
    ranks = rank(1 - np.array(AREAS.split(), dtype=float).reshape(14, 4))
    assert ranks.mean(axis=0) == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=5e-3)
    found = friedman(ranks)
    without_ties = found.chi_squared * ((ranks - 2.5) ** 2).sum() / (14 * 5)  # the paper does not correct for them
    assert without_ties == pytest.approx(9.28, abs=5e-3)
    assert 13 * without_ties / (14 * 3 - without_ties) == pytest.approx(3.69, abs=5e-3)


@settings(max_examples=25, deadline=None)
@given(arrays(float, (6, 4), elements=st.sampled_from([0.0, 0.1, 0.2, 0.5, 3.0, math.inf])))
def test_ranks_and_friedmans_statistic_are_scipys(scores: np.ndarray) -> None:
    ranks = rank(scores)
    assert ranks.tolist() == stats.rankdata(scores, axis=1).tolist()
    found = friedman(ranks)
    if (ranks == 2.5).all():
        assert math.isnan(found.chi_squared)
        return
    assert found.chi_squared == pytest.approx(stats.friedmanchisquare(*ranks.T).statistic)


def test_tasks_that_all_agree() -> None:
    found = friedman(np.tile([1.0, 2.0, 3.0], (5, 1)))
    assert (found.chi_squared, found.f) == (10, math.inf)


@pytest.mark.parametrize("num_rows", [3, 4, 10, 40])
def test_the_critical_difference_is_of_the_studentized_range(num_rows: int) -> None:
    quantile = stats.studentized_range.ppf(0.95, num_rows, np.inf)
    expected = quantile / math.sqrt(2) * math.sqrt(num_rows * (num_rows + 1) / (6 * 9))
    assert critical_difference(num_rows, 9) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("num_tasks", range(2, 30))
def test_that_of_two_rows_is_of_the_exact_sign_test(num_tasks: int) -> None:
    wins = [won for won in range(num_tasks + 1) if won > num_tasks - won]
    passing = [won for won in wins if stats.binomtest(won, num_tasks).pvalue <= 0.05]
    expected = (2 * passing[0] - num_tasks) / num_tasks if passing else math.inf
    assert critical_difference(2, num_tasks) == expected


def test_how_many_tasks_a_difference_needs() -> None:
    assert [tasks_needed(num_rows) for num_rows in (2, 3, 4, 5)] == [6, 3, 3, 3]


def test_the_interval_over_tasks_is_students() -> None:
    logs = np.array([-0.3, -0.1, 0.2, -0.5])
    found = mean_log_ratio(logs, 3)
    oracle = stats.ttest_1samp(logs, 0).confidence_interval(1 - 0.05 / 3)
    assert np.log([found.mean, found.low, found.high]) == pytest.approx([logs.mean(), oracle.low, oracle.high])
    alone = mean_log_ratio(logs[:1], 1)
    assert alone.mean == pytest.approx(math.exp(-0.3))
    assert math.isnan(alone.low)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(0, 99))
def test_the_interquartile_mean_is_scipys(count: int, seed: int) -> None:
    scores = np.random.default_rng(seed).lognormal(0, 1, (3, count))
    assert interquartile_mean(scores) == pytest.approx(stats.trim_mean(scores, 0.25, axis=1))


def test_a_quarter_of_diverged_seeds_leaves_a_mean_and_more_leave_none() -> None:
    scores = np.arange(1.0, 9.0)
    scores[6:] = math.inf
    assert interquartile_mean(scores) == 4.5
    scores[5] = math.inf
    assert interquartile_mean(scores) == math.inf


def test_bootstrap_draws_seeds_within_tasks_and_the_same_for_all_rows() -> None:
    rng = np.random.default_rng(2)
    levels = np.array([1.0, 10.0, 100.0])
    apart = np.stack([np.full(6, 1.0), np.full(6, 10.0), np.full(6, 100.0)])[None]  # (1, 3, 6): only tasks differ
    found = aggregate(apart, levels, rng)
    assert (found.means[0].low, found.means[0].mean, found.means[0].high) == (26.2, 26.2, 26.2)  # 2, 6 and 2
    thirds = [1 / 3, 2 / 3, 1]
    for line in (found.low, found.share, found.high):
        assert line[0] == pytest.approx(thirds)
    row = rng.lognormal(0, 1, (1, 5, 8))
    both = aggregate(np.concatenate([row, 2 * row]), levels, np.random.default_rng(0)).means
    first, second = ([each.mean, each.low, each.high] for each in both)
    assert second == pytest.approx(2 * np.array(first))


def test_the_bootstrap_interval_is_scipys() -> None:
    scores = np.random.default_rng(4).lognormal(0, 0.5, (1, 1, 40))  # one task: an ordinary bootstrap
    (mean,) = aggregate(scores, np.array([1.0]), np.random.default_rng(0)).means
    oracle = stats.bootstrap(
        (scores[0, 0],), interquartile_mean, n_resamples=4_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    wider = math.sqrt(40 / 39) * (np.array([oracle.low, oracle.high]) - mean.mean)
    assert np.array([mean.low, mean.high]) - mean.mean == pytest.approx(wider, rel=0.05)


def test_intervals_of_few_seeds_are_as_wide_as_their_variance_asks() -> None:
    scores = np.array([[[1.0, 3.0]]])  # of two seeds a sample's mean is 1, 2 or 3
    found = aggregate(scores, np.array([2.0]), np.random.default_rng(0))
    half = math.sqrt(2 / 1)
    assert [found.means[0].low, found.means[0].high] == pytest.approx([2 - half, 2 + half])
    assert (found.low[0, 0], found.share[0, 0], found.high[0, 0]) == (0, 0.5, 1)


def test_profiles_count_scores_up_to_a_level_and_diverged_seeds_never() -> None:
    scores = np.array([[[0.0, 0.5, 2.0, math.inf]] * 2, [[0.5, 0.5, 0.5, 0.5]] * 2])
    found = aggregate(scores, np.array([0.1, 0.5, 1.0, 9.0]), np.random.default_rng(0))
    assert found.share.tolist() == [[0.25, 0.5, 0.5, 0.75], [0, 1, 1, 1]]
    assert (found.low <= found.share).all()
    assert (found.share <= found.high).all()
    assert found.low[1].tolist() == found.high[1].tolist() == [0, 1, 1, 1]
    again = aggregate(scores, np.array([0.1, 0.5, 1.0, 9.0]), np.random.default_rng(0))
    assert again.low.tolist() == found.low.tolist()


def test_one_seed_has_no_interval() -> None:
    found = aggregate(np.ones((2, 5, 1)), np.array([1.0]), np.random.default_rng(0))
    assert [mean.mean for mean in found.means] == [1, 1]
    assert all(math.isnan(mean.low) and math.isnan(mean.high) for mean in found.means)
    assert np.isnan(found.low).all()
