"""Tasks that draw first and arrange then: the same bits for one seed and for many, in a stream as by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pytest
import torch
from torch import Tensor

from seqexp.data.adding import Adding
from seqexp.data.anbn import AnBn
from seqexp.data.anbncn import AnBnCn
from seqexp.data.copy import Copy
from seqexp.data.delay import Delay
from seqexp.data.drawn import Drawn
from seqexp.data.embedded_reber import EmbeddedReber
from seqexp.data.first_last import FirstLast
from seqexp.data.flip_flop import FlipFlop
from seqexp.data.parity import Parity
from seqexp.data.reber import Reber
from seqexp.data.sampling import masked, sample
from seqexp.data.stream import draw_again
from seqexp.data.task import Sequences
from seqexp.seeding import generator

TASKS = (
    Adding(20, 9, "halves"),
    Adding(20, 9, "anywhere"),
    Copy(20, 3),
    Delay(20, 12, 5),
    FirstLast(20, 4, "fixed"),
    FirstLast(20, 4, "random"),
    FlipFlop(20, 9, 2, 0.5),
    Parity(20, 1, 9),
    AnBn(20, 7),
    AnBnCn(20, 5),
    Reber(20, 12),
    EmbeddedReber(20, 14),
)


@pytest.mark.parametrize("task", TASKS, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("seeds", [(3, 4, 5), (7, 7, 7)], ids=str)
def test_a_stream_has_the_bits_of_each_seed_alone(task: Drawn, seeds: tuple[int, ...]) -> None:
    known = sample(task, seeds[0], "stream 1", 33, None)
    batches = draw_again(task, seeds, ["stream 2", "stream 3"], known)
    assert batches is not None
    for (step, split), (index, seed) in product(zip((2, 3), batches, strict=True), enumerate(seeds)):
        alone = masked(task, task.sample(generator(seed, f"stream {step}"), 33, None))._replace(best=None)
        for one, other in zip(split, alone, strict=True):
            assert (one is None) == (other is None)
            assert one is None or other is None or (torch.equal(one[index], other) and one[index].is_contiguous())


class Twice(Adding):
    """A class of a user's own, which changes what was made."""

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        found = super().sample(generator, count, length)
        return found._replace(targets=2 * found.targets)


def test_a_sample_that_a_derived_class_changes_is_what_is_streamed() -> None:
    task = Twice(20, 9, "halves")
    batches = draw_again(task, (0, 1), ["stream 2"], sample(task, 0, "stream 1", 4, None))
    assert batches is not None
    assert torch.equal(batches[0].targets[1], task.sample(generator(1, "stream 2"), 4, None).targets)


class Uneven(Adding):
    """Makes another number of sequences than was drawn."""

    def arrange(self, drawn: Sequence[Tensor], length: int | None) -> Sequences:
        found = super().arrange(drawn, length)
        return found._replace(inputs=found.inputs[1:])


def test_a_wrong_number_of_sequences_is_left_to_be_told() -> None:
    known = sample(Adding(20, 9, "halves"), 0, "stream 1", 4, None)
    assert draw_again(Uneven(20, 9, "halves"), (0, 1), ["stream 2"], known) is None
