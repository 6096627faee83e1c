"""The runs below some folders, as small as a comparison needs them, and what could not be read."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqexp.record.record import INERT_SETTINGS, RESULT, Record, RecordError, find
from seqexp.statistics import Array

Setting = str | int | float | bool | None

NO_SETTING = "\N{EN DASH}"
"""Stands where a run's configuration lacks a key that others have."""

_NO_SETTINGS = ("seed", "num_seeds", *INERT_SETTINGS)


class CompareError(ValueError):
    """There is nothing to compare; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run without what a comparison never asks for; `name` is its folder below the common one."""

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
    diverged: list[int]
    num_parameters: int
    epochs: int
    steps: int
    train_seconds: float

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
        if not folder.is_dir():
            raise CompareError(f"{folder}: there is no such folder, so there are no runs to compare.")
    top = Path(os.path.commonpath([folder.absolute() for folder in folders]))
    found = {path.resolve(): path.absolute() for folder in folders for path in find(folder)}
    unfinished = {path.resolve(): path.absolute() for path in _unfinished(folders)}
    runs: list[Run] = []
    failed: list[Problem] = []
    broken = [
        Problem(_name(path, top), f"unfinished: it has no {RESULT}" if (path / "seqexp.log").exists() else "not begun")
        for path in sorted(unfinished.values())
    ]
    for path in sorted(found.values()):
        name = _name(path, top)
        try:
            record = Record.read(path)
            if record.status == "failed":
                failed.append(Problem(name, _error_text(record)))
            else:
                runs.append(_run(path, name, record))
        except (RecordError, AttributeError, TypeError, ValueError) as error:
            broken.append(Problem(name, str(error).removeprefix(f"{path / RESULT}: ")))
    if not found and not broken:
        names = ", ".join(str(folder) for folder in folders)
        raise CompareError(f"{names}: no run was found here; a finished run's folder holds a {RESULT}.")
    return Collection(runs, failed, broken)


def _run(folder: Path, name: str, record: Record) -> Run:
    """Keeps what is compared, and refuses what no training can have written."""
    if not record.seeds:
        raise ValueError("seeds must name at least one seed")
    if not (isinstance(record.data, str) and isinstance(record.cell, str)):
        raise TypeError("data and cell must be names")
    settings = {sys.intern(key): value for key, value in _flat(record.config)}
    return Run(
        folder=folder,
        name=name,
        data=record.data,
        cell=record.cell,
        settings={key: value for key, value in settings.items() if not _is_inert(key)},
        seeds=record.seeds,
        train_mse=_scores("train_mse", record.train_mse),
        val_mse=None if record.val_mse is None else _scores("val_mse", record.val_mse),
        test_mse=_scores("test_mse", record.test_mse),
        baselines={
            name: _scores(f"baselines.{name}", row) for name, row in record.baselines.items() if row is not None
        },
        diverged=list(record.diverged),
        num_parameters=int(record.num_parameters),
        epochs=int(record.epochs),
        steps=int(record.steps),
        train_seconds=float(record.train_seconds),
    )


def _is_inert(key: str) -> bool:
    """Whether runs that differ in this key are still the same."""
    return any(f"{key}.".startswith(f"{inert}.") for inert in _NO_SETTINGS)


def _scores(name: str, row: list[float]) -> Array:
    """Scores with NaN for all that is not finite."""
    scores = np.asarray(row, dtype=float)
    if (scores < 0).any():
        raise ValueError(f"{name} holds a negative number, which no mean squared error is")
    return np.where(np.isfinite(scores), scores, math.nan)


def _flat(config: Any, prefix: str = "") -> Iterator[tuple[str, Setting]]:
    """Yields (dotted key, value); a group's `_target_` becomes its own value, as in `optimizer` = `adam`."""
    for name, value in config.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from _flat(value, f"{key}.")
        elif name == "_target_":
            yield prefix.removesuffix("."), str(value).rpartition(".")[2].lower()
        elif value is None or isinstance(value, str | int | float | bool):
            yield key, sys.intern(value) if isinstance(value, str) else value
        else:
            yield key, json.dumps(value)


def _unfinished(folders: Sequence[Path]) -> Iterator[Path]:
    """Yields the folders that Hydra has begun (`.hydra`) and no run has ended."""
    for root in folders:
        for folder, subfolders, names in os.walk(root):
            if ".hydra" in subfolders and RESULT not in names:
                yield Path(folder)


def _name(path: Path, top: Path) -> str:
    return path.relative_to(top).as_posix()


def _error_text(record: Record) -> str:
    error = record.error or {}
    parts = [error[name] for name in ("type", "message") if error.get(name)]
    return f"{record.cell} on {record.data}, {': '.join(parts) or 'no error was noted'}"
