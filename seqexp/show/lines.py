"""Lines with bands in panels side by side, on a logarithmic scale: what a diagnostic draws. Arrays in, Figure out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from seqexp.show import text
from seqexp.show.figures import COLORS, LINES, LONGEST_LABEL, MARKERS, Array

MOST_LINES = 24
"""In one panel; a legend of more is not read."""

LEAST = 1e-30
"""A panel reaches no further down, whatever has vanished."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line: K points.

    Attributes:
        label: what is called so has one colour in all panels; a theory has that of the line before it.
        x: (K,).
        mean: (K,); what is not positive is left out.
        low: (K,) lower edge of the band, NaN where there is none.
        high: (K,) upper edge.
        theory: whether it is known and not measured: thin and dotted.
    """

    label: str
    x: Array
    mean: Array
    low: Array
    high: Array
    theory: bool = False


def draw_lines(panels: Mapping[str, Sequence[Line]], xlabel: str, ylabel: str) -> Figure:
    """Draws panels that share their axes.

    Args:
        panels: title -> lines.
        xlabel: below each panel.
        ylabel: left of the first one.
    """
    shown = {title: lines[:MOST_LINES] for title, lines in panels.items()}
    labels = list(dict.fromkeys(line.label for lines in shown.values() for line in lines if not line.theory))
    names = list(dict.fromkeys(line.label for lines in shown.values() for line in lines))
    columns = 3 if max(map(len, names), default=0) < 24 else 2
    height = 3.6 + 0.25 * math.ceil(len(names) / columns)
    figure = Figure(figsize=(9.2, height), layout="constrained")
    axes = figure.subplots(1, max(1, len(shown)), sharex=True, sharey=True, squeeze=False)[0]
    handles: dict[str, Line2D] = {}
    for panel, (title, lines) in zip(axes, shown.items(), strict=False):
        style = 0
        for line in lines:
            style = style if line.theory else labels.index(line.label)
            handles[line.label] = _draw(panel, line, style)
        panel.set(title=title, xlabel=xlabel)
        panel.grid(True, color="0.9", lw=0.8)
        panel.set_axisbelow(True)
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel(ylabel)
    _scale(axes[0], [line for lines in shown.values() for line in lines])
    if handles:
        shown_names = [text.label(name, LONGEST_LABEL) for name in handles]
        figure.legend(list(handles.values()), shown_names, loc="outside lower center", ncols=columns, fontsize="small")
    return figure


def _draw(axes: Axes, line: Line, style: int) -> Line2D:
    color = COLORS[style % len(COLORS)]
    mean, low, high = (np.where(values > 0, values, math.nan) for values in (line.mean, line.low, line.high))
    if line.theory:
        return axes.plot(line.x, mean, color=color, ls=(0, (1, 1.5)), lw=1.1, zorder=1)[0]
    axes.fill_between(line.x, low, high, color=color, alpha=0.18, lw=0)
    marker = MARKERS[style % len(MARKERS)]
    every = max(1, len(line.x) // 8)
    return axes.plot(
        line.x, mean, color=color, ls=LINES[style % len(LINES)], lw=1.5, marker=marker, ms=4, markevery=every
    )[0]


def _scale(axes: Axes, lines: Sequence[Line]) -> None:
    """A logarithmic axis around what was measured; theories and bands may leave it."""
    values = np.concatenate([*(line.mean for line in lines if not line.theory), []])
    values = values[np.isfinite(values) & (values > LEAST)]
    axes.set_yscale("log")
    if values.size:
        axes.set_ylim(values.min() / 2, values.max() * 2)
