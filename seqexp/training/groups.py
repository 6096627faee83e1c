"""A population advanced in groups of seeds: each small enough for the processor's cache, one to a thread.

The seeds of a population never meet, so nothing has to be done for all of them at once. Forward and backward of one
group follow each other before the next group begins: what a pass over time writes is needed for one group only, and
is still near when backward reads it. Cutting changes no result: each seed's numbers are those that it gets alone.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seqexp.cell.cell import Cell, Cost
from seqexp.data.split import Split
from seqexp.model import Model
from seqexp.score import Score
from seqexp.training.packed import Packed

GROUP_STATE = 100_000
"""Numbers in the hidden state of one step, over a group's seeds and sequences, that a cache holds with the rest."""

GROUP_PASS = 2**23
"""The same over all steps of a pass, which has to stay in memory until backward has read it."""

EVALUATION_STATE = 2**15
"""What GROUP_STATE is where no backward follows."""

GPU_FACTOR = 2**8
"""How much larger groups are on a GPU, which wants much at once."""

THREADED_STATE = 100_000
"""Numbers in the hidden state of the whole population from which a second thread pays."""


def threads(num_seeds: int, state: int, available: int) -> tuple[int, int]:
    """How many threads take groups of seeds, and how many share the work of one group.

    Small steps lose more by being handed out than they gain, so they get one thread. Otherwise each thread takes
    groups of its own; only where there are fewer seeds than threads is one seed's work shared.

    Args:
        num_seeds: S.
        state: numbers in one seed's hidden state for a whole batch.
        available: threads that may be used.
    """
    used = available if num_seeds * state >= THREADED_STATE else 1
    workers = min(used, num_seeds)
    return workers, used // workers


def cut(num_seeds: int, cost: Cost, workers: int, device: str, most: int) -> list[slice]:
    """Cuts the seeds into groups of equal size, but for the last.

    Args:
        num_seeds: S.
        cost: of one seed, for a whole batch.
        workers: threads that take groups.
        device: type of the device that computes.
        most: numbers in a group's hidden state.
    """
    most = min(most, GROUP_PASS * cost.state // cost.kept) * (1 if device == "cpu" else GPU_FACTOR)
    count = -(-num_seeds * cost.state // max(1, most))
    if num_seeds * cost.state >= THREADED_STATE:
        count = -(-count // workers) * workers
    size = -(-num_seeds // min(count, num_seeds))  # equal but for the last, so that groups share work space
    return [slice(start, min(start + size, num_seeds)) for start in range(0, num_seeds, size)]


def bounds_of(cell: Cell, rows: int, steps: int, workers: int, device: str, most: int) -> list[slice]:
    """How a cell's seeds are cut: into groups that fit the cache, or that fill the cell's slots.

    Args:
        cell: of all seeds.
        rows: B.
        steps: T.
        workers: as for `cut`, like the rest.
        device: see there.
        most: see there.
    """
    if cell.slots == 1:
        return cut(cell.num_seeds, cell.cost(rows, steps), workers, device, most)
    ends = [*range(cell.slots - cell.first_seed % cell.slots, cell.num_seeds, cell.slots), cell.num_seeds]
    return [slice(start, stop) for start, stop in zip([0, *ends], ends, strict=False)]


class Group(NamedTuple):
    """Some seeds of a population: where they lie, a model of them alone, and where their gradients go."""

    seeds: slice
    model: Model
    gradients: tuple[Tensor, ...]


class Groups:
    """Evaluates and differentiates a model group by group.

    Args:
        model: the whole population.
        workers: threads that take one group each at a time; each of them computes with one thread.

    Attributes:
        gradient: (P,), of the sum of all seeds' scores, packed as the parameters are; once they are bound.
    """

    def __init__(self, model: Model, workers: int = 1) -> None:
        self.model = model
        self.workers = workers
        self._pool: ThreadPoolExecutor | None = None
        self._packed: Packed | None = None
        self._groups: dict[torch.Size, list[Group]] = {}

    def bind(self, packed: Packed) -> None:
        """Prepares `differentiate` for a model whose parameters are packed."""
        self._packed = packed
        self.gradient = torch.zeros_like(packed.gradients)
        self._groups.clear()

    def bounds(self, inputs: Tensor, most: int) -> list[slice]:
        """How the seeds are cut for inputs (S, B, T, I) and so many numbers in a group's state."""
        rows, steps = inputs.shape[1:3]
        return bounds_of(self.model.cell, rows, steps, self.workers, inputs.device.type, most)

    def predict(self, batch: Split) -> Tensor:
        """Predicts a batch's targets, (S, B, O) or (S, B, T, O), without a graph for gradients."""
        return self._run(Model.forward, batch)

    def encode(self, batch: Split) -> Tensor:
        """Computes the states that are read, (S, H, B) or (S, H, T, B), without a graph for gradients."""
        return self._run(Model.encode, batch)

    def _run(self, way: Callable[[Model, Tensor, Tensor | None], Tensor], batch: Split) -> Tensor:
        """Goes one way through the model of each group."""
        inputs, lengths = batch.inputs, batch.lengths
        bounds = self.bounds(inputs, EVALUATION_STATE)
        with torch.no_grad():
            if len(bounds) == 1:
                return way(self.model, inputs, lengths)

            def work(seeds: slice) -> Tensor:
                return way(self.model.members(seeds), inputs[seeds], None if lengths is None else lengths[seeds])

            return torch.cat(self._map(work, bounds))

    def differentiate(self, batch: Split, score: Score) -> Tensor:
        """Scores a batch and differentiates each seed's score by its parameters, into `gradient`.

        Args:
            batch: B sequences per seed.
            score: has the gradient by a prediction.

        Returns:
            Each seed's score, (S,).
        """

        def work(group: Group) -> Tensor:
            value, gradients = group.model.differentiate(batch.of(group.seeds), score)
            for place, gradient in zip(group.gradients, gradients, strict=True):
                place.copy_(gradient)
            return value

        return torch.cat(self._map(work, self._bound_groups(batch.inputs)))

    def _bound_groups(self, inputs: Tensor) -> list[Group]:
        """The groups for batches of this shape, made once."""
        if self._packed is None:
            raise RuntimeError("differentiate needs packed parameters: call bind before")
        groups = self._groups.get(inputs.shape)
        if groups is None:
            places = self._packed.views(self.gradient)
            groups = self._groups[inputs.shape] = [
                Group(seeds, self.model.members(seeds), tuple(place[seeds] for place in places))
                for seeds in self.bounds(inputs, GROUP_STATE)
            ]
        for group in groups:
            group.model.train(self.model.training)
        return groups

    def _map(self, work: Callable[[Any], Tensor], items: list[Any]) -> list[Tensor]:
        """Does the work for each item, in as many threads as there are workers."""
        if self.workers == 1 or len(items) == 1:
            return [work(item) for item in items]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.workers, "seqexp", initializer=torch.set_num_threads, initargs=(1,))
        inference, grad = torch.is_inference_mode_enabled(), torch.is_grad_enabled()

        def in_thread(item: Any) -> Tensor:  # a thread starts with torch's own modes
            with torch.inference_mode(inference), torch.set_grad_enabled(grad and not inference):
                return work(item)

        return list(self._pool.map(in_thread, items))
