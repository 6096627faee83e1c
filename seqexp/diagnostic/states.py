"""What states do in the course of a sequence: their values, and their path in the plane of largest variance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from seqexp.data.shape import Classes
from seqexp.data.split import Split
from seqexp.data.task import Task
from seqexp.diagnostic.diagnostic import Array, Diagnostic, Measured, When, check_every_step
from seqexp.model import Model
from seqexp.score import Score
from seqexp.show.lines import Other, draw_panels
from seqexp.show.maps import Heat, Path

if TYPE_CHECKING:
    from seqexp.show.figures import Figure

MOST_LABELS = 6
"""In one picture, each with a row of its own."""

STEP = "step"
CLASS = "class of the sequence"


class States(Diagnostic):
    """States of the top layer: all units over one sequence, and the path of many sequences in two dimensions.

    The two dimensions are the first principal components of all states that are visited, for each seed its own; their
    share of the variance stands at the axes. A path is coloured by what the task's author would keep in mind (the
    parity so far, the bits, the sum), by the sequence's class where the target is one, or by the step.

    Source: for the method, I. T. Jolliffe, "Principal component analysis" (2002).
    """

    when: ClassVar[tuple[When, ...]] = ("end",)
    reads: ClassVar[Literal["val", "test"]] = "test"

    def __init__(self, max_sequences: int, color: str | None) -> None:
        """Sets how much is measured.

        Args:
            max_sequences: of each seed's test sequences, so many of the first.
            color: of a path: the name of a variable of the task, "step", or "class of the sequence"; None takes the
                first of them that there is.

        Raises:
            ValueError: max_sequences is less than 1.
        """
        if max_sequences < 1:
            raise ValueError(f"max_sequences must be >= 1, got {max_sequences}")
        self.max_sequences = max_sequences
        self.color = color

    def check(self, model: Model) -> None:
        """Refuses a cell that has no states of every step.

        Raises:
            ValueError: see there.
        """
        check_every_step(model)

    def check_task(self, task: Task) -> None:
        """Checks the name of the color.

        Raises:
            ValueError: none of them is called `color`.
        """
        allowed = [*task.variable_names, *([CLASS] if _has_class(task) else []), STEP]
        if self.color is not None and self.color not in allowed:
            raise ValueError(f"color must be null or one of {', '.join(allowed)}, got {self.color!r}")

    @torch.no_grad()
    def measure(self, model: Model, score: Score, split: Split) -> Measured:
        """Measures.

        Returns:
            `h` (S, T, H), the states of the longest sequence; `path` (S, M, T, 2); `explained` (S, 2), shares of the
            variance; and `color`, (S, M, T), with what it is as `color_name`. Steps beyond a sequence's end are NaN.
        """
        batch = split.first(self.max_sequences)
        states = model.cell(model.embed(batch.inputs))  # (S, M, T, H)
        ended = beyond(batch)  # (S, M, T)
        states = states.masked_fill(ended[..., None], torch.nan)
        path, explained = principal(states)
        variables = {} if self.task is None else self.task.variables(batch)
        if self.task is not None and _has_class(self.task):
            variables[CLASS] = batch.targets[..., None].expand(-1, -1, batch.steps).double()
        variables[STEP] = torch.arange(1.0, batch.steps + 1).expand(ended.shape).double()
        name = self.color or next(iter(variables))
        color = variables[name].masked_fill(ended, torch.nan)
        arrays = {
            "h": states[torch.arange(len(states)), longest(batch)],
            "path": path,
            "explained": explained,
            "color": color,
        }
        return {part: values.numpy() for part, values in arrays.items()} | {"color_name": np.array(name)}

    def draw(self, by_label: Mapping[str, Mapping[str, Array]]) -> Figure:
        """Draws for each label the first seed: its states over one sequence, and the paths of all."""
        panels: list[Other] = []
        for label, arrays in list(by_label.items())[:MOST_LABELS]:
            h, path = arrays["end_h"][0], arrays["end_path"][0]
            shares = arrays["end_explained"][0]
            panels.append(
                Heat(title=f"{label}: one sequence", xlabel="step", ylabel="unit", values=h.T, unit="state h")
            )
            panels.append(
                Path(
                    title=f"{label}: {len(path)} sequences",
                    xlabel=f"first principal component ({shares[0]:.0%} of the variance)",
                    ylabel=f"second ({shares[1]:.0%})",
                    x=path[..., 0],
                    y=path[..., 1],
                    color=arrays["end_color"][0],
                    unit=str(arrays["end_color_name"]),
                )
            )
        return draw_panels(panels, title="states of the first seed, after training")


def beyond(batch: Split) -> Tensor:
    """Which steps lie beyond their sequence's end, (S, B, T)."""
    steps = torch.arange(batch.steps)
    if batch.lengths is None:
        return torch.zeros(*batch.inputs.shape[:3], dtype=torch.bool)
    return steps >= batch.lengths[..., None]


def longest(batch: Split) -> Tensor:
    """The place of each seed's longest sequence, (S,): the first of several."""
    if batch.lengths is None:
        return torch.zeros(len(batch.inputs), dtype=torch.int64)
    return batch.lengths.argmax(1)


def principal(states: Tensor) -> tuple[Tensor, Tensor]:
    """The two directions in which the states of each seed vary most.

    The sign of a direction is that in which its largest weight is positive.

    Args:
        states: (S, M, T, H), NaN where there is none.

    Returns:
        The coordinates (S, M, T, 2), and the shares of the variance (S, 2); of a single unit the second is 0.
    """
    places = torch.full((*states.shape[:3], 2), torch.nan, dtype=states.dtype)
    shares = torch.full((len(states), 2), torch.nan, dtype=states.dtype)
    for seed, own in enumerate(states):
        there = own.isfinite().all(-1)  # (M, T)
        rows = own[there]
        if not len(rows):
            continue
        _, sizes, directions = torch.linalg.svd(rows - rows.mean(0), full_matrices=False)
        found = torch.nn.functional.pad(directions[:2], (0, 0, 0, max(0, 2 - len(directions))))  # (2, H)
        largest = found.gather(1, found.abs().argmax(1, keepdim=True))
        found = found * torch.where(largest < 0, -1.0, 1.0)
        places[seed][there] = (rows - rows.mean(0)) @ found.T
        power = torch.nn.functional.pad(sizes.square(), (0, max(0, 2 - len(sizes))))
        shares[seed] = power[:2] / power.sum().clamp(min=torch.finfo(power.dtype).tiny)
    return places, shares


def _has_class(task: Task) -> bool:
    return isinstance(task.targets, Classes) and task.reads == "last"
