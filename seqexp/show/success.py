"""The figure of successes: the share of seeds that have solved a task, against steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqexp.show.figures import DEFAULT, Array, Axes, Figure, Page, grid, legend_across, legend_height, style_of
from seqexp.statistics.success import Course

MOST_BANDS = 4
"""Lines in one panel that have a band; of more, bands hide each other."""


@dataclass(frozen=True)
class SuccessLine:
    """One row.

    Attributes:
        label: what is called so has one colour in all panels.
        course: the share of seeds that have solved it.
        ends: (C,) the steps at which the other seeds' training ended.
        last: the most steps that a seed was trained for.
    """

    label: str
    course: Course
    ends: Array
    last: int


@dataclass(frozen=True)
class SuccessPanel:
    """One data set: its name, its rows, and by label how many seeds solved it, as in `9 of 10`."""

    title: str
    lines: Sequence[SuccessLine]
    counts: dict[str, str]


def success(panels: Sequence[SuccessPanel], labels: Sequence[str], page: Page = DEFAULT) -> Figure:
    """Step functions of the share that has solved it, with a pointwise band, and a tick where seeds go unsolved.

    Args:
        panels: the data sets.
        labels: all labels of the comparison, in the order of their styles.
        page: what it is drawn for.
    """
    shown, columns, height = page.arranged(panels)
    used = dict.fromkeys(line.label for panel in shown for line in panel.lines)
    high = height * 3.0 + legend_height(used, page)
    page = page.sized(1.8 + 4.8 * columns)
    figure = page.figure(high)
    handles: dict[str, Any] = {}
    for index, panel in enumerate(shown):
        handles |= _draw(figure.add_subplot(height, columns, index + 1), panel, labels, page)
    alone = shown[0].counts if len(shown) == 1 else {}
    named = {f"{label}: {alone[label]}" if label in alone else label: line for label, line in handles.items()}
    legend_across(figure, named, page)
    banded = any(len(panel.lines) <= MOST_BANDS for panel in shown)
    band = "; bands: pointwise 95 % intervals" if banded else ""
    figure.suptitle(page.lines(f"ticks: training ends without success{band}", 1.1), fontsize="small")
    return figure


def _draw(axes: Axes, panel: SuccessPanel, labels: Sequence[str], page: Page) -> dict[str, Any]:
    """Draws one panel, and returns its lines by their names."""
    handles = {}
    for line in panel.lines:
        color, _, dashes = style_of(line.label, labels)
        course = line.course
        steps = np.append(course.steps, line.last)  # what was solved stays so to the end
        share, low, high = (np.append(each, each[-1]) for each in (course.share, course.low, course.high))
        if len(panel.lines) <= MOST_BANDS:
            axes.fill_between(steps, low, high, step="post", color=color, alpha=0.15, lw=0)
        handles[line.label] = axes.step(steps, share, where="post", color=color, ls=dashes, lw=1.6)[0]
        ends = np.unique(line.ends)
        at = np.searchsorted(course.steps, ends, "right") - 1
        axes.plot(ends, course.share[at], ls="", marker="|", ms=9, mew=1.6, color=color)
    axes.set(
        title=page.wrapped(panel.title, 0.8 if page.narrow else 0.4),
        xlabel="optimiser steps",
        ylabel="share of seeds that have solved it",
        ylim=(-0.03, 1.03),
    )
    axes.margins(x=0.02)
    grid(axes)
    return handles
