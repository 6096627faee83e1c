"""The base of all diagnostics: when they measure, what, and how it is drawn."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import torch

from seqexp.data.split import Split
from seqexp.data.task import Task
from seqexp.model import Model
from seqexp.score import Score

if TYPE_CHECKING:
    from seqexp.show.figures import Figure

Array = npt.NDArray[Any]

When = Literal["start", "end"]
"""Before training, at the weights that were drawn; and after it, at those that each seed has kept."""

Measured = dict[str, Array]


STEPS = "steps"
"""Under this name stand the steps (S, K) of which a run kept the weights, and before other names what they measured."""


class Diagnostic(ABC):
    """Measures a population and draws what it measured; it changes nothing of either.

    Attributes:
        when: at what times it measures.
        reads: the split that it gets. What has a score, or may be chosen by, reads the validation split; what shows a
            trained model at work, and measures at the end alone, may read the test split.
        along: whether it has `numbers`, and so is measured at each step of which a run kept the weights.
        kinds: the files that a picture in a run's folder becomes.
        task: what is trained on, once `of` has said so.
        train: the training split, once `beside` has said so.
    """

    when: ClassVar[tuple[When, ...]] = ("end",)
    reads: ClassVar[Literal["val", "test"]] = "val"
    along: ClassVar[bool] = False
    kinds: ClassVar[tuple[Literal["png", "svg"], ...]] = ("png",)
    task: Task | None = None
    train: Split | None = None

    def check(self, model: Model) -> None:  # noqa: B027  most can measure any model
        """Checks whether a model can be measured, before anything is trained.

        Raises:
            ValueError: it cannot.
        """

    def check_task(self, task: Task) -> None:  # noqa: B027  most can measure any task
        """Checks whether what is trained on a task can be measured, before anything is trained.

        Raises:
            ValueError: it cannot.
        """

    def numbers_made(self, model: Model, task: Task) -> tuple[int, tuple[str, ...]]:
        """How many numbers of 8 bytes its settings alone have it hold at once, at least; by default none.

        What is cut to the size of the data is not among them.

        Args:
            model: the population.
            task: what it is trained on.

        Returns:
            The count, and the names of the settings that decide it.
        """
        return 0, ()

    def of(self, task: Task) -> Self:
        """The same diagnostic, which knows the task.

        Raises:
            ValueError: it cannot measure what is trained on it.
        """
        self.check_task(task)
        found = copy.copy(self)
        found.task = task
        return found

    @property
    def known_task(self) -> Task:
        """The task.

        Raises:
            ValueError: `of` has not been asked.
        """
        if self.task is None:
            raise ValueError(f"task of {type(self).__name__} must be known before it measures")
        return self.task

    def beside(self, train: Split) -> Self:
        """The same diagnostic, which fits the guesses that it draws beside a model to what the model has learnt from.

        Args:
            train: the training split, on any device, in any precision.
        """
        found = copy.copy(self)
        found.train = train.learnable
        return found

    @property
    def known_train(self) -> Split:
        """The training split, in double precision on the CPU.

        Raises:
            ValueError: `beside` has not been asked.
        """
        if self.train is None:
            raise ValueError(f"training split of {type(self).__name__} must be known before it measures")
        return self.train.to(torch.device("cpu"), torch.float64)

    @abstractmethod
    def measure(self, model: Model, score: Score, split: Split) -> Measured:
        """Measures.

        Args:
            model: the population, a copy in double precision on the CPU, without dropout.
            score: what it was trained by.
            split: the one that it reads, in double precision; the training split where there is no validation split.

        Returns:
            Arrays by name, with a seed axis in front; one of no axis at all is the same for all seeds, as a text is.
        """

    @abstractmethod
    def draw(self, by_label: Mapping[str, Mapping[str, Array]]) -> Figure:
        """Draws what was measured.

        Args:
            by_label: for one run its label, for a comparison one label a row -> what `measure` gave, each name with the
                time before it, as in `start_h`.
        """

    def numbers(self, measured: Mapping[str, Array]) -> Measured:
        """What of one measurement is drawn over the steps of training, by what it is called; by default nothing.

        Args:
            measured: what `measure` gave.

        Returns:
            Name -> (S,), a number for each seed.
        """
        return {}

    def table(self, arrays: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
        """What of a measurement stands in the table of a comparison; by default nothing.

        Args:
            arrays: what `draw` gets for one label.

        Returns:
            Line -> column -> (S,), a number for each seed. The line `""` is the model's own; others are of what needs
            no network.
        """
        return {}


def check_every_step(model: Model) -> None:
    """Refuses a cell that has no states of every step.

    Raises:
        ValueError: see there.
    """
    if not model.cell.every_step:
        raise ValueError("needs a cell that has a state of every step, and this one has one of the last step only")


def join(parts: Sequence[tuple[Mapping[str, Array], int]]) -> Measured:
    """Makes one measurement of some seeds of others.

    Args:
        parts: for each seed the measurement that has it, and its position there.

    Raises:
        ValueError: they are not of one shape.
        KeyError: one lacks a name that another has.
    """
    named = parts[0][0]
    steps = [part[STEPS][position] if STEPS in part else np.array([]) for part, position in parts]
    if not all(np.array_equal(each, steps[0]) for each in steps):  # seeds that stopped elsewhere have no common way
        named = {name: values for name, values in named.items() if not name.startswith(STEPS)}
    return {
        name: values if values.ndim == 0 else np.stack([part[name][position] for part, position in parts])
        for name, values in named.items()
    }
