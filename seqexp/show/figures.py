"""Arrays in, matplotlib Figure out. No pyplot, no global state; nothing is written here.

Colours are Okabe and Ito's, which colour-blind readers tell apart; marker and line style differ as well,
so that a grey print says the same.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure, FigureBase
from matplotlib.lines import Line2D

from seqexp.show import text
from seqexp.show.styles import COLORS, LINES, MARKERS, style_of
from seqexp.show.ticks import log_axis, spread

__all__ = [
    "COLORS",
    "DEFAULT",
    "LINES",
    "MARKERS",
    "MOST_PANELS",
    "MOST_POINTS",
    "WHITE",
    "Array",
    "Axes",
    "Figure",
    "Kind",
    "Line2D",
    "Page",
    "drawable",
    "encode",
    "grid",
    "is_wide",
    "laid_out",
    "legend_across",
    "legend_columns",
    "legend_height",
    "log_axis",
    "nothing",
    "plain",
    "quietly",
    "style_of",
    "with_room",
    "wrap",
]

Array = npt.NDArray[np.floating[Any]]

Kind = Literal["png", "svg", "pdf"]
Panel = TypeVar("Panel")

MOST_PANELS = 12
MOST_POINTS = 2_000  # beyond, points become pixels in an SVG
LONGEST_LABEL = 80
_LETTER = 0.55  # mean width of a letter, in font sizes
_WIDTH = 9.0  # inches, of a page that leaves it open
_NARROW = 6.0  # inches in which two panels do not stand side by side
_DRAWN = (1e-100, 1e100)  # between them lies what matplotlib can scale
_LOG_SPREAD = 4.0
_DPI = 150  # of files
_IN_LEGEND = 0.8  # part of a page that a name in its legend may have


WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
"""Behind words within axes."""


@dataclass(frozen=True)
class Page:
    """What a figure is drawn for.

    Attributes:
        width: in inches; None leaves each figure its own.
        font: size of the letters in points; None: 10.
        kinds: the files that are written.
    """

    width: float | None = None
    font: float | None = None
    kinds: tuple[Kind, ...] = ("png", "svg")

    @property
    def narrow(self) -> bool:
        """Whether panels stand below each other."""
        return self.width is not None and self.width < _NARROW

    def arranged(self, panels: Sequence[Panel]) -> tuple[Sequence[Panel], int, int]:
        """The panels that are drawn, how many of them stand beside each other, and in how many lines."""
        shown = panels[:MOST_PANELS]
        columns = 1 if len(shown) < 2 or self.narrow else 2
        return shown, columns, max(1, math.ceil(len(shown) / columns))

    def sized(self, width: float) -> Page:
        """The same page, whose width is known."""
        return self if self.width is not None else replace(self, width=width)

    @property
    def scale(self) -> float:
        """How large letters are, and so lines of them, compared with 10 points."""
        return (self.font or 10.0) / 10.0

    def figure(self, height: float) -> Figure:
        """An empty figure.

        Args:
            height: in inches, of what is drawn with letters of 10 points.
        """
        return Figure(figsize=(self.width or _WIDTH, height * max(0.8, self.scale)), layout="constrained")

    def letters(self, share: float = 1.0) -> int:
        """How many letters a share of the page is wide."""
        return max(8, int((self.width or _WIDTH) * share * 7.2 / (_LETTER * self.scale)))

    def wrapped(self, name: str, share: float = 1.0) -> str:
        """A name as a figure shows it, in as many lines as a share of the page asks for; one line where it is free."""
        return self.lines(plain(name), share)

    def lines(self, said: str, share: float = 1.0) -> str:
        """A sentence in as many lines; broken between words, and a longer word after one of =,/."""
        return said if self.width is None else wrap(said, self.letters(share))

    def even(self, said: str, share: float = 1.0) -> str:
        """A sentence in as few lines as a share of the page allows, all about as long."""
        count = math.ceil(len(said) / self.letters(share))
        return said if self.width is None or count < 2 else wrap(said, math.ceil(len(said) / count) + 4)

    def score(self, name: str, share: float) -> str:
        """The name of an axis of scores in a share of the page: what is scored, if need be above its unit."""
        shown = plain(name)
        if self.width is None or len(shown) <= self.letters(share):
            return shown
        return "\n".join(self.even(part, share) for part in shown.replace(" (", "\n(", 1).split("\n"))

    @contextmanager
    def letters_of_its_size(self) -> Iterator[None]:
        """Figures that are built within have letters of the page's size."""
        with mpl.rc_context({"font.size": self.font or 10.0}):
            yield


DEFAULT = Page()


def encode(figure: Figure, kind: Kind) -> bytes:
    """The figure as the bytes of a file; the same figure gives the same bytes.

    Its canvas is asked directly: `savefig` draws everything once before, in vain.
    """
    buffer = io.BytesIO()
    metadata: dict[str, Any] = {{"svg": "Date", "pdf": "CreationDate", "png": "Software"}[kind]: None}
    dpi = figure.dpi
    with mpl.rc_context({"svg.hashsalt": "seqexp", "pdf.fonttype": 42}), quietly():
        figure.dpi = _DPI
        try:
            if kind == "png":
                FigureCanvasAgg(figure).print_png(buffer, metadata=metadata)
            elif kind == "svg":
                FigureCanvasSVG(figure).print_svg(buffer, metadata=metadata)
            else:
                figure.savefig(buffer, format=kind, dpi=_DPI, metadata=metadata)
        finally:
            figure.dpi = dpi
    return buffer.getvalue()


def laid_out(figure: Figure) -> Figure:
    """The same figure, whose words and axes have their places; otherwise each file that is made of it seeks them."""
    engine = figure.get_layout_engine()
    if engine is not None:
        with quietly():
            engine.execute(figure)
        figure.set_layout_engine("none")
    return figure


@contextmanager
def quietly() -> Iterator[None]:
    """Says nothing of letters that the font lacks, drawn as boxes, and of names that leave the axes too little room."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        warnings.filterwarnings("ignore", "constrained_layout not applied")
        yield


def drawable(values: Array) -> Array:
    """The same numbers: 0 for smaller ones than matplotlib can scale, NaN for larger ones."""
    sizes = np.abs(values)
    return np.where(sizes > _DRAWN[1], math.nan, np.where(sizes < _DRAWN[0], 0.0, values))


def plain(name: str) -> str:
    """A name as a figure shows it."""
    return text.label(name, LONGEST_LABEL)


def wrap(said: str, most: int) -> str:
    """A sentence in lines of so many letters; broken between words, and a longer word after one of =,/."""
    lines = [""]
    for word in re.split(r"(?<=[ \n])(?=\S)", said):
        for piece in [word] if len(word.rstrip()) <= most else re.split(r"(?<=[=,/])(?=\S)", word):
            if lines[-1] and (len(lines[-1]) + len(piece.rstrip()) > most or lines[-1].endswith("\n")):
                lines.append("")
            lines[-1] += piece
    return "\n".join(map(str.rstrip, lines))


def legend_columns(labels: Iterable[str], page: Page) -> int:
    """How many columns a legend across the page has."""
    longest = max((len(line) for label in labels for line in label.split("\n")), default=0)
    return min(6, max(1, page.letters() // (longest + 9)))


def legend_height(labels: Iterable[str], page: Page) -> float:
    """Inches that a legend across the page needs, with letters of 10 points."""
    names = [page.wrapped(label, _IN_LEGEND) for label in labels]
    columns = legend_columns(names, page)
    rows = math.ceil(len(names) / columns)  # filled column by column
    high = [max(name.count("\n") + 1 for name in names[row::rows]) for row in range(rows)]
    return 0.2 * sum(high) + 0.2 * bool(names)


def legend_across(
    figure: FigureBase, handles: Mapping[str, Any], page: Page, edge: Literal["lower", "upper"] = "lower"
) -> None:
    """Names lines across the page.

    Args:
        figure: where.
        handles: name -> line.
        page: what it is drawn for.
        edge: of the page.
    """
    if handles:
        names = [page.wrapped(label, _IN_LEGEND) for label in handles]
        columns = legend_columns(names, page)
        place: Any = f"outside {edge} center"
        figure.legend(list(handles.values()), names, loc=place, ncols=columns)


def is_wide(values: Array) -> bool:
    """Whether values ask for a log axis."""
    return values.size > 0 and bool(values.min() > 0 and values.max() / values.min() > _LOG_SPREAD)


def with_room(values: Array) -> tuple[float, float]:
    """The ends of a log axis on which positive values keep off the edges."""
    low, high = float(values.min()), float(values.max())
    room = max(1.3, (high / low) ** 0.05)
    return low / room, high * room


def nothing(axes: Axes, place: float, said: str) -> None:
    """Says at a place of the vertical axis, in the middle of the other, why nothing is drawn there."""
    look: dict[str, Any] = {"color": "0.35", "ha": "center", "va": "center", "fontsize": "small"}
    axes.text(0.5, place, said, transform=axes.get_yaxis_transform(), bbox=WHITE, **look)


def grid(axes: Axes, axis: Literal["both", "x", "y"] = "both") -> None:
    """Draws a pale grid behind everything, and no box; numbers stand apart."""
    spread(axes)
    axes.grid(True, axis=axis, color="0.9", lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=mpl.rcParams["font.size"])  # also of ticks that come when the figure is drawn
    axes.spines[["top", "right"]].set_visible(False)
