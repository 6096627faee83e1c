"""reproduce(): trains what a published table is about, and holds its numbers against it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from seqexp.record.record import Record
from seqexp.reproduce import published
from seqexp.reproduce.measure import Guess, Measured, best_guess, measured
from seqexp.reproduce.published import Published, Row
from seqexp.reproduce.verdict import Verdict, verdict
from seqexp.run import run


class Reproduced(NamedTuple):
    """One number, published and ours.

    Attributes:
        row: what is published.
        record: of our run.
        ours: what it measures.
        guess: the best one that needs no network; None where the number is none that guesses have.
        verdict: on ours.
        seconds: that running it took now; little where it was there already.
    """

    row: Row
    record: Record
    ours: Measured
    guess: Guess | None
    verdict: Verdict
    seconds: float


def settings(table: Published, row: Row, short: bool) -> list[str]:
    """The settings of a row's run, as on a command line."""
    return [*table.run, *row.run, *(table.short if short else [])]


def reproduce(name: str, folder: Path, short: bool = False) -> Iterator[Reproduced]:
    """Runs a table row by row; what is there already is not trained again.

    Rows with the same settings are measured on one run, that of the first of them.

    Args:
        name: of the table, such as `hs1997/table1`.
        folder: where runs go, a folder for each.
        short: takes the shorter form.

    Yields:
        Each row, as soon as it is measured.

    Raises:
        ConfigError: there is no such table, or a run cannot be done.
    """
    table = published.load(name)
    folders: dict[tuple[str, ...], Path] = {}
    for row in table.rows:
        start = time.perf_counter()
        asked = settings(table, row, short)
        own = folder / re.sub(r"[^A-Za-z0-9.]+", "_", row.name).strip("_")
        record = run(asked, folders.setdefault(tuple(asked), own))
        ours = measured(row, record)
        yield Reproduced(row, record, ours, best_guess(row, record), verdict(row, ours), time.perf_counter() - start)
