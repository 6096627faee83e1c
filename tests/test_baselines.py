"""The baselines against NumPy, a task's own guesses, and what shuffled targets do to all of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqexp import baselines
from seqexp.data.guesses import linear
from seqexp.data.module import PopulationData
from seqexp.data.shape import Values
from seqexp.data.sine import Sine
from seqexp.data.split import Split
from seqexp.data.sum import Sum
from seqexp.data.task import Sequences
from seqexp.run.load import load_run
from seqexp.score import SquaredError


def split(count: int, seed: int, outputs: int = 1, known: bool = True) -> Split:
    """Random inputs (3, count, 4, 2); targets that a linear model explains in part."""
    rng = torch.Generator().manual_seed(seed)
    inputs = torch.randn(3, count, 4, 2, generator=rng)
    weights = torch.randn(3, 8, outputs, generator=torch.Generator().manual_seed(99))
    clean = inputs.flatten(2) @ weights + 3
    targets = clean + torch.randn(3, count, outputs, generator=rng)
    return Split(inputs, targets, best=clean if known else None)


def like(split: Split) -> Sum:
    """A task that guesses as any does, of the sizes of a split."""
    task = Sum(1, 1, "normal")
    task.inputs, task.targets = Values(split.inputs.shape[3]), Values(split.targets.shape[2])  # type: ignore[misc]
    return task


def scores(train: Split, test: Split) -> dict[str, torch.Tensor | None]:
    return baselines.score(baselines.guess(like(train), train, test), test, SquaredError())


def in_numpy(train: Split, test: Split, index: int) -> dict[str, float]:
    """All three, for one seed, as one would write them without thinking of populations."""
    x, y = train.inputs[index].double().numpy(), train.targets[index].double().numpy()
    x_test, y_test = test.inputs[index].double().numpy(), test.targets[index].double().numpy()
    ones, ones_test = np.ones((len(x), 1)), np.ones((len(x_test), 1))
    weights, *_ = np.linalg.lstsq(np.hstack([x.reshape(len(x), -1), ones]), y)
    assert test.best is not None
    guesses = {
        "constant": y.mean(0),
        "linear": np.hstack([x_test.reshape(len(x_test), -1), ones_test]) @ weights,
        "noise": test.best[index].double().numpy(),
    }
    return {name: float(np.mean((guess - y_test) ** 2)) for name, guess in guesses.items()}


@pytest.mark.parametrize("outputs", [1, 2, 5])
@pytest.mark.parametrize("count", [200, 6])  # with 6 sequences, least squares has many solutions
def test_every_baseline_equals_numpys(outputs: int, count: int) -> None:
    train, test = split(count, 1, outputs), split(50, 2, outputs)
    found = scores(train, test)
    for index in range(3):
        expected = in_numpy(train, test, index)
        assert list(found) == list(expected)
        for name, value in expected.items():
            row = found[name]
            assert row is not None
            assert row.dtype == torch.float64
            assert row[index].item() == pytest.approx(value, rel=1e-9)


def test_what_has_no_meaning_is_none() -> None:
    found = scores(split(20, 1, known=False), split(20, 2, known=False))
    assert found["noise"] is None
    assert found["constant"] is not None
    assert found["linear"] is not None


def test_the_first_sequences_are_scored_as_they_are_in_all() -> None:
    train, test = split(20, 1), split(20, 2)
    guesses = baselines.guess(like(train), train, test)
    for name, row in baselines.score(guesses, test.first(7), SquaredError()).items():
        alone = scores(train, test.first(7))[name]
        torch.testing.assert_close(row, alone)


def test_the_constant_is_the_training_mean_not_the_tests() -> None:
    train, test = split(20, 1), split(20, 2)
    moved = Split(train.inputs, train.targets + 100)
    for key in ("constant", "linear"):
        row = scores(moved, test)[key]
        assert row is not None
        assert (row > 90**2).all()


# ---------------------------------------------------------------- a task's own guesses


class Doubling(Sum):
    """Adds a guess of its own, and leaves one out."""

    def __init__(self, guess: Callable[[Split], torch.Tensor | None]) -> None:
        super().__init__(40, 3, "normal")
        self.guess = guess

    def guesses(self, train: Split, test: Split) -> dict[str, torch.Tensor | None]:
        return {"double": self.guess(test), "linear": None}


def test_a_tasks_own_guesses_are_scored_like_the_others() -> None:
    data = PopulationData(
        lambda changes: Doubling(lambda test: 2 * test.inputs[:, :, -1]), range(3), None, 0.5, 0.0, 0.5
    )
    data.make()
    test = data.splits["test"]
    found = baselines.score(baselines.guess(data.task, data.splits["train"], test), test, SquaredError())
    assert list(found) == ["double", "linear", "noise"]
    assert found["linear"] is None
    expected = (2 * test.inputs[:, :, -1] - test.targets).double().square().mean((1, 2))
    torch.testing.assert_close(found["double"], expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize(
    ("guess", "message"),
    [
        (
            lambda test: test.targets[..., 0],
            r"double must have the shape \(S, N, O\) = \(3, 20, 1\), or 1 for N, got \(3, 20\)",
        ),
        (lambda test: test.targets[0], r"got \(20, 1\)"),
        (lambda test: test.targets[:, 1:], r"got \(3, 19, 1\)"),
        (lambda test: test.inputs[:, :, :, 0], r"got \(3, 20, 3\)"),
        (lambda test: test.targets / 0, "double for number 1 of the 3 seeds must be finite, got .* in sequence 0"),
    ],
)
def test_a_guess_that_would_be_broadcast_or_is_no_number_is_refused(guess: Any, message: str) -> None:
    data = PopulationData(lambda changes: Doubling(guess), range(3), None, 0.5, 0.0, 0.5)
    data.make()
    with pytest.raises(ValueError, match=message):
        baselines.guess(data.task, data.splits["train"], data.splits["test"])


# ---------------------------------------------------------------- least squares


NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(st.lists(NUMBERS, min_size=4, max_size=4), min_size=1, max_size=12), st.integers(1, 4))
def test_least_squares_answers_whatever_finite_table_it_is_given(rows: list[list[float]], times: int) -> None:
    table = torch.tensor(rows).repeat(times, 1)  # rows that repeat fix nothing
    one = Split(table[None, :, :3, None], table[None, :, 3:])
    found = linear(one, one)
    assert isinstance(found, torch.Tensor)
    assert found.shape == (1, len(table), 1)
    assert bool(found.isfinite().all())


@pytest.mark.parametrize("fails", [False, True])
def test_guesses_have_one_thread_and_the_process_its_own_afterwards(fails: bool) -> None:
    seen = []

    class Watching(Sum):
        def guesses(self, train: Split, test: Split) -> dict[str, Any]:
            seen.append(torch.get_num_threads())
            if fails:
                raise ValueError("no guess")
            return {}

    torch.set_num_threads(2)
    try:
        with pytest.raises(ValueError, match="no guess") if fails else contextlib.nullcontext():
            baselines.guess(Watching(1, 1, "normal"), split(3, 0), split(3, 1))
        assert (seen, torch.get_num_threads()) == ([1], 2)
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize("value", [0.0, 1.0, 3.4e38, 1e-45])
def test_least_squares_on_constant_columns_is_the_mean(value: float) -> None:
    targets = torch.arange(8.0)[None, :, None]
    one = Split(torch.full((1, 8, 3, 2), value), targets)
    found = linear(one, one)
    assert isinstance(found, torch.Tensor)
    torch.testing.assert_close(found, targets.double().mean(1, keepdim=True).expand(-1, 8, -1))


# ---------------------------------------------------------------- mutation: targets that have lost their inputs


@pytest.fixture
def shuffled_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Sine.sample

    def sample(self: Sine, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        made = right(self, generator, count, length)
        order = torch.randperm(self.num_sequences, generator=generator)
        return Sequences(made.inputs, made.targets[order])

    monkeypatch.setattr(Sine, "sample", sample)


SETTINGS = ("num_seeds=3", "trainer.max_epochs=12", "data.length=600", "data.time_range=24.0", "optimizer.lr=0.01")


def over_constant(record: Any, scores: list[float]) -> float:
    return float(np.mean(scores) / np.mean(record.baselines["constant"]))


def test_training_and_least_squares_beat_the_constant_by_far(train: Callable[..., Any]) -> None:
    record, folder = train(*SETTINGS)
    assert over_constant(record, record.test_mse) < 0.1
    assert over_constant(record, record.baselines["linear"]) < 0.05

    # The same guesses on the validation targets: the constant is the training mean there, too.
    _, parts = load_run(folder, [], [], {})
    parts.data.make()
    train_targets, val_targets = (parts.data.splits[part].targets.double().numpy() for part in ("train", "val"))
    expected = ((val_targets - train_targets.mean(axis=1, keepdims=True)) ** 2).mean(axis=(1, 2))
    assert record.validation_baselines["constant"] == pytest.approx(expected.tolist(), rel=1e-5)
    assert record.validation_baselines.keys() == record.baselines.keys()


@pytest.mark.usefixtures("shuffled_targets")
def test_with_shuffled_targets_nothing_beats_the_constant(train: Callable[..., Any]) -> None:
    record, _ = train(*SETTINGS)
    assert over_constant(record, record.test_mse) == pytest.approx(1, abs=0.12)
    assert over_constant(record, record.baselines["linear"]) == pytest.approx(1, abs=0.12)
    assert record.baselines["noise"] is None


def test_linear_is_fitted_on_the_training_split_only() -> None:
    data = PopulationData(lambda changes: Sine(300, 12.0, 1.0, 1.0, 0.1, 20, 1), range(2), None, 0.5, 0.0, 0.5)
    data.setup()
    fitted, cheating = (scores(data.splits[name], data.splits["test"])["linear"] for name in ("train", "test"))
    assert fitted is not None
    assert cheating is not None
    assert (cheating < fitted).all()
