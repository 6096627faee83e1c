"""The sequences of one split for all seeds, and its batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

EVALUATION_ROWS = 2**15
"""Sequences, over all seeds, that one evaluation batch holds about: enough to be fast, small enough to fit."""

ROWS_STEP = 64
"""What the rows of a piece are a multiple of: four of the widest vectors of float32, by which torch sums columns. So a
sequence is rounded as it is in the whole, however that is cut."""


def evaluation_rows(num_seeds: int) -> int:
    """Sequences per seed in a piece for a forward pass only."""
    return max(1, EVALUATION_ROWS // num_seeds // ROWS_STEP) * ROWS_STEP


class Split(NamedTuple):
    """One split of all seeds: what `Sequences` has, stacked along an axis S in front. Cut along N, it is a batch."""

    inputs: Tensor
    targets: Tensor
    weight: Tensor | None = None
    lengths: Tensor | None = None
    best: Tensor | None = None
    past: Tensor | None = None

    @property
    def num_sequences(self) -> int:
        """N, or B, sequences per seed."""
        return self.inputs.shape[1]

    @property
    def steps(self) -> int:
        """T."""
        return self.inputs.shape[2]

    @property
    def counted(self) -> Tensor | int:
        """How much the batch counts in a mean over batches: its sequences, or the weights (S,) of its steps."""
        return self.num_sequences if self.weight is None else self.weight.flatten(1).sum(1)

    def map(self, change: Callable[[Tensor], Tensor]) -> Split:
        """The same with every tensor changed."""
        return Split._make(None if each is None else change(each) for each in self)

    @property
    def learnable(self) -> Split:
        """The same without what nothing that learns may see."""
        return self._replace(best=None, past=None)

    def first(self, count: int) -> Split:
        """The first `count` sequences of every seed."""
        return self.map(lambda each: each[:, :count])

    def of(self, seeds: slice) -> Split:
        """The sequences of some of the seeds."""
        return self.map(lambda each: each[seeds])

    def to(self, device: torch.device, dtype: torch.dtype | None = None) -> Split:
        """The same on a device; floats in another precision, where that is given."""
        return self.map(lambda each: each.to(device, dtype if each.is_floating_point() else None))

    def batches(self, batch_size: int | None, shuffle: Sequence[torch.Generator] | None = None) -> Batches:
        """Cuts this split into batches; None takes all of it at once."""
        return Batches(self, batch_size or self.num_sequences, shuffle)

    def evaluation_batches(self, num_seeds: int | None = None) -> Batches:
        """Cuts this split for a forward pass only, in the largest pieces that are sensible.

        Args:
            num_seeds: how many seeds will read each piece; None for as many as the split has.
        """
        return self.batches(evaluation_rows(num_seeds or self.inputs.shape[0]))


def join(batches: Sequence[Split]) -> Split:
    """The batches behind each other, as one."""
    return Split._make(None if parts[0] is None else torch.cat(parts, 1) for parts in zip(*batches, strict=True))


class Batches:
    """An iterable of splits of B sequences per seed; the last batch may be shorter.

    Args:
        split: N sequences per seed, of which the batches hold what is `learnable`.
        batch_size: B, per seed.
        shuffle: one generator per seed, drawn from anew at each pass; None keeps the order.
    """

    def __init__(self, split: Split, batch_size: int, shuffle: Sequence[torch.Generator] | None) -> None:
        self.split = split.learnable
        self.batch_size = batch_size
        # One batch of everything has no order to change.
        self.shuffle = shuffle if batch_size < split.num_sequences else None

    def __len__(self) -> int:
        return -(-self.split.num_sequences // self.batch_size)

    def __iter__(self) -> Iterator[Split]:
        split, count = self.split, self.split.num_sequences
        if self.shuffle is not None:
            order = torch.stack([torch.randperm(count, generator=each) for each in self.shuffle])  # (S, N)
            order += count * torch.arange(len(order))[:, None]  # places in all seeds' rows together
            rows = order.flatten().to(split.inputs.device)
            split = split.map(lambda each: each.flatten(0, 1).index_select(0, rows).view(each.shape))
        for start in range(0, count, self.batch_size):
            stop = start + self.batch_size
            yield split.map(lambda each, start=start, stop=stop: each[:, start:stop])  # type: ignore[misc]
