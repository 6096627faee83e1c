"""Small pictures, readable where a page shows them 300 pixels wide: few words, large letters. Arrays in, Figure out."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from seqexp.show import text
from seqexp.show.comparison import ScorePanel, in_sight
from seqexp.show.curves import CurvePanel
from seqexp.show.differences import DifferencePanel
from seqexp.show.figures import Array, Axes, Figure, drawable, grid, is_wide, log_axis, style_of
from seqexp.show.forecasts import ForecastPanel
from seqexp.show.periods import steps

SIZE = (3.0, 2.25)
"""Inches, of which a page 300 pixels wide has 100 pixels each."""

DPI = 200
"""Twice as many dots, for screens with dense pixels and for whoever opens the picture."""

LETTERS = 10
"""Points; 14 pixels on the page."""

MOST_ROWS = 6
MOST_PAIRS = 4
MOST_STEPS = 150
MOST_POINTS = 600
LONGEST_TITLE = 38
LONGEST_LABEL = 18
LONGEST_BESIDE = 13


def scores(panel: ScorePanel, labels: Sequence[str], reference: str | None) -> Figure:
    """Mean and interval of each row, and one baseline where it is near.

    Args:
        panel: the data set.
        labels: all labels of the comparison, by which each has its style.
        reference: name of the baseline; None for none.
    """
    figure, axes = _empty(_title(panel.title, f"test {panel.score}"), len(panel.labels))
    rows = range(min(len(panel.labels), MOST_ROWS))
    ends = drawable(panel.intervals)
    for row in rows:
        mean, low, high = ends[row]
        color, marker, _ = style_of(panel.labels[row], labels)
        axes.plot([low, high], [row, row], color=color, lw=3, alpha=0.5, solid_capstyle="butt")
        axes.plot(mean, row, marker=marker, ms=8, color=color, ls="")
    axes.set_yticks(rows, _names(panel.labels[: len(rows)]))
    axes.set_ylim(max(1, len(rows)) - 0.5, -0.5)
    seen = ends[: len(rows)]
    seen = seen[np.isfinite(seen) & (seen > 0)]
    value = math.nan if reference is None else panel.baselines.get(reference, math.nan)
    if seen.size and in_sight([value], seen):
        axes.axvline(value, color="0.35", ls="--", lw=1.5)
        axes.set_xlabel(f"dashed: {text.label(reference or '', LONGEST_LABEL)}", fontsize=LETTERS)
        seen = np.append(seen, value)
    _scaled(axes, "x", seen)
    return figure


def curves(panel: CurvePanel, labels: Sequence[str]) -> Figure:
    """Mean and band of each row by epoch."""
    figure, axes = _empty(_title(panel.title, panel.score), len(panel.curves))
    for curve in panel.curves[:MOST_ROWS]:
        color, _, line = style_of(curve.label, labels)
        low, mean, high = map(drawable, (curve.low, curve.mean, curve.high))
        axes.fill_between(curve.epochs, low, high, color=color, alpha=0.2, lw=0)
        axes.plot(curve.epochs, mean, color=color, ls=line, lw=2, label=curve.label)
    means = [drawable(curve.mean) for curve in panel.curves[:MOST_ROWS]]
    values = np.concatenate([*means, []])
    values = values[np.isfinite(values)]
    if is_wide(values):
        axes.set_ylim(values.min() / 1.6, values.max() * 1.6)
    _scaled(axes, "y", values)
    axes.locator_params(axis="x", nbins=4, integer=True)
    axes.set_xlabel("epoch", fontsize=LETTERS)
    _legend(figure, axes)
    return figure


def differences(panel: DifferencePanel, labels: Sequence[str]) -> Figure:
    """Each seed's ratio or difference of two rows, with the verdict's interval where it has ends."""
    kind = "ratio" if panel.by_ratio else "difference"
    figure, axes = _empty(f"{panel.title}: {kind} by seed", len(panel.lines), MOST_PAIRS)
    rows = range(min(len(panel.lines), MOST_PAIRS))
    found = []
    for row in rows:
        line = panel.lines[row]
        values = drawable(np.concatenate([line.values, line.lost]))
        better = line.first if line.mean < (1 if panel.by_ratio else 0) else line.second
        color, marker, _ = style_of(better, labels)
        axes.plot(values, [row] * len(values), marker=marker, ms=6, mew=0, alpha=0.6, color=color, ls="")
        if np.isfinite([line.low, line.high]).all() and not (panel.by_ratio and line.low <= 0):
            axes.plot([line.low, line.high], [row + 0.25] * 2, color="black", lw=2)
        found.append(values[np.isfinite(values)])
    axes.axvline(1 if panel.by_ratio else 0, color="0.35", lw=1.5)
    sign = "/" if panel.by_ratio else "\N{MINUS SIGN}"
    short = dict(zip(labels, _names(labels, 9), strict=True))
    names = [
        f"{short.get(each.first, each.first)} {sign}\n{short.get(each.second, each.second)}"
        for each in panel.lines[: len(rows)]
    ]
    axes.set_yticks(rows, names)
    axes.set_ylim(max(1, len(rows)) - 0.5, -0.5)
    _scaled(axes, "x", np.concatenate([*found, [1.0]]) if panel.by_ratio else np.array([]))
    return figure


def forecast(target: Array, mean: Array, low: Array, high: Array, title: str, cell: str) -> Figure:
    """The start of a forecast, (N,) each: what came, mean prediction and band in the cell's colour."""
    figure, axes = _empty(f"{title}, first test steps", 1)
    target, mean, low, high = (_drawable(each[:MOST_STEPS]) for each in (target, mean, low, high))
    x = steps(target)
    axes.plot(x, target, color="black", lw=1.5, label="actual")
    color = style_of(cell, [cell]).color
    axes.fill_between(x, low, high, color=color, alpha=0.25, lw=0)
    axes.plot(x, mean, color=color, lw=2, ls="--", label="predicted")
    grid(axes)
    axes.locator_params(nbins=4)
    axes.tick_params(labelsize=LETTERS)
    _legend(figure, axes)
    return figure


def forecasts(panel: ForecastPanel, labels: Sequence[str]) -> Figure:
    """What each row predicts: of a forecast its start, else means by actual value."""
    figure, axes = _empty(f"{panel.title}: predictions", panel.count)
    drawn = slice(MOST_STEPS if panel.is_forecast and panel.folds == 1 else None)
    actual = _drawable(panel.actual[drawn])
    x = steps(actual) if panel.is_forecast else actual
    axes.plot(x, actual, color="black", lw=1.5, label="actual")
    for row in panel.rows[:MOST_ROWS]:
        color, _, line = style_of(row.label, labels)
        mean, low, high = (_drawable(each[drawn]) for each in (row.mean, row.low, row.high))
        axes.fill_between(x, low, high, color=color, alpha=0.2, lw=0)
        axes.plot(x, mean, color=color, ls=line, lw=2, label=row.label)
    grid(axes)
    axes.locator_params(nbins=4)
    axes.tick_params(labelsize=LETTERS)
    _legend(figure, axes)
    return figure


def agreement(target: Array, prediction: Array, title: str, cell: str) -> Figure:
    """Predictions against what was to be predicted, (S, N) each, of all of which so many are drawn."""
    figure, axes = _empty(title, 1)
    known = ~np.isnan(target)
    every = max(1, int(known.sum()) // MOST_POINTS)
    x, y = (_drawable(each[known][::every]) for each in (target, prediction))
    ends = [float(np.nanmin([x, y])), float(np.nanmax([x, y]))]
    axes.plot(ends, ends, color="black", lw=1.5, ls="--", zorder=3)
    axes.plot(x, y, "o", color=style_of(cell, [cell]).color, ms=4, mew=0, alpha=0.4, rasterized=True)
    grid(axes)
    axes.locator_params(nbins=4)
    axes.tick_params(labelsize=LETTERS)
    axes.set_xlabel("actual", fontsize=LETTERS)
    axes.set_ylabel("predicted", fontsize=LETTERS)
    return figure


def _names(labels: Sequence[str], most: int = LONGEST_LABEL) -> list[str]:
    """Labels as far as they differ: without groups of settings, words that all share, and the middle of long ones."""
    words = [re.sub(r"(^| )[\w.]+\.(?=\w+=)", r"\1", label).split() for label in labels]
    shared = set.intersection(*map(set, words)) if len(labels) > 1 else set()
    names = [" ".join(word for word in each if word not in shared) or " ".join(each) for each in words]
    names = names if len(set(names)) == len(set(labels)) else list(labels)
    start, end = most // 3, most - most // 3 - 1
    cut = [f"{name[:start]}…{name[-end:]}" if " " in name else f"…{name[1 - most :]}" for name in names]
    return [text.label(name if len(name) <= most else short, most) for name, short in zip(names, cut, strict=True)]


def _empty(title: str, count: int, most: int = MOST_ROWS) -> tuple[Figure, Axes]:
    """A figure with a title, which says so where not all is drawn."""
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    more = f" ({most} of {count})" if count > most else ""
    shown = text.label(title, LONGEST_TITLE - len(more)) + more
    figure.suptitle(shown, fontsize=LETTERS if len(shown) > LONGEST_TITLE * 0.8 else LETTERS + 1)
    return figure, axes


def _scaled(axes: Axes, which: str, values: Array) -> None:
    """A log axis where values ask for it, few numbers on either, and a grid."""
    if is_wide(values):
        if which == "x":
            axes.set_xlim(values.min() / 1.4, values.max() * 1.4)
        log_axis(axes, "x" if which == "x" else "y")
    else:
        longest = max((len(label.get_text()) for label in axes.get_yticklabels()), default=0) if which == "x" else 0
        axes.locator_params(axis="x" if which == "x" else "y", nbins=2 if longest > LONGEST_LABEL // 2 else 4)
    grid(axes, "x" if which == "x" else "both")
    axes.tick_params(labelsize=LETTERS)


def _legend(figure: Figure, axes: Axes) -> None:
    """Below the axes, where it hides no line: beside each other what has room, else in two columns of shorter names."""
    handles, labels = axes.get_legend_handles_labels()
    names = _names(labels)
    fits = sum(map(len, names)) <= (5 - len(names)) * LONGEST_LABEL // 2
    names = names if fits else _names(labels, LONGEST_BESIDE)
    look: dict[str, Any] = {
        "fontsize": LETTERS,
        "handlelength": 1.3,
        "columnspacing": 1.0,
        "labelspacing": 0.2,
        "frameon": False,
    }
    if names:
        figure.legend(handles, names, loc="outside lower center", ncols=len(names) if fits else 2, borderpad=0, **look)


def _drawable(values: Array) -> Array:
    return drawable(values.astype(np.float64))  # of which single precision does not know the limits


def _title(name: str, score: str) -> str:
    """A data set and what is scored, the split by its short name; where there is no room, without nats or bits."""
    words = score.partition(" (")[0].replace("validation ", "val ").replace("training ", "train ")
    title = f"{name}: {words}"
    return title if len(title) <= LONGEST_TITLE else f"{name}: {words.partition(' in ')[0]}"
