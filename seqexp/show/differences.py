"""The figure of paired differences: each seed's ratio of two scores, and the interval of the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqexp.show.figures import (
    DEFAULT,
    MOST_POINTS,
    Array,
    Axes,
    Figure,
    Page,
    drawable,
    grid,
    is_wide,
    log_axis,
    plain,
    style_of,
)


@dataclass(frozen=True)
class DifferenceLine:
    """Two rows, seed by seed.

    Attributes:
        first: label of the first.
        second: label of the second.
        values: (n,) first over second, or first minus second, of each seed.
        lost: (m,) the same of seeds that one of the two lost, as the test counts them.
        mean: geometric mean of the ratios, or mean of the differences.
        low: lower end of the verdict's interval; not finite, or 0 of a ratio, where it is open.
        high: upper end of it.
    """

    first: str
    second: str
    values: Array
    lost: Array
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class DifferencePanel:
    """One data set: its name, what is scored, whether scores are compared by ratio, and its pairs."""

    title: str
    score: str
    by_ratio: bool
    lines: Sequence[DifferenceLine]


def differences(panels: Sequence[DifferencePanel], labels: Sequence[str], page: Page = DEFAULT) -> Figure:
    """Every seed as a point in the colour of the one that scored lower; mean and interval; a panel per data set.

    Args:
        panels: the data sets.
        labels: all labels of the comparison, in the order of their styles.
        page: what it is drawn for.
    """
    shown, columns, lines = page.arranged(panels)
    names = [[_name(line, panel.by_ratio, page, 0.4 / columns) for line in panel.lines] for panel in shown]
    longest = max((len(part) for panel in names for name in panel for part in name.split("\n")), default=0)
    height = max(map(page.room, names), default=0.42)
    height += 1.8 if page.narrow else 1.3
    figure = page.figure((4.8 + 0.075 * max(0, longest - 10)) * columns, lines * height + 0.5)
    for index, panel in enumerate(shown):
        _draw(figure.add_subplot(lines, columns, index + 1), panel, labels, page, 1 / columns)
    key = "points: seeds, in the colour of the one that scored lower\nbar: mean and interval of the verdict"
    lost = any(len(line.lost) for panel in shown for line in panel.lines)
    figure.supxlabel(page.lines(key + "; crosses: seeds that one of the two lost" * lost, 1.1), fontsize="small")
    return figure


def _draw(axes: Axes, panel: DifferencePanel, labels: Sequence[str], page: Page, share: float) -> None:
    even = 1.0 if panel.by_ratio else 0.0
    many = sum(len(line.values) for line in panel.lines) > MOST_POINTS
    for index, line in enumerate(panel.lines):
        spread = (np.arange(len(line.values)) * 0.618034) % 1 - 0.5  # evenly filled, the same every time
        heights, values = index - 0.1 + 0.42 * spread, drawable(line.values)
        for lower, label in ((values < even, line.first), (values > even, line.second), (values == even, None)):
            color, marker, _ = style_of(label, labels) if label else ("0.5", "o", None)
            points = axes.plot(values[lower], heights[lower], ls="", marker=marker, ms=4, mew=0, color=color)[0]
            points.set(alpha=0.6, rasterized=many)
        axes.plot(drawable(line.lost), [index - 0.1] * len(line.lost), ls="", marker="x", ms=5, color="0.3")
    axes.axvline(even, color="0.35", lw=1)
    _scale(axes, panel)
    for index, line in enumerate(panel.lines):  # open ends reach the border
        ends = np.clip([line.low, line.high], *axes.get_xlim())
        axes.plot(ends, [index + 0.3] * 2, color="black", lw=1.6, solid_capstyle="butt")
        axes.plot(line.mean, index + 0.3, marker="|", ms=9, mew=2, color="black", ls="")
    names = [_name(line, panel.by_ratio, page, 0.4 * share) for line in panel.lines]
    axes.set_yticks(range(len(names)), names)
    what = "ratio" if panel.by_ratio else "difference"
    score = panel.score.partition(" (")[0] if panel.by_ratio else panel.score  # a ratio has no unit
    side = f"left of {even:g}, the first one scores lower"
    axes.set(
        title=page.wrapped(panel.title, 0.8 * share),
        xlabel=page.wrapped(f"{what} of the test {score}", 0.55 * share) + "\n" + page.lines(side, 0.55 * share),
        ylim=(len(names) - 0.4, -0.5),
    )
    grid(axes, "x")


def _name(line: DifferenceLine, by_ratio: bool, page: Page, share: float) -> str:
    sign = "/" if by_ratio else "\N{MINUS SIGN}"
    return page.lines(f"{plain(line.first)}\N{NO-BREAK SPACE}{sign} {plain(line.second)}", share)


def _scale(axes: Axes, panel: DifferencePanel) -> None:
    """Chooses the axis: of everything that is finite, on a log axis where ratios are far apart."""
    found = [each for line in panel.lines for each in (line.values, line.lost, [line.mean, line.low, line.high])]
    values = drawable(np.concatenate([[1.0 if panel.by_ratio else 0.0], *found]))
    values = values[np.isfinite(values) & ((values > 0) | (not panel.by_ratio))]
    if panel.by_ratio and is_wide(values):
        axes.set_xlim(values.min() / 1.2, values.max() * 1.2)
        log_axis(axes, "x")
    else:
        room = 0.05 * (np.ptp(values) or 1.0)
        axes.set_xlim(values.min() - room, values.max() + room)
