"""Batches that are drawn anew for every step, so that no sequence is seen twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from seqexp.data.split import Split


class Stream:
    """An iterable of fresh batches: those of step n are a function of the seeds and of n alone.

    Args:
        make_batch: called with the number of a step, from 0 on; makes that step's batch for all seeds.
        steps: batches of one pass.
        device: where they are wanted.

    Attributes:
        passes: passes that have begun; all of its state.
    """

    def __init__(self, make_batch: Callable[[int], Split], steps: int, device: torch.device) -> None:
        self.make_batch = make_batch
        self.steps = steps
        self.device = device
        self.passes = 0

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Split]:
        start = self.passes * self.steps
        self.passes += 1
        for step in range(start, start + self.steps):
            yield self.make_batch(step).to(self.device)
