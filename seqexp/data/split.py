"""The sequences of one split for all seeds, and its batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

EVALUATION_ROWS = 2**15
"""Sequences, over all seeds, that one evaluation batch holds at most: enough to be fast, small enough to fit."""


class Split(NamedTuple):
    """One split of all seeds: inputs (S, N, T, I), targets (S, N, O), and what else a `Sample` has, stacked."""

    inputs: Tensor
    targets: Tensor
    noiseless: Tensor | None
    persistence: Tensor | None = None

    def first(self, count: int) -> Split:
        """The first `count` sequences of every seed."""
        return Split._make(None if each is None else each[:, :count] for each in self)

    def to(self, device: torch.device) -> Split:
        """The same split on a device."""
        return Split._make(None if each is None else each.to(device) for each in self)

    def batches(self, batch_size: int | None, shuffle: Sequence[torch.Generator] | None = None) -> Batches:
        """Cuts this split into batches; None takes all of it at once."""
        return Batches(self.inputs, self.targets, batch_size or self.inputs.shape[1], shuffle)

    def evaluation_batches(self, num_seeds: int | None = None) -> Batches:
        """Cuts this split for a forward pass only, in the largest pieces that are sensible.

        Args:
            num_seeds: how many seeds will read each piece; None for as many as the split has.
        """
        return self.batches(max(1, EVALUATION_ROWS // (num_seeds or self.inputs.shape[0])))


class Batches:
    """An iterable of (inputs (S, B, T, I), targets (S, B, O)); the last batch may be shorter.

    Args:
        inputs: (S, N, T, I).
        targets: (S, N, O).
        batch_size: B, per seed.
        shuffle: one generator per seed, drawn from anew at each pass; None keeps the order.
    """

    def __init__(
        self, inputs: Tensor, targets: Tensor, batch_size: int, shuffle: Sequence[torch.Generator] | None
    ) -> None:
        self.inputs = inputs
        self.targets = targets
        self.batch_size = batch_size
        # One batch of everything has no order to change.
        self.shuffle = shuffle if batch_size < inputs.shape[1] else None

    def __len__(self) -> int:
        return -(-self.inputs.shape[1] // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        inputs, targets = self.inputs, self.targets
        if self.shuffle is not None:
            count = inputs.shape[1]
            order = torch.stack([torch.randperm(count, generator=each) for each in self.shuffle])  # (S, N)
            order += count * torch.arange(len(order))[:, None]  # places in all seeds' rows together
            rows = order.flatten().to(inputs.device)
            inputs, targets = (each.flatten(0, 1).index_select(0, rows).view(each.shape) for each in (inputs, targets))
        yield from zip(torch.split(inputs, self.batch_size, 1), torch.split(targets, self.batch_size, 1), strict=True)
