"""Where randomness comes from: one generator for each seed and purpose, and no global state."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import torch


def generator(seed: int, purpose: str) -> torch.Generator:
    """Makes the CPU generator that one seed uses for one purpose.

    Streams of different purposes are independent, so that two cells with the same seed see the same data
    in the same order, however many numbers their initialisation draws.

    Args:
        seed: the population member's own seed, >= 0.
        purpose: what the numbers are for: "data", "split", "shuffle", "model", the step of a stream, an evaluation.

    Returns:
        A freshly seeded generator.
    """
    state = np.random.SeedSequence([seed, zlib.crc32(purpose.encode())]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]) >> 1)


def drawn_from(seeds: Sequence[int], fixed: int | None) -> Sequence[int]:
    """The seed that each member of a population gives `generator` for one source of randomness.

    Args:
        seeds: the S members' own.
        fixed: one seed for all of them; None: each its own.

    Returns:
        S seeds.
    """
    return seeds if fixed is None else [fixed] * len(seeds)
