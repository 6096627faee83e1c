"""What was measured of a finished run afterwards: a file for each evaluation, beside a record that never changes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from seqexp.record.fields import checked_guesses, checked_scores, checked_texts
from seqexp.record.files import MOST_JSON, check_plain, null_for_nan, read_json, write_atomically
from seqexp.record.record import Record, RecordError, with_reasons

EVALUATIONS = "evaluations"
"""Their folder, in the run's."""

Rows = dict[str, list[float]]
Guesses = dict[str, list[float] | None]


def write(
    folder: Path,
    record: Record,
    name: str,
    meaning: dict[str, Any],
    scores: Rows,
    baselines: Guesses,
    left_out: dict[str, str],
) -> Path:
    """Writes one evaluation, whole or not at all.

    Args:
        folder: the run's.
        record: the run's.
        name: what is evaluated, such as `test@40`.
        meaning: what differs from the test, see `meanings`.
        scores: metric -> S scores.
        baselines: name -> S scores of what needs no training, None where it has no meaning.
        left_out: name -> why there is no such baseline.

    Returns:
        The file's path.
    """
    place = folder / EVALUATIONS
    place.mkdir(exist_ok=True)
    values: dict[str, Any] = {"name": name, "meaning": meaning, "metric": record.metric, "seeds": record.seeds}
    values |= {"scores": scores, "baselines": baselines, "left_out": left_out}
    path = place / f"{name}.json"
    write_atomically(path, (json.dumps(null_for_nan(values), indent=2, allow_nan=False) + "\n").encode())
    return path


def meanings(lengths: Iterable[int], others: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What is meant by the names of evaluations: a length, `{"T": 40}`, or settings of the task."""
    return {f"test@{length}": {"T": length} for length in lengths} | {
        f"test@{name}": dict(changes) for name, changes in others.items()
    }


def known(record: Record, folder: Path) -> dict[str, dict[str, Any]]:
    """The meanings of all that was evaluated of a finished run, by name.

    Raises:
        RecordError: as for `joined`.
    """
    data = record.config.get("data", {})
    found = meanings(data.get("test_lengths") or (), data.get("evaluations") or {})
    for path in _files(folder):
        each = _read(path, record)
        found.setdefault(each.name, each.meaning)
    return found


def joined(record: Record, folder: Path, damaged: list[RecordError] | None = None) -> Record:
    """The record of a finished run with all that was measured of it afterwards.

    Args:
        record: the run's.
        folder: the run's.
        damaged: takes what is wrong with single files, which are passed over then.

    Raises:
        RecordError: a file is damaged, or speaks of another run; the message says which.
    """
    for path in _files(folder):
        try:
            each = _read(path, record)
        except RecordError as error:
            if damaged is None:
                raise
            damaged.append(error)
            continue
        if each.name not in record.scores:  # what stands in the record was measured first
            record = replace(
                record,
                scores={**record.scores, each.name: each.scores},
                evaluation_baselines={**record.evaluation_baselines, each.name: each.baselines},
                left_out=with_reasons(record.left_out, each.name, each.left_out),
            )
    return record


class _Evaluation(NamedTuple):
    """What a file holds; as for `write`."""

    name: str
    meaning: dict[str, Any]
    scores: Rows
    baselines: Guesses
    left_out: dict[str, str]


def _read(path: Path, record: Record) -> _Evaluation:
    """Reads and checks one file of a run.

    Raises:
        RecordError: it is damaged, or speaks of another run; the message says which file.
    """
    try:
        check_plain(path, MOST_JSON)
        return _checked(read_json(path.read_bytes()), record, path.stem)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise RecordError(f"{path}: {error}") from None


def _files(folder: Path) -> Iterator[Path]:
    place = folder / EVALUATIONS
    if place.is_dir() and not place.is_symlink():
        found = (path for path in place.iterdir() if path.suffix == ".json" and not path.name.startswith("."))
        yield from sorted(found, key=lambda path: (len(path.name), path.name))  # test@5 before test@40


def _checked(raw: Any, record: Record, name: str) -> _Evaluation:
    if not isinstance(raw, dict):
        raise TypeError(f"expected an object, found {type(raw).__name__}")
    for field in ("name", "meaning", "metric", "seeds", "scores", "baselines"):
        if field not in raw:
            raise ValueError(f"the field '{field}' is missing")
    if raw["name"] != name or not re.fullmatch(r"test@[A-Za-z0-9_.,=-]{1,40}", name):
        raise ValueError(f"name must be that of the file, test@ and letters, digits and _.,=-, got {raw['name']!r}")
    if (raw["metric"], raw["seeds"]) != (record.metric, record.seeds):
        raise ValueError("metric and seeds must be those of the run")
    if not isinstance(raw["meaning"], dict) or not isinstance(raw["scores"], dict):
        raise TypeError("meaning and scores must be objects")
    if record.metric not in raw["scores"]:
        raise ValueError(f"scores must hold the metric {record.metric}")
    count = len(record.seeds)
    scores = checked_scores(name, raw["scores"], count)
    if any(value < 0 for row in scores.values() for value in row):
        raise ValueError("scores must be >= 0, or null")
    baselines = checked_guesses("baselines", raw["baselines"], count)
    return _Evaluation(name, raw["meaning"], scores, baselines, checked_texts("left_out", raw.get("left_out", {})))
