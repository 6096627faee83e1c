"""The adding problem: which two of many numbers are marked, and what is their sum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from seqexp.data.drawn import Drawn
from seqexp.data.guesses import Guess
from seqexp.data.shape import Values
from seqexp.data.split import Split
from seqexp.data.task import Sequences

SOLVED = 0.01
"""The mean squared error below which the field takes the task for solved."""


class Adding(Drawn):
    """Random values U(0, 1), two of them marked; the target is the sum of the marked ones.

        inputs   values   [0.3  0.9  0.5  0.1]
                 markers  [0    1    0    1  ]   target 0.9 + 0.1 = 1.0

    A constant guess scores 1/6, twice the variance of U(0, 1). `blind`, who sees the values and not the markers,
    reaches 1/6 - 1/(3 T), by 2/T times their sum; `one_marker`, who remembers the first of the two marked values, 1/12.
    There is no noise.

    Source: S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9 (1997), experiment 4; in the
    form of M. Arjovsky, A. Shah, Y. Bengio, "Unitary evolution recurrent neural networks", ICML (2016).

    Args:
        num_sequences: N.
        length: T, values in a sequence.
        markers: "halves" for one in each half, as Arjovsky et al. have it, or "anywhere" for any two.

    Raises:
        ValueError: a setting is out of range.
    """

    inputs = Values(2)
    targets = Values(1)
    chooses_length = True
    variable_names = ("marked so far", "steps since a marker")

    def __init__(self, num_sequences: int, length: int, markers: Literal["halves", "anywhere"]) -> None:
        if num_sequences < 1:
            raise ValueError(f"num_sequences must be >= 1, got {num_sequences}")
        if length < 2:
            raise ValueError(f"length must be >= 2, got {length}")
        if markers not in ("halves", "anywhere"):
            raise ValueError(f"markers must be 'halves' or 'anywhere', got {markers!r}")
        self.num_sequences = num_sequences
        self.length = length
        self.markers = markers

    @property
    def numbers(self) -> int:
        """Values, markers and sums."""
        return self.num_sequences * (2 * self.length + 1)

    def draw(self, generator: torch.Generator, count: int, length: int | None) -> tuple[Tensor, Tensor]:
        """Draws values (N, T), and the places of two of them (N, 2)."""
        steps = length or self.length
        if steps < 2:
            raise ValueError(f"length must be >= 2, got {steps}")
        values = torch.rand(count, steps, generator=generator)
        return values, self._places(generator, count, steps)

    def arrange(self, drawn: Sequence[Tensor], length: int | None) -> Sequences:
        """Makes inputs (N, T, 2) of values and markers, and targets (N, 1)."""
        values, places = drawn
        inputs = torch.zeros(*values.shape, 2)
        inputs[..., 0] = values
        inputs[..., 1].scatter_(1, places, 1.0)
        targets = values.gather(1, places).sum(1, keepdim=True)  # (N, 1)
        return Sequences(inputs, targets, best=targets)

    def variables(self, batch: Split) -> dict[str, Tensor]:
        """The sum of the marked values so far, and the steps since the last marker, or since the start before it."""
        marked = batch.inputs[..., 1] > 0
        steps = torch.arange(batch.steps, device=marked.device)
        last = torch.where(marked, steps, 0).cummax(2).values
        sums = (batch.inputs[..., 0] * marked).cumsum(2)
        return {"marked so far": sums, "steps since a marker": (steps - last).to(sums.dtype)}

    def _places(self, generator: torch.Generator, count: int, steps: int) -> Tensor:
        """Two different places in each sequence, (N, 2)."""
        if self.markers == "anywhere":
            return torch.rand(count, steps, generator=generator).topk(2).indices
        half = steps // 2
        first = torch.randint(half, (count,), generator=generator)
        second = torch.randint(half, steps, (count,), generator=generator)
        return torch.stack([first, second], 1)

    def guesses(self, train: Split, test: Split) -> dict[str, Guess]:
        """Adds the plateaus: who sees no markers, and who remembers the first marked value only."""
        values, markers = test.inputs.unbind(3)  # (S, N, T) each
        first = values.gather(2, markers.argmax(2, keepdim=True))
        return {
            **super().guesses(train, test),
            "blind": values.mean(2, keepdim=True) * 2,
            "one_marker": first + 0.5,
        }

    def solved(self, prediction: Tensor, batch: Split) -> Tensor:
        """A seed has solved it when its mean squared error is below 0.01."""
        return (prediction - batch.targets).square().mean((1, 2)) < SOLVED
