"""The linear readout of every seed: from states to predictions, and the way back, for the last step or for every one.

A plain matrix product rounds differently with the number of seeds that ride along where it has few columns. So the
last step, of few columns, is read by products and sums; every step by matrix products of whole vectors of columns.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from seqexp.cell.workspace import ALIGNMENT


class Gradients(NamedTuple):
    """The way back: by the weight (S, O, H), by the bias (S, O), and by the states, in their shape."""

    weight: Tensor
    bias: Tensor
    states: Tensor


def read_last(state: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Reads the last step, (S, H, B) -> (S, B, O).

    Args:
        state: (S, H, B).
        weight: (S, O, H).
        bias: (S, O).
    """
    products = state[:, None] * weight[..., None]  # (S, 1, H, B) * (S, O, H, 1)
    return products.sum(2).transpose(1, 2) + bias[:, None]  # (S, O, H, B) -> (S, B, O)


def last_back(slope: Tensor, state: Tensor, weight: Tensor) -> Gradients:
    """Maps the gradient of what `read_last` gives, (S, B, O), to those of its arguments."""
    slope = slope.transpose(1, 2)[:, :, None]  # (S, B, O) -> (S, O, 1, B)
    return Gradients(
        weight=(slope * state[:, None]).sum(3),  # (S, O, H, B) -> (S, O, H)
        bias=slope.sum(3)[..., 0],
        states=(slope * weight[..., None]).sum(1),  # (S, O, H, B) -> (S, H, B)
    )


def read_steps(states: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Reads every step, (S, H, T, B) -> (S, B, T, O).

    Args:
        states: (S, H, T, B).
        weight: (S, O, H).
        bias: (S, O).
    """
    steps, rows = states.shape[2:]
    both = torch.cat([weight, bias[..., None]], 2)  # (S, O, H + 1)
    read = torch.bmm(both, _columns(states))[..., : steps * rows]  # (S, O, T * B)
    return read.reshape(*read.shape[:2], steps, rows).permute(0, 3, 2, 1)  # (S, O, T * B) -> (S, B, T, O)


def steps_back(slope: Tensor, states: Tensor, weight: Tensor) -> Gradients:
    """Maps the gradient of what `read_steps` gives, (S, B, T, O), to those of its arguments."""
    steps, rows = states.shape[2:]
    flat = slope.permute(0, 3, 2, 1).flatten(2)  # (S, B, T, O) -> (S, O, T * B)
    columns = torch.nn.functional.pad(flat, (0, -flat.shape[2] % ALIGNMENT))
    across = torch.nn.functional.pad(columns.transpose(1, 2), (0, -flat.shape[1] % ALIGNMENT))  # (S, N, O)
    parameters = torch.bmm(_columns(states), across)[..., : flat.shape[1]]  # (S, H + 1, O)
    # A product of a single row is rounded by another rule where S is 1.
    wide = torch.nn.functional.pad(weight, (0, 1)) if weight.shape[2] == 1 else weight
    back = torch.bmm(wide.transpose(1, 2), columns)[:, : weight.shape[2], : steps * rows]  # (S, H, T * B)
    states_back = back.reshape(*back.shape[:2], steps, rows)  # (S, H, T * B) -> (S, H, T, B)
    return Gradients(parameters[:, :-1].transpose(1, 2), parameters[:, -1], states_back)


def _columns(states: Tensor) -> Tensor:
    """The states as columns, and a row of ones below for the bias; zeros up to whole vectors: (S, H + 1, N)."""
    flat = states.flatten(2)  # (S, H, T, B) -> (S, H, T * B)
    ones = flat.new_ones(()).expand(flat.shape[0], 1, flat.shape[2])
    return torch.nn.functional.pad(torch.cat([flat, ones], 1), (0, -flat.shape[2] % ALIGNMENT))
