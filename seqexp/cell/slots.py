"""Many copies of one module at once: vectorised in slots of a fixed number of seeds, or one seed after another.

Bits. A vectorised operation rounds by what it is given: where a seed's numbers lie, and how many lie beside them. So
that a seed has the same numbers whatever stands beside it, seed k is always computed in slot k mod `SLOTS` of exactly
`SLOTS` seeds. Slots whose seeds are missing are filled with copies, of which nothing is used. How many threads share an
operation changes its rounding, too, so that one thread computes; several threads take other seeds each.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Generator, Tensor
from torch.func import vmap

from seqexp.cell.rewritten import Rewritten, drawing_from

SLOTS = 5
"""Divides most populations: a slot that is empty costs as much as a full one, and few slots save little."""

One = Callable[[Sequence[Tensor], Tensor], Tensor]
"""Runs one member: its tensors and its sequences (B, T, I), to its output."""

_drawing = threading.Lock()
"""Held while torch's own generator has the state of some seed's."""


def in_slots(
    one: One, tensors: Sequence[Tensor], x: Tensor, first: int, generators: Sequence[Generator], rewritten: bool
) -> Tensor:
    """Runs all members, `SLOTS` at a time.

    Args:
        one: runs a member.
        tensors: (S, ...) each.
        x: (S, B, T, I).
        first: the seed of the first member, which decides on its slot.
        generators: what each member's dropout draws from; empty where nothing draws.
        rewritten: whether some operations are computed by others.

    Returns:
        (S, ...).
    """
    parts = []
    for seeds, before, after in _slots(len(x), first):
        given = tuple(_filled(each[seeds], before, after) for each in tensors)
        drawing = drawing_from([*[None] * before, *generators[seeds], *[None] * after] if generators else ())
        with Rewritten() if rewritten else contextlib.nullcontext(), drawing:
            output = vmap(one)(given, _filled(x[seeds], before, after))
        parts.append(output[before : SLOTS - after])
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _slots(num_seeds: int, first: int) -> Iterator[tuple[slice, int, int]]:
    """Yields which members are next, and how many slots before and after them are empty."""
    start = 0
    while start < num_seeds:
        before = (first + start) % SLOTS
        stop = min(start + SLOTS - before, num_seeds)
        yield slice(start, stop), before, SLOTS - before - (stop - start)
        start = stop


def _filled(values: Tensor, before: int, after: int) -> Tensor:
    """Some members' values with copies in the slots before and after them; no gradient goes to a copy."""
    if not before and not after:
        return values
    fill = values.detach()
    shape = values.shape[1:]
    return torch.cat([fill[:1].expand(before, *shape), values, fill[-1:].expand(after, *shape)])


def in_turn(one: One, tensors: Sequence[Tensor], x: Tensor, generators: Sequence[Generator]) -> Tensor:
    """Runs all members, one after another.

    Args:
        one: runs a member.
        tensors: (S, ...) each.
        x: (S, B, T, I).
        generators: what each member draws from as it runs; empty where none draws.

    Returns:
        (S, ...).
    """
    found = []
    for index, sequences in enumerate(x):
        with _drawn_from(generators[index], x.device) if generators else contextlib.nullcontext():
            found.append(one([each[index] for each in tensors], sequences))
    return torch.stack(found)


@contextlib.contextmanager
def _drawn_from(generator: Generator, device: torch.device) -> Iterator[None]:
    """Lets torch's own generators, of the processor and of a GPU, go on from a seed's; they are put back afterwards."""
    others = [device] if device.type == "cuda" else []
    with _drawing, torch.random.fork_rng(devices=others):
        if others:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        torch.set_rng_state(generator.get_state())
        yield
        generator.set_state(torch.get_rng_state())
