"""The other tests of a trained model, by name: which task makes each, and of what length."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from seqexp.data.check import check_task
from seqexp.data.task import Task

TEST = "test"

TARGET = f"{TEST}@target="
"""Begins the name of the test of one target alone, where there are several."""


def elsewhere(
    task: Task,
    test_lengths: Sequence[int],
    evaluations: Mapping[str, Mapping[str, Any]],
    make_task: Callable[[Mapping[str, Any]], Task],
) -> dict[str, tuple[Task, int | None]]:
    """The task and the length of each evaluation, by its name.

    Args:
        task: that the model is trained on.
        test_lengths: lengths T, each a test of that task; named `test@40`.
        evaluations: name -> the settings of the task that differ; named `test@name`.
        make_task: builds a task with some settings changed.

    Raises:
        ValueError: a name or a setting is wrong, or sizes differ from those that the model was made for.
    """
    found: dict[str, tuple[Task, int | None]] = {}
    if test_lengths and not task.chooses_length:
        raise ValueError("test_lengths must be [] for this task: its sequences have one length, which it was made with")
    for length in test_lengths:
        if type(length) is not int or length < 1 or f"{TEST}@{length}" in found:
            raise ValueError(f"test_lengths must be whole numbers >= 1, each once, got {list(test_lengths)}")
        found[f"{TEST}@{length}"] = (task, length)
    if not isinstance(evaluations, Mapping):
        raise ValueError(f"evaluations must be settings of the task by name, got {evaluations!r}")
    for name, changes in evaluations.items():
        key = f"{TEST}@{name}"
        if not re.fullmatch(r"[A-Za-z0-9_.,=-]{1,40}", str(name)) or key in found:
            raise ValueError(
                f"evaluations must have names of at most 40 letters, digits and _.,=-, each once and no test length, "
                f"got {name!r}"
            )
        if not isinstance(changes, Mapping) or "_target_" in changes:
            raise ValueError(f"evaluations.{name} must be settings of the same task, got {changes!r}")
        try:
            other = make_task(changes)
            other.follow(task)
            check_task(other)
        except ValueError as error:
            raise ValueError(f"evaluations.{name}: {error}") from error
        if (other.inputs, other.targets, other.reads) != (task.inputs, task.targets, task.reads):
            raise ValueError(
                f"evaluations.{name} must leave inputs and targets of the size that the model was made for"
            )
        is_deck = task.fixed and not task.chronological
        if is_deck and other.num_sequences != task.num_sequences and not of_other_files(task, other):
            raise ValueError(f"evaluations.{name} must leave the number of sequences as it is")
        found[key] = (other, None)
    return found


def of_other_files(task: Task, other: Task) -> bool:
    """Whether two tasks are read from different files."""
    paths = [[os.path.realpath(each) for each in some.sources] for some in (task, other)]
    return paths[0] != paths[1]
