"""What a prediction owes to each step: linear models in closed form, what cannot be seen, and lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from seqexp.cell.gru import GRU
from seqexp.cell.rnn import RNN
from seqexp.cell.tcn import TCN
from seqexp.data.split import Split
from seqexp.diagnostic.attribution import Attribution
from seqexp.model import Model
from seqexp.score import CrossEntropy, SquaredError
from seqexp.seeding import generator

SIZES: dict[str, Any] = {"num_seeds": 2, "num_layers": 1, "dropout": 0.0}


def drawn(cell: Any, outputs: int = 1, reads: Any = "last") -> Model:
    model = Model(cell, outputs, reads, 0)
    model.reset_parameters([generator(seed, "model") for seed in range(2)])
    return model.double().eval()


def rnn(hidden_size: int = 4) -> Any:
    return RNN(input_size=2, hidden_size=hidden_size, bidirectional=False, nonlinearity="relu", **SIZES)


def split(rows: int = 40, steps: int = 7, **more: Any) -> Split:
    inputs = torch.randn(2, rows, steps, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Split(1 + 2 * inputs, torch.zeros(2, rows, 1))._replace(**more)


@torch.no_grad()
def linear_model(decay: float) -> Model:
    """y = 3 sum_t decay^(T - t) x_t, of the first feature: units so far above 0 that no ReLU bends."""
    model = drawn(rnn(1))
    for parameter in model.parameters():
        parameter.zero_()
    model.cell.weight_ih_l0[:, 0, 0] = 1.0
    model.cell.weight_hh_l0.fill_(decay)
    model.cell.bias_ih_l0.fill_(100.0)
    model.weight.fill_(3.0)
    return model


def test_of_a_linear_model_both_are_its_weights_times_the_deviation() -> None:
    batch = split()
    found = Attribution(None, 100).measure(linear_model(0.5), SquaredError(), batch)
    values = batch.inputs[..., 0]
    center = values.mean((1, 2))[:, None, None]
    expected = 3 * 0.5 ** np.arange(7) * (values - center).square().mean(1).sqrt().flip(1).numpy()
    np.testing.assert_allclose(found["occlusion"], expected, rtol=1e-9)
    np.testing.assert_allclose(found["gradient"], expected, rtol=1e-9)


def test_a_step_beyond_what_the_cell_sees_counts_nothing() -> None:
    cell = TCN(input_size=2, hidden_size=4, kernel_size=2, residual=False, **SIZES)
    found = Attribution(None, 100).measure(drawn(cell), SquaredError(), split(steps=9))
    seen = np.abs(found["occlusion"]) > 0
    assert seen[:, 0].all()
    assert not seen[:, cell.receptive_field :].any()
    assert seen[:, : cell.receptive_field].all()
    np.testing.assert_array_equal(np.abs(found["gradient"]) > 0, seen)
    with torch.no_grad():
        blind = drawn(rnn())
        blind.cell.weight_ih_l0.zero_()
    found = Attribution(None, 100).measure(blind, SquaredError(), split())
    assert not found["occlusion"].any()
    assert not found["gradient"].any()


@pytest.mark.parametrize("reads", ["last", "steps"])
def test_of_classes_and_lengths_it_is_what_one_sequence_alone_says(reads: str) -> None:
    lengths = torch.tensor([[7, 4, 5], [3, 7, 6]])
    batch = split(rows=3, lengths=lengths)
    model = drawn(GRU(input_size=2, hidden_size=4, bidirectional=False, **SIZES), 3, reads)
    found = Attribution(3, 100).measure(model, CrossEntropy("nats"), batch)
    assert found["occlusion"].shape == (2, 4)
    there = (torch.arange(7) < lengths[..., None])[..., None]
    for seed in range(2):
        alone = model.members(slice(seed, seed + 1))
        mean = batch.inputs[seed][there[seed, ..., 0]].mean(0)
        squares: list[list[float]] = [[] for _ in range(4)]
        slopes: list[list[float]] = [[] for _ in range(4)]
        for row in range(3):
            x = batch.inputs[seed : seed + 1, row : row + 1, : lengths[seed, row]].clone().requires_grad_()

            def logs(inputs: Any, alone: Any = alone) -> Any:
                read = alone(inputs)
                return (read if reads == "last" else read[:, :, -1])[0, 0].log_softmax(0)

            whole = logs(x)
            jacobian = torch.stack([torch.autograd.grad(each, x, retain_graph=True)[0][0, 0] for each in whole])
            for lag in range(min(4, int(lengths[seed, row]))):
                hidden = x.detach().clone()
                hidden[0, 0, -1 - lag] = mean
                squares[lag] += (whole - logs(hidden)).square().tolist()
                slopes[lag] += (jacobian[:, -1 - lag] @ (x[0, 0, -1 - lag] - mean)).square().tolist()
        np.testing.assert_allclose(found["occlusion"][seed], [np.sqrt(np.mean(each)) for each in squares], rtol=1e-8)
        np.testing.assert_allclose(found["gradient"][seed], [np.sqrt(np.mean(each)) for each in slopes], rtol=1e-8)


def test_the_picture_has_both_by_name() -> None:
    found = Attribution(None, 100).measure(linear_model(0.5), SquaredError(), split())
    figure = Attribution(None, 9).draw({"rnn": {f"end_{name}": values for name, values in found.items()}})
    names = [each.get_text() for each in figure.legends[0].get_texts()]
    assert names == ["rnn, occlusion", "rnn, gradient × input"]
    assert figure.axes[0].get_ylabel() == "RMS change of the prediction\n(units of the network's output)"


@pytest.mark.parametrize(
    ("values", "said"), [((-1, 9), "max_lag must be >= 0"), ((None, 0), "max_sequences must be >= 1")]
)
def test_wrong_settings_are_refused(values: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Attribution(*values)
