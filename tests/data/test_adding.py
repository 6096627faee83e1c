"""The adding problem: its sums, its markers, and what the guesses of its docstring score."""

from __future__ import annotations

import inspect
import re
from typing import Any, Literal

import pytest
import torch

from seqexp import baselines
from seqexp.data.adding import Adding
from seqexp.data.module import PopulationData
from seqexp.data.split import Split
from seqexp.data.task import Sequences
from seqexp.seeding import generator

Markers = Literal["halves", "anywhere"]
each_kind = pytest.mark.parametrize("markers", ["halves", "anywhere"])


def sample(count: int, length: int, markers: Markers, asked: int | None = None) -> Sequences:
    return Adding(count, length, markers).sample(generator(0, "data"), count, asked)


@each_kind
@pytest.mark.parametrize(("length", "asked"), [(8, None), (7, None), (2, None), (8, 13)])
def test_the_target_is_the_sum_of_the_two_marked_values(markers: Markers, length: int, asked: int | None) -> None:
    made = sample(500, length, markers, asked)
    steps = asked or length
    for (values, marks), target in zip(made.inputs.transpose(1, 2), made.targets, strict=True):
        places = marks.nonzero().flatten().tolist()
        assert len(places) == 2
        assert set(marks.tolist()) <= {0.0, 1.0}
        assert target.item() == values[places[0]] + values[places[1]]
        if markers == "halves":
            assert places[0] < steps // 2 <= places[1]
    firsts = made.inputs[:, : steps // 2, 1].sum(1)
    if markers == "anywhere" and steps > 3:
        assert set(firsts.tolist()) == {0.0, 1.0, 2.0}
    assert (made.inputs[..., 1].sum(0) > 0).all()  # each step is marked in some sequence
    assert made.best is made.targets
    assert 0 <= made.inputs[..., 0].min() < 0.01 < 0.99 < made.inputs[..., 0].max() < 1


def test_the_docstring_shows_such_a_sum() -> None:
    text = inspect.getdoc(Adding) or ""
    values, markers = (
        [float(each) for each in re.findall(r"[\d.]+", line)] for line in re.findall(r"\[(.*?)\]", text)[:2]
    )
    said = re.search(r"target ([\d.]+) \+ ([\d.]+) = ([\d.]+)", text)
    assert said is not None
    marked = [value for value, mark in zip(values, markers, strict=True) if mark]
    assert [float(each) for each in said.groups()] == [*marked, sum(marked)]


@each_kind
def test_guesses_score_what_the_docstring_says(markers: Markers) -> None:
    T, N = 6, 200_000
    made = sample(N, T, markers)
    values, marks = made.inputs.double().unbind(2)
    target = made.targets.double()[:, 0]
    first = values.gather(1, marks.argmax(1, keepdim=True))[:, 0]
    expected = {
        "constant": (target - 1, 1 / 6),
        "blind": (target - 2 / T * values.sum(1), 1 / 6 - 1 / (3 * T)),
        "one marker": (target - (first + 0.5), 1 / 12),
    }
    for name, (error, score) in expected.items():
        squared = error.square()
        assert squared.mean().item() == pytest.approx(score, abs=4 * squared.std().item() / N**0.5), name
    assert 4 * squared.std().item() / N**0.5 < 0.001  # far less than they differ by


def test_it_is_solved_below_a_hundredth() -> None:
    task = Adding(4, 5, "halves")
    made = task.sample(generator(0, "data"), 4, None)
    batch = Split(*(each[None].expand(3, *each.shape) for each in made[:2]))
    off = torch.tensor([0.0, 0.2, 0.0, 0.0])[:, None]  # 0.04 in one of four is 0.01
    prediction = torch.stack([made.targets + 0.99 * off, made.targets + 1.01 * off, made.targets + 0.099])
    assert task.solved(prediction, batch).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ((0, 5, "halves"), "num_sequences must be >= 1, got 0"),
        ((5, 1, "halves"), "length must be >= 2, got 1"),
        ((5, 5, "thirds"), "markers must be 'halves' or 'anywhere', got 'thirds'"),
    ],
)
def test_wrong_settings_are_refused(settings: tuple[Any, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Adding(*settings)
    with pytest.raises(ValueError, match="length must be >= 2, got 1"):
        Adding(5, 5, "halves").sample(generator(0, "data"), 5, 1)


@each_kind
def test_the_plateaus_are_guesses_of_the_task(markers: Markers) -> None:
    T = 10
    data = PopulationData(lambda changes: Adding(20_000, T, markers), range(2), None, 0.05, 0.05, 0.9)
    data.make()
    test = data.splits["test"]
    mse = baselines.score(baselines.guess(data.task, data.splits["train"], test), test, data.task.score)
    for name, score in {"constant": 1 / 6, "blind": 1 / 6 - 1 / (3 * T), "one_marker": 1 / 12, "noise": 0}.items():
        assert mse[name] is not None
        assert mse[name].tolist() == pytest.approx([score] * 2, abs=0.004)  # type: ignore[union-attr]
