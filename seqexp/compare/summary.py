"""Several tasks at once: from the sections of a comparison to one summary."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from seqexp.compare.relative import Relative, relative
from seqexp.compare.section import Section
from seqexp.compare.summary_verdict import counted, left_out, sentences
from seqexp.compare.tasks import OUTCOMES, Task, tasks
from seqexp.record.files import null_for_nan
from seqexp.statistics import Array, Interval
from seqexp.statistics.tasks import (
    Friedman,
    critical_difference,
    friedman,
    mean_log_ratio,
    tasks_needed,
)

MOST_PAIRS = 10
"""Pairs that have a sentence."""

MOST_SHORT = 3
"""Pairs up to which all are on the console."""

LEAST_TASKS = 3
"""Fewer are read one by one."""


@dataclass(frozen=True, kw_only=True)
class TasksPair:
    """Two rows over all tasks.

    Attributes:
        first: label of the one with the lower mean rank.
        second: label of the other.
        outcomes: what the first is on how many tasks, by the verdicts.
        ratio: geometric mean over the tasks of first over second, with its interval; None where it has no meaning.
        no_ratio: the tasks on which the two have no ratio.
        differ: whether their mean ranks are a critical difference apart.
    """

    first: str
    second: str
    outcomes: dict[str, int]
    ratio: Interval | None
    no_ratio: list[str]
    differ: bool


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What three tasks or more show together of k rows.

    Attributes:
        rows: k labels, the lowest mean rank first.
        tasks: N names.
        ranks: (N, k) of the rows on each task.
        mean_ranks: (k,).
        critical: the critical difference of mean ranks; infinite where so few tasks can show none.
        needed: on how many tasks two mean ranks can be a critical difference apart.
        friedman: the test of all rows at once.
        pairs: all pairs of rows.
        relative: scores relative to the tasks' baselines; None for fewer than five tasks with a baseline.
        notes: sentences on how tasks were counted, and what was left out.
    """

    rows: list[str]
    tasks: list[str]
    ranks: Array
    mean_ranks: Array
    critical: float
    needed: int
    friedman: Friedman
    pairs: list[TasksPair]
    relative: Relative | None
    notes: list[str]

    @property
    def sentences(self) -> list[str]:
        """What the tasks show together, in plain words."""
        return sentences(self, MOST_PAIRS, "comparison.json")

    @property
    def short(self) -> list[str]:
        """The same on a console: of more than a few pairs those of the best row."""
        most = len(self.rows) - 1 if len(self.pairs) > MOST_SHORT else MOST_SHORT
        return sentences(self, min(most, MOST_PAIRS), "comparison.md")

    def as_dict(self) -> dict[str, Any]:
        """All of it for JSON, but for the profiles; what is not finite is None."""
        means = zip(self.rows, self.relative.found.means, strict=True) if self.relative else ()
        found = {
            "rows": self.rows,
            "tasks": self.tasks,
            "ranks": dict(zip(self.tasks, self.ranks.tolist(), strict=True)),
            "mean_ranks": dict(zip(self.rows, self.mean_ranks.tolist(), strict=True)),
            "critical_difference": self.critical,
            "tasks_needed": self.needed,
            "friedman": asdict(self.friedman),
            "pairs": [asdict(pair) for pair in self.pairs],
            "interquartile_means": {row: asdict(mean) for row, mean in means},
            "interquartile_tasks": self.relative.tasks if self.relative else {},
            "sentences": self.sentences,
            "notes": self.notes,
        }
        plain: dict[str, Any] = null_for_nan(found)
        return plain


def summarise(sections: Sequence[Section]) -> Summary | None:
    """Puts three tasks or more together, by the rows that were compared on all of them.

    Args:
        sections: of a comparison, all data sets.

    Returns:
        The summary; None where there are fewer tasks, or fewer than two rows that all of them have.
    """
    every = tasks(sections)
    labels = _common(every)
    if len(labels) < 2:
        return None
    known = [(task, ranks) for task in every if (ranks := task.ranks(labels)) is not None]
    if len(known) < LEAST_TASKS:
        return None
    used = [task for task, _ in known]
    ranks = np.array([found for _, found in known])  # (N, k)
    order = np.argsort(ranks.mean(axis=0), kind="stable")
    labels, ranks = [labels[index] for index in order], ranks[:, order]
    means, critical = ranks.mean(axis=0), critical_difference(len(labels), len(used))
    scores, without = relative(used, labels)
    return Summary(
        rows=labels,
        tasks=[task.name for task in used],
        ranks=ranks,
        mean_ranks=means,
        critical=critical,
        needed=tasks_needed(len(labels)),
        friedman=friedman(ranks),
        pairs=_pairs(used, labels, means, critical),
        relative=scores,
        notes=[*counted(used), *left_out(every, used, labels), *without],
    )


def missing(sections: Sequence[Section]) -> str | None:
    """Why three tasks or more have no summary; None where there are fewer, which need no word."""
    every = tasks(sections)
    if len(every) < LEAST_TASKS:
        return None
    why = "no seed is shared by all rows" if len(_common(every)) > 1 else "fewer than two rows were compared on all"
    return f"There is no summary of the {len(every)} tasks: {why}."


def _common(every: Sequence[Task]) -> list[str]:
    """Labels of the rows that all tasks have."""
    first = every[0].rows if every else []
    return [label for label in first if all(label in task.rows for task in every)]


def _pairs(used: Sequence[Task], labels: Sequence[str], means: Array, critical: float) -> list[TasksPair]:
    pairs = list(combinations(range(len(labels)), 2))
    found = []
    for first, second in pairs:
        names = labels[first], labels[second]
        outcomes = Counter(task.outcome(*names) for task in used)
        logs = {task.name: task.log_ratio(*names) for task in used}
        no_ratio = [name for name, log in logs.items() if not math.isfinite(log)]
        ratio = None if no_ratio else mean_log_ratio(np.array(list(logs.values())), len(pairs))
        found.append(
            TasksPair(
                first=names[0],
                second=names[1],
                outcomes={name: outcomes[name] for name in OUTCOMES},
                ratio=ratio,
                no_ratio=no_ratio,
                differ=bool(means[second] - means[first] >= critical - 1e-9),
            )
        )
    return found
