"""Gates over time: torch's equations, correlations against NumPy's, units that count, and the picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seqexp.cell.lstm import LSTM
from seqexp.cell.rnn import RNN
from seqexp.data.parity import Parity
from seqexp.data.split import Split
from seqexp.diagnostic.gates import Gates, correlate, top_layer
from seqexp.model import Model
from seqexp.score import CrossEntropy
from seqexp.seeding import generator

SIZES = {"input_size": 1, "num_seeds": 2, "hidden_size": 3, "dropout": 0.0, "bidirectional": False}
TASK = Parity(9, 3, 8)


def made(num_layers: int = 1) -> Model:
    model = Model(LSTM(**SIZES, num_layers=num_layers, forget_bias=None), 2, "last", 0)
    model.reset_parameters([generator(seed, "model") for seed in range(2)])
    return model.double().eval()


def bits() -> Split:
    drawn = [TASK.sample(generator(seed, "data"), 9, None) for seed in range(2)]
    lengths = torch.stack([each.lengths for each in drawn if each.lengths is not None])
    return Split(
        torch.stack([each.inputs for each in drawn]).double(),
        torch.stack([each.targets for each in drawn]),
        lengths=lengths,
    )


def test_correlations_are_numpys_over_the_steps_that_count() -> None:
    chance = torch.Generator().manual_seed(0)
    units, variables = (torch.randn(2, 4, 6, width, generator=chance, dtype=torch.float64) for width in (3, 2))
    variables[..., 0] += 0.8 * units[..., 1]
    units[..., 2] = 0.1  # constant
    counts = torch.rand(2, 4, 6, generator=chance) < 0.7
    variables[~counts] = torch.nan
    found = correlate(units, variables, counts)
    for seed in range(2):
        rows = counts[seed]
        for unit in range(2):
            for column in range(2):
                expected = np.corrcoef(units[seed][rows][:, unit], variables[seed][rows][:, column])[0, 1]
                np.testing.assert_allclose(found[seed, unit, column], expected, rtol=1e-9)
    assert found[:, 2].abs().max() == 0


def test_gates_are_those_of_the_equations() -> None:
    model, batch = made(), bits()
    found = Gates(9).of(TASK).measure(model, CrossEntropy("nats"), batch)
    assert str(found["variables"]).split("\n") == ["parity", "ones so far", "step", "input"]
    for seed in range(2):
        lengths = batch.lengths[seed].tolist()  # type: ignore[index]
        row, length = lengths.index(max(lengths)), max(lengths)
        w, u, b, d = (
            getattr(model.cell, f"{name}_l0")[seed].detach().numpy()
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        h = c = np.zeros(3)
        for step in range(length):
            i, f, g, o = np.split(w @ batch.inputs[seed, row, step].numpy() + u @ h + b + d, 4)
            i, f, o = (1 / (1 + np.exp(-each)) for each in (i, f, o))
            c = f * c + i * np.tanh(g)
            h = o * np.tanh(c)
            for name, expected in {"i": i, "f": f, "g": np.tanh(g), "o": o, "c": c, "h": h}.items():
                np.testing.assert_allclose(found[name][seed, step], expected, rtol=1e-9)
        assert np.isnan(found["f"][seed, length:]).all()
        np.testing.assert_array_equal(found["input"][seed, :length], batch.inputs[seed, row, :length])


@torch.no_grad()
def test_a_unit_that_counts_is_found() -> None:
    """A linear unit with weight 1 on itself and on the input holds the ones so far."""
    model = Model(RNN(**SIZES, num_layers=1, nonlinearity="relu"), 2, "last", 0).double().eval()
    for parameter in model.parameters():
        parameter.zero_()
    model.cell.weight_ih_l0[:, 0] = 1.0
    model.cell.weight_hh_l0[:, 0, 0] = 1.0
    found = Gates(9).of(TASK).measure(model, CrossEntropy("nats"), bits())
    np.testing.assert_allclose(found["r_h"][:, 0, 1], 1, rtol=1e-9)
    assert (np.abs(found["r_h"][:, 0, 0]) < 0.9).all()
    assert not found["r_h"][:, 1:].any()
    alone = Gates(9).of(TASK).measure(model.members(slice(1, 2)), CrossEntropy("nats"), bits().of(slice(1, 2)))
    np.testing.assert_allclose(alone["r_h"], found["r_h"][1:], rtol=1e-9)


def test_of_several_layers_the_top_one_is_shown() -> None:
    traces = {name: torch.tensor(place) for place, name in enumerate(("h_l0", "h_l1", "f_l1", "h_l1_reverse"))}
    assert {name: int(each) for name, each in top_layer(traces).items()} == {"h": 1, "f": 2}
    assert list(top_layer({"h": torch.tensor(0)})) == ["h"]
    assert set(top_layer(made(2).cell.traces(bits().inputs))) == {"h", "c", "i", "f", "g", "o"}  # type: ignore[operator]


def test_the_picture_has_units_over_time_beside_what_they_follow() -> None:
    found = Gates(9).of(TASK).measure(made(), CrossEntropy("nats"), bits())
    arrays = {f"end_{name}": values for name, values in found.items()}
    titles = [axes.get_title() for axes in Gates(9).draw({"lstm": arrays}).axes]
    assert titles[:4] == ["lstm: input", "", "lstm: h", "correlation of h with"]
    beside = [axes.get_title() for axes in Gates(9).draw({"lstm": arrays, "gru": arrays}).axes]
    assert beside[:4] == ["lstm: input", "gru: input", "lstm: h", "gru: h"]


def test_a_wrong_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="max_sequences must be >= 1"):
        Gates(0)
