"""Parity: bits, lengths, and that nothing short of all of a sequence says anything of its class."""

from __future__ import annotations

import inspect
import math
import re

import pytest
import torch

from seqexp import baselines
from seqexp.data.module import PopulationData
from seqexp.data.parity import Parity
from seqexp.data.split import Split
from seqexp.score import CrossEntropy, ErrorRate
from seqexp.seeding import generator


def test_the_class_is_whether_the_ones_are_odd_and_what_follows_the_end_is_zero() -> None:
    made = Parity(3000, 2, 7).sample(generator(0, "data"), 3000, None)
    assert made.lengths is not None
    for bits, length, target in zip(made.inputs[..., 0].tolist(), made.lengths.tolist(), made.targets, strict=True):
        assert set(bits) <= {0.0, 1.0}
        odd = False
        for bit in bits[:length]:
            odd ^= bit == 1.0
        assert target == odd
        assert not any(bits[length:])
    counts = torch.bincount(made.lengths, minlength=9)
    assert counts[:2].tolist() == [0, 0]
    assert (counts[2:8] / 500 - 1).abs().max() < 0.2  # all lengths as frequent
    inside = torch.arange(7) < made.lengths[:, None]
    assert made.inputs[..., 0][inside].mean().item() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("length", [3, 12])
def test_at_a_length_all_sequences_have_it(length: int) -> None:
    made = Parity(50, 1, 6).sample(generator(0, "data"), 50, length)
    assert made.inputs.shape == (50, length, 1)
    assert made.lengths is not None
    assert made.lengths.tolist() == [length] * 50
    assert made.inputs[:, -1].mean() > 0.2  # the last bit is one like the others


def test_the_docstring_shows_such_sequences() -> None:
    shown = re.findall(r"inputs +\[([01 ]+)\] +target (\d)", inspect.getdoc(Parity) or "")
    assert [sum(map(int, bits.split())) % 2 for bits, _ in shown] == [int(target) for _, target in shown] == [1, 0]


def test_guesses_score_what_the_docstring_says() -> None:
    data = PopulationData(lambda changes: Parity(4000, 3, 8), range(2), None, 0.5, 0.1, 0.4, test_lengths=[13])
    data.make()
    train = data.splits["train"]
    for test in (data.splits["test"], data.evaluations["test@13"]):
        guesses = baselines.guess(data.task, train, test)
        nats, wrong = (baselines.score(guesses, test, score) for score in (CrossEntropy("nats"), ErrorRate()))
        assert nats["constant"] is not None
        assert wrong["constant"] is not None
        assert nats["constant"].tolist() == pytest.approx([math.log(2)] * 2, abs=0.005)
        assert wrong["constant"].tolist() == pytest.approx([0.5] * 2, abs=0.05)


def test_it_is_solved_when_every_class_is_right() -> None:
    task = Parity(5, 1, 4)
    made = task.sample(generator(0, "data"), 5, None)
    batch = Split(*(None if each is None else each[None].expand(2, *each.shape) for each in made))
    logits = torch.nn.functional.one_hot(batch.targets, 2).float()
    logits[1, 4] = logits[1, 4].flip(0)
    assert task.solved(logits, batch).tolist() == [True, False]


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="num_sequences must be >= 1, got 0"):
        Parity(0, 1, 4)
    for shortest in (0, 5):
        with pytest.raises(ValueError, match=rf"shortest must be >= 1 and <= length \(4\), got {shortest}"):
            Parity(5, shortest, 4)
