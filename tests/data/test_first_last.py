"""First and last: that only the first symbol says the last one, and what who forgets it scores."""

from __future__ import annotations

import inspect
import math
import re
from typing import Any, Literal

import pytest
import torch

from seqexp import baselines
from seqexp.data.first_last import FirstLast
from seqexp.data.module import PopulationData
from seqexp.data.split import Split
from seqexp.seeding import generator

Between = Literal["fixed", "random"]
each_kind = pytest.mark.parametrize("between", ["fixed", "random"])


@each_kind
def test_the_last_symbol_is_the_first_and_the_others_are_between(between: Between) -> None:
    p = 6
    made = FirstLast(800, p, between).sample(generator(0, "data"), 800, None)
    assert (made.inputs.sum(2) == 1).all()
    symbols = torch.cat([made.inputs.argmax(2), made.targets[:, -1:]], 1)
    assert torch.equal(symbols[:, 1:], made.targets)
    assert symbols.shape == (800, p + 1)
    assert torch.equal(symbols[:, 0], symbols[:, -1])
    assert torch.bincount(symbols[:, 0]).tolist()[: p - 1] == [0] * (p - 1)
    assert (symbols[:, 0] == p).float().mean().item() == pytest.approx(0.5, abs=0.06)
    middle = symbols[:, 1:-1]
    if between == "fixed":
        assert middle.unique(dim=0).tolist() == [list(range(p - 1))]
    else:
        assert (torch.bincount(middle.flatten()) / 800 - 1).abs().max() < 0.15
        assert len(middle.unique(dim=0)) > 500


def test_the_docstring_shows_both_sequences() -> None:
    found = re.search(r"inputs +(.*?) +inputs +(.*)\n +targets +(.*?) +targets +(.*)", inspect.getdoc(FirstLast) or "")
    assert found is not None
    for inputs, targets in ((found[1], found[3]), (found[2], found[4])):
        assert inputs.split()[1:] == targets.split()[:-1] == ["a", "b", "c"]
        assert inputs.split()[0] == targets.split()[-1]


@each_kind
def test_guesses_score_what_the_docstring_says(between: Between) -> None:
    p = 8
    data = PopulationData(lambda changes: FirstLast(1500, p, between), range(2), None, 0.5, 0.1, 0.4)
    data.make()
    test = data.splits["test"]
    guesses = baselines.guess(data.task, data.splits["train"], test)
    nats = baselines.score(guesses, test, data.task.score)
    shares = [1 / p] * (p - 1) + [1 / (2 * p)] * 2
    noise = 0.0 if between == "fixed" else (p - 1) * math.log(p - 1) / p
    expected = {
        "constant": -sum(share * math.log(share) for share in shares),
        "noise": noise,
        "memoryless": noise + math.log(2) / p,
    }
    for name, score in expected.items():
        assert nats[name] is not None
        assert nats[name].tolist() == pytest.approx([score] * 2, abs=0.01)  # type: ignore[union-attr]
    assert nats["logistic"] is not None
    assert (nats["logistic"] > expected["memoryless"] - 0.01).all()
    memoryless = guesses["memoryless"]
    assert isinstance(memoryless, torch.Tensor)
    shown = data.task.score.shown(memoryless.expand(-1, test.num_sequences, -1, -1), test.targets, None)
    assert shown["last_accuracy"].tolist() == pytest.approx([0.5] * 2, abs=0.1)


@each_kind
def test_it_is_solved_when_probabilities_are_within_a_quarter(between: Between) -> None:
    task = FirstLast(4, 5, between)
    made = task.sample(generator(0, "data"), 4, None)
    batch = Split(*(each[None].repeat(3, *[1] * (each.dim())) for each in made[:2]))
    right = torch.nn.functional.one_hot(batch.targets, 6).float()
    logits = right * math.log(0.76 / 0.24 * 5)  # 0.76 for the right symbol
    logits[1, 2, -1] *= 0.9
    logits[2, 2, 1] *= 0.9
    assert task.solved(logits, batch).tolist() == [True, False, between == "random"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ((0, 5, "fixed"), "num_sequences must be >= 1, got 0"),
        ((5, 1, "fixed"), "lag must be >= 2, got 1"),
        ((5, 5, "some"), "between must be 'fixed' or 'random', got 'some'"),
    ],
)
def test_wrong_settings_are_refused(settings: tuple[Any, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FirstLast(*settings)
