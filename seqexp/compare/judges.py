"""Which seeds pick and which judge: `sweep.fresh_seeds` trains what is picked once more, on seeds that no pick saw.

A run on such seeds says in `sweep.judges` which seed is the first that judges. Of a data set in which something is
picked, seeds before it pick, by their validation scores alone, and the others judge, by their test scores alone. So the
luck that made a setting the best of its grid has no part in the verdict.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from seqexp.compare.choice import Choice, choose
from seqexp.compare.data_sets import DataSet, evaluated
from seqexp.compare.learnt import Flags
from seqexp.compare.rows import Row, Scores
from seqexp.compare.runs import Run

NOT_FRESH = (
    "sweep.fresh_seeds=true was asked for, but what is picked here was not trained on fresh seeds (the sweep's command "
    "again does it where it can): the seeds that picked judge as well."
)


def judged(data_set: DataSet) -> tuple[DataSet, Choice]:
    """Picks a row of each name, and leaves to each row the seeds that judge it.

    Returns:
        The data set, its test scores those of the fresh seeds and its validation scores those of the others, where
        that can be; else as it was. And the choice, with notes on who picked and who judges.
    """
    first = first_judge(runs_of(data_set))
    if first is None or not data_set.selects:
        choice = choose(data_set)
        asked = any(run.fresh_seeds for run in runs_of(data_set))
        picks = data_set.selects and choice.picked
        return data_set, replace(choice, notes=[*choice.notes, *([NOT_FRESH] if asked and picks else [])])
    parted = part(data_set, first)
    choice = choose(parted) if parted.rows else Choice([], [])
    rows = [parted.rows[index] for index in choice.picked]
    if any(row.test.seeds.size for row in rows):
        return parted, replace(choice, notes=[*choice.notes, *_notes(rows, first)])
    choice = choose(data_set)
    return data_set, replace(choice, notes=[*choice.notes, *([NOT_FRESH] if choice.picked else [])])


def first_judge(runs: Iterable[Run]) -> int | None:
    """The first seed that judges, the last of several; None where none is told apart."""
    return max((run.judges for run in runs if run.judges is not None), default=None)


def runs_of(data_set: DataSet) -> Iterator[Run]:
    """Every run of a data set."""
    return (run for row in data_set.rows for run in row.runs)


def part(data_set: DataSet, first: int) -> DataSet:
    """The data set with the validation scores of the seeds before `first`, and all other scores of those from there on.

    A row that has no seed before `first` cannot be picked; it is left out, and a note says so.
    """
    rows = [_part_row(row, first) for row in data_set.rows if (row.test.seeds < first).any()]
    late = [row.label for row in data_set.rows if not (row.test.seeds < first).any()]
    notes = [f"{label} has no seed before {first}, and those pick: it takes no part." for label in late]
    return replace(
        data_set,
        judges=first,
        rows=rows,
        baselines={name: _kept(found, found.seeds >= first) for name, found in data_set.baselines.items()},
        validation_baselines={
            name: _kept(found, found.seeds < first) for name, found in data_set.validation_baselines.items()
        },
        evaluations=evaluated(rows, first),
        notes=[*data_set.notes, *notes],
    )


def _part_row(row: Row, first: int) -> Row:
    """A row whose sources are the seeds that judge it; none of them where it was not trained on fresh seeds."""
    judging = row.test.seeds >= first
    return replace(
        row,
        sources=[source for source, judges in zip(row.sources, judging, strict=True) if judges],
        train=_kept(row.train, judging),
        val=None if row.val is None else _kept(row.val, ~judging),
        test=_kept(row.test, judging),
        shown={name: values[judging] for name, values in row.shown.items()},
        evaluations={name: values[judging] for name, values in row.evaluations.items()},
        shown_elsewhere={name: values[judging] for name, values in row.shown_elsewhere.items()},
        solved=None if row.solved is None or not judging.any() else _kept(row.solved, judging),
        whole=row,
    )


def _kept(scores: Scores, flags: Flags) -> Scores:
    """The scores of some of the seeds."""
    return Scores(scores.seeds[flags], scores.values[flags], scores.learnt.take(np.flatnonzero(flags)))


def _notes(rows: Sequence[Row], first: int) -> Iterator[str]:
    """Says who picked and who judges, and which row lacks its judges."""
    picking = {int(seed) for row in rows if row.val is not None for seed in row.val.seeds}
    judging = {int(seed) for row in rows for seed in row.test.seeds}
    yield (
        f"The settings were picked by the validation scores of {_range(picking)}; all test scores here are of "
        f"{_range(judging)}, which had no part in that."
    )
    for row in rows:
        if not row.test.seeds.size:
            yield (
                f"{row.name}: the setting that was picked has no run on a seed from {first} on, so nothing is said of "
                "it. The sweep's command again trains what is missing."
            )


def _range(seeds: Collection[int]) -> str:
    """`seeds 0 to 9`, or how many there are where some between are missing."""
    if len(seeds) == 1:
        return f"seed {min(seeds)}"
    text = f"{min(seeds)} to {max(seeds)}"
    return f"seeds {text}" if max(seeds) - min(seeds) + 1 == len(seeds) else f"{len(seeds)} seeds from {text}"
