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
    nothing,
    plain,
    style_of,
    with_room,
)
from seqexp.show.rows import Rows, arrange, is_inside, label_rows


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
    names = [[_name(line, panel.by_ratio) for line in panel.lines] for panel in shown]
    every = [name for each in names for name in each]
    inside = is_inside(every, page, 1 / columns)
    longest = 0 if inside else max(map(len, every), default=0)
    page = page.sized(columns * (4.8 + 0.075 * max(0, longest - 10)))
    rows = [arrange(each, page, 1 / columns, inside) for each in names]
    heights = [max((each.height for each in rows[i * columns : (i + 1) * columns]), default=0.5) for i in range(lines)]
    scores = [_score(panel) for panel in shown]
    is_same = len(set(scores)) < 2
    figure = page.figure(sum(heights) + 0.6 * lines + 0.4 * (1 if is_same else lines) + 0.45)
    places = figure.add_gridspec(lines, columns, height_ratios=heights)
    for index, (panel, each) in enumerate(zip(shown, rows, strict=True)):
        axes = figure.add_subplot(places[index // columns, index % columns])
        _draw(axes, panel, each, labels)
        axes.set_title(page.wrapped(panel.title, 0.75 / columns))
        if not is_same or index + columns >= len(shown):
            axes.set_xlabel(page.score(scores[index], (0.9 if inside else 0.7) / columns))
    lost = any(len(line.lost) for panel in shown for line in panel.lines)
    key = (
        "points: seeds, in the colour of the one that scored lower" + "; crosses: seeds that one of the two lost" * lost
    )
    side = "bar: mean and interval of the verdict; left of the upright line the first one scores lower"
    figure.supxlabel("\n".join((page.even(key, 1.15), page.even(side, 1.15))), fontsize="small")
    return figure


def _draw(axes: Axes, panel: DifferencePanel, rows: Rows, labels: Sequence[str]) -> None:
    even = 1.0 if panel.by_ratio else 0.0
    many = sum(len(line.values) for line in panel.lines) > MOST_POINTS
    for place, line in zip(rows.places, panel.lines, strict=True):
        spread = (np.arange(len(line.values)) * 0.618034) % 1 - 0.5  # evenly filled, the same every time
        heights, values = place - 0.1 + 0.42 * spread, drawable(line.values)
        for lower, label in ((values < even, line.first), (values > even, line.second), (values == even, None)):
            color, marker, _ = style_of(label, labels) if label else ("0.5", "o", None)
            points = axes.plot(values[lower], heights[lower], ls="", marker=marker, ms=4, mew=0, color=color)[0]
            points.set(alpha=0.6, rasterized=many)
        axes.plot(drawable(line.lost), [place - 0.1] * len(line.lost), ls="", marker="x", ms=5, color="0.3")
        if not np.isfinite(np.concatenate([values, line.lost])).any():
            nothing(axes, place, "no seed with two finite scores")
    axes.axvline(even, color="0.35", lw=1)
    _scale(axes, panel)
    for place, line in zip(rows.places, panel.lines, strict=True):  # open ends reach the border
        ends = np.clip([line.low, line.high], *axes.get_xlim())
        axes.plot(ends, [place + 0.3] * 2, color="black", lw=1.6, solid_capstyle="butt")
        axes.plot(line.mean, place + 0.3, marker="|", ms=9, mew=2, color="black", ls="")
    label_rows(axes, rows)
    grid(axes, "x")


def _score(panel: DifferencePanel) -> str:
    """What the axis shows; a ratio has no unit."""
    return (
        f"ratio of the test {panel.score.partition(' (')[0]}"
        if panel.by_ratio
        else f"difference of the test {panel.score}"
    )


def _name(line: DifferenceLine, by_ratio: bool) -> str:
    sign = "/" if by_ratio else "\N{MINUS SIGN}"
    return f"{plain(line.first)}\N{NO-BREAK SPACE}{sign} {plain(line.second)}"


def _scale(axes: Axes, panel: DifferencePanel) -> None:
    """Chooses the axis: of everything that is finite, on a log axis where ratios are far apart."""
    found = [each for line in panel.lines for each in (line.values, line.lost, [line.mean, line.low, line.high])]
    values = drawable(np.concatenate([[1.0 if panel.by_ratio else 0.0], *found]))
    values = values[np.isfinite(values) & ((values > 0) | (not panel.by_ratio))]
    if panel.by_ratio and is_wide(values):
        axes.set_xlim(with_room(values))
        log_axis(axes, "x")
    else:
        room = 0.05 * (np.ptp(values) or 1.0)
        axes.set_xlim(values.min() - room, values.max() + room)
