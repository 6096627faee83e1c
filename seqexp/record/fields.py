"""What the fields of a `result.json` must hold, and the same as Python knows it: null among scores is NaN."""

from __future__ import annotations

import math
from typing import Any


def checked_seeds(name: str, seeds: Any) -> list[int]:
    """Seeds that torch and NumPy know, each of them once."""
    if not isinstance(seeds, list) or not all(type(seed) is int for seed in seeds):
        raise TypeError(f"{name} must be a list of whole numbers")
    if any(not 0 <= seed < 2**63 for seed in seeds):
        raise ValueError(f"{name} must lie between 0 and 2^63 - 1")
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"{name} must not hold a seed twice")
    return seeds


def check_unchanged(values: dict[str, Any], count: int) -> None:
    """Checks the fields that stay as JSON holds them, as far as they are there; `count` is that of the seeds.

    Raises:
        TypeError: something has the wrong kind.
        ValueError: something is out of range, or has not one entry for each seed.
    """
    checked_seeds("diverged", values.get("diverged", []))
    check_hashes(values.get("data_hash"), count)
    check_sizes(values.get("sizes"))
    checked_texts("left_out", values.get("left_out", {}))
    checked_texts("varies", values.get("varies") or {})
    checked_texts("data_notes", dict(enumerate(values.get("data_notes", []))))


def check_hashes(rows: Any, count: int) -> None:
    """Refuses what is not two digests for each of `count` seeds; None is allowed."""
    if rows is not None and len(rows) != count:
        raise ValueError(f"data_hash must hold two digests for each of the {count} seeds")
    for row in rows or ():
        if not (isinstance(row, list) and len(row) == 2 and all(isinstance(digest, str) for digest in row)):
            raise TypeError("data_hash must hold two texts for each seed")


def check_sizes(sizes: Any) -> None:
    """Refuses what does not say which numbers a model reads and predicts; None is allowed."""
    if sizes is None:
        return
    counts = {"input_size": 1, "num_tokens": 0, "output_size": 1}  # the least of each
    if sizes.keys() - {"scaled", "classes"} != {*counts, "reads"} or sizes["reads"] not in ("last", "steps"):
        raise ValueError(f"sizes must hold {', '.join(counts)}, and reads, which is 'last' or 'steps'")
    if not (sizes.get("scaled") is None or (type(sizes["scaled"]) is int and sizes["scaled"] >= 0)):
        raise ValueError("sizes: scaled must be a whole number >= 0, or null")
    classes = sizes.get("classes")
    if not (classes is None or (isinstance(classes, list) and all(isinstance(each, str) for each in classes))):
        raise ValueError("sizes: classes must be a list of texts, or null")
    if any(type(sizes[name]) is not int or sizes[name] < least for name, least in counts.items()):
        raise ValueError("sizes must hold whole numbers, input_size and output_size >= 1, num_tokens >= 0")
    if classes is not None and len(classes) != sizes["output_size"]:
        raise ValueError("sizes: classes must hold a name for each of the output_size classes")


def checked_texts(name: str, rows: Any) -> dict[str, str]:
    """A field as read; a TypeError where it is no dict of texts."""
    if not (isinstance(rows, dict) and all(isinstance(text, str) for text in rows.values())):
        raise TypeError(f"{name} must hold texts")
    return rows


def checked_scores(part: str, rows: Any, count: int) -> dict[str, list[float]]:
    """The scores of one part by metric, as JSON holds them; null is NaN.

    Raises:
        TypeError: something has the wrong kind.
        ValueError: a metric has not one score for each of the `count` seeds.
    """
    return {name: _scores(f"{part}_{name}", row, count) for name, row in _dict(part, rows).items()}


def checked_guesses(name: str, rows: Any, count: int) -> dict[str, list[float] | None]:
    """The same of what needs no training, by name; null is None where all of it has no meaning."""
    return {
        key: None if row is None else _scores(f"{name}.{key}", row, count) for key, row in _dict(name, rows).items()
    }


def _dict(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{name} has the wrong kind: {type(value).__name__}")
    return value


def _scores(name: str, row: Any, count: int) -> list[float]:
    if not isinstance(row, list) or len(row) != count:
        raise ValueError(f"{name} must hold one score for each of the {count} seeds")
    if not all(value is None or (isinstance(value, int | float) and type(value) is not bool) for value in row):
        raise TypeError(f"{name} must hold numbers or null")
    return [math.nan if value is None else float(value) for value in row]
