"""A figure of several panels for a page that shows it narrow: one below the other. Figure in, the same Figure out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from seqexp.show.figures import Axes, Figure, wrap

if TYPE_CHECKING:
    from matplotlib.text import Text

WIDTH = 3.5
"""Inches, of which a page 350 pixels wide has 100 pixels each, so that letters of 10 points are 14 pixels high."""

DPI = 200
"""Twice as many dots, for screens with dense pixels and for whoever opens the picture."""

MOST = 16
"""Panels; a figure of more is left as it is."""

HIGHER = 0.72
"""How high a panel is, compared with the same in two columns of a page of 9 inches."""

HEIGHTS = (1.8, 2.7)
"""Inches of the lowest panel and of the highest."""

SQUARE = 3.4
"""Inches of a panel whose scales are tied to each other, such as a diagram."""

LINE = 0.19
"""Inches from one line of a legend to the next."""


def stacked(figure: Figure) -> Figure:
    """Puts the panels of a figure below each other, and breaks what is written at its new edges.

    The figure itself changes. One that has too many panels, or that is not laid out by constrained layout in a grid,
    stays as it is.

    Args:
        figure: what a diagnostic draws; of which no file has been made, as places from before would be in the way.
    """
    panels = [axes for axes in figure.axes if axes.get_subplotspec() is not None and _has_content(axes)]
    engine = figure.get_layout_engine()
    if not panels or len(panels) > MOST or engine is None or engine.adjust_compatible:
        return figure
    heights = [_height(axes, figure) for axes in panels]
    for axes in [axes for axes in figure.axes if axes.get_subplotspec() is not None and axes not in panels]:
        axes.remove()
    places = figure.add_gridspec(len(panels), 1, height_ratios=heights)
    for index, axes in enumerate(panels):
        _name_shared(axes)
        axes.set_subplotspec(places[index])
        inner = WIDTH - 0.7
        for text, size in ((axes.title, inner), (axes.xaxis.label, inner), (axes.yaxis.label, max(heights) - 0.5)):
            _broken(text, size)
    lines = _legends(figure)
    title = figure.get_suptitle()
    if title:
        _broken(figure.suptitle(title, fontsize="medium"), WIDTH)
    figure.set_size_inches(WIDTH, sum(heights) + LINE * lines + 0.5 * bool(title))
    figure.set_dpi(DPI)
    return figure


def _has_content(axes: Axes) -> bool:
    return bool(axes.axison or axes.texts)


def _height(axes: Axes, figure: Figure) -> float:
    """Of a panel, in inches: as high as it was for its width, within limits."""
    if axes.get_aspect() != "auto" and axes.get_adjustable() == "box":
        return SQUARE
    place = axes.get_subplotspec()
    rows = 1 if place is None else place.get_gridspec().nrows
    return min(max(HIGHER * figure.get_figheight() / rows, HEIGHTS[0]), HEIGHTS[1])


def _name_shared(axes: Axes) -> None:
    """Numbers and name of an axis that stood only at the first of several panels."""
    if axes.axison:
        axes.tick_params(labelleft=True, labelbottom=True)
    for each, kind in ((axes.get_shared_y_axes(), "y"), (axes.get_shared_x_axes(), "x")):
        names = [getattr(other, f"get_{kind}label")() for other in each.get_siblings(axes)]
        if not getattr(axes, f"get_{kind}label")() and any(names):
            axes.set(**{f"{kind}label": next(filter(None, names))})


def _broken(text: Text, inches: float) -> None:
    """Breaks a text into lines of so many inches; formulas are left whole."""
    said = text.get_text()
    if "$" not in said:
        words = " ".join(said.split("\n"))
        count = math.ceil(len(words) / _letters(text, inches))
        text.set_text(wrap(words, math.ceil(len(words) / count) + 3) if count > 1 else words)


def _letters(text: Text, inches: float) -> int:
    return max(8, math.floor(inches * 72 / (0.56 * float(text.get_fontsize()))))


def _legends(figure: Figure) -> int:
    """Makes the legends as narrow as the page; how many lines they have."""
    count = 0
    for legend in list(figure.legends):
        texts = legend.get_texts()
        if not texts:
            continue
        room = _letters(texts[0], WIDTH - 0.7)
        names = [wrap(text.get_text(), room) for text in texts]
        columns = 2 if max(map(len, names)) < room // 2 - 3 else 1
        handles: list[Any] = list(legend.legend_handles)
        legend.remove()
        figure.legend(handles, names, loc="outside lower center", ncols=columns, fontsize="small", handlelength=2.2)
        count += math.ceil(sum(name.count("\n") + 1 for name in names) / columns) + 1
    return count
