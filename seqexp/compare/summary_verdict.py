"""What several tasks show together, in plain words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqexp.compare.text import DASH, SURE, TIMES, list_text, number_text, ratio_text

if TYPE_CHECKING:
    from seqexp.compare.summary import Summary, TasksPair
    from seqexp.compare.tasks import Task
    from seqexp.statistics import Interval

READING = (
    "Over tasks: on each task the rows are ranked on every seed, and the means over its seeds are ranked again. "
    "Mean ranks that are the critical difference apart differ at 0.05, over all pairs of rows at once (Nemenyi's; "
    "of two rows that of the exact sign test). The mean ratio is the geometric mean over tasks; its interval is "
    "Student's over tasks, and those of all pairs hold at once in 95 % of cases. Both speak of tasks like these. "
    "Interquartile means and profiles are of each seed's score over that of its task's baseline, over tasks and "
    "seeds; their bootstrap intervals speak of new seeds on these very tasks."
)

MOST_ROWS = 8
"""Rows that a sentence lists."""


def sentences(summary: Summary, most_pairs: int, rest: str) -> list[str]:
    """Ranks, then pairs, those of the best row first, then interquartile means.

    Args:
        summary: of the tasks.
        most_pairs: so many pairs have a sentence.
        rest: the file in which the others are.
    """
    pairs = [_pair(pair, len(summary.tasks)) for pair in summary.pairs[:most_pairs]]
    if (more := len(summary.pairs) - most_pairs) > 0:
        pairs.append(f"{more} more pair{'s' * (more > 1)} over tasks: {rest}.")
    return [_ranks(summary), *pairs, *_interquartile(summary)]


def _ranks(summary: Summary) -> str:
    """Mean ranks, and which of them differ."""
    count = len(summary.tasks)
    texts = [f"{row} {rank:.2f}" for row, rank in zip(summary.rows, summary.mean_ranks, strict=True)]
    start = f"Over {count} tasks the mean ranks are {_listed(texts)} (1 is best)"
    if count < summary.needed:
        rows = "two rows" if len(summary.rows) == 2 else f"{len(summary.rows)} rows"
        return f"{start}; ranks of so few tasks cannot show a difference of {rows}, those of {summary.needed} could."
    above: dict[tuple[str, ...], list[str]] = {}  # what is ranked below -> by whom
    for row in summary.rows:
        if below := tuple(pair.second for pair in summary.pairs if pair.differ and pair.first == row):
            above.setdefault(below, []).append(row)
    if not above:
        critical = f"the critical difference of {summary.critical:.2f}"
        return f"{start}; no two are {critical} apart, so their order may be chance."
    found = [f"{_listed(who)} rank{'s' * (len(who) == 1)} above {_listed(list(whom))}" for whom, who in above.items()]
    rest = "" if all(pair.differ for pair in summary.pairs) else "; the others are too close to tell"
    return f"{start}, the critical difference {summary.critical:.2f}: {'; '.join(found)}{rest}."


def _pair(pair: TasksPair, num_tasks: int) -> str:
    """On how many tasks the first is better, and by how much over all."""
    shown = [f"{name} on {count}" for name, count in pair.outcomes.items() if count or name in ("better", "worse")]
    start = f"{pair.first} against {pair.second} on {num_tasks} tasks: {', '.join(shown)}"
    if pair.ratio is None:
        where = _listed(pair.no_ratio)
        return f"{start}; no mean ratio, as there is none on {where}."
    number, space, interval = ratio_text(pair.ratio.mean, pair.ratio.low, pair.ratio.high).partition(" ")
    return f"{start}; mean ratio {number}{TIMES}{space}{interval}."


def _interquartile(summary: Summary) -> list[str]:
    """The middle of all seeds of all tasks, relative to the tasks' baselines."""
    if summary.relative is None:
        return []
    means = zip(summary.rows, summary.relative.found.means, strict=True)
    texts = [f"{row} {_mean(mean)}" for row, mean in means]
    count = len(summary.relative.tasks)
    scored = f"Relative to each task's baseline, the middle half of all seeds on {count} tasks scores on average"
    return [f"{scored} {_listed(texts)}; lower is better, the intervals speak of new seeds on these tasks."]


def _mean(mean: Interval) -> str:
    if math.isinf(mean.mean):
        return "nothing (more than a quarter diverged)"
    if math.isnan(mean.low):
        return number_text(mean.mean, math.nan)
    half = (mean.high - mean.low) / 2 if math.isfinite(mean.high) else math.nan
    high = number_text(mean.high, half) if math.isfinite(mean.high) else "no end"
    return f"{number_text(mean.mean, half)} ({SURE} interval {number_text(mean.low, half)}{DASH}{high})"


def counted(used: Sequence[Task]) -> list[str]:
    """How tasks were counted, and where scores are not of one kind."""
    notes = []
    if several := [f"{task.name} ({len(task.sections)} data sets)" for task in used if len(task.sections) > 1]:
        notes.append(
            f"Data sets of one data are one task: {', '.join(several)}; its ranks and log ratios are their means."
        )
    kinds: dict[str, list[str]] = {}
    for task in used:
        for metric in dict.fromkeys(section.data_set.metric.label for section in task.sections):
            kinds.setdefault(metric, []).append(task.name)
    if len(kinds) > 1:
        named = "; ".join(f"{metric} on {', '.join(names)}" for metric, names in kinds.items())
        notes.append(f"Ratios are of scores of different kinds: {named}.")
    return notes


def left_out(every: Sequence[Task], used: Sequence[Task], labels: Sequence[str]) -> list[str]:
    """Rows that some task lacks, tasks on which no seed is shared by all rows, and seeds that diverged."""
    notes = []
    for label in dict.fromkeys(label for task in every for label in task.rows):
        if label not in labels:
            lacking = [task.name for task in every if label not in task.rows]
            notes.append(f"{label} is left out over tasks: it is missing on {', '.join(lacking)}.")
    for task in every:
        if task not in used:
            notes.append(f"{task.name} is left out over tasks: no seed there is shared by all rows.")
    if count := sum(task.num_diverged(labels) for task in used):
        notes.append(
            f"{count} diverged seed{'s' * (count > 1)} on these tasks: last in ranks, and infinitely worse than "
            "the baseline."
        )
    return notes


def _listed(texts: list[str]) -> str:
    shown = texts[:MOST_ROWS]
    return list_text([*shown, f"{len(texts) - MOST_ROWS} more"] if len(texts) > MOST_ROWS else shown)
