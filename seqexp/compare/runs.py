"""The runs below some folders, as small as a comparison needs them, and what could not be read."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from seqexp.compare.settings import Setting, flatten
from seqexp.config import LONGEST_NAME, MOST_BASELINES, MOST_SEEDS
from seqexp.record.files import printable, walk
from seqexp.record.record import INERT_SETTINGS, RESULT, Record, RecordError, find
from seqexp.statistics import Array

LONGEST_REASON = 2_000

_NO_SETTINGS = ("seed", "num_seeds", *INERT_SETTINGS)


class CompareError(ValueError):
    """There is nothing to compare; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run without what a comparison never asks for.

    `name` is its folder below the common one, `targets` the `_target_` of each group of its configuration.
    """

    folder: Path
    name: str
    data: str
    cell: str
    settings: dict[str, Setting]
    seeds: list[int]
    train_mse: Array
    val_mse: Array | None
    test_mse: Array
    baselines: dict[str, Array]
    diverged: frozenset[int]
    num_parameters: int
    epochs: int
    steps: int
    train_seconds: float
    targets: dict[str, str] = field(default_factory=dict)
    data_hash: list[list[str]] | None = None

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
            if record.status == "failed":
                failed.append(_problem(path, top, _error_text(record)))
            else:
                runs.append(_run(path, _name(path, top), record))
        except (RecordError, TypeError, ValueError, RecursionError) as error:
            broken.append(_problem(path, top, str(error).removeprefix(f"{path / RESULT}: ")))
    if not found and not broken:
        names = ", ".join(str(folder) for folder in folders)
        raise CompareError(f"{names}: no run was found here; a finished run's folder holds a {RESULT}.")
    return Collection(runs, failed, broken)


def _run(folder: Path, name: str, record: Record) -> Run:
    """Keeps what is compared, and refuses what no training can have written."""
    if not 1 <= len(record.seeds) <= MOST_SEEDS:
        raise ValueError(f"seeds must name between 1 and {MOST_SEEDS:,} seeds")
    if len(record.baselines) > MOST_BASELINES:
        raise ValueError(f"baselines must be {MOST_BASELINES} at most")
    for kind, text in (("data", record.data), ("cell", record.cell), *(("baselines", key) for key in record.baselines)):
        if not (text.strip() and len(text) <= LONGEST_NAME and len(text.splitlines()) == 1):
            raise ValueError(f"{kind} must be a name of one line and at most {LONGEST_NAME} letters, got {text[:40]!r}")
    if not all(
        0 <= number < 2**63 for number in (record.num_parameters, record.epochs, record.steps, record.train_seconds)
    ):
        raise ValueError("num_parameters, epochs, steps and train_seconds must lie between 0 and 2^63")
    settings, targets = flatten(record.config)
    return Run(
        folder=folder,
        name=name,
        data=record.data,
        cell=record.cell,
        settings={key: value for key, value in settings.items() if not _is_inert(key)},
        seeds=record.seeds,
        train_mse=_scores("train_mse", record.score("train") or []),
        val_mse=None if (val := record.score("val")) is None else _scores("val_mse", val),
        test_mse=_scores("test_mse", record.score("test") or []),
        baselines={
            name: _scores(f"baselines.{name}", row) for name, row in record.baselines.items() if row is not None
        },
        diverged=frozenset(record.diverged),
        num_parameters=record.num_parameters,
        epochs=record.epochs,
        steps=record.steps,
        train_seconds=float(record.train_seconds),
        targets=targets,
        data_hash=record.data_hash and [[sys.intern(digest) for digest in pair] for pair in record.data_hash],
    )


@lru_cache(4096)
def _is_inert(key: str) -> bool:
    """Whether runs that differ in this key are still the same."""
    return any(f"{key}.".startswith(f"{inert}.") for inert in _NO_SETTINGS)


def _scores(name: str, row: list[float]) -> Array:
    """Scores with NaN for all that is not finite."""
    scores = np.asarray(row, dtype=float)
    if (scores < 0).any():
        raise ValueError(f"{name} holds a negative number, which no mean squared error is")
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
