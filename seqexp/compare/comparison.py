"""`compare(folder)`: from the records of some runs to tables, verdicts, figures and files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqexp.compare import report
from seqexp.compare.grouping import group
from seqexp.compare.runs import Problem, collect
from seqexp.compare.section import Section, build
from seqexp.record.files import write_atomically
from seqexp.show.text import spreadsheet

if TYPE_CHECKING:
    from rich.console import Console

    from seqexp.show.figures import Figure


WRITTEN = "→ {0}: comparison.md .csv .json .png .svg, curves.png .svg; tensorboard --logdir {0}"
"""What a program says of the files that `Comparison.write` left in a folder."""


@dataclass(frozen=True)
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

    @property
    def sentences(self) -> list[str]:
        """Every verdict in plain words."""
        return [text for section in self.sections for text in section.sentences]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yields one dictionary per run and seed; `pandas.DataFrame(comparison.rows())` reads them."""
        return report.tidy_rows(self.sections)

    def to_dict(self) -> dict[str, Any]:
        """Every statistic as plain dictionaries and lists; what is not finite is None."""
        return report.as_dict(self.sections, self.failed, self.broken)

    def to_markdown(self) -> str:
        """Tables and verdicts as Markdown."""
        return report.markdown(self.sections, self.failed, self.broken)

    def render(self, console: Console) -> None:
        """Prints tables and verdicts on a Rich console."""
        report.render(console, self.sections, self.failed, self.broken)

    def figure(self) -> Figure:
        """Every seed as a point, mean and interval per cell, baselines as lines; one panel per data set."""
        from seqexp.compare import pictures

        return pictures.comparison(self.sections)

    def curves_figure(self) -> Figure:
        """Validation MSE against epoch and against seconds, mean with its interval as a band."""
        from seqexp.compare import pictures

        figure, _ = pictures.curves(self.sections)
        return figure

    def write(self, folder: Path, allowed_packages: Sequence[str] = ()) -> list[Path]:
        """Writes `comparison.{md,csv,json,png,svg}`, `curves.{png,svg}`, and the TensorBoard run `comparison`.

        What diagnostics measured is drawn in `diagnostics/<name>.{png,svg}`.

        Args:
            folder: where to; it exists.
            allowed_packages: packages whose own diagnostics may be imported, to draw what they measured.

        Returns:
            The files' paths.
        """
        from seqexp.compare import instruments, pictures
        from seqexp.show.board import write_comparison
        from seqexp.show.figures import KINDS, encode

        curves, damaged = pictures.curves(self.sections)
        tables = {section.data_set.name: pictures._shown(section) for section in self.sections}
        diagnosed, unusable = instruments.draw(tables, allowed_packages)
        complete = replace(self, broken=[*self.broken, *damaged, *unusable])
        contents = {
            "comparison.md": complete.to_markdown().encode(),
            "comparison.csv": self._csv().encode(),
            "comparison.json": (json.dumps(complete.to_dict(), indent=2, allow_nan=False) + "\n").encode(),
        }
        drawn = {"comparison": self.figure(), "curves": curves}
        for name, figure in drawn.items():
            for kind in KINDS:
                contents[f"{name}.{kind}"] = encode(figure, kind)
        for name, figure in diagnosed.items():
            (folder / "diagnostics").mkdir(exist_ok=True)
            contents |= {f"diagnostics/{name}.{kind}": encode(figure, kind) for kind in KINDS}
        for name, content in contents.items():
            write_atomically(folder / name, content)
        write_comparison(folder / "comparison", {**drawn, **diagnosed}, complete.to_markdown())
        return [folder / name for name in contents]

    def _csv(self) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        for index, row in enumerate(self.rows()):
            if index == 0:
                writer.writerow(map(spreadsheet, row))
            writer.writerow("" if value != value else spreadsheet(value) for value in row.values())
        return text.getvalue()


def compare(*folders: Path | str) -> Comparison:
    """Compares all runs at or below some folders.

    Args:
        folders: sweep folders, run folders, or folders of them.

    Returns:
        The comparison; it has no sections where every run failed or is damaged.

    Raises:
        CompareError: a folder does not exist, or no run is in any of them.
    """
    found = collect([Path(folder) for folder in folders])
    sections = [build(data_set) for data_set in group(found.runs)]
    return Comparison(sections, found.failed, found.broken)
