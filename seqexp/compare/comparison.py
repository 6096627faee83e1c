"""`compare(folder)`: from the records of some runs to tables, verdicts, figures and files."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from seqexp.compare import export, report, screen
from seqexp.compare.answer import answer
from seqexp.compare.data_sets import DataSet, group
from seqexp.compare.instruments import with_measured
from seqexp.compare.keys import CompareError, check, listed, of_data
from seqexp.compare.runs import Collection as Found
from seqexp.compare.runs import Problem, Run, collect
from seqexp.compare.section import Section, build
from seqexp.compare.success import with_success
from seqexp.compare.summary import Summary, summarise
from seqexp.compare.swept import all_values
from seqexp.compare.table import tables
from seqexp.compare.trained import noted
from seqexp.compare.variance import variances
from seqexp.config.kinds import check_figure, margin_of
from seqexp.config.mistakes import ConfigError
from seqexp.config.options import called
from seqexp.record import html
from seqexp.record.files import null_for_nan, write_atomically

if TYPE_CHECKING:
    from rich.console import Console

    from seqexp.show.figures import Figure, Kind, Page


def written(folder: Path, paths: Sequence[Path]) -> str:
    """What a program says of the files that `Comparison.write` left in a folder."""
    kinds: dict[str, list[str]] = {}
    for path in paths:
        name = path.relative_to(folder).with_suffix("").as_posix()
        kinds.setdefault(name, []).append(path.suffix)
    named = [f"{name}{' '.join(suffixes)}" for name, suffixes in kinds.items()]
    return f"→ {folder}: {', '.join(named)}; {called('board')} {shlex.quote(str(folder))}"


def page_of(node: Mapping[str, Any]) -> Page:
    """What figures are drawn for, as `compare.figure` says it."""
    from seqexp.show.figures import DEFAULT, Page

    return Page(node.get("width"), node.get("font"), tuple(node.get("format") or DEFAULT.kinds))


@dataclass(frozen=True, repr=False)
class Comparison:
    """What some runs show, one section per data set.

    Attributes:
        sections: table, pairs and verdict of each data set.
        failed: runs that ended with an error, and the error.
        broken: records that are damaged or unfinished, and why.
    """

    sections: list[Section]
    failed: list[Problem]
    broken: list[Problem]

    @cached_property
    def summary(self) -> Summary | None:
        """What three tasks or more show together; None for fewer."""
        return summarise(self.sections)

    @property
    def sentences(self) -> list[str]:
        """Every verdict in plain words, those over several tasks last."""
        over_tasks = self.summary.sentences if self.summary else []
        return [*(text for section in self.sections for text in section.sentences), *over_tasks]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yields one dictionary per run and seed; `pandas.DataFrame(comparison.rows())` reads them."""
        return export.tidy_rows(self.sections)

    def to_dict(self) -> dict[str, Any]:
        """Every statistic as plain dictionaries and lists; what is not finite is None."""
        over_tasks = self.summary.as_dict() if self.summary else None
        sources = [found.as_dict() for found in variances(self.sections)]
        found = {**export.as_dict(self.sections, self.failed, self.broken), "over_tasks": over_tasks}
        return {**found, "variance": null_for_nan(sources)}

    def to_markdown(self) -> str:
        """Tables and verdicts as Markdown."""
        return report.markdown(self.sections, self.failed, self.broken, self.summary)

    def __repr__(self) -> str:
        """What was compared, and the first verdict."""
        names = ", ".join(section.data_set.name for section in self.sections) or "no run"
        first = f":\n{answer(self.sections[0])}" if self.sections else ""
        return f"Comparison({names}){first}"

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdicts, each table of scores, and the figure where it is small."""
        shown = html.paragraphs([answer(section) for section in self.sections], "h4")
        for section in self.sections:
            scores = tables(section)[0]
            shown += html.paragraphs([section.data_set.name])
            shown += html.table(scores.columns, [list(line.texts) for line in scores.lines], scores.words)
        for heading, lines in report.problems_text(self.failed, self.broken):
            shown += html.paragraphs([f"{heading}: {'; '.join(lines)}"])
        return shown + (html.picture(self.figure(format="png"), "comparison") if self.sections else "")

    def render(self, console: Console) -> None:
        """Prints tables and verdicts on a Rich console."""
        screen.render(console, self.sections, self.failed, self.broken, self.summary)

    @overload
    def figure(
        self, name: str = "comparison", *, width: float | None = None, font: float | None = None, format: None = None
    ) -> Figure: ...

    @overload
    def figure(
        self, name: str = "comparison", *, width: float | None = None, font: float | None = None, format: Kind
    ) -> bytes: ...

    def figure(
        self,
        name: str = "comparison",
        *,
        width: float | None = None,
        font: float | None = None,
        format: Kind | None = None,
    ) -> Figure | bytes:
        """One of the figures that `write` leaves as files.

        Args:
            name: comparison, every seed as a point, mean and interval; differences, each seed's ratio of two rows;
                curves; forecasts, the actual values with each row's mean prediction and band over seeds; evaluations;
                success; tasks.
            width: in inches, such as 3.4 for a column of a paper; None: as wide as it needs.
            font: size of its letters in points; None: 10.
            format: png, svg or pdf gives the bytes of such a file, its fonts embedded; None the figure itself.

        Raises:
            CompareError: these runs have no such figure, or a size or format is none.
        """
        from seqexp.compare import pictures
        from seqexp.compare.predicted import predictions
        from seqexp.show.figures import Page, encode

        try:
            check_figure({"width": width, "font": font, "format": None if format is None else [format]})
        except ConfigError as error:
            raise CompareError(str(error)) from None
        panels, _ = pictures.curves(self.sections)
        predicted, _ = predictions(self.sections)
        found = pictures.draw(self.sections, self.summary, panels, predicted, Page(width, font))
        if name not in found:
            raise CompareError(f"figure must be one of {', '.join(found)}, got {name!r}")
        return found[name] if format is None else encode(found[name], format)

    def write(self, folder: Path, allowed_packages: Sequence[str] = (), page: Page | None = None) -> list[Path]:
        """Writes `comparison.{md,csv,json,tex}`, `table.csv`, `verdicts.csv`, figures, and the TensorBoard run.

        The figures are `comparison` and `curves`, of two rows or more `differences`, where numbers are predicted
        `forecasts`, where there are scores at evaluations `evaluations`, where a task says when it is solved
        `success`, of three tasks or more `tasks`, and what diagnostics measured in `diagnostics/`.

        Args:
            folder: where to; it exists.
            allowed_packages: packages whose own diagnostics may be imported, to draw what they measured.
            page: how wide figures are, and in which formats; None: as wide as they need, as PNG and SVG. Those on
                TensorBoard are always that.

        Returns:
            The files' paths.
        """
        from seqexp.compare import board, instruments, pictures, sheets, tex
        from seqexp.compare.predicted import predictions
        from seqexp.show.board import Content, write_comparison
        from seqexp.show.figures import DEFAULT, encode, laid_out

        page = page or DEFAULT
        panels, damaged = pictures.curves(self.sections)
        predicted, unread = predictions(self.sections)
        damaged += unread
        tables = {section.data_set.name: section.shown for section in self.sections}
        diagnosed, unusable = instruments.draw(tables, allowed_packages)
        complete = replace(self, broken=[*self.broken, *damaged, *unusable])
        contents = {
            "comparison.md": complete.to_markdown().encode(),
            "comparison.tex": tex.document(self.sections).encode(),
            "comparison.csv": sheets.as_csv(self.rows()).encode(),
            "table.csv": sheets.as_csv(sheets.table_rows(self.sections)).encode(),
            "verdicts.csv": sheets.as_csv(sheets.verdict_rows(self.sections)).encode(),
            "comparison.json": (json.dumps(complete.to_dict(), indent=2, allow_nan=False) + "\n").encode(),
        }
        drawn = pictures.draw(self.sections, self.summary, panels, predicted, page)
        for name, figure in drawn.items():
            laid_out(figure)
            contents |= {f"{name}.{kind}": encode(figure, kind) for kind in page.kinds}
        for name, figure in diagnosed.items():
            (folder / "diagnostics").mkdir(exist_ok=True)
            contents |= {f"diagnostics/{name}.{kind}": encode(figure, kind) for kind in page.kinds}
        for name, content in contents.items():
            write_atomically(folder / name, content)
        if page.width or page.font:
            drawn = pictures.draw(self.sections, self.summary, panels, predicted, DEFAULT)
        shown = board.curves(self.sections, panels)
        if diagnosed:
            diagnosed, _ = instruments.draw(tables, allowed_packages)  # to be stacked, which changes them
        shots = board.pictures(self.sections, panels, predicted, drawn, diagnosed)
        said = board.texts(self.sections, complete.failed, complete.broken, self.summary, complete.to_markdown())
        write_comparison(folder / "comparison", Content(shots, said, shown.lines, shown.charts))
        return [folder / name for name in contents]


def compare(
    *folders: Path | str,
    by: str | Sequence[str] | None = None,
    margin: float | str | None = None,
    allowed_packages: Sequence[str] = (),
    now: Collection[Path] = (),
) -> Comparison:
    """Compares all runs at or below some folders.

    Args:
        folders: sweep folders, run folders, or folders of them.
        by: the swept keys that are compared, such as `cell.hidden_size` or `["cell", "optimizer"]`; among the values of
            all others one is picked on validation. None takes what the sweep was asked for; if nothing, the cell, or,
            of a single cell, the one other key that was swept.
        margin: scores that differ by less than this share, such as 0.02 or "2%", count as alike, which is tested. None
            takes what the sweep was asked for.
        allowed_packages: packages whose own diagnostics may be imported, for what they have for tables.
        now: folders of runs that are known to be of today's own code and files. Among other runs of the same settings,
            and other code or files, the one that was written last counts.

    Returns:
        The comparison; it has no sections where every run failed or is damaged.

    Raises:
        CompareError: a folder does not exist, no run is in any of them, or nothing can be compared by those keys.
        ConfigError: the margin is no share.
    """
    wanted = margin_of(margin)
    data_sets, found = sort([Path(folder) for folder in folders], by, now)
    recorded = {run.margin for run in found.runs}
    within = wanted if wanted is not None or len(recorded) != 1 else recorded.pop()
    sections = [with_measured(noted(section), allowed_packages) for section in build(data_sets, within)]
    return Comparison(with_success(sections), found.failed, found.broken)


def sort(
    folders: Sequence[Path], by: str | Sequence[str] | None, now: Collection[Path] = ()
) -> tuple[list[DataSet], Found]:
    """The data sets of a comparison, in which nothing is picked yet, and all that was found; as for `compare`."""
    asked = listed(by if by is None or isinstance(by, str) else list(by))
    found = collect(folders)
    if asked and found.runs:
        check(asked, all_values(found.runs))
    return group(found.runs, asked or _recorded(found.runs, now), now), found


def _recorded(runs: Sequence[Run], now: Collection[Path]) -> tuple[str, ...]:
    """What all runs' sweeps were asked to compare by; nothing where they differ, or these runs do not allow it."""
    by = runs[0].compared if len({run.compared for run in runs}) == 1 else ()
    try:
        check(by, all_values(runs) if by else {})
        if of_data(by):
            group(runs, by, now)  # which knows whether the test targets change
    except CompareError:
        return ()
    return by
