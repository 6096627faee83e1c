"""How far predictions are from targets, and means of that over batches."""

from __future__ import annotations

import torch
from torch import Tensor


class RunningMean:
    """The mean of per-seed scores over batches of different size."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets everything."""
        self.total: Tensor | float = 0.0
        self.count = 0

    def add(self, score: Tensor, count: int) -> None:
        """Adds the mean score (S,) of `count` sequences."""
        self.total = self.total + score * count
        self.count += count

    def mean(self) -> Tensor:
        """Returns the mean over all sequences so far, (S,)."""
        return torch.as_tensor(self.total / self.count)


def mean_square(error: Tensor) -> Tensor:
    """Each seed's mean of squares, (S, B, O) -> (S,)."""
    return error.square().mean((1, 2))
