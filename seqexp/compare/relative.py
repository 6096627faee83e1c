"""Scores over those of each task's baseline, over tasks and seeds: interquartile means and profiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqexp.compare.swept import split
from seqexp.compare.tasks import Task
from seqexp.statistics import Array
from seqexp.statistics.tasks import Aggregate, aggregate

LEAST_TASKS = 5
"""Tasks from which on scores are put together over tasks and seeds."""

FEW_SEEDS = 5
"""Seeds below which bootstrap intervals are too narrow (`python scripts/check_tasks.py`)."""

NUM_LEVELS = 200
"""At so many scores a profile is taken."""

_BEYOND = 1.1  # so that a profile is seen to leave 0 and to reach 1
_SEED = 2021  # of the bootstrap: the same records give the same intervals


@dataclass(frozen=True, kw_only=True)
class Relative:
    """Scores over those of each task's baseline on the same seed, over tasks and seeds.

    Attributes:
        tasks: which ones, and the baseline of each.
        num_seeds: seeds of each task, the first ones where a task has more.
        found: interquartile means and profiles, in the order of the summary's rows.
    """

    tasks: dict[str, str]
    num_seeds: int
    found: Aggregate


def relative(used: Sequence[Task], labels: Sequence[str]) -> tuple[Relative | None, list[str]]:
    """Puts the relative scores of some rows together.

    Args:
        used: the tasks.
        labels: the rows.

    Returns:
        What was found, None for fewer than five tasks, and sentences on what was left out.
    """
    if len(used) < LEAST_TASKS:
        return None, []
    found = [(task, task.relative(labels)) for task in used]
    notes = [
        f"{task.name} is left out of interquartile means and profiles: {scores}."
        for task, scores in found
        if isinstance(scores, str)
    ]
    known = [(task, *scores) for task, scores in found if not isinstance(scores, str)]
    if len(known) < LEAST_TASKS:
        return None, [*notes, f"They need {LEAST_TASKS} tasks, so there are none."]
    counts = [scores.shape[1] for _, scores, _ in known]
    least = min(counts)
    if max(counts) > least:
        which = f"the first {least} seeds" if least > 1 else "the first seed"
        notes.append(f"Interquartile means and profiles are of {which} of each task, so that all tasks count alike.")
    if 1 < least < FEW_SEEDS:
        few = f"cover some 90 % instead of 95 % where a task has so few seeds ({least})"
        notes.append(f"The intervals of interquartile means {few}.")
    scores = np.stack([of_task[:, :least] for _, of_task, _ in known], axis=1)  # (k, T, n)
    found_there = aggregate(scores, _levels(scores), np.random.default_rng(_SEED))
    baselines = {task.name: ", ".join(names) for task, _, names in known}
    notes.append(f"Baselines: {_listed(baselines)}.")
    return Relative(tasks=baselines, num_seeds=least, found=found_there), notes


def _listed(baselines: dict[str, str]) -> str:
    """`linear on sine, sum; constant on copy`."""
    parts = split(baselines, lambda task: baselines[task])
    return "; ".join(f"{name} on {', '.join(tasks)}" for name, tasks in parts.items())


def _levels(scores: Array) -> Array:
    """Evenly spaced on a logarithmic scale, from below the least to above the largest score that has a place there."""
    shown = scores[np.isfinite(scores) & (scores > 0)]
    low, high = np.clip([shown.min(initial=1e100), shown.max(initial=1e-100)], 1e-100, 1e100)
    return np.geomspace(min(low, high) / _BEYOND, high * _BEYOND, NUM_LEVELS)
