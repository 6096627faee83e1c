"""Memory capacity: a linear recurrence reaches the number of its units, a delay line forgets at once, and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from seqexp.cell.gru import GRU
from seqexp.cell.rnn import RNN
from seqexp.data.split import Split
from seqexp.diagnostic.memory import Memory, recovered
from seqexp.model import Model
from seqexp.score import SquaredError
from seqexp.seeding import generator

SIZES = {"num_seeds": 2, "num_layers": 1, "dropout": 0.0, "bidirectional": False}


def reservoir(hidden_size: int, inputs: int = 1, scale: float = 1e-5) -> Model:
    """A tanh RNN so close to 0 that it is linear, whose recurrence is 0.9 times a rotation."""
    model = Model(RNN(input_size=inputs, hidden_size=hidden_size, nonlinearity="tanh", **SIZES), 1, "last", 0)
    model.reset_parameters([generator(seed, "model") for seed in range(2)])
    with torch.no_grad():
        (weights,) = model.cell.all_weights()  # type: ignore[operator]
        weights.weight_ih.mul_(scale)
        weights.weight_hh.copy_(
            0.9 * torch.linalg.qr(torch.randn(2, hidden_size, hidden_size, generator=generator(1, "q"))).Q
        )
        weights.bias_ih.zero_()
        weights.bias_hh.zero_()
    return model.double().eval()


def split(inputs: int = 1) -> Split:
    chance = torch.Generator().manual_seed(0)
    return Split(3 + 2 * torch.randn(2, 20, 10, inputs, generator=chance, dtype=torch.float64), torch.zeros(2, 20, 1))


def without_mean(batch: Split) -> Split:
    return batch._replace(inputs=batch.inputs - batch.inputs.mean((1, 2), keepdim=True))


@pytest.mark.parametrize(("inputs", "within"), [(1, 0.01), (2, 0.03)])  # of 200 delays chance makes more
def test_a_linear_reservoir_reaches_the_number_of_its_units(inputs: int, within: float) -> None:
    found = Memory(100, 64, 200, 1e-6, 0).measure(reservoir(10, inputs), SquaredError(), without_mean(split(inputs)))
    assert found["r2"].shape == (2, inputs, 101)
    np.testing.assert_allclose(found["capacity"], 10, rtol=within)
    assert found["bound"] == 10


def test_the_curve_of_a_single_unit_is_that_of_a_decaying_sum() -> None:
    """Of h_t = a h_{t-1} + x_t the share of x_{t-k} is (1 - a^2) a^(2k)."""
    found = Memory(30, 32, 400, 1e-6, 0).measure(reservoir(1), SquaredError(), without_mean(split()))
    np.testing.assert_allclose(found["r2"][:, 0], np.tile(0.19 * 0.81 ** np.arange(31), (2, 1)), atol=0.02)
    assert found["horizon"].tolist() == [0, 0]


def test_a_delay_line_remembers_its_length_and_nothing_beyond() -> None:
    chance = torch.Generator().manual_seed(0)
    noise = torch.rand(100, 230, 1, generator=chance, dtype=torch.float64)
    line = torch.cat([noise.roll(lag, 1) for lag in range(5)], 2)  # right from step 5 on
    r2 = recovered(line, noise, 30, 1e-6)[0]
    np.testing.assert_allclose(r2[:5], 1, atol=1e-9)
    assert r2[5:].abs().max() < 0.01
    assert abs(float(r2[5:].mean())) < 1.2e-4  # corrected: without, it is 5 / 20,000 on average


def test_the_horizon_and_a_seed_alone() -> None:
    model, batch = reservoir(10), without_mean(split())
    instrument = Memory(40, 8, 100, 1e-6, 0)
    found = instrument.measure(model, SquaredError(), batch)
    for seed in range(2):
        curve = found["r2"][seed, 0]
        horizon = int(found["horizon"][seed])
        assert (curve[:horizon] >= 0.5).all()
        assert curve[horizon] < 0.5
    alone = instrument.measure(model.members(slice(1, 2)), SquaredError(), batch.of(slice(1, 2)))
    for name in ("r2", "capacity", "horizon"):
        np.testing.assert_allclose(alone[name], found[name][1:], rtol=1e-9, atol=1e-12)
    assert instrument.measure(model, SquaredError(), batch)["r2"].tobytes() == found["r2"].tobytes()


def test_an_input_that_never_changes_and_a_seed_that_diverged() -> None:
    model, batch = reservoir(4, inputs=2), without_mean(split(2))
    batch.inputs[..., 1] = 0.5
    with torch.no_grad():
        model.cell.weight_hh_l0[0] = torch.nan
    found = Memory(20, 8, 100, 1e-6, 0).measure(model, SquaredError(), batch)
    assert np.isnan(found["capacity"][0])
    assert np.isnan(found["horizon"][0])
    assert found["r2"][1, 1].tolist() == [0.0] * 21
    assert 3 < found["capacity"][1] <= 4.05


def test_the_picture_names_the_bound() -> None:
    found = Memory(20, 8, 100, 1e-6, 0).measure(reservoir(4), SquaredError(), without_mean(split()))
    arrays = {f"{time}_{name}": values for time in ("start", "end") for name, values in found.items()}
    figure = Memory(20, 8, 100, 1e-6, 0).draw({"rnn": arrays, "gru": arrays})
    names = [each.get_text() for each in figure.legends[0].get_texts()]
    assert names[:2] == ["rnn", "gru"]
    assert any(name.startswith("bound N = 4") for name in names)
    last = figure.axes[1].get_lines()[0].get_ydata()
    np.testing.assert_allclose(last[-1], found["capacity"].mean())  # type: ignore[index]
    table = Memory(20, 8, 100, 1e-6, 0).table(arrays)
    np.testing.assert_array_equal(table[""]["memory capacity"], found["capacity"])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0, 8, 100, 1e-6, 0), "max_lag must be >= 1, got 0"),
        ((9, 0, 100, 1e-6, 0), "sequences must be >= 1"),
        ((9, 8, 0, 1e-6, 0), "steps must be >= 1"),
        ((9, 8, 100, 1.0, 0), "tolerance must be > 0 and < 1"),
        ((9, 8, 100, 1e-6, -1), "seed must be >= 0"),
    ],
)
def test_wrong_settings_are_refused(values: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Memory(*values)


def test_what_cannot_be_measured_is_refused() -> None:
    instrument = Memory(9, 8, 100, 1e-6, 0)
    tokens = Model(GRU(input_size=3, hidden_size=4, **SIZES), 1, "last", 5)
    with pytest.raises(ValueError, match="those of this task are tokens"):
        instrument.check(tokens)
    both = Model(GRU(input_size=3, hidden_size=4, **{**SIZES, "bidirectional": True}), 1, "last", 0)
    with pytest.raises(ValueError, match="reads forward only"):
        instrument.check(both)
    with pytest.raises(ValueError, match=r"sequences \* steps must be >= 12"):
        Memory(9, 1, 5, 1e-6, 0).check(reservoir(4))
