"""Arrays in, matplotlib Figure out. No pyplot, no global state; nothing is written here.

Colours are Okabe and Ito's, which colour-blind readers tell apart; marker and line style differ as well,
so that a grey print says the same.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from seqexp.show import text
from seqexp.show.styles import COLORS, LINES, MARKERS, style_of

__all__ = [
    "COLORS",
    "DEFAULT",
    "LINES",
    "MARKERS",
    "MOST_PANELS",
    "MOST_POINTS",
    "Array",
    "Axes",
    "Figure",
    "Kind",
    "Page",
    "agreement",
    "drawable",
    "encode",
    "forecast",
    "grid",
    "is_wide",
    "laid_out",
    "legend_columns",
    "log_axis",
    "plain",
    "quietly",
    "style_of",
]

Array = npt.NDArray[np.floating[Any]]

Kind = Literal["png", "svg", "pdf"]
Panel = TypeVar("Panel")

MOST_PANELS = 12
MOST_POINTS = 2_000  # beyond, points become pixels in an SVG
LONGEST_LABEL = 80
_LETTER = 0.55  # mean width of a letter, in font sizes
_NARROW = 6.0  # inches in which two panels do not stand side by side
_DRAWN = (1e-100, 1e100)  # between them lies what matplotlib can scale
_LOG_SPREAD = 4.0


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

    @property
    def scale(self) -> float:
        """How large letters are, and so lines of them, compared with 10 points."""
        return (self.font or 10.0) / 10.0

    def figure(self, width: float, height: float) -> Figure:
        """An empty figure.

        Args:
            width: in inches, where the page does not say.
            height: of what is drawn with letters of 10 points.
        """
        return Figure(figsize=(self.width or width, height * max(0.8, self.scale)), layout="constrained")

    def letters(self, share: float = 1.0) -> int:
        """How many letters a share of the page is wide."""
        return max(8, int((self.width or 9.0) * share * 7.2 / (_LETTER * self.scale)))

    def wrapped(self, name: str, share: float = 1.0) -> str:
        """A name as a figure shows it, in as many lines as a share of the page asks for; one line where it is free."""
        return self.lines(plain(name), share)

    def lines(self, said: str, share: float = 1.0) -> str:
        """A sentence in as many lines; broken between words, and a longer word after one of =,/."""
        if self.width is None:
            return said
        lines, most = [""], self.letters(share)
        for word in re.split(r"(?<=[ \n])(?=\S)", said):
            for piece in [word] if len(word.rstrip()) <= most else re.split(r"(?<=[=,/])(?=\S)", word):
                if lines[-1] and (len(lines[-1]) + len(piece.rstrip()) > most or lines[-1].endswith("\n")):
                    lines.append("")
                lines[-1] += piece
        return "\n".join(map(str.rstrip, lines))

    def room(self, names: Iterable[str]) -> float:
        """The height in inches of rows that are called so, each at least as high as its points need."""
        return sum(max(0.42, 0.19 * (name.count("\n") + 1)) for name in names)

    @contextmanager
    def letters_of_its_size(self) -> Iterator[None]:
        """Figures that are built within have letters of the page's size."""
        with mpl.rc_context({"font.size": self.font or 10.0}):
            yield


DEFAULT = Page()


def forecast(target: Array, mean: Array, low: Array, high: Array, persistence: Array | None, title: str) -> Figure:
    """A run's forecast over time.

    Args:
        target: (N,) what was to be predicted.
        mean: (N,) mean prediction over seeds.
        low: (N,) lower edge of the band over seeds.
        high: (N,) upper edge.
        persistence: (N,) the last value seen, None where it has no meaning.
        title: above the axes.
    """
    figure = Figure(figsize=(8.4, 3.8), layout="constrained")
    axes = figure.add_subplot()
    steps = np.arange(len(target))
    axes.plot(steps, target, color="black", lw=1.2, label="target")
    axes.fill_between(steps, low, high, color=COLORS[0], alpha=0.25, lw=0, label="band over seeds")
    axes.plot(steps, mean, color=COLORS[0], lw=1.4, ls="--", label="mean prediction")
    if persistence is not None:
        axes.plot(steps, persistence, color=COLORS[1], lw=0.9, ls=":", label="persistence")
    axes.set(title=plain(title), xlabel="time step", ylabel="value")
    axes.margins(x=0.01)
    grid(axes)
    figure.legend(loc="outside lower center", ncols=4)
    return figure


def agreement(target: Array, prediction: Array, title: str = "") -> Figure:
    """Predicted against actual values, for tasks that are no forecast.

    Args:
        target: (S, N) what was to be predicted.
        prediction: (S, N) what was.
        title: above the axes.
    """
    figure = Figure(figsize=(4.8, 5.0), layout="constrained")
    axes = figure.add_subplot()
    ends = [float(np.nanmin([target, prediction])), float(np.nanmax([target, prediction]))]
    axes.plot(ends, ends, color="black", lw=1, ls="--", zorder=3, label="prediction = target")
    many = target.size > MOST_POINTS
    label = f"one test value ({target.shape[0]} seed{'s' * (target.shape[0] > 1)})"
    points = axes.plot(target.ravel(), prediction.ravel(), "o", color=COLORS[0], mew=0, label=label)[0]
    points.set(markersize=3 if many else 4, alpha=0.25 if many else 0.5, rasterized=many)
    axes.set(title=plain(title), xlabel="target (value)", ylabel="prediction (value)")
    axes.set_aspect("equal", adjustable="datalim")
    grid(axes)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def encode(figure: Figure, kind: Kind) -> bytes:
    """The figure as the bytes of a file; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    metadata: dict[str, Any] = {{"svg": "Date", "pdf": "CreationDate", "png": "Software"}[kind]: None}
    with mpl.rc_context({"svg.hashsalt": "seqexp", "pdf.fonttype": 42}), quietly():
        figure.savefig(buffer, format=kind, dpi=150, metadata=metadata)
    return buffer.getvalue()


def laid_out(figure: Figure) -> Figure:
    """The same figure, whose words and axes have their places; otherwise each file that is made of it seeks them."""
    with quietly():
        figure.draw_without_rendering()
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


def legend_columns(labels: Iterable[str], page: Page = DEFAULT, panels: int = 2) -> int:
    """How many columns a legend across the page has, below so many panels side by side."""
    longest = max(map(len, labels), default=0)
    if page.width is not None:
        return min(4, max(1, page.letters() // (longest + 6)))
    return max(1, (4 if longest < 16 else 2 if longest < 48 else 1) * panels // 2)


def is_wide(values: Array) -> bool:
    """Whether values ask for a log axis."""
    return values.size > 0 and bool(values.min() > 0 and values.max() / values.min() > _LOG_SPREAD)


def log_axis(axes: Axes, which: Literal["x", "y"]) -> None:
    """A log axis whose few labels are plain numbers where it can be, and never collide."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axes.set(**{f"{which}scale": "log"})
    low, high = sorted(axis.get_view_interval())
    if low > 0 and high / low < 30 and 1e-4 < low < high < 1e5:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def grid(axes: Axes, axis: Literal["both", "x", "y"] = "both") -> None:
    """Draws a pale grid behind everything, and no box."""
    axes.grid(True, axis=axis, color="0.9", lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=mpl.rcParams["font.size"])  # also of ticks that come when the figure is drawn
    axes.spines[["top", "right"]].set_visible(False)
