"""Several test periods of one recording: seed k has the (k mod folds)-th, and no two of them share a window."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from seqexp.data.module import PopulationData
from seqexp.data.shape import Values
from seqexp.data.sine import Sine
from seqexp.data.task import Sequences, Task

FRACTIONS = (0.7, 0.15, 0.15)


class Numbered(Task):
    """Sequence n holds the number n, whatever the seed."""

    inputs = targets = Values(1)
    fixed = True

    def __init__(self, count: int = 100, chronological: bool = True) -> None:
        self.num_sequences = count
        self.chronological = chronological  # type: ignore[misc]

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        numbers = torch.arange(self.num_sequences, dtype=torch.float32)
        return Sequences(numbers[:, None, None].expand(-1, 3, 1), numbers[:, None])


def population(task: Task, folds: int, seeds: Any = range(6), **given: Any) -> PopulationData:
    data = PopulationData(lambda changes: task, seeds, None, *FRACTIONS, folds=folds, **given)
    data.make()
    return data


def numbers(data: PopulationData, split: str) -> list[list[int]]:
    return [[int(value) for value in rows] for rows in data.splits[split].targets[..., 0]]


def test_test_periods_of_a_series_follow_each_other_and_lie_after_their_training() -> None:
    data = population(Numbered(), 3)
    train, val, test = (numbers(data, name) for name in ("train", "val", "test"))
    assert test[:3] == test[3:]
    assert test[0][-1] < test[1][0]
    assert test[1][-1] < test[2][0] <= 99
    assert test[2][0] - test[1][0] == test[1][0] - test[0][0] >= len(test[0])
    for index in range(3):
        assert train[index][-1] + 1 == val[index][0]
        assert val[index][-1] + 1 == test[index][0]
        assert len(train[index]) == len(train[0])


@pytest.mark.parametrize(("count", "folds"), [(100, 6), (97, 5), (2284, 5), (61, 7), (100, 20)])
def test_no_two_folds_test_the_same(count: int, folds: int) -> None:
    tested = [each for row in numbers(population(Numbered(count), folds, range(folds)), "test") for each in row]
    assert len(set(tested)) == len(tested)
    assert max(tested) < count


def test_a_seeds_fold_does_not_depend_on_the_others() -> None:
    whole, alone = population(Numbered(), 4), population(Numbered(), 4, [5])
    assert numbers(alone, "test")[0] == numbers(whole, "test")[5]
    assert alone.data_hash[0] == whole.data_hash[5]


def test_sequences_without_an_order_are_tested_once_each_and_split_alike_for_all_seeds() -> None:
    data = population(Numbered(chronological=False), 6)
    test = numbers(data, "test")
    assert len({number for row in test for number in row}) == sum(map(len, test))
    for index in range(6):
        parts = [set(numbers(data, name)[index]) for name in ("train", "val", "test")]
        assert len(set.union(*parts)) == sum(map(len, parts)) == 100
    one = population(Numbered(chronological=False), 1)
    assert len({tuple(row) for row in numbers(one, "test")}) == 1
    assert numbers(one, "test")[0] != numbers(population(Numbered(chronological=False), 1, data_seed=1), "test")[0]


def test_one_fold_is_the_split_without_folds() -> None:
    assert numbers(population(Numbered(), 1), "test")[3] == list(range(85, 100))


def test_an_evaluation_is_of_the_same_period() -> None:
    def make(changes: Any) -> Task:
        return Sine(200, 40.0, 1.0, 1.0, 0.0, 5, 1)

    data = PopulationData(make, range(3), None, *FRACTIONS, evaluations={"same": {}}, folds=3)
    data.make()
    assert torch.equal(data.evaluations["test@same"].targets, data.splits["test"].targets)


@pytest.mark.parametrize(
    ("task", "folds", "message"),
    [
        (Numbered(), 0, "folds must be >= 1"),
        (Numbered(chronological=False), 7, "folds must be <= 6 here, for no two of them test the same, got 7"),
        (Numbered(), 100, "folds must be <= 97 here"),
        (Numbered(5), 4, "val_fraction must leave"),
    ],
)
def test_folds_that_cannot_be_are_refused(task: Task, folds: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        population(task, folds)


def test_data_that_every_seed_draws_anew_have_no_folds() -> None:
    task = Numbered(chronological=False)
    task.fixed = False  # type: ignore[misc]
    with pytest.raises(ValueError, match="each seed draws sequences of its own"):
        population(task, 2)
