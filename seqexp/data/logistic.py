"""Logistic regression: what classes can be told from input values without a network."""

from __future__ import annotations

import torch
from torch import Tensor

from seqexp.data.guesses import constant, differ, rows, standard, too_much, with_constant
from seqexp.data.shape import Classes
from seqexp.data.split import Split

MOST_PASSES = 400
"""How often the training rows of a seed are gone through at most, each time with two matrix products."""

NEARLY = 1e-8
"""So much of the first gradient's norm is left at the end, where that takes fewer passes."""


def logistic(train: Split, test: Split, targets: Classes) -> Tensor | str:
    """Multinomial logistic regression on input values, per seed.

    A class of the last step is fitted to the values of all steps; classes of every step to the values of the same step,
    with one matrix for all steps. With x standardised by the n training rows that count, and a 1 among its columns,

        logits = constant + x W,    minimised: sum_n w_n * cross-entropy_n + 1/2 * |W|^2

    where the weights w have a mean of 1, and `constant` is the guess of that name. The last term is what
    `sklearn.linear_model.LogisticRegression` has by default (C = 1); here it keeps W finite also where classes can be
    told apart without an error. W starts at 0 and takes steps of Newton's method, each solved by conjugate
    gradients, until the gradient is nearly 0 or `MOST_PASSES` are used up.

    Args:
        train: what is fitted; inputs are values, targets classes.
        test: whose targets are predicted.
        targets: the classes.

    Returns:
        (S, N, C) or (S, N, T, C) float64 logits; or why there is none.
    """
    per_step = train.targets.dim() == 3
    num_seeds, num_rows, columns = rows(train.inputs, per_step).shape
    work = MOST_PASSES * 2 * num_rows * (columns + 1) * targets.count
    reason = differ(train, test, per_step) or too_much(work)
    if reason is not None:
        return reason
    offset = constant(train, targets).cpu().view(num_seeds, 1, targets.count)
    weight = torch.ones(num_seeds, num_rows) if train.weight is None else train.weight.flatten(1)
    tables = (train.inputs, test.inputs)
    fitted, asked = (rows(each.double().cpu(), per_step) for each in tables)
    found = []
    for x, y, w, x_test, share in zip(fitted, train.targets.flatten(1), weight, asked, offset, strict=True):
        counts = w.cpu() > 0
        x, x_test = map(with_constant, standard(x[counts], x_test))
        w = w.cpu()[counts].double()
        solution = _minimise(x, y.cpu()[counts], w / w.mean(), share)
        found.append(share + x_test @ solution)
    logits = torch.stack(found)
    return logits.unflatten(1, (-1, test.steps)) if per_step else logits


def _minimise(x: Tensor, y: Tensor, weight: Tensor, offset: Tensor) -> Tensor:
    """The W of one seed: x (n, F), y (n,), weight (n,), offset (1, C) -> (F, C)."""
    problem = _Problem(x, torch.nn.functional.one_hot(y, offset.shape[1]).double(), weight[:, None] / len(x), offset)
    solution = torch.zeros(x.shape[1], offset.shape[1], dtype=torch.float64)
    value, shares, slope = problem.at(solution)
    first = norm = slope.norm()
    while norm > NEARLY * first and problem.passes < MOST_PASSES:
        step = problem.newton(shares, slope, float(min(0.5, (norm / first).sqrt()) * norm))
        gain, size = float((slope * step).sum()), 1.0  # < 0
        while problem.passes < MOST_PASSES:
            found = problem.at(solution + size * step)
            if found[0] <= value + 1e-4 * size * gain:
                break
            size /= 2
        else:
            return solution
        solution = solution + size * step
        value, shares, slope = found
        norm = slope.norm()
    return solution


class _Problem:
    """What is minimised for one seed, mean cross-entropy and |W|^2 / 2n, and how often its rows were gone through."""

    def __init__(self, x: Tensor, hot: Tensor, weight: Tensor, offset: Tensor) -> None:
        self.x, self.hot, self.weight, self.offset = x, hot, weight, offset
        self.decay = 1 / len(x)
        self.passes = 0

    def at(self, solution: Tensor) -> tuple[float, Tensor, Tensor]:
        """The value, the classes' shares (n, C), and the gradient (F, C)."""
        self.passes += 1
        logs = (self.offset + self.x @ solution).log_softmax(1)
        shares = logs.exp()
        value = self.decay / 2 * solution.square().sum() - (self.weight * self.hot * logs).sum()
        return float(value), shares, self.x.mT @ (self.weight * (shares - self.hot)) + self.decay * solution

    def newton(self, shares: Tensor, slope: Tensor, near: float) -> Tensor:
        """The step H^-1 (-slope) by conjugate gradients, until what is left of the slope is as small as `near`."""
        step, rest = torch.zeros_like(slope), -slope
        way, left = rest, float(rest.square().sum())
        while left > near**2 and self.passes < MOST_PASSES:
            self.passes += 1
            moved = shares * (self.x @ way)
            turned = self.x.mT @ (self.weight * (moved - shares * moved.sum(1, keepdim=True))) + self.decay * way
            size = left / float((way * turned).sum())
            step, rest = step + size * way, rest - size * turned
            before, left = left, float(rest.square().sum())
            way = rest + left / before * way
        return step
