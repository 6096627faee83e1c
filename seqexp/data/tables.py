"""CSV files as tables of numbers: nothing is guessed where two readings fit, and nothing is repaired unasked."""

from __future__ import annotations

import bisect
import difflib
import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqexp.data import dates, delimited, files, missing, numerals
from seqexp.data.delimited import Rows

Floats = npt.NDArray[np.float64]


class Writing(NamedTuple):
    """How files are written, and what is done about it; see conf/data/csv.yaml.

    Attributes:
        delimiter: one character, or its word; None: the one that splits all lines alike.
        encoding: None: UTF-8, or what a byte order mark says.
        decimal: comma or dot; None: what all numbers of the files agree on.
        thousands: comma, dot, space, apostrophe or none; None likewise.
        missing: texts that stand for no value; an empty one always does.
        time: the column that says when a row was measured; None: rows are in order.
        date_format: as `datetime.strptime` has it; None: ISO dates, or plain numbers.
        sort: whether rows are put into the order of time.
        fill: what is done where there is no value: forward, interpolate or drop; None refuses.
    """

    delimiter: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    missing: tuple[str, ...] = ()
    time: str | None = None
    date_format: str | None = None
    sort: bool = False
    fill: str | None = None


class Table(NamedTuple):
    """The columns of one file that are asked for.

    Attributes:
        path: as it was named.
        names: of the C columns of numbers.
        values: (L, C), finite.
        filled: (L, C) where the file has no value.
        lines: (L,) on which line of the file each row stands.
        dropped: how many rows were left out.
        times: of the rows, as the file has them; None where no column says them.
        stamps: (L,) the same as numbers, see `seqexp.data.dates.Times`.
        texts: of each column that is to stay text, (L,).
        notes: what a reader of results should know.
    """

    path: str
    names: list[str]
    values: Floats
    filled: npt.NDArray[np.bool_]
    lines: list[int]
    dropped: int
    times: list[str] | None
    stamps: Floats | None
    texts: dict[str, list[str]]
    notes: list[str]

    def at(self, row: int, column: str) -> str:
        """The beginning of a message about one value."""
        return f"{self.path}, line {self.lines[row]}, column {column}:"


def listed(name: str, columns: str | Sequence[str] | None) -> list[str]:
    """A column's name, or several, as a setting gives them.

    Args:
        name: of the setting.
        columns: what it holds.

    Raises:
        ValueError: a column is named twice.
    """
    found = [columns] if isinstance(columns, str) else [str(each) for each in columns or ()]
    if twice := next((each for each in found if found.count(each) > 1), None):
        raise ValueError(f"{name} names the column {twice} twice")
    return found


def read(path: str | Sequence[str], columns: Mapping[str, str], texts: Mapping[str, str], how: Writing) -> list[Table]:
    """Reads files, all of them written in one way.

    Args:
        path: as for `seqexp.data.files.find`.
        columns: name -> the setting that asks for it, of the columns of numbers.
        texts: the same of columns that stay text.
        how: how they are written.

    Returns:
        A table for each file, its rows in the order of time, without gaps.

    Raises:
        ValueError: a file is damaged or can be read in two ways; one paragraph, that names file, line and column.
    """
    if how.time is None and (how.sort or how.date_format is not None):
        raise ValueError(f"{'sort' if how.sort else 'date_format'} needs data.time, the column that says when rows are")
    found = files.find(path)
    states = tuple((each.st_mtime_ns, each.st_size, each.st_ino) for each in map(files.state, found))
    return _read(tuple(found), states, tuple(columns.items()), tuple(texts.items()), how)


@functools.lru_cache(maxsize=8)
def _read(
    paths: tuple[str, ...],
    states: tuple[tuple[int, int, int], ...],
    columns: tuple[tuple[str, str], ...],
    texts: tuple[tuple[str, str], ...],
    how: Writing,
) -> list[Table]:
    """The same, once for each state that the files are in: a sweep asks often."""
    ways = numerals.signs(how.decimal, how.thousands)
    read = [delimited.read(each, how.encoding, how.delimiter) for each in paths]
    numbers, kept = [name for name, _ in columns], [name for name, _ in texts]
    asked = dict([*columns, *texts, *([] if how.time is None else [(how.time, "time")])])
    for rows in read:
        _check_columns(rows, asked)
    values, note = _numbers(read, numbers, how, ways, set(asked))
    tables = [_table(rows, each, numbers, kept, how) for rows, each in zip(read, values, strict=True)]
    tables[0].notes.extend([note] if note else [])
    for table in tables:
        table.values.flags.writeable = table.filled.flags.writeable = False
    return tables


def _check_columns(rows: Rows, asked: Mapping[str, str]) -> None:
    for name, key in asked.items():
        if name not in rows.names:
            meant = difflib.get_close_matches(name.lower(), [each.lower() for each in rows.names if each], 2)
            near = [each for each in rows.names if each.lower() in meant]
            hint = f"did you mean {' or '.join(near)}? " if near else ""
            shown = name or "''"
            there = ", ".join(each or "a first one without a name (data.time= takes it)" for each in rows.names)
            raise ValueError(
                f"{rows.path}, line 1: there is no column {shown}, which data.{key} names; {hint}there is {there}"
            )


def _numbers(
    files: Sequence[Rows], names: Sequence[str], how: Writing, ways: Sequence[numerals.Signs], asked: set[str]
) -> tuple[list[Floats], str]:
    """The numbers of each file, (L, C), and what is to be said of how they are written."""
    gaps = {"", *how.missing}
    ends = list(itertools.accumulate(len(rows.cells) for rows in files))

    def at(name: str, place: int) -> str:
        file = bisect.bisect_right(ends, place)
        return files[file].at(place - (ends[file - 1] if file else 0), name)

    columns = []
    for name in names:
        cells = []
        for rows in files:
            place = rows.names.index(name)
            cells += ["" if row[place] in gaps else row[place] for row in rows.cells]
        columns.append(numerals.Column(name, cells, functools.partial(at, name)))
    found, note = numerals.convert(columns, _others(files, asked, gaps), ways)
    return np.split(np.stack(found, axis=1), ends[:-1]), note


def _others(files: Sequence[Rows], asked: set[str], gaps: set[str]) -> Iterator[list[str]]:
    """Texts of the columns that are not asked for."""
    for rows in files:
        for place, name in enumerate(rows.names):
            if name not in asked:
                yield ["" if row[place] in gaps else row[place] for row in rows.cells]


def _table(rows: Rows, values: Floats, names: list[str], texts: list[str], how: Writing) -> Table:
    """One file's table: its rows in order, its gaps filled."""
    kept = {name: [row[rows.names.index(name)] for row in rows.cells] for name in texts}
    notes, found, lines = [], None, rows.lines
    if how.time is not None:
        place = rows.names.index(how.time)

        def at(row: int) -> str:
            return rows.at(row, str(how.time))

        found = dates.read([row[place] for row in rows.cells], at, how.date_format)
        order = dates.order(found, at, lines, how.sort)
        found = found.sorted(order)
        lines, values = [lines[each] for each in order], values[order]
        kept = {name: [cells[each] for each in order] for name, cells in kept.items()}
        if (odd := dates.gaps(found, lines)) is not None:
            notes.append(f"{rows.path}: {odd}")
    filled = missing.fill(rows.path, names, values, lines, how.fill)
    stay = np.flatnonzero(filled.kept)
    return Table(
        rows.path,
        names,
        filled.values,
        filled.gaps,
        [lines[each] for each in stay],
        len(values) - len(stay),
        None if found is None else [found.texts[each] for each in stay],
        None if found is None else found.values[stay],
        {name: [cells[each] for each in stay] for name, cells in kept.items()},
        notes,
    )
