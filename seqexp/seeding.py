"""Where randomness comes from: one generator for each seed and purpose, and no global state."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

Words = npt.NDArray[np.uint32]


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


def generators(seeds: Sequence[int], purposes: Sequence[str]) -> list[list[torch.Generator]]:
    """Makes `generator(seed, purpose)` of each seed for each purpose, (purposes, seeds), many in a tenth of the time.

    Args:
        seeds: the population's.
        purposes: what the numbers are for.
    """
    if max(seeds) >= 2**32:  # which are more than one word of entropy
        return [[generator(seed, purpose) for seed in seeds] for purpose in purposes]
    words = np.array([zlib.crc32(purpose.encode()) for purpose in purposes], np.uint32)
    states = _states(np.tile(np.array(seeds, np.uint32), len(words)), words.repeat(len(seeds)))
    made = [torch.Generator().manual_seed(state >> 1) for state in states.tolist()]
    return [made[start : start + len(seeds)] for start in range(0, len(made), len(seeds))]


def _states(first: Words, second: Words) -> npt.NDArray[np.uint64]:
    """The first 64 bits of `np.random.SeedSequence([first, second])`, for each pair of words at once.

    NumPy's own, which takes them one by one, promises never to change; `tests/test_seeding.py` compares the two.
    """
    multiplier = 0x43B0D7E5

    def hashed(word: Words, factor: int) -> Words:
        nonlocal multiplier
        word = word ^ np.uint32(multiplier)
        multiplier = multiplier * factor % 2**32
        word = word * np.uint32(multiplier)
        return word ^ (word >> np.uint32(16))

    nothing = np.zeros_like(first)
    pool = [hashed(word, 0x931E8875) for word in (first, second, nothing, nothing)]
    for source, target in itertools.permutations(range(4), 2):
        mixed = pool[target] * np.uint32(0xCA01F9DD) - hashed(pool[source], 0x931E8875) * np.uint32(0x4973F715)
        pool[target] = mixed ^ (mixed >> np.uint32(16))
    multiplier = 0x8B51F9DD
    low, high = (hashed(word, 0x58F38DED).astype(np.uint64) for word in pool[:2])
    return low | high << np.uint64(32)


def drawn_from(seeds: Sequence[int], fixed: int | None) -> Sequence[int]:
    """The seed that each member of a population gives `generator` for one source of randomness.

    Args:
        seeds: the S members' own.
        fixed: one seed for all of them; None: each its own.

    Returns:
        S seeds.
    """
    return seeds if fixed is None else [fixed] * len(seeds)
