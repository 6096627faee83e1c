"""Closed loop: a linear recurrence continues a sine exactly, a state goes on as if all were read again, valid times."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seqexp.cell.gru import GRU
from seqexp.cell.lstm import LSTM
from seqexp.cell.recurrent import Recurrent, Weights
from seqexp.closed_loop import check_feedable, roll_out, validity
from seqexp.data.lorenz import Lorenz
from seqexp.data.narma import Narma
from seqexp.data.scales import Scales
from seqexp.data.sine import Sine
from seqexp.data.split import Split
from seqexp.model import Model
from seqexp.scaling import Scaling
from seqexp.seeding import generator


class Linear(Recurrent):
    """h_t = W x_t + U h_{t-1}."""

    gates = 1

    def step(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
        return (weights.from_input(x) + weights.from_state(state[0]),)


@torch.no_grad()
def recurrence(reads: Any, frequencies: Tensor) -> Model:
    """Remembers two values, and predicts y_{t+1} = 2 cos(w) y_t - y_{t-1}; each seed with a frequency of its own."""
    model = Model(Linear(1, len(frequencies), 2, 1, 0.0, False), 1, reads, 0).double()
    for parameter in model.parameters():
        parameter.zero_()
    (weights,) = model.cell.all_weights()
    weights.weight_ih[:, 0] = 1
    weights.weight_hh[:, 1, 0] = 1
    model.weight[:, 0, 0], model.weight[:, 0, 1] = 2 * frequencies.cos(), -1
    return model


def sine(frequencies: Tensor, start: int, stop: int) -> Tensor:
    phases = torch.tensor([0.3, 2.0, 4.0], dtype=torch.float64)
    steps = torch.arange(start, stop, dtype=torch.float64)
    return (frequencies[:, None, None] * steps + phases[:, None]).sin()[..., None]  # (S, B, T, 1)


@pytest.mark.parametrize(("reads", "context"), [("last", 2), ("last", 7), ("steps", 2), ("steps", 50)])
def test_a_linear_recurrence_continues_a_sine_exactly(reads: Any, context: int) -> None:
    frequencies = torch.tensor([0.1, 0.7], dtype=torch.float64)
    path = roll_out(recurrence(reads, frequencies), sine(frequencies, 0, context), 300)
    torch.testing.assert_close(path, sine(frequencies, context, context + 300), rtol=0, atol=1e-10)


def population(cell: type[Recurrent], more: dict[str, Any], reads: Any, layers: int, kinds: tuple[str, ...]) -> Model:
    scaling = Scaling(2, 2, 2)
    model = Model(cell(2, 2, 5, layers, 0.0, False, **more), 2, reads, 0, scaling).double()
    model.reset_parameters([generator(seed, "model") for seed in range(2)])
    values = torch.randn(2, 6, 9, 2, generator=generator(0, "data"), dtype=torch.float64) * 3 + 4
    targets = values.roll(-1, 2) if reads == "steps" else values[:, :, -1]
    scaling.fit(Scales(kinds, kinds, (0, 1)), values, Split(values, targets))
    return model.eval()


@pytest.mark.parametrize("kinds", [("none", "standard"), ("difference", "minmax")])
@pytest.mark.parametrize(("cell", "more", "layers"), [(GRU, {}, 1), (LSTM, {"forget_bias": None}, 2)])
def test_going_on_from_a_state_is_reading_all_again(
    cell: type[Recurrent], more: dict[str, Any], layers: int, kinds: tuple[str, ...]
) -> None:
    model = population(cell, more, "steps", layers, kinds)
    context = torch.randn(2, 3, 6, 2, generator=generator(1, "data"), dtype=torch.float64)
    found, read = roll_out(model, context, 8), context
    for step in range(8):
        with torch.no_grad():
            predicted = model(read)[:, :, -1:]
        torch.testing.assert_close(found[:, :, step : step + 1], predicted, rtol=1e-9, atol=1e-9)
        read = torch.cat([read, predicted], 2)
    model.cell.causal = False  # as of a cell that has no state to go on from
    torch.testing.assert_close(roll_out(model, context, 8), found, rtol=1e-9, atol=1e-9)


def test_a_model_of_the_last_step_reads_as_many_values_as_before() -> None:
    model = population(GRU, {}, "last", 1, ("standard", "standard"))
    context = torch.randn(2, 3, 6, 2, generator=generator(1, "data"), dtype=torch.float64)
    found = roll_out(model, context, 5)
    whole = torch.cat([context, found], 2)
    with torch.no_grad():
        again = torch.stack([model(whole[:, :, step : step + 6]) for step in range(5)], 2)
    torch.testing.assert_close(found, again, rtol=1e-12, atol=1e-12)


def test_arrays_and_one_context_for_all_seeds_are_continued_too() -> None:
    model = population(GRU, {}, "last", 1, ("standard", "standard"))
    context = torch.randn(3, 6, 2, generator=generator(1, "data"), dtype=torch.float64)
    path = roll_out(model, context, 4)
    torch.testing.assert_close(path, roll_out(model, context.expand(2, -1, -1, -1), 4), rtol=0, atol=0)
    as_array = roll_out(model, context.numpy(), 4)
    assert isinstance(as_array, np.ndarray)
    np.testing.assert_array_equal(as_array, path.numpy())
    for wrong in (np.zeros((6, 2)), np.zeros((3, 3, 6, 2)), np.zeros((3, 6, 1)), np.zeros((3, 0, 2))):
        with pytest.raises(ValueError, match=r"context must have shape \(B, T, I=2\) or \(S=2, B, T, I=2\), none"):
            roll_out(model, wrong, 4)


def test_valid_time_counts_the_steps_before_the_first_that_is_wrong() -> None:
    truth = torch.zeros(1, 3, 4, 2)
    path = truth.clone()
    path[0, 0, 2, 0] = 3.0  # relative errors sqrt((3 / 2)^2 / 2) = 1.06
    path[0, 1, 0] = torch.tensor([0.0, 2.0])  # and sqrt((2 / 4)^2 / 2) = 0.354
    path[0, 1, 3] = math.nan
    found = validity(path, truth, torch.tensor([[2.0, 4.0]]), 0.4)
    assert found.steps.tolist() == [[2, 3, 4]]
    as_arrays = validity(path.numpy(), truth[0].numpy(), np.array([[2.0, 4.0]]), 0.4)
    assert as_arrays.steps.tolist() == [[2, 3, 4]]
    assert found.whole.tolist() == [[False, False, True]]
    assert found.error[0, 0].tolist() == pytest.approx([0, 0, 3 / 8**0.5, 0])
    assert found.error[0, 1].tolist() == pytest.approx([0.125**0.5, 0, 0, math.inf])


def test_only_next_values_of_all_inputs_can_be_fed_back() -> None:
    check_feedable(Lorenz(100, 0.02, 0.0, 0.0, 5, 1, "standard"))
    check_feedable(Sine(100, 40.0, 1.0, 1.0, 0.1, 20, 1))
    with pytest.raises(ValueError, match="all of the inputs at a later step, and those of Narma are something else"):
        check_feedable(Narma(5, 50, 10, 5))
    with pytest.raises(ValueError, match=r"next step \(data.horizon=1\), and these are of the one 7 steps later"):
        check_feedable(Sine(100, 40.0, 1.0, 1.0, 0.1, 20, 7))
    with pytest.raises(ValueError, match="model must predict the 2 numbers that it reads, and predicts 1"):
        roll_out(Model(GRU(2, 1, 3, 1, 0.0, False), 1, "last", 0), torch.zeros(1, 1, 4, 2), 3)
    with pytest.raises(ValueError, match="steps must be >= 1, got 0"):
        roll_out(recurrence("last", torch.ones(1)), torch.zeros(1, 1, 4, 1), 0)
