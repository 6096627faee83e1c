"""What TensorBoard shows of a comparison: for each data set and split one chart of all that is compared, by name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from seqexp.compare.answer import answer
from seqexp.compare.pictures import curve_panels, difference_panels, labels_of, score_panels
from seqexp.compare.report import markdown_table, over_tasks, problems_text
from seqexp.compare.runs import Problem
from seqexp.compare.section import Section
from seqexp.compare.summary import Summary
from seqexp.compare.table import Table, tables
from seqexp.show import small, text
from seqexp.show.board import BoardLine
from seqexp.show.figures import MOST_PANELS
from seqexp.show.layout import Category, Chart, curve_title, every_run, titled
from seqexp.show.stacked import stacked
from seqexp.statistics import mean_interval

if TYPE_CHECKING:
    from seqexp.show.curves import CurvePanel
    from seqexp.show.figures import Figure
    from seqexp.show.forecasts import ForecastPanel

MOST_POINTS = 200
"""Epochs of one line."""

MOST_LABELS = 60

MOST_ROWS = 9
"""Lines of a table, so that it stands in the box that the page has for it."""

MOST_COLUMNS = 6
"""Columns of it, of which none has to be broken."""

GROUPS = {"val": "comparison", "test": "comparison on test", "train": "comparison on train"}
"""The groups of tags, in the order in which TensorBoard sorts them: before those of single runs."""


IMAGES = "comparison pictures"
"""The group of what is seen first under IMAGES; a whole figure is called after its file, and sorted last."""


class Shown(NamedTuple):
    """Lines by label, and what is one chart."""

    lines: dict[str, list[BoardLine]]
    charts: list[Category]


def curves(sections: Sequence[Section], panels: Sequence[CurvePanel]) -> Shown:
    """The learning curves of what is compared and its scores on test, and their charts; those of every run come last.

    Args:
        sections: the comparison.
        panels: the learning curves on validation, as far as they are read already.
    """
    lines: dict[str, list[BoardLine]] = {}
    charts, rest = [], {}
    names = short_names(sections)
    validation = {panel.title: panel for panel in panels if panel.score.startswith("validation")}
    training, _ = curve_panels(sections, "train")
    for section, trained in zip(sections, training, strict=False):
        data_set, label = section.data_set, section.data_set.metric.label
        name, panel = names[data_set.name], validation.get(data_set.name)
        tags = {split: f"{group}/{curve_title(name, split, label)}" for split, group in GROUPS.items()}
        for split, drawn in (("val", panel), ("train", trained)):
            for curve_label, line in _lines(drawn, tags[split]):
                lines.setdefault(curve_label, []).append(line)
        for row_label, row in section.shown:
            interval = mean_interval(row.test.values)
            ends = np.array([[interval.mean, interval.low, interval.high]])
            last = np.array([max((run.epochs for run in row.runs), default=0)])
            lines.setdefault(row_label, []).append(BoardLine(tags["test"], last, ends))
        known = [split for split in tags if split != "val" or (panel and panel.curves)]
        title = titled(name, label, "val" in known)
        charts.append(Category(title, [Chart(curve_title(name, split, label), tags[split]) for split in known]))
        for run in (run for row in data_set.rows for run in row.runs):
            own = every_run(run.data, run.metric.label, run.val is not None, is_closed=True)
            rest[own.title] = own
    return Shown(dict(list(lines.items())[:MOST_LABELS]), [*charts, *rest.values()])


def _lines(panel: CurvePanel | None, tag: str) -> list[tuple[str, BoardLine]]:
    found = []
    for curve in panel.curves if panel else []:
        drawn = np.unique(np.linspace(0, len(curve.epochs) - 1, min(len(curve.epochs), MOST_POINTS)).astype(int))
        values = np.stack([curve.mean, curve.low, curve.high], axis=1)[drawn]  # (E, 3)
        found.append((curve.label, BoardLine(tag, curve.epochs[drawn].astype(int), values)))
    return found


def pictures(
    sections: Sequence[Section],
    panels: Sequence[CurvePanel],
    predicted: Sequence[ForecastPanel],
    drawn: Mapping[str, Figure],
    diagnosed: Mapping[str, Figure],
) -> dict[str, Figure]:
    """Tag -> figure: for each data set pictures that can be read on the page, each kind beside its whole figure.

    Args:
        sections: the comparison.
        panels: its learning curves.
        predicted: what its rows predict.
        drawn: the whole figures by name.
        diagnosed: the same of diagnostics, which are changed.
    """
    labels, names = labels_of(sections), short_names(sections)
    rivals = {section.data_set.name: section.rivals[0] if section.rivals else None for section in sections}
    found: dict[str, Figure] = {}
    for score in score_panels(sections[:MOST_PANELS]):
        name = names[score.title]
        found[f"{IMAGES}/{name}"] = small.scores(replace(score, title=name), labels, rivals[score.title])
    for panel in panels:
        if panel.curves:
            name = names[panel.title]
            found[f"{IMAGES}, curves/{name}"] = small.curves(replace(panel, title=name), labels)
    for difference in difference_panels(sections[:MOST_PANELS]):
        name = names[difference.title]
        found[f"{IMAGES}, differences/{name}"] = small.differences(replace(difference, title=name), labels)
    for forecast in predicted:
        name = names[forecast.title]
        found[f"{IMAGES}, forecasts/{name}"] = small.forecasts(replace(forecast, title=name), labels)
    for name, figure in drawn.items():
        group = IMAGES if name == "comparison" else f"{IMAGES}, {name}"
        found[f"{group}/~{name}.png"] = figure
    return {**found, **{f"{IMAGES}, diagnostics/{name}": stacked(figure) for name, figure in diagnosed.items()}}


def short_names(sections: Sequence[Section]) -> dict[str, str]:
    """A data set's name -> the same without the groups of its settings, where that is still a name of one of them."""
    names = [section.data_set.name for section in sections]
    short = {name: re.sub(r" [\w.]+\.(?=\w+=)", " ", name) for name in names}
    counts = Counter(short.values())
    return {name: short[name] if counts[short[name]] == 1 else name for name in names}


def texts(
    sections: Sequence[Section],
    failed: Sequence[Problem],
    broken: Sequence[Problem],
    summary: Summary | None,
    whole: str,
) -> dict[str, str]:
    """Tag -> Markdown: all answers, then each data set's answer and table, then the whole report.

    The page has boxes of one height; what is longer is scrolled, so the answers have a box of their own.

    Args:
        sections: the comparison.
        failed: runs that ended with an error.
        broken: records that are damaged or unfinished.
        summary: of three tasks or more.
        whole: the report.
    """
    said = [f"**{text.markdown(answer(section))}**" for section in sections]
    said += map(text.markdown, over_tasks(sections, summary, short=True))
    said += [f"{text.markdown(heading)}: see comparison.md" for heading, _ in problems_text(failed, broken)]
    found = {"comparison": "\n".join(f"- {each}" for each in said) if len(said) > 1 else "".join(said)}
    names = short_names(sections)
    for section in sections:
        blocks = [f"**{text.markdown(answer(section))}**", markdown_table(short := _short(tables(section)[0]))]
        blocks += [f"{short.num_hidden} more rows are in comparison.md."] if short.num_hidden else []
        found[f"comparison/{names[section.data_set.name]}"] = "\n\n".join(blocks)
    return {**found, "comparison in full": whole}


def _short(table: Table) -> Table:
    """The table as far as it fits: what was picked, then rows, then baselines; and without columns it can spare."""
    picked = [line for line in table.lines if line.picked]
    others = [line for line in table.lines if not line.picked and not (picked and not line.baseline)]
    kept = [*picked, *others][:MOST_ROWS]
    spared = [name for name in table.spare if name in table.columns][: max(0, len(table.columns) - MOST_COLUMNS)]
    columns = [index for index, name in enumerate(table.columns) if name not in spared]
    lines = [replace(line, texts=[line.texts[index] for index in columns]) for line in kept]
    num_hidden = table.num_hidden + len(table.lines) - len(kept)
    return replace(table, columns=[table.columns[index] for index in columns], lines=lines, num_hidden=num_hidden)
