"""How far predictions are from targets: scores, their gradients, and means of them over batches."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torch
from torch import Tensor


class Score(ABC):
    """A number for each seed: >= 0, lower is better, 0 is perfect.

    Predictions are (S, B, O) for one target a sequence or (S, B, T, O) for one a step; targets have the same shape, or
    are class numbers without O, to which the predictions are logits. Only targets of every step have a weight.

    Attributes:
        name: short, as in tags, columns and records.
        label: the same as tables and figures show it.
        unit: what it is measured in.
        targets: what it scores, values or classes.
    """

    name: str
    label: str
    unit: str
    targets: ClassVar[Literal["values", "classes"]]

    @abstractmethod
    def value(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        """Scores predictions.

        Args:
            prediction: (S, B, O) or (S, B, T, O).
            target: the same shape, or class numbers (S, B) or (S, B, T).
            weight: (S, B, T) how much each step counts, None for all alike.

        Returns:
            The (weighted) mean, (S,); 0 for a seed whose weights are all 0.
        """

    def slope(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
        """Scores predictions and says where they are to go. A score whose formula is short overrides it, for speed.

        The arguments are those of `value`.

        Returns:
            The score (S,), and the gradient by the prediction of what each seed minimises: the score itself, but where
            a score has none that leads anywhere.
        """
        with torch.enable_grad():
            free = prediction.detach().requires_grad_()
            value = self.value(free, target, weight)
            (slope,) = torch.autograd.grad(value.sum(), free)
        return value.detach(), slope

    def shown(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> dict[str, Tensor]:
        """Other numbers to be shown beside the score, by name, (S,) each; of accuracies, more is better."""
        return {}


def weighted_mean(each: Tensor, weight: Tensor | None) -> Tensor:
    """The mean for each seed of (S, B) or (S, B, T), where the weight counts the steps."""
    if weight is None:
        return each.mean(tuple(range(1, each.dim())))
    total = weight.flatten(1).sum(1)
    # Where nothing counts there is no product to be 0 times infinity.
    return torch.where(weight > 0, each * weight, 0).flatten(1).sum(1) / torch.where(total > 0, total, 1)


def step_share(target: Tensor, steps: tuple[int, ...], weight: Tensor | None) -> Tensor | float:
    """What one step's score is of its seed's mean: one number, or (S, B, T, 1) where steps have weights.

    Args:
        target: any tensor of the dtype that is computed in.
        steps: the shape of one seed's steps, (B,) or (B, T).
        weight: as for a score.
    """
    if weight is None:
        return 1 / math.prod(steps)
    total = weight.flatten(1).sum(1)  # (S,)
    return (weight / torch.where(total > 0, total, 1)[:, None, None]).unsqueeze(3).to(target.dtype)


class SquaredError(Score):
    """Mean squared error: the mean over sequences, steps and features of e^2, e = prediction - target."""

    name, label, unit = "mse", "MSE", "squared units of the data"
    targets = "values"

    def value(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        """The mean of e^2."""
        return _mean((prediction - target).square(), weight)

    def slope(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
        """The mean of e^2 over n numbers, and 2 e / n."""
        error = prediction - target
        if weight is None:
            return _mean(error.square(), None), error * (2 / error[0].numel())
        return _mean(error.square(), weight), error * step_share(error, (), weight) * (2 / error.shape[-1])


class AbsoluteError(Score):
    """Mean absolute error: the mean over sequences, steps and features of |e|, e = prediction - target."""

    name, label, unit = "mae", "MAE", "units of the data"
    targets = "values"

    def value(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        """The mean of |e|."""
        return _mean((prediction - target).abs(), weight)

    def slope(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
        """The mean of |e| over n numbers, and sign(e) / n; 0 where e is 0."""
        error = prediction - target
        each = step_share(error, tuple(error.shape[1:-1]), weight)
        return _mean(error.abs(), weight), error.sign() * each / error.shape[-1]

    def shown(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> dict[str, Tensor]:
        """The mean squared error."""
        return {"mse": SquaredError().value(prediction, target, weight)}


class CrossEntropy(Score):
    """The mean over sequences and steps of -log p of the right class, p = softmax(prediction).

    Args:
        unit: "nats" for the natural logarithm, "bits" for that to the base 2.

    Raises:
        ValueError: it is neither.
    """

    targets = "classes"

    def __init__(self, unit: str) -> None:
        if unit not in ("nats", "bits"):
            raise ValueError(f"unit must be 'nats' or 'bits', got {unit!r}")
        self.unit = unit
        self.scale = 1.0 if unit == "nats" else 1 / math.log(2)
        self.name = "cross_entropy" if unit == "nats" else "cross_entropy_bits"
        self.label = f"cross-entropy in {unit}"

    def value(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        """The mean of -log p."""
        return self._score(torch.log_softmax(prediction, -1), target, weight)

    def slope(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
        """The mean of -log p over n steps, and (p - [class is right]) / n."""
        logs = torch.log_softmax(prediction, -1)
        slope = logs.exp()
        index = target.unsqueeze(-1)
        slope.scatter_add_(-1, index, slope.new_full((), -1.0).expand(index.shape))
        return self._score(logs, target, weight), slope * step_share(
            slope, tuple(target.shape[1:]), weight
        ) * self.scale

    def shown(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> dict[str, Tensor]:
        """The share of right classes."""
        return {"accuracy": 1 - error_rate(prediction, target, weight)}

    def _score(self, logs: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        right = logs.gather(-1, target.unsqueeze(-1)).squeeze(-1)  # (S, B[, T], C) -> (S, B[, T])
        return weighted_mean(-right, weight) * self.scale


class ErrorRate(Score):
    """The share of sequences or steps whose likeliest class is wrong; its gradient is that of the cross-entropy."""

    name, label, unit = "error_rate", "error rate", "share of the targets"
    targets = "classes"

    def __init__(self) -> None:
        self.trained = CrossEntropy("nats")

    def value(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        """The share of wrong classes."""
        return error_rate(prediction, target, weight)

    def slope(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
        """The share of wrong classes, which has no useful gradient, and the cross-entropy's gradient."""
        return self.value(prediction, target, weight), self.trained.slope(prediction, target, weight)[1]

    def shown(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> dict[str, Tensor]:
        """The cross-entropy, and the share of right classes."""
        return {
            self.trained.name: self.trained.value(prediction, target, weight),
            "accuracy": 1 - self.value(prediction, target, weight),
        }


def error_rate(prediction: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    """The (weighted) share for each seed, (S,), of targets that are not the likeliest class; NaN if a logit is none."""
    wrong = (prediction.argmax(-1) != target).to(prediction.dtype)
    nothing = prediction.sum(-1) * 0  # NaN where a logit is NaN or infinite: no class is likeliest there
    return weighted_mean(wrong + nothing, weight)


def _mean(each: Tensor, weight: Tensor | None) -> Tensor:
    """The mean over steps and features, (S, B[, T], O) -> (S,)."""
    return each.mean(tuple(range(1, each.dim()))) if weight is None else weighted_mean(each.mean(-1), weight)


class RunningMean:
    """The mean of per-seed scores over batches of different size."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets everything."""
        self.total: Tensor | float = 0.0
        self.count: Tensor | int = 0
        self.is_empty = True

    def add(self, score: Tensor, count: Tensor | int) -> None:
        """Adds the mean score (S,) of `count` sequences, or of steps whose weights sum to (S,)."""
        self.total = self.total + score * count
        self.count = self.count + count
        self.is_empty = False

    def mean(self) -> Tensor:
        """Returns the mean of all so far, (S,)."""
        return torch.as_tensor(self.total / self.count)
