"""What no training gets: scores to hold every trained one against."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from seqexp.data.split import Split
from seqexp.data.task import Task


def guess(task: Task, train: Split, test: Split) -> dict[str, Tensor | None]:
    """Asks a task for what needs no training.

    Args:
        task: made both splits.
        train: what a guess may be fitted to.
        test: whose targets are guessed.

    Returns:
        The task's own guesses, and `noise`, the noiseless targets: each (S, N, O) or (S, 1, O), None where it has no
        meaning.

    Raises:
        ValueError: a guess has another shape, or numbers that are not finite.
    """
    seeds, count, outputs = test.targets.shape
    guesses = task.guesses(train, test)
    for name, values in guesses.items():
        if values is None:
            continue
        if tuple(values.shape) not in ((seeds, count, outputs), (seeds, 1, outputs)):
            raise ValueError(
                f"{type(task).__qualname__}.guesses: {name} must have the shape (S, N, O) = {(seeds, count, outputs)}, "
                f"or 1 for N, got {tuple(values.shape)}"
            )
        if not values.isfinite().all():
            raise ValueError(f"{type(task).__qualname__}.guesses: {name} must be finite for every sequence")
    return {**guesses, "noise": test.noiseless}


def score(guesses: Mapping[str, Tensor | None], test: Split) -> dict[str, Tensor | None]:
    """Scores guesses on the same test targets as the trained models.

    Args:
        guesses: as `guess` returns them.
        test: the split that they were made for, or the first of its sequences.

    Returns:
        Name -> MSE of each seed, (S,) float64, or None where the guess has no meaning.
    """
    targets = test.targets.double()  # (S, N, O)
    return {
        name: None
        if values is None
        else (values[:, : targets.shape[1]].double() - targets).square().mean((1, 2))  # (S, N, O) -> (S,)
        for name, values in guesses.items()
    }
