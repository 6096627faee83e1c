"""How long a model that is fed with its own predictions stays with the truth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from seqexp.closed_loop import Validity, check_feedable, roll_out, validity
from seqexp.data.split import Split
from seqexp.data.task import Task
from seqexp.diagnostic.diagnostic import Array, Diagnostic, Measured, When
from seqexp.model import Model
from seqexp.score import Score
from seqexp.show.lines import Line
from seqexp.show.paths import Course, draw_paths
from seqexp.statistics import mean_interval

if TYPE_CHECKING:
    from seqexp.show.figures import Figure


class ClosedLoop(Diagnostic):
    """Valid prediction time: how many steps of its own a model makes before its relative error passes a threshold.

    The model reads a piece of the validation data, predicts the next values, reads these, and so on. The error of a
    step is the root of the mean over columns of (difference / standard deviation)^2. In a chaotic system any error
    grows, and where its exponent is known the time is told in Lyapunov times as well, in which small errors grow by e.

    Beside it stands the last value, repeated. Where no step exceeds the threshold, all steps that are there count, and
    the true time is longer.

    Source: J. Pathak et al., "Hybrid forecasting of chaotic processes", Chaos 28 (2018), with the threshold 0.4; the
    error by column is that of P. R. Vlachas et al., Neural Networks 126 (2020).
    """

    when: ClassVar[tuple[When, ...]] = ("end",)

    def __init__(self, steps: int, starts: int, context: int | None, threshold: float) -> None:
        """Sets how much is measured.

        Args:
            steps: K, how many steps a model goes on alone at most; fewer where data end before, and of a series with
                several starts no more than half of the split.
            starts: places of each seed's split at which it begins; their valid times are averaged.
            context: steps that are read before, where every step has a target; None for half of a sequence. Windows of
                a series are read whole.
            threshold: of the relative error.

        Raises:
            ValueError: one is out of range.
        """
        for name, value in (("steps", steps), ("starts", starts), ("context", 1 if context is None else context)):
            if value < 1:
                raise ValueError(f"{name} must be >= 1, got {value}")
        if not 0 < threshold < math.inf:
            raise ValueError(f"threshold must be > 0, got {threshold}")
        self.steps = steps
        self.starts = starts
        self.context = context
        self.threshold = threshold

    def check_task(self, task: Task) -> None:
        """Refuses a task that is not forecast from its own past.

        Raises:
            ValueError: predictions of the task cannot be fed back.
        """
        check_feedable(task)
        if not task.chronological and task.reads == "last":
            raise ValueError("predictions of the last step need sequences that follow each other, to be held against")
        length = getattr(task, "length", None)
        if task.reads == "steps" and isinstance(length, int) and self.context is not None and self.context > length:
            raise ValueError(f"context must be <= {length}, the steps of a sequence, got {self.context}")

    def measure(self, model: Model, score: Score, split: Split) -> Measured:
        """Measures.

        Returns:
            `path`, `truth` (S, K, I) of the first start; `error` (S, K), the median over starts; `valid`, `resting`
            (S, starts), the valid steps of the model and of the last value; `whole` (S, starts), whether no step
            exceeded the threshold; `threshold` and `lyapunov`, one number each, NaN where it is not known.
        """
        cut = self._series if model.reads == "last" else self._sequences
        context, truth = cut(split)  # (S, B, T, I), (S, B, K, I)
        deviation = split.inputs.flatten(1, 2).std(1, correction=0)  # (S, I)
        deviation = torch.where(deviation > 0, deviation, 1)
        path = roll_out(model, context, truth.shape[2])
        found = validity(path, truth, deviation, self.threshold)
        resting: Validity = validity(context[:, :, -1:].expand_as(truth), truth, deviation, self.threshold)
        arrays = {
            "path": path[:, 0],
            "truth": truth[:, 0],
            "error": found.error.median(1).values,
            "valid": found.steps,
            "resting": resting.steps,
            "whole": found.whole,
        }
        lyapunov = None if self.task is None else self.task.lyapunov
        exponent = math.nan if lyapunov is None else lyapunov
        numbers = {"threshold": np.array(self.threshold), "lyapunov": np.array(exponent)}
        return {**{name: values.numpy() for name, values in arrays.items()}, **numbers}

    def _sequences(self, split: Split) -> tuple[Tensor, Tensor]:
        """The first steps of some sequences, and what follows them."""
        context = max(1, split.steps // 2) if self.context is None else self.context
        if split.steps < context:
            raise ValueError(f"context must be <= {split.steps}, the steps of a sequence, got {context}")
        whole = torch.cat([split.inputs[:, : self.starts], split.targets[:, : self.starts, -1:]], 2)
        return whole[:, :, :context], whole[:, :, context : context + self.steps]

    def _series(self, split: Split) -> tuple[Tensor, Tensor]:
        """Some windows, and the targets of those that follow."""
        count = split.num_sequences
        steps = min(self.steps, count if self.starts == 1 else max(1, count // 2))
        follows = (split.inputs[:, 1:, -1] == split.targets[:, :-1]).all(-1).all(0)  # (N - 1,): the next window does
        broken = torch.nn.functional.pad((~follows).cumsum(0), (1, 0))  # (N,): how often until there
        places = torch.arange(count - steps + 1)
        places = places[broken[places + steps - 1] == broken[places]]
        if not len(places):
            raise ValueError(f"no {steps} windows of the split follow each other")
        chosen = places[torch.linspace(0, len(places) - 1, min(self.starts, len(places))).long()].unique()
        truth = torch.stack([split.targets[:, each : each + steps] for each in chosen.tolist()], 1)
        return split.inputs[:, chosen], truth

    def table(self, arrays: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
        """Valid prediction time of the model and of the last value, a mean over starts; and of how many it is longer.

        Args:
            arrays: what `measure` gave of one label, each name with `end_` before it.
        """
        exponent = float(arrays["end_lyapunov"])
        found: dict[str, dict[str, Array]] = {}
        for line, name in (("", "end_valid"), ("the last value", "end_resting")):
            steps = arrays[name].mean(1)
            times = {"valid Lyapunov times": steps * exponent} if exponent > 0 else {}
            whole = {} if line else {"share valid to the end": arrays["end_whole"].mean(1)}
            found[line] = {"valid steps": steps, **times, **whole}
        return found

    def draw(self, by_label: Mapping[str, Mapping[str, Array]]) -> Figure:
        """Draws a path of the first seed beside the truth, and the error against the step with the valid time."""
        first = next(iter(by_label.values()))
        courses = [_course(label, arrays) for label, arrays in by_label.items()]
        resting = mean_interval(first["end_resting"].mean(1)).mean
        return draw_paths(
            first["end_truth"][0, :, 0],
            courses,
            threshold=float(first["end_threshold"]),
            resting=resting,
            lyapunov=float(first["end_lyapunov"]),
        )


def _course(label: str, arrays: Mapping[str, Array]) -> Course:
    """What is drawn of one label."""
    errors = arrays["end_error"]  # (S, K)
    line = Line.over_seeds(label, np.arange(1.0, errors.shape[1] + 1), errors, logs=True)
    valid = mean_interval(arrays["end_valid"].mean(1).astype(float))
    return Course(
        label=label,
        path=arrays["end_path"][0, :, 0],
        error=line.mean,
        low=line.low,
        high=line.high,
        valid=(valid.mean, valid.low, valid.high),
        whole=bool(arrays["end_whole"].any()),
    )
