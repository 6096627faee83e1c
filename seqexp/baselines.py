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
        guesses = _once(task, train, test) if task.fixed else task.guesses(train, test)
    check_guess_names(task, guesses, taken=NOISE, most=MOST_BASELINES - 1, longest=LONGEST_NAME)
    for name, values in guesses.items():
        if values is not None and not isinstance(values, str):
            check_guess(task, name, values, test)
    return {**guesses, NOISE: test.best}


def _once(task: Task, train: Split, test: Split) -> dict[str, Guess]:
    """The guesses of a task of one data set, made once for all seeds whose splits are the same."""
    kinds: list[int] = []  # the first seed of each kind
    kind_of: list[int] = []
    for seed in range(len(train.inputs)):
        alike = (kind for kind, first in enumerate(kinds) if all(_same(each, seed, first) for each in (train, test)))
        kind = next(alike, len(kinds))
        kinds += [seed] * (kind == len(kinds))
        kind_of.append(kind)
    found = task.guesses(train.map(lambda each: each[kinds]), test.map(lambda each: each[kinds]))
    if len(kinds) == 1:  # a view: all seeds' would take as many times the memory
        return {name: _expanded(each, len(kind_of)) for name, each in found.items()}
    return {name: each[kind_of] if isinstance(each, Tensor) else each for name, each in found.items()}


def _same(split: Split, one: int, other: int) -> bool:
    return one == other or all(each is None or torch.equal(each[one], each[other]) for each in split)


def _expanded(each: Guess, count: int) -> Guess:
    return each.expand(count, *each.shape[1:]) if isinstance(each, Tensor) and len(each) == 1 else each


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
        count, scored = len(values), test
        if count > 1 and values.stride(0) == 0 and _all_alike(test):  # all seeds' predictions are one
            values, scored = values[:1], test.of(slice(1))
        steps = (test.steps,) if values.dim() == 4 else ()
        values = (
            values[:, : test.num_sequences].double().cpu().expand(-1, test.num_sequences, *steps, -1)
        )  # (S, N[, T], O)
        found[name] = score.value(values, scored.targets, scored.weight).expand(count)
    return found


def _all_alike(test: Split) -> bool:
    """Whether all seeds are scored on the same targets."""
    scored = Split(test.targets, test.targets, test.weight)
    return all(_same(scored, seed, 0) for seed in range(len(test.targets)))


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
