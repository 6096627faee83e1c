"""Guesses from the last values of a window of a series."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seqexp.data.guesses import least_squares, standard, too_much, with_constant
from seqexp.data.split import Split

ORDERS = (1, 2, 4, 8, 16, 32)
"""The numbers of values p that `autoregression` chooses from; one that is longer than the window becomes its length."""

MOST_LAGS, MOST_FACTORS = 4, 8
"""Steps that `polynomial` reads, and values in them: with squares and products 8 values make 45 columns."""


def seasonal(test: Split, columns: Sequence[int], season: int, horizon: int) -> Tensor | str:
    """The value that the target had a season before: the latest that the window can know.

    Args:
        test: whose targets are predicted.
        columns: of the inputs, O of them, which are predicted.
        season: steps after which the series repeats itself.
        horizon: how many steps after the window the target lies.

    Returns:
        (S, N, O); or why there is none.

    Raises:
        ValueError: the season is no whole number of steps.
    """
    if type(season) is not int or season < 1:
        raise ValueError(f"season must be a whole number >= 1, or None, got {season!r}")
    back = -(-horizon // season) * season - horizon  # steps before the window's last
    if back >= test.steps:
        return f"a season of {season} steps begins before the window of {test.steps}"
    return test.inputs[:, :, test.steps - 1 - back, list(columns)]  # (S, N, T, I) -> (S, N, O)


def autoregression(train: Split, test: Split, columns: Sequence[int]) -> Tensor | str:
    """AR(p): least squares of each target on the last p values of its own column and a constant, per seed.

    It predicts over the whole horizon at once. The p of each seed and target is the one of `ORDERS` whose fit to the
    first four fifths of the training windows has the smallest squared error on the last fifth; of equal ones, the
    smallest. With that p it is fitted to all training windows. Neither validation nor test windows are looked at.

    Args:
        train: what is fitted, in order of time.
        test: whose targets are predicted.
        columns: of the inputs, O of them, which are predicted.

    Returns:
        (S, N, O) float64; or why there is none.
    """
    count = train.num_sequences
    orders = sorted({min(order, train.steps, test.steps) for order in ORDERS})
    work = len(columns) * count * sum((order + 1) ** 2 for order in (*orders, orders[-1]))
    if count < 2:
        return "there is one training window, and p is chosen on another than it is fitted to"
    if (reason := too_much(work)) is not None:
        return reason
    known, asked = (split.inputs[..., list(columns)].double().cpu().permute(0, 3, 1, 2) for split in (train, test))
    values = train.targets.double().cpu().mT[..., None]  # (S, N, O) -> (S, O, N, 1)
    kept = count - max(1, count // 5)
    errors = []
    for order in orders:
        design = _last(known, order)
        found = least_squares(design[:, :, :kept], values[:, :, :kept])
        errors.append((design[:, :, kept:] @ found - values[:, :, kept:]).square().mean((2, 3)))  # (S, O)
    best = torch.from_numpy(torch.stack(errors).numpy().argmin(0))  # NumPy's is the first of equal ones
    predicted = torch.empty_like(asked[..., :1])  # (S, O, N, 1)
    for index, order in enumerate(orders):
        if (here := best == index).any():
            found = least_squares(_last(known[here], order), values[here])
            predicted[here] = _last(asked[here], order) @ found
    return predicted[..., 0].mT  # (S, N, O)


def polynomial(train: Split, test: Split) -> Tensor | str:
    """Least squares on the last values of all columns, their squares, their products and a constant, per seed.

    It reads the last `MOST_LAGS` steps, or fewer, so that they hold `MOST_FACTORS` values at most. The values are
    standardised by the training windows first: that changes no prediction, but for rounding.

    Args:
        train: what is fitted.
        test: whose targets are predicted.

    Returns:
        (S, N, O) float64; or why there is none.
    """
    _, count, steps, columns = train.inputs.shape
    if columns > MOST_FACTORS:
        return f"products of {columns} columns are too many, more than {MOST_FACTORS} are not multiplied"
    lags = min(MOST_LAGS, MOST_FACTORS // columns, steps, test.steps)
    factors = lags * columns
    if (reason := too_much(count * ((factors + 1) * (factors + 2) / 2) ** 2)) is not None:
        return reason
    known, asked = (split.inputs[:, :, -lags:].double().cpu().flatten(2) for split in (train, test))  # (S, N, F)
    known, asked = standard(known, asked)
    found = least_squares(_products(known), train.targets.double().cpu())
    return _products(asked) @ found


def _last(values: Tensor, order: int) -> Tensor:
    """(..., T) -> the last values and a one, (..., order + 1)."""
    return with_constant(values[..., -order:])


def _products(values: Tensor) -> Tensor:
    """(..., F) -> the values, all products of two of them and a one, (..., (F + 1) (F + 2) / 2)."""
    first, second = torch.triu_indices(values.shape[-1], values.shape[-1])
    return with_constant(torch.cat([values, values[..., first] * values[..., second]], dim=-1))
