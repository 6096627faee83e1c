"""What a task is: a maker of sequences and targets for one seed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from seqexp.data.guesses import constant, linear
from seqexp.data.split import Split


class Sample(NamedTuple):
    """All sequences of one seed: finite torch.float32 on the CPU, of the sizes that the task states.

    Attributes:
        inputs: (N, T, I).
        targets: (N, O).
        noiseless: (N, O) targets as they would be without noise, None where that is not known.
            Their distance from `targets` is the score that no model can be expected to beat.
        persistence: (N, O) the last values that were known when each target was still to come, None where
            that has no meaning. Which column of which input that is, or none of them, only the task can say.
    """

    inputs: Tensor
    targets: Tensor
    noiseless: Tensor | None
    persistence: Tensor | None = None


class Task(ABC):
    """Interface of a task. A task owns its sizes and its randomness comes from outside.

    Attributes:
        input_size: I, features of one input step.
        output_size: O, features of one target.
        num_sequences: N, sequences that `sample` makes.
        forecasts: the targets continue the inputs' own series. Then the split into train, val and test is
            chronological, and a picture shows the forecast along the test split.
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
        """Makes one seed's sequences; the same generator state gives the same numbers.

        A ValueError that it raises is shown as a refusal of the configuration, before anything is written.
        """

    def guesses(self, train: Split, test: Split) -> dict[str, Tensor | None]:
        """Predicts the test targets in the ways that need no network, to hold every network against.

        A ValueError that it raises is shown as a refusal of the configuration, before anything is written.

        Args:
            train: what a guess may be fitted to; both splits are on the CPU.
            test: whose targets are predicted. Only its inputs and `persistence` may be read.

        Returns:
            Name -> finite floats (S, N, O), or (S, 1, O) for all N alike; None where a guess has no meaning. The name
            `noise` is taken: under it the score of `Sample.noiseless` is recorded. By default
            `constant`, the mean of the training targets; `persistence`, where the sample gives it; `linear`,
            least squares on all input values and a constant.
        """
        return {"constant": constant(train), "persistence": test.persistence, "linear": linear(train, test)}
