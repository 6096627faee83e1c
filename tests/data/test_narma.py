"""NARMA: the system written out by a loop, series that diverge, and what linear filters score."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from seqexp.data import narma
from seqexp.data.narma import DIVERGED, Narma, drive
from seqexp.data.recent import polynomial, regression
from seqexp.data.split import Split
from seqexp.data.trajectories import RelativeError
from seqexp.seeding import generator


@pytest.mark.parametrize("order", [10, 1, 3])
def test_outputs_are_the_equation_written_out(order: int) -> None:
    u = np.random.default_rng(0).uniform(0, 0.5, 40)
    y = [0.0]
    for t in range(len(u)):
        recent = sum(y[t - i] for i in range(order) if t >= i)
        before = u[t - order + 1] if t >= order - 1 else 0.0
        y.append(0.3 * y[t] + 0.05 * y[t] * recent + 1.5 * before * u[t] + 0.1)
    np.testing.assert_allclose(drive(u[None], order)[0], y[1:], rtol=1e-13)


def test_a_sample_holds_inputs_and_the_outputs_that_they_cause() -> None:
    made = Narma(20, 60, 10, 5).sample(generator(0, "data"), 20, None)
    np.testing.assert_allclose(made.targets[..., 0], drive(made.inputs[..., 0].double().numpy(), 10), atol=1e-6)
    assert 0 <= made.inputs.min() < 0.01 < 0.49 < made.inputs.max() < 0.5
    assert made.weight is not None
    assert made.weight[3].tolist() == [0.0] * 5 + [1.0] * 55


def test_a_series_that_diverges_is_drawn_anew_and_none_is_clipped() -> None:
    count, steps = 400, 2000
    source = generator(3, "data")
    first = torch.rand((count, steps), generator=source, dtype=torch.float64).numpy() / 2
    wild = ~(np.abs(drive(first, 10)) < DIVERGED).all(1)
    assert 0.002 < wild.mean() < 0.04
    made = Narma(count, steps, 10, 0).sample(generator(3, "data"), count, None)
    np.testing.assert_array_equal(made.inputs[~wild, :, 0], first[~wild].astype(np.float32))
    assert (made.inputs[wild, :, 0].numpy() != first[wild].astype(np.float32)).any(1).all()
    assert made.targets.max() < 1.35  # far from where it diverges: the bound cuts nothing
    np.testing.assert_allclose(made.targets[wild, :, 0], drive(made.inputs[wild, :, 0].double().numpy(), 10), atol=1e-3)


def test_a_system_that_always_diverges_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(narma, "MOST_DRAWS", 3)
    with pytest.raises(ValueError, match=r"^order must be one with which .* stay.* bounded: with 60, 5 of 5 series"):
        Narma(5, 3000, 60, 0).sample(generator(0, "data"), 5, None)


def test_linear_filters_and_products_score_what_is_published() -> None:
    made = Narma(60, 1000, 10, 50).sample(generator(0, "data"), 60, None)
    whole = Split(*(None if each is None else each[None].double() for each in made))
    train, test = whole.map(lambda each: each[:, :40]), whole.map(lambda each: each[:, 40:])

    def nmse(guess: Any) -> float:
        return RelativeError("nmse").shown(guess, test.targets, test.weight)["nmse"].item()

    assert nmse(polynomial(train, test, range(20), 1)) == pytest.approx(0.163, abs=0.006)
    floor = nmse(regression(train, test))
    assert floor == pytest.approx(0.15, abs=0.006)
    assert floor == pytest.approx(nmse(polynomial(train, test, range(32), 1)), rel=1e-6)
    assert nmse(polynomial(train, test, range(20), 2)) == pytest.approx(0.03, abs=0.006)
    assert nmse(test.targets.mean((1, 2), keepdim=True).expand_as(test.targets)) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ((0, 50, 10, 5), "num_sequences must be >= 1, got 0"),
        ((5, 50, 0, 5), "order must be >= 1, got 0"),
        ((5, 50, 10, -1), "warmup must be >= 0, got -1"),
        ((5, 50, 10, 50), "length must be > warmup = 50"),
    ],
)
def test_wrong_settings_are_refused(settings: tuple[int, int, int, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Narma(*settings)
