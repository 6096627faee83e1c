"""The sum task against its definition and its closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from seqexp import baselines
from seqexp.data.module import PopulationData
from seqexp.data.sum import Sum
from seqexp.score import SquaredError
from seqexp.seeding import generator


def scores(distribution: Any) -> dict[str, Any]:
    data = PopulationData(lambda changes: Sum(1000, 20, distribution), range(30), None, 0.8, 0.0, 0.2)
    data.setup()
    train, test = data.splits["train"], data.splits["test"]
    return baselines.score(baselines.guess(data.task, train, test), test, SquaredError())


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_a_target_is_the_sum_of_its_own_sequence(distribution: Any) -> None:
    sample = Sum(50, 7, distribution).sample(generator(0, "data"), 50, None)
    expected = [[sum(float(value) for value in sequence[:, 0])] for sequence in sample.inputs]
    np.testing.assert_allclose(sample.targets, expected, rtol=0, atol=1e-5)
    assert sample.inputs.shape == (50, 7, 1)
    assert sample.best is not None
    assert (sample.best == sample.targets).all()  # no noise: the floor is 0


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_values_follow_the_named_distribution(distribution: Any) -> None:
    values = Sum(500, 20, distribution).sample(generator(3, "data"), 500, None).inputs.flatten().numpy()
    other = "uniform" if distribution == "normal" else "norm"
    assert stats.kstest(values, {"normal": "norm"}.get(distribution, distribution)).pvalue > 0.01
    assert stats.kstest(values, other).pvalue < 1e-6


@pytest.mark.parametrize(("distribution", "variance"), [("normal", 20.0), ("uniform", 20 / 12)])
def test_a_constant_guess_scores_the_variance_of_the_sum(distribution: str, variance: float) -> None:
    assert scores(distribution)["constant"].mean().item() == pytest.approx(variance, rel=0.05)


def test_a_linear_model_is_exact_and_persistence_has_no_meaning() -> None:
    found = scores("normal")
    assert found["linear"].max() < 1e-8
    assert found["noise"].max() == 0
    assert "persistence" not in found


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 20, "normal"), r"^num_sequences must be >= 1, got 0$"),
        ((10, 0, "normal"), r"^length must be >= 1, got 0$"),
        ((10, 20, "cauchy"), r"^distribution must be 'normal' or 'uniform', got 'cauchy'$"),
    ],
)
def test_a_setting_out_of_range_is_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sum(*arguments)
