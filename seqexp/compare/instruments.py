"""What diagnostics measured in the runs of a comparison: all cells in one picture, and in one table."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqexp.compare.rows import Row
from seqexp.compare.runs import Problem, Run
from seqexp.compare.section import Section
from seqexp.config.mistakes import ConfigError
from seqexp.config.names import folder_name
from seqexp.record.files import printable
from seqexp.statistics import Array, mean_interval

if TYPE_CHECKING:
    from seqexp.diagnostic.kept import Kept
    from seqexp.show.figures import Figure

log = logging.getLogger(__name__)


def draw(
    tables: Mapping[str, Sequence[tuple[str, Row]]], allowed: Sequence[str]
) -> tuple[dict[str, Figure], list[Problem]]:
    """Draws what was measured: a picture for each diagnostic and data set.

    Args:
        tables: for each data set its rows, by label.
        allowed: packages whose diagnostics may be imported; those of others are passed over.

    Returns:
        Name -> figure; and the files that could not be used.
    """
    figures: dict[str, Figure] = {}
    problems: dict[str, Problem] = {}
    for data, rows in tables.items():
        for name in sorted({name for _, row in rows for run in row.runs for name in _files(run)}):
            figure = _draw(name, rows, allowed, problems)
            if figure is not None:
                figures[folder_name(name if len(tables) == 1 else f"{name}_{data}")] = figure
    return figures, list(problems.values())


@dataclass(frozen=True)
class Measurement:
    """What a table shows of one diagnostic.

    Attributes:
        name: the diagnostic's.
        rows: label -> column -> one number per seed.
        guesses: the same of what needs no network, from the first of the rows.
    """

    name: str
    rows: dict[str, dict[str, Array]]
    guesses: dict[str, dict[str, Array]]

    @property
    def columns(self) -> list[str]:
        """The names of all columns."""
        return list(dict.fromkeys(name for columns in self.rows.values() for name in columns))

    def as_dict(self) -> dict[str, Any]:
        """The mean of each number over seeds, with its interval, for JSON."""
        parts = {"rows": self.rows, "guesses": self.guesses}
        return {"name": self.name} | {
            part: {
                label: {name: asdict(mean_interval(values)) for name, values in columns.items()}
                for label, columns in lines.items()
            }
            for part, lines in parts.items()
        }


def with_measured(section: Section, allowed: Sequence[str]) -> Section:
    """The section with what the diagnostics of its rows have for tables; what cannot be read `draw` notes.

    Args:
        section: of a comparison.
        allowed: packages whose diagnostics may be imported; those of others are passed over.
    """
    found = []
    for name in sorted({name for _, row in section.shown for run in row.runs for name in _files(run)}):
        by_label, settings = _joined(name, section.shown, {})
        try:
            lines = {label: _lines(name, settings, allowed, arrays) for label, arrays in by_label.items()}
        except Exception as error:  # as in `_draw`
            log.info("diagnostic %s is in no table: %s", name, error)
            continue
        rows = {label: of_label[""] for label, of_label in lines.items() if "" in of_label}
        if rows:
            first = next(iter(lines.values()))
            found.append(Measurement(name, rows, {line: first[line] for line in first if line}))
    return replace(section, measured=found)


def _lines(
    name: str, settings: Any, allowed: Sequence[str], arrays: Mapping[str, Array]
) -> dict[str, dict[str, Array]]:
    from seqexp.diagnostic.kept import build

    lines = build(name, settings, allowed).table(arrays)
    if not all(np.ndim(values) == 1 for columns in lines.values() for values in columns.values()):
        raise ValueError("a table holds one number for each seed")
    return lines


def _draw(
    name: str, rows: Sequence[tuple[str, Row]], allowed: Sequence[str], problems: dict[str, Problem]
) -> Figure | None:
    """One picture; None where nothing can be drawn."""
    from seqexp.diagnostic.kept import build

    by_label, settings = _joined(name, rows, problems)
    if not by_label:
        return None
    try:
        return build(name, settings, allowed).draw(by_label)
    except ConfigError as error:
        log.info("diagnostic %s is not drawn: %s", name, error)
    except Exception as error:  # whatever the arrays of a damaged file make NumPy say
        _note(problems, rows[0][1].runs[0], name, f"cannot be drawn ({type(error).__name__}: {error})")
    return None


def _joined(
    name: str, rows: Sequence[tuple[str, Row]], problems: dict[str, Problem]
) -> tuple[dict[str, dict[str, Array]], Any]:
    """Label -> what was measured, of all seeds of that row; and the settings of what measured."""
    from seqexp.diagnostic.diagnostic import join

    by_label: dict[str, dict[str, Array]] = {}
    settings = None
    for label, row in rows:
        read = {id(run): _read(run, name, problems) for run in row.runs}
        parts = [
            (kept.arrays, kept.seeds.index(run.seeds[position]))
            for run, position in row.sources
            if (kept := read[id(run)]) is not None
        ]
        if not parts:
            continue
        every = [kept.settings for kept in read.values() if kept is not None]
        settings = settings or every[0]
        others = {key for own in every for key in own if key in settings and own[key] != settings[key]}
        if others:
            _note(problems, row.runs[0], name, f"was measured with another {' and '.join(sorted(others))}")
            continue
        try:
            by_label[label] = join(parts)
        except (KeyError, ValueError) as error:
            _note(problems, row.runs[0], name, f"does not fit the other runs of {label} ({error})")
    return by_label, settings


def _files(run: Run) -> Mapping[str, Path]:
    """The measurements of a run; nothing is loaded where there is none, as most comparisons have none."""
    if not (run.folder / "diagnostics").is_dir():
        return {}
    from seqexp.diagnostic.kept import found

    return found(run.folder)


def _read(run: Run, name: str, problems: dict[str, Problem]) -> Kept | None:
    from seqexp.diagnostic.kept import read

    path = _files(run).get(name)
    if path is None:
        return None
    try:
        kept = read(path)
        if missing := set(run.seeds) - set(kept.seeds):
            raise ValueError(f"has nothing of seed {min(missing)}")
    except ValueError as error:
        _note(problems, run, name, str(error))
        return None
    return kept


def _note(problems: dict[str, Problem], run: Run, name: str, reason: str) -> None:
    text = f"diagnostics/{name}.npz, so it is not in that picture: {printable(reason)}"
    problems[f"{run.name} {name}"] = Problem(run.name, text)
