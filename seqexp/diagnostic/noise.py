"""The score against noise that is added to the inputs of a trained model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from seqexp.data.guesses import constant, linear
from seqexp.data.shape import Values
from seqexp.data.split import Split, join
from seqexp.diagnostic.along import over_steps
from seqexp.diagnostic.diagnostic import Array, Diagnostic, Measured, When
from seqexp.diagnostic.lengths import predict, spread
from seqexp.model import Model
from seqexp.score import Score
from seqexp.seeding import generator
from seqexp.show.lines import Line, Panel, draw_panels

if TYPE_CHECKING:
    from seqexp.show.figures import Figure

GUESSES = {"constant": "constant guess", "linear": "least squares, fitted to the training split without noise"}


class Noise(Diagnostic):
    """The score where Gaussian noise is added to every input, at each of some sizes; targets stay what they are.

    The size is in standard deviations of each input feature over the split. All seeds and sizes have the same draws, so
    that a curve is of one noise that grows. Beside it stand the constant guess, which no noise can reach, and where
    inputs and targets are values least squares, both fitted to the training split without noise, and scored where the
    model is scored: a linear model with weights w has the score of noise of size s as MSE(s) = MSE(0) + s^2 |w|^2 (w in
    units of the deviations), as its error grows by independent noise.

    Source: C. M. Bishop, "Training with noise is equivalent to Tikhonov regularization", Neural Computation 7 (1995).
    """

    when: ClassVar[tuple[When, ...]] = ("end",)
    along: ClassVar[bool] = True

    def __init__(self, sizes: Sequence[float], max_sequences: int, seed: int) -> None:
        """Sets how much is measured.

        Args:
            sizes: of the noise, in standard deviations of each input.
            max_sequences: of each seed's split, so many of the first.
            seed: of the noise.

        Raises:
            ValueError: one is out of range.
        """
        if not sizes or any(not 0 <= each < np.inf for each in sizes):
            raise ValueError(f"sizes must be numbers >= 0, got {list(sizes)}")
        if max_sequences < 1:
            raise ValueError(f"max_sequences must be >= 1, got {max_sequences}")
        if seed < 0:
            raise ValueError(f"seed must be >= 0, got {seed}")
        self.sizes = sorted({float(each) for each in sizes})
        self.max_sequences = max_sequences
        self.seed = seed

    def check(self, model: Model) -> None:
        """Refuses inputs that are tokens.

        Raises:
            ValueError: see there.
        """
        if model.num_tokens:
            raise ValueError(
                "needs inputs that are numbers, to which noise can be added; those of this task are tokens"
            )

    @torch.no_grad()
    def measure(self, model: Model, score: Score, split: Split) -> Measured:
        """Measures `score`, `constant`, and where there is one `linear`, (S, L); `sizes`, repeated for each seed."""
        targets, train = self.known_task.targets, self.known_train
        batch = split.first(self.max_sequences)
        draws = torch.randn(batch.inputs.shape[1:], generator=generator(self.seed, "noise"), dtype=torch.float64)
        deviation = deviations(batch)[:, None, None]  # (S, 1, 1, I)
        noisy = [batch._replace(inputs=batch.inputs + size * deviation * draws) for size in self.sizes]
        predictions = {"score": [predict(model, each) for each in noisy]}
        shape = predictions["score"][0].shape
        predictions["constant"] = [constant(train, targets).expand(shape)] * len(noisy)
        fits = isinstance(targets, Values) and score.targets == "values"
        if fits and not isinstance(line := linear(train, join(noisy)), str):  # which is fitted once for all sizes
            predictions["linear"] = list(line.split(batch.num_sequences, 1))
        found = {
            name: [score.value(each, batch.targets, batch.weight) for each in row] for name, row in predictions.items()
        }
        sizes = torch.tensor(self.sizes).repeat(len(batch.inputs), 1)
        arrays = {name: torch.stack(row, 1) for name, row in found.items()} | {"sizes": sizes}
        return {name: values.numpy() for name, values in arrays.items()} | {"label": np.array(score.label)}

    def numbers(self, measured: Mapping[str, Array]) -> Measured:
        """The scores with the least and with the most noise."""
        sizes = measured["sizes"][0]
        ends = dict.fromkeys((int(sizes.argmin()), int(sizes.argmax())))
        return {f"noise {sizes[each]:g}_score": measured["score"][:, each] for each in ends}

    def draw(self, by_label: Mapping[str, Mapping[str, Array]]) -> Figure:
        """Draws the score against the size of the noise, with the guesses."""
        first = next(iter(by_label.values()))
        guesses = {label: first[f"end_{name}"] for name, label in GUESSES.items() if f"end_{name}" in first}
        logs = spread([*(arrays["end_score"] for arrays in by_label.values()), *guesses.values()])
        lines = [
            Line.over_seeds(label, arrays["end_sizes"][0], arrays["end_score"], logs=logs)
            for label, arrays in by_label.items()
        ]
        for label, guess in guesses.items():
            lines.append(Line.known(label, first["end_sizes"][0], np.nanmean(guess, 0)))
        panel = Panel(
            title="scores under noise on the inputs",
            xlabel="standard deviation of the noise, in those of the inputs",
            ylabel=str(first["end_label"]),
            lines=lines,
            log=logs,
            holds_known=True,
            whole=False,
        )
        return draw_panels([panel, *over_steps(by_label, "score", str(first["end_label"]))])


def deviations(batch: Split) -> torch.Tensor:
    """The standard deviation of each input feature, (S, I), over all steps that are no padding."""
    values = batch.inputs.double()
    if batch.lengths is not None:
        there = torch.arange(batch.steps) < batch.lengths[..., None]
        values = torch.where(there[..., None], values, torch.nan)
    flat = values.flatten(1, 2)  # (S, B T, I)
    return (flat - flat.nanmean(1, keepdim=True)).square().nanmean(1).sqrt()
