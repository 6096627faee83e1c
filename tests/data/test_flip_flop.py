"""Flip-flops: each bit is its last pulse, and what who forgets it scores."""

from __future__ import annotations

import inspect
import re

import pytest
import torch

from seqexp import baselines
from seqexp.data.flip_flop import FlipFlop
from seqexp.data.module import PopulationData
from seqexp.data.split import Split
from seqexp.seeding import generator


@pytest.mark.parametrize(("pulse", "asked"), [(0.5, None), (0.1, 40), (0.0, None), (1.0, None)])
def test_each_bit_is_the_last_pulse_of_its_channel(pulse: float, asked: int | None) -> None:
    made = FlipFlop(150, 20, 3, pulse).sample(generator(0, "data"), 150, asked)
    inputs, targets, weight, lengths, best = made[:5]
    assert inputs.shape == (150, asked or 20, 3)
    assert (weight, lengths) == (None, None)
    assert best is targets
    last = torch.zeros(150, 3)
    for pulses, bits in zip(inputs.unbind(1), targets.unbind(1), strict=True):
        last = torch.where(pulses != 0, pulses, last)
        assert torch.equal(bits, last)
    assert set(inputs[:, 0].flatten().tolist()) == {-1.0, 1.0}
    assert inputs[:, 1:].abs().mean().item() == pytest.approx(pulse, abs=0.02)


def test_all_states_are_as_frequent() -> None:
    targets = FlipFlop(500, 64, 3, 0.5).sample(generator(0, "data"), 500, None).targets
    states = ((targets > 0).long() * torch.tensor([1, 2, 4])).sum(2)
    assert (torch.bincount(states.flatten(), minlength=8) / 4000 - 1).abs().max() < 0.1


def test_the_docstring_shows_such_bits() -> None:
    text = inspect.getdoc(FlipFlop) or ""
    block = text[text.index("inputs ") :].split("\n\n")[0]
    rows = [[float(each) for each in re.findall(r"(?<![\w])[+-]?[01]\b", line)] for line in block.splitlines()]
    for pulses, bits in zip(rows[:2], rows[2:], strict=True):
        last = 0.0
        for pulse, bit in zip(pulses, bits, strict=True):
            last = pulse or last
            assert bit == last


@pytest.mark.parametrize("pulse", [0.5, 0.1])
def test_guesses_score_what_the_docstring_says(pulse: float) -> None:
    T = 20
    data = PopulationData(lambda changes: FlipFlop(1200, T, 2, pulse), range(2), None, 0.5, 0.1, 0.4)
    data.make()
    test = data.splits["test"]
    guesses = baselines.guess(data.task, data.splits["train"], test)
    mse = baselines.score(guesses, test, data.task.score)
    for name, score in {"constant": 1, "linear": (1 - pulse) * (1 - 1 / T), "noise": 0}.items():
        assert mse[name] is not None
        assert mse[name].tolist() == pytest.approx([score] * 2, abs=0.02)  # type: ignore[union-attr]


def test_it_is_solved_when_all_signs_are_right() -> None:
    task = FlipFlop(4, 5, 2, 0.5)
    made = task.sample(generator(0, "data"), 4, None)
    batch = Split(*(each[None].repeat(3, 1, 1, 1) for each in made[:2]))
    prediction = 0.1 * batch.targets
    prediction[1, 2, 3, 1] *= -1
    prediction[2, 0, 0, 0] = 0  # no sign
    assert task.solved(prediction, batch).tolist() == [True, False, False]
    assert task.score.shown(prediction, batch.targets, None)["bit_accuracy"].tolist() == pytest.approx(
        [1, 39 / 40, 39 / 40]
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ((0, 5, 2, 0.5), "num_sequences must be >= 1, got 0"),
        ((5, 0, 2, 0.5), "length must be >= 1, got 0"),
        ((5, 5, 0, 0.5), "bits must be >= 1, got 0"),
        ((5, 5, 2, 1.5), "pulse must be between 0 and 1, got 1.5"),
    ],
)
def test_wrong_settings_are_refused(settings: tuple[int, int, int, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FlipFlop(*settings)
