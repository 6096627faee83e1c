"""Mackey-Glass: the flow against another integrator, its exponent, and the published scores of its guesses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from seqexp import baselines
from seqexp.data.mackey_glass import EXPONENTS, MackeyGlass, solve
from seqexp.data.module import PopulationData
from seqexp.data.trajectories import Array
from seqexp.seeding import generator

SETTINGS: dict[str, Any] = {
    "num_sequences": 24,
    "length": 500,
    "horizon": 15,
    "warmup": 20,
    "tau": 17,
    "substeps": 10,
    "discard": 100,
}


def runge_kutta(until: int, substeps: int) -> Array:
    """The equation from a history that is 1.2 throughout, by the classical method: the value after each unit."""
    h, delay = 1 / substeps, 17 * substeps
    x = [1.2] * (delay + 1)

    def slope(now: float, past: float) -> float:
        return float(0.2 * past / (1 + past**10) - 0.1 * now)

    for index in range(until * substeps):
        now, first, last = x[-1], x[index], x[index + 1]
        before = x[max(index - 1, 0)], x[index + 2] if index + 2 < len(x) else last
        middle = (-before[0] + 9 * first + 9 * last - before[1]) / 16  # cubic, as the method is of fourth order
        k1 = slope(now, first)
        k2 = slope(now + h / 2 * k1, middle)
        k3 = slope(now + h / 2 * k2, middle)
        k4 = slope(now + h * k3, last)
        x.append(now + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
    return np.array(x[delay + substeps :: substeps])


def test_two_step_sizes_come_closer_to_another_integrator_as_eulers_method_must() -> None:
    until, exact = 60, runge_kutta(60, 20)
    assert np.abs(runge_kutta(60, 10) - exact).max() < 1e-4  # it is exact enough to judge by
    errors = []
    for substeps in (10, 20, 40):
        history = np.full((17 * substeps, 1), 1.2)
        values = solve(history, np.array([1.2]), until * substeps, 1 / substeps)[substeps - 1 :: substeps, 0]
        errors.append(np.abs(values - exact).max())
    assert errors[0] < 0.03
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.2)
    assert errors[1] / errors[2] == pytest.approx(2, abs=0.1)


def test_small_differences_grow_by_the_stated_exponent() -> None:
    rng, members, delay, span, size = np.random.default_rng(0), 100, 170, 40, 1e-7
    history = 1.2 + 0.2 * (rng.random((delay, members)) - 0.5)
    near = solve(history, np.full(members, 1.2), 5000, 0.1)[-delay - 1 :]
    far, growth, spans = near + size * rng.standard_normal(near.shape), [], 60
    for _ in range(spans):
        near, far = (
            np.concatenate([each, solve(each[:-1], each[-1], 10 * span, 0.1)])[-delay - 1 :] for each in (near, far)
        )
        apart = np.linalg.norm(far - near, axis=0)
        growth.append(np.log(apart / size))
        far = near + (far - near) * (size / apart)
    found = np.stack(growth[10:]).mean(0) / span  # after the difference has turned to where it grows
    assert found.mean() == pytest.approx(EXPONENTS[17], abs=4 * found.std() / members**0.5)
    assert 4 * found.std() / members**0.5 < 0.0006


def test_a_target_is_the_input_some_steps_later_and_the_warm_up_does_not_count() -> None:
    made = MackeyGlass(**{**SETTINGS, "horizon": 3}).sample(generator(0, "data"), 5, None)
    torch.testing.assert_close(made.targets[:, :-3], made.inputs[:, 3:], rtol=0, atol=0)
    assert made.weight is not None
    assert made.weight[0].tolist() == [0.0] * 20 + [1.0] * 480
    assert made.best is made.targets
    assert not torch.equal(made.inputs[0], made.inputs[1])
    every = MackeyGlass(**{**SETTINGS, "warmup": 0}).sample(generator(0, "data"), 5, 30)
    assert every.weight is None
    assert every.inputs.shape == (5, 30, 1)


def scores(horizon: int) -> dict[str, float]:
    """The NRMSE of each guess, over the seeds."""
    data = PopulationData(
        lambda changes: MackeyGlass(**{**SETTINGS, "horizon": horizon, **changes}), [0, 1], None, 0.5, 0.0, 0.5
    )
    data.make()
    test, score = data.splits["test"], data.task.score
    found = baselines.guess(data.task, data.splits["train"], test)
    assert test.weight is not None
    given = test.targets.double(), test.weight.double()
    return {
        name: score.shown(values.double().expand(given[0].shape), *given)["nrmse"].mean().item()
        for name, values in found.items()
        if isinstance(values, torch.Tensor)
    }


def test_guesses_score_what_is_published() -> None:
    near, later, far = (scores(horizon) for horizon in (1, 15, 84))
    assert near["persistence"] == pytest.approx(0.147, rel=0.03)
    assert near["ar"] == pytest.approx(0.0005, abs=0.0001)
    assert later["persistence"] == pytest.approx(1.624, rel=0.02)
    assert later["ar"] == pytest.approx(0.48, rel=0.06)
    assert later["polynomial"] == pytest.approx(0.012, rel=0.2)
    assert later["polynomial"] < 0.0447  # the best network of the paper
    assert far["persistence"] == pytest.approx(1.59, rel=0.05)
    assert far["ar"] == pytest.approx(0.604, rel=0.1)
    for found in (near, later, far):
        assert found["constant"] == pytest.approx(1, abs=0.01)
        assert found["noise"] == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_sequences": 0}, "num_sequences must be >= 1, got 0"),
        ({"horizon": 0}, "horizon must be >= 1, got 0"),
        ({"warmup": -1}, "warmup must be >= 0, got -1"),
        ({"warmup": 500}, "length must be > warmup = 500, so that a step counts, got 500"),
        ({"tau": 17.05}, "tau must be > 0 and a whole number of integration steps of 1/10, got 17.05"),
        ({"tau": 0}, "tau must be > 0"),
        ({"substeps": 0}, "substeps must be >= 1, got 0"),
        ({"discard": -1}, "discard must be >= 0, got -1"),
    ],
)
def test_wrong_settings_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MackeyGlass(**{**SETTINGS, **changes})
