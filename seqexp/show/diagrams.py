"""States as circles and transitions as arrows between them. Arrays in; drawn into the axes of a figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from seqexp.show.figures import WHITE, Axes
from seqexp.show.styles import style_of

RADIUS = 0.17
"""Of a state, where all of them lie on a circle of radius 1 and are few."""

CROWDED = 0.3
"""Of the way from a state to the next one on the circle, so much is the radius of either where they are many."""

SHORT = 0.4
"""The symbols of arrows that are shorter stand beside them, and of others on them."""

WRONG = "#B22222"
"""The colour of a transition that the task does not have."""

IN_LINE = 2
"""Symbols in one line at the left and the right of the diagram, so that it can be large."""

MOST_SYMBOLS = 6
"""Named at an arrow; of more it says how many."""


class Arrow(NamedTuple):
    """A transition.

    Attributes:
        start: a state's number.
        end: another's, or the same.
        symbols: at which it is taken.
        right: whether it is the task's.
    """

    start: int
    end: int
    symbols: Sequence[str]
    right: bool


@dataclass(frozen=True, kw_only=True)
class Diagram:
    """A diagram of transitions.

    Attributes:
        title: above it.
        of: the cell or row that it is of, which decides on its colour.
        states: what stands in each circle.
        arrows: between them.
    """

    title: str
    of: str
    states: Sequence[str]
    arrows: Sequence[Arrow]
    owners: Sequence[str] = field(default_factory=list)

    def draw(self, axes: Axes, owners: Sequence[str]) -> dict[str, Any]:
        """Draws it into axes; it has no part in the legend."""
        color = style_of(self.of, [*owners, self.of]).color
        count = len(self.states)
        turns = [2 * math.pi * place / count + math.pi / 2 for place in range(count)]
        spots = [(math.cos(turn), math.sin(turn)) if count > 1 else (0.0, 0.0) for turn in turns]
        radius = min(RADIUS, CROWDED * 2 * math.sin(math.pi / count)) if count > 1 else RADIUS
        letters = float(axes.xaxis.label.get_fontsize()) / 1.2  # what "small" is
        for arrow in self.arrows:
            _arrow(axes, arrow, spots, radius)
        for (x, y), name in zip(spots, self.states, strict=True):
            axes.text(
                x, y, name, ha="center", va="center", fontsize=letters * radius / RADIUS, color="black", zorder=4,
                bbox={"boxstyle": "circle,pad=0.45", "facecolor": "white", "edgecolor": color, "linewidth": 2.0},
            )  # fmt: skip
        axes.set(title=self.title, xlim=(-1.6, 1.6), ylim=(-1.6, 1.6))
        axes.set_aspect("equal")
        axes.set_axis_off()
        return {}


def _arrow(axes: Axes, arrow: Arrow, spots: Sequence[tuple[float, float]], radius: float) -> None:
    """One transition with its symbols; from a state to itself it is a loop on the outer side."""
    aside = "center"
    (x, y), (to_x, to_y) = spots[arrow.start], spots[arrow.end]
    color, line = ("0.25", "-") if arrow.right else (WRONG, "--")
    look: dict[str, Any] = {"arrowstyle": "-|>", "color": color, "ls": line, "lw": 1.2, "shrinkA": 0, "shrinkB": 0}
    if arrow.start == arrow.end:
        out = math.atan2(y, x) if (x, y) != (0.0, 0.0) else math.pi / 2
        first, last = ((x + radius * math.cos(out + turn), y + radius * math.sin(out + turn)) for turn in (0.7, -0.7))
        axes.annotate("", last, first, arrowprops={**look, "connectionstyle": "arc3,rad=-2.2"})
        place = (x + 2.6 * radius * math.cos(out), y + 2.6 * radius * math.sin(out))
        aside = "left" if math.cos(out) > 0.3 else "right" if math.cos(out) < -0.3 else "center"
    else:
        length = math.hypot(to_x - x, to_y - y)
        ahead = ((to_x - x) / length, (to_y - y) / length)
        side = (ahead[1], -ahead[0])  # the right of the way, on which the arrow is bent
        first, last = (
            (
                at[0] + way * radius * ahead[0] + 0.35 * radius * side[0],
                at[1] + way * radius * ahead[1] + 0.35 * radius * side[1],
            )
            for at, way in (((x, y), 1), ((to_x, to_y), -1))
        )
        axes.annotate("", last, first, arrowprops={**look, "connectionstyle": "arc3,rad=0.18"})
        bend = 0.09 * length + 0.35 * radius + (0.1 if length - 2 * radius < SHORT else 0.0)
        place = ((x + to_x) / 2 + bend * side[0], (y + to_y) / 2 + bend * side[1])
    few = list(arrow.symbols[:MOST_SYMBOLS])
    in_line = IN_LINE if aside != "center" else MOST_SYMBOLS
    lines = [", ".join(few[first : first + in_line]) for first in range(0, len(few), in_line)]
    said = ",\n".join(lines) if len(few) == len(arrow.symbols) else f"{len(arrow.symbols)} symbols"
    axes.text(*place, said, ha=aside, va="center", fontsize="small", color=color, bbox=WHITE, zorder=3)
