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

LETTER = 0.085
"""The width of a symbol's letter, and half of its height, about."""

ALONG = (0.5, 0.4, 0.6, 0.32, 0.68, 0.25, 0.75)
"""Parts of an arrow at which its symbols may stand."""

BESIDE = 1.15
"""The angle from a state's loop to the arrow by which sequences begin there."""

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
        begins: for each state the symbols that lead there at the first step, by an arrow that begins at a dot; none for
            no such arrows.
    """

    title: str
    of: str
    states: Sequence[str]
    arrows: Sequence[Arrow]
    begins: Sequence[Sequence[str]] = field(default_factory=list)
    owners: Sequence[str] = field(default_factory=list)

    def draw(self, axes: Axes, owners: Sequence[str]) -> dict[str, Any]:
        """Draws it into axes; it has no part in the legend."""
        color = style_of(self.of, [*owners, self.of]).color
        count = len(self.states)
        turns = [2 * math.pi * place / count + math.pi / 2 for place in range(count)]
        spots = [(math.cos(turn), math.sin(turn)) if count > 1 else (0.0, 0.0) for turn in turns]
        radius = min(RADIUS, CROWDED * 2 * math.sin(math.pi / count)) if count > 1 else RADIUS
        letters = float(axes.xaxis.label.get_fontsize()) / 1.2  # what "small" is
        taken = [_Box(x, y, radius, radius) for x, y in spots]
        for spot, symbols in zip(spots, self.begins, strict=False):
            if symbols:
                taken.append(_begin(axes, spot, symbols, radius))
        for arrow in sorted(self.arrows, key=lambda arrow: arrow.start != arrow.end):  # loops have one place alone
            taken.append(_arrow(axes, arrow, spots, radius, taken))
        for (x, y), name in zip(spots, self.states, strict=True):
            axes.text(
                x, y, name, ha="center", va="center", fontsize=letters * radius / RADIUS, color="black", zorder=4,
                bbox={"boxstyle": "circle,pad=0.45", "facecolor": "white", "edgecolor": color, "linewidth": 2.0},
            )  # fmt: skip
        axes.set(title=self.title, xlim=(-1.6, 1.6), ylim=(-1.6, 1.6))
        axes.set_aspect("equal")
        axes.set_axis_off()
        return {}


class _Box(NamedTuple):
    """Room that is taken: its middle, and half of its width and height."""

    x: float
    y: float
    wide: float
    high: float

    def covers(self, other: _Box) -> float:
        """The area that both take."""
        wide = min(self.x + self.wide, other.x + other.wide) - max(self.x - self.wide, other.x - other.wide)
        high = min(self.y + self.high, other.y + other.high) - max(self.y - self.high, other.y - other.high)
        return max(wide, 0.0) * max(high, 0.0)


def _said(x: float, y: float, said: str) -> _Box:
    """The room of words around a place, about."""
    lines = said.split("\n")
    return _Box(x, y, LETTER * (max(map(len, lines)) + 1) / 2, LETTER * len(lines))


def _begin(axes: Axes, spot: tuple[float, float], symbols: Sequence[str], radius: float) -> _Box:
    """The first step of sequences: an arrow from a dot, which stands beside the loop of the state."""
    x, y = spot
    out = (math.atan2(y, x) if spot != (0.0, 0.0) else math.pi / 2) - BESIDE
    near, far = ((x + way * radius * math.cos(out), y + way * radius * math.sin(out)) for way in (1.05, 2.2))
    axes.annotate(
        "", near, far, arrowprops={"arrowstyle": "-|>", "color": "0.25", "lw": 1.2, "shrinkA": 0, "shrinkB": 0}
    )
    axes.plot(*far, marker="o", ms=4, color="0.25")
    said = ", ".join(symbols) if len(symbols) <= IN_LINE else f"{len(symbols)} symbols"
    place = (x + 3.0 * radius * math.cos(out), y + 3.0 * radius * math.sin(out))
    axes.text(*place, said, ha="center", va="center", fontsize="small", color="0.25", bbox=WHITE, zorder=3)
    return _said(*place, said)


def _arrow(
    axes: Axes, arrow: Arrow, spots: Sequence[tuple[float, float]], radius: float, taken: Sequence[_Box]
) -> _Box:
    """One transition with its symbols; from a state to itself it is a loop on the outer side.

    Returns:
        The room of the symbols, which stand where they cover least of what is taken.
    """
    aside = "center"
    (x, y), (to_x, to_y) = spots[arrow.start], spots[arrow.end]
    color, line = ("0.25", "-") if arrow.right else (WRONG, "--")
    look: dict[str, Any] = {"arrowstyle": "-|>", "color": color, "ls": line, "lw": 1.2, "shrinkA": 0, "shrinkB": 0}
    if arrow.start == arrow.end:
        out = math.atan2(y, x) if (x, y) != (0.0, 0.0) else math.pi / 2
        first, last = ((x + radius * math.cos(out + turn), y + radius * math.sin(out + turn)) for turn in (0.7, -0.7))
        axes.annotate("", last, first, arrowprops={**look, "connectionstyle": "arc3,rad=-2.2"})
        places = [(x + 2.6 * radius * math.cos(out), y + 2.6 * radius * math.sin(out))]
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
        aside_by = 0.35 * radius + (0.1 if length - 2 * radius < SHORT else 0.0)
        outs = [0.36 * part * (1 - part) * length + aside_by for part in ALONG]
        places = [
            (x + part * (to_x - x) + out * side[0], y + part * (to_y - y) + out * side[1])
            for part, out in zip(ALONG, outs, strict=True)
        ]
    few = list(arrow.symbols[:MOST_SYMBOLS])
    in_line = IN_LINE if aside != "center" else MOST_SYMBOLS
    lines = [", ".join(few[first : first + in_line]) for first in range(0, len(few), in_line)]
    said = ",\n".join(lines) if len(few) == len(arrow.symbols) else f"{len(arrow.symbols)} symbols"
    boxes = [_said(*place, said) for place in places]
    if aside != "center":
        boxes = [box._replace(x=box.x + box.wide * (1 if aside == "left" else -1)) for box in boxes]
    best = min(range(len(boxes)), key=lambda each: sum(boxes[each].covers(other) for other in taken))  # first of equals
    axes.text(*places[best], said, ha=aside, va="center", fontsize="small", color=color, bbox=WHITE, zorder=3)
    return boxes[best]
