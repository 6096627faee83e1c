"""What the tests of figures share: that all words on a page can be read."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from seqexp.show.figures import Figure, quietly


@pytest.fixture
def check_texts() -> Callable[..., None]:
    """Sees that no text is cut by the page or overlaps another."""
    return check


def check(figure: Figure, least: float = 0.0) -> None:
    """Fails where a text is cut, overlaps another, or is smaller than so many points."""
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    with quietly():
        figure.draw_without_rendering()
    page = figure.bbox
    texts = drawn_texts(figure)
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts]
    assert len(boxes) > 2
    assert min(text.get_fontsize() for text in texts) >= least
    for name, box in boxes:
        outside = [page.x0 - box.x0, page.y0 - box.y0, box.x1 - page.x1, box.y1 - page.y1]
        assert max(outside) <= 1, f"{name!r} is cut"
    for (first, a), (second, b) in itertools.combinations(boxes, 2):
        width, height = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert width <= 1 or height <= 1, f"{first!r} overlaps {second!r}"


def drawn_texts(figure: Figure) -> list[Text]:
    """All texts on the page; an axis keeps tick labels outside its view, which are never drawn."""
    hidden: set[int] = set()
    texts = figure.findobj(Text)
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        current = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        shown = {id(tick.label1) for tick in current if low <= tick.get_loc() <= high}
        ticks = [*axis.majorTicks, *axis.minorTicks, *current]
        hidden |= {id(label) for tick in ticks for label in (tick.label1, tick.label2)} - shown
    return [
        text
        for text in texts
        if isinstance(text, Text) and text.get_visible() and text.get_text().strip() and id(text) not in hidden
    ]
