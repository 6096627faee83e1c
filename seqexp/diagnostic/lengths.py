"""The score against the length of the sequences, shorter and longer than those of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from seqexp.data.guesses import constant
from seqexp.data.split import Split
from seqexp.data.task import Task, features
from seqexp.diagnostic.along import over_steps
from seqexp.diagnostic.diagnostic import Array, Diagnostic, Measured, When
from seqexp.model import Model
from seqexp.score import Score
from seqexp.seeding import generator
from seqexp.show.lines import Line, Panel, draw_panels

if TYPE_CHECKING:
    from seqexp.show.figures import Figure

FACTORS = (0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8)
"""Of the steps T of the training split: the lengths where none are given."""

MOST_NUMBERS = 2**22
"""States that one pass computes, over its sequences, steps and units."""


class Lengths(Diagnostic):
    """The score at each of some lengths, of fresh sequences that are the same for all seeds.

    Beside it stands the constant guess, fitted to the training split, and the range of lengths of that split is marked.
    A model that has learnt what is to be done, and not for how long, has a flat line.

    Source: for lengths beyond those of training, G. Deletang et al., "Neural networks and the Chomsky hierarchy", ICLR
    (2023).
    """

    when: ClassVar[tuple[When, ...]] = ("end",)
    along: ClassVar[bool] = True

    def __init__(self, lengths: Sequence[int] | None, sequences: int, seed: int) -> None:
        """Sets how much is measured.

        Args:
            lengths: in steps; None takes from a quarter to eight times the T of training, without those of which the
                task has no sequence.
            sequences: of each length.
            seed: of the sequences.

        Raises:
            ValueError: one is out of range.
        """
        if lengths is not None and (not lengths or any(type(each) is not int or each < 1 for each in lengths)):
            raise ValueError(f"lengths must be null or whole numbers >= 1, got {list(lengths)}")
        if sequences < 1:
            raise ValueError(f"sequences must be >= 1, got {sequences}")
        if seed < 0:
            raise ValueError(f"seed must be >= 0, got {seed}")
        self.lengths = None if lengths is None else sorted(set(lengths))
        self.sequences = sequences
        self.seed = seed

    def numbers_made(self, model: Model, task: Task) -> tuple[int, tuple[str, ...]]:
        """The longest sequences and predictions of all seeds, and the states of one sequence."""
        steps = max(self.lengths or [1])
        made = features(task.inputs) + (model.output_size if model.reads == "steps" else 0)
        read = self.sequences * made + model.cell.output_size
        return model.num_seeds * steps * read, ("lengths", "sequences")

    def check_task(self, task: Task) -> None:
        """Refuses a task that makes no sequences of the lengths asked for.

        Raises:
            ValueError: it has none of other lengths, or not of one that is asked for.
        """
        if not task.chooses_length:
            raise ValueError(f"needs a task that makes sequences of any length, and {type(task).__name__} does not")
        for length in self.lengths or ():
            try:
                task.sample(generator(self.seed, "lengths"), 1, length)
            except ValueError as error:
                raise ValueError(f"lengths: the task has no sequence of {length} steps: {error}") from None

    @torch.no_grad()
    def measure(self, model: Model, score: Score, split: Split) -> Measured:
        """Measures `score` and `constant` (S, L); `lengths` (L,), `trained` (2,), repeated for each seed; and names."""
        task, train = self.known_task, self.known_train
        if train.lengths is None:
            trained = torch.tensor([train.steps] * 2).expand(len(train.inputs), 2)
        else:
            trained = torch.stack([train.lengths.amin(1), train.lengths.amax(1)], 1)  # (S, 2)
        guess = constant(train, task.targets)
        lengths, scores, guesses = [], [], []
        for length in self.lengths or _around(train.steps):
            try:
                made = task.sample(generator(self.seed, "lengths"), self.sequences, length)
            except ValueError:  # the task has no sequence of this length, and nobody has asked for it
                continue
            batch = Split._make(
                None if each is None else each[None].expand(len(split.inputs), *each.shape) for each in made
            ).to(torch.device("cpu"), torch.float64)
            prediction = predict(model, batch)
            scores.append(score.value(prediction, batch.targets, batch.weight))
            guesses.append(score.value(guess.expand(prediction.shape), batch.targets, batch.weight))
            lengths.append(length)
        if not lengths:
            raise ValueError(
                "lengths: the task has no sequence of any length between a quarter and eight times the longest"
            )
        arrays = {
            "score": torch.stack(scores, 1),
            "constant": torch.stack(guesses, 1),
            "lengths": torch.tensor(lengths).repeat(len(split.inputs), 1),
            "trained": trained,
        }
        return {name: values.numpy() for name, values in arrays.items()} | {"label": np.array(score.label)}

    def numbers(self, measured: Mapping[str, Array]) -> Measured:
        """The scores at the longest length that was trained on, or the shortest there is, and at the longest."""
        lengths, longest = measured["lengths"][0], measured["trained"][:, 1].max()
        ends = dict.fromkeys((max(0, int((lengths <= longest).sum()) - 1), len(lengths) - 1))  # they ascend
        return {f"{lengths[each]:g} steps_score": measured["score"][:, each] for each in ends}

    def draw(self, by_label: Mapping[str, Mapping[str, Array]]) -> Figure:
        """Draws the score against the length, with the constant guess."""
        lines = []
        ends = []
        logs = spread([arrays[f"end_{name}"] for arrays in by_label.values() for name in ("score", "constant")])
        for label, arrays in by_label.items():
            lines.append(Line.over_seeds(label, arrays["end_lengths"][0], arrays["end_score"], logs=logs))
            ends += [arrays["end_trained"].min(), arrays["end_trained"].max()]
        first = next(iter(by_label.values()))
        guess = np.nanmean(first["end_constant"], 0)
        lines.append(Line.known("constant guess", first["end_lengths"][0], guess))
        return draw_panels(
            [
                Panel(
                    title=f"scores of fresh sequences, trained on {_range(min(ends), max(ends))} steps",
                    xlabel="length in steps",
                    ylabel=str(first["end_label"]),
                    lines=lines,
                    log=logs,
                    holds_known=True,
                    xlog=True,
                    shaded=(float(min(ends)), float(max(ends))),
                ),
                *over_steps(by_label, "score", str(first["end_label"])),
            ]
        )


def predict(model: Model, batch: Split) -> Tensor:
    """What a model predicts, a part of the sequences at a time."""
    rows = max(1, MOST_NUMBERS // (batch.steps * model.cell.output_size * len(batch.inputs)))
    pieces = [model(each.inputs, each.lengths) for each in batch.batches(min(rows, batch.num_sequences))]
    return torch.cat(pieces, 1)


def spread(scores: Sequence[Array]) -> bool:
    """Whether scores, (S, K) each, ask for a logarithmic axis: each seed's above 0, and means far from each other.

    Where one is 0, as that of a seed without an error, a logarithmic axis would have to leave it out.
    """
    if not all((each[np.isfinite(each)] > 0).all() for each in scores):
        return False
    means = np.array(
        [values.mean() for each in scores for column in each.T if (values := column[np.isfinite(column)]).size]
    )
    return bool(means.size and means.max() > 20 * means.min())


def _around(longest: int) -> list[int]:
    return sorted({max(1, round(longest * factor)) for factor in FACTORS})


def _range(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
