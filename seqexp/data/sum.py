"""Sums of random numbers: a sequence predicts the sum of its values."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from seqexp.data.shape import Values
from seqexp.data.split import Split
from seqexp.data.task import Sequences, Task


class Sum(Task):
    """Independent random values; the target is their sum.

        inputs  [0.3  -1.2  0.5]   target -0.4
        inputs  [1.1   0.2  0.7]   target  2.0

    A constant guess scores the variance of the sum: `length` for "normal", `length / 12` for "uniform".
    There is no noise, so the floor is 0, and a linear model reaches it.

    Args:
        num_sequences: N.
        length: T, values in a sequence.
        distribution: "normal" for N(0, 1) or "uniform" for U(0, 1).

    Raises:
        ValueError: a setting is out of range.
    """

    inputs = Values(1)
    targets = Values(1)
    chooses_length = True
    variable_names = ("sum so far",)

    def __init__(self, num_sequences: int, length: int, distribution: Literal["normal", "uniform"]) -> None:
        if num_sequences < 1:
            raise ValueError(f"num_sequences must be >= 1, got {num_sequences}")
        if length < 1:
            raise ValueError(f"length must be >= 1, got {length}")
        if distribution not in ("normal", "uniform"):
            raise ValueError(f"distribution must be 'normal' or 'uniform', got {distribution!r}")
        self.num_sequences = num_sequences
        self.length = length
        self.distribution = distribution

    @property
    def numbers(self) -> int:
        """The sequences and their sums."""
        return self.num_sequences * (self.length + 1)

    def variables(self, batch: Split) -> dict[str, Tensor]:
        """The sum of the values so far."""
        return {"sum so far": batch.inputs[..., 0].cumsum(2)}

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        """Makes one seed's sequences: inputs (N, T, 1), targets (N, 1)."""
        draw = torch.randn if self.distribution == "normal" else torch.rand
        inputs = draw(count, length or self.length, 1, generator=generator)
        targets = inputs.sum(dim=1)  # (N, T, 1) -> (N, 1)
        return Sequences(inputs, targets, best=targets)
