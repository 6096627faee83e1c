"""A plane of points: eigenvalues, fixed points, a path through states. Arrays in; drawn into the axes of a figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqexp.show.figures import Array, Axes, grid
from seqexp.show.styles import THEORIES, filled, style_of


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """Points of one kind.

    Attributes:
        label: what the legend calls them; empty for no entry.
        of: the cell or row that they are of, which decides on colour and marker; empty for grey.
        x: (K,).
        y: (K,).
        turn: as for a line.
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
        circles: radius by label, around 0, in the lines of what is known.
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
            look = filled(style, cloud.turn) if style else {"color": "0.6", "marker": "."}
            if cloud.joined:
                axes.plot(cloud.x, cloud.y, color=look["color"], lw=0.7, alpha=0.4)
            if cloud.hollow:
                look |= {"fillstyle": "none"}
            look |= {"ls": "none", "ms": cloud.size, "mew": 0.9}
            (handle,) = axes.plot(cloud.x, cloud.y, alpha=0.65, rasterized=len(cloud.x) > 2000, **look)
            if cloud.label:
                handles[cloud.label] = handle
        turn = np.linspace(0, 2 * math.pi, 181)
        for index, (label, radius) in enumerate(self.circles.items()):
            line = THEORIES[index % len(THEORIES)]
            (handles[label],) = axes.plot(
                radius * np.cos(turn), radius * np.sin(turn), color="0.35", lw=1.3, ls=line, zorder=1
            )
        axes.set(title=self.title, xlabel=self.xlabel, ylabel=self.ylabel)
        grid(axes)
        if self.even:
            axes.set_aspect("equal", adjustable="box")
        return handles
