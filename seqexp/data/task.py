"""What a task is: a maker of sequences and targets for one seed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor


class Sample(NamedTuple):
    """All sequences of one seed, float32.

    Attributes:
        inputs: (N, T, I).
        targets: (N, O).
        noiseless: (N, O) targets as they would be without noise, None where that is not known.
            Their distance from `targets` is the score that no model can be expected to beat.
    """

    inputs: Tensor
    targets: Tensor
    noiseless: Tensor | None


class Task(ABC):
    """Interface of a task. A task owns its sizes and its randomness comes from outside.

    Attributes:
        input_size: I, features of one input step.
        output_size: O, features of one target.
        num_sequences: N, sequences that `sample` makes.
        forecasts: the targets continue the inputs' own series. Then the split into train, val and test is
            chronological, and guessing the last input (persistence) is a baseline.
    """

    input_size: int
    output_size: int
    num_sequences: int
    forecasts: ClassVar[bool]

    @property
    def numbers(self) -> int:
        """How many numbers one seed's sequences and targets hold at least, told before they are made.

        What cannot fit the memory is refused by it. A task whose sequences are long says so here.
        """
        return self.num_sequences * (self.input_size + self.output_size)

    @abstractmethod
    def sample(self, generator: torch.Generator) -> Sample:
        """Makes one seed's sequences; the same generator state gives the same numbers."""
