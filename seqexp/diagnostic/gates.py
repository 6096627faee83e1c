"""What gates and states do while an input is read, and which variable of the task each unit follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from seqexp.data.split import Split
from seqexp.diagnostic.diagnostic import Array, Diagnostic, Measured, When, check_every_step
from seqexp.diagnostic.states import beyond, longest
from seqexp.model import Model
from seqexp.score import Score
from seqexp.show.lines import Nothing, Other, draw_panels
from seqexp.show.maps import Heat

if TYPE_CHECKING:
    from seqexp.show.figures import Figure

MOST_INPUTS = 8
"""Features of the input that are correlated with; one-hot symbols beyond have no column."""

MOST_LABELS = 3
"""Beside each other in one picture."""

STEP = "step"


class Gates(Diagnostic):
    """Gates and states of the top layer over one sequence in their true units, and the correlation r of each unit.

    What a unit is correlated with, over all steps of all sequences: each variable of the task (the ones so far, their
    parity, the steps since a marker), the step, and each feature of the input. Where one of the two never changes, r is
    0. A gate is what multiplies, a number between 0 and 1; a forget gate f, or the update gate z of a GRU, that stays
    at 1 keeps what it holds for ever, and 1/(1 - f) is about how many steps a constant f keeps it.

    Source: for looking at single units, A. Karpathy, J. Johnson, L. Fei-Fei, "Visualizing and understanding recurrent
    networks", arXiv:1506.02078 (2015).
    """

    when: ClassVar[tuple[When, ...]] = ("end",)
    reads: ClassVar[Literal["val", "test"]] = "test"

    def __init__(self, max_sequences: int) -> None:
        """Sets how much is measured.

        Args:
            max_sequences: of each seed's test sequences, so many of the first.

        Raises:
            ValueError: it is less than 1.
        """
        if max_sequences < 1:
            raise ValueError(f"max_sequences must be >= 1, got {max_sequences}")
        self.max_sequences = max_sequences

    def check(self, model: Model) -> None:
        """Refuses a cell that has no states of every step.

        Raises:
            ValueError: see there.
        """
        check_every_step(model)

    @torch.no_grad()
    def measure(self, model: Model, score: Score, split: Split) -> Measured:
        """Measures.

        Returns:
            Of the longest sequence `input` (S, T, I), in the data's units (of a token its number), and each gate and
            state by its name, `f` (S, T, H); `r_f` (S, H, V) its correlations; `variables`, the V names, one a line.
            Steps beyond the sequence's end are NaN.
        """
        batch = split.first(self.max_sequences)
        ended = beyond(batch)  # (S, B, T)
        traces = top_layer(model.cell.traces(model.embed(batch.inputs)))
        inputs = batch.inputs if batch.inputs.dim() == 4 else batch.inputs[..., None].double()
        variables = {} if self.task is None else dict(self.task.variables(batch))
        variables[STEP] = torch.arange(1.0, batch.steps + 1).expand(ended.shape)
        if batch.inputs.dim() == 4:
            for feature in range(min(inputs.shape[3], MOST_INPUTS)):
                variables["input" if inputs.shape[3] == 1 else f"input {feature + 1}"] = inputs[..., feature]
        stacked = torch.stack([each.to(inputs.dtype) for each in variables.values()], 3)  # (S, B, T, V)
        shown = (torch.arange(len(inputs)), longest(batch))
        found = {"input": inputs[shown].masked_fill(ended[shown][..., None], torch.nan)}
        for name, values in traces.items():
            found[name] = values[shown].masked_fill(ended[shown][..., None], torch.nan)
            found[f"r_{name}"] = correlate(values, stacked, ~ended)
        return {name: values.numpy() for name, values in found.items()} | {"variables": np.array("\n".join(variables))}

    def draw(self, by_label: Mapping[str, Mapping[str, Array]]) -> Figure:
        """Draws the first seed: the input, and below it each gate and state; of one label its correlations, too."""
        labels = list(by_label)[:MOST_LABELS]
        columns = [_column(label, by_label[label]) for label in labels]
        if len(labels) == 1:
            names = str(by_label[labels[0]]["end_variables"]).split("\n")
            columns.append([Nothing(), *_correlations(by_label[labels[0]], names)])
        rows = max(map(len, columns))
        panels = [column[row] if row < len(column) else Nothing() for row in range(rows) for column in columns]
        title = "the longest of the first seed's sequences, after training"
        return draw_panels(panels, beside=len(columns), height=2.0, title=title)


def _names(arrays: Mapping[str, Array]) -> list[str]:
    return [name.removeprefix("end_r_") for name in arrays if name.startswith("end_r_")]


def _column(label: str, arrays: Mapping[str, Array]) -> list[Other]:
    """The heat maps of one label."""
    given = arrays["end_input"][0].T
    found: list[Other] = [Heat(title=f"{label}: input", xlabel="", ylabel="feature", values=given, unit="input")]
    for name in _names(arrays):
        values = arrays[f"end_{name}"][0].T
        gate = bool(np.nanmin(values, initial=0) >= 0 and np.nanmax(values, initial=1) <= 1)
        limits = (0.0, 1.0) if gate else None
        found.append(
            Heat(title=f"{label}: {name}", xlabel="step", ylabel="unit", values=values, unit=name, limits=limits)
        )
    return found


def _correlations(arrays: Mapping[str, Array], names: list[str]) -> list[Other]:
    return [
        Heat(
            title=f"correlation of {name} with", xlabel="", ylabel="unit", values=arrays[f"end_r_{name}"][0], unit="r",
            limits=(-1.0, 1.0), columns=names,
        )
        for name in _names(arrays)
    ]  # fmt: skip


def top_layer(traces: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The traces of the top layer's forward direction, without its suffix; all where names say no layer."""
    layers = {name: name.rpartition("_l") for name in traces if not name.endswith("_reverse")}
    numbered = {name: int(parts[2]) for name, parts in layers.items() if parts[1] and parts[2].isdigit()}
    if not numbered:
        return dict(traces)
    top = max(numbered.values())
    return {layers[name][0]: traces[name] for name, layer in numbered.items() if layer == top}


def correlate(units: Tensor, variables: Tensor, counts: Tensor) -> Tensor:
    """Pearson's r of each unit with each variable over the steps that count, 0 where one of the two is constant.

    Args:
        units: (S, B, T, H).
        variables: (S, B, T, V).
        counts: (S, B, T) bool.

    Returns:
        (S, H, V).
    """
    each = counts.to(units.dtype)[..., None]  # (S, B, T, 1)
    weight = each / each.sum((1, 2), keepdim=True).clamp(min=1)

    def centred(values: Tensor) -> tuple[Tensor, Tensor]:
        values = torch.where(counts[..., None], values, 0)  # padding may hold anything
        less = values - (weight * values).sum((1, 2), keepdim=True)
        largest = values.abs().amax((1, 2))
        deviation = (weight * less.square()).sum((1, 2)).sqrt()  # (S, H)
        return less, torch.where(deviation > 1e-12 * largest, deviation, torch.inf)  # a rounded constant is constant

    (x, x_deviation), (y, y_deviation) = centred(units), centred(variables)
    both = torch.einsum("sbth,sbtv->shv", weight * x, y)
    return both / x_deviation[..., None] / y_deviation[:, None]
