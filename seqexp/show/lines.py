"""Lines with bands in panels side by side: what most diagnostics draw. Arrays in, Figure out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from seqexp.show import text
from seqexp.show.figures import LONGEST_LABEL, Array, grid, log_axis
from seqexp.show.planes import Plane
from seqexp.show.styles import THEORIES, filled, style_of
from seqexp.statistics import mean_interval

MOST_LINES = 24
"""In one panel; a legend of more is not read."""

LEAST = 1e-30
"""A logarithmic panel reaches no further down, whatever has vanished."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line: K points.

    Attributes:
        label: what the legend calls it.
        of: the cell or row that it is of, which decides on its colour; empty where the label does, or for a theory that
            is nobody's, which is grey.
        x: (K,).
        mean: (K,); on a logarithmic axis what is not positive is left out.
        low: (K,) lower edge of the band, NaN where there is none; on a logarithmic axis one below 0 is its lower end.
        high: (K,) upper edge.
        theory: whether it is known and not measured: thin and dotted.
        turn: how many quantities of its cell come before it in the picture. All have the cell's marker and line; those
            of a later one are paler, and its markers open or half filled.
    """

    label: str
    of: str = ""
    x: Array
    mean: Array
    low: Array
    high: Array
    theory: bool = False
    turn: int = 0

    @classmethod
    def over_seeds(
        cls, label: str, x: Array, values: Array, *, logs: bool = False, of: str = "", turn: int = 0
    ) -> Self:
        """The mean over seeds with its interval.

        Args:
            label: what the legend calls it.
            x: (K,).
            values: (S, K); what is not finite is left out.
            logs: whether the mean is geometric, and the interval one of logarithms, as a logarithmic axis asks for.
                What has no logarithm has vanished or overflowed, so that there is no mean over the seeds that are left.
            of: as for the line.
            turn: as for the line.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            rows = np.log(values) if logs else np.asarray(values, dtype=float)
        if logs:
            there = np.isfinite(rows)
            rows = np.where(there[there.any(1)].all(0), rows, math.nan)
        ends = [mean_interval(column) for column in rows.T]
        found = [np.array([getattr(each, end) for each in ends]) for end in ("mean", "low", "high")]
        mean, low, high = (np.exp(each) for each in found) if logs else found
        return cls(label=label, of=of, x=np.asarray(x, dtype=float), mean=mean, low=low, high=high, turn=turn)

    @classmethod
    def known(cls, label: str, x: Array, values: Array, of: str = "") -> Self:
        """What is known and not measured, (K,)."""
        values = np.asarray(values, dtype=float)
        return cls(label=label, of=of, x=np.asarray(x, dtype=float), mean=values, low=values, high=values, theory=True)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel.

    Attributes:
        title: above it.
        xlabel: below it.
        ylabel: left of it; empty where the panel beside it says so.
        lines: in the order of the legend.
        log: whether the vertical axis is logarithmic.
        xlog: whether the horizontal one is.
        whole: whether x counts something.
        shaded: (from, to) of x, marked as where the model was trained; None for no mark.
        limits: of the vertical axis, where they are not to follow the lines.
        holds_known: whether a logarithmic axis has room for what is known, too, wherever that lies.
    """

    title: str
    xlabel: str
    ylabel: str
    lines: Sequence[Line] = field(default_factory=list)
    log: bool = False
    xlog: bool = False
    whole: bool = True
    shaded: tuple[float, float] | None = None
    limits: tuple[float | None, float | None] | None = None
    holds_known: bool = False


def draw_lines(panels: Mapping[str, Sequence[Line]], xlabel: str, ylabel: str) -> Figure:
    """Draws panels that share their axes, of which the vertical one is logarithmic.

    Args:
        panels: title -> lines.
        xlabel: below each panel.
        ylabel: left of the first one.
    """
    made = [
        Panel(title=title, xlabel=xlabel, ylabel="" if index else ylabel, lines=lines, log=True)
        for index, (title, lines) in enumerate(panels.items())
    ]
    return draw_panels(made, share=True)


class Other(Protocol):
    """A panel that is not of lines: `seqexp.show.planes` and `seqexp.show.maps` have some."""

    @property
    def owners(self) -> Sequence[str]:
        """Cells or rows that need a colour."""

    def draw(self, axes: Axes, owners: Sequence[str]) -> dict[str, Any]:
        """Draws it, and returns what stands in the legend; `owners` are those of the whole figure."""


class Nothing:
    """A place in the picture where nothing is."""

    owners: tuple[str, ...] = ()

    def draw(self, axes: Axes, owners: Sequence[str]) -> dict[str, Any]:
        """Leaves it empty."""
        axes.set_axis_off()
        return {}


def draw_panels(
    panels: Sequence[Panel | Other], share: bool = False, beside: int = 2, height: float = 3.6, title: str = ""
) -> Figure:
    """Draws panels side by side, with one legend for all.

    Panels of lines whose axes are called alike, such as those before and after training, reach equally far; so do even
    planes.

    Args:
        panels: what is drawn.
        share: whether they have the same axes.
        beside: how many stand in a row.
        height: of a row, in inches.
        title: above all.
    """
    lines = [line for panel in panels if isinstance(panel, Panel) for line in panel.lines[:MOST_LINES]]
    points = [owner for panel in panels if not isinstance(panel, Panel) for owner in panel.owners]
    owners = list(dict.fromkeys([*(owner for line in lines if (owner := _owner(line))), *points]))
    columns = max(1, min(beside, len(panels)))
    rows = max(1, math.ceil(len(panels) / columns))
    figure = Figure(figsize=(9.2, 1), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=share, sharey=share, squeeze=False).flatten()
    nobodys = list(dict.fromkeys(line.label for line in lines if not _owner(line)))
    handles: dict[str, Line2D] = {}
    for place, panel in zip(axes, panels, strict=False):
        if not isinstance(panel, Panel):
            handles |= panel.draw(place, owners)
            continue
        for line in panel.lines[:MOST_LINES]:
            dash = THEORIES[nobodys.index(line.label) % len(THEORIES)] if line.label in nobodys else THEORIES[0]
            handles[line.label] = _draw(place, line, owners, panel.log, dash)
        _dress(place, panel, lines if share else panel.lines)
    _align(list(zip(panels, axes, strict=False)))
    for place in axes[len(panels) :]:
        place.remove()
    if isinstance(panels[-1] if panels else None, Panel) and len(panels) % columns:
        grid_spec = axes[0].get_gridspec()
        axes[len(panels) - 1].set_subplotspec(grid_spec[rows - 1, (len(panels) - 1) % columns :])
    names = [text.label(name, LONGEST_LABEL) for name in handles]
    in_legend = 3 if max(map(len, names), default=0) < 24 else 2 if max(map(len, names), default=0) < 60 else 1
    if title:
        figure.suptitle(title)
    figure.set_figheight(height * rows + 0.4 * bool(title) + 0.25 * math.ceil(len(names) / in_legend))
    if names:
        figure.legend(
            list(handles.values()),
            names,
            loc="outside lower center",
            ncols=in_legend,
            fontsize="small",
            handlelength=3.2,
        )
    return figure


def _align(drawn: Sequence[tuple[Panel | Other, Axes]]) -> None:
    """Gives panels that show the same quantity the same limits, so that what is steeper looks steeper."""
    alike: dict[tuple[str, ...], list[Axes]] = {}
    for panel, axes in drawn:
        if isinstance(panel, Panel) or (isinstance(panel, Plane) and panel.even):
            alike.setdefault((type(panel).__name__, panel.xlabel, panel.ylabel), []).append(axes)
    for (kind, *_), group in alike.items():
        across = [end for axes in group for end in axes.get_xlim()]
        along = [end for axes in group for end in axes.get_ylim()]
        if kind == Plane.__name__:
            across = along = [*across, *along]
        for axes in group:
            axes.set(xlim=(min(across), max(across)), ylim=(min(along), max(along)))


def _owner(line: Line) -> str:
    return line.of or ("" if line.theory else line.label)


def _draw(axes: Axes, line: Line, owners: Sequence[str], log: bool, dash: Any) -> Line2D:
    owner = _owner(line)
    style = style_of(owner, owners) if owner else None
    color = style.color if style else "0.35"
    mean, low, high = line.mean, line.low, line.high
    if log:
        low = np.where(low > 0, low, np.where(np.isfinite(low) & (mean > 0), LEAST, math.nan))
        mean, high = (np.where(values > 0, values, math.nan) for values in (mean, high))
    if line.theory or style is None:
        return axes.plot(line.x, mean, color=color, ls=dash, lw=1.3, zorder=1)[0]
    axes.fill_between(line.x, low, high, color=color, alpha=0.18, lw=0)
    every = max(1, len(line.x) // 8)
    look = filled(style, line.turn)
    return axes.plot(line.x, mean, ls=style.line, lw=1.5 if line.turn == 0 else 1.2, ms=5, markevery=every, **look)[0]


def _dress(axes: Axes, panel: Panel, lines: Sequence[Line]) -> None:
    """Titles, scales and grids; theories and bands may leave a logarithmic axis."""
    if panel.shaded is not None:
        low, high = panel.shaded
        axes.axvspan(low, high, color="0.93", lw=0, zorder=0)
        axes.text(
            high,
            1.0,
            "trained ",
            transform=axes.get_xaxis_transform(),
            ha="right",
            va="top",
            fontsize="small",
            color="0.4",
        )
    if panel.log:
        values = np.concatenate([*(line.mean for line in lines if panel.holds_known or not line.theory), []])
        values = values[np.isfinite(values) & (values > LEAST)]
        log_axis(axes, "y")
        if values.size:
            axes.set_ylim(values.min() / 2, values.max() * 2)
    if panel.xlog:
        log_axis(axes, "x")
    if panel.limits is not None:
        bottom, end = panel.limits
        axes.set_ylim(bottom, end)
        top = axes.dataLim.ymax
        if bottom is not None and end is None and math.isfinite(top) and top > bottom:
            axes.set_ylim(top=bottom + 1.05 * (top - bottom))  # markers at the top are whole
    axes.set(title=panel.title, xlabel=panel.xlabel)
    if panel.ylabel:
        axes.set_ylabel(panel.ylabel)
    if panel.log or panel.xlog:
        axes.grid(True, color="0.9", lw=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    else:
        grid(axes)
    if panel.whole and not panel.xlog:
        axes.locator_params(axis="x", integer=True)
