"""How much of a gradient is left k steps before the end of a sequence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from seqexp.cell.history import MOST_STATES, history, products, radius_at_rest
from seqexp.cell.recurrent import Recurrent
from seqexp.data.split import Split
from seqexp.diagnostic.along import over_steps
from seqexp.diagnostic.diagnostic import Array, Diagnostic, Measured, When
from seqexp.model import Model
from seqexp.readout import read_last
from seqexp.score import Score
from seqexp.show.lines import Line, Panel, draw_panels

if TYPE_CHECKING:
    from seqexp.show.figures import Figure

AT_ONCE = 2**21
"""Numbers in one state over all steps, seeds and sequences of a pass, which autograd keeps some ten times."""

SHOWN = 24
"""Lags at which there are singular values: so many, from 1 to the largest in even ratios."""

ROUNDING = 1e-14

RADIUS = "radius"

WHERE = "lag k (steps before the last)"

TITLES: dict[When, str] = {"start": "before training", "end": "after training"}


class GradientLag(Diagnostic):
    """The norm of dL/dh_{T-k} against the lag k, for each state of a recurrent cell's top layer.

    L is the score of a sequence's last step, T that step; where every step has a target, only the last one's counts.
    For each sequence the gradient by the whole state has a norm; over sequences these have a geometric mean, as they
    spread over orders of magnitude and multiply from step to step: the mean of a product is then the product of means,
    and no single sequence stands for all. (One that is predicted exactly sends nothing back, and is left out.) The
    picture shows the ratio to lag 0, in which the size of the error cancels.

    An LSTM hands on two states: most of what it remembers goes by c, and dL/dh alone would miss that.

    Under the measurement lies what a cell near rest would do, r^k, with r the spectral radius of one step's Jacobian at
    zero input and zero state. This is exact for a tanh RNN with zero input and W = r·orthogonal, for an LSTM with zero
    weights and forget bias b (r = sigmoid(b), the state c) and for a GRU likewise; the slope of any other cell is less
    the more its units saturate. (dL/dW per step is something else, and does not show that a gradient vanishes.)

    Beside the norms, where `jacobians` asks for them, stand the singular values of d h_T / d h_{T-k}, and of an LSTM of
    d c_T / d c_{T-k}, along the path of some sequences: by how much k steps stretch the directions of a state, while
    the other one is held at T-k. They need no error, and say what could reach back. Each has its geometric mean over
    sequences; where one of them is smaller than 1e-14 of its largest, which is rounding, it is NaN.

    Over the steps of training each is one number, the factor of a single step: the K-th root of the norm at the largest
    lag K, relative to lag 0, and of the largest singular value there. Where r^k is exact, both are r.

    Source: R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks", ICML (2013).
    """

    when: ClassVar[tuple[When, ...]] = ("start", "end")
    along: ClassVar[bool] = True

    def __init__(self, max_lag: int | None, max_sequences: int, jacobians: int = 0) -> None:
        """Sets how much is measured.

        Args:
            max_lag: the largest k; None goes back to the first step.
            max_sequences: of each seed's split, so many of the first.
            jacobians: of how many of these there are singular values; 0 for none, as in files of earlier versions.

        Raises:
            ValueError: one is out of range.
        """
        if max_lag is not None and max_lag < 1:
            raise ValueError(f"max_lag must be >= 1, or null for all steps, got {max_lag}")
        if max_sequences < 1:
            raise ValueError(f"max_sequences must be >= 1, got {max_sequences}")
        if jacobians < 0:
            raise ValueError(f"jacobians must be >= 0, got {jacobians}")
        self.jacobians = jacobians
        self.max_lag = max_lag
        self.max_sequences = max_sequences

    def check(self, model: Model) -> None:
        """Refuses a cell that has no steps, or that no gradient trains.

        Raises:
            ValueError: see there.
        """
        if model.cell.penalties:
            name = type(model.cell).__name__
            raise ValueError(f"needs a cell that is trained by gradients, and the readout of {name} is solved")
        if not isinstance(model.cell, Recurrent):
            raise ValueError(f"needs a recurrent cell, whose states follow each other, got {type(model.cell).__name__}")

    def measure(self, model: Model, score: Score, split: Split) -> Measured:
        """Measures each state's norms by lag, (S, K + 1), and the radius at rest, (S,)."""
        cell = model.cell
        if not isinstance(cell, Recurrent):
            raise TypeError(f"model.cell must be Recurrent, got {type(cell).__name__}")
        split = split.first(self.max_sequences)
        steps, rows = split.steps, split.num_sequences
        state = steps * cell.hidden_size
        seeds_at_once = max(1, AT_ONCE // (state * rows))
        rows_at_once = max(1, AT_ONCE // (state * seeds_at_once))
        pieces: list[dict[str, Tensor]] = []
        for first in range(0, model.num_seeds, seeds_at_once):
            seeds = slice(first, first + seeds_at_once)
            part, own = model.members(seeds), split.of(seeds)
            batches = [self._logs(part, score, batch) for batch in own.batches(rows_at_once)]
            logs = {name: torch.cat([each[name] for each in batches], 1) for name in batches[0]}  # (S, N, K + 1)
            pieces.append({name: values.nanmean(1).exp() for name, values in logs.items()})
        found = {name: torch.cat([piece[name] for piece in pieces]).numpy() for name in pieces[0]}
        if self.jacobians and len(cell.states) * cell.hidden_size <= MOST_STATES:
            found |= self._singular(model, cell, split.first(self.jacobians))
        return {**found, RADIUS: radius_at_rest(cell).numpy()}

    @torch.no_grad()
    def _singular(self, model: Model, cell: Recurrent, split: Split) -> Measured:
        """Measures `singular_h` (S, L, H), and so on for each state, from large to small, at `lags` (S, L)."""
        most = min(split.steps - 1, self.max_lag or split.steps)
        lags = {0, *(round(most ** (place / (SHOWN - 1))) for place in range(SHOWN))} if most else {0}
        rows: dict[str, list[Tensor]] = {name: [] for name in cell.states}
        for lag, (product, there) in enumerate(products(cell, model.embed(split.inputs), split.lengths, most)):
            if lag not in lags:
                continue
            for name, own in zip(cell.states, _blocks(product, len(cell.states)), strict=True):
                values = torch.full(own.shape[:3], torch.nan, dtype=own.dtype)  # (S, B, H)
                counts = there & own.isfinite().flatten(2).all(2)
                values[counts] = torch.linalg.svdvals(own[counts])
                rounding = (values < ROUNDING * values[..., :1]).any(1)  # (S, H)
                rows[name].append(values.log().nanmean(1).exp().masked_fill(rounding, torch.nan))
        found = {f"singular_{name}": torch.stack(each, 1).numpy() for name, each in rows.items()}
        return {**found, "lags": np.tile(sorted(lags), (model.num_seeds, 1))}

    def _logs(self, model: Model, score: Score, batch: Split) -> dict[str, Tensor]:
        """The logarithms of the norms of each sequence, (S, B, K + 1) by state."""
        cell = model.cell
        if not isinstance(cell, Recurrent):
            raise TypeError(f"model.cell must be Recurrent, got {type(cell).__name__}")
        with torch.enable_grad():
            states, output = history(cell, model.embed(batch.inputs), batch.lengths)
            prediction = read_last(output, model.weight, model.bias)  # (S, B, O)
            _, slope = model.judge(prediction.detach(), _with_last_targets(model, batch), score)
            sources = [each for state in states for each in state]
            # A score is the mean over sequences, so that each has 1/B of what it would have alone.
            found = torch.autograd.grad(prediction, sources, slope * batch.num_sequences, materialize_grads=True)
        logs = {}
        for index, name in enumerate(cell.states):
            gradients = torch.stack(found[index :: len(cell.states)])  # (T, S, H, B)
            logs[name] = self._by_lag(torch.linalg.vector_norm(gradients, dim=2).log(), batch.lengths)
        return logs

    def _by_lag(self, logs: Tensor, lengths: Tensor | None) -> Tensor:
        """From (T, S, B) by step to (S, B, K + 1) by lag; NaN before a sequence's start or if its error is 0."""
        steps = len(logs)
        lags = torch.arange(min(steps - 1, self.max_lag or steps) + 1)
        ends = torch.full(logs.shape[1:], steps - 1) if lengths is None else lengths - 1  # (S, B)
        places = ends[..., None] - lags  # (S, B, K + 1)
        found = logs.permute(1, 2, 0).gather(2, places.clamp(min=0))
        return torch.where((places >= 0) & found[..., :1].isfinite(), found, torch.nan)

    def numbers(self, measured: Mapping[str, Array]) -> Measured:
        """Of each state the factor of one step, of its gradient and of what is stretched most; the radius at rest."""
        found: Measured = {RADIUS: measured[RADIUS]}
        for name in _states(measured):
            norms = measured[name]  # (S, K + 1)
            found[f"{name}_factor"] = _factor(norms, np.broadcast_to(np.arange(norms.shape[1]), norms.shape))
            if f"singular_{name}" in measured:
                found[f"{name}_stretch"] = _factor(measured[f"singular_{name}"][..., 0], measured["lags"])
        return found

    def draw(self, by_label: Mapping[str, Mapping[str, Array]]) -> Figure:
        """Draws the norms in units of lag 0's against the lag, each state a line, before and after training."""
        singular = any(name.startswith("start_singular_") for arrays in by_label.values() for name in arrays)
        rows = [(_lines, "norm of the gradient,\nrelative to lag 0")]
        rows += [(_stretched, "singular value of ∂h(T)/∂h(T−k):\nlargest, and median")] if singular else []
        found = [
            Panel(
                title=title, xlabel=WHERE, ylabel=said, log=True,
                lines=[line for label, arrays in by_label.items() for line in drawn(label, time, arrays)],
            )
            for drawn, said in rows
            for time, title in TITLES.items()
        ]  # fmt: skip
        several = {label for label, arrays in by_label.items() if sum(each.endswith("_factor") for each in arrays) > 1}

        def called(label: str, which: str) -> str:
            if which == RADIUS:
                return f"{label} at rest: r"
            return f"{label}, state {which}" if label in several else label

        found += over_steps(by_label, "factor", "gradient: factor of one step", called, RADIUS)
        found += over_steps(by_label, "stretch", "largest singular value:\nfactor of one step", called, RADIUS)
        return draw_panels(found, share=not singular and len(found) == len(TITLES))


def _with_last_targets(model: Model, batch: Split) -> Split:
    """The batch with the targets of each sequence's last step, (S, B, O) or (S, B)."""
    targets = batch.targets
    if model.reads == "last":
        return batch
    if batch.lengths is None:
        return batch._replace(targets=targets[:, :, -1], weight=None)
    ends = (batch.lengths - 1).reshape(*targets.shape[:2], *[1] * (targets.dim() - 2))
    last = targets.gather(2, ends.expand(-1, -1, 1, *targets.shape[3:])).squeeze(2)
    return batch._replace(targets=last, weight=None)


def _lines(label: str, time: str, arrays: Mapping[str, Array]) -> Sequence[Line]:
    """The lines of one label in one panel: its states, and what a cell near rest would do."""
    states = _states(name.removeprefix(f"{time}_") for name in arrays if name.startswith(f"{time}_"))
    lines = []
    for turn, name in enumerate(states):
        norms = arrays[f"{time}_{name}"]  # (S, K + 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = norms / norms[:, :1]
        shown = label if len(states) == 1 else f"{label}, state {name}"
        lags = np.arange(float(norms.shape[1]))
        lines.append(Line.over_seeds(shown, lags, ratios, logs=True, of=label, turn=turn))
    radius = arrays[f"{time}_radius"]
    radius = radius[np.isfinite(radius) & (radius > 0)]
    if radius.size and lines:
        curve = math.exp(float(np.mean(np.log(radius)))) ** lines[0].x
        lines.append(Line.known(f"{label} at rest: rᵏ", lines[0].x, curve, of=label))
    return lines


def _states(names: Iterable[str]) -> list[str]:
    """Those of what `measure` gave that are a state's norms."""
    return [name for name in names if name not in (RADIUS, "lags") and not name.startswith("singular_")]


def _factor(values: Array, lags: Array) -> Array:
    """By how much one of k steps multiplies on average, (S,), k being the largest lag at which there is a value.

    Args:
        values: (S, L), relative to the first of which they count; NaN where there is none.
        lags: (S, L), ascending from 0.
    """
    there = np.isfinite(values) & (lags > 0)
    last = values.shape[1] - 1 - there[:, ::-1].argmax(1)[:, None]  # (S, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.take_along_axis(values, last, 1) / values[:, :1]
        factor: Array = ratio ** (1 / np.take_along_axis(lags, last, 1))
    return np.where(there.any(1), factor[:, 0], np.nan)


def _blocks(product: Tensor, states: int) -> list[Tensor]:
    """What each state at the end owes to itself k steps before, (S, B, H, H) each."""
    size = product.shape[-1] // states
    return [product[..., place : place + size, place : place + size] for place in range(0, states * size, size)]


def _stretched(label: str, time: str, arrays: Mapping[str, Array]) -> Sequence[Line]:
    """The largest and the median singular value of one label in one panel, and what a cell near rest would do."""
    names = [name for name in arrays if name.startswith(f"{time}_singular_")]
    lines = []
    for turn, name in enumerate(names):
        values, lags = arrays[name], arrays[f"{time}_lags"][0]  # (S, L, H), (L,)
        state = label if len(names) == 1 else f"{label}, state {name.rpartition('_')[2]}"
        lines.append(Line.over_seeds(f"{state}", lags, values[..., 0], logs=True, of=label, turn=turn))
        median = values[..., values.shape[2] // 2]
        lines.append(Line.over_seeds(f"{state}, median", lags, median, logs=True, of=label, turn=turn + len(names)))
    radius = arrays[f"{time}_radius"]
    radius = radius[np.isfinite(radius) & (radius > 0)]
    if radius.size and lines:
        curve = math.exp(float(np.mean(np.log(radius)))) ** lines[0].x
        lines.append(Line.known(f"{label} at rest: rᵏ", lines[0].x, curve, of=label))
    return lines
