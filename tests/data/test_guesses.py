"""Guesses of any task against NumPy; when they are left out, and that a record says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from seqexp import baselines
from seqexp.data import guesses
from seqexp.data.shape import Classes, Tokens, Values
from seqexp.data.split import Split
from seqexp.data.sum import Sum
from seqexp.data.task import Task


def task(inputs: Values | Tokens, targets: Values | Classes, reads: Any = "last") -> Task:
    """A task that guesses as any does."""
    made = Sum(1, 1, "normal")
    made.inputs, made.targets, made.reads = inputs, targets, reads  # type: ignore[misc, assignment]
    return made


def every_step(count: int, seed: int) -> Split:
    """Two seeds of sequences of 5 steps with 3 features; two targets of every step; unequal lengths and weights."""
    rng = torch.Generator().manual_seed(seed)
    inputs = torch.randn(2, count, 5, 3, generator=rng)
    maps = torch.randn(2, 1, 3, 2, generator=torch.Generator().manual_seed(9))
    targets = inputs @ maps + 7 + torch.randn(2, count, 5, 2, generator=rng)
    lengths = torch.randint(1, 6, (2, count), generator=rng)
    weight = torch.rand(2, count, 5, generator=rng) * (torch.arange(5) < lengths[..., None])
    return Split(inputs, targets, weight, lengths)


def test_targets_of_every_step_are_fitted_to_the_inputs_of_the_same_step_by_their_weights() -> None:
    train, test = every_step(30, 1), every_step(8, 2)
    found = guesses.linear(train, test)
    assert isinstance(found, torch.Tensor)
    assert train.weight is not None
    for index in range(2):
        x = np.concatenate([train.inputs[index].numpy().reshape(-1, 3), np.ones((150, 1))], 1).astype(float)
        w = np.diag(train.weight[index].double().numpy().ravel())
        y = train.targets[index].double().numpy().reshape(-1, 2)
        solution = np.linalg.solve(x.T @ w @ x, x.T @ w @ y)
        expected = test.inputs[index].double().numpy() @ solution[:3] + solution[3]  # (8, 5, 2)
        np.testing.assert_allclose(found[index].numpy(), expected, rtol=1e-9)


def test_what_is_padded_changes_nothing_at_every_step() -> None:
    train, test = every_step(30, 1), every_step(8, 2)
    assert train.weight is not None
    padded = train.weight == 0
    other = train._replace(
        inputs=torch.where(padded[..., None], 1e6, train.inputs),
        targets=torch.where(padded[..., None], -3, train.targets),
    )
    given = task(Values(3), Values(2), "steps")
    for name, found in given.guesses(train, test).items():
        assert torch.equal(found, given.guesses(other, test)[name]), name  # type: ignore[arg-type]


def test_at_every_step_another_length_is_no_hindrance() -> None:
    train, test = every_step(30, 1), every_step(8, 2)
    short = Split(test.inputs[:, :, :2], test.targets[:, :, :2])
    whole, part = guesses.linear(train, test), guesses.linear(train, short)
    assert isinstance(whole, torch.Tensor)
    assert isinstance(part, torch.Tensor)
    torch.testing.assert_close(part, whole[:, :, :2])


@pytest.mark.parametrize("classes", [False, True])
def test_a_guess_is_left_out_with_a_reason(classes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "logistic" if classes else "linear"
    inputs = torch.randn(2, 12, 4, 1, generator=torch.Generator().manual_seed(0))
    targets = (inputs[:, :, 0, 0] > 0).long() if classes else inputs[:, :, 0]
    given = task(Values(1), Classes(2) if classes else Values(1))
    split = Split(inputs, targets)

    def reason(train: Split, test: Split) -> Any:
        found = baselines.guess(given, train, test)
        scores = baselines.score(found, test, given.score)
        assert scores["constant"] is not None
        assert (scores[name] is None) == isinstance(found[name], str)
        return baselines.left_out(found).get(name)

    assert reason(split, split) is None
    assert reason(split._replace(lengths=torch.full((2, 12), 3)), split) == "the sequences are padded to one length"
    shorter = split._replace(inputs=inputs[:, :, :3])
    assert reason(split, shorter) == "it is fitted to sequences of 4 steps, and these have 3"
    monkeypatch.setattr(guesses, "MOST_WORK", 100)
    assert reason(split, split) == "it would take more than 1e+02 multiplications"


def test_tokens_have_the_constant_only() -> None:
    rng = torch.Generator().manual_seed(0)
    split = Split(torch.randint(4, (2, 9, 5), generator=rng), torch.randint(3, (2, 9), generator=rng))
    assert list(task(Tokens(4), Classes(3)).guesses(split, split)) == ["constant"]


def test_a_record_says_what_was_left_out_and_why(train: Callable[..., Any]) -> None:
    tiny = ("num_seeds=2", "trainer.max_epochs=1", "trainer.enable_progress_bar=false", "data.num_sequences=60")
    record, _ = train("data=parity", "data.steps_per_epoch=1", "data.test_lengths=[40]", tiny=tiny)
    assert record.baselines["logistic"] is None
    assert record.left_out == {"logistic": "the sequences are padded to one length"}
    assert record.evaluation_baselines["test@40"]["logistic"] is None

    record, _ = train(
        "+data.evaluations.short={window: 3, length: 59}", "data.window=4", "data.length=60", tiny=tiny[:3]
    )
    assert record.baselines["linear"] is not None
    assert record.left_out == {"test@short/linear": "it is fitted to sequences of 4 steps, and these have 3"}
    assert record.evaluation_baselines["test@short"]["ar"] is not None
