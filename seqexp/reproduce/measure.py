"""The number that a published one is held against: of each seed of a run, and of what needs no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from seqexp.compare.rival import FLOOR
from seqexp.diagnostic import kept
from seqexp.record.record import Record
from seqexp.reproduce.published import DIAGNOSTICS, SOLVED, Row
from seqexp.statistics import Array, mean_interval
from seqexp.statistics.success import clopper_pearson


class Measured(NamedTuple):
    """Ours: a mean or share over n seeds, with its 95 % interval, NaN where there is none."""

    value: float
    low: float
    high: float
    seeds: int


class Guess(NamedTuple):
    """What needs no network and does best on validation, and its mean on the test data."""

    name: str
    value: float


def measured(row: Row, record: Record) -> Measured:
    """Measures a finished run as a row says.

    Raises:
        ValueError: it has no such number.
    """
    if row.measure == SOLVED:
        if record.solved is None:
            raise ValueError(f"measure: {record.data} has no criterion of success")
        count, trials = sum(each is not None for each in record.solved), len(record.solved)
        share, low, high = (row.scale * each for each in (count / trials, *clopper_pearson(count, trials)))
        return Measured(share, low, high, trials)
    values = _values(row, record)
    found = mean_interval(values)
    return Measured(found.mean, found.low, found.high, int(np.isfinite(values).sum()))


def best_guess(row: Row, record: Record) -> Guess | None:
    """The guess with the lowest score on validation; on test where none has a score on validation.

    Returns:
        Its value of the row's number; None where the number is no score that guesses have.
    """
    found = guesses(row, record)
    validated = {name: scores for name in found if (scores := record.validation_baselines.get(name))}
    ranks = {name: mean_interval(scores).mean for name, scores in validated.items()} or found
    best = min(ranks, key=ranks.__getitem__, default=None)
    return None if best is None else Guess(best, found[best])


def guesses(row: Row, record: Record) -> dict[str, float]:
    """The row's number of each guess, but for the noise; of none where the number is no score that guesses have."""
    part, _, metric = row.measure.partition("/")
    if part in (SOLVED, DIAGNOSTICS) or (metric and metric != record.metric):
        return {}
    tested = _baselines(part, record)
    scores = {name: values for name, values in tested.items() if values and name != FLOOR}
    return {
        name: mean_interval(_scaled(row, record, np.asarray(values, dtype=float))).mean
        for name, values in scores.items()
    }


def _baselines(part: str, record: Record) -> Mapping[str, Sequence[float] | None]:
    return record.baselines if part == "test" else record.evaluation_baselines.get(part, {})


def _values(row: Row, record: Record) -> Array:
    """A number for each seed."""
    part, _, rest = row.measure.partition("/")
    if part == DIAGNOSTICS:
        name, _, array = rest.partition("/")
        if record.folder is None:
            raise ValueError("measure: a record that is not on disk has no diagnostics")
        path = kept.path_of(record.folder, name)
        try:
            arrays = kept.read(path).arrays
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        if array not in arrays or arrays[array].ndim != 1:
            one = [each for each, values in arrays.items() if values.ndim == 1]
            raise ValueError(f"measure: {name} has one number for each seed in {', '.join(one)}, got {array!r}")
        return np.asarray(arrays[array], dtype=float) * row.scale
    scores = record.score(part, rest or None)
    if scores is None:
        raise ValueError(f"measure: {record.data} has no {row.measure}; there are {', '.join(record.scores)}")
    return _scaled(row, record, np.asarray(scores, dtype=float))


def _scaled(row: Row, record: Record, scores: Array) -> Array:
    """Divides by a guess's score, takes the root, and scales."""
    if row.over is not None:
        known = _baselines(row.measure.partition("/")[0], record)
        if not (divisor := known.get(row.over)):
            raise ValueError(f"over: {record.data} has no guess {row.over}; there are {', '.join(known)}")
        scores = scores / np.asarray(divisor, dtype=float)
    return (np.sqrt(scores) if row.root else scores) * row.scale
