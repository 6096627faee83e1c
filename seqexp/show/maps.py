"""A table of numbers as colours, and points coloured by a number: units over time, a path through states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import matplotlib as mpl
import numpy as np

from seqexp.show.figures import Array, Axes, grid

EVEN = "RdBu_r"
"""Colours around 0, which is white."""

RISING = "viridis"
"""Colours from low to high, which a grey print keeps in order."""

MOST_KINDS = 8
"""Whole numbers of at most so many values are coloured as kinds, each with a name beside the scale."""

MOST_JOINED = 8
"""Sequences whose points are joined; lines of more hide each other."""


@dataclass(frozen=True, kw_only=True)
class Heat:
    """A table as colours.

    Attributes:
        title: above it.
        xlabel: below it.
        ylabel: left of it.
        values: (rows, columns); NaN is left white.
        unit: what the colours are, beside their scale.
        limits: of the colours; None for those around 0 that all values have room in.
        columns: their names; none for numbers from `first` on.
        first: the number of the first column.
    """

    title: str
    xlabel: str
    ylabel: str
    values: Array
    unit: str
    limits: tuple[float, float] | None = None
    columns: Sequence[str] = ()
    first: int = 1
    owners: Sequence[str] = field(default_factory=list)

    def draw(self, axes: Axes, owners: Sequence[str]) -> dict[str, Any]:
        """Draws it into axes; it has no part in the legend."""
        most = float(np.nanmax(np.abs(self.values), initial=0)) or 1.0
        low, high = self.limits or (-most, most)
        rows, columns = self.values.shape
        extent = (self.first - 0.5, self.first + columns - 0.5, rows + 0.5, 0.5)
        colors = EVEN if low < 0 else RISING
        image = axes.imshow(
            self.values, aspect="auto", interpolation="nearest", cmap=colors, vmin=low, vmax=high, extent=extent
        )
        _bar(axes, image, self.unit)
        axes.set(title=self.title, xlabel=self.xlabel, ylabel=self.ylabel)
        if self.columns:
            axes.set_xticks(
                range(self.first, self.first + columns), self.columns, rotation=25, ha="right", fontsize="small"
            )
        else:
            axes.locator_params(axis="x", integer=True)
        if rows == 1:
            axes.set_yticks([1])
        else:
            axes.locator_params(axis="y", integer=True, nbins=min(rows, 8))
        return {}


@dataclass(frozen=True, kw_only=True)
class Path:
    """Sequences of points, coloured by a number; the first few are joined by a pale line each.

    Attributes:
        title: above it.
        xlabel: below it.
        ylabel: left of it.
        x: (M, T); NaN where there is no point.
        y: (M, T).
        color: (M, T).
        unit: what the colours are, beside their scale.
    """

    title: str
    xlabel: str
    ylabel: str
    x: Array
    y: Array
    color: Array
    unit: str
    owners: Sequence[str] = field(default_factory=list)

    def draw(self, axes: Axes, owners: Sequence[str]) -> dict[str, Any]:
        """Draws it into axes; it has no part in the legend."""
        for x, y in zip(self.x[:MOST_JOINED], self.y, strict=False):
            axes.plot(x, y, color="0.8", lw=0.5, zorder=1)
        flat = [
            each.T.flatten() for each in (self.x, self.y, self.color)
        ]  # step by step, as no sequence is to hide others
        there = np.isfinite(flat[0]) & np.isfinite(flat[2])
        x, y, color = (each[there] for each in flat)
        kinds = np.unique(color)
        kind = 1 < len(kinds) <= MOST_KINDS and bool((kinds == kinds.round()).all())
        if kind:
            colors: Any = mpl.colormaps[RISING].resampled(len(kinds))
            color = np.searchsorted(kinds, color).astype(float)
            ends: dict[str, Any] = {"vmin": -0.5, "vmax": len(kinds) - 0.5}
        else:
            colors, ends = RISING, {}
        points = axes.scatter(x, y, c=color, cmap=colors, s=9, zorder=2, rasterized=len(x) > 2000, **ends)
        bar = _bar(axes, points, self.unit)
        if kind:
            bar.set_ticks(range(len(kinds)), labels=[f"{each:g}" for each in kinds])
        axes.set(title=self.title, xlabel=self.xlabel, ylabel=self.ylabel)
        grid(axes)
        return {}


def _bar(axes: Axes, image: Any, unit: str) -> Any:
    bar = axes.figure.colorbar(image, ax=axes, pad=0.02)
    bar.set_label(unit, fontsize="small")
    bar.ax.tick_params(labelsize="small")
    return bar
