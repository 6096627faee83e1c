"""Batches that are drawn anew for every step, so that no sequence is seen twice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor

from seqexp.data.drawn import Drawn
from seqexp.data.sampling import masked, put, room
from seqexp.data.split import Split
from seqexp.data.task import Sequences, Task
from seqexp.seeding import generator, generators

MOST_AHEAD, NUMBERS_AHEAD = 8, 2**19
"""How many batches are made at once, and how many numbers they have together, at most."""


class Stream:
    """An iterable of fresh batches: those of step n are a function of the seeds and of n alone.

    Args:
        make_batches: called with the numbers of some steps, from 0 on; makes their batches for all seeds, in order.
        steps: batches of one pass.
        numbers: how many a batch has, about; small ones are made some at a time, which is faster.
        device: where they are wanted.

    Attributes:
        passes: passes that have begun; all of its state.
    """

    def __init__(
        self, make_batches: Callable[[range], Iterable[Split]], steps: int, numbers: int, device: torch.device
    ) -> None:
        self.make_batches = make_batches
        self.steps = steps
        self.ahead = max(1, min(MOST_AHEAD, NUMBERS_AHEAD // max(numbers, 1)))
        self.device = device
        self.passes = 0

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Split]:
        steps = range(self.passes * self.steps, (self.passes + 1) * self.steps)
        self.passes += 1
        for start in range(0, self.steps, self.ahead):
            for batch in self.make_batches(steps[start : start + self.ahead]):
                yield batch.to(self.device)


def draw_again(task: Task, seeds: Sequence[int], purposes: Sequence[str], known: Sequences) -> list[Split] | None:
    """Makes sequences for every seed like others that were checked one by one; looks at their numbers all at once.

    To check each seed's by itself, as `sample` does, takes as long as to draw them.

    Args:
        task: makes them.
        seeds: for these seeds.
        purposes: what they are for, each another batch.
        known: such sequences of one seed, checked, with weights where some are padded.

    Returns:
        What `sample` makes for each purpose, stacked, without `best`; None where something is not as it should be:
        `sample` then says what it is.
    """
    try:
        if isinstance(task, Drawn) and type(task).sample is Drawn.sample:  # a class of one's own may change it
            return _arranged(task, seeds, purposes, known)
        found = [_drawn(task, seeds, purpose, known) for purpose in purposes]
    except (MemoryError, RuntimeError, ValueError):
        return None
    whole = [each for each in found if each is not None]
    return whole if len(whole) == len(found) else None


def _drawn(task: Task, seeds: Sequence[int], purpose: str, known: Sequences) -> Split | None:
    """One batch of a task that makes each seed's sequences by themselves."""
    split = room(known._replace(best=None, past=None), len(seeds), len(known.inputs))
    for index, seed in enumerate(seeds):
        if index and seed == seeds[0]:
            split.map(lambda each, index=index: each[index].copy_(each[0]))  # type: ignore[misc]
            continue
        found = task.sample(generator(seed, purpose), len(known.inputs), None)
        if not _alike(found, known, 1):
            return None
        put(split, index, masked(task, found), 0, len(known.inputs))
    return split if _in_range(task, split) else None


def _arranged(task: Drawn, seeds: Sequence[int], purposes: Sequence[str], known: Sequences) -> list[Split] | None:
    """All batches of a task that makes the sequences of any number of seeds in one go."""
    count, each_once = len(known.inputs), list(dict.fromkeys(seeds))
    sources = [source for row in generators(each_once, purposes) for source in row]
    drawn = [task.draw(source, count, None) for source in sources]
    found = task.arrange([torch.cat(parts) for parts in zip(*drawn, strict=True)], None)
    if not _alike(found, known, len(drawn)):
        return None
    rest = masked(task, found)._replace(best=None, past=None)
    split = Split._make(None if each is None else each.unflatten(0, (-1, count)) for each in rest)
    if not _in_range(task, split):
        return None
    places = slice(None) if len(each_once) == len(seeds) else [each_once.index(seed) for seed in seeds]
    starts = range(0, len(drawn), len(each_once))
    return [split.map(lambda each, k=k: each[k : k + len(each_once)][places]) for k in starts]  # type: ignore[misc]


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


def check_stream(task: Task, fresh: bool, steps_per_epoch: int | None) -> None:
    """Refuses settings of a stream that this task cannot have.

    Raises:
        ValueError: which one, and why.
    """
    if fresh and task.fixed:
        raise ValueError("fresh must be false: this task has one data set, and no new sequences can be drawn")
    if fresh and task.chronological:
        raise ValueError("fresh must be false for a series: it is one recording, of which no new windows can be drawn")
    if steps_per_epoch is not None and not fresh:
        raise ValueError(f"steps_per_epoch must be null unless fresh is true, got {steps_per_epoch}")
    if steps_per_epoch is not None and steps_per_epoch < 1:
        raise ValueError(f"steps_per_epoch must be >= 1, or null, got {steps_per_epoch}")
