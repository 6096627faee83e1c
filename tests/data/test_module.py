"""Splits that do not touch, batches that hold every sequence once, and seeds that do not know of each other."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqexp.data import module
from seqexp.data import split as splitting
from seqexp.data.module import PopulationData
from seqexp.data.shape import Values
from seqexp.data.sine import Sine
from seqexp.data.sum import Sum
from seqexp.data.task import Sequences, Task
from seqexp.seeding import generator


class Numbered(Task):
    """Sequence n holds the number n, and so does its target: wherever it goes, it can be recognised."""

    inputs = targets = Values(1)

    def __init__(self, count: int = 100, chronological: bool = True) -> None:
        self.num_sequences = count
        self.chronological = chronological  # type: ignore[misc]

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        numbers = torch.arange(self.num_sequences, dtype=torch.float32)
        return Sequences(numbers[:, None, None].expand(-1, 3, 1), numbers[:, None])


def population(
    task: Task, seeds: Any = range(3), batch_size: int | None = None, fractions: tuple[float, ...] = (0.7, 0.15, 0.15)
) -> PopulationData:
    data = PopulationData(lambda changes: task, seeds, batch_size, *fractions)
    data.setup()
    return data


def numbers(data: PopulationData, split: str, index: int) -> list[int]:
    return [int(value) for value in data.splits[split].targets[index, :, 0]]


def leaks(data: PopulationData) -> set[int]:
    """Numbers of the sequences that more than one split of the same seed holds."""
    found = set()
    for index in range(len(data.seeds)):
        train, val, test = (set(numbers(data, split, index)) for split in ("train", "val", "test"))
        found |= (train & val) | (train & test) | (val & test)
    return found


# ---------------------------------------------------------------- splits


def test_the_labs_split_is_784_and_196_windows() -> None:
    data = PopulationData(lambda changes: Sine(1000, 40.0, 1.0, 1.0, 0.1, 20, 1), range(2), None, 0.8, 0.0, 0.2)
    assert data.bounds == {"train": (0, 784), "val": (784, 784), "test": (784, 980)}
    assert not data.has_val


@pytest.mark.parametrize(
    ("count", "fractions", "sizes"),
    [
        (980, (0.7, 0.15, 0.15), (686, 147, 147)),
        (1000, (0.7, 0.15, 0.15), (700, 150, 150)),  # 0.7 + 0.15 is a little under 0.85 in floating point
        (1000, (0.6, 0.3, 0.1), (600, 300, 100)),
        (10, (0.5, 0.2, 0.2), (5, 2, 2)),  # fractions need not use all
    ],
)
def test_fractions_become_sizes(count: int, fractions: tuple[float, ...], sizes: tuple[int, ...]) -> None:
    data = population(Numbered(count), fractions=fractions)
    assert tuple(data.splits[name].inputs.shape[1] for name in ("train", "val", "test")) == sizes


def test_a_forecasting_task_is_split_in_the_order_of_time() -> None:
    task = Sine(200, 8.0, 1.0, 1.0, 0.1, 20, 1)
    data = population(task, seeds=(4, 9))
    for index, seed in enumerate((4, 9)):
        alone = task.sample(generator(seed, "data"), task.num_sequences, None)
        for field in ("inputs", "targets", "best"):
            pieces = [getattr(split, field)[index] for split in data.splits.values()]
            assert torch.equal(torch.cat(pieces), getattr(alone, field))


def test_no_test_target_lies_in_what_is_trained_on() -> None:
    task = Sine(200, 8.0, 1.0, 1.0, 0.1, 20, 1)
    data = population(task)
    for index in range(3):
        seen = set(data.splits["train"].inputs[index].flatten().tolist())
        seen |= set(data.splits["train"].targets[index].flatten().tolist())
        assert not seen & set(data.splits["test"].targets[index].flatten().tolist())


def test_a_random_split_is_a_permutation_of_each_seeds_sequences() -> None:
    task = Sum(100, 5, "normal")
    data = population(task, seeds=(4, 9))
    orders = []
    for index, seed in enumerate((4, 9)):
        alone = task.sample(generator(seed, "data"), task.num_sequences, None)
        targets = torch.cat([split.targets[index, :, 0] for split in data.splits.values()])
        inputs = torch.cat([split.inputs[index] for split in data.splits.values()])
        order = [alone.targets[:, 0].tolist().index(value) for value in targets.tolist()]
        assert sorted(order) == list(range(100))
        assert order != sorted(order)
        assert torch.equal(inputs, alone.inputs[order])  # each target has kept its inputs
        orders.append(order)
    assert orders[0] != orders[1]


@pytest.mark.parametrize("chronological", [True, False])
def test_no_sequence_lies_in_two_splits(chronological: bool) -> None:
    assert leaks(population(Numbered(chronological=chronological))) == set()


def test_the_leak_test_sees_a_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    right = module.bounds_of

    def leaking(*arguments: Any) -> Any:
        bounds = right(*arguments)
        return {**bounds, "train": (0, bounds["test"][0] + 1)}

    monkeypatch.setattr(module, "bounds_of", leaking)
    assert leaks(population(Numbered()))


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        ((0.8, 0.2, 0.2), r"^train_fraction \+ val_fraction \+ test_fraction must be <= 1, got 0.8 \+ 0.2 \+ 0.2$"),
        ((1.2, 0.0, 0.2), r"^train_fraction must be between 0 and 1, got 1.2$"),
        ((0.7, -0.1, 0.2), r"^val_fraction must be between 0 and 1, got -0.1$"),
        ((0.0, 0.5, 0.5), r"^train_fraction must leave at least one of the 100 sequences, got 0$"),
        ((0.9, 0.1, 0.0), r"^test_fraction must leave at least one of the 100 sequences, got 0$"),
        ((0.9, 0.001, 0.09), r"^val_fraction must leave at least one of the 100 sequences, got 0.001$"),
    ],
)
def test_fractions_that_cannot_be_are_refused(fractions: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        population(Numbered(), fractions=fractions)


def test_a_batch_size_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^batch_size must be >= 1, or null for full batch, got 0$"):
        population(Numbered(), batch_size=0)


def test_setup_twice_changes_nothing() -> None:
    data = population(Sum(40, 5, "normal"), batch_size=8)
    before = dict(data.splits)
    copies = {name: split.inputs.clone() for name, split in before.items()}
    data.setup("fit")
    data.setup("test")
    for name, split in data.splits.items():
        assert split is before[name]
        assert torch.equal(split.inputs, copies[name])


# ---------------------------------------------------------------- batches


def test_full_batch_is_the_split_itself_in_order() -> None:
    data = population(Numbered(chronological=False), batch_size=None)
    for _ in range(2):
        ((inputs, targets, *_),) = data.train_dataloader()
        assert torch.equal(inputs, data.splits["train"].inputs)
        assert torch.equal(targets, data.splits["train"].targets)
    assert len(data.train_dataloader()) == 1


@pytest.mark.parametrize(("batch_size", "sizes"), [(32, [32, 32, 6]), (35, [35, 35]), (69, [69, 1]), (1000, [70])])
def test_mini_batches_hold_every_sequence_once_and_the_rest_comes_last(batch_size: int, sizes: list[int]) -> None:
    data = population(Numbered(), batch_size=batch_size)
    loader = data.train_dataloader()
    batches = list(loader)
    assert [targets.shape[1] for _, targets, *_ in batches] == sizes
    assert len(loader) == len(sizes)
    for index in range(3):
        seen = torch.cat([targets[index, :, 0] for _, targets, *_ in batches])
        assert sorted(seen.tolist()) == list(range(70))
    for inputs, targets, *_ in batches:  # shuffled together
        assert torch.equal(inputs, targets[:, :, None].expand(-1, -1, 3, -1))


def passes(seeds: Any, epochs: int = 3) -> list[np.ndarray]:
    """What each epoch's batches hold in order, (S, N) for each."""
    data = population(Numbered(), seeds=seeds, batch_size=32)
    return [
        torch.cat([targets[..., 0] for _, targets, *_ in data.train_dataloader()], 1).numpy() for _ in range(epochs)
    ]


def test_a_seeds_order_does_not_depend_on_the_others() -> None:
    together = passes((3, 4, 5))
    for index, seed in enumerate((3, 4, 5)):
        for epoch, alone in enumerate(passes((seed,))):
            np.testing.assert_array_equal(together[epoch][index], alone[0])


def test_orders_differ_between_seeds_and_between_epochs() -> None:
    found = passes((3, 4, 5))
    distinct = {tuple(row) for epoch in found for row in epoch}
    assert len(distinct) == 9
    assert tuple(range(70)) not in distinct


def test_a_seeds_data_does_not_depend_on_the_others() -> None:
    together = population(Sum(60, 5, "normal"), seeds=(3, 4, 5))
    alone = population(Sum(60, 5, "normal"), seeds=(4,))
    for name, split in together.splits.items():
        assert torch.equal(split.inputs[1:2], alone.splits[name].inputs)
        assert torch.equal(split.targets[1:2], alone.splits[name].targets)


def test_evaluation_keeps_the_order_and_is_cut_to_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("EVALUATION_ROWS", 12), ("ROWS_STEP", 1)):
        monkeypatch.setattr(splitting, name, value)
    data = population(Numbered(), batch_size=8)
    batches = [targets for _, targets, *_ in data.test_dataloader()]
    assert [each.shape[1] for each in batches] == [4, 4, 4, 3]  # 12 rows are 4 sequences of 3 seeds
    assert torch.equal(torch.cat(batches, 1), data.splits["test"].targets)
    assert torch.equal(torch.cat([targets for _, targets, *_ in data.val_dataloader()], 1), data.splits["val"].targets)


def seen(data: PopulationData, split: str, index: int) -> list[list[float]]:
    """What a Trainer evaluates of one seed: the batches that the limit leaves, of which each is a list of targets."""
    loader = data.val_dataloader() if split == "val" else data.test_dataloader()
    batches = [targets[index, :, 0].tolist() for _, targets, *_ in loader]
    assert len(batches) == data.num_batches(split)
    return batches[: data.batches_left(split)]


SIZES = st.one_of(st.none(), st.integers(1, 20))


@given(st.one_of(st.integers(1, 9), st.floats(0.01, 0.999)), SIZES, st.integers(2, 9), st.integers(1, 40))
def test_a_limit_leaves_a_seed_the_same_batches_whoever_else_is_there(
    limit: float, batch_size: int | None, seeds: int, rows: int
) -> None:
    made = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splitting, "EVALUATION_ROWS", rows)
        patch.setattr(splitting, "ROWS_STEP", 1)
        for first, count in ((0, seeds), (seeds - 1, 1)):
            data = PopulationData(
                lambda changes: Sum(100, 5, "normal"), range(first, first + count), batch_size, 0.7, 0.15, 0.15
            )
            data.limits |= {"val": limit, "test": limit}
            data.setup()
            made.append((seen(data, "val", -1), seen(data, "test", -1), data.data_hash[-1]))
    assert made[0] == made[1]
    size, left = min(batch_size or 15, 15), made[0][1]
    assert left == [data.splits["test"].targets[0, i * size : (i + 1) * size, 0].tolist() for i in range(len(left))]


@pytest.mark.parametrize("limit", [1.0, 0])
def test_what_is_evaluated_whole_or_not_at_all_is_cut_as_without_a_limit(limit: float) -> None:
    data, limited = (population(Numbered(), batch_size=4) for _ in range(2))
    limited.limits |= {"val": limit}
    assert limited.batch_rows("val") == data.batch_rows("val") == {15}
    assert limited.evaluation_rows() == data.evaluation_rows()


@pytest.mark.parametrize(("limit", "scored"), [(1, 8), (0.5, 8), (2, 15), (9, 15), (1.0, 15)])
def test_the_digest_is_of_the_test_targets_that_are_scored(limit: float, scored: int) -> None:
    def digests(sequence: int) -> list[str]:
        data = PopulationData(lambda changes: Changed("targets", sequence), [3], 8, 0.7, 0.15, 0.15)
        data.limits["test"] = limit
        data.setup()
        return data.data_hash[0]

    plain = digests(0)[1]
    assert [digests(85 + sequence)[1] != plain for sequence in range(15)] == [n < scored for n in range(15)]


def test_without_validation_there_are_no_validation_batches() -> None:
    data = population(Numbered(), fractions=(0.8, 0.0, 0.2))
    assert not data.has_val
    assert list(data.val_dataloader()) == []


def test_shuffling_goes_on_where_its_state_was_kept() -> None:
    data = population(Numbered(), batch_size=32)
    list(data.train_dataloader())
    state = data.state_dict()
    expected = [targets for _, targets, *_ in data.train_dataloader()]
    later = population(Numbered(), batch_size=32)
    later.load_state_dict(state)
    for one, other in zip(expected, [targets for _, targets, *_ in later.train_dataloader()], strict=True):
        assert torch.equal(one, other)


def test_first_takes_the_first_of_every_seed() -> None:
    split = population(Sum(40, 5, "normal")).splits["test"]
    part = split.first(2)
    assert torch.equal(part.inputs, split.inputs[:, :2])
    assert torch.equal(part.targets, split.targets[:, :2])
    assert part.best is not None
    assert torch.equal(part.best, split.targets[:, :2])


# ---------------------------------------------------------------- digests


def hashes(task: Task, seeds: Any = range(3), fractions: tuple[float, ...] = (0.7, 0.15, 0.15)) -> list[list[str]]:
    return population(task, seeds, fractions=fractions).data_hash


def by_hand(task: Task, seed: int) -> list[str]:
    """The same of a task of 100 sequences that is split in order, written out."""
    sample = task.sample(generator(seed, "data"), task.num_sequences, None)
    seen, scored = hashlib.sha256(), hashlib.sha256()
    for rows in (slice(0, 70), slice(70, 85)):
        for tensor in sample[:2]:
            part = tensor[rows].numpy()
            seen.update(f"torch.float32{part.shape}".encode() + part.tobytes())
    part = sample.targets[85:].numpy()
    scored.update(f"torch.float32{part.shape}".encode() + part.tobytes())
    return [seen.hexdigest()[:32], scored.hexdigest()[:32]]


def test_digests_are_those_of_the_sample_in_the_order_of_its_splits() -> None:
    task = Sine(120, 8.0, 1.0, 1.0, 0.1, 20, 1)
    assert hashes(task, (4, 9)) == [by_hand(task, 4), by_hand(task, 9)]


@pytest.mark.parametrize("task", [Sum(100, 5, "normal"), Sine(120, 8.0, 1.0, 1.0, 0.1, 20, 1)])
def test_a_seeds_digests_do_not_depend_on_the_others_or_on_how_it_is_trained(task: Task) -> None:
    together = hashes(task, (3, 4, 5))
    assert [hashes(task, (seed,))[0] for seed in (3, 4, 5)] == together
    assert population(task, (3, 4, 5), batch_size=7).data_hash == together
    assert len({digest for pair in together for digest in pair}) == 6


class Changed(Sum):
    """Sums, changed in one sequence, which is counted in the order of the splits."""

    def __init__(self, field: str, sequence: int) -> None:
        super().__init__(100, 5, "normal")
        self.chronological = True  # type: ignore[misc]
        self.field = field
        self.sequence = sequence

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        made = super().sample(generator, count, length)
        changed = getattr(made, self.field).clone()
        changed[self.sequence] += 1
        return made._replace(**{self.field: changed})


@pytest.mark.parametrize(
    ("field", "sequence", "differ"),
    [
        ("inputs", 0, [True, False]),
        ("inputs", 69, [True, False]),
        ("targets", 35, [True, False]),
        ("inputs", 70, [True, False]),  # of the validation split
        ("targets", 84, [True, False]),
        ("targets", 85, [False, True]),  # of the test split
        ("targets", 99, [False, True]),
        ("inputs", 99, [False, False]),  # neither learnt nor scored
        ("best", 0, [False, False]),
    ],
)
def test_each_digest_follows_what_it_is_of(field: str, sequence: int, differ: list[bool]) -> None:
    plain = Changed("best", 1)
    for one, other in zip(hashes(plain), hashes(Changed(field, sequence)), strict=True):
        assert [a != b for a, b in zip(one, other, strict=True)] == differ


def test_another_split_is_other_data() -> None:
    task = Sum(100, 5, "normal")
    apart = [hashes(task, fractions=fractions)[0] for fractions in ((0.7, 0.15, 0.15), (0.6, 0.25, 0.15))]
    assert apart[0][0] != apart[1][0]
    assert apart[0][1] == apart[1][1]
    in_order = Sum(100, 5, "normal")
    in_order.chronological = True  # type: ignore[misc]
    assert all(a != b for a, b in zip(hashes(task)[0], hashes(in_order)[0], strict=True))


def test_each_seed_is_sampled_once_and_the_first_once_more() -> None:
    drawn: list[int] = []

    class Counting(Sum):
        def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
            drawn.append(generator.initial_seed())
            return super().sample(generator, count, length)

    data = PopulationData(lambda changes: Counting(100, 5, "normal"), range(3), None, 0.7, 0.15, 0.15)
    data.first()
    data.make()
    data.setup("fit")
    data.setup("test")
    seeds = [generator(seed, "data").initial_seed() for seed in (0, 0, 1, 2)]
    assert drawn == seeds


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("can't allocate memory: you tried\nstack"), KeyError("x")]
)
def test_only_want_of_memory_is_a_refusal_among_the_failures_of_a_sample(error: Exception) -> None:
    class Failing(Sum):
        def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
            raise error

    data = PopulationData(lambda changes: Failing(100, 5, "normal"), range(3), None, 0.7, 0.15, 0.15)
    with pytest.raises(type(error) if isinstance(error, KeyError) else ValueError, match=r"more memory|^'x'$"):
        data.make()


# ---------------------------------------------------------------- one seed for all, and a gap


def test_one_seed_for_the_data_gives_all_members_that_seeds_data_and_orders_of_their_own() -> None:
    def made(seeds: Any, **fixed: Any) -> PopulationData:
        data = PopulationData(lambda changes: Sum(40, 5, "normal"), seeds, 8, 0.7, 0.15, 0.15, **fixed)
        data.setup()
        return data

    fixed, alone = made(range(2), data_seed=7), made(range(7, 8))
    for name, split in fixed.splits.items():
        for index in (0, 1):
            assert torch.equal(split.inputs[index], alone.splits[name].inputs[0])
    assert fixed.data_hash == alone.data_hash * 2
    first, second = next(iter(fixed.train_dataloader())).inputs
    assert not torch.equal(first, second)  # another order
    ordered = made(range(2), data_seed=7, order_seed=3)
    first, second = next(iter(ordered.train_dataloader())).inputs
    assert torch.equal(first, second)
    assert made(range(2), order_seed=3).data_hash == made(range(2)).data_hash


@pytest.mark.parametrize(("gap", "shared"), [(0, 20), (5, 15), (20, 0)])
def test_a_gap_leaves_out_the_windows_that_hold_values_of_the_split_before(gap: int, shared: int) -> None:
    task = Sine(length=1000, time_range=40.0, frequency=1.0, amplitude=1.0, noise=0.1, window=20, horizon=1)
    data = PopulationData(lambda changes: task, range(1), None, 0.7, 0.15, 0.15, gap=gap)
    (_, trained), (begun, ended), (start, stop) = data.bounds.values()
    assert (begun, stop) == (trained + gap, task.num_sequences)
    last = ended - 1 + task.window  # the target of validation's last window
    assert sum(window <= last for window in range(start, stop)) == shared
    note = f"{shared} of {stop - start} test windows hold values that validation ended with"
    past = "past values, as any forecast reads them, and no test target"
    assert data.notes == ([f"{note} (data.gap=20 leaves them out): {past}."] if shared else [])
    assert not set(range(start + 20, stop + 20)) & set(range(ended + 20))  # rows of test targets, and of earlier ones
    folded = PopulationData(lambda changes: task, range(4), None, 0.7, 0.15, 0.15, gap=gap, folds=2)
    assert folded.notes[-1].startswith(
        "data.folds=2: in each fold training comes first, then validation, then the test;"
    )


@pytest.mark.parametrize(
    ("task", "gap", "message"),
    [
        (Numbered(), 15, "gap must leave at least one of the 15 windows of val, got 15"),
        (Numbered(), -1, "gap must be >= 0, got -1"),
        (Numbered(chronological=False), 1, "gap must be 0 unless the task is a series"),
    ],
)
def test_a_gap_that_cannot_be_is_refused(task: Task, gap: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PopulationData(lambda changes: task, range(1), None, 0.7, 0.15, 0.15, gap=gap)
