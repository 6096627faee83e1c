"""The choice among the settings of what is compared. It sees validation scores and no others."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from seqexp.compare.data_sets import DataSet
from seqexp.compare.rows import Scores
from seqexp.compare.swept import split


@dataclass(frozen=True)
class Choice:
    """Which rows stand for what is compared.

    Attributes:
        picked: positions of rows: all of them where nothing is to choose, none where choosing needs a validation score
            that is not there.
        notes: how they were chosen.
    """

    picked: list[int]
    notes: list[str]


def choose(data_set: DataSet) -> Choice:
    """Picks one row of each name by mean validation score. Test scores are not looked at.

    A seed that diverged has no finite score, so a setting with a smaller share of diverged seeds goes first.
    """
    rows = data_set.rows
    if not data_set.selects:
        return Choice(list(range(len(rows))), [])
    validation = [row.val for row in rows]
    if any(scores is None for scores in validation):
        return Choice([], ["Nothing is picked among the settings: a choice needs a validation split."])
    ranks = [_rank(scores) for scores in validation if scores is not None]
    by_name = split(range(len(rows)), lambda index: rows[index].name)
    hopeless = [name for name, indices in by_name.items() if min(ranks[index][0] for index in indices) == 1]
    if hopeless:
        return Choice([], [f"Nothing is picked: no setting of {', '.join(hopeless)} has a validation score."])
    picked: list[int] = []
    notes: list[str] = []
    for name, indices in by_name.items():
        best = min(indices, key=lambda index: ranks[index])
        picked.append(best)
        if len(indices) > 1:
            diverging = sum(ranks[index][0] > ranks[best][0] for index in indices)
            passed_over = f", {diverging} passed over because seeds diverged" if diverging else ""
            chosen = f"{rows[best].setting} was picked from {len(indices)} settings"
            notes.append(f"{name}: {chosen} by mean validation {data_set.metric.label}{passed_over}.")
        found = [scores for index in indices if (scores := rows[index].val) is not None]
        if len({scores.seeds.tobytes() for scores in found}) > 1:
            notes.append(f"{name}: its settings were not all trained on the same seeds.")
        elif any(part.any() for scores in found for part in found[0].learnt.differ(scores.learnt)):
            notes.append(f"{name}: its settings were not all trained on the same data.")
    budgets = {name: len(indices) for name, indices in by_name.items()}
    if len(set(budgets.values())) > 1:
        counts = ", ".join(f"{name} {count}" for name, count in budgets.items())
        notes.append(f"Unequal budgets: the number of settings to pick from was {counts}.")
    return Choice(picked, notes)


def _rank(scores: Scores) -> tuple[float, float]:
    diverged = scores.num_diverged / len(scores.values)
    return diverged, math.inf if diverged == 1 else float(np.nanmean(scores.values))
