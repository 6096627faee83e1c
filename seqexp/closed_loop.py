"""Closed loop: a population is fed with its own predictions, and how long what it makes of them is valid."""

from __future__ import annotations

from typing import Any, NamedTuple, overload

import numpy as np
import torch
from torch import Tensor

from seqexp.cell.recurrent import Recurrent
from seqexp.data.task import Task
from seqexp.model import Model
from seqexp.readout import read_last

Array = np.ndarray[Any, Any]

States = list[tuple[Tensor, ...]]
"""For each layer a tensor (S, H, B) for each of the cell's `states`."""


def check_feedable(task: Task) -> None:
    """Checks whether what is predicted can be read again.

    Raises:
        ValueError: it cannot, and why.
    """
    if task.ahead is None:
        raise ValueError(
            f"predictions can be fed back only where the targets are all of the inputs at a later step, and those of "
            f"{type(task).__name__} are something else"
        )
    if task.ahead != 1:
        raise ValueError(
            f"predictions can be fed back only where they are of the next step (data.horizon=1), and these are of the "
            f"one {task.ahead} steps later"
        )


@overload
def roll_out(model: Model, context: Array, steps: int) -> Array: ...


@overload
def roll_out(model: Model, context: Tensor, steps: int) -> Tensor: ...


def roll_out(model: Model, context: Tensor | Array, steps: int) -> Tensor | Array:
    """Continues sequences: the model predicts the next values, reads them, predicts the next, and so on.

    A model of the last step reads as many values each time as the context has. One of every step goes on from its
    state, with all that it has read; where a cell has no state to go on from, it reads everything again each time.

    Args:
        model: the population; its predictions are the next values of its inputs.
        context: (S, B, T, I), or (B, T, I) the same for every seed, in the data's units: what comes before.
        steps: K >= 1, how many values are made.

    Returns:
        (S, B, K, I), in the data's units; a NumPy array for one. What overflows is infinite or NaN.

    Raises:
        ValueError: the model does not predict as many numbers as it reads, or a number or a shape is out of range.
    """
    if model.num_tokens or model.output_size != model.cell.input_size:
        raise ValueError(
            f"model must predict the {model.cell.input_size} numbers that it reads, and predicts {model.output_size}"
        )
    if steps < 1:
        raise ValueError(f"steps must be >= 1, got {steps}")
    given = torch.as_tensor(context).to(model.weight)
    every = given.expand(model.num_seeds, *given.shape) if given.dim() == 3 else given
    if every.dim() != 4 or len(every) != model.num_seeds or 0 in every.shape or every.shape[3] != model.output_size:
        wanted = f"(B, T, I={model.output_size}) or (S={model.num_seeds}, B, T, I={model.output_size})"
        raise ValueError(f"context must have shape {wanted}, none of these 0, got {tuple(given.shape)}")
    path = _roll_out(model, every, steps)
    return path if isinstance(context, Tensor) else path.cpu().numpy()


@torch.no_grad()
def _roll_out(model: Model, context: Tensor, steps: int) -> Tensor:
    """The same of a tensor of each seed's own."""
    if model.reads == "steps" and isinstance(model.cell, Recurrent) and model.cell.causal:
        return _from_state(model, model.cell, context, steps)
    read = context
    made = []
    for _ in range(steps):
        predicted = model(read)
        made.append(predicted if model.reads == "last" else predicted[:, :, -1])
        read = torch.cat([read[:, :, 1:] if model.reads == "last" else read, made[-1][:, :, None]], 2)
    return torch.stack(made, 2)


def _from_state(model: Model, cell: Recurrent, context: Tensor, steps: int) -> Tensor:
    """The same of a recurrent cell in one direction, a step at a time."""
    state: States = [cell.initial_state(weights, context.shape[1]) for weights in cell.all_weights()]
    for x in model.embed(context).unbind(2):
        state, output = advance(cell, x, state)
    before = context[:, :, -1:]
    made: list[Tensor] = []
    for _ in range(steps):
        if made:  # a scaling may need the value before
            x = model.embed(torch.cat([before, made[-1]], 2))[:, :, -1]
            (state, output), before = advance(cell, x, state), made[-1]
        read = read_last(output, model.weight, model.bias)[:, :, None]  # (S, B, 1, O)
        restored = model.scaling.restore(read, before, None) if model.scaling is not None and model.restores else read
        made.append(restored)
    return torch.cat(made, 2)


def advance(cell: Recurrent, x: Tensor, state: States) -> tuple[States, Tensor]:
    """The states of all layers after one more step, x (S, B, I), and the top layer's output (S, H, B)."""
    below, after = x.transpose(1, 2), []
    for layer, (before, weights) in enumerate(zip(state, cell.all_weights(), strict=True)):
        after.append(cell.step(below, before, weights))
        below = after[-1][0] + below if cell.adds(layer) else after[-1][0]
    return after, below


class Validity(NamedTuple):
    """How far paths stay with the truth.

    Attributes:
        error: (S, B, K) at each step the root of the mean over columns of (difference / standard deviation)^2.
        steps: (S, B) valid prediction time: how many steps come before the first whose error exceeds the threshold.
        whole: (S, B) whether none does, so that the valid time is K or more.
    """

    error: Tensor
    steps: Tensor
    whole: Tensor


def validity(path: Tensor | Array, truth: Tensor | Array, deviation: Tensor | Array, threshold: float) -> Validity:
    """Compares paths with what came.

    Source: P. R. Vlachas et al., "Backpropagation algorithms and reservoir computing in recurrent neural networks for
    the forecasting of complex spatiotemporal dynamics", Neural Networks 126 (2020), section 3.

    Args:
        path: (S, B, K, I), a tensor or an array, as the next two.
        truth: (S, B, K, I), or (B, K, I) the same for every seed.
        deviation: (S, I) the standard deviation of each column, over time.
        threshold: of the relative error.
    """
    path, truth, deviation = (torch.as_tensor(each) for each in (path, truth, deviation))
    relative = (path - truth) / deviation[:, None, None]
    error = relative.square().mean(-1).sqrt().nan_to_num(nan=torch.inf)
    wrong = error > threshold
    steps = torch.where(wrong.any(-1), wrong.int().argmax(-1), wrong.shape[-1])
    return Validity(error, steps, ~wrong.any(-1))
