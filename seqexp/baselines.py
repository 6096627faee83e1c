"""What no training gets: scores to hold every trained one against."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from seqexp.config import LONGEST_NAME, MOST_BASELINES
from seqexp.data.check import check_guess, check_guess_names
from seqexp.data.guesses import Guess
from seqexp.data.split import Split
from seqexp.data.task import Task
from seqexp.score import Score

NOISE = "noise"
"""The name of the best prediction's score, which no guess of a task may have."""


def guess(task: Task, train: Split, test: Split) -> dict[str, Guess]:
    """Asks a task for what needs no training.

    Args:
        task: made both splits.
        train: what a guess may be fitted to.
        test: whose targets are guessed.

    Returns:
        The task's own guesses, and `noise`, the best prediction: each in the shape of a prediction of the targets, with
        1 in the place of N or T where all are alike; a text where it is left out, None where it has no meaning.

    Raises:
        ValueError: a guess is neither a tensor of floats nor a line of text, has another shape, numbers that are not
            finite, or a name that is taken.
    """
    with _one_thread():
        guesses = task.guesses(train, test)
    check_guess_names(task, guesses, taken=NOISE, most=MOST_BASELINES - 1, longest=LONGEST_NAME)
    for name, values in guesses.items():
        if values is not None and not isinstance(values, str):
            check_guess(task, name, values, test)
    return {**guesses, NOISE: test.best}


def score(guesses: Mapping[str, Guess], test: Split, score: Score) -> dict[str, Tensor | None]:
    """Scores guesses on the same test targets as the trained models.

    Args:
        guesses: as `guess` returns them.
        test: the split that they were made for, or the first of its sequences.
        score: how far they are from the targets.

    Returns:
        Name -> score of each seed, (S,), computed in float64; None where there is no guess.
    """
    test = test.to(torch.device("cpu"), torch.float64)
    found: dict[str, Tensor | None] = {}
    for name, values in guesses.items():
        if not isinstance(values, Tensor):
            found[name] = None
            continue
        steps = (test.steps,) if values.dim() == 4 else ()
        values = (
            values[:, : test.num_sequences].double().cpu().expand(-1, test.num_sequences, *steps, -1)
        )  # (S, N[, T], O)
        found[name] = score.value(values, test.targets, test.weight)
    return found


def left_out(guesses: Mapping[str, Guess]) -> dict[str, str]:
    """Name -> why there is no such guess, for those that give a reason."""
    return {name: reason for name, reason in guesses.items() if isinstance(reason, str)}


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Small fits are slower on several threads, by far where other programs run beside, and their bits may differ."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
