"""One stream for each seed and purpose, and nothing global."""

from __future__ import annotations

import itertools
import zlib

import numpy as np
import torch

from seqexp.seeding import generator, generators

PURPOSES = ("data", "split", "shuffle", "model")


def draw(seed: int, purpose: str, count: int = 8) -> torch.Tensor:
    return torch.rand(count, generator=generator(seed, purpose), dtype=torch.float64)  # type: ignore[arg-type]


def test_the_same_seed_and_purpose_give_the_same_numbers() -> None:
    for purpose in PURPOSES:
        assert torch.equal(draw(3, purpose), draw(3, purpose))


def test_no_two_streams_are_alike() -> None:
    streams = [draw(seed, purpose) for seed, purpose in itertools.product((0, 1, 2, 2**32, 2**40), PURPOSES)]
    for one, other in itertools.combinations(streams, 2):
        assert not torch.isclose(one, other).any()


def test_streams_of_neighbouring_seeds_and_of_purposes_are_uncorrelated() -> None:
    streams = [draw(seed, purpose, 20_000) for seed in (0, 1) for purpose in PURPOSES]
    off_diagonal = np.corrcoef(torch.stack(streams).numpy()) - np.eye(len(streams))
    assert np.abs(off_diagonal).max() < 5 / np.sqrt(20_000)


def test_a_generator_starts_from_the_words_that_numpy_derives() -> None:
    for seed, purpose in itertools.product((0, 7), PURPOSES):
        (state,) = np.random.SeedSequence([seed, zlib.crc32(purpose.encode())]).generate_state(1, np.uint64)
        assert generator(seed, purpose).initial_seed() == int(state) >> 1  # type: ignore[arg-type]


def test_nothing_global_is_touched() -> None:
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()
    draw(0, "data")
    assert torch.equal(torch_before, torch.get_rng_state())
    np.testing.assert_array_equal(numpy_before[1], np.random.get_state()[1])  # type: ignore[index]


def test_many_generators_are_those_that_are_made_one_by_one() -> None:
    purposes = [f"stream {step}" for step in range(5)]
    for seeds in ([0], [7, 2**32 - 1, 12345], [1, 2**40]):
        for row, purpose in zip(generators(seeds, purposes), purposes, strict=True):
            for seed, made in zip(seeds, row, strict=True):
                assert made.initial_seed() == generator(seed, purpose).initial_seed()
