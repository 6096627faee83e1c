"""What tables must hold so that there is something to learn from them; to forecast from one takes less."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from seqexp.data.tables import Table


def first_rows(files: list[Table], rows: int | None) -> list[Table]:
    """The first rows of one file; None: all of any number of files.

    Raises:
        ValueError: it has fewer, or there are several files.
    """
    if rows is None:
        return files
    table = files[0]
    if len(files) > 1 or rows < 1:
        raise ValueError(f"rows must be null, or >= 1 where one file is read, got {rows} and {len(files)} files")
    if len(table.lines) < rows:
        raise ValueError(f"rows must be <= {len(table.lines)}, those of {table.path}, got {rows}")
    times = None if table.times is None else table.times[:rows]
    stamps = None if table.stamps is None else table.stamps[:rows]
    values, filled, lines = table.values[:rows], table.filled[:rows], table.lines[:rows]
    return [table._replace(values=values, filled=filled, lines=lines, times=times, stamps=stamps)]


def check_rows(files: Sequence[Table], least: int) -> None:
    """Refuses files that are too short.

    Raises:
        ValueError: a file has fewer rows than `least`.
    """
    for table in files:
        if (count := len(table.lines)) < least:
            raise ValueError(
                f"{table.path}: has {count} row{'s' * (count != 1)}, and data.window + data.horizon = {least} rows "
                "make the first window and its target"
            )


def check_targets(files: Sequence[Table], targets: Sequence[str]) -> None:
    """Refuses targets that never change, as a file has them or as a network does.

    Raises:
        ValueError: a column is the same in every row.
    """
    for name in targets:
        values = np.concatenate([each.values[:, each.names.index(name)] for each in files])
        start = f"{files[0].at(0, name)} is {values[0]:g}, as in every other row"
        if (values == values[0]).all():
            raise ValueError(f"{start}; a target that never changes leaves nothing to learn")
        if not values.astype(np.float32).any():
            raise ValueError(f"{start} in a network's numbers, which is 0; multiply the column by a constant")
        if (values.astype(np.float32) == np.float32(values[0])).all():
            raise ValueError(
                f"{start} in the 24 bits of a network's numbers: its changes, of {np.ptp(values):.3g} at most, are too "
                "small beside it; subtract a constant from the column"
            )


def check_following(files: Sequence[Table]) -> None:
    """Refuses files that are to be one series and are not in the order of time.

    Raises:
        ValueError: a file begins before the end of the one before.
    """
    for before, table in itertools.pairwise(files):
        if before.stamps is not None and table.stamps is not None and table.stamps[0] <= before.stamps[-1]:
            raise ValueError(
                f"together must be false: {table.path}, line {table.lines[0]}, is not later than the end of "
                f"{before.path}, the file before by name"
            )


def check_scaled(files: Sequence[Table], names: Sequence[str], scaling: str | Mapping[str, str]) -> None:
    """Refuses the logarithm of what has none.

    Raises:
        ValueError: a value is not above 0; by file and line.
    """
    for name in names:
        if (scaling if isinstance(scaling, str) else scaling.get(name)) != "log":
            continue
        for table in files:
            values = table.values[:, table.names.index(name)]
            if (low := int(values.argmin())) is not None and values[low] <= 0:
                raise ValueError(
                    f"{table.at(low, name)} {values[low]:g} has no logarithm, and data.scaling=log needs one"
                )
