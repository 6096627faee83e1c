"""Which colour, marker and line a label has: chosen by the cell's name, so that a cell looks alike in every figure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "os^Dv<>"
LINES: tuple[Any, ...] = (
    *("-", "--", "-.", (0, (2, 1)), (0, (5, 1, 1, 1, 1, 1))),
    *((0, (4, 1, 1, 1, 1, 1, 1, 1)), (0, (8, 3))),
)
"""Of cells; none of them is of dots alone."""

THEORIES: tuple[Any, ...] = ((0, (1, 1.5)), (0, (1, 4)), (0, (1, 1.5, 1, 6)), (0, (1, 1.5, 1, 1.5, 1, 6)))
"""Of what is known and not measured: thin and of dots alone, also in pairs and triples, for more in one picture."""

PALER, PALEST = 0.18, 0.54
"""By how much white each further quantity of a cell is paler, and the most."""

FILLS = ("full", "none", "left", "top", "right", "bottom")
"""Of the markers of a cell's first, second, ... quantity in one picture."""

LATER = (
    *("peephole", "cifg", "janet", "layer_norm_lstm", "layer_norm_gru", "indrnn", "slstm", "lstm1997"),
    *("mingru", "minlstm", "lru", "tcn", "mlp", "s4d", "transformer", "", "", "esn"),
)
"""Cells for which no colour of their own is left: each has another marker and line than those of its colour. An empty
name leaves a place free: no cell is to look like one that it is often compared with, or like actual values."""

CELLS = {"rnn": 1, "lstm": 0, "gru": 2, "mgu": 3, "module": 4}
CELLS |= {name: slot for name, slot in zip(LATER, count(len(COLORS)), strict=False) if name}
"""Cells of the package and the slot of each, its style in every figure; cells from elsewhere share the rest."""

OWN = tuple(slot for slot in range(len(COLORS)) if slot not in CELLS.values())
SETTING = re.compile(r"[\w.@+~]+=")


class Style(NamedTuple):
    """Colour, marker and line."""

    color: str
    marker: str
    line: Any


def style_of(label: str, labels: Sequence[str]) -> Style:
    """How a label is drawn.

    A label that begins with a cell of the package has that cell's colour, and without settings its marker and line. One
    of a cell from elsewhere takes a colour by its name among those that are left. What only names settings, as all rows
    are of one cell, takes them in the order of its values.

    Args:
        label: a cell, settings, or both, such as `lstm optimizer.lr=0.01`.
        labels: all that are drawn, in any order; no two of them get the same style while there are enough.
    """
    return _styles(tuple(sorted({*labels, label}, key=_natural)))[label]


def filled(style: Style, turn: int) -> dict[str, Any]:
    """How the markers of a cell's first, second, ... quantity in one picture look, and in which colour all of it is.

    Args:
        style: the cell's.
        turn: 0 for the first, which is the cell's as everywhere.

    Returns:
        What matplotlib's `plot` takes: `color`, `marker`, `fillstyle` and `markerfacecoloralt`.
    """
    share = min(PALER * turn, PALEST)
    parts = [int(style.color[place : place + 2], 16) for place in (1, 3, 5)]
    color = "#" + "".join(f"{round(part + share * (255 - part)):02X}" for part in parts)
    return {
        "color": color,
        "marker": style.marker,
        "fillstyle": FILLS[turn % len(FILLS)],
        "markerfacecoloralt": "white",
    }


@lru_cache(maxsize=64)
def _styles(labels: tuple[str, ...]) -> dict[str, Style]:
    taken: set[Style] = set()
    slots: dict[str, int] = {}
    found = {}
    cells = sorted({_cell(label) for label in labels}, key=lambda cell: (cell not in CELLS, cell))
    for cell in cells:
        if cell:
            slots[cell] = CELLS[cell] if cell in CELLS else _free(cell, set(slots.values()))
    ordered = sorted(labels, key=lambda label: (cells.index(_cell(label)), len(label.split()) > 1))
    plain = 0
    for label in ordered:
        slot = slots.get(_cell(label), plain)
        plain += _cell(label) == ""
        turns = (_turned(slot, turn) for turn in range(len(MARKERS) * len(LINES)))
        found[label] = next((style for style in turns if style not in taken), _turned(slot, 0))
        taken.add(found[label])
    return found


def _turned(slot: int, turn: int) -> Style:
    """The colour of a slot with another marker and line at each turn, beyond the last colour too."""
    turned = slot + slot // len(COLORS) + turn
    line = turned + turn // len(MARKERS)
    return Style(COLORS[slot % len(COLORS)], MARKERS[turned % len(MARKERS)], LINES[line % len(LINES)])


def _free(cell: str, taken: set[int]) -> int:
    """A slot by the name of a cell: the next that is free, of the package's cells' where their own are all taken."""
    start = zlib.crc32(cell.encode())
    order = [OWN[(start + step) % len(OWN)] for step in range(len(OWN))]
    order += [slot for slot in sorted(CELLS.values()) if slot not in order]
    return next((slot for slot in order if slot not in taken), order[0])


def _cell(label: str) -> str:
    """The cell with which a label begins; empty where it begins with a setting."""
    first = label.split(" ", 1)[0]
    return "" if SETTING.match(first) else first


def _natural(label: str) -> list[tuple[bool, float, str]]:
    """By which labels are sorted as their values are."""
    parts = re.split(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)", label)
    return [(index % 2 == 1, float(part) if index % 2 else 0.0, part) for index, part in enumerate(parts)]
