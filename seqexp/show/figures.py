"""Arrays in, matplotlib Figure out. No pyplot, no global state; nothing is written here.

Colours are Okabe and Ito's, which colour-blind readers tell apart; marker and line style differ as well,
so that a grey print says the same.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seqexp.show import text

__all__ = [
    "COLORS",
    "KINDS",
    "LINES",
    "MARKERS",
    "MOST_POINTS",
    "Array",
    "Axes",
    "Figure",
    "Kind",
    "agreement",
    "drawable",
    "encode",
    "forecast",
    "grid",
    "is_wide",
    "legend_columns",
    "plain",
    "quietly",
    "style_of",
]

Array = npt.NDArray[np.floating[Any]]

Kind = Literal["png", "svg"]
KINDS: tuple[Kind, ...] = ("png", "svg")

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "os^Dv<>"
LINES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (8, 3)))

MOST_POINTS = 2_000  # beyond, points become pixels in an SVG
LONGEST_LABEL = 80
_DRAWN = (1e-100, 1e100)  # between them lies what matplotlib can scale
_LOG_SPREAD = 4.0


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
    metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {"Software": None}
    with mpl.rc_context({"svg.hashsalt": "seqexp"}), quietly():
        figure.savefig(buffer, format=kind, dpi=150, metadata=metadata)
    return buffer.getvalue()


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


def style_of(label: str, labels: Sequence[str]) -> tuple[str, str, Any]:
    """Colour, marker and line; beyond the last colour other markers and lines go with the first."""
    index = labels.index(label) if label in labels else 0
    turned = index + index // len(COLORS)
    return COLORS[index % len(COLORS)], MARKERS[turned % len(MARKERS)], LINES[turned % len(LINES)]


def legend_columns(labels: Iterable[str]) -> int:
    """How many columns a legend across the page has."""
    longest = max(map(len, labels), default=0)
    return 4 if longest < 16 else 2 if longest < 48 else 1


def is_wide(values: Array) -> bool:
    """Whether values ask for a log axis."""
    return values.size > 0 and bool(values.min() > 0 and values.max() / values.min() > _LOG_SPREAD)


def grid(axes: Axes, axis: Literal["both", "x", "y"] = "both") -> None:
    """Draws a pale grid behind everything, and no box."""
    axes.grid(True, axis=axis, color="0.9", lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
