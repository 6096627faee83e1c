"""The runs below some folders, as small as a comparison needs them, and what could not be read."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seqexp.compare.checked import asked_by, asked_margin, best_epoch, check_names, solved
from seqexp.compare.keys import CompareError
from seqexp.compare.settings import Setting, flatten, is_inert, neutral
from seqexp.config import MOST_SEEDS
from seqexp.record.evaluations import joined
from seqexp.record.files import printable, walk
from seqexp.record.record import PARTS, RESULT, Record, RecordError, find
from seqexp.statistics import Array

LONGEST_REASON = 2_000


class Metric(NamedTuple):
    """A score: its name in files, how it is shown, and what it is measured in."""

    name: str
    label: str
    unit: str


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run without what a comparison never asks for.

    Attributes:
        folder: where it lies.
        name: the same below the folder that all have in common.
        data: name of its `conf/data` file.
        cell: name of its `conf/cell` file.
        settings: dotted keys, without those that change no result.
        seeds: S seeds.
        metric: what it was trained for and selected by.
        train: (S,) scores.
        val: (S,) scores, None where there was no validation split.
        test: (S,) scores.
        shown: other metrics on test, by name, (S,) each.
        evaluations: name -> (S,) scores elsewhere.
        shown_elsewhere: other metrics there, by names such as `test@40_accuracy`, (S,) each.
        baselines: name -> (S,) scores on the same test targets.
        validation_baselines: the same on the validation targets; empty where the run has none.
        evaluation_baselines: the same for each evaluation, by its name.
        left_out: name -> why there is no such baseline.
        diverged: seeds that diverged at some time.
        solved: (S,) the step at which each seed met the task's criterion, infinite where it never did; None where the
            task has none, or the record holds nothing of it.
        num_parameters: of one seed's model.
        state_size: numbers that it carries from step to step; None where that grows or is not known.
        epochs: as trained.
        best_epoch: of each seed the epoch (from 0) whose weights were kept; None where the record does not say, or
            nothing was validated, so that the last ones were.
        steps: as trained.
        is_solved: whether nothing was trained, as the readout was solved by least squares.
        train_seconds: of all seeds.
        targets: group of the configuration -> its `_target_`.
        data_hash: for each seed the digests of its training data and test targets.
        varies: sources of randomness in which the seeds differ, in words; None where the record does not say.
        has_fixed_data: whether the task has one data set, whatever the seed, as far as its record tells.
        data_notes: what a reader of scores must know of the splits, a sentence each.
        compared: what its sweep was asked to compare by.
        margin: the share within which its sweep counts scores as alike, None where nobody asked.
        fresh_seeds: whether its sweep was asked to train what is picked on fresh seeds.
        judges: of such a run the first seed that judges, by `sweep.judges`; None of any other.
        own: digest of the user's own code and files that it was trained with; empty where there were none.
        written: when its record was, in seconds.
    """

    folder: Path
    name: str
    data: str
    cell: str
    settings: dict[str, Setting]
    seeds: list[int]
    metric: Metric
    train: Array
    val: Array | None
    test: Array
    baselines: dict[str, Array]
    diverged: frozenset[int]
    num_parameters: int
    epochs: int
    steps: int
    train_seconds: float
    state_size: int | None = None
    shown: dict[str, Array] = field(default_factory=dict)
    evaluations: dict[str, Array] = field(default_factory=dict)
    shown_elsewhere: dict[str, Array] = field(default_factory=dict)
    validation_baselines: dict[str, Array] = field(default_factory=dict)
    evaluation_baselines: dict[str, dict[str, Array]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)
    data_hash: list[list[str]] | None = None
    solved: Array | None = None
    varies: dict[str, str] | None = None
    has_fixed_data: bool = False
    data_notes: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()
    best_epoch: list[int] | None = None
    margin: float | None = None
    fresh_seeds: bool = False
    judges: int | None = None
    own: str = ""
    written: float = 0.0
    is_solved: bool = False

    @property
    def seconds_per_seed(self) -> float:
        """Wall time of the training, shared out over its seeds."""
        return self.train_seconds / len(self.seeds)


@dataclass(frozen=True)
class Problem:
    """A folder that takes no part, and why."""

    folder: str
    reason: str


@dataclass(frozen=True)
class Collection:
    """What was found: finished runs in a fixed order, failed runs, and records nobody can read."""

    runs: list[Run]
    failed: list[Problem]
    broken: list[Problem]


def collect(folders: Sequence[Path]) -> Collection:
    """Reads every run at or below `folders`; one that lies in two of them is read once.

    Raises:
        CompareError: a folder does not exist, or none of them holds a run.
    """
    for folder in folders:
        if not os.path.isdir(folder):
            raise CompareError(f"{folder}: there is no such folder, so there are no runs to compare.")
    top = Path(os.path.commonpath([folder.absolute() for folder in folders]))
    found = {path.resolve(): path.absolute() for folder in folders for path in find(folder)}
    unfinished = {path.resolve(): path.absolute() for path in _unfinished(folders)}
    runs: list[Run] = []
    failed: list[Problem] = []
    broken = [
        _problem(path, top, f"unfinished: it has no {RESULT}" if os.path.lexists(path / "seqexp.log") else "not begun")
        for path in sorted(unfinished.values())
    ]
    for path in sorted(found.values()):
        try:
            record = Record.read(path)
            if record.status == "done":
                damaged: list[RecordError] = []
                record = joined(record, path, damaged)
                broken += [_problem(path, top, str(each)) for each in damaged]
            if record.status == "failed":
                failed.append(_problem(path, top, _error_text(record)))
            else:
                runs.append(run_of(record, path, _name(path, top), (path / RESULT).stat().st_mtime))
        except (RecordError, TypeError, ValueError, RecursionError) as error:
            broken.append(_problem(path, top, str(error).removeprefix(f"{path / RESULT}: ")))
    if not found and not broken:
        names = ", ".join(str(folder) for folder in folders)
        raise CompareError(f"{names}: no run was found here; a finished run's folder holds a {RESULT}.")
    return Collection(runs, failed, broken)


def run_of(record: Record, folder: Path, name: str, written: float = 0.0) -> Run:
    """Keeps what is compared, and refuses what no training can have written."""
    if not 1 <= len(record.seeds) <= MOST_SEEDS:
        raise ValueError(f"seeds must name between 1 and {MOST_SEEDS:,} seeds")
    check_names(record)
    if not all(
        0 <= number < 2**63
        for number in (record.num_parameters, record.state_size or 0, record.epochs, record.steps, record.train_seconds)
    ):
        raise ValueError("num_parameters, state_size, epochs, steps and train_seconds must lie between 0 and 2^63")
    settings, targets = flatten(record.config)
    kept = {key: value for key, value in settings.items() if not is_inert(key)}
    scores = {part: _scores(f"scores.{part}", row) for part in record.scores if (row := record.score(part)) is not None}
    return Run(
        folder=folder,
        name=name,
        data=record.data,
        cell=record.cell,
        settings={**neutral(), **kept, "cell": record.cell},
        seeds=record.seeds,
        metric=_metric(record.metric, record.metric_label, record.metric_unit),
        train=scores["train"],
        val=scores.get("val"),
        test=scores["test"],
        shown={key: _scores(key, row) for key, row in record.scores["test"].items() if key != record.metric},
        evaluations={part: row for part, row in scores.items() if part not in PARTS},
        shown_elsewhere={
            f"{part}_{key}": _scores(key, row)
            for part, rows in record.scores.items()
            for key, row in rows.items()
            if part in scores and part not in PARTS and key != record.metric
        },
        baselines=_guesses("baselines", record.baselines),
        validation_baselines=_guesses("validation_baselines", record.validation_baselines),
        evaluation_baselines={
            part: _guesses(f"evaluation_baselines.{part}", rows) for part, rows in record.evaluation_baselines.items()
        },
        left_out={name: reason for name, reason in record.left_out.items() if name in record.baselines},
        diverged=frozenset(record.diverged),
        num_parameters=record.num_parameters,
        state_size=record.state_size,
        epochs=record.epochs,
        steps=record.steps,
        train_seconds=float(record.train_seconds),
        targets=targets,
        data_hash=record.data_hash and [[sys.intern(digest) for digest in pair] for pair in record.data_hash],
        solved=solved(record),
        varies=record.varies,
        has_fixed_data=_has_fixed_data(record),
        data_notes=tuple(record.data_notes),
        compared=asked_by(record.config),
        is_solved=record.penalty is not None,
        best_epoch=best_epoch(record) if "val" in scores else None,
        margin=asked_margin(record.config),
        fresh_seeds=settings.get("sweep.fresh_seeds") is True,
        judges=first if type(first := settings.get("sweep.judges")) is int and 0 <= first < 2**63 else None,
        own=record.fingerprint.partition("-")[2],
        written=written,
    )


def _has_fixed_data(record: Record) -> bool:
    """Whether there is one data set for all seeds; a record that does not say so may say in what its seeds differ."""
    if record.data_fixed is not None or record.varies is None or record.config.get("data_seed") is not None:
        return bool(record.data_fixed)
    return record.varies.get("data", "another of").startswith("another of")  # of some folds, and nothing else new


_metric = lru_cache(1024)(Metric)  # one object for all runs that have the same


def _guesses(name: str, rows: dict[str, list[float] | None]) -> dict[str, Array]:
    return {key: _scores(f"{name}.{key}", row) for key, row in rows.items() if row is not None}


def _scores(name: str, row: list[float]) -> Array:
    """Scores with NaN for all that is not finite."""
    scores = np.asarray(row, dtype=float)
    if (scores < 0).any():
        raise ValueError(f"{name} holds a negative number, which no score is")
    return np.where(np.isfinite(scores), scores, math.nan)


def _unfinished(folders: Sequence[Path]) -> Iterator[Path]:
    """Yields the folders that Hydra has begun (`.hydra`) and no run has ended."""
    for root in folders:
        for folder, subfolders, names in walk(root):
            if ".hydra" in subfolders and RESULT not in names:
                yield folder


def _name(path: Path, top: Path) -> str:
    """A run's folder as it is called in tables, whatever bytes its name is made of."""
    return str(printable(os.fsencode(path.relative_to(top).as_posix()).decode("utf-8", "replace")))


def _problem(path: Path, top: Path, reason: str) -> Problem:
    text = printable(reason)
    return Problem(_name(path, top), text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]} …")


def _error_text(record: Record) -> str:
    error = record.error or {}
    parts = [str(error[name]) for name in ("type", "message") if error.get(name)]
    return f"{record.cell} on {record.data}, {': '.join(parts) or 'no error was noted'}"
