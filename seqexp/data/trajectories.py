"""Tasks that are sequences of one system: at every step a later value is predicted."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seqexp.data.guesses import Guess
from seqexp.data.recent import polynomial, regression
from seqexp.data.shape import Values
from seqexp.data.split import Split
from seqexp.data.task import Sequences, Task
from seqexp.score import SquaredError, weighted_mean

Array = npt.NDArray[np.float64]


class RelativeError(SquaredError):
    """The mean squared error; shown beside it is the number by which a field's papers compare.

    Args:
        kind: `rmse` the root of the error; `nmse` the error as a share of the targets' variance, which is what their
            mean scores; `nrmse` the root of that.
    """

    def __init__(self, kind: Literal["rmse", "nmse", "nrmse"]) -> None:
        self.kind = kind

    def shown(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> dict[str, Tensor]:
        """The number, for each seed."""
        found = self.value(prediction, target, weight)
        if self.kind != "rmse":
            columns = target.movedim(-1, 0)  # (O, S, B[, T])
            means = torch.stack([weighted_mean(column, weight) for column in columns], -1)  # (S, O)
            means = means.reshape(len(means), *[1] * (target.dim() - 2), -1)
            found = found / self.value(means.expand_as(target), target, weight)
        return {self.kind: found if self.kind == "nmse" else found.sqrt()}


class Trajectories(Task):
    """Sequences of one system, each from a beginning of its own; the target of a step is the input `horizon` later.

    With horizon 2, and a warm-up of 1 step, whose target does not count:

        inputs   x0  x1  x2  x3 ...
        targets   -  x3  x4  x5 ...

    Attributes:
        shown: the number beside the MSE, see `RelativeError`.
        degree: how many values the guess `polynomial` multiplies at most.

    Args:
        num_sequences: N.
        length: T, steps of a sequence.
        horizon: how many steps after a step its target lies; 1 is the next value.
        warmup: steps at the start of a sequence that do not count.
        columns: I, numbers of a step, all of which are predicted.

    Raises:
        ValueError: a setting is out of range.
    """

    reads = "steps"
    chooses_length = True
    varies = "new sequences of the same system"
    shown: ClassVar[Literal["rmse", "nmse", "nrmse"]] = "nrmse"
    degree: ClassVar[int] = 3

    def __init__(self, num_sequences: int, length: int, horizon: int, warmup: int, columns: int) -> None:
        for name, value, least in (("num_sequences", num_sequences, 1), ("horizon", horizon, 1), ("warmup", warmup, 0)):
            if value < least:
                raise ValueError(f"{name} must be >= {least}, got {value}")
        self.num_sequences = num_sequences
        self.length = length
        self.horizon = self.ahead = horizon
        self.warmup = warmup
        self.columns = columns
        self.inputs = self.targets = Values(columns)
        self._check_length(length)

    @property
    def score(self) -> RelativeError:
        """The MSE, and beside it what papers name."""
        return RelativeError(self.shown)

    @property
    def numbers(self) -> int:
        """Inputs, targets, what is known of them, and weights."""
        return self.num_sequences * (self.length + self.horizon) * (3 * self.columns + 1)

    @property
    def lags(self) -> Sequence[int]:
        """The steps ago that the guess `polynomial` reads."""
        return range(9)

    @abstractmethod
    def trajectories(self, generator: torch.Generator, count: int, length: int) -> Array:
        """Makes sequences of the system, (N, length, I)."""

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        """Makes one seed's sequences: inputs (N, T, I), targets (N, T, I)."""
        steps = self.length if length is None else length
        self._check_length(steps)
        values = torch.from_numpy(self.trajectories(generator, count, steps + self.horizon)).float()
        targets = values[:, self.horizon :]
        return Sequences(values[:, :steps], targets, counted(count, steps, self.warmup), best=targets)

    def guesses(self, train: Split, test: Split) -> dict[str, Guess]:
        """Adds those of a dynamical system to the guesses of any task.

        `persistence` is the input of the step, `ar` least squares on the last p inputs, and `polynomial` on inputs some
        steps ago with their products; see `seqexp/data/recent.py`.
        """
        return {
            "persistence": test.inputs,
            **super().guesses(train, test),
            "ar": regression(train, test),
            "polynomial": polynomial(train, test, self.lags, self.degree),
        }

    def _check_length(self, length: int) -> None:
        if length <= self.warmup:
            raise ValueError(f"length must be > warmup = {self.warmup}, so that a step counts, got {length}")


def counted(count: int, steps: int, warmup: int) -> Tensor | None:
    """The weights of all steps, (N, T): 0 for those of the warm-up and else 1; None where there is none."""
    if not warmup:
        return None
    return (torch.arange(steps) >= warmup).float().expand(count, steps).contiguous()
