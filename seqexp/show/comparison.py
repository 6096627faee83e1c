"""The figure of scores: of every seed, their mean and interval, and baselines.

What has one label has one colour, marker and line in all panels of all figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from seqexp.show import text
from seqexp.show.figures import (
    DEFAULT,
    MOST_POINTS,
    WHITE,
    Array,
    Axes,
    Figure,
    Page,
    drawable,
    grid,
    is_wide,
    legend_columns,
    log_axis,
    nothing,
    plain,
    style_of,
    with_room,
)
from seqexp.show.rows import Rows, arrange, is_inside, label_rows

BASELINE_LINES: dict[str, Any] = {
    **{"constant": ":", "persistence": "-.", "linear": "--", "logistic": "--", "noise": "-"},
    **{"seasonal": (0, (1, 3)), "ar": (0, (6, 2)), "polynomial": (0, (3, 1, 1, 1, 1, 1))},
}

MOST_BASELINES = 8  # lines in one panel
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


class _Plan(NamedTuple):
    """What a panel needs room for: its rows, the baselines in sight, and those beyond an edge as they are named."""

    panel: ScorePanel
    rows: Rows
    near: dict[str, float]
    far: list[tuple[float, str]]
    columns: int

    @property
    def legend(self) -> int:
        """Lines of the legend."""
        return math.ceil(len(self.near) / self.columns)


def comparison(panels: Sequence[ScorePanel], labels: Sequence[str], page: Page = DEFAULT) -> Figure:
    """Every seed as a point, mean and interval per row, baselines as vertical lines; a panel per data set.

    Args:
        panels: the data sets.
        labels: all labels of the comparison, in the order of their styles.
        page: what it is drawn for.
    """
    shown, columns, lines = page.arranged(panels)
    names = [plain(label) for panel in shown for label in panel.labels]
    inside = is_inside(names, page, 1 / columns)
    longest = 0 if inside else max(map(len, names), default=0)
    page = page.sized(columns * (4.6 + 0.075 * max(0, longest - 6)))
    plans = [_plan(panel, page, 1 / columns, inside) for panel in shown]
    beside = [plans[line * columns : (line + 1) * columns] for line in range(lines)]
    heights = [max((plan.rows.height for plan in each), default=0.5) for each in beside]
    legends = [max((0.2 * plan.legend for plan in each), default=0.0) for each in beside]
    is_same = len({panel.score for panel in shown}) < 2
    named = 1 if is_same else lines  # lines that have the name of the axis below them
    figure = page.figure(sum(heights) + sum(legends) + 0.65 * lines + 0.4 * named + 0.3)
    places = figure.add_gridspec(lines, columns, height_ratios=heights)
    for index, plan in enumerate(plans):
        axes = figure.add_subplot(places[index // columns, index % columns])
        _draw_scores(axes, plan, labels)
        _draw_baselines(axes, plan)
        axes.set_title(page.wrapped(plan.panel.title, 0.75 / columns), pad=6 + 15 * page.scale * plan.legend)
        if not is_same or index + columns >= len(shown):
            axes.set_xlabel(page.score(f"test {plan.panel.score}", (0.9 if inside else 0.7) / columns))
    if len(panels) > len(shown):
        figure.suptitle(f"the first {len(shown)} of {len(panels)} data sets", fontsize="medium")
    key = "points: seeds; large marker and bar: their mean and its 95 % interval"
    figure.supxlabel(page.even(key, 1.15), fontsize="small")
    return figure


def _plan(panel: ScorePanel, page: Page, share: float, inside: bool) -> _Plan:
    known = dict(list(panel.baselines.items())[:MOST_BASELINES])
    points = drawable(np.concatenate([*panel.scores, *panel.intervals, []]))
    seen = in_sight(list(known.values()), points)
    near = {name: value for name, value in known.items() if value in seen}
    high = points[np.isfinite(points)].max(initial=-math.inf)
    far = []
    for name, value in known.items():
        if name not in near:
            said = _named(name, value, panel.rounding)
            far.append(
                (1.0, f"{said} \N{BLACK RIGHT-POINTING SMALL TRIANGLE}")
                if value > high
                else (0.0, f"\N{BLACK LEFT-POINTING SMALL TRIANGLE} {said}")
            )
    rows = arrange(list(map(plain, panel.labels)), page, share, inside, len(far))
    names = [_named(name, value, panel.rounding) for name, value in near.items()]
    columns = max(1, min(2, int(legend_columns(names, page) * share)))
    return _Plan(panel, rows, near, far, columns)


def _named(name: str, value: float, rounding: float) -> str:
    """A baseline and its score."""
    score = "0 (up to rounding)" if 0 < value <= rounding else f"{value:.3g}"
    return f"{text.label(name, LONGEST_BASELINE)} {score}"


def _draw_scores(axes: Axes, plan: _Plan, labels: Sequence[str]) -> None:
    panel = plan.panel
    many = sum(map(len, panel.scores)) > MOST_POINTS
    drawn = zip(plan.rows.places, panel.labels, map(drawable, panel.scores), drawable(panel.intervals), strict=True)
    for place, label, scores, (mean, low, high) in drawn:
        color, marker, _ = style_of(label, labels)
        spread = (np.arange(len(scores)) * 0.618034) % 1 - 0.5  # evenly filled, the same every time
        heights = place - 0.1 + 0.42 * spread
        axes.plot(scores, heights, ls="", marker=marker, ms=4, mew=0, color=color, alpha=0.5, rasterized=many)
        axes.plot([low, high], [place + 0.27] * 2, color="black", lw=1.6, solid_capstyle="butt")
        axes.plot(mean, place + 0.27, marker=marker, ms=6.5, color=color, mec="black", ls="")
        if not np.isfinite(scores).any():
            nothing(axes, place, "no finite score")
    label_rows(axes, plan.rows)
    grid(axes, "x")


def _draw_baselines(axes: Axes, plan: _Plan) -> None:
    """Draws the baselines, chooses the scale, and puts the legend between the axes and their title.

    A baseline far away from every score would squeeze all the points into a corner: it is named below the rows, at the
    edge behind which it lies.
    """
    panel = plan.panel
    lines = [
        axes.axvline(value, color="0.35", ls=BASELINE_LINES.get(name, "-"), lw=1.2) for name, value in plan.near.items()
    ]
    for place, (edge, said) in zip(plan.rows.below, plan.far, strict=True):
        look: dict[str, Any] = {"fontsize": "small", "color": "0.35", "va": "center", "bbox": WHITE}
        at = axes.get_yaxis_transform()
        axes.text(0.01 + 0.98 * edge, place, said, transform=at, ha="right" if edge else "left", **look)
    scores = drawable(np.concatenate([*panel.scores, list(plan.near.values())]))
    scores = scores[np.isfinite(scores)]
    if is_wide(scores):
        axes.set_xlim(with_room(scores))
        log_axis(axes, "x")
    elif not scores.size:
        axes.set_xticks([])
    if lines:
        names = [_named(name, value, panel.rounding) for name, value in plan.near.items()]
        legend = axes.legend(lines, names, ncols=plan.columns, fontsize="small", frameon=False, handlelength=2.8)
        legend.set_loc("lower center")
        legend.set_bbox_to_anchor((0.5, 1.0))


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
