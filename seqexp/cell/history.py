"""A recurrent cell step by step, with autograd's graph between the steps: for instruments, not for training."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from seqexp.cell.recurrent import Recurrent
from seqexp.cell.scan import at_ends

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
    directions = 2 if cell.bidirectional else 1
    weights = list(cell.all_weights())
    y = x.permute(2, 0, 3, 1)  # (S, B, T, I) -> (T, S, I, B)
    for layer in range(cell.num_layers - 1):
        passes = [cell.scan(y, weights[layer * directions], False)]
        if cell.bidirectional:
            passes.append(cell.scan(y.flip(0), weights[layer * directions + 1], False).flip(0))
        own = torch.cat(passes, dim=2)  # (T, S, output_size, B)
        y = own + y if cell.adds(layer) else own
    state = (y.new_zeros(y.shape[1], cell.hidden_size, y.shape[3]),) * len(cell.states)
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
