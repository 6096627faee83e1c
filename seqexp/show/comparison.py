"""The figures of a comparison: scores of every seed, and learning curves.

What has one label has one colour, marker and line in all panels of all figures.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqexp.show import text
from seqexp.show.figures import (
    COLORS,
    DEFAULT,
    MOST_PANELS,
    MOST_POINTS,
    Array,
    Axes,
    Figure,
    Page,
    drawable,
    grid,
    is_wide,
    legend_columns,
    log_axis,
    plain,
    style_of,
)

BASELINE_LINES: dict[str, Any] = {
    **{"constant": ":", "persistence": "-.", "linear": "--", "logistic": "--", "noise": "-"},
    **{"seasonal": (0, (1, 3)), "ar": (0, (6, 2)), "polynomial": (0, (3, 1, 1, 1, 1, 1))},
}

MOST_BASELINES = 8  # lines in one panel
LONGEST_LABEL = 80
LONGEST_BASELINE = 24
_DRAWN = 1e100  # matplotlib can scale less
ROOM = 0.25
"""Part of an axis that is the scores'; a baseline that left them less is only named."""

LEAST = 0.1
"""So much of their size, or of the logarithm of their ratio, scores that are alike count as apart."""


@dataclass(frozen=True, kw_only=True)
class ScorePanel:
    """One data set of `comparison`.

    Attributes:
        title: its name.
        score: what is scored, with its unit.
        labels: R rows, as they are called.
        scores: R arrays, one score per seed, NaN where there is none.
        intervals: (R, 3) mean, low, high; NaN where there is none.
        baselines: name -> score.
        rounding: a score above 0 and up to here is 0 as far as anybody knows.
    """

    title: str
    score: str
    labels: Sequence[str]
    scores: Sequence[Array]
    intervals: Array
    baselines: dict[str, float]
    rounding: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One line of `learning_curves`: E epochs.

    Attributes:
        label: what is called so has one colour in all panels.
        epochs: (E,) which epochs, from 1.
        seconds: (E,) training time at the end of each epoch.
        mean: (E,) mean over seeds.
        low: (E,) lower edge of the band, NaN where there is none.
        high: (E,) upper edge.
    """

    label: str
    epochs: Array
    seconds: Array
    mean: Array
    low: Array
    high: Array


@dataclass(frozen=True, kw_only=True)
class CurvePanel:
    """One data set of `learning_curves`: its name, what is scored, with its unit, and the curves."""

    title: str
    score: str
    curves: Sequence[Curve]


def comparison(panels: Sequence[ScorePanel], labels: Sequence[str], page: Page = DEFAULT) -> Figure:
    """Every seed as a point, mean and interval per row, baselines as vertical lines; a panel per data set.

    Args:
        panels: the data sets.
        labels: all labels of the comparison, in the order of their styles.
        page: what it is drawn for.
    """
    shown, columns, lines = page.arranged(panels)
    names = [[page.wrapped(label, 0.4 / columns) for label in panel.labels] for panel in shown]
    height = max(map(page.room, names), default=0.42)
    if page.narrow:  # each baseline has a line of its own above the panel
        height += 0.22 * min(MOST_BASELINES, max((len(panel.baselines) for panel in shown), default=0))
    longest = max((min(len(label), LONGEST_LABEL) for panel in shown for label in panel.labels), default=4)
    width = columns * (4.6 + 0.075 * max(0, longest - 6))
    figure = page.figure(width, lines * (1.9 + height))
    for index, panel in enumerate(shown):
        _draw_scores(figure.add_subplot(lines, columns, index + 1), panel, labels, page, 1 / columns)
    if len(panels) > len(shown):
        figure.suptitle(f"the first {len(shown)} of {len(panels)} data sets", fontsize="medium")
    key = "points: seeds; large marker and bar: their mean and its 95 % interval"
    figure.supxlabel(page.lines(key, 1.1), fontsize="small")
    return figure


def learning_curves(panels: Sequence[CurvePanel], labels: Sequence[str], page: Page = DEFAULT) -> Figure:
    """Scores against epoch (left) and seconds (right): mean over seeds with its interval as a band.

    Args:
        panels: the data sets.
        labels: all labels of the comparison, in the order of their styles.
        page: what it is drawn for.
    """
    shown = panels[:MOST_PANELS]
    handles: dict[str, Any] = {}
    used = dict.fromkeys(curve.label for panel in shown for curve in panel.curves)
    columns, beside = legend_columns(used, page), 1 if page.narrow else 2
    lines = max(1, len(shown)) * 2 // beside
    figure = page.figure(9.2, lines * 2.9 + 0.3 * math.ceil(len(used) / columns))
    axes = figure.subplots(lines, beside, sharey=False if page.narrow else "row", squeeze=False)
    for panel, (left, right) in zip(shown, axes.reshape(-1, 2), strict=False):
        for curve in panel.curves:
            style = style_of(curve.label, labels)
            handles[curve.label] = _draw_curve(left, curve.epochs, curve, style)
            _draw_curve(right, curve.seconds, curve, style)
        for each in (left, right):
            scale(each, [curve.mean for curve in panel.curves])
        grid(left)
        grid(right)
        title = page.wrapped(panel.title, 0.8 / beside)
        left.set(title=title, xlabel="epoch", ylabel=broken(panel.score))
        right.set(title=title, xlabel="training time of all seeds (seconds)")
        if page.narrow:
            right.set_ylabel(broken(panel.score))
    if handles:
        figure.legend(handles.values(), list(map(plain, handles)), loc="outside lower center", ncols=columns)
    return figure


def run_curves(title: str, score: str, lines: Mapping[str, Array]) -> Figure:
    """One run's scores by epoch: mean over seeds with its interval as a band.

    Args:
        title: above the axes.
        score: what is scored, with its unit.
        lines: name of a split -> (E, 3) mean, low, high of each epoch.
    """
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.add_subplot()
    styles = {"training": ("0.45", "s", "--"), "validation": (COLORS[0], "o", "-")}
    for name, ends in lines.items():
        epochs = np.arange(1.0, len(ends) + 1)
        mean, low, high = ends.T
        curve = Curve(label=name, epochs=epochs, seconds=epochs, mean=mean, low=low, high=high)
        _draw_curve(axes, epochs, curve, styles.get(name, styles["validation"])).set_label(name)
    scale(axes, [ends[:, 0] for ends in lines.values()])
    axes.set(title=plain(title), xlabel="epoch", ylabel=broken(score))
    axes.locator_params(axis="x", integer=True)
    grid(axes)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def broken(score: str) -> str:
    """The name of a vertical axis, its unit in a line of its own."""
    return plain(score).replace(" (", "\n(", 1)


def _draw_scores(axes: Axes, panel: ScorePanel, labels: Sequence[str], page: Page, share: float) -> None:
    many = sum(map(len, panel.scores)) > MOST_POINTS
    drawn = zip(panel.labels, map(drawable, panel.scores), drawable(panel.intervals), strict=True)
    for index, (label, scores, (mean, low, high)) in enumerate(drawn):
        color, marker, _ = style_of(label, labels)
        spread = (np.arange(len(scores)) * 0.618034) % 1 - 0.5  # evenly filled, the same every time
        heights = index - 0.1 + 0.42 * spread
        axes.plot(scores, heights, ls="", marker=marker, ms=4, mew=0, color=color, alpha=0.5, rasterized=many)
        axes.plot([low, high], [index + 0.27] * 2, color="black", lw=1.6, solid_capstyle="butt")
        axes.plot(mean, index + 0.27, marker=marker, ms=6.5, color=color, mec="black", ls="")
    axes.set_yticks(range(len(panel.labels)), [page.wrapped(label, 0.4 * share) for label in panel.labels])
    axes.set(xlabel=page.wrapped(f"test {panel.score}", 0.6 * share), ylim=(len(panel.labels) - 0.5, -0.5))
    grid(axes, "x")
    _draw_baselines(axes, panel, page, share)


def _draw_baselines(axes: Axes, panel: ScorePanel, page: Page, share: float) -> None:
    """Draws the baselines, chooses the scale, and puts the legend between the axes and their title.

    A baseline far away from every score would squeeze all the points into a corner: it is named in the legend, with an
    arrow at the edge behind which it lies.
    """
    points = drawable(np.concatenate([*panel.scores, *panel.intervals, []]))
    near = in_sight(list(panel.baselines.values()), points)
    high = points[np.isfinite(points)].max(initial=-math.inf)
    lines, names = [], []
    for name, value in list(panel.baselines.items())[:MOST_BASELINES]:
        style = BASELINE_LINES.get(name, "-")
        if value in near:
            lines.append(axes.axvline(value, color="0.35", ls=style, lw=1.2))
        else:
            edge, arrow = (1.0, ">") if value > high else (0.0, "<")
            look: dict[str, Any] = {"ls": "", "marker": arrow, "ms": 6, "color": "0.35", "clip_on": False}
            lines.append(axes.plot(edge, 0.5, transform=axes.transAxes, scalex=False, scaley=False, **look)[0])
        where = f"{value:.3g}" + " (off the axis)" * (value not in near)
        where = "0 (up to rounding)" if 0 < value <= panel.rounding else where
        names.append(f"{text.label(name, LONGEST_BASELINE)} {where}")
    scores = drawable(np.concatenate([*panel.scores, near]))
    scores = scores[np.isfinite(scores)]
    if is_wide(scores):
        axes.set_xlim(scores.min() / 1.4, scores.max() * 1.4)
        log_axis(axes, "x")
    columns = 2 if page.width is None else max(1, min(2, int(legend_columns(names, page) * share)))
    if lines:
        legend = axes.legend(lines, names, ncols=columns, fontsize="small", frameon=False, handlelength=2.8)
        legend.set_loc("lower center")
        legend.set_bbox_to_anchor((0.5, 1.0))
    axes.set_title(page.wrapped(panel.title, 0.8 * share), pad=8 + 15 * page.scale * math.ceil(len(lines) / columns))


def in_sight(values: Sequence[float], scores: Array) -> list[float]:
    """Those values that can be drawn with scores that then still have `ROOM` of the axis, the nearest first.

    Args:
        values: of baselines.
        scores: what is to be seen; NaN is not.
    """
    known = scores[np.isfinite(scores)]
    drawn = [value for value in values if value < _DRAWN]
    if not known.size:
        return drawn
    low, high = float(known.min()), float(known.max())
    found: list[float] = []
    for value in sorted(drawn, key=lambda value: max(low - value, value - high, 0.0) / max(high, 1e-300)):
        ends = np.array([min([low, value, *found]), max([high, value, *found])])
        if low <= value <= high or _part(low, high, *ends) >= ROOM:
            found.append(value)
    return found


def _part(low: float, high: float, start: float, end: float) -> float:
    """Which part of an axis from start to end lies from low to high, which is never less than a tenth of their size."""
    if is_wide(np.array([start, end])):
        return max(math.log(high / low), LEAST) / math.log(end / start)
    return max(high - low, LEAST * abs(high)) / (end - start)


def _draw_curve(axes: Axes, x: Array, curve: Curve, style: tuple[str, str, Any]) -> Any:
    color, marker, line = style
    mean, low, high = map(drawable, (curve.mean, curve.low, curve.high))
    axes.fill_between(drawable(x), low, high, color=color, alpha=0.18, lw=0)
    every = max(1, len(x) // 8)
    return axes.plot(drawable(x), mean, color=color, ls=line, lw=1.5, marker=marker, ms=4, markevery=every)[0]


def scale(axes: Axes, lines: Iterable[Array]) -> None:
    """A log axis where the lines ask for it; bands that reach below the lines' range are cut there."""
    values = drawable(np.concatenate([*lines, []]))
    values = values[np.isfinite(values)]
    if is_wide(values):
        axes.set_ylim(values.min() / 1.6, values.max() * 1.6)
        log_axis(axes, "y")
