"""What a task is: a maker of sequences and targets for one seed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, NamedTuple, NoReturn

import torch
from torch import Tensor

from seqexp.data.guesses import Guess, constant, linear
from seqexp.data.logistic import logistic
from seqexp.data.scales import Scales
from seqexp.data.shape import Classes, Tokens, Values
from seqexp.data.split import Split
from seqexp.data.unseen import Laid
from seqexp.score import CrossEntropy, Score, SquaredError


def __getattr__(name: str) -> NoReturn:
    """Says of what a task of 0.1 imports what has become of it."""
    if name == "Sample":
        raise ImportError("Sample is Sequences by now: docs/migrating.md says what a task of 0.1 needs")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Sequences(NamedTuple):
    """All sequences of one seed, on the CPU: finite torch.float32, but int64 for tokens, classes and lengths.

    Attributes:
        inputs: (N, T, I), or (N, T) tokens.
        targets: of the last step (N, O), or (N,) classes; of every step (N, T, O), or (N, T) classes.
        weight: (N, T) >= 0, how much the target of each step counts; None for all alike, and for targets of the last.
        lengths: (N,) how many steps each sequence has, at least 1: the others, up to T, are padding on the right. The
            last step is then `lengths - 1`, and targets of padded steps do not count. None where all have T steps.
        best: what somebody would predict who knows all but the noise: of the shape of a prediction, which is that of
            targets that are values; for classes (N, C), or (N, T, C), logits. None where that is not known. Its score
            is the one that no model can be expected to beat.
        past: (N, T, O) what the targets' columns held at the steps of the inputs, where these do not hold them: for
            guesses, which may read it as the inputs. No network sees it.
    """

    inputs: Tensor
    targets: Tensor
    weight: Tensor | None = None
    lengths: Tensor | None = None
    best: Tensor | None = None
    past: Tensor | None = None


class Task(ABC):
    """Interface of a task. A task owns its sizes and its randomness comes from outside.

    Attributes:
        inputs: what one step holds.
        targets: what one target is.
        reads: whether there is a target of the last step, or of every step.
        num_sequences: N, sequences of a seed that are split into train, val and test.
        chronological: the sequences follow each other in time. Then the split into train, val and test keeps their
            order, and they are always made together.
        ordered_by: in which order chronological sequences are, in words that begin "windows in the order of ...".
        chooses_length: `sample` can make sequences of any length that it is asked for.
        fixed: the data are the same for every seed. Then their split, too, is one for all seeds.
        stratified: where a split of sequences that have a class is drawn, each part has each class in about its share.
        class_names: of the classes that are predicted, in the order of their numbers; None where they have none.
        sources: paths of the files that the data are read from; none where they are made.
        varies: what another seed's data are, in words that end "the intervals speak of ..."; not asked if `fixed`.
        scales: how the numbers are scaled for a network, and predictions scaled back; None: not at all.
        ahead: the targets are all of the inputs, in their order, so many steps after the last that is read, so that
            with 1 predictions can be fed back; None: they are something else.
        lyapunov: the largest Lyapunov exponent of the system, per step; None where it is not known.
        automaton: the one of `variable_names` that is the state of a finite automaton, 0, 1, 2 ..., which decides with
            the next symbol on the next state; None where there is none. A task that has one has an `alphabet`.
        attractors: how many stable states a network that has learnt the task is expected to rest in while its inputs
            are zero; None where that is not known.
    """

    inputs: Values | Tokens
    targets: Values | Classes
    reads: Literal["last", "steps"] = "last"
    num_sequences: int
    chronological: ClassVar[bool] = False
    ordered_by: str = "time"
    chooses_length: ClassVar[bool] = False
    fixed: ClassVar[bool] = False
    stratified: bool = False
    class_names: Sequence[str] | None = None
    sources: Sequence[str] = ()
    varies: ClassVar[str] = "new data"
    scales: Scales | None = None
    ahead: int | None = None
    lyapunov: float | None = None
    automaton: str | None = None
    attractors: int | None = None

    @property
    def score(self) -> Score:
        """How far a prediction is from a target, where `data.score` names no other."""
        return SquaredError() if isinstance(self.targets, Values) else CrossEntropy("nats")

    @property
    def numbers(self) -> int:
        """How many numbers one seed's sequences and targets hold at least, told before they are made.

        What cannot fit the memory is refused by it. A task whose sequences are long says so here.
        """
        return self.num_sequences * (features(self.inputs) + features(self.targets))

    @abstractmethod
    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        """Makes sequences of one seed; the same generator state gives the same numbers.

        A ValueError that it raises is shown as a refusal of the configuration, before anything is written.

        Args:
            generator: the only source of randomness.
            count: how many; `num_sequences` for a data set, the size of a batch for a stream.
            length: how many steps each of them has; None for those that the task trains on. It is a number only where
                the task `chooses_length`.
        """

    def guesses(self, train: Split, test: Split) -> dict[str, Guess]:
        """Predicts the test targets in the ways that need no network, to hold every network against.

        A ValueError that it raises is shown as a refusal of the configuration, before anything is written.

        Args:
            train: what a guess may be fitted to; both splits are on the CPU.
            test: whose targets are predicted. Only its inputs, past, weights and lengths may be read.

        Returns:
            Name -> finite floats, in the shape of a prediction of the test split (S, N, O) or (S, N, T, O), logits for
            classes, or 1 in place of N or T where all are alike; the reason, one line of text, where a guess is left
            out; None where it has no meaning. The name `noise` is taken: under it the score of `Sequences.best` is
            recorded. By default `constant`, the mean of the training targets, or the share of each class, and where
            inputs are values `linear`, least squares, or for classes `logistic`, logistic regression.
        """
        guesses: dict[str, Guess] = {"constant": constant(train, self.targets)}
        if isinstance(self.inputs, Values):
            if isinstance(self.targets, Classes):
                guesses["logistic"] = logistic(train, test, self.targets)
            else:
                guesses["linear"] = linear(train, test)
        return guesses

    def rows(self, train: Split) -> Tensor:
        """The input rows of the training split, by which `scales` are fitted.

        Returns:
            (S, K, M, I): K pieces of M steps that follow each other, NaN where a piece has fewer. By default the
            sequences, each a piece.
        """
        if train.lengths is None:
            return train.inputs
        padded = torch.arange(train.steps) >= train.lengths[..., None]  # (S, N, T)
        return train.inputs.masked_fill(padded[..., None], torch.nan)

    def notes(self, bounds: Mapping[str, tuple[int, int]]) -> list[str]:
        """Says what a reader of scores must know of the splits, a sentence each; by default nothing.

        Args:
            bounds: (start, stop) of `train`, `val` and `test` among a seed's sequences, as they were sampled.
        """
        return []

    def laid(self, generator: torch.Generator) -> Laid | None:
        """Where the sequences of a recording lie in it; None where the task does not say so, as by default.

        Args:
            generator: as for `sample`.
        """
        return None

    def follow(self, trained: Task) -> None:  # noqa: B027 -- most tasks need not
        """Takes over what classes and tokens are numbered by where a model was trained; by default they are so already.

        Args:
            trained: the task that the model was trained on, of the same class.

        Raises:
            ValueError: there is a class or a token here that the model does not know.
        """

    def check_enough(self) -> None:  # noqa: B027 -- nor this
        """Refuses data from which nothing can be learnt or scored, though a trained model may read them.

        Raises:
            ValueError: what there must be; by default nothing.
        """

    def class_name(self, index: int) -> str:
        """What a class is called in a sentence: its number where the task has no names."""
        name = str(index) if self.class_names is None else self.class_names[index]
        return "".join(each if each.isprintable() else "?" for each in name[:20])

    def alphabet(self) -> dict[str, Sequence[float]]:
        """The inputs that one step can have, by a short name each; none where they are not a few."""
        return {}

    @property
    def variable_names(self) -> Sequence[str]:
        """The names of `variables`."""
        return ()

    def variables(self, batch: Split) -> dict[str, Tensor]:
        """What of the past matters for the target, as who knows the task would keep it: numbers after each step.

        Instruments hold states and gates against them. By default there are none.

        Args:
            batch: sequences; steps beyond a sequence's length are not looked at.

        Returns:
            Name -> (S, B, T).
        """
        return {}

    def solved(self, prediction: Tensor, batch: Split) -> Tensor | None:
        """Says which seeds have met the task's own criterion of success on a batch, (S,) bool; None: it has none.

        Args:
            prediction: (S, B, O) or (S, B, T, O).
            batch: of the validation split.
        """
        return None


def features(shape: Values | Classes | Tokens) -> int:
    """How many numbers one step or one target takes in memory."""
    return shape.size if isinstance(shape, Values) else 1


def outputs(targets: Values | Classes) -> int:
    """O, how many numbers a prediction of one target has."""
    return targets.size if isinstance(targets, Values) else targets.count
