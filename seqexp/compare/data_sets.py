"""Runs -> data sets, each with its rows: what was swept, what is compared, and what the guesses score."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from seqexp.compare import keys as asked
from seqexp.compare.keys import CELL, CompareError
from seqexp.compare.learnt import Learnt, Source
from seqexp.compare.newest import newest
from seqexp.compare.notes import left_out, of_splits, on_data, over_folds, targets_differ
from seqexp.compare.rows import Row, Scores, pool, scores_of
from seqexp.compare.runs import Metric, Run
from seqexp.compare.settings import Setting, defines_data, scales, show
from seqexp.compare.swept import all_keys, order, split, swept, tell_apart, values
from seqexp.compare.varied import are_copies, repeated_text, varied
from seqexp.config import SOURCE_SEEDS
from seqexp.statistics import Array

_BUDGETS = ("trainer.max_epochs", "trainer.max_steps")  # how long each was trained is said by `trained.py`


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """All rows that learnt the same thing and are scored alike.

    Attributes:
        name: the data's name, with the data settings that were swept.
        metric: what is scored.
        compared: the keys that name the rows.
        keys: the other swept keys, among whose values one is picked.
        rows: sorted by what is compared and by settings.
        baselines: name -> scores on the same test targets.
        validation_baselines: name -> scores on the validation targets.
        judges: the first seed that judges, where those before it pick; None where all seeds do both.
        evaluations: name -> baseline -> one score per seed; empty where nothing was evaluated elsewhere.
        varied: source of randomness -> what another seed has of it, in words; those in which the seeds differ.
        notes: sentences on what a reader must know before believing the table.
        is_part: sources of randomness are fixed here that are not in another data set of the same comparison.
    """

    name: str
    metric: Metric
    compared: list[str]
    keys: list[str]
    rows: list[Row]
    baselines: dict[str, Scores] = field(default_factory=dict)
    validation_baselines: dict[str, Scores] = field(default_factory=dict)
    judges: int | None = None
    evaluations: dict[str, dict[str, Array]] = field(default_factory=dict)
    varied: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    is_part: bool = False

    @property
    def selects(self) -> bool:
        """Whether something that is compared has more than one setting."""
        return len(self.rows) > len({row.name for row in self.rows})

    @property
    def copies(self) -> bool:
        """Whether all seeds are copies of one."""
        return are_copies([row.sources for row in self.rows])

    @property
    def repeated(self) -> list[str]:
        """What must be known where some seeds share their data."""
        return repeated_text([row.sources for row in self.rows])

    @property
    def compares_data(self) -> bool:
        """Whether the rows are to differ in what they are trained on."""
        return bool(asked.of_data(self.compared))


def group(runs: Sequence[Run], by: Sequence[str] = (), now: Collection[Path] = ()) -> list[DataSet]:
    """Sorts runs into data sets and rows; nothing is picked or compared yet.

    Args:
        runs: all that were found.
        by: the keys that are compared; empty for the cell, or what is swept of a single cell.
        now: folders of runs that are known to be of today's code and files.

    Raises:
        CompareError: the test targets change with a key of `by`.
    """
    data_sets = []
    for name, of_name in sorted(split(tell_apart(runs), lambda run: run.data).items()):
        keys = [key for key in swept(of_name) if _parts(key, of_name) and key not in by]
        parts = split(of_name, partial(values, keys=keys))
        whole = [_rest(keys, found) for found in parts if not _fixed(keys, found)]
        for found, part in sorted(parts.items(), key=lambda item: order(item[0])):
            named = [(k, v) for k, v in zip(keys, found, strict=True) if not (k in SOURCE_SEEDS and v is None)]
            title = " ".join([name, *(f"{key}={show(value)}" for key, value in named)])
            by_metric = split(part, lambda run: run.metric)
            for metric, scored in sorted(by_metric.items()):
                more = f" by {_distinguish(metric, by_metric)}" if len(by_metric) > 1 else ""
                is_part = _fixed(keys, found) and _rest(keys, found) in whole
                data_sets.append(replace(_data_set(f"{title}{more}", scored, by, now), is_part=is_part))
    return data_sets


def _parts(key: str, runs: Sequence[Run]) -> bool:
    """Whether runs that differ in a swept key are no rows of one table."""
    if not scales(key):
        return defines_data(key)
    # A task of the user's own may scale its data itself: then they are others.
    found: dict[tuple[object, ...], dict[Setting, list[str]]] = defaultdict(dict)
    of_data = [each for each in swept(runs) if defines_data(each)]
    for run in runs:
        for seed, digests in zip(run.seeds, run.data_hash or (), strict=run.data_hash is not None):
            of_seed = found[(run.own, seed, *values(run, of_data))]
            of_seed.setdefault(values(run, [key])[0], digests)
    return any(len({tuple(each) for each in of_seed.values()}) > 1 for of_seed in found.values())


def _fixed(keys: Sequence[str], found: Sequence[Setting]) -> bool:
    """Whether a source of randomness is fixed by one of the swept keys."""
    return any(value is not None for key, value in zip(keys, found, strict=True) if key in SOURCE_SEEDS)


def _rest(keys: Sequence[str], found: Sequence[Setting]) -> list[Setting]:
    return [value for key, value in zip(keys, found, strict=True) if key not in SOURCE_SEEDS]


def _distinguish(metric: Metric, all_of_them: Iterable[Metric]) -> str:
    """The label of a metric, with its name and unit where another metric of the same data has the same label."""
    alike = sum(other.label == metric.label for other in all_of_them) > 1
    return f"{metric.label} ({metric.name}, {metric.unit})" if alike else metric.label


def _data_set(name: str, runs: Sequence[Run], by: Sequence[str], now: Collection[Path]) -> DataSet:
    runs, changed = newest(runs, now)
    cells = len({run.cell for run in runs})
    of_all = [key for key in swept(runs) if not defines_data(key)] if cells == 1 and not by else []
    compared, notes = asked.compared(by, cells, of_all)
    notes += changed
    by_name = split(runs, partial(values, keys=compared))
    within = {key for of_one in by_name.values() for key in swept(of_one)}
    keys = [key for key in all_keys(runs) if key in within and key not in compared]
    rows: list[Row] = []
    groups = split(runs, partial(values, keys=[*compared, *keys]))
    for found, members in sorted(groups.items(), key=lambda item: order(item[0])):
        names, settings = found[: len(compared)], found[len(compared) :]
        row, twice = pool(dict(zip(compared, names, strict=True)), dict(zip(keys, settings, strict=True)), members)
        rows.append(row)
        notes += twice
    sources = [row.sources for row in rows]
    if (of_data := asked.of_data(compared)) and targets_differ(sources):
        raise CompareError(asked.changed_targets(of_data))
    notes += on_data(runs, sources, bool(of_data))
    notes += left_out(runs)
    notes += of_splits(runs)
    notes += over_folds(runs, bool(keys))
    notes += _confounded(by_name, within, compared)
    return DataSet(
        name=name,
        metric=runs[0].metric,
        compared=compared,
        keys=keys,
        rows=rows,
        baselines=_baselines(runs, [run.baselines for run in runs]),
        validation_baselines=_baselines(runs, [run.validation_baselines for run in runs]),
        evaluations=evaluated(rows),
        varied=varied(sources),
        notes=notes,
    )


def _baselines(runs: Sequence[Run], guessed: Sequence[dict[str, Array]]) -> dict[str, Scores]:
    """Each baseline's score per seed, from the first run that has it.

    Args:
        runs: of one data set.
        guessed: for each of them name -> (S,) scores.
    """
    found: dict[str, dict[int, tuple[Source, float]]] = defaultdict(dict)
    for run, of_run in zip(runs, guessed, strict=True):
        sources = [(run, index) for index in range(len(run.seeds))]
        for name, scores in of_run.items():
            for seed, source, score in zip(run.seeds, sources, scores.tolist(), strict=True):
                found[name].setdefault(seed, (source, score))
    baselines: dict[str, Scores] = {}
    known: dict[tuple[tuple[int, int], ...], Learnt] = {}  # most baselines are of the same runs
    for name, by_seed in found.items():
        seeds = sorted(by_seed)
        sources = [by_seed[seed][0] for seed in seeds]
        key = tuple((id(run), index) for run, index in sources)
        if key not in known:
            known[key] = Learnt.of(sources)
        baselines[name] = scores_of(seeds, known[key], [by_seed[seed][1] for seed in seeds])
    return baselines


def evaluated(rows: Sequence[Row], first: int = 0) -> dict[str, dict[str, Array]]:
    """Evaluation -> baseline -> scores of the seeds from `first` on, each seed's from the first run that has it."""
    found: dict[str, dict[str, Array]] = {}
    for evaluation in dict.fromkeys(name for row in rows for name in row.evaluations):
        by_seed: dict[str, dict[int, float]] = defaultdict(dict)
        for row in rows:
            for run in row.runs:
                for name, scores in run.evaluation_baselines.get(evaluation, {}).items():
                    for seed, score in zip(run.seeds, scores.tolist(), strict=True):
                        if seed >= first:
                            by_seed[name].setdefault(seed, score)
        found[evaluation] = {
            name: np.array([scores[seed] for seed in sorted(scores)]) for name, scores in by_seed.items()
        }
    return found


def _confounded(by_name: dict[tuple[Setting, ...], list[Run]], within: set[str], compared: list[str]) -> list[str]:
    """Notes the settings that change with what is compared and so cannot be told apart from it."""
    notes = []
    what = "cells" if compared == [CELL] else "rows"
    for key in swept([runs[0] for runs in by_name.values()]):
        with_cell = CELL in compared and key.startswith("cell.")
        if not (key in within or key in compared or key in _BUDGETS or with_cell or key == "data"):
            names = (" ".join(show(value) for value in found) for found in by_name)
            sizes = ", ".join(
                f"{name} {show(values(runs[0], [key])[0])}" for name, runs in zip(names, by_name.values(), strict=True)
            )
            notes.append(f"{key} is not the same for all {what}: {sizes}.")
    return notes
