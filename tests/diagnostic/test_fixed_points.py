"""Fixed points: a hand-set flip-flop has 2^K stable ones; Jacobians against finite differences; what is held."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from seqexp.cell.gru import GRU
from seqexp.cell.lstm import LSTM
from seqexp.cell.mingru import MinGRU
from seqexp.cell.rnn import RNN
from seqexp.data.flip_flop import FlipFlop
from seqexp.data.split import Split
from seqexp.diagnostic.fixed_points import FixedPoints
from seqexp.diagnostic.newton import linearise, newton
from seqexp.model import Model
from seqexp.score import SquaredError
from seqexp.seeding import generator

SIZES: dict[str, Any] = {"num_seeds": 2, "num_layers": 1, "dropout": 0.0}
GAIN = 2.0


def rnn(width: int) -> Any:
    return RNN(input_size=width, hidden_size=width, bidirectional=False, nonlinearity="tanh", **SIZES)


def drawn(cell: Any, outputs: int = 1) -> Model:
    model = Model(cell, outputs, "steps", 0)
    model.reset_parameters([generator(seed, "model") for seed in range(2)])
    return model.double().eval()


def pulses(bits: int) -> Split:
    made = [FlipFlop(8, 20, bits, 0.4).sample(generator(seed, "data"), 8, None) for seed in range(2)]
    inputs, targets = (torch.stack([each[part] for each in made]).double() for part in range(2))  # type: ignore[arg-type]
    return Split(inputs, targets)


@torch.no_grad()
def flip_flop(bits: int) -> Model:
    """h = tanh(2 h + 4 u): each unit keeps the sign of its last pulse at +-0.9575, and could rest at 0."""
    model = drawn(rnn(bits), bits)
    for parameter in model.parameters():
        parameter.zero_()
    model.cell.weight_hh_l0.copy_(GAIN * torch.eye(bits))
    model.cell.weight_ih_l0.copy_(4 * torch.eye(bits))
    return model


@pytest.mark.parametrize("bits", [1, 2, 3])
def test_a_flip_flop_of_k_bits_has_a_stable_point_for_each_of_their_states(bits: int) -> None:
    instrument = FixedPoints(100, 100, 1e-9, 8, 0.0, 0).of(FlipFlop(8, 20, bits, 0.4))
    found = instrument.measure(flip_flop(bits), SquaredError(), pulses(bits))
    assert found["expected"] == 2**bits
    assert found["stable"].tolist() == [2**bits] * 2
    assert (found["unstable"] >= 1).all()
    assert (found["unstable"] <= 3**bits - 2**bits).all()
    height = 0.9
    for _ in range(100):
        height = math.tanh(GAIN * height)
    points, radius = found["points"][0], found["radius"][0]
    stable = radius < 1
    np.testing.assert_allclose(np.abs(points[stable]), height, rtol=1e-7)
    assert len({tuple(row) for row in np.sign(points[stable])}) == 2**bits
    np.testing.assert_allclose(radius[stable], GAIN * (1 - height**2), rtol=1e-6)
    np.testing.assert_allclose(radius[np.isfinite(radius) & ~stable], GAIN, rtol=1e-6)  # a unit at 0
    alone = instrument.measure(flip_flop(bits).members(slice(1, 2)), SquaredError(), pulses(bits).of(slice(1, 2)))
    np.testing.assert_allclose(alone["points"], found["points"][1:], atol=1e-7)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", [GRU, LSTM])
def test_jacobians_are_those_of_finite_differences(kind: Any, layers: int) -> None:
    more = {"forget_bias": None} if kind is LSTM else {}
    cell: Any = drawn(
        kind(input_size=1, hidden_size=2, bidirectional=False, **{**SIZES, "num_layers": layers}, **more)
    ).cell
    chance = torch.Generator().manual_seed(0)
    z = torch.randn(2, cell.state_size, 3, generator=chance, dtype=torch.float64)
    held = torch.full((2, 1, 1), 0.3, dtype=torch.float64)
    after, jacobian = linearise(cell, held, z)
    assert jacobian.shape == (2, 3, cell.state_size, cell.state_size)
    for column in range(cell.state_size):
        step = torch.zeros_like(z)
        step[:, column] = 1e-6
        slope = (linearise(cell, held, z + step)[0] - linearise(cell, held, z - step)[0]) / 2e-6  # (S, D, M)
        np.testing.assert_allclose(jacobian[..., column].detach(), slope.permute(0, 2, 1), atol=1e-8)
    found = newton(cell, held, z, 50, 1e-10)
    assert found.at_rest.double().mean() > 0.8  # a start may end where no step leads nearer
    rest = found.at_rest[:, None].expand_as(z)
    np.testing.assert_allclose(linearise(cell, held, found.z)[0][rest], found.z[rest], atol=1e-10)
    assert (after - z).abs().max() > 1e-3


def test_the_input_that_is_held_moves_the_point() -> None:
    model = drawn(rnn(2))
    batch = Split(
        torch.randn(2, 8, 20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64),
        torch.zeros(2, 8, 20, 1),
    )
    for held in (0.0, 0.7):
        found = FixedPoints(20, 100, 1e-10, 8, held, 0).measure(model, SquaredError(), batch)
        assert found["stable"].tolist() == [1, 1]
        assert math.isnan(found["expected"])
        for seed in range(2):
            w, u, b, c = (
                getattr(model.cell, f"{name}_l0")[seed].detach().numpy()
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            z = found["points"][seed, 0]
            np.testing.assert_allclose(np.tanh(w @ np.full(2, held) + b + u @ z + c), z, atol=1e-9)


def test_a_seed_that_diverged_has_no_numbers() -> None:
    model = flip_flop(1)
    with torch.no_grad():
        model.cell.weight_hh_l0[0] = torch.nan
    found = FixedPoints(40, 50, 1e-9, 8, 0.0, 0).measure(model, SquaredError(), pulses(1))
    assert np.isnan(found["stable"][0])
    assert found["stable"][1] == 2


def test_the_picture_says_how_many_of_which() -> None:
    instrument = FixedPoints(60, 100, 1e-9, 8, 0.0, 0).of(FlipFlop(8, 20, 2, 0.4))
    found = instrument.measure(flip_flop(2), SquaredError(), pulses(2))
    arrays = {f"end_{name}": values for name, values in found.items()}
    figure = instrument.draw({"rnn": arrays})
    assert figure.axes[0].get_title() == f"rnn, first seed: 4 stable, {int(found['unstable'][0])} unstable"
    names = [each.get_text() for each in figure.legends[0].get_texts()]
    assert "4: one for each state of the task" in names
    assert instrument.table(arrays)[""]["stable points"].tolist() == [4, 4]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0, 1, 1e-9, 1, 0.0, 0), "starts must be >= 1"),
        ((1, 0, 1e-9, 1, 0.0, 0), "iterations must be >= 1"),
        ((1, 1, 0.0, 1, 0.0, 0), "tolerance must be > 0"),
        ((1, 1, 1e-9, 0, 0.0, 0), "max_sequences must be >= 1"),
        ((1, 1, 1e-9, 1, math.inf, 0), "input must be finite"),
        ((1, 1, 1e-9, 1, 0.0, -1), "seed must be >= 0"),
    ],
)
def test_wrong_settings_are_refused(values: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FixedPoints(*values)


def test_a_cell_without_steps_is_refused() -> None:
    cell = MinGRU(input_size=1, hidden_size=2, residual=False, form="plain", **SIZES)
    with pytest.raises(ValueError, match="needs a recurrent cell that reads forward only, got MinGRU"):
        FixedPoints(1, 1, 1e-9, 1, 0.0, 0).check(drawn(cell))
