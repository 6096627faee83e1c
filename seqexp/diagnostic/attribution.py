"""Which steps of the input a prediction hangs on: gradient times input, and what it costs to hide a step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from seqexp.data.split import Split
from seqexp.diagnostic.diagnostic import Array, Diagnostic, Measured, When
from seqexp.diagnostic.states import beyond
from seqexp.model import Model
from seqexp.score import Score
from seqexp.show.lines import Line, Panel, draw_panels

if TYPE_CHECKING:
    from seqexp.show.figures import Figure

METHODS = {"occlusion": "occlusion", "gradient": "gradient × input"}


class Attribution(Diagnostic):
    """How much the last prediction of a sequence owes to the step k before the last, measured in two ways.

    Occlusion: the features of one step are replaced by their mean over all sequences, and the prediction changes by so
    much. Gradient times input: the derivative of the prediction by the features of that step, times their difference
    from that mean, summed over features. Both are in units of the prediction, for values the network's own; of classes
    they are of the logarithms of probabilities. What is shown is the root of the mean square over sequences and
    outputs.

    Of a model that is linear in its input the two are the same, and of the sum of independent values both are the
    standard deviation of a value at every step. Where they part, the model saturates: the gradient sees a small
    change, occlusion a large one. A step that the model cannot see has 0 in both.

    Source: M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", ECCV (2014) for occlusion;
    A. Shrikumar et al., "Not just a black box", arXiv:1605.01713 (2016) for gradient times input.
    """

    when: ClassVar[tuple[When, ...]] = ("end",)

    def __init__(self, max_lag: int | None, max_sequences: int) -> None:
        """Sets how much is measured.

        Args:
            max_lag: the largest k; None goes back to the first step.
            max_sequences: of each seed's split, so many of the first.

        Raises:
            ValueError: one is out of range.
        """
        if max_lag is not None and max_lag < 0:
            raise ValueError(f"max_lag must be >= 0, or null for all steps, got {max_lag}")
        if max_sequences < 1:
            raise ValueError(f"max_sequences must be >= 1, got {max_sequences}")
        self.max_lag = max_lag
        self.max_sequences = max_sequences

    def measure(self, model: Model, score: Score, split: Split) -> Measured:
        """Measures `occlusion` and `gradient`, (S, K + 1), NaN where no sequence is so long, and their `unit`."""
        batch = split.first(self.max_sequences)
        with torch.no_grad():
            x = model.embed(batch.inputs)  # (S, B, T, F)
            there = ~beyond(batch)[..., None]
            mean = torch.where(there, x, 0).sum((1, 2)) / there.sum((1, 2))  # (S, F)
            found = {"occlusion": _occluded(model, score, batch, x, mean, self._lags(batch))}
        found["gradient"] = _sloped(model, score, batch, x, mean, self._lags(batch))
        unit = "nats of log-probability" if score.targets == "classes" else "units of the network's output"
        return {name: values.numpy() for name, values in found.items()} | {"unit": np.array(unit)}

    def _lags(self, batch: Split) -> Tensor:
        most = batch.steps - 1
        return torch.arange(1 + (most if self.max_lag is None else min(self.max_lag, most)))

    def draw(self, by_label: Mapping[str, Mapping[str, Array]]) -> Figure:
        """Draws both against the lag."""
        lines = []
        for label, arrays in by_label.items():
            for turn, (name, said) in enumerate(METHODS.items()):
                values = arrays[f"end_{name}"]
                lags = np.arange(float(values.shape[1]))
                lines.append(Line.over_seeds(f"{label}, {said}", lags, values, of=label, turn=turn))
        units = dict.fromkeys(str(arrays["end_unit"]) for arrays in by_label.values() if "end_unit" in arrays)
        panel = Panel(
            title="what the last prediction owes to each step",
            xlabel="lag k (steps before the last)",
            ylabel="\n".join(["RMS change of the prediction", *(f"({unit})" for unit in units)]),
            lines=lines,
            limits=(0, None),
        )
        return draw_panels([panel])


def _last(model: Model, score: Score, x: Tensor, lengths: Tensor | None) -> Tensor:
    """The prediction at each sequence's last step, (S, B, O); of classes the logarithms of their probabilities."""
    read = model.read(x, lengths)
    if model.reads == "steps":
        ends = torch.full(read.shape[:2], read.shape[2] - 1) if lengths is None else lengths - 1
        read = read.gather(2, ends[..., None, None].expand(-1, -1, 1, read.shape[3])).squeeze(2)
    return read.log_softmax(-1) if score.targets == "classes" else read


def _ends(batch: Split) -> Tensor:
    """The last step of each sequence, (S, B)."""
    return torch.full(batch.inputs.shape[:2], batch.steps - 1) if batch.lengths is None else batch.lengths - 1


def _occluded(model: Model, score: Score, batch: Split, x: Tensor, mean: Tensor, lags: Tensor) -> Tensor:
    """By how much the prediction changes where the step `lag` before the last is hidden, (S, K + 1)."""
    whole, ends = _last(model, score, x, batch.lengths), _ends(batch)
    steps = torch.arange(batch.steps)
    found = []
    for lag in lags:
        hidden = (steps == (ends - lag)[..., None])[..., None]  # (S, B, T, 1)
        changed = _last(model, score, torch.where(hidden, mean[:, None, None], x), batch.lengths)
        change = (whole - changed).square().mean(-1).masked_fill(ends < lag, torch.nan)  # (S, B)
        found.append(change.nanmean(1).sqrt())
    return torch.stack(found, 1)


def _sloped(model: Model, score: Score, batch: Split, x: Tensor, mean: Tensor, lags: Tensor) -> Tensor:
    """The derivative by the features of each step, times what they differ by from their mean, (S, K + 1)."""
    with torch.enable_grad():
        free = x.detach().requires_grad_()
        outputs = _last(model, score, free, batch.lengths)  # (S, B, O)
        total = torch.zeros(x.shape[:3], dtype=x.dtype)
        for output in range(outputs.shape[2]):
            (slope,) = torch.autograd.grad(outputs[..., output].sum(), free, retain_graph=True, materialize_grads=True)
            total += (slope * (x - mean[:, None, None])).sum(-1).square()
    places = _ends(batch)[..., None] - lags  # (S, B, K + 1)
    by_lag = (total / outputs.shape[2]).gather(2, places.clamp(min=0)).masked_fill(places < 0, torch.nan)
    return by_lag.nanmean(1).sqrt()
