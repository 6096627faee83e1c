"""How much of white noise a linear readout recovers from a cell's states, and how far back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from seqexp.data.split import Split
from seqexp.data.task import Task
from seqexp.diagnostic.along import over_steps
from seqexp.diagnostic.diagnostic import Array, Diagnostic, Measured, When, check_every_step
from seqexp.model import Model
from seqexp.score import Score
from seqexp.seeding import generator
from seqexp.show.lines import Line, Panel, draw_panels

if TYPE_CHECKING:
    from seqexp.show.figures import Figure

TITLES: dict[str, str] = {"start": "before training", "end": "after training"}

HALF = 0.5
"""A value of which a readout recovers less than this share of the variance counts as forgotten."""


class Memory(Diagnostic):
    """Memory capacity: the sum over delays k of r^2_k, the share of x_{t-k} that is a linear function of the state h_t.

    The cell reads white noise, uniform, with the mean and the deviation that each of its inputs has on the split; all
    seeds read the same. For each delay k = 0, 1, ... K the noise k steps ago is regressed on the states, for every
    seed, and r^2 is corrected for the number of units, so that it is 0 on average where nothing is remembered (and may
    be a little below). Of several inputs each is a noise of its own; their r^2 is averaged for the curve, and summed
    for the capacity. What is read is the top layer's output, all that the readout of the model sees.

    The capacity is at most N, the features of the state: no N numbers hold more than N independent ones linearly. A
    linear recurrence with a regular weight matrix reaches N. (Delay 0 is counted.) The horizon is the first delay of
    which less than half is recovered, K + 1 where there is none.

    Source: H. Jaeger, "Short term memory in echo state networks", GMD Report 152 (2001); the correction of r^2 is that
    of M. Ezekiel, "Methods of correlation analysis" (1930).
    """

    when: ClassVar[tuple[When, ...]] = ("start", "end")
    along: ClassVar[bool] = True

    def __init__(self, max_lag: int, sequences: int, steps: int, tolerance: float, seed: int) -> None:
        """Sets how much is measured.

        Args:
            max_lag: K, the largest delay; a cell reads so many steps before any counts.
            sequences: of noise.
            steps: of each that count.
            tolerance: directions in which states vary less than this share of their largest variation (as standard
                deviations) are not read: it is about what single precision holds.
            seed: of the noise.

        Raises:
            ValueError: one is out of range.
        """
        for name, value in (("max_lag", max_lag), ("sequences", sequences), ("steps", steps)):
            if value < 1:
                raise ValueError(f"{name} must be >= 1, got {value}")
        if not 0 < tolerance < 1:
            raise ValueError(f"tolerance must be > 0 and < 1, got {tolerance}")
        if seed < 0:
            raise ValueError(f"seed must be >= 0, got {seed}")
        self.max_lag = max_lag
        self.sequences = sequences
        self.steps = steps
        self.tolerance = tolerance
        self.seed = seed

    def check(self, model: Model) -> None:
        """Refuses what cannot read noise, has no state of every step, or reads from the end.

        Raises:
            ValueError: see there.
        """
        if model.num_tokens:
            raise ValueError("needs inputs that are numbers, which can be noise; those of this task are tokens")
        check_forward(model)
        if self.sequences * self.steps < 2 * (model.cell.output_size + 2):
            raise ValueError(
                f"sequences * steps must be >= {2 * (model.cell.output_size + 2)}, twice the features of a state, got "
                f"{self.sequences * self.steps}"
            )

    def numbers_made(self, model: Model, task: Task) -> tuple[int, tuple[str, ...]]:
        """One seed's noise and states, twice as far as they count, and the noise of each delay beside them."""
        inputs, states = model.cell.input_size, model.cell.output_size
        read = (self.max_lag + self.steps) * (inputs + states)
        counted = self.steps * (2 * states + 2 * inputs * (self.max_lag + 1))
        return self.sequences * (read + counted), ("sequences", "max_lag", "steps")

    @torch.no_grad()
    def measure(self, model: Model, score: Score, split: Split) -> Measured:
        """Measures `r2` (S, I, K + 1), `capacity` (S,), `horizon` (S,), and `bound`, N."""
        known = model.embed(split.inputs).flatten(1, 2)  # (S, N T, I), padding included
        if split.lengths is not None:
            there = (torch.arange(split.steps) < split.lengths[..., None]).flatten(1)[..., None]  # (S, N T, 1)
            known = torch.where(there, known, torch.nan)
        center = known.nanmean(1)[:, None, None]  # (S, 1, 1, I)
        width = (known - center[:, 0]).square().nanmean(1).sqrt()[:, None, None]
        size = (self.sequences, self.max_lag + self.steps, known.shape[2])
        noise = torch.rand(size, generator=generator(self.seed, "memory"), dtype=torch.float64)
        noise = (2 * noise - 1) * 3**0.5  # (B, K + steps, I): mean 0, variance 1
        r2 = []
        for seed in range(model.num_seeds):  # one by one, as all states of one are kept
            part = slice(seed, seed + 1)
            states = model.members(part).cell(center[part] + width[part] * noise)[0]  # (B, K + steps, H)
            r2.append(recovered(states, noise, self.max_lag, self.tolerance))
        found = torch.stack(r2) * (width[:, 0, 0] > 0)[..., None]
        curve = (found.sum(1) / (width[:, 0, 0] > 0).sum(1).clamp(min=1)[:, None]).nan_to_num(nan=0.0)  # (S, K + 1)
        low = torch.nn.functional.pad(curve < HALF, (0, 1), value=True)
        capacity = found.sum((1, 2))
        horizon = torch.where(capacity.isfinite(), low.int().argmax(1).double(), torch.nan)
        arrays = {"r2": found, "capacity": capacity, "horizon": horizon}
        return {name: values.numpy() for name, values in arrays.items()} | {"bound": np.array(model.cell.output_size)}

    def numbers(self, measured: Mapping[str, Array]) -> Measured:
        """The capacity and the horizon."""
        return {name: measured[name] for name in ("capacity", "horizon")}

    def table(self, arrays: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
        """The capacity and the horizon after training."""
        return {"": {"memory capacity": arrays["end_capacity"], "memory horizon": arrays["end_horizon"]}}

    def draw(self, by_label: Mapping[str, Mapping[str, Array]]) -> Figure:
        """Draws r^2 against the delay, and its running sum with the bound, before and after training."""
        panels = []
        bounds = {
            f"bound N = {bound} features of a state, which a linear recurrence can reach": bound
            for bound in dict.fromkeys(int(arrays["end_bound"]) for arrays in by_label.values())
        }
        for time, title in TITLES.items():
            curves: list[Line] = []
            sums: list[Line] = []
            for label, arrays in by_label.items():
                r2 = arrays[f"{time}_r2"]  # (S, I, K + 1)
                lags, inputs = np.arange(float(r2.shape[2])), np.maximum((r2 != 0).any(2).sum(1), 1)
                curves.append(Line.over_seeds(label, lags, r2.sum(1) / inputs[:, None]))
                sums.append(Line.over_seeds(label, lags, r2.sum(1).cumsum(1)))
            sums += [Line.known(name, lags, np.full(len(lags), bound)) for name, bound in bounds.items()]
            curves.append(
                Line.known("half of the variance: beyond lies what is forgotten", lags, np.full(len(lags), HALF))
            )
            where = "delay k (steps ago)"
            panels.append(
                Panel(
                    title=title, xlabel=where, ylabel="recovered of input at k, r²", lines=curves, limits=(-0.03, 1.05)
                )
            )
            panels.append(
                Panel(title=title, xlabel=where, ylabel="capacity: sum of r² up to k", lines=sums, limits=(0, None))
            )
        panels += over_steps(by_label, "capacity", "memory capacity", known=bounds)
        panels += over_steps(by_label, "horizon", "memory horizon (steps)")
        return draw_panels(panels)


def check_forward(model: Model) -> None:
    """Refuses a cell without a state of every step, or that reads from the end.

    Raises:
        ValueError: see there.
    """
    check_every_step(model)
    if not model.cell.causal:
        raise ValueError("needs a cell that reads forward only, whose states know nothing of later steps")


def recovered(states: Tensor, noise: Tensor, max_lag: int, tolerance: float) -> Tensor:
    """The corrected r^2 of least squares from states to the noise k steps ago, for k = 0 ... K.

    Args:
        states: (B, K + T, H), of which the first K steps do not count.
        noise: (B, K + T, I).
        max_lag: K.
        tolerance: see `Memory`.

    Returns:
        (I, K + 1), NaN where states are not finite.
    """
    steps = noise.shape[1] - max_lag
    x = states[:, max_lag:].flatten(0, 1)  # (B T, H)
    delayed = [noise[:, max_lag - lag : max_lag - lag + steps].flatten(0, 1) for lag in range(max_lag + 1)]
    y = torch.stack(delayed, 2).flatten(1)  # (B T, I (K + 1))
    if not x.isfinite().all():
        return torch.full((noise.shape[2], max_lag + 1), torch.nan, dtype=x.dtype)
    x, y = x - x.mean(0), y - y.mean(0)
    u, sizes, _ = torch.linalg.svd(x, full_matrices=False)
    used = sizes > tolerance * sizes[0]
    rank, rows = int(used.sum()), len(x)
    share = (u[:, used].T @ y).square().sum(0) / y.square().sum(0)
    corrected: Tensor = 1 - (1 - share) * (rows - 1) / (rows - 1 - rank)
    return corrected.view(noise.shape[2], max_lag + 1)
