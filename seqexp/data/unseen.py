"""Which windows of another recording, or of the same one cut otherwise, nobody was trained or selected on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seqexp.data.split import Split


class Laid(NamedTuple):
    """Where the sequences of a task lie in its recording.

    Attributes:
        values: (L, C), what each row holds of what is predicted.
        starts: (N,) the row at which each sequence begins, in the order in which they are split.
        targets: (K,) how many rows after it the targets are, rising.
    """

    values: Tensor
    starts: Tensor
    targets: Tensor


def unseen(
    split: Split, learnt: Sequence[Split], laid: Iterable[tuple[Laid | None, Laid | None, list[slice]]]
) -> Split:
    """The sequences of an evaluation whose targets lie in no row that a seed was trained or selected on.

    Args:
        split: of the evaluation.
        learnt: the training and validation splits; their sequences may be longer or shorter.
        laid: for each seed where the sequences of training lie, where those of the evaluation do, and which of the
            first were learnt from. Where a task does not say so, sequences are compared by what they hold.

    Raises:
        ValueError: there are none.
    """
    count = split.num_sequences
    is_new = torch.ones(count, dtype=torch.bool)
    what = "windows" if split.lengths is None else "sequences"
    for known, other, places in laid:
        if known is None or other is None:
            is_new &= _others(split, learnt)
        else:
            is_new &= ~_seen(known, places, other)
    if not is_new.any():
        raise ValueError(f"all of its {count} {what} were trained or selected on; none is left to test")
    return split.map(lambda each: each[:, is_new])


def _seen(known: Laid, learnt: list[slice], other: Laid) -> Tensor:
    """Which sequences (N,) have a target in a row that was learnt from, read or predicted."""
    held = torch.zeros(len(known.values), dtype=torch.bool)
    for places in learnt:
        for offset in range(int(known.targets[-1]) + 1):
            held[known.starts[places] + offset] = True
    if torch.equal(known.values, other.values):
        return held[other.starts[:, None] + other.targets].any(1)
    rows = int(other.targets[-1]) + 1  # of a sequence and its targets
    if len(known.values) < rows or known.values.shape[1] != other.values.shape[1]:
        return torch.zeros(len(other.starts), dtype=torch.bool)
    # Another file may hold rows of this one, at other places.
    first = held.unfold(0, rows, 1)[:, other.targets].any(1).nonzero()[:, 0]
    there = {_held(known.values, int(start), rows) for start in first}
    return torch.tensor([_held(other.values, int(start), rows) in there for start in other.starts])


def _held(values: Tensor, start: int, rows: int) -> int:
    return hash(values[start : start + rows].numpy().tobytes())


def _others(split: Split, learnt: Sequence[Split]) -> Tensor:
    """Which sequences (N,) are none that was learnt from, by their targets and their last steps, or all where they have
    lengths of their own.
    """
    every = (split, *learnt)
    steps = None if any(each.lengths is not None for each in every) else min(each.steps for each in every)
    known = {pair for each in learnt for pair in _pairs(each, steps)}
    pairs, count = _pairs(split, steps), split.num_sequences
    return torch.tensor([known.isdisjoint(pairs[place::count]) for place in range(count)])


def _pairs(split: Split, steps: int | None) -> list[tuple[bytes, bytes]]:
    """Each sequence's last steps, or all, and its target, S * N of them."""
    if steps is None:
        seeds, count = split.targets.shape[:2]
        lengths = torch.full((seeds, count), split.steps) if split.lengths is None else split.lengths
        rows = zip(split.inputs.flatten(0, 1), split.targets.flatten(0, 1), lengths.flatten().tolist(), strict=True)
        return [(inputs[:length].numpy().tobytes(), target.numpy().tobytes()) for inputs, target, length in rows]
    both = [each.flatten(0, 1).contiguous().numpy() for each in (split.inputs[:, :, -steps:], split.targets)]
    return [(inputs.tobytes(), target.tobytes()) for inputs, target in zip(*both, strict=True)]
