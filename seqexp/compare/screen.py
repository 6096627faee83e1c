"""A comparison on the console: the answers, then tables, then the fine print, as far as it can still be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from seqexp.compare.against import baseline_sentence
from seqexp.compare.answer import answer, says_baselines
from seqexp.compare.report import how_to_read, notes, over_tasks, problems_text
from seqexp.compare.runs import Problem
from seqexp.compare.section import Section
from seqexp.compare.summary import Summary
from seqexp.compare.table import NEEDED, Table, tables
from seqexp.compare.text import list_text
from seqexp.compare.variance import table as variance_table
from seqexp.compare.variance import variances
from seqexp.show.columns import Grid, draw
from seqexp.show.paragraphs import put, room
from seqexp.terminal import spelt

if TYPE_CHECKING:
    from rich.console import Console

MOST_DETAILED = 4
"""Data sets whose pairs are told one by one; of more of them, `comparison.md` holds that."""

MOST_TABLES = 12
"""Data sets that have tables."""

MOST_PAIRS = 10
"""Pairs of one data set that are told one by one."""

MOST_NOTES = 12
"""Notes of one comparison, where its pairs are not told one by one."""


def render(
    console: Console,
    sections: Sequence[Section],
    failed: Sequence[Problem],
    broken: Sequence[Problem],
    summary: Summary | None = None,
) -> None:
    """Prints the comparison on a Rich console."""
    for section in sections:
        put(console, answer(section), "bold", indent=2)
    if sections:
        console.print()
    detailed = len(sections) <= MOST_DETAILED
    for section in sections[: MOST_TABLES if len(sections) <= MOST_TABLES else 0]:
        _section(console, section, detailed)
    if not detailed:
        for line in _common_notes(sections):
            put(console, line)
    if lines := over_tasks(sections, summary, short=True):
        if not detailed:
            console.print()
        for line in lines:
            put(console, line)
        console.print()
    for found in variances(sections):
        put(console, f"Sources of variance: {found.row} on {found.data}", "bold")
        _table(console, variance_table(found))
        put(console, found.sentence)
        console.print()
    if sections:
        folded = _folded(sections)
        for line in [folded] if folded else how_to_read(sections, summary):
            put(console, line, "dim")
        console.print()
    for heading, problems in problems_text(failed, broken):
        put(console, f"{heading}:", "bold")
        for problem in problems:
            put(console, f"  {problem}", indent=4)


def _section(console: Console, section: Section, detailed: bool) -> None:
    for number, table in enumerate(tables(section)):
        if number == 0:
            put(console, section.data_set.name, "bold")
        _table(console, table)
    against = None if says_baselines(section) else baseline_sentence(section)
    for part in ([against] if against else [], _fine_print(section) if detailed else []):
        for line in part:
            put(console, line)
        if part:
            console.print()


def _table(console: Console, table: Table) -> None:
    rows = [[spelt(text, console.file) for text in line.texts] for line in table.lines]
    grid = Grid(table.columns, rows, table.words, table.spare, (NEEDED,))
    for drawn in draw(grid, room(console)):
        for text in drawn.head:
            console.print(Text(text), soft_wrap=True)
        for line, texts in zip(table.lines, drawn.rows, strict=True):
            style = "bold" if line.picked else "dim" if line.baseline else ""
            for text in texts:
                console.print(Text(text, style=style), soft_wrap=True)
        if drawn.missing:
            put(console, f"Not shown for lack of room: {list_text(list(drawn.missing))}.", "dim")
        console.print()


def _fine_print(section: Section) -> list[str]:
    """Every pair of rows, what was solved, what the verdicts speak of, and notes."""
    pairs = section.pairs if len(section.pairs) <= MOST_PAIRS else []
    solved = section.success.sentences if section.success else []
    return [*map(section.sentence, pairs), *solved, *section.scope, *notes(section)]


def _common_notes(sections: Sequence[Section]) -> Iterator[str]:
    """The notes of many data sets, each once, with the data sets that it is of."""
    found: dict[str, list[str]] = {}
    for section in sections:
        for note in notes(section):
            found.setdefault(note, []).append(section.data_set.name)
    for note, names in list(found.items())[:MOST_NOTES]:
        yield f"{_of(names, len(sections))}: {note}"
    if len(found) > MOST_NOTES:
        yield f"{len(found) - MOST_NOTES} more notes are in comparison.md."


def _of(names: Sequence[str], total: int) -> str:
    if len(names) == total:
        return f"all {total} data sets"
    return list_text(list(names)) if len(names) <= MOST_DETAILED else f"{len(names)} of {total} data sets"


def _folded(sections: Sequence[Section]) -> str:
    """What is not on the console but in `comparison.md`."""
    if len(sections) > MOST_TABLES:
        return f"The tables of {len(sections)} data sets, every pair's verdict and how to read it: comparison.md."
    if len(sections) > MOST_DETAILED or any(len(section.pairs) > MOST_PAIRS for section in sections):
        return "Every pair's verdict, and how to read it: comparison.md."
    return ""
