"""The sine task against a series written out in NumPy, and against closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from seqexp import baselines
from seqexp.data.module import PopulationData
from seqexp.data.sine import Sine
from seqexp.data.task import Sequences
from seqexp.score import SquaredError
from seqexp.seeding import generator

LAB: dict[str, Any] = {
    "length": 1000,
    "time_range": 40.0,
    "frequency": 1.0,
    "amplitude": 1.0,
    "noise": 0.1,
    "window": 20,
    "horizon": 1,
}
SEEDS = range(30)


def sampled(task: Sine, seed: int) -> Sequences:
    return task.sample(generator(seed, "data"), task.num_sequences, None)


def guessed(data: PopulationData) -> dict[str, Any]:
    train, test = data.splits["train"], data.splits["test"]
    return baselines.score(baselines.guess(data.task, train, test), test, SquaredError())


def ratios(seeds: Any = SEEDS, **settings: Any) -> dict[str, np.ndarray]:
    """Each baseline's MSE over the noise MSE of the same test targets, per seed, at the lab's sizes."""
    data = PopulationData(lambda changes: Sine(**{**LAB, **settings}), seeds, None, 0.8, 0.0, 0.2)
    data.setup()
    scores = guessed(data)
    noise = scores["noise"]
    assert noise is not None
    return {name: (row / noise).numpy() for name, row in scores.items() if row is not None}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"horizon": 7},
        {"frequency": 3.0, "amplitude": 2.5, "time_range": 11.0, "noise": 0.4},
        {"length": 24, "window": 20, "horizon": 4},
        {"window": 1},
    ],
)
def test_windows_are_the_series_written_out_by_a_loop(changes: dict[str, Any]) -> None:
    values = {**LAB, **changes}
    sample = sampled(Sine(**values), 5)

    noise = torch.randn(values["length"], generator=generator(5, "data"), dtype=torch.float64).numpy()
    t = np.linspace(0, values["time_range"], values["length"])
    clean = values["amplitude"] * np.sin(values["frequency"] * t)
    series = clean + values["noise"] * noise
    inputs, targets, noiseless = [], [], []
    for start in range(values["length"]):
        target = start + values["window"] - 1 + values["horizon"]
        if target < values["length"]:
            inputs.append(series[start : start + values["window"], None])
            targets.append(series[target, None])
            noiseless.append(clean[target, None])

    np.testing.assert_allclose(sample.inputs.numpy(), inputs, rtol=0, atol=3e-7)
    np.testing.assert_allclose(sample.targets.numpy(), targets, rtol=0, atol=3e-7)
    assert sample.best is not None
    np.testing.assert_allclose(sample.best.numpy(), noiseless, rtol=0, atol=3e-7)
    assert len(inputs) == Sine(**values).num_sequences


def test_the_docstrings_drawing_holds() -> None:
    sample = sampled(Sine(**{**LAB, "window": 3, "noise": 0.0}), 0)
    y = np.sin(np.linspace(0, 40, 1000)).astype(np.float32)
    np.testing.assert_allclose(sample.inputs[0, :, 0], y[0:3], atol=1e-6)
    np.testing.assert_allclose(sample.targets[0], y[3], atol=1e-6)
    np.testing.assert_allclose(sample.inputs[1, :, 0], y[1:4], atol=1e-6)
    np.testing.assert_allclose(sample.targets[1], y[4], atol=1e-6)


def test_targets_exceed_the_noiseless_ones_by_noise_of_the_stated_size() -> None:
    sample = sampled(Sine(**{**LAB, "length": 100_000, "noise": 0.3}), 1)
    assert sample.best is not None
    rest = (sample.targets - sample.best).double()
    assert rest.std().item() == pytest.approx(0.3, rel=0.02)
    assert rest.mean().item() == pytest.approx(0.0, abs=0.005)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window": 0}, r"^window must be >= 1, got 0$"),
        ({"horizon": 0}, r"^horizon must be >= 1, got 0$"),
        ({"length": 20}, r"^window must be <= length - horizon = 19, got 20"),
        ({"window": 1000}, r"^window must be <= length - horizon = 999, got 1000"),
        ({"time_range": 0.0}, r"^time_range must be > 0, got 0"),
        ({"noise": -1.0}, r"^noise must be >= 0, got -1"),
    ],
)
def test_a_setting_out_of_range_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sine(**{**LAB, **changes})


def test_baselines_have_their_closed_form_at_the_labs_sizes() -> None:
    found = ratios()
    assert found["linear"].mean() == pytest.approx(1.20, abs=0.04)
    assert found["persistence"].mean() == pytest.approx(2.08, abs=0.13)
    assert (found["linear"] > 1).all()  # below 1 would be leakage


@pytest.mark.parametrize("shift", [-1, 1])
def test_a_target_shifted_by_one_step_leaves_the_closed_form(monkeypatch: pytest.MonkeyPatch, shift: int) -> None:
    right = Sine.sample

    def shifted(self: Sine, *arguments: Any) -> Any:
        sample = right(self, *arguments)
        assert sample.best is not None
        return sample._replace(targets=sample.targets.roll(-shift, 0), best=sample.best.roll(-shift, 0))

    monkeypatch.setattr(Sine, "sample", shifted)
    assert abs(ratios()["linear"].mean() - 1.20) > 0.04


def test_without_noise_a_linear_model_is_exact() -> None:
    # sin(a + 2d) = 2 cos(d) sin(a + d) - sin(a): two past values determine the next
    data = PopulationData(lambda changes: Sine(**{**LAB, "noise": 0.0}), range(2), None, 0.8, 0.0, 0.2)
    data.setup()
    scores = guessed(data)
    assert scores["linear"] is not None
    assert scores["linear"].max() < 1e-12
    assert scores["noise"] is not None
    assert scores["noise"].max() == 0
