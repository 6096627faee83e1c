"""Runs -> data sets and their rows: what was swept and which seeds pool."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from seqexp.compare.learnt import Learnt
from seqexp.compare.notes import found_twice, on_data
from seqexp.compare.runs import Run
from seqexp.compare.settings import NO_SETTING, Setting, defines_data, show
from seqexp.statistics import Array

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Scores:
    """One score per seed: seeds (n,) ascending, values (n,), NaN where a seed diverged, and what each learnt."""

    seeds: npt.NDArray[np.int64]
    values: Array
    learnt: Learnt

    @property
    def num_diverged(self) -> int:
        """How many seeds have no score."""
        return int(np.isnan(self.values).sum())


@dataclass(frozen=True, kw_only=True)
class Row:
    """One cell with one setting: all its runs, their seeds pooled.

    Attributes:
        cell: the cell's name.
        settings: the swept keys of the data set and their values here.
        runs: its runs.
        sources: (run, position in that run) of each seed.
        train: training MSE.
        val: validation MSE, None where a run had no validation split.
        test: test MSE.
    """

    cell: str
    settings: dict[str, Setting]
    runs: list[Run]
    sources: list[tuple[Run, int]]
    train: Scores
    val: Scores | None
    test: Scores

    @property
    def label(self) -> str:
        """The cell and its settings as a user types them."""
        return " ".join([self.cell, *(f"{key}={show(value)}" for key, value in self.settings.items())])

    @property
    def num_parameters(self) -> int:
        """Parameters of one seed's model."""
        return self.runs[0].num_parameters

    @property
    def seconds_per_seed(self) -> float:
        """Mean training time of one seed."""
        return sum(run.train_seconds for run in self.runs) / sum(len(run.seeds) for run in self.runs)


@dataclass(kw_only=True)
class DataSet:
    """All rows that learnt the same thing.

    Attributes:
        name: the data's name, with the data settings that were swept.
        keys: swept keys beside cell and data.
        rows: sorted by cell and settings.
        picked: positions in `rows` that stand for their cell: all of them where nothing is to choose, none
            where choosing needs a validation split that is not there.
        baselines: name -> scores on the same test targets.
        notes: sentences on what a reader must know before believing the table.
    """

    name: str
    keys: list[str]
    rows: list[Row]
    picked: list[int] = field(default_factory=list)
    baselines: dict[str, Scores] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def selects(self) -> bool:
        """Whether some cell has more than one setting."""
        return len(self.rows) > len({row.cell for row in self.rows})


def group(runs: Sequence[Run]) -> list[DataSet]:
    """Sorts runs into data sets and rows; nothing is picked or compared yet."""
    data_sets = []
    for name, of_name in sorted(split(_tell_apart(runs), lambda run: run.data).items()):
        keys = [key for key in _swept(of_name) if defines_data(key)]
        parts = split(of_name, partial(_values, keys=keys))
        for values, part in sorted(parts.items(), key=lambda item: _order(item[0])):
            title = " ".join([name, *(f"{k}={show(v)}" for k, v in zip(keys, values, strict=True))])
            data_sets.append(_data_set(title, part))
    return data_sets


def _data_set(name: str, runs: Sequence[Run]) -> DataSet:
    by_cell = split(runs, lambda run: run.cell)
    swept = {key for of_cell in by_cell.values() for key in _swept(of_cell)}
    keys = [key for key in _all_keys(runs) if key in swept]
    data_set = DataSet(name=name, keys=keys, rows=[])
    groups = split(runs, lambda run: (run.cell, *_values(run, keys)))
    for (cell, *values), members in sorted(groups.items(), key=lambda item: _order(item[0])):
        data_set.rows.append(_row(str(cell), dict(zip(keys, values, strict=True)), members, data_set.notes))
    data_set.baselines = _baselines(runs)
    data_set.notes += on_data(runs, [row.sources for row in data_set.rows])
    data_set.notes += _confounded(by_cell, swept)
    return data_set


def _row(cell: str, settings: dict[str, Setting], runs: list[Run], notes: list[str]) -> Row:
    """Pools the seeds of `runs`; a seed found twice counts once."""
    sources: dict[int, tuple[Run, int]] = {}
    again: list[tuple[int, tuple[Run, int]]] = []
    for run in runs:
        for index, seed in enumerate(run.seeds):
            if sources.setdefault(seed, (run, index)) != (run, index):
                again.append((seed, (run, index)))
    seeds = sorted(sources)
    ordered = [sources[seed] for seed in seeds]
    learnt = Learnt.of(ordered)
    scores = partial(_scores, seeds, learnt)
    row = Row(
        cell=cell,
        settings=settings,
        runs=runs,
        sources=ordered,
        train=scores([run.train_mse[index] for run, index in ordered]),
        val=scores([run.val_mse[index] for run, index in ordered if run.val_mse is not None])
        if all(run.val_mse is not None for run in runs)
        else None,
        test=scores([run.test_mse[index] for run, index in ordered]),
    )
    if again:
        notes += found_twice(row.label, [sources[seed] for seed, _ in again], [source for _, source in again])
    return row


def _tell_apart(runs: Sequence[Run]) -> Sequence[Run]:
    """The same runs; where one name stands for several targets, it is the name with the target."""
    targets: dict[tuple[str, Setting], set[str]] = defaultdict(set)
    for run in runs:
        for group, target in run.targets.items():
            targets[group, run.cell if group == "cell" else run.settings.get(group)].add(target)
    several = {key for key, found in targets.items() if len(found) > 1}

    def renamed(run: Run) -> Run:
        full: dict[str, Setting] = {
            group: run.targets[group] for group in run.targets if (group, run.settings.get(group)) in several
        }
        cell = (
            f"{run.cell} ({run.targets['cell']})"
            if "cell" in run.targets and ("cell", run.cell) in several
            else run.cell
        )
        return replace(run, cell=cell, settings=run.settings | full)

    return [renamed(run) for run in runs] if several else runs


def _baselines(runs: Sequence[Run]) -> dict[str, Scores]:
    """Each baseline's score per seed, from the first run that has it."""
    found: dict[str, dict[int, tuple[Run, int]]] = defaultdict(dict)
    for run in runs:
        sources = [(run, index) for index in range(len(run.seeds))]
        for name in run.baselines:
            for seed, source in zip(run.seeds, sources, strict=True):
                found[name].setdefault(seed, source)
    baselines: dict[str, Scores] = {}
    known: dict[tuple[tuple[int, int], ...], Learnt] = {}  # most baselines are of the same runs
    for name, by_seed in found.items():
        seeds = sorted(by_seed)
        sources = [by_seed[seed] for seed in seeds]
        key = tuple((id(run), index) for run, index in sources)
        if key not in known:
            known[key] = Learnt.of(sources)
        baselines[name] = _scores(seeds, known[key], [float(run.baselines[name][index]) for run, index in sources])
    return baselines


def _confounded(by_cell: dict[str, list[Run]], swept: set[str]) -> list[str]:
    """Notes the training settings that change with the cell and so cannot be told apart from it."""
    notes = []
    for key in _swept([runs[0] for runs in by_cell.values()]):
        if key not in swept and not key.startswith("cell") and key != "data":
            sizes = ", ".join(f"{cell} {show(_values(runs[0], [key])[0])}" for cell, runs in by_cell.items())
            notes.append(f"{key} is not the same for all cells: {sizes}.")
    return notes


def _swept(runs: Sequence[Run]) -> list[str]:
    """Keys that differ among `runs`, less those that follow from the choice of their own group."""
    keys = [key for key in _all_keys(runs) if len({run.settings.get(key, NO_SETTING) for run in runs}) > 1]

    def follows(key: str) -> bool:
        group = key.rpartition(".")[0]
        return group in keys and len(split(runs, lambda run: _values(run, [group, key]))) == len(
            split(runs, lambda run: _values(run, [group]))
        )

    return [key for key in keys if not follows(key)]


def _all_keys(runs: Iterable[Run]) -> list[str]:
    return list(dict.fromkeys(key for run in runs for key in run.settings))


def _values(run: Run, keys: Sequence[str]) -> tuple[Setting, ...]:
    return tuple(run.settings.get(key, NO_SETTING) for key in keys)


def _scores(seeds: list[int], learnt: Learnt, values: Sequence[float]) -> Scores:
    return Scores(np.asarray(seeds, dtype=np.int64), np.asarray(values, dtype=float), learnt)


def _order(values: Iterable[Setting]) -> list[tuple[bool, float, str]]:
    """A sort key that puts numbers in their order before everything else."""
    return [
        (False, float(value), "") if isinstance(value, int | float) else (True, 0.0, str(value)) for value in values
    ]


def split(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Groups items by a key, both in order of first appearance."""
    parts: dict[Key, list[Item]] = {}
    for item in items:
        parts.setdefault(key(item), []).append(item)
    return parts
