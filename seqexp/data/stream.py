"""Batches that are drawn anew for every step, so that no sequence is seen twice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from seqexp.data.drawn import Drawn
from seqexp.data.sampling import masked, put, room
from seqexp.data.split import Split
from seqexp.data.task import Sequences, Task
from seqexp.seeding import generator


class Stream:
    """An iterable of fresh batches: those of step n are a function of the seeds and of n alone.

    Args:
        make_batch: called with the number of a step, from 0 on; makes that step's batch for all seeds.
        steps: batches of one pass.
        device: where they are wanted.

    Attributes:
        passes: passes that have begun; all of its state.
    """

    def __init__(self, make_batch: Callable[[int], Split], steps: int, device: torch.device) -> None:
        self.make_batch = make_batch
        self.steps = steps
        self.device = device
        self.passes = 0

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Split]:
        start = self.passes * self.steps
        self.passes += 1
        for step in range(start, start + self.steps):
            yield self.make_batch(step).to(self.device)


def draw_again(task: Task, seeds: Sequence[int], purpose: str, known: Sequences) -> Split | None:
    """Makes sequences for every seed like others that were checked one by one; looks at their numbers all at once.

    To check each seed's by itself, as `sample` does, takes as long as to draw them.

    Args:
        task: makes them.
        seeds: for these seeds.
        purpose: what they are for.
        known: such sequences of one seed, checked, with weights where some are padded.

    Returns:
        What `sample` makes, stacked, without `best`; None where something is not as it should be: `sample` then says
        what it is.
    """
    try:
        if isinstance(task, Drawn) and type(task).sample is Drawn.sample:  # a class of one's own may change it
            return _arranged(task, seeds, purpose, known)
        split = room(known._replace(best=None), len(seeds), len(known.inputs))
        for index, seed in enumerate(seeds):
            if index and seed == seeds[0]:
                split.map(lambda each, index=index: each[index].copy_(each[0]))  # type: ignore[misc]
                continue
            found = task.sample(generator(seed, purpose), len(known.inputs), None)
            if not _alike(found, known, 1):
                return None
            put(split, index, masked(task, found), 0, len(known.inputs))
    except (MemoryError, RuntimeError, ValueError):
        return None
    return split if _in_range(task, split) else None


def _arranged(task: Drawn, seeds: Sequence[int], purpose: str, known: Sequences) -> Split | None:
    """The same of a task that makes the sequences of all seeds in one go."""
    count = len(known.inputs)
    drawn = {seed: task.draw(generator(seed, purpose), count, None) for seed in seeds}
    found = task.arrange([torch.cat(parts) for parts in zip(*drawn.values(), strict=True)], None)
    if not _alike(found, known, len(drawn)):
        return None
    rest = masked(task, found)._replace(best=None)
    split = Split._make(None if each is None else each.unflatten(0, (-1, count)) for each in rest)
    if len(drawn) < len(seeds):
        places = [list(drawn).index(seed) for seed in seeds]
        split = split.map(lambda each: each[places])
    return split if _in_range(task, split) else None


def _alike(found: Sequences, known: Sequences, times: int) -> bool:
    """Whether sequences have the kinds and shapes of others, so many times; padded ones may do without weights."""
    if type(found) is not Sequences:
        return False
    for name, one, other in zip(found._fields, found, known, strict=True):
        if one is None or other is None:
            if one is not other and not (name == "weight" and one is None and known.lengths is not None):
                return False
        elif (
            type(one) is not Tensor
            or one.dtype is not other.dtype
            or one.shape != (times * len(other), *other.shape[1:])
            or one.requires_grad
            or one.layout is not torch.strided
            or one.device != other.device
        ):
            return False
    return True


def _in_range(task: Task, split: Split) -> bool:
    """Whether all numbers are finite and in their ranges, and some step of each seed counts."""
    for name, tensor in split._asdict().items():
        if tensor is None:
            continue
        if tensor.is_floating_point():
            # A sum is finite only where all is. One that overflows is looked at more closely, which does no harm.
            if not math.isfinite(tensor.sum()):
                return False
            if name == "weight" and not ((tensor >= 0).all() and (tensor.flatten(1).sum(1) > 0).all()):
                return False
            continue
        low, high = (1, split.steps) if name == "lengths" else (0, getattr(task, name).count - 1)
        least, most = tensor.aminmax()
        if least < low or most > high:
            return False
    return True
