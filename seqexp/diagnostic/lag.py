"""Whether a forecast follows what is to come, or repeats what has been: its correlation with each of the values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from seqexp.data.guesses import linear
from seqexp.data.split import Split
from seqexp.data.task import Task
from seqexp.diagnostic.along import over_steps
from seqexp.diagnostic.diagnostic import Array, Diagnostic, Measured, When
from seqexp.diagnostic.lengths import predict
from seqexp.model import Model
from seqexp.score import Score
from seqexp.show.lines import Line, Panel, draw_panels

if TYPE_CHECKING:
    from seqexp.show.figures import Figure

KNOWN = {
    "r_target": "the target itself",
    "r_last": "the last value, repeated",
    "r_linear": "least squares, fitted to the training split",
}


class Lag(Diagnostic):
    """The correlation of a prediction with its target, and with the values that it has read, from the last one back.

    A model that has learnt to forecast agrees most with its target, 0 steps behind. One that repeats the last value
    draws a curve that looks right and comes too late: it agrees most with that value, as many steps behind as it
    forecasts ahead. Two dotted lines show both: the target itself, and the last value, each correlated with the same
    values. In a series that moves slowly the two are close, and what is between is the last digit.

    In a noisy series even the best forecast leans on the last value, whose noise it takes along, and may agree more
    with it than with a target that has noise of its own. So least squares, fitted to the training split, stand beside
    it: to lean more than they do is to repeat.

    Correlations are over all windows, or steps, of the split, for each column, and their mean over columns.
    """

    when: ClassVar[tuple[When, ...]] = ("end",)
    along: ClassVar[bool] = True

    def __init__(self, max_lag: int) -> None:
        """Sets how much is measured.

        Args:
            max_lag: how many values that were read are compared, from the last one back; fewer where a window is
                shorter.

        Raises:
            ValueError: it is less than 1.
        """
        if max_lag < 1:
            raise ValueError(f"max_lag must be >= 1, got {max_lag}")
        self.max_lag = max_lag

    def check_task(self, task: Task) -> None:
        """Refuses a task that forecasts nothing.

        Raises:
            ValueError: its targets are not what its inputs become.
        """
        if task.ahead is None:
            raise ValueError(
                f"needs a task whose targets are all of its inputs at a later step, and those of "
                f"{type(task).__name__} are something else"
            )

    @torch.no_grad()
    def measure(self, model: Model, score: Score, split: Split) -> Measured:
        """Measures.

        Returns:
            `r` (S, K + 1), of the prediction with its target and with the last K values that were read; the same of the
            target (`r_target`), of the last value (`r_last`) and, where there is one, of least squares (`r_linear`);
            `behind` (S, K + 1), how many steps behind the target each of the K + 1 is; and `most` (S,), that at which r
            is largest.
        """
        predictions = {"r": predict(model, split)}
        if not isinstance(line := linear(self.known_train, split), str):
            predictions["r_linear"] = line
        count = min(self.max_lag, split.steps)
        if model.reads == "last":
            read = [split.inputs[:, :, split.steps - 1 - lag] for lag in range(count)]  # (S, N, I) each
            target = split.targets
        else:
            first = count - 1
            read = [split.inputs[:, :, first - lag : split.steps - lag].flatten(1, 2) for lag in range(count)]
            target = split.targets[:, :, first:].flatten(1, 2)
            predictions = {name: each[:, :, first:].flatten(1, 2) for name, each in predictions.items()}
        ahead = self.known_task.ahead or 0
        compared = {**predictions, "r_target": target, "r_last": read[0]}
        found = {
            name: torch.stack([pearson(one, other) for other in (target, *read)], 1) for name, one in compared.items()
        }
        behind = torch.tensor([0, *(ahead + lag for lag in range(count))]).repeat(len(split.inputs), 1)
        r = found["r"].masked_fill(found["r"].isnan(), -torch.inf)
        most = behind.gather(1, r.argmax(1, keepdim=True))[:, 0].double()
        most[found["r"].isnan().all(1)] = torch.nan
        return {name: each.numpy() for name, each in {**found, "behind": behind, "most": most}.items()}

    def table(self, arrays: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
        """How many steps behind its target a prediction agrees most; its r with the target, and with the last value."""
        r = arrays["end_r"]
        return {"": {"steps behind": arrays["end_most"], "r with target": r[:, 0], "r with last value": r[:, 1]}}

    def numbers(self, measured: Mapping[str, Array]) -> Measured:
        """The correlations with the target, and with the last value."""
        return {"with the target_r": measured["r"][:, 0], "with the last value_r": measured["r"][:, 1]}

    def draw(self, by_label: Mapping[str, Mapping[str, Array]]) -> Figure:
        """Draws the correlation against the steps behind the target."""
        lines = []
        for label, arrays in by_label.items():
            late = int((arrays["end_r"][:, 1] > arrays["end_r"][:, 0]).sum())
            said = f"{label}: {late} of {len(arrays['end_r'])} seeds agree more with the last value"
            lines.append(Line.over_seeds(said, arrays["end_behind"][0], arrays["end_r"], of=label))
        first = next(iter(by_label.values()))
        for name, label in KNOWN.items():
            if f"end_{name}" in first:
                lines.append(Line.known(label, first["end_behind"][0], np.nanmean(first[f"end_{name}"], 0)))
        title = "with which value does the prediction agree?"
        means = np.concatenate([line.mean for line in lines])
        means = means[np.isfinite(means)]
        room = max(0.15 * float(np.ptp(means)), 1e-3) if means.size else 1.0  # of few seeds an interval leaves [-1, 1]
        limits = (float(means.min(initial=1)) - room, float(means.max(initial=-1)) + room)
        where = "steps behind the target"
        panel = Panel(title=title, xlabel=where, ylabel="correlation r", lines=lines, limits=limits)
        way = over_steps(by_label, "r", "correlation r", limits=(-1.05, 1.05))
        return draw_panels([panel, *way])


def pearson(one: Tensor, other: Tensor) -> Tensor:
    """Pearson's r over rows, the mean over columns: (S, N, O) twice -> (S,); NaN where a column is constant."""
    one, other = (each.double() - each.double().mean(1, keepdim=True) for each in (one, other))
    scale = (one.square().sum(1) * other.square().sum(1)).sqrt()
    return ((one * other).sum(1) / scale).mean(-1)
