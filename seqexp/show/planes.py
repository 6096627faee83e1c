"""A plane of points: eigenvalues, fixed points, a path through states. Arrays in; drawn into the axes of a figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqexp.show.figures import MARKERS, Array, Axes, grid
from seqexp.show.styles import style_of


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """Points of one kind.

    Attributes:
        label: what the legend calls them; empty for no entry.
        of: the cell or row that they are of, which decides on colour and marker; empty for grey.
        x: (K,).
        y: (K,).
        turn: how many markers it is away from that of its cell.
        hollow: whether only outlines are drawn.
        joined: whether a pale line leads from each to the next.
        size: of a point.
    """

    label: str
    of: str = ""
    x: Array
    y: Array
    turn: int = 0
    hollow: bool = False
    joined: bool = False
    size: float = 4.0


@dataclass(frozen=True, kw_only=True)
class Plane:
    """One plane.

    Attributes:
        title: above it.
        xlabel: below it.
        ylabel: left of it.
        clouds: later ones above.
        circles: radius by label, around 0; the first is drawn through, the others are dotted.
        even: whether both axes have one scale.
    """

    title: str
    xlabel: str
    ylabel: str
    clouds: Sequence[Cloud] = field(default_factory=list)
    circles: Mapping[str, float] = field(default_factory=dict)
    even: bool = False

    @property
    def owners(self) -> list[str]:
        """Whose points there are."""
        return [cloud.of for cloud in self.clouds if cloud.of]

    def draw(self, axes: Axes, owners: Sequence[str]) -> dict[str, Any]:
        """Draws it.

        Args:
            axes: where.
            owners: all cells or rows of the figure.

        Returns:
            Label -> what stands in the legend.
        """
        handles: dict[str, Any] = {}
        for cloud in self.clouds:
            style = style_of(cloud.of, owners) if cloud.of else None
            color, marker = (style.color, style.marker) if style else ("0.6", ".")
            if style and cloud.turn:
                marker = MARKERS[(MARKERS.index(marker) + cloud.turn) % len(MARKERS)]
            if cloud.joined:
                axes.plot(cloud.x, cloud.y, color=color, lw=0.7, alpha=0.4)
            fill = "none" if cloud.hollow else color
            look: dict[str, Any] = {
                "ls": "none",
                "marker": marker,
                "ms": cloud.size,
                "mec": color,
                "mfc": fill,
                "mew": 0.9,
            }
            (handle,) = axes.plot(cloud.x, cloud.y, alpha=0.65, rasterized=len(cloud.x) > 2000, **look)
            if cloud.label:
                handles[cloud.label] = handle
        turn = np.linspace(0, 2 * math.pi, 181)
        for index, (label, radius) in enumerate(self.circles.items()):
            line = "-" if index == 0 else (0, (1, 1.5))
            (handles[label],) = axes.plot(
                radius * np.cos(turn), radius * np.sin(turn), color="0.35", lw=1.1, ls=line, zorder=1
            )
        axes.set(title=self.title, xlabel=self.xlabel, ylabel=self.ylabel)
        grid(axes)
        if self.even:
            axes.set_aspect("equal", adjustable="box")
        return handles
