"""Runs -> data sets and their rows: what was swept and which seeds pool."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from seqexp.compare.runs import NO_SETTING, Run, Setting
from seqexp.statistics import Array

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)

_TRAINING_KEYS = {"data.batch_size"}
"""Keys under `data.` that say how to train, not what is to be learnt."""


@dataclass(frozen=True)
class Scores:
    """One score per seed: seeds (n,) ascending, values (n,), NaN where a seed diverged."""

    seeds: npt.NDArray[np.int64]
    values: Array

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


def show(value: Setting) -> str:
    """A setting as Hydra's command line spells it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def group(runs: Sequence[Run]) -> list[DataSet]:
    """Sorts runs into data sets and rows; nothing is picked or compared yet."""
    data_sets = []
    for name, of_name in sorted(split(runs, lambda run: run.data).items()):
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
    data_set.baselines = _baselines(runs, data_set.notes)
    data_set.notes += _confounded(by_cell, swept)
    return data_set


def _row(cell: str, settings: dict[str, Setting], runs: list[Run], notes: list[str]) -> Row:
    """Pools the seeds of `runs`; a seed found twice counts once."""
    sources: dict[int, tuple[Run, int]] = {}
    twice: dict[int, bool] = {}  # seed -> whether the two scores agree
    for run in runs:
        for index, seed in enumerate(run.seeds):
            kept, at = sources.setdefault(seed, (run, index))
            if (kept, at) != (run, index):
                same = _agree(kept.test_mse[at], run.test_mse[index], 1e-6)
                twice[seed] = twice.get(seed, True) and same
    seeds = sorted(sources)
    ordered = [sources[seed] for seed in seeds]
    row = Row(
        cell=cell,
        settings=settings,
        runs=runs,
        sources=ordered,
        train=_scores(seeds, [run.train_mse[index] for run, index in ordered]),
        val=_scores(seeds, [run.val_mse[index] for run, index in ordered if run.val_mse is not None])
        if all(run.val_mse is not None for run in runs)
        else None,
        test=_scores(seeds, [run.test_mse[index] for run, index in ordered]),
    )
    if twice:
        differ = "" if all(twice.values()) else ", though the scores differ"
        which = f"{len(twice)} seed{'s' * (len(twice) > 1)} of {row.label}"
        notes.append(f"{which} found in more than one run: counted once, from the first folder{differ}.")
    return row


def _baselines(runs: Sequence[Run], notes: list[str]) -> dict[str, Scores]:
    """Each baseline's score per seed, from the first run that has it; runs that disagree are noted."""
    found: dict[str, dict[int, float]] = defaultdict(dict)
    differing: set[int] = set()
    for run in runs:
        for name, values in run.baselines.items():
            for seed, value in zip(run.seeds, values.tolist(), strict=True):
                if not _agree(found[name].setdefault(seed, value), value, 1e-3):
                    differing.add(seed)
    if differing:
        notes.append(
            f"The data of {len(differing)} seed{'s' * (len(differing) > 1)} differ between runs (their "
            "baselines do): their pairs are not on the same data. Were the runs made by different versions?"
        )
    return {name: _scores(sorted(scores), [scores[seed] for seed in sorted(scores)]) for name, scores in found.items()}


def _confounded(by_cell: dict[str, list[Run]], swept: set[str]) -> list[str]:
    """Notes the training settings that change with the cell and so cannot be told apart from it."""
    notes = []
    for key in _swept([runs[0] for runs in by_cell.values()]):
        if key not in swept and not key.startswith("cell") and key != "data":
            told = ", ".join(f"{cell} {show(_values(runs[0], [key])[0])}" for cell, runs in by_cell.items())
            notes.append(f"{key} is not the same for all cells: {told}.")
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


def defines_data(key: str) -> bool:
    """Whether runs that differ in `key` learnt different things."""
    return (key == "data" or key.startswith("data.")) and key not in _TRAINING_KEYS


def _all_keys(runs: Iterable[Run]) -> list[str]:
    return list(dict.fromkeys(key for run in runs for key in run.settings))


def _values(run: Run, keys: Sequence[str]) -> tuple[Setting, ...]:
    return tuple(run.settings.get(key, NO_SETTING) for key in keys)


def _agree(first: float, second: float, tolerance: float) -> bool:
    """Whether two scores are equal up to a relative tolerance, or both NaN."""
    both_nan = math.isnan(first) and math.isnan(second)
    return both_nan or math.isclose(first, second, rel_tol=tolerance, abs_tol=1e-9 * tolerance)


def _scores(seeds: list[int], values: Sequence[float]) -> Scores:
    return Scores(np.asarray(seeds, dtype=np.int64), np.asarray(values, dtype=float))


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
