"""Fresh batches: a function of the seed and the step alone, never seen before, and the same whatever a Trainer asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from seqexp.config.mistakes import ConfigError
from seqexp.data.adding import Adding
from seqexp.data.module import PopulationData
from seqexp.data.parity import Parity
from seqexp.data.sine import Sine
from seqexp.data.split import Split
from seqexp.data.stream import Stream
from seqexp.data.sum import Sum
from seqexp.data.task import Task
from seqexp.seeding import generator

Train = Callable[..., Any]


def population(task: Task, seeds: Any = range(3), **settings: Any) -> PopulationData:
    fractions = {"train_fraction": 0.4, "val_fraction": 0.3, "test_fraction": 0.3}
    data = PopulationData(lambda changes: task, seeds, **{"batch_size": 4, "fresh": True, **fractions, **settings})
    data.make()
    return data


def rows(split: Split, index: int) -> list[tuple[float, ...]]:
    """The sequences of one seed, each as a value that can be looked up."""
    return [tuple(each.flatten().tolist()) for each in split.inputs[index]]


@pytest.mark.parametrize("numbers", [2**19, 2**18, 10])
def test_a_stream_counts_steps_over_all_passes(numbers: int) -> None:
    def batches(steps: range) -> list[Split]:
        return [Split(torch.full((1, 1, 1, 1), float(step)), torch.zeros(1, 1, 1)) for step in steps]

    stream = Stream(batches, 3, numbers, torch.device("cpu"))
    assert len(stream) == 3
    assert [[int(each.inputs) for each in stream] for _ in range(2)] == [[0, 1, 2], [3, 4, 5]]
    next(iter(stream))  # a pass that ends early is a pass
    assert [int(each.inputs) for each in stream] == [9, 10, 11]
    stream.passes = 2
    assert [int(each.inputs) for each in stream] == [6, 7, 8]


def test_a_batch_is_a_function_of_its_seed_and_step_alone() -> None:
    together = population(Parity(20, 1, 9), seeds=(3, 4, 5), steps_per_epoch=2)
    alone = population(Parity(20, 1, 9), seeds=(4,), steps_per_epoch=5)
    for step in (7, 0, 3):
        one, other = (next(each.fresh_batches(range(step, step + 2))) for each in (together, alone))
        sample = Parity(20, 1, 9).sample(generator(4, f"stream {step}"), 4, None)
        for mine, theirs, expected in zip(one, other, sample._replace(best=None), strict=True):
            assert (mine is None) == (expected is None)
            if mine is not None:
                assert torch.equal(mine[1], expected)
                assert torch.equal(mine[1:2], theirs)
        assert not torch.equal(one.inputs[0], one.inputs[1])


def test_no_sequence_is_seen_twice() -> None:
    task = Adding(20, 6, "halves")
    data = population(task, steps_per_epoch=3, test_lengths=[6])
    for index in range(3):
        batches = [batch for _ in range(3) for batch in data.train_dataloader()]
        assert len(batches) == 9
        parts = [*batches, *data.splits.values(), data.evaluations["test@6"]]
        seen = [row for part in parts for row in rows(part, index)]
        assert len(set(seen)) == len(seen) == 9 * 4 + 20 + 6


def test_an_epoch_is_what_was_asked_for_or_what_the_split_would_give() -> None:
    assert len(population(Sum(20, 5, "normal"), steps_per_epoch=7).train_dataloader()) == 7
    data = population(Sum(20, 5, "normal"), batch_size=3)
    assert len(data.train_dataloader()) == 3  # of 8 sequences
    assert {batch.num_sequences for batch in data.train_dataloader()} == {3}
    assert next(population(Sum(20, 5, "normal"), batch_size=None).fresh_batches(range(1))).num_sequences == 8


def test_the_digest_of_what_is_learnt_covers_the_stream() -> None:
    task = Sum(20, 5, "normal")
    digests = [
        population(task, fresh=False).data_hash, population(task).data_hash, population(task, batch_size=5).data_hash,
    ]  # fmt: skip
    assert digests[0][1][0] != digests[1][1][0]
    assert digests[1] == digests[2]  # a batch size is no data
    assert len({str(seeds[1][1]) for seeds in digests}) == 1  # all are tested on the same
    assert population(task, seeds=(1,)).data_hash[0] == digests[1][1]


@pytest.mark.parametrize(
    ("task", "settings", "said"),
    [
        (Sine(200, 8.0, 1.0, 1.0, 0.1, 20, 1), {}, "fresh must be false for a series"),
        (Sum(20, 5, "normal"), {"fresh": False, "steps_per_epoch": 3}, "steps_per_epoch must be null unless fresh is"),
        (Sum(20, 5, "normal"), {"steps_per_epoch": 0}, "steps_per_epoch must be >= 1, or null, got 0"),
    ],
    ids=["series", "not fresh", "no steps"],
)
def test_what_cannot_be_streamed_is_refused(task: Task, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        population(task, **settings)


# ---------------------------------------------------------------- with a Trainer

TINY = (
    "num_seeds=2", "data=adding", "data.num_sequences=40", "data.length=5", "data.steps_per_epoch=3", "cell=gru",
    "trainer.max_epochs=3", "cell.hidden_size=3", "trainer.enable_progress_bar=false",
)  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the batches that training was given."""
    steps: list[int] = []
    right = PopulationData.fresh_batches

    def fresh_batches(self: PopulationData, wanted: range) -> Iterator[Split]:
        for step, batch in zip(wanted, right(self, wanted), strict=True):
            steps.append(step)
            yield batch

    monkeypatch.setattr(PopulationData, "fresh_batches", fresh_batches)
    return steps


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        (["trainer.reload_dataloaders_every_n_epochs=1", "trainer.num_sanity_val_steps=1"], list(range(9))),
        (["trainer.accumulate_grad_batches=2", "trainer.val_check_interval=1"], list(range(9))),
        (["trainer.limit_train_batches=2"], [0, 1, 3, 4, 6, 7]),
        (["trainer.max_steps=4"], [0, 1, 2, 3]),
        (["trainer.fast_dev_run=2"], [0, 1]),
    ],
    ids=lambda each: " ".join(map(str, each)),
)
def test_a_trainer_gets_each_batch_once_and_in_order(
    train: Train, asked: list[int], flags: list[str], expected: list[int]
) -> None:
    record, _ = train(*flags, tiny=TINY)
    assert asked == expected
    if flags and "accumulate" in flags[0]:
        assert record.steps == 2 * 3
    else:
        assert record.steps == len(expected)


def test_the_same_batches_over_and_over_are_refused_where_they_are_fresh(train: Train) -> None:
    with pytest.raises(ConfigError, match=r"trainer.overfit_batches must be 0 where data.fresh is true"):
        train("trainer.overfit_batches=1", tiny=TINY)
    record, _ = train("trainer.overfit_batches=1", "data.fresh=false", "data.steps_per_epoch=null", tiny=TINY)
    assert record.steps == 3
