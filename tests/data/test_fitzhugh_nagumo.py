"""FitzHugh-Nagumo against a solver of another kind at a tight tolerance, and what its guesses score."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from seqexp import baselines
from seqexp.data.fitzhugh_nagumo import FitzHughNagumo, solve
from seqexp.data.module import PopulationData
from seqexp.score import SquaredError
from seqexp.seeding import generator


def reference(start: float, until: float, points: int) -> Any:
    found = solve_ivp(
        lambda _, y: [y[0] - y[0] ** 3 / 3 - y[1] + 0.5, (y[0] + 0.7 - 0.8 * y[1]) / 50],
        (0, until),
        (start, 0.0),
        method="DOP853",
        t_eval=np.linspace(0, until, points),
        rtol=1e-12,
        atol=1e-13,
    )
    return found.y[0]


def test_it_is_exact_to_eight_digits_over_400_units_of_time() -> None:
    starts = np.array([-0.83, 0.41])
    values = solve(starts, np.zeros(2), 1001, 0.4)
    exact = np.stack([reference(start, 400, 1001) for start in starts], 1)
    assert np.abs(values - exact).max() < 1e-8


def test_a_longer_step_is_cut_into_pieces() -> None:
    start = np.array([0.2])
    coarse, fine = solve(start, np.zeros(1), 41, 1.0), solve(start, np.zeros(1), 201, 0.2)
    np.testing.assert_allclose(coarse, fine[::5], rtol=0, atol=1e-8)


def test_a_sample_is_the_voltages_from_random_ones() -> None:
    made = FitzHughNagumo(200, 50, 1, 3, 0.4).sample(generator(0, "data"), 200, None)
    torch.testing.assert_close(made.targets[:, :-1], made.inputs[:, 1:], rtol=0, atol=0)
    starts = made.inputs[:, 0, 0]
    assert -1 <= starts.min() < -0.9 < 0.9 < starts.max() < 1
    np.testing.assert_allclose(made.inputs[7, :, 0], reference(float(starts[7]), 49 * 0.4, 50), atol=1e-5)
    assert made.weight is not None
    assert made.weight[0].tolist() == [0.0] * 3 + [1.0] * 47


def test_guesses_score_what_the_docstring_says() -> None:
    data = PopulationData(lambda changes: FitzHughNagumo(96, 250, 1, 10, 0.4), [0, 1], None, 0.5, 0.0, 0.5)
    data.make()
    train, test = data.splits["train"], data.splits["test"]
    found = baselines.score(baselines.guess(data.task, train, test), test, SquaredError())
    root = {name: values.sqrt().mean().item() for name, values in found.items() if values is not None}
    expected = {"constant": 1.5, "persistence": 0.071, "ar": 0.009, "polynomial": 0.0002}
    for name, value in expected.items():
        assert root[name] == pytest.approx(value, rel=0.2), name
    assert root["noise"] == 0
    values = test.targets.double(), test.weight
    assert data.task.score.shown(values[0] + 0.3, *values)["rmse"].tolist() == pytest.approx([0.3, 0.3])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ((0, 50, 1, 5, 0.4), "num_sequences must be >= 1, got 0"),
        ((5, 50, 1, 5, 0.0), "step must be > 0, got 0"),
        ((5, 50, 1, 5, float("inf")), "step must be > 0, got inf"),
        ((5, 5, 1, 5, 0.4), "length must be > warmup = 5"),
    ],
)
def test_wrong_settings_are_refused(settings: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FitzHughNagumo(*settings)
