"""Lorenz: its flow against a solver of another kind, the trace and the exponent of the series that are made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from seqexp import baselines
from seqexp.data.lorenz import EXPONENT, Lorenz, advance
from seqexp.data.module import PopulationData
from seqexp.data.task import Sequences
from seqexp.score import SquaredError
from seqexp.seeding import generator

SETTINGS: dict[str, Any] = {
    "length": 2000,
    "step": 0.02,
    "noise": 0.0,
    "discard": 20.0,
    "window": 10,
    "horizon": 1,
    "scaling": "standard",
}


@pytest.fixture(scope="module")
def series() -> np.ndarray:
    """One seed's points in double precision, (L, 3)."""
    clean = sampled().targets.double().numpy()
    return np.asarray(clean)


def sampled(seed: int = 0, **changes: Any) -> Sequences:
    task = Lorenz(**{**SETTINGS, **changes})
    return task.sample(generator(seed, "data"), task.num_sequences, None)


def test_a_point_follows_from_the_one_before_as_another_solver_says(series: np.ndarray) -> None:
    assert np.abs(np.stack(advance(*series[:-1].T, 0.02), 1) - series[1:]).max() < 2e-5  # kept in float32
    for start in (0, 500, 1500):
        found = solve_ivp(
            lambda _, p: [10 * (p[1] - p[0]), p[0] * (28 - p[2]) - p[1], p[0] * p[1] - 8 / 3 * p[2]],
            (0, 0.5),
            series[start],
            method="DOP853",
            rtol=1e-12,
            atol=1e-12,
        )
        np.testing.assert_allclose(advance(*series[start], 0.5), found.y[:, -1], atol=1e-5)


def test_volumes_shrink_by_the_trace_along_the_series(series: np.ndarray) -> None:
    h, step = 1e-5, 0.02
    columns = []
    for axis in np.eye(3) * h:
        ahead, behind = (np.stack(advance(*(series + sign * axis).T, step)) for sign in (1, -1))
        columns.append((ahead - behind) / (2 * h))
    jacobians = np.stack(columns, 1).transpose(2, 0, 1)  # (L, 3, 3)
    rates = np.log(np.abs(np.linalg.det(jacobians))) / step
    np.testing.assert_allclose(rates, -(10 + 1 + 8 / 3), atol=1e-3)
    assert rates.mean() == pytest.approx(-13.667, abs=0.001)


def test_small_differences_grow_by_the_stated_exponent(series: np.ndarray) -> None:
    points, size, span = series[::5].T.copy(), 1e-8, 0.5
    rng = np.random.default_rng(0)
    far = points + size * rng.standard_normal(points.shape)
    growth = []
    for _ in range(120):
        points, far = (np.stack(advance(*each, span)) for each in (points, far))
        apart = np.linalg.norm(far - points, axis=0)
        growth.append(np.log(apart / size))
        far = points + (far - points) * (size / apart)
    assert np.stack(growth[20:]).mean() / span == pytest.approx(EXPONENT, abs=0.02)


def test_windows_and_noise_are_what_the_docstring_says() -> None:
    made, noisy = sampled(length=30), sampled(length=30, noise=0.5)
    assert made.inputs.shape == (20, 10, 3)
    torch.testing.assert_close(made.inputs[1:, -1], made.targets[:-1], rtol=0, atol=0)
    assert made.best is not None
    assert noisy.best is not None
    torch.testing.assert_close(made.best, made.targets, rtol=0, atol=0)
    torch.testing.assert_close(noisy.best, made.targets, rtol=0, atol=0)
    assert 0.3 < (noisy.targets - noisy.best).std() < 0.7
    task = Lorenz(**SETTINGS)
    assert (task.ahead, task.lyapunov) == (1, pytest.approx(0.9056 * 0.02))


def test_guesses_score_what_the_docstring_says() -> None:
    data = PopulationData(lambda changes: Lorenz(**SETTINGS), range(4), None, 0.6, 0.2, 0.2)
    data.make()
    test = data.splits["test"]
    found = baselines.score(baselines.guess(data.task, data.splits["train"], test), test, SquaredError())
    scores = {name: values.mean().item() for name, values in found.items() if values is not None}
    assert scores["constant"] == pytest.approx(74, rel=0.15)
    assert scores["persistence"] == pytest.approx(1.7, rel=0.25)
    assert 3e-6 < scores["linear"] < 3e-5
    assert 5e-8 < scores["polynomial"] < 5e-7


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"step": 0.0}, "step must be > 0, got 0"),
        ({"step": 2.5}, "step must be <= 1, got 2.5"),
        ({"noise": -0.1}, "noise must be >= 0, got -0.1"),
        ({"discard": -1.0}, "discard must be >= 0, got -1"),
        ({"scaling": "log"}, "scaling must not be log"),
        ({"scaling": "big"}, "scaling must be one of none, standard"),
        ({"horizon": 0}, "horizon must be >= 1, got 0"),
    ],
)
def test_wrong_settings_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Lorenz(**{**SETTINGS, **changes})
