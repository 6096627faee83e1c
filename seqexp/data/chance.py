"""Whether a sample is a function of its generator; and digests, by which equal numbers are known."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from seqexp.data.check import name_of
from seqexp.data.task import Sequences, Task


def check_chance(task: Task, seed: int, sample: Sequences, again: Callable[[], Sequences]) -> None:
    """Checks that a sample is a function of the generator that the task was given.

    Args:
        task: made the sample.
        seed: for that seed.
        sample: as it was made.
        again: makes it once more, by a new task. Meanwhile torch's, NumPy's and Python's global generators are in
            other states.

    Raises:
        ValueError: the two differ.
    """
    before = digest(*sample)  # at once: the task may use its memory again
    with _other_chance():
        after = digest(*again())
    if before != after:
        raise ValueError(
            f"{name_of(task)}.sample must draw from the generator that it is given and from nothing else, and its "
            f"constructor must draw nothing: the sample of seed {seed} differs between two tasks of the same settings. "
            "torch's functions take generator=generator; for NumPy, take "
            "np.random.default_rng(generator.initial_seed())"
        )


@contextmanager
def _other_chance() -> Iterator[None]:
    """Moves the global generators on for a while: then no draw of theirs is the one that it would have been."""
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    torch.rand(1), np.random.random_sample(), random.random()
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])
        random.setstate(states[2])


def digest(*tensors: Tensor | None) -> str:
    """Hash of the values, shapes and dtypes of some tensors on the CPU, in this order."""
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(b"None" if tensor is None else f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        if tensor is not None:
            found.update(tensor.contiguous().numpy().data)
    return found.hexdigest()[:32]
