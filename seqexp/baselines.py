"""What no training gets: scores to hold every trained one against."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from seqexp.config import LONGEST_NAME, MOST_BASELINES
from seqexp.data.check import check_guess, check_guess_names
from seqexp.data.split import Split
from seqexp.data.task import Task

NOISE = "noise"
"""The name of the noiseless targets' score, which no guess of a task may have."""


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
        ValueError: a guess is no tensor of floats, has another shape, numbers that are not finite, or a name that is
            taken.
    """
    guesses = task.guesses(train, test)
    check_guess_names(task, guesses, taken=NOISE, most=MOST_BASELINES - 1, longest=LONGEST_NAME)
    for name, values in guesses.items():
        if values is not None:
            check_guess(task, name, values, test)
    return {**guesses, NOISE: test.noiseless}


def score(guesses: Mapping[str, Tensor | None], test: Split) -> dict[str, Tensor | None]:
    """Scores guesses on the same test targets as the trained models.

    Args:
        guesses: as `guess` returns them.
        test: the split that they were made for, or the first of its sequences.

    Returns:
        Name -> MSE of each seed, (S,) float64, or None where the guess has no meaning.
    """
    targets = test.targets.double().cpu()  # (S, N, O)
    return {
        name: None
        if values is None
        else (values[:, : targets.shape[1]].double() - targets).square().mean((1, 2))  # (S, N, O) -> (S,)
        for name, values in guesses.items()
    }
