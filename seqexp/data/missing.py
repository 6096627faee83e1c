"""Rows without a value: refused by name, or filled as is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

WAYS = ("forward", "interpolate", "drop")


class Filled(NamedTuple):
    """A table without gaps.

    Attributes:
        values: (K, C), K = L but for rows that are dropped.
        kept: (L,) which rows are left.
        gaps: (K, C) where a value is filled.
    """

    values: Floats
    kept: Bools
    gaps: Bools


def fill(path: str, names: Sequence[str], values: Floats, lines: Sequence[int], how: str | None) -> Filled:
    """Fills the gaps of a table.

    Args:
        path: of the file, for messages.
        names: of the C columns.
        values: (L, C), NaN where there is no value.
        lines: on which line of the file each row stands.
        how: forward: the value before; interpolate: the straight line, by rows, between the values before and after;
            drop: rows with a gap are left out; None refuses them.

    Raises:
        ValueError: there is a gap and `how` is None, or nothing to fill it from, or no row is left.
    """
    if how is not None and how not in WAYS:
        raise ValueError(f"fill must be one of {', '.join(WAYS)}, or null, got {how!r}")
    gaps = np.isnan(values)
    kept: Bools = np.ones(len(values), dtype=np.bool_)
    if not gaps.any():
        return Filled(values, kept, gaps)
    column = int(gaps.any(0).argmax())
    rows = np.flatnonzero(gaps[:, column])
    where = f"{path}, line {lines[int(rows[0])]}, column {names[column]}:"
    if len(rows) == len(values):
        raise ValueError(f"{path}: the column {names[column]} has no value in any row")
    if how is None:
        others = [names[int(each)] for each in np.flatnonzero(gaps.any(0)) if each != column]
        beside = f"; {', '.join(others)} lacks some, too" if others else ""
        raise ValueError(
            f"{where} there is no value ({len(rows)} of {len(values)} rows have none: {spans(rows, lines)}{beside}); "
            "data.fill=forward takes the value before, interpolate the line to the next value, drop leaves rows out"
        )
    if how == "drop":
        kept = np.asarray(~gaps.any(1))
        if not kept.any():
            raise ValueError(f"{where} there is no value, and data.fill=drop would leave no row")
        return Filled(values[kept], kept, gaps[kept])
    filled = values.copy()
    for place, name in enumerate(names):
        known = np.flatnonzero(~gaps[:, place])
        ends = [("before", 0)] if how == "forward" else [("before", 0), ("after", len(values) - 1)]
        for side, row in ends:
            if gaps[row, place]:
                raise ValueError(
                    f"{path}, line {lines[row]}, column {name}: there is no value, nor one {side} it, and "
                    f"data.fill={how} needs one; data.fill=drop leaves such rows out"
                )
        if how == "forward":
            filled[:, place] = values[known[(~gaps[:, place]).cumsum() - 1], place]
        else:
            filled[:, place] = np.interp(np.arange(len(values)), known, values[known, place])
    return Filled(filled, kept, gaps)


def spans(rows: npt.NDArray[np.int64], lines: Sequence[int], most: int = 5) -> str:
    """The lines of some rows, those that follow each other together: `lines 5, 9 to 12 and 4 more places`."""
    parts = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    words = [
        f"{lines[int(each[0])]}" if len(each) == 1 else f"{lines[int(each[0])]} to {lines[int(each[-1])]}"
        for each in parts
    ]
    rest = f" and {len(words) - most} more places" if len(words) > most else ""
    return f"line{'s' if len(rows) > 1 else ''} {', '.join(words[:most])}{rest}"
