"""Guesses that any task can make of its targets, without a network."""

from __future__ import annotations

import torch
from torch import Tensor

from seqexp.data.shape import Classes, Values
from seqexp.data.split import Split

Guess = Tensor | str | None
"""A prediction of the test targets, the reason why there is none, or None where it would have no meaning."""

MOST_WORK = 2e9
"""Multiplications that one guess may take for one seed: about a second; beyond it is left out."""


SMALLEST = 1e-6
"""A column whose numbers are all smaller, or larger than 1 / SMALLEST, is brought to about 1 for least squares."""


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


def linear(train: Split, test: Split) -> Tensor | str:
    """Least squares on input values and a constant, per seed; the smallest solution where they don't fix it.

    A target of the last step is fitted to the values of all steps, y = sum_t x_t A_t + b. Targets of every step are
    fitted to the values of the same step, with one matrix for all steps, y_t = x_t A + b; steps count by their weights.

    Args:
        train: what is fitted; inputs and targets are values.
        test: whose targets are predicted.

    Returns:
        (S, N, O) or (S, N, T, O) float64; or why there is none.
    """
    per_step = train.targets.dim() == 4
    reason = differ(train, test, per_step)
    num_seeds, num_rows, columns = rows(train.inputs, per_step).shape
    reason = reason or too_much(num_rows * (columns + 1) ** 2)
    if reason is not None:
        return reason
    values = train.targets.double().cpu().reshape(num_seeds, num_rows, -1)
    weight = None if train.weight is None else train.weight.double().cpu().flatten(1)  # (S, N * T)
    found = least_squares(_design(train.inputs, per_step), values, weight)
    predicted = _design(test.inputs, per_step) @ found
    return predicted.unflatten(1, (-1, test.steps)) if per_step else predicted


def differ(train: Split, test: Split, per_step: bool) -> str | None:
    """Why the input values of all steps cannot be columns of one table; None where they can, or are not to be."""
    if per_step:
        return None
    if train.lengths is not None:
        return "the sequences are padded to one length"
    if train.steps != test.steps:
        return f"it is fitted to sequences of {train.steps} steps, and these have {test.steps}"
    return None


def too_much(work: float) -> str | None:
    """Why so many multiplications are not done; None where they are few enough."""
    return None if work <= MOST_WORK else f"it would take more than {MOST_WORK:.0e} multiplications"


def rows(inputs: Tensor, per_step: bool) -> Tensor:
    """The table that is fitted: (S, N, T, I) -> a row for each step (S, N * T, I), or sequence (S, N, T * I)."""
    return inputs.flatten(1, 2) if per_step else inputs.flatten(2)


def least_squares(design: Tensor, values: Tensor, weight: Tensor | None = None) -> Tensor:
    """The smallest solution of least squares, for any number of problems.

    Args:
        design: (..., N, F) float64 on the CPU.
        values: (..., N, O) the same.
        weight: (..., N) how much each row counts; None for all alike.

    Returns:
        (..., F, O).
    """
    if weight is not None:
        root = weight.sqrt()[..., None]
        design, values = root * design, root * values
    sizes = design.abs().amax(-2) if design.shape[-2] else torch.ones_like(design[..., 0, :])  # (..., F)
    odd = (sizes > 0) & ((sizes < SMALLEST) | (sizes > 1 / SMALLEST))
    if odd.any():  # as numbers of other units: the driver takes columns that are small beside the constant for none
        sizes = torch.where(odd, 2.0 ** sizes.log2().round(), torch.ones_like(sizes))
        return least_squares(design / sizes[..., None, :], values) / sizes[..., None]
    # gelsd is the driver that allows a design of any rank, and it runs on the CPU only.
    found: Tensor = torch.linalg.lstsq(design, values, driver="gelsd").solution
    return found


def _sum(each: Tensor, weight: Tensor | None) -> Tensor:
    """The (weighted) sum of (S, N[, T], O) over sequences and steps, which stay as axes of size 1."""
    if weight is not None:
        each = each * weight.double()[..., None]
    return each.sum(tuple(range(1, each.dim() - 1)), keepdim=True)


def with_constant(columns: Tensor) -> Tensor:
    """(..., F) and a column of ones, (..., F + 1)."""
    return torch.cat([columns, torch.ones_like(columns[..., :1])], dim=-1)


def standard(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    """Both with the means and the deviations of the first's columns taken out; a column that never changes becomes 0.

    Args:
        train: (..., N, F) float64.
        test: (..., M, F).
    """
    mean = train.mean(-2, keepdim=True)
    deviation = train.std(-2, correction=0, keepdim=True)
    changes = deviation > 1e-9 * mean.abs()  # else it is the rounding of the mean
    scale = torch.where(changes, deviation, 1)
    return torch.where(changes, (train - mean) / scale, 0), torch.where(changes, (test - mean) / scale, 0)


def _design(inputs: Tensor, per_step: bool) -> Tensor:
    return with_constant(rows(inputs.double().cpu(), per_step))
