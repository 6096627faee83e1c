"""Where a recurrent cell comes to rest while its input does not change: its fixed points, and which of them hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from seqexp.cell.history import MOST_STATES
from seqexp.cell.recurrent import Recurrent
from seqexp.closed_loop import States, advance
from seqexp.data.split import Split
from seqexp.data.task import Task
from seqexp.diagnostic.along import over_steps
from seqexp.diagnostic.diagnostic import Array, Diagnostic, Measured, When
from seqexp.diagnostic.newton import newton
from seqexp.diagnostic.states import principal
from seqexp.model import Model
from seqexp.score import Score
from seqexp.seeding import generator
from seqexp.show.lines import Line, Other, Panel, draw_panels
from seqexp.show.planes import Cloud, Plane

if TYPE_CHECKING:
    from seqexp.show.figures import Figure

MOST_LABELS = 5
"""In one picture."""

AT_ONCE = 2**23
"""Numbers in the states of a pass that gives Jacobians."""

SAME = 1e-3
"""Points nearer than this share of the deviation of visited states are one."""

FAR = 3.0
"""Points further from the mean of visited states than so many times the furthest of these are left out."""


class FixedPoints(Diagnostic):
    """States that one step with a constant input leaves as they are, z = F(z, x), and the eigenvalues of dF/dz there.

    They are sought from many states: half of them visited on the split, half with noise added. Newton's method, damped
    as by Levenberg and Marquardt, runs from all of them and for all seeds at once; where it ends within `tolerance` of
    rest is a fixed point. It is stable, and holds what is stored in it, if all eigenvalues are smaller than 1 in size.
    A point that no start has led to is not found, so that numbers are lower bounds. z is all that a cell hands on, of
    all layers (h and c of an LSTM).

    A network that stores K bits keeps each of their 2^K combinations in a stable point of its own.

    Source: D. Sussillo, O. Barak, "Opening the black box: low-dimensional dynamics in high-dimensional recurrent neural
    networks", Neural Computation 25 (2013), who minimise |F(z) - z|^2 by gradient descent.
    """

    when: ClassVar[tuple[When, ...]] = ("end",)
    along: ClassVar[bool] = True

    def __init__(
        self, starts: int, iterations: int, tolerance: float, max_sequences: int, input: float, seed: int
    ) -> None:
        """Sets how much is sought.

        Args:
            starts: M, for each seed.
            iterations: of Newton's method at most.
            tolerance: by how much one step may still move a number of a point.
            max_sequences: whose states are visited.
            input: x, of every feature, in the data's units.
            seed: of the choice of starts.

        Raises:
            ValueError: one is out of range.
        """
        for name, value in (("starts", starts), ("iterations", iterations), ("max_sequences", max_sequences)):
            if value < 1:
                raise ValueError(f"{name} must be >= 1, got {value}")
        if not 0 < tolerance < math.inf:
            raise ValueError(f"tolerance must be > 0, got {tolerance}")
        if not math.isfinite(input):
            raise ValueError(f"input must be finite, got {input}")
        if seed < 0:
            raise ValueError(f"seed must be >= 0, got {seed}")
        self.starts = starts
        self.iterations = iterations
        self.tolerance = tolerance
        self.max_sequences = max_sequences
        self.input = input
        self.seed = seed

    def check(self, model: Model) -> None:
        """Refuses cells without steps, that read from the end, or have too large a state, and inputs that are tokens.

        Raises:
            ValueError: see there.
        """
        cell = model.cell
        if not isinstance(cell, Recurrent) or not cell.causal:
            raise ValueError(f"needs a recurrent cell that reads forward only, got {type(cell).__name__}")
        if model.num_tokens:
            raise ValueError("needs inputs that are numbers, one of which can be held; those of this task are tokens")
        if cell.state_size > MOST_STATES:
            raise ValueError(f"needs a state of at most {MOST_STATES} numbers, got {cell.state_size}")

    def numbers_made(self, model: Model, task: Task) -> tuple[int, tuple[str, ...]]:
        """The points of all seeds, and of one seed the derivatives at each, by every number of its state, twice."""
        size = model.cell.state_size or 0
        return self.starts * size * (model.num_seeds + 2 * size), ("starts",)

    @torch.no_grad()
    def measure(self, model: Model, score: Score, split: Split) -> Measured:
        """Measures.

        Returns:
            `points` (S, M, D) and the size of the largest eigenvalue there, `radius` (S, M), from stable to unstable,
            NaN where there are fewer; how many are `stable` and `unstable` (S,); `path` (S, N, 2) and `places`
            (S, M, 2), visited states and the points in the plane of their largest variance; `expected`, of the task.
        """
        cell = model.cell
        if not isinstance(cell, Recurrent):
            raise TypeError(f"model.cell must be Recurrent, got {type(cell).__name__}")
        batch = split.first(self.max_sequences)
        visited = _visit(cell, model.embed(batch.inputs))  # (S, D, N)
        held = model.embed(torch.full_like(batch.inputs[:, :1, :1], self.input))[:, :, 0]  # (S, 1, I)
        chance = generator(self.seed, "fixed_points")
        chosen = torch.randint(visited.shape[2], (self.starts,), generator=chance)
        noise = torch.randn(visited.shape[1], self.starts, generator=chance, dtype=torch.float64)
        noise[:, ::2] = 0
        start = visited[:, :, chosen] + noise * visited.std(2, keepdim=True, correction=0)
        size = cell.state_size
        seeds_at_once = max(1, AT_ONCE // (size * size * self.starts))
        pieces = []
        for first in range(0, model.num_seeds, seeds_at_once):
            own = slice(first, first + seeds_at_once)
            pieces.append(self._seek(cell.members(own), held[own], start[own], visited[own]))
        points, radius = (torch.cat([piece[part] for piece in pieces]) for part in range(2))
        spread = visited[:, :, :: max(1, visited.shape[2] // 2000)].transpose(1, 2)  # (S, N, D)
        plane, _ = principal(torch.cat([spread, points], 1)[:, None])
        diverged = ~visited.isfinite().flatten(1).all(1)  # (S,)
        counts = [(radius < 1).sum(1), (radius >= 1).sum(1)]
        stable, unstable = (each.double().masked_fill(diverged, torch.nan) for each in counts)
        arrays = {
            "points": points, "radius": radius, "stable": stable, "unstable": unstable,
            "path": plane[:, 0, : spread.shape[1]], "places": plane[:, 0, spread.shape[1] :],
        }  # fmt: skip
        attractors = None if self.task is None else self.task.attractors
        expected = math.nan if attractors is None else float(attractors)
        return {name: values.numpy() for name, values in arrays.items()} | {"expected": np.array(expected)}

    def _seek(self, cell: Recurrent, held: Tensor, start: Tensor, visited: Tensor) -> tuple[Tensor, Tensor]:
        """The points that Newton's method ends in, each once, (S, M, D), and the largest eigenvalue's size, (S, M)."""
        found = newton(cell, held, start, self.iterations, self.tolerance)
        S, D, M = start.shape
        points = torch.full((S, M, D), torch.nan, dtype=start.dtype)
        radius = torch.full((S, M), torch.nan, dtype=start.dtype)
        eigenvalues = torch.linalg.eigvals(found.jacobian.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)).abs().amax(-1)
        for seed in range(S):
            center = visited[seed].mean(1)
            reach = (visited[seed] - center[:, None]).norm(dim=0)
            near = SAME * reach.square().mean().sqrt()
            kept: list[int] = []
            for index in torch.nonzero(found.at_rest[seed]).flatten().tolist():
                point = found.z[seed, :, index]
                if (point - center).norm() > FAR * reach.max():
                    continue
                if all((point - found.z[seed, :, other]).norm() > near for other in kept):
                    kept.append(index)
            kept.sort(key=lambda index, seed=seed: float(eigenvalues[seed, index]))  # type: ignore[misc]
            points[seed, : len(kept)] = found.z[seed, :, kept].T
            radius[seed, : len(kept)] = eigenvalues[seed, kept]
        return points, radius

    def table(self, arrays: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
        """How many points are stable, and how many are not."""
        return {"": {"stable points": arrays["end_stable"], "unstable points": arrays["end_unstable"]}}

    def numbers(self, measured: Mapping[str, Array]) -> Measured:
        """How many points are stable."""
        return {"stable": measured["stable"]}

    def draw(self, by_label: Mapping[str, Mapping[str, Array]]) -> Figure:
        """Draws the first seed's points among the states that it visits, and how many are stable for each seed."""
        panels: list[Panel | Other] = []
        counts = []
        for label, arrays in list(by_label.items())[:MOST_LABELS]:
            path, places, radius = (arrays[f"end_{name}"][0] for name in ("path", "places", "radius"))
            clouds = [Cloud(label="states that are visited", x=path[:, 0], y=path[:, 1])]
            for said, which, hollow in (("stable", radius < 1, False), ("unstable", radius >= 1, True)):
                own = places[which]
                name = f"{label}, {said}"
                clouds.append(Cloud(label=name, of=label, x=own[:, 0], y=own[:, 1], hollow=hollow, size=7.0))
            said = f"first seed: {int((radius < 1).sum())} stable, {int((radius >= 1).sum())} unstable"
            panels.append(
                Plane(title=f"{label}, {said}", xlabel="first principal component", ylabel="second", clouds=clouds)
            )
            stable = np.sort(arrays["end_stable"])
            nothing = np.full(len(stable), np.nan)
            ranks = np.arange(1.0, len(stable) + 1)
            counts.append(Line(label=label, x=ranks, mean=stable, low=nothing, high=nothing))
            expected = float(arrays["end_expected"])
        called = f"{expected:g}: one for each state of the task"
        if math.isfinite(expected):
            counts.append(Line.known(called, ranks, np.full(len(ranks), expected)))
        where = "seeds, from few to many"
        panels.append(Panel(title="all seeds", xlabel=where, ylabel="stable points", lines=counts, limits=(0, None)))
        known = {called: expected} if math.isfinite(expected) else {}
        panels += over_steps(by_label, "stable", "stable points", known=known)
        return draw_panels(panels)


def _visit(cell: Recurrent, x: Tensor) -> Tensor:
    """All states after each step of sequences (S, B, T, I): (S, D, B T)."""
    state: States = [cell.initial_state(weights, x.shape[1]) for weights in cell.all_weights()]
    found = []
    for x_t in x.unbind(2):
        state, _ = advance(cell, x_t, state)
        found.append(torch.cat([each for layer in state for each in layer], 1))
    return torch.cat(found, 2)
