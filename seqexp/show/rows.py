"""Rows of a panel: names beside the axes where they are short, else above each row's points, and lines below all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from seqexp.show.figures import WHITE, Axes, Page, wrap

UNIT = 0.42
"""Inches that the points of a row need; positions of rows count in them."""

LONGEST_BESIDE = 26
"""Letters of a name beside axes, of a figure that is as wide as it needs."""

_LINE = 0.45  # a line of letters
_SHARE_BESIDE = 0.34  # part of a panel that names beside it may have
_SHARE_INSIDE = 0.86  # part of a panel that is as wide as its axes


class Rows(NamedTuple):
    """Where rows stand.

    Attributes:
        names: in as many lines as they need.
        places: of each row's points.
        below: of lines of letters below all rows.
        end: of the axis, in rows; its start is at -0.5.
        inside: whether names stand within the axes.
    """

    names: list[str]
    places: list[float]
    below: list[float]
    end: float
    inside: bool

    @property
    def height(self) -> float:
        """In inches, with letters of 10 points."""
        return UNIT * (self.end + 0.5)


def is_inside(names: Sequence[str], page: Page, share: float = 1.0) -> bool:
    """Whether one of the names is too long to stand beside the axes."""
    most = LONGEST_BESIDE if page.width is None else page.letters(_SHARE_BESIDE * share)
    return max(map(len, names), default=0) > most


def arrange(names: Sequence[str], page: Page, share: float, inside: bool, num_below: int = 0) -> Rows:
    """Gives each row its place.

    Args:
        names: of the rows.
        page: what it is drawn for, whose width is known.
        share: part of the page's width that is the panel's.
        inside: whether names stand within the axes.
        num_below: lines of letters below all rows.
    """
    wrapped = [wrap(name, page.letters(_SHARE_INSIDE * share)) if inside else name for name in names]
    places, end = [], -0.5
    for name in wrapped:
        end += _LINE * (name.count("\n") + 1) if inside else 0.0
        places.append(end + 0.5)
        end += 1.0
    if not names:
        end += 1.0
    return Rows(
        wrapped, places, [end + _LINE * (line + 0.5) for line in range(num_below)], end + _LINE * num_below, inside
    )


def label_rows(axes: Axes, rows: Rows) -> None:
    """Writes the names, and sets the vertical axis."""
    axes.set_ylim(rows.end, -0.5)
    if not rows.inside:
        axes.set_yticks(rows.places, rows.names)
        return
    axes.set_yticks([])
    for name, place in zip(rows.names, rows.places, strict=True):
        axes.text(0.01, place - 0.46, name, transform=axes.get_yaxis_transform(), va="bottom", bbox=WHITE, zorder=4)
