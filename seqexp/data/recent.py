"""Guesses at every step of a sequence, from the inputs of that step and of those before it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations_with_replacement

import torch
from torch import Tensor

from seqexp.data.guesses import least_squares
from seqexp.data.lags import ORDERS
from seqexp.data.split import Split

MOST_WORK, MOST_ROWS = 4e8, 2**16
"""Multiplications and rows of one fit, which takes half a second so: of more rows these are taken, evenly spread."""

PIECE = 2**15
"""Rows that are predicted at once."""


def regression(train: Split, test: Split) -> Tensor | str:
    """Least squares of each step's target on the inputs of its last p steps and a constant, per seed.

    The p of each seed is the one of `ORDERS` whose fit to the first four fifths of the training steps has the smallest
    squared error on the last fifth; of equal ones, the smallest. With that p it is fitted to all training steps.

    Args:
        train: what is fitted, with targets of every step; steps of weight 0 do not count.
        test: whose targets are predicted.

    Returns:
        (S, N, T, O) float64; or why there is none.
    """
    if train.lengths is not None:
        return "the sequences are padded to one length"
    orders = sorted({min(order, train.steps) for order in ORDERS})
    found = []
    for known, asked in _seeds(train, test):
        errors = []
        for order in orders:
            table, values = _table(known, range(order), 1)
            kept = len(table) - max(1, len(table) // 5)
            weights = least_squares(table[:kept], values[:kept])
            errors.append(float((table[kept:] @ weights - values[kept:]).square().mean()))
        order = orders[errors.index(min(errors))]
        found.append(_fitted(known, asked, range(order), 1))
    return torch.stack(found)


def polynomial(train: Split, test: Split, lags: Sequence[int], degree: int) -> Tensor | str:
    """Least squares on the inputs some steps ago, all their products up to a degree, and a constant, per seed.

    Args:
        train: what is fitted, with targets of every step; steps of weight 0 do not count.
        test: whose targets are predicted.
        lags: how many steps ago, in order, from 0, the step itself.
        degree: how many values are multiplied at most.

    Returns:
        (S, N, T, O) float64; or why there is none.
    """
    if train.lengths is not None:
        return "the sequences are padded to one length"
    return torch.stack([_fitted(known, asked, lags, degree) for known, asked in _seeds(train, test)])


def _seeds(train: Split, test: Split) -> list[tuple[Split, Split]]:
    """Both splits of each seed, without the seed's axis, in float64 on the CPU."""
    cpu = torch.device("cpu")
    return [
        (
            train.of(slice(each, each + 1)).to(cpu, torch.float64).map(lambda x: x[0]),
            test.of(slice(each, each + 1)).to(cpu, torch.float64).map(lambda x: x[0]),
        )
        for each in range(len(train.inputs))
    ]


def _fitted(known: Split, asked: Split, lags: Sequence[int], degree: int) -> Tensor:
    """What fits to `known` predict of `asked`, (N, T, O).

    A step that some of the lags would take to before its sequence is predicted by a fit with fewer of them: with as
    many as `ORDERS` has, or else all that remain within.
    """
    found = _predicted(known, asked.inputs, lags, degree)
    early = asked.inputs[:, : max(lags)]
    counts = torch.ones(early.shape[1]) if asked.weight is None else asked.weight[:, : max(lags)].sum(0)
    sizes = [max(order for order in ORDERS if order <= sum(lag <= step for lag in lags)) for step in range(len(counts))]
    for size in {size for size, weight in zip(sizes, counts.tolist(), strict=True) if weight > 0}:
        places = torch.tensor(sizes) == size
        found[:, : len(sizes)][:, places] = _predicted(known, early, lags[:size], degree)[:, places]
    return found


def _predicted(known: Split, inputs: Tensor, lags: Sequence[int], degree: int) -> Tensor:
    """What one fit predicts of inputs (N, T, I): (N, T, O)."""
    weights = least_squares(*_table(known, lags, degree))
    rows = _lagged(inputs, lags)  # (N, T, F)
    pieces = [_products(piece, degree) @ weights for piece in rows.flatten(0, 1).split(PIECE)]
    return torch.cat(pieces).reshape(*rows.shape[:2], -1)


def _table(known: Split, lags: Sequence[int], degree: int) -> tuple[Tensor, Tensor]:
    """The rows that are fitted, (M, columns) and (M, O): the steps that count, or so many of them as are allowed.

    Steps that reach back before their sequence are left out, where there are others.
    """
    rows, values = _lagged(known.inputs, lags).flatten(0, 1), known.targets.flatten(0, 1)
    counts = torch.ones(known.inputs.shape[:2], dtype=torch.bool) if known.weight is None else known.weight > 0
    whole = counts & (torch.arange(counts.shape[1]) >= max(lags))
    places = (whole if whole.any() else counts).flatten().nonzero()[:, 0]
    columns = _products(rows[:1], degree).shape[1]
    places = places[:: max(1, math.ceil(len(places) / min(MOST_ROWS, MOST_WORK / columns**2)))]
    return _products(rows[places], degree), values[places]


def _lagged(inputs: Tensor, lags: Sequence[int]) -> Tensor:
    """The inputs of some steps ago beside each other, (N, T, I) -> (N, T, lags * I)."""
    steps, most = inputs.shape[1], max(lags)
    padded = torch.cat([inputs[:, :1].expand(-1, most, -1), inputs], 1)
    return torch.cat([padded[:, most - lag : most - lag + steps] for lag in lags], 2)


def _products(values: Tensor, degree: int) -> Tensor:
    """(M, F) -> all products of at most `degree` of the values, and a one, (M, columns)."""
    columns: tuple[Tensor, ...] = values.unbind(1)
    found: list[Tensor] = []
    products: dict[tuple[int, ...], Tensor] = {(): torch.ones_like(values[:, 0])}
    for count in range(1, degree + 1):
        products = {
            chosen: products[chosen[:-1]] * columns[chosen[-1]]
            for chosen in combinations_with_replacement(range(len(columns)), count)
        }
        found += products.values()
    return torch.stack([*found, torch.ones_like(values[:, 0])], 1)
