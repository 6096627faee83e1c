"""A recurrent cell step by step, with autograd's graph between the steps: for instruments, not for training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from seqexp.cell.recurrent import Recurrent
from seqexp.cell.scan import at_ends
from seqexp.cell.weights import Weights

MOST_STATES = 512
"""Numbers in one seed's state up to which the eigenvalues of a step are computed: beyond, it takes seconds a seed."""


REST = 1e-9
"""Stands for a state of zero: just above it, where a ReLU has a slope."""


class History(NamedTuple):
    """What the top layer went through, in forward direction.

    Attributes:
        states: after each of T steps, a tensor (S, H, B) for each of the cell's `states`.
        output: (S, output_size, B) what `Recurrent.last` gives.
    """

    states: list[tuple[Tensor, ...]]
    output: Tensor


def history(cell: Recurrent, x: Tensor, lengths: Tensor | None) -> History:
    """Runs a cell by the equations of its `step`, without dropout.

    Args:
        cell: of S seeds, its parameters as x is.
        x: (S, B, T, I).
        lengths: (S, B) how many steps of each sequence count; None for all.
    """
    y, weights = _below_top(cell, x)
    directions = 2 if cell.bidirectional else 1
    state = cell.initial_state(weights[-directions], y.shape[3])
    states = []
    for x_t in y.unbind(0):
        state = cell.step(x_t, state, weights[-directions])
        states.append(state)
    output = states[-1][0] if lengths is None else at_ends(torch.stack([each[0] for each in states]), lengths)
    if cell.bidirectional:
        output = torch.cat([output, cell.scan(y.flip(0), weights[-1], True)], dim=1)
    if cell.adds(cell.num_layers - 1):
        output = output + (cell.ends(y) if lengths is None or cell.bidirectional else at_ends(y, lengths))
    return History(states, output)


def _below_top(cell: Recurrent, x: Tensor) -> tuple[Tensor, list[Weights]]:
    """What the top layer reads, (T, S, I, B), and the parameters of all layers and directions."""
    directions = 2 if cell.bidirectional else 1
    weights = list(cell.all_weights())
    y = x.permute(2, 0, 3, 1)  # (S, B, T, I) -> (T, S, I, B)
    for layer in range(cell.num_layers - 1):
        passes = [cell.scan(y, weights[layer * directions], False)]
        if cell.bidirectional:
            passes.append(cell.scan(y.flip(0), weights[layer * directions + 1], False).flip(0))
        own = torch.cat(passes, dim=2)  # (T, S, output_size, B)
        y = own + y if cell.adds(layer) else own
    return y, weights


def products(cell: Recurrent, x: Tensor, lengths: Tensor | None, most: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields d s_T / d s_{T-k} for k = 0, 1 ... most, s being all that the top layer hands on, in forward direction.

    Args:
        cell: of S seeds, its parameters as x is.
        x: (S, B, T, I).
        lengths: (S, B) how many steps of each sequence count; None for all. T is the last of them.
        most: the largest k, at most the steps of a sequence less one.

    Yields:
        (S, B, D, D), row by what is differentiated, and (S, B) whether the sequence has a step T-k.
    """
    y, weights = _below_top(cell, x)
    own = weights[-2 if cell.bidirectional else -1]
    state = cell.initial_state(own, y.shape[3])
    before = []  # T times (S, D, B): the state that each step starts from
    for x_t in y.unbind(0):
        before.append(torch.cat(state, 1))
        state = cell.step(x_t, state, own)
    starts = torch.stack(before)  # (T, S, D, B)
    ends = torch.full(x.shape[:2], len(y) - 1) if lengths is None else lengths - 1  # (S, B)
    product = torch.eye(starts.shape[2], dtype=x.dtype).expand(*ends.shape, -1, -1)
    yield product, ends >= 0
    for lag in range(1, most + 1):
        place = (ends - lag + 1).clamp(min=0)  # the step that leads from T-k on
        z, x_t = (each.gather(0, place[None, :, None].expand(1, -1, each.shape[2], -1))[0] for each in (starts, y))
        product = product @ _jacobian(cell, own, z, x_t)
        yield product, ends >= lag


def _jacobian(cell: Recurrent, weights: Weights, z: Tensor, x: Tensor) -> Tensor:
    """Of one step from states (S, D, B) at inputs (S, I, B): (S, B, D, D), row d the gradient of number d."""
    S, D, B = z.shape
    with torch.enable_grad():
        wide = z.repeat_interleave(D, 2).requires_grad_()  # a column for each number of the next state
        state = wide.split(cell.hidden_size, 1)
        after = torch.cat(cell.step(x.repeat_interleave(D, 2), state, weights), 1)
        (slope,) = torch.autograd.grad(after.view(S, D, B, D).diagonal(dim1=1, dim2=3).sum(), wide)
    return slope.view(S, D, B, D).permute(0, 2, 3, 1)


def radius_at_rest(cell: Recurrent) -> Tensor:
    """Computes by what the top layer's step stretches a small state at most, in the long run.

    It is the spectral radius of the Jacobian of `step`, from all of its states to all of them, at zero input and (next
    to) zero state: what a gradient is multiplied with at each step on the way back, while the cell is near rest.

    Returns:
        (S,); NaN for a seed whose weights are not finite, and for all where a state is larger than `MOST_STATES`.
    """
    weights = list(cell.all_weights())[-2 if cell.bidirectional else -1]
    S, size = cell.num_seeds, len(cell.states) * cell.hidden_size
    if size > MOST_STATES:
        return torch.full((S,), torch.nan, dtype=torch.float64)
    with torch.enable_grad():
        # One column for each number of the next state, so that one way back gives all rows of the Jacobian.
        shape = (S, cell.hidden_size, size)
        state = tuple(weights.weight_hh.new_full(shape, REST, requires_grad=True) for _ in cell.states)
        x = weights.weight_ih.new_zeros(S, weights.weight_ih.shape[2], size)
        after = torch.cat(cell.step(x, state, weights), dim=1)  # (S, size, size)
        rows = torch.autograd.grad(after.diagonal(dim1=1, dim2=2).sum(), state, materialize_grads=True)
    jacobian = torch.cat(rows, dim=1).transpose(1, 2)  # (S, size, column) -> (S, row, size)
    finite = jacobian.isfinite().flatten(1).all(1)  # (S,)
    found = torch.full((S,), torch.nan, dtype=jacobian.dtype)
    if finite.any():
        found[finite] = torch.linalg.eigvals(jacobian[finite]).abs().amax(1)
    return found
