"""The figures of a comparison: scores of every seed, learning curves, and scores at evaluations.

What has one label has one colour, marker and line in all panels of all figures.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqexp.show import text
from seqexp.show.figures import (
    MOST_POINTS,
    Array,
    Axes,
    Figure,
    drawable,
    grid,
    is_wide,
    legend_columns,
    plain,
    style_of,
)

BASELINE_LINES: dict[str, Any] = {
    **{"constant": ":", "persistence": "-.", "linear": "--", "logistic": "--", "noise": "-"},
    **{"seasonal": (0, (1, 3)), "ar": (0, (6, 2)), "polynomial": (0, (3, 1, 1, 1, 1, 1))},
}

MOST_PANELS = 12
MOST_BASELINES = 8  # lines in one panel
LONGEST_LABEL = 80
LONGEST_BASELINE = 24
_DRAWN = 1e100  # matplotlib can scale less
_REACH = 20.0


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
    """

    title: str
    score: str
    labels: Sequence[str]
    scores: Sequence[Array]
    intervals: Array
    baselines: dict[str, float]


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


@dataclass(frozen=True, kw_only=True)
class EvaluationPanel:
    """One data set of `evaluations`: scores at E places.

    Attributes:
        title: its name.
        score: what is scored, with its unit.
        names: E evaluations.
        lengths: (E,) of the sequences; None where they are no lengths.
        bands: label -> (E, 3) mean, low, high over seeds, NaN where there is none.
        baselines: name -> (E,) mean scores.
    """

    title: str
    score: str
    names: Sequence[str]
    lengths: Array | None
    bands: dict[str, Array]
    baselines: dict[str, Array]


def comparison(panels: Sequence[ScorePanel], labels: Sequence[str]) -> Figure:
    """Every seed as a point, mean and interval per row, baselines as vertical lines; a panel per data set.

    Args:
        panels: the data sets.
        labels: all labels of the comparison, in the order of their styles.
    """
    shown = panels[:MOST_PANELS]
    rows = max((len(panel.labels) for panel in shown), default=1)
    columns = 1 if len(shown) < 2 else 2
    lines = max(1, math.ceil(len(shown) / columns))
    longest = max((min(len(label), LONGEST_LABEL) for panel in shown for label in panel.labels), default=4)
    width = columns * (4.6 + 0.075 * max(0, longest - 6))
    figure = Figure(figsize=(width, lines * (1.9 + 0.42 * rows)), layout="constrained")
    for index, panel in enumerate(shown):
        _draw_scores(figure.add_subplot(lines, columns, index + 1), panel, labels)
    if len(panels) > len(shown):
        figure.suptitle(f"the first {len(shown)} of {len(panels)} data sets", fontsize="medium")
    figure.supxlabel("points: seeds; large marker and bar: their mean and its 95 % interval", fontsize="small")
    return figure


def learning_curves(panels: Sequence[CurvePanel], labels: Sequence[str]) -> Figure:
    """Scores against epoch (left) and seconds (right): mean over seeds with its interval as a band.

    Args:
        panels: the data sets.
        labels: all labels of the comparison, in the order of their styles.
    """
    shown = panels[:MOST_PANELS]
    handles: dict[str, Any] = {}
    used = dict.fromkeys(curve.label for panel in shown for curve in panel.curves)
    columns = legend_columns(used)
    height = max(1, len(shown)) * 2.9 + 0.3 * math.ceil(len(used) / columns)
    figure = Figure(figsize=(9.2, height), layout="constrained")
    axes = figure.subplots(max(1, len(shown)), 2, sharey="row", squeeze=False)
    for panel, (left, right) in zip(shown, axes, strict=False):
        for curve in panel.curves:
            style = style_of(curve.label, labels)
            handles[curve.label] = _draw_curve(left, curve.epochs, curve, style)
            _draw_curve(right, curve.seconds, curve, style)
        _scale(left, [curve.mean for curve in panel.curves])
        grid(left)
        grid(right)
        left.set(title=plain(panel.title), xlabel="epoch", ylabel=_broken(panel.score))
        right.set(title=plain(panel.title), xlabel="training time of all seeds (seconds)")
    if handles:
        figure.legend(handles.values(), list(map(plain, handles)), loc="outside lower center", ncols=columns)
    return figure


def evaluations(panels: Sequence[EvaluationPanel], labels: Sequence[str]) -> Figure:
    """Scores at evaluations: mean over seeds with its interval as a band, guesses as grey lines.

    Args:
        panels: the data sets.
        labels: all labels of the comparison, in the order of their styles.
    """
    shown = panels[:MOST_PANELS]
    columns = 1 if len(shown) < 2 else 2
    lines = max(1, math.ceil(len(shown) / columns))
    used = dict.fromkeys([*(key for panel in shown for key in panel.bands), *(n for p in shown for n in p.baselines)])
    across = max(1, legend_columns(used) * columns // 2)
    height = lines * 3.4 + 0.3 * math.ceil(len(used) / across)
    figure = Figure(figsize=(1.2 + 4.8 * columns, height), layout="constrained")
    handles: dict[str, Any] = {}
    for index, panel in enumerate(shown):
        handles |= _draw_evaluations(figure.add_subplot(lines, columns, index + 1), panel, labels)
    if handles:
        figure.legend(handles.values(), list(map(plain, handles)), loc="outside lower center", ncols=across)
    return figure


def _broken(score: str) -> str:
    """The name of a vertical axis, its unit in a line of its own."""
    return plain(score).replace(" (", "\n(", 1)


def _draw_scores(axes: Axes, panel: ScorePanel, labels: Sequence[str]) -> None:
    many = sum(map(len, panel.scores)) > MOST_POINTS
    drawn = zip(panel.labels, map(drawable, panel.scores), drawable(panel.intervals), strict=True)
    for index, (label, scores, (mean, low, high)) in enumerate(drawn):
        color, marker, _ = style_of(label, labels)
        spread = (np.arange(len(scores)) * 0.618034) % 1 - 0.5  # evenly filled, the same every time
        heights = index - 0.1 + 0.42 * spread
        axes.plot(scores, heights, ls="", marker=marker, ms=4, mew=0, color=color, alpha=0.5, rasterized=many)
        axes.plot([low, high], [index + 0.27] * 2, color="black", lw=1.6, solid_capstyle="butt")
        axes.plot(mean, index + 0.27, marker=marker, ms=6.5, color=color, mec="black", ls="")
    axes.set_yticks(range(len(panel.labels)), list(map(plain, panel.labels)))
    axes.set(xlabel=f"test {plain(panel.score)}", ylim=(len(panel.labels) - 0.5, -0.5))
    grid(axes, "x")
    _draw_baselines(axes, panel)


def _draw_baselines(axes: Axes, panel: ScorePanel) -> None:
    """Draws the baselines, chooses the scale, and puts the legend between the axes and their title.

    A baseline far away from every score would squeeze all the points into a corner, so it is only named.
    """
    points = drawable(np.concatenate([*panel.scores, *panel.intervals, []]))
    points = points[np.isfinite(points)]
    positive = points[points > 0]
    lines, names, near = [], [], []
    for name, value in list(panel.baselines.items())[:MOST_BASELINES]:
        in_sight = positive.size == 0 or positive.min() / _REACH <= value <= positive.max() * _REACH
        reachable = in_sight and value < _DRAWN
        near += [value] if reachable else []
        style = BASELINE_LINES.get(name, "-")
        lines.append(axes.axvline(value if reachable else math.nan, color="0.35", ls=style, lw=1.2))
        names.append(f"{text.label(name, LONGEST_BASELINE)} {value:.3g}" + (" (off the axis)" if not reachable else ""))
    scores = drawable(np.concatenate([*panel.scores, near]))
    scores = scores[np.isfinite(scores)]
    if is_wide(scores):
        axes.set_xscale("log")
        axes.set_xlim(scores.min() / 1.4, scores.max() * 1.4)
    if lines:
        legend = axes.legend(lines, names, ncols=2, fontsize="small", frameon=False, handlelength=2.8)
        legend.set_loc("lower center")
        legend.set_bbox_to_anchor((0.5, 1.0))
    axes.set_title(plain(panel.title), pad=8 + 15 * math.ceil(len(lines) / 2))


def _draw_curve(axes: Axes, x: Array, curve: Curve, style: tuple[str, str, Any]) -> Any:
    color, marker, line = style
    mean, low, high = map(drawable, (curve.mean, curve.low, curve.high))
    axes.fill_between(drawable(x), low, high, color=color, alpha=0.18, lw=0)
    every = max(1, len(x) // 8)
    return axes.plot(drawable(x), mean, color=color, ls=line, lw=1.5, marker=marker, ms=4, markevery=every)[0]


def _draw_evaluations(axes: Axes, panel: EvaluationPanel, labels: Sequence[str]) -> dict[str, Any]:
    """Draws one panel, and returns its lines by their names."""
    places = np.arange(0.0, len(panel.names)) if panel.lengths is None else panel.lengths
    handles: dict[str, Any] = {}
    for label, band in panel.bands.items():
        mean, low, high = drawable(band).T
        color, marker, line = style_of(label, labels)
        axes.fill_between(places, low, high, color=color, alpha=0.18, lw=0)
        handles[label] = axes.plot(places, mean, color=color, ls=line, lw=1.5, marker=marker, ms=5)[0]
    means = [band[:, 0] for band in panel.bands.values()]
    known = drawable(np.concatenate([*means, []]))
    known = known[np.isfinite(known) & (known > 0)]
    near = []
    for name, values in list(panel.baselines.items())[:MOST_BASELINES]:
        shown = drawable(values)
        if known.size:  # as in `_draw_baselines`
            shown = np.where((shown < known.min() / _REACH) | (shown > known.max() * _REACH), math.nan, shown)
        near.append(shown)
        style = BASELINE_LINES.get(name, "-")
        handles[name] = axes.plot(places, shown, color="0.35", ls=style, lw=1.2, marker=".", ms=4)[0]
    _scale(axes, [*means, *near])
    if panel.lengths is not None and is_wide(places):
        axes.set_xscale("log")
        axes.minorticks_off()
    several = len(panel.names) > 6 or max(map(len, panel.names)) > 12
    turned: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if several else {}
    axes.set_xticks(places, list(map(plain, panel.names)), **turned)
    axes.set(
        title=plain(panel.title),
        xlabel="evaluation" if panel.lengths is None else "length of the sequences",
        ylabel=_broken(panel.score),
    )
    grid(axes)
    return handles


def _scale(axes: Axes, lines: Iterable[Array]) -> None:
    """A log axis where the lines ask for it; bands that reach below the lines' range are cut there."""
    values = drawable(np.concatenate([*lines, []]))
    values = values[np.isfinite(values)]
    if is_wide(values):
        axes.set_yscale("log")
        axes.set_ylim(values.min() / 1.6, values.max() * 1.6)
