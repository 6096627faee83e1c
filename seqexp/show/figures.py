"""Arrays in, matplotlib Figure out. No pyplot, no global state; nothing is written here.

Colours are Okabe and Ito's, which colour-blind readers tell apart; marker and line style differ as well,
so that a grey print says the same.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seqexp.show import text

__all__ = [
    "KINDS",
    "MOST_PANELS",
    "Curve",
    "Figure",
    "Kind",
    "ScorePanel",
    "agreement",
    "comparison",
    "encode",
    "forecast",
    "learning_curves",
    "quietly",
]

Array = npt.NDArray[np.floating[Any]]

Kind = Literal["png", "svg"]
KINDS: tuple[Kind, ...] = ("png", "svg")

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "os^Dv<>"
LINES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (8, 3)))
BASELINE_LINES = {"constant": ":", "persistence": "-.", "linear": "--", "noise": "-"}

MOST_PANELS = 12
MOST_POINTS = 2_000  # beyond, points become pixels in an SVG
MOST_BASELINES = 8  # lines in one panel
LONGEST_LABEL = 80
LONGEST_BASELINE = 24
_DRAWN = (1e-100, 1e100)  # between them lies what matplotlib can scale
_LOG_SPREAD = 4.0
_REACH = 20.0
_MSE = "MSE (squared units of the data)"


@dataclass(frozen=True, kw_only=True)
class ScorePanel:
    """One data set of `comparison`.

    Attributes:
        title: its name.
        labels: R rows, as they are called.
        scores: R arrays, one score per seed, NaN where there is none.
        intervals: (R, 3) mean, low, high; NaN where there is none.
        baselines: name -> score.
    """

    title: str
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


def comparison(panels: Sequence[ScorePanel]) -> Figure:
    """Every seed as a point, mean and interval per row, baselines as vertical lines; a panel per data set."""
    shown = panels[:MOST_PANELS]
    rows = max((len(panel.labels) for panel in shown), default=1)
    columns = 1 if len(shown) < 2 else 2
    lines = max(1, math.ceil(len(shown) / columns))
    longest = max((min(len(label), LONGEST_LABEL) for panel in shown for label in panel.labels), default=4)
    width = columns * (4.6 + 0.075 * max(0, longest - 6))
    figure = Figure(figsize=(width, lines * (1.9 + 0.42 * rows)), layout="constrained")
    for index, panel in enumerate(shown):
        _draw_scores(figure.add_subplot(lines, columns, index + 1), panel)
    if len(panels) > len(shown):
        figure.suptitle(f"the first {len(shown)} of {len(panels)} data sets", fontsize="medium")
    figure.supxlabel("points: seeds; large marker and bar: their mean and its 95 % interval", fontsize="small")
    return figure


def learning_curves(panels: Mapping[str, Sequence[Curve]], ylabel: str) -> Figure:
    """Scores against epoch (left) and seconds (right): mean over seeds with its interval as a band.

    Args:
        panels: title -> curves.
        ylabel: which split's MSE it is.
    """
    shown = dict(list(panels.items())[:MOST_PANELS])
    labels = list(dict.fromkeys(curve.label for curves in shown.values() for curve in curves))
    longest = max(map(len, labels), default=0)
    columns = 4 if longest < 16 else 2 if longest < 48 else 1
    height = max(1, len(shown)) * 2.9 + 0.3 * math.ceil(len(labels) / columns)
    figure = Figure(figsize=(9.2, height), layout="constrained")
    axes = figure.subplots(max(1, len(shown)), 2, sharey="row", squeeze=False)
    handles: dict[str, Any] = {}
    for (title, curves), (left, right) in zip(shown.items(), axes, strict=False):
        for curve in curves:
            style = labels.index(curve.label)
            handles[curve.label] = _draw_curve(left, curve.epochs, curve, style)
            _draw_curve(right, curve.seconds, curve, style)
        _scale_curves(left, curves)
        _grid(right)
        left.set(title=_plain(title), xlabel="epoch", ylabel=f"{ylabel} {_MSE}".replace(" (", "\n("))
        right.set(title=_plain(title), xlabel="training time of all seeds (seconds)")
    if handles:
        figure.legend(handles.values(), list(map(_plain, handles)), loc="outside lower center", ncols=columns)
    return figure


def forecast(target: Array, mean: Array, low: Array, high: Array, persistence: Array | None, title: str) -> Figure:
    """A run's forecast over time.

    Args:
        target: (N,) what was to be predicted.
        mean: (N,) mean prediction over seeds.
        low: (N,) lower edge of the band over seeds.
        high: (N,) upper edge.
        persistence: (N,) the last value seen, None where it has no meaning.
        title: above the axes.
    """
    figure = Figure(figsize=(8.4, 3.8), layout="constrained")
    axes = figure.add_subplot()
    steps = np.arange(len(target))
    axes.plot(steps, target, color="black", lw=1.2, label="target")
    axes.fill_between(steps, low, high, color=COLORS[0], alpha=0.25, lw=0, label="band over seeds")
    axes.plot(steps, mean, color=COLORS[0], lw=1.4, ls="--", label="mean prediction")
    if persistence is not None:
        axes.plot(steps, persistence, color=COLORS[1], lw=0.9, ls=":", label="persistence")
    axes.set(title=_plain(title), xlabel="time step", ylabel="value")
    axes.margins(x=0.01)
    _grid(axes)
    figure.legend(loc="outside lower center", ncols=4)
    return figure


def agreement(target: Array, prediction: Array, title: str = "") -> Figure:
    """Predicted against actual values, for tasks that are no forecast.

    Args:
        target: (S, N) what was to be predicted.
        prediction: (S, N) what was.
        title: above the axes.
    """
    figure = Figure(figsize=(4.8, 5.0), layout="constrained")
    axes = figure.add_subplot()
    ends = [float(np.nanmin([target, prediction])), float(np.nanmax([target, prediction]))]
    axes.plot(ends, ends, color="black", lw=1, ls="--", zorder=3, label="prediction = target")
    many = target.size > MOST_POINTS
    label = f"one test value ({target.shape[0]} seed{'s' * (target.shape[0] > 1)})"
    points = axes.plot(target.ravel(), prediction.ravel(), "o", color=COLORS[0], mew=0, label=label)[0]
    points.set(markersize=3 if many else 4, alpha=0.25 if many else 0.5, rasterized=many)
    axes.set(title=_plain(title), xlabel="target (value)", ylabel="prediction (value)")
    axes.set_aspect("equal", adjustable="datalim")
    _grid(axes)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def encode(figure: Figure, kind: Kind) -> bytes:
    """The figure as the bytes of a file; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {"Software": None}
    with mpl.rc_context({"svg.hashsalt": "seqexp"}), quietly():
        figure.savefig(buffer, format=kind, dpi=150, metadata=metadata)
    return buffer.getvalue()


@contextmanager
def quietly() -> Iterator[None]:
    """Says nothing of letters that the font lacks, drawn as boxes, and of names that leave the axes too little room."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        warnings.filterwarnings("ignore", "constrained_layout not applied")
        yield


def _draw_scores(axes: Axes, panel: ScorePanel) -> None:
    many = sum(map(len, panel.scores)) > MOST_POINTS
    drawn = map(_drawable, panel.scores)
    for index, (scores, (mean, low, high)) in enumerate(zip(drawn, _drawable(panel.intervals), strict=True)):
        color, marker = COLORS[index % len(COLORS)], MARKERS[index % len(MARKERS)]
        spread = (np.arange(len(scores)) * 0.618034) % 1 - 0.5  # evenly filled, the same every time
        heights = index - 0.1 + 0.42 * spread
        axes.plot(scores, heights, ls="", marker=marker, ms=4, mew=0, color=color, alpha=0.5, rasterized=many)
        axes.plot([low, high], [index + 0.27] * 2, color="black", lw=1.6, solid_capstyle="butt")
        axes.plot(mean, index + 0.27, marker=marker, ms=6.5, color=color, mec="black", ls="")
    axes.set_yticks(range(len(panel.labels)), list(map(_plain, panel.labels)))
    axes.set(xlabel=f"test {_MSE}", ylim=(len(panel.labels) - 0.5, -0.5))
    _grid(axes, "x")
    _draw_baselines(axes, panel)


def _draw_baselines(axes: Axes, panel: ScorePanel) -> None:
    """Draws the baselines, chooses the scale, and puts the legend between the axes and their title.

    A baseline far away from every score would squeeze all the points into a corner, so it is only named.
    """
    points = _drawable(np.concatenate([*panel.scores, *panel.intervals, []]))
    points = points[np.isfinite(points)]
    positive = points[points > 0]
    lines, names, near = [], [], []
    for name, value in list(panel.baselines.items())[:MOST_BASELINES]:
        in_sight = positive.size == 0 or positive.min() / _REACH <= value <= positive.max() * _REACH
        reachable = in_sight and value < _DRAWN[1]
        near += [value] if reachable else []
        style = BASELINE_LINES.get(name, "-")
        lines.append(axes.axvline(value if reachable else math.nan, color="0.35", ls=style, lw=1.2))
        names.append(f"{text.label(name, LONGEST_BASELINE)} {value:.3g}" + (" (off the axis)" if not reachable else ""))
    scores = _drawable(np.concatenate([*panel.scores, near]))
    scores = scores[np.isfinite(scores)]
    if _is_wide(scores):
        axes.set_xscale("log")
        axes.set_xlim(scores.min() / 1.4, scores.max() * 1.4)
    if lines:
        legend = axes.legend(lines, names, ncols=2, fontsize="small", frameon=False, handlelength=2.8)
        legend.set_loc("lower center")
        legend.set_bbox_to_anchor((0.5, 1.0))
    axes.set_title(_plain(panel.title), pad=8 + 15 * math.ceil(len(lines) / 2))


def _draw_curve(axes: Axes, x: Array, curve: Curve, style: int) -> Any:
    color, line = COLORS[style % len(COLORS)], LINES[style % len(LINES)]
    mean, low, high = map(_drawable, (curve.mean, curve.low, curve.high))
    axes.fill_between(_drawable(x), low, high, color=color, alpha=0.18, lw=0)
    every = max(1, len(x) // 8)
    marker = MARKERS[style % len(MARKERS)]
    return axes.plot(_drawable(x), mean, color=color, ls=line, lw=1.5, marker=marker, ms=4, markevery=every)[0]


def _scale_curves(axes: Axes, curves: Iterable[Curve]) -> None:
    """A log axis where the means ask for it; bands that reach below the means' range are cut there."""
    _grid(axes)
    means = _drawable(np.concatenate([*(curve.mean for curve in curves), []]))
    means = means[np.isfinite(means)]
    if _is_wide(means):
        axes.set_yscale("log")
        axes.set_ylim(means.min() / 1.6, means.max() * 1.6)


def _drawable(values: Array) -> Array:
    """The same numbers: 0 for smaller ones than matplotlib can scale, NaN for larger ones."""
    sizes = np.abs(values)
    return np.where(sizes > _DRAWN[1], math.nan, np.where(sizes < _DRAWN[0], 0.0, values))


def _plain(name: str) -> str:
    return text.label(name, LONGEST_LABEL)


def _is_wide(values: Array) -> bool:
    return values.size > 0 and bool(values.min() > 0 and values.max() / values.min() > _LOG_SPREAD)


def _grid(axes: Axes, axis: Literal["both", "x", "y"] = "both") -> None:
    axes.grid(True, axis=axis, color="0.9", lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
