"""Scores and their slopes against torch.nn.functional and autograd, and means of them over batches."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from seqexp.score import AbsoluteError, CrossEntropy, ErrorRate, RunningMean, Score, SquaredError

SEEDS, B, T, O = 3, 4, 5, 6  # noqa: E741


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def case(score: Score, steps: bool) -> tuple[Tensor, Tensor]:
    """Predictions in float64 and targets, of the last step or of every step."""
    shape = (SEEDS, B, T) if steps else (SEEDS, B)
    prediction = torch.randn(*shape, O, generator=drawn(), dtype=torch.float64)
    if score.targets == "classes":
        return prediction, torch.randint(O, shape, generator=drawn(1))
    return prediction, torch.randn(*shape, O, generator=drawn(1), dtype=torch.float64)


def weights() -> Tensor:
    """Weights of steps, some of them zero; the second seed has weights on its last sequence alone."""
    weight = torch.rand(SEEDS, B, T, generator=drawn(2), dtype=torch.float64)
    weight *= torch.rand(SEEDS, B, T, generator=drawn(3)) > 0.4
    weight[1, :-1] = 0
    return weight


def cross_entropy(prediction: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(prediction.flatten(0, -2), target.flatten(), reduction="none").view(target.shape)


EACH: dict[str, tuple[Score, Callable[[Tensor, Tensor], Tensor]]] = {
    "mse": (SquaredError(), lambda p, t: functional.mse_loss(p, t, reduction="none").mean(-1)),
    "mae": (AbsoluteError(), lambda p, t: functional.l1_loss(p, t, reduction="none").mean(-1)),
    "cross_entropy": (CrossEntropy("nats"), cross_entropy),
    "cross_entropy_bits": (CrossEntropy("bits"), lambda p, t: cross_entropy(p, t) / math.log(2)),
}
"""Each score whose slope is its own, and what it is of one sequence or step, (S, B, T, O) and targets -> (S, B, T)."""

each_score = pytest.mark.parametrize("name", EACH)
each_weight = pytest.mark.parametrize("weighted", [None, False, True], ids=["last", "steps", "weighted"])


def oracle(each: Tensor, weight: Tensor | None) -> Tensor:
    """The mean of each seed, in a loop."""
    if weight is None:
        return torch.stack([row.mean() for row in each])
    return torch.stack([(row * w).sum() / w.sum() for row, w in zip(each, weight, strict=True)])


@each_score
@each_weight
def test_a_score_and_its_slope_are_torchs(name: str, weighted: bool | None) -> None:
    score, of_each = EACH[name]
    prediction, target = case(score, steps=weighted is not None)
    weight = weights() if weighted else None
    free = prediction.clone().requires_grad_()
    expected = oracle(of_each(free, target), weight)
    (gradient,) = torch.autograd.grad(expected.sum(), free)
    value, slope = score.slope(prediction, target, weight)
    for found in (value, score.value(prediction, target, weight)):
        torch.testing.assert_close(found, expected.detach(), rtol=0, atol=1e-10)
    torch.testing.assert_close(slope, gradient, rtol=0, atol=1e-10)
    assert slope.shape == prediction.shape
    assert not value.requires_grad
    assert (score.name, score.targets) == (name, "classes" if name.startswith("cross") else "values")


@each_weight
def test_the_error_rate_counts_and_is_trained_by_the_cross_entropy(weighted: bool | None) -> None:
    score = ErrorRate()
    prediction, target = case(score, steps=weighted is not None)
    weight = weights() if weighted else None
    wrong = (prediction.argmax(-1) != target).double()
    value, slope = score.slope(prediction, target, weight)
    torch.testing.assert_close(value, oracle(wrong, weight), rtol=0, atol=1e-12)
    trained = CrossEntropy("nats").slope(prediction, target, weight)
    assert torch.equal(slope, trained[1])
    shown = score.shown(prediction, target, weight)
    assert shown.keys() == {"cross_entropy", "accuracy"}
    torch.testing.assert_close(shown["cross_entropy"], trained[0], rtol=0, atol=1e-12)
    torch.testing.assert_close(shown["accuracy"], 1 - value, rtol=0, atol=1e-12)
    assert 0 < value.min() <= value.max() <= 1


def test_what_is_shown_beside_a_score() -> None:
    prediction, target = case(CrossEntropy("bits"), steps=True)
    shown = CrossEntropy("bits").shown(prediction, target, weights())
    torch.testing.assert_close(shown["accuracy"], 1 - ErrorRate().value(prediction, target, weights()))
    prediction, target = case(AbsoluteError(), steps=True)
    shown = AbsoluteError().shown(prediction, target, weights())
    torch.testing.assert_close(shown["mse"], SquaredError().value(prediction, target, weights()))
    assert SquaredError().shown(prediction, target, None) == {}


def test_bits_are_nats_over_ln_2() -> None:
    prediction, target = case(CrossEntropy("nats"), steps=True)
    nats, bits = (CrossEntropy(unit).slope(prediction, target, weights()) for unit in ("nats", "bits"))
    for one, other in zip(nats, bits, strict=True):
        torch.testing.assert_close(other, one / math.log(2), rtol=1e-12, atol=0)
    sure = torch.full((1, 1, 8), 0.0, dtype=torch.float64)
    assert CrossEntropy("bits").value(sure, torch.zeros(1, 1, dtype=torch.long), None).item() == pytest.approx(3)
    with pytest.raises(ValueError, match="unit must be 'nats' or 'bits', got 'bans'"):
        CrossEntropy("bans")


ALL = {**{name: score for name, (score, _) in EACH.items()}, "error_rate": ErrorRate()}


@pytest.mark.parametrize("name", ALL)
def test_a_step_without_weight_has_no_part_in_the_score_whatever_stands_there(name: str) -> None:
    score = ALL[name]
    prediction, target = case(score, steps=True)
    weight = weights()
    before = score.value(prediction, target, weight)
    slope = score.slope(prediction, target, weight)[1]
    changed = prediction.clone()
    changed[weight == 0] = 1e6 * torch.randn(O, generator=drawn(4), dtype=torch.float64)
    assert torch.equal(score.value(changed, target, weight), before)
    assert torch.equal(score.slope(changed, target, weight)[1][weight > 0], slope[weight > 0])
    assert not slope[weight == 0].any()
    changed[weight == 0] = torch.nan
    assert torch.equal(score.value(changed, target, weight), before)


@pytest.mark.parametrize("name", ALL)
def test_a_seed_without_any_weight_scores_0_and_learns_nothing(name: str) -> None:
    score = ALL[name]
    prediction, target = case(score, steps=True)
    weight = weights()
    weight[2] = 0
    value, slope = score.slope(prediction, target, weight)
    assert value[2] == 0
    assert not slope[2].any()
    assert value[:2].min() > 0


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
@each_weight
def test_a_prediction_that_is_no_number_spoils_its_own_seed_alone(name: str, bad: float, weighted: bool | None) -> None:
    score = ALL[name]
    prediction, target = case(score, steps=weighted is not None)
    weight = torch.ones(SEEDS, B, T) if weighted else None
    before = score.value(prediction, target, weight)
    prediction[(1, 2, 3, 4) if weighted is not None else (1, 2, 4)] = bad
    value, _ = score.slope(prediction, target, weight)
    assert not value[1].isfinite()
    assert value[1].isnan() or score.targets == "values"
    assert torch.equal(value[[0, 2]], before[[0, 2]])


def test_logits_of_minus_infinity_are_no_error_rate() -> None:
    prediction, target = case(ErrorRate(), steps=False)
    prediction[0, 0, 0] = -math.inf
    assert ErrorRate().value(prediction, target, None)[0].isnan()


class Quartic(Score):
    """As somebody would write it who knows no calculus."""

    name, label, unit = "quartic", "quartic", "fourth powers"
    targets = "values"

    def value(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        each = (prediction - target).pow(4).mean(-1)
        if weight is None:
            return each.mean(tuple(range(1, each.dim())))
        return (each * weight).sum((1, 2)) / weight.sum((1, 2))


@each_weight
def test_a_score_of_ones_own_is_differentiated_by_autograd(weighted: bool | None) -> None:
    score = Quartic()
    prediction, target = case(score, steps=weighted is not None)
    weight = weights() if weighted else None
    with torch.no_grad():  # as in training
        value, slope = score.slope(prediction, target, weight)
    error = prediction - target
    share = torch.ones(error.shape[:-1], dtype=torch.float64) / error[0, ..., 0].numel()
    if weight is not None:
        share = weight / weight.sum((1, 2))[:, None, None]
    torch.testing.assert_close(slope, 4 * error**3 * share[..., None] / O, rtol=0, atol=1e-10)
    torch.testing.assert_close(value, oracle(error.pow(4).mean(-1), weight), rtol=0, atol=1e-10)
    assert not any(each.requires_grad for each in (value, slope, prediction))


# ---------------------------------------------------------------- means over batches


@pytest.mark.parametrize("weighted", [False, True])
def test_a_running_mean_is_the_mean_over_all_at_once(weighted: bool) -> None:
    score = SquaredError()
    prediction, target = case(score, steps=True)
    weight = weights() if weighted else None
    mean = RunningMean()
    assert mean.is_empty
    for rows in (slice(0, 3), slice(3, 4)):
        part = None if weight is None else weight[:, rows]
        count = prediction[:, rows].shape[1] if part is None else part.flatten(1).sum(1)
        mean.add(score.value(prediction[:, rows], target[:, rows], part), count)
    torch.testing.assert_close(mean.mean(), score.value(prediction, target, weight), rtol=0, atol=1e-10)
    mean.reset()
    mean.add(torch.tensor([2.0, 5.0]), 3)
    assert mean.mean().tolist() == [2, 5]
