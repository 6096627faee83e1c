"""Parity: is the number of ones in a sequence odd?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seqexp.data.drawn import Drawn
from seqexp.data.shape import Classes, Values
from seqexp.data.split import Split
from seqexp.data.task import Sequences


class Parity(Drawn):
    """Random bits; the target is class 1 where an odd number of them is 1. Sequences have unequal lengths.

        inputs  [1  0  1  1]   target 1
        inputs  [0  1  1]      target 0

    Training has lengths from `shortest` to `length`, all as frequent; a test at a length has that length only. Until
    all of a sequence is taken in nothing is known of its class: a constant guess scores ln 2 nats and an error rate of
    1/2, and so does any guess that is linear. There is no noise.

    Source: M. Minsky, S. Papert, "Perceptrons" (1969); for recurrent networks Y. Bengio, P. Simard, P. Frasconi,
    "Learning long-term dependencies with gradient descent is difficult", IEEE Transactions on Neural Networks 5 (1994);
    lengths beyond training as in G. Deletang et al., "Neural networks and the Chomsky hierarchy", ICLR (2023).

    Args:
        num_sequences: N.
        shortest: the least number of bits in training.
        length: T, the largest.

    Raises:
        ValueError: a setting is out of range.
    """

    inputs = Values(1)
    targets = Classes(2)
    chooses_length = True
    automaton = "parity"
    variable_names = ("parity", "ones so far")

    def __init__(self, num_sequences: int, shortest: int, length: int) -> None:
        if num_sequences < 1:
            raise ValueError(f"num_sequences must be >= 1, got {num_sequences}")
        if not 1 <= shortest <= length:
            raise ValueError(f"shortest must be >= 1 and <= length ({length}), got {shortest}")
        self.num_sequences = num_sequences
        self.shortest = shortest
        self.length = length

    @property
    def numbers(self) -> int:
        """Bits, lengths and classes."""
        return self.num_sequences * (self.length + 2)

    def draw(self, generator: torch.Generator, count: int, length: int | None) -> tuple[Tensor, Tensor]:
        """Draws bits (N, T), and how many of them count (N,)."""
        steps = length or self.length
        bits = torch.randint(2, (count, steps), generator=generator)
        lengths = torch.full((count,), steps)
        if length is None:
            lengths = torch.randint(self.shortest, self.length + 1, (count,), generator=generator)
        return bits, lengths

    def arrange(self, drawn: Sequence[Tensor], length: int | None) -> Sequences:
        """Makes inputs (N, T, 1) of zeros and ones, zeros after the end, and classes (N,)."""
        bits, lengths = drawn
        bits = bits * (torch.arange(bits.shape[1]) < lengths[:, None])  # (N, T)
        return Sequences(bits.float()[..., None], bits.sum(1) % 2, lengths=lengths)

    def alphabet(self) -> dict[str, Sequence[float]]:
        """Both bits."""
        return {"0": [0.0], "1": [1.0]}

    def variables(self, batch: Split) -> dict[str, Tensor]:
        """The parity of the ones so far, and their number."""
        ones = batch.inputs[..., 0].cumsum(2)  # (S, B, T)
        return {"parity": ones % 2, "ones so far": ones}

    def solved(self, prediction: Tensor, batch: Split) -> Tensor:
        """A seed has solved it when every class is right."""
        return (prediction.argmax(-1) == batch.targets).all(1)
