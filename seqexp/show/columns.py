"""A table on a console: as much of it as fits beside each other, and no word or number cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len

from seqexp.terminal import wrap

GAP = "  "
FOLD = 20
"""So wide a clause is on a screen that has no room for all columns."""

RULE = "\N{BOX DRAWINGS LIGHT HORIZONTAL}"


@dataclass(frozen=True)
class Grid:
    """A head and rows of texts.

    Attributes:
        head: the columns' names.
        rows: one text per column.
        words: so many columns at the left hold words: the name of the row, then settings; the others hold numbers.
        spare: names of columns that a narrow screen may leave out, the first one first.
        clauses: names of columns that hold some words each, which a narrow screen may break into lines.
    """

    head: list[str]
    rows: list[list[str]]
    words: int
    spare: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drawn:
    """Lines of text: those of the head, those of each row, and the columns for which there is no room."""

    head: list[str]
    rows: list[list[str]]
    missing: tuple[str, ...] = ()


def draw(grid: Grid, width: int | None) -> list[Drawn]:
    """Lays a table out.

    What is too wide loses one column that can be spared; then its settings go below the rows' names, clauses are broken
    into lines, and others that can be spared are left out one by one; then it is parted into tables one below the
    other; and where even names are too long for a table, each row is a paragraph.

    Args:
        grid: the table.
        width: columns of the screen; None where there is no end.

    Returns:
        One drawing, or several, one below the other.
    """
    if width is None:
        return [_drawn(grid, [[name] for name in grid.head])]
    for attempt in _attempts(grid):
        drawn = _drawn(attempt, _heads(attempt))
        if _width(drawn) <= width:
            return [replace(drawn, missing=_missing(grid, attempt))]
    names = max(cell_len(line) for row in attempt.rows for line in row[0].split("\n"))
    parts = list(_parts(attempt, width))
    if names > width // 2 or any(_width(part) > width for part in parts):
        return [_listed(_stacked(replace(grid, clauses=())), width)]
    return [replace(part, missing=_missing(grid, attempt)) for part in parts]


def _attempts(grid: Grid) -> Iterator[Grid]:
    """The same table, narrower and narrower."""
    yield grid
    yield _without(grid, grid.spare[:1])
    for count in range(len(grid.spare) + 1):
        yield _stacked(_without(grid, grid.spare[:count]))


def _without(grid: Grid, names: Sequence[str]) -> Grid:
    kept = [index for index, name in enumerate(grid.head) if index < grid.words or name not in names]
    rows = [[row[index] for index in kept] for row in grid.rows]
    return replace(grid, head=[grid.head[index] for index in kept], rows=rows)


def _stacked(grid: Grid) -> Grid:
    """The settings as lines below the row's name, and clauses in lines."""
    folded = [name in grid.clauses for name in grid.head[grid.words :]]
    keys = grid.head[1 : grid.words]
    rows = []
    for row in grid.rows:
        settings = [f"  {key}={text}" for key, text in zip(keys, row[1 : grid.words], strict=True) if text]
        others = zip(row[grid.words :], folded, strict=True)
        texts = ["\n".join(wrap(text, FOLD, 0)) if folds else text for text, folds in others]
        rows.append(["\n".join([row[0], *settings]), *texts])
    return replace(grid, head=[grid.head[0], *grid.head[grid.words :]], rows=rows, words=1)


def _missing(grid: Grid, attempt: Grid) -> tuple[str, ...]:
    return tuple(name for name in grid.head[grid.words :] if name not in attempt.head)


def _parts(grid: Grid, width: int) -> Iterator[Drawn]:
    """Tables one below the other, each with the rows' names and as many columns as fit, one at least."""
    first = 1
    while first < len(grid.head):
        last = first + 1
        while last < len(grid.head) and _width(_drawn(part := _cut(grid, first, last + 1), _heads(part))) <= width:
            last += 1
        part = _cut(grid, first, last)
        yield _drawn(part, _heads(part))
        first = last


def _cut(grid: Grid, first: int, last: int) -> Grid:
    """The names of the rows, and the columns from `first` up to `last`, without it."""
    rows = [[row[0], *row[first:last]] for row in grid.rows]
    return replace(grid, head=[grid.head[0], *grid.head[first:last]], rows=rows)


def _heads(grid: Grid) -> list[list[str]]:
    """The columns' names, word by word one below the other."""
    return [name.split(" ") for name in grid.head]


def _width(drawn: Drawn) -> int:
    return cell_len(drawn.head[-1])


def _listed(grid: Grid, width: int) -> Drawn:
    """Each row as a paragraph: its name and settings, then every number with its column's name."""
    rows = []
    for name, *texts in grid.rows:
        numbers = [f"{column} {text}" for column, text in zip(grid.head[1:], texts, strict=True)]
        held = "  " + ", ".join(each.replace(" ", "\N{NO-BREAK SPACE}") for each in numbers)
        names = [part for line in name.split("\n") for part in wrap(line, width, 2)]
        rows.append([*names, *wrap(held, width, 2)])
    return Drawn([], rows)


def _drawn(grid: Grid, heads: Sequence[Sequence[str]]) -> Drawn:
    """Every column as wide as its widest line; heads stand on the rule, other texts at the top of their row."""
    cells = [[text.split("\n") for text in row] for row in grid.rows]
    columns = list(zip(heads, *cells, strict=True))
    widths = [max(cell_len(line) for cell in column for line in cell) for column in columns]
    most = max(map(len, heads))
    above = [[""] * (most - len(head)) + list(head) for head in heads]
    rows = [_side_by_side(row, widths, grid.words) for row in cells]
    return Drawn([*_side_by_side(above, widths, grid.words), RULE * (sum(widths) + len(GAP) * (len(widths) - 1))], rows)


def _side_by_side(cells: Sequence[Sequence[str]], widths: Sequence[int], words: int) -> list[str]:
    lines = []
    for level in range(max(map(len, cells))):
        texts = []
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            text = cell[level] if level < len(cell) else ""
            blank = " " * (width - cell_len(text))
            texts.append(text + blank if index < words else blank + text)
        lines.append(GAP.join(texts).rstrip())
    return lines
