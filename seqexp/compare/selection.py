"""The choice of each cell's setting. It sees validation scores and no others."""

from __future__ import annotations

import math

import numpy as np

from seqexp.compare.grouping import DataSet, Scores, split


def pick(data_set: DataSet) -> None:
    """Picks each cell's setting by mean validation MSE, and notes how. Test scores are not looked at.

    A seed that diverged has no finite MSE, so a setting with a smaller share of diverged seeds goes first.
    """
    rows = data_set.rows
    if not data_set.selects:
        data_set.picked = list(range(len(rows)))
        return
    validation = [row.val for row in rows]
    if any(scores is None for scores in validation):
        data_set.notes.append("Nothing is picked among the settings: a choice needs a validation split.")
        return
    ranks = [_rank(scores) for scores in validation if scores is not None]
    by_cell = split(range(len(rows)), lambda index: rows[index].cell)
    hopeless = [cell for cell, indices in by_cell.items() if min(ranks[index][0] for index in indices) == 1]
    if hopeless:
        data_set.notes.append(f"Nothing is picked: no setting of {', '.join(hopeless)} has a validation score.")
        return
    for cell, indices in by_cell.items():
        best = min(indices, key=lambda index: ranks[index])
        data_set.picked.append(best)
        if len(indices) > 1:
            diverging = sum(ranks[index][0] > ranks[best][0] for index in indices)
            passed_over = f", {diverging} passed over because seeds diverged" if diverging else ""
            setting = rows[best].label.removeprefix(f"{cell} ")
            chosen = f"{cell}: {setting} was picked from {len(indices)} settings by mean validation MSE"
            data_set.notes.append(f"{chosen}{passed_over}.")
        if len({rows[index].test.seeds.tobytes() for index in indices}) > 1:
            data_set.notes.append(f"{cell}: its settings were not all trained on the same seeds.")
        elif any(
            rows[best].test.learnt.differ(rows[index].test.learnt)[part].any() for index in indices for part in (0, 1)
        ):
            data_set.notes.append(f"{cell}: its settings were not all trained on the same data.")
    budgets = {cell: len(indices) for cell, indices in by_cell.items()}
    if len(set(budgets.values())) > 1:
        counts = ", ".join(f"{cell} {count}" for cell, count in budgets.items())
        data_set.notes.append(f"Unequal budgets: the number of settings to pick from was {counts}.")


def _rank(scores: Scores) -> tuple[float, float]:
    diverged = scores.num_diverged / len(scores.values)
    return diverged, math.inf if diverged == 1 else float(np.nanmean(scores.values))
