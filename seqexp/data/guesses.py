"""Guesses that any task can make of its targets, without a network."""

from __future__ import annotations

import torch
from torch import Tensor

from seqexp.data.shape import Classes, Tokens, Values
from seqexp.data.split import Split

MOST_WORK = 2e10
"""Multiplications that a least-squares guess may take, over all seeds: some seconds; beyond it is left out."""


def constant(train: Split, targets: Values | Classes) -> Tensor:
    """The mean of each seed's training targets; of classes, the logarithms of their shares.

    Each class counts one more than it was seen, so that none is impossible. Steps count by their weights.

    Args:
        train: what is looked at.
        targets: what the targets are.

    Returns:
        (S, 1, O) float64, for targets of every step (S, 1, 1, O).
    """
    if isinstance(targets, Classes):
        found = (torch.nn.functional.one_hot(train.targets, targets.count)).double()  # (S, N[, T], C)
        shares = _sum(found, train.weight) + 1
        return (shares / shares.sum(-1, keepdim=True)).log()
    values = train.targets.double()
    if train.weight is None:
        return values.mean(tuple(range(1, values.dim() - 1)), keepdim=True)
    return _sum(values, train.weight) / _sum(torch.ones_like(values[..., :1]), train.weight)


def linear(train: Split, test: Split, inputs: Values | Tokens, targets: Values | Classes) -> Tensor | None:
    """Least squares on all input values and a constant, per seed; the smallest solution where they don't fix it.

    Args:
        train: what is fitted.
        test: whose targets are predicted.
        inputs: what a step holds.
        targets: what the targets are.

    Returns:
        (S, N, O) float64. None where there are no values to multiply: for tokens and classes, targets of every step,
        sequences of unequal length or of another than in training, or where it would take too long.
    """
    per_step = train.targets.dim() == 4 or isinstance(targets, Classes)
    if isinstance(inputs, Tokens) or per_step or train.lengths is not None or train.steps != test.steps:
        return None
    num_seeds, rows, columns = train.inputs.flatten(2).shape
    if num_seeds * rows * (columns + 1) ** 2 > MOST_WORK:
        return None
    design = _design(train.inputs)  # (S, N, T * I + 1)
    values = train.targets.double().cpu()
    # gelsd is the driver that allows inputs of any rank, and it runs on the CPU only.
    weights: Tensor = torch.linalg.lstsq(design, values, driver="gelsd").solution
    return (_design(test.inputs) @ weights).to(test.targets.device)


def _sum(each: Tensor, weight: Tensor | None) -> Tensor:
    """The (weighted) sum of (S, N[, T], O) over sequences and steps, which stay as axes of size 1."""
    if weight is not None:
        each = each * weight.double()[..., None]
    return each.sum(tuple(range(1, each.dim() - 1)), keepdim=True)


def _design(inputs: Tensor) -> Tensor:
    flat = inputs.double().cpu().flatten(2)  # (S, N, T, I) -> (S, N, T * I)
    return torch.cat([flat, torch.ones_like(flat[..., :1])], dim=2)
