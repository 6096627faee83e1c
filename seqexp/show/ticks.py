"""Which numbers stand at an axis: as many as there is room for, so that no two of them touch, and plain ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import XAxis
from matplotlib.ticker import AutoLocator, Formatter, Locator, MaxNLocator, NullFormatter

_DIGIT = 0.65  # width of a digit, in font sizes
_GAP = 0.8  # between two numbers side by side, in font sizes
_LINE = 2.0  # from one number to that below it, in font sizes
_MOST = 8
_MOST_DECADES = 5
_PLAIN = (0.99e-4, 0.99e6)  # between them numbers are written out
_WITHIN = ((1.0, 2.0, 3.0, 4.0, 6.0, 8.0), (1.0, 2.0, 5.0), (1.0, 3.0), (1.0,))  # of a decade, dense to sparse
_WITHIN_ONE = ((2.0, 4.0, 8.0), (3.0, 8.0))  # where that is less than two numbers


class Few(MaxNLocator):
    """Places on a linear axis, as many as there is room for their numbers."""

    def __init__(self) -> None:
        self.most = _MOST
        self._asked: Any = None
        self._found: Any = None
        self.size = float(mpl.rcParams["font.size"])
        super().__init__(nbins=_MOST, steps=[1, 2, 2.5, 5, 10], min_n_ticks=1)

    def set_params(self, **params: Any) -> None:
        """As of its base class; `nbins` is the most that there are, however much room there is."""
        self.most = params.get("nbins", self.most)
        super().set_params(**params)

    def __call__(self) -> Any:
        """The places between the ends of the axis."""
        axis: Any = self.axis
        low, high = sorted(axis.get_view_interval())
        asked = low, high, self.most, *axis.axes.bbox.bounds
        if asked == self._asked:
            return self._found
        found: Any = []
        for count in range(self.most, 0, -1):
            super().set_params(nbins=count)
            found = self.tick_values(low, high)
            seen = [value for value in found if low <= value <= high]
            places = [(value - low) / (high - low) for value in seen]
            if _have_room(axis, places, axis.get_major_formatter().format_ticks(seen), self.size):
                break
        self._asked, self._found = asked, found  # drawing asks often
        return found


class Decades(Locator):
    """Places on a log axis, of which a few have room for their numbers: 1, 2 and 5 of a decade, 1 and 3, or powers."""

    def __init__(self) -> None:
        self.size = float(mpl.rcParams["font.size"])

    def __call__(self) -> Any:
        """The places between the ends of the axis."""
        axis: Any = self.axis
        low, high = sorted(axis.get_view_interval())
        return self.tick_values(low, high)

    def tick_values(self, vmin: float, vmax: float) -> Any:
        """The places between two ends."""
        if not (0 < vmin < vmax < math.inf):
            return []
        decades = range(math.floor(math.log10(vmin)), math.ceil(math.log10(vmax)) + 1)
        choices = [[of * 10.0**power for power in decades for of in within] for within in _WITHIN]
        choices += [[10.0**power for power in decades if power % of == 0] for of in range(2, len(decades) + 1)]
        choices += [[of * 10.0**power for power in decades for of in within] for within in _WITHIN_ONE]
        inside = [[value for value in values if vmin <= value <= vmax] for values in choices]
        fitting = [values for values in inside if values and self._fits(values, vmin, vmax)]
        return next((values for values in fitting if len(values) > 1), fitting[0] if fitting else [])

    def _fits(self, values: Sequence[float], low: float, high: float) -> bool:
        places = [math.log(value / low) / math.log(high / low) for value in values]
        return len(values) <= _MOST_DECADES and _have_room(self.axis, places, numbers(values), self.size)


class Numbers(Formatter):
    """Numbers of a log axis, written out, or all as powers of ten where they are very small or large."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """The number x alone."""
        return numbers([x])[0]

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """All numbers of the axis."""
        return numbers(values)


def numbers(values: Sequence[float]) -> list[str]:
    """How numbers of one log axis are written."""
    if all(_PLAIN[0] < value < _PLAIN[1] for value in values):
        return [f"{value:g}" for value in values]
    powers = [round(math.log10(value)) for value in values]
    if all(math.isclose(value, 10.0**power) for value, power in zip(values, powers, strict=True)):
        return [f"$\\mathdefault{{10^{{{power}}}}}$" for power in powers]
    return [f"{mantissa}e{int(power)}" for mantissa, power in (f"{value:.0e}".split("e") for value in values)]


def log_axis(axes: Axes, which: Literal["x", "y"]) -> None:
    """A log axis whose few numbers are plain where they can be, and never touch."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axes.set(**{f"{which}scale": "log"})
    axis.set_major_locator(Decades())
    axis.set_major_formatter(Numbers())
    axis.set_minor_formatter(NullFormatter())


def spread(axes: Axes) -> None:
    """Gives linear axes, whose places nobody chose, as many numbers as they have room for."""
    for axis in (axes.xaxis, axes.yaxis):
        if type(axis.get_major_locator()) is AutoLocator:
            axis.set_major_locator(Few())


def _have_room(axis: Any, places: Sequence[float], labels: Sequence[str], size: float) -> bool:
    """Whether labels at places from 0 to 1 of an axis stay apart."""
    box = axis.axes.bbox
    is_level = isinstance(axis, XAxis)
    length = (box.width if is_level else box.height) * 72.0 / axis.axes.get_figure().dpi / size  # in font sizes
    widths = np.array([_DIGIT * _letters(label) for label in labels])
    apart = np.diff(places) * length
    needed = (widths[1:] + widths[:-1]) / 2 + _GAP if is_level else np.full(len(apart), _LINE)
    return bool((apart >= needed).all())


def _letters(label: str) -> float:
    """How many digits wide a label is; a power's exponent is smaller."""
    if not label.startswith("$"):
        return float(len(label))
    return 2 + 0.7 * len(label.partition("^{")[2].rstrip("}$"))
