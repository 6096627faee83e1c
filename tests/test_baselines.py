"""The baselines against NumPy, and what shuffled targets do to them and to a trained population."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from seqexp.baselines import baselines
from seqexp.data.module import PopulationData
from seqexp.data.sine import Sine
from seqexp.data.split import Split
from seqexp.data.task import Sample


def split(count: int, seed: int, outputs: int = 1, noiseless: bool = True) -> Split:
    """Random inputs (3, count, 4, 2); targets that a linear model explains in part."""
    rng = torch.Generator().manual_seed(seed)
    inputs = torch.randn(3, count, 4, 2, generator=rng)
    weights = torch.randn(3, 8, outputs, generator=torch.Generator().manual_seed(99))
    clean = inputs.flatten(2) @ weights + 3
    return Split(inputs, clean + torch.randn(3, count, outputs, generator=rng), clean if noiseless else None)


def in_numpy(train: Split, test: Split, index: int) -> dict[str, float]:
    """All four, for one seed, as one would write them without thinking of populations."""
    x, y = train.inputs[index].double().numpy(), train.targets[index].double().numpy()
    x_test, y_test = test.inputs[index].double().numpy(), test.targets[index].double().numpy()
    ones, ones_test = np.ones((len(x), 1)), np.ones((len(x_test), 1))
    weights, *_ = np.linalg.lstsq(np.hstack([x.reshape(len(x), -1), ones]), y)
    assert test.noiseless is not None
    guesses = {
        "constant": y.mean(0),
        "persistence": x_test[:, -1, : y.shape[1]],
        "linear": np.hstack([x_test.reshape(len(x_test), -1), ones_test]) @ weights,
        "noise": test.noiseless[index].double().numpy(),
    }
    return {name: float(np.mean((guess - y_test) ** 2)) for name, guess in guesses.items()}


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("count", [200, 6])  # with 6 sequences, least squares has many solutions
def test_every_baseline_equals_numpys(outputs: int, count: int) -> None:
    train, test = split(count, 1, outputs), split(50, 2, outputs)
    found = baselines(train, test, forecasts=True)
    for index in range(3):
        expected = in_numpy(train, test, index)
        assert set(found) == set(expected)
        for name, value in expected.items():
            row = found[name]
            assert row is not None
            assert row.dtype == torch.float64
            assert row[index].item() == pytest.approx(value, rel=1e-9)


def test_what_has_no_meaning_is_none() -> None:
    found = baselines(split(20, 1, noiseless=False), split(20, 2, noiseless=False), forecasts=False)
    assert found["persistence"] is None
    assert found["noise"] is None
    assert found["constant"] is not None
    assert found["linear"] is not None


def test_the_constant_is_the_training_mean_not_the_tests() -> None:
    train, test = split(20, 1), split(20, 2)
    moved = Split(train.inputs, train.targets + 100, None)
    for key in ("constant", "linear"):
        row = baselines(moved, test, forecasts=False)[key]
        assert row is not None
        assert (row > 90**2).all()


# ---------------------------------------------------------------- mutation: targets that have lost their inputs


@pytest.fixture
def shuffled_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Sine.sample

    def sample(self: Sine, generator: torch.Generator) -> Sample:
        made = right(self, generator)
        order = torch.randperm(self.num_sequences, generator=generator)
        return Sample(made.inputs, made.targets[order], None)

    monkeypatch.setattr(Sine, "sample", sample)


SETTINGS = ("num_seeds=3", "trainer.max_epochs=12", "data.length=600", "data.time_range=24.0", "optimizer.lr=0.01")


def over_constant(record: Any, scores: list[float]) -> float:
    return float(np.mean(scores) / np.mean(record.baselines["constant"]))


def test_training_and_least_squares_beat_the_constant_by_far(train: Callable[..., Any]) -> None:
    record, _ = train(*SETTINGS)
    assert over_constant(record, record.test_mse) < 0.1
    assert over_constant(record, record.baselines["linear"]) < 0.05


@pytest.mark.usefixtures("shuffled_targets")
def test_with_shuffled_targets_nothing_beats_the_constant(train: Callable[..., Any]) -> None:
    record, _ = train(*SETTINGS)
    assert over_constant(record, record.test_mse) == pytest.approx(1, abs=0.12)
    assert over_constant(record, record.baselines["linear"]) == pytest.approx(1, abs=0.12)
    assert record.baselines["noise"] is None


def test_linear_is_fitted_on_the_training_split_only() -> None:
    data = PopulationData(Sine(300, 12.0, 1.0, 1.0, 0.1, 20, 1), range(2), None, 0.5, 0.0, 0.5)
    data.setup()
    fitted, cheating = (
        baselines(data.splits[name], data.splits["test"], forecasts=True)["linear"] for name in ("train", "test")
    )
    assert fitted is not None
    assert cheating is not None
    assert (cheating < fitted).all()
