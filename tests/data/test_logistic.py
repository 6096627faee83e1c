"""Logistic regression against SciPy's minimum, and where classes can be told apart, or from nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import log_softmax

from seqexp.data import logistic as room
from seqexp.data.guesses import constant
from seqexp.data.logistic import logistic
from seqexp.data.shape import Classes
from seqexp.data.split import Split

Array = np.ndarray


def in_scipy(x: Array, y: Array, weight: Array, x_test: Array, count: int) -> Array:
    """The same of one seed, as the docstring has it: (n, F), (n,), (n,), (m, F) -> logits (m, C)."""
    hot = np.eye(count)[y]
    shares = weight @ hot + 1
    offset, counted = np.log(shares / shares.sum()), weight > 0
    x, hot, weight = x[counted], hot[counted], weight[counted] / weight[counted].mean()
    mean, deviation = x.mean(0), x.std(0)
    x, x_test = (np.column_stack([(each - mean) / deviation, np.ones(len(each))]) for each in (x, x_test))

    def objective(flat: Array) -> tuple[float, Array]:
        solution = flat.reshape(-1, count)
        logs = log_softmax(offset + x @ solution, axis=1)
        slope = x.T @ (weight[:, None] * (np.exp(logs) - hot)) + solution
        return -(weight[:, None] * hot * logs).sum() + (flat**2).sum() / 2, slope.ravel()

    options = {"maxiter": 10_000, "maxfun": 10_000, "ftol": 0, "gtol": 1e-8}
    found = minimize(objective, np.zeros(x.shape[1] * count), jac=True, method="L-BFGS-B", options=options)
    return np.asarray(offset + x_test @ found.x.reshape(-1, count))


def split(count: int, seed: int) -> Split:
    """Three classes, which the values of 3 steps of 2 features tell in part."""
    rng = torch.Generator().manual_seed(seed)
    inputs = 5 + torch.randn(2, count, 3, 2, generator=rng)
    noise = torch.randn(2, count, 2, generator=rng)
    return Split(inputs, ((inputs[:, :, 1] + noise) > 5).long().sum(2))


def close(found: object, expected: list[Array]) -> None:
    assert isinstance(found, torch.Tensor)
    np.testing.assert_allclose(found.softmax(-1).numpy(), np.exp(log_softmax(np.stack(expected), axis=-1)), atol=1e-6)


def test_classes_of_the_last_step_are_fitted_to_all_inputs_of_the_seed() -> None:
    train, test = split(60, 1), split(20, 2)
    expected = [
        in_scipy(x.flatten(1).double().numpy(), y.numpy(), np.ones(60), x_test.flatten(1).double().numpy(), 3)
        for x, y, x_test in zip(train.inputs, train.targets, test.inputs, strict=True)
    ]
    found = logistic(train, test, Classes(3))
    close(found, expected)
    alone = logistic(train.of(slice(1, 2)), test.of(slice(1, 2)), Classes(3))
    assert torch.equal(found[1:], alone)  # type: ignore[index, arg-type]
    assert torch.equal(found, logistic(train, test, Classes(3)))  # type: ignore[arg-type]


def test_classes_of_every_step_are_fitted_to_the_same_steps_inputs_by_their_weights() -> None:
    rng = torch.Generator().manual_seed(3)
    inputs = torch.randn(2, 40, 3, 2, generator=rng)
    targets = (inputs[..., 0] + torch.randn(2, 40, 3, generator=rng) > 0).long()
    weight = 3 * torch.rand(2, 40, 3, generator=rng) * (torch.rand(2, 40, 3, generator=rng) > 0.3)
    train = Split(inputs, targets, weight)
    found = logistic(train, train, Classes(2))
    expected = []
    for index in range(2):
        x = inputs[index].double().numpy().reshape(-1, 2)
        y, w = targets[index].numpy().ravel(), weight[index].double().numpy().ravel()
        expected.append(in_scipy(x, y, w, x, 2).reshape(40, 3, 2))
    close(found, expected)
    hidden = torch.where(weight[..., None] > 0, inputs, 1e6)  # what does not count is not looked at
    again = logistic(train._replace(inputs=hidden), train, Classes(2))
    assert torch.equal(found, again)  # type: ignore[arg-type]


def test_what_can_be_told_apart_stays_finite_and_is_right_and_an_unseen_class_is_possible() -> None:
    rng = torch.Generator().manual_seed(4)
    inputs = torch.randn(1, 50, 2, 1, generator=rng)
    inputs = 1e18 * (inputs + inputs.sign())  # with a gap
    train = Split(inputs, (inputs[:, :, 0, 0] > 0).long())
    found = logistic(train, train, Classes(3))
    assert isinstance(found, torch.Tensor)
    assert bool((found.argmax(-1) == train.targets).all())
    assert 1e-6 < float(found.softmax(-1)[..., 2].max()) < 0.1
    assert float(found.abs().max()) < 50


def test_inputs_that_say_nothing_give_the_constant() -> None:
    train = Split(torch.full((1, 30, 4, 1), 1e6 / 3), torch.arange(30)[None] % 2)
    found = logistic(train, train, Classes(2))
    torch.testing.assert_close(found, constant(train, Classes(2)).expand(-1, 30, -1), atol=1e-9, rtol=0)


@pytest.mark.parametrize("most", [1, 2, 7])
def test_it_ends_when_its_passes_are_used_up(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    train = split(60, 1)
    monkeypatch.setattr(room, "MOST_PASSES", most)
    problem = []
    right = room._Problem.at
    monkeypatch.setattr(room._Problem, "at", lambda self, x: (problem.append(self), right(self, x))[1])
    found = logistic(train, train, Classes(3))
    assert isinstance(found, torch.Tensor)
    assert bool(found.isfinite().all())
    assert max(each.passes for each in problem) <= most
