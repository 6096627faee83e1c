"""States as circles, transitions as arrows."""

from __future__ import annotations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from seqexp.show.diagrams import Arrow, Diagram
from seqexp.show.lines import draw_panels


def test_states_of_a_large_automaton_do_not_touch() -> None:
    states = [str(index % 2) for index in range(24)]
    diagram = Diagram(title="", of="rnn", states=states, arrows=[Arrow(0, 0, list("abcd"), True)])
    figure = draw_panels([diagram])
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    (axes,) = figure.axes
    circles = [text.get_bbox_patch().get_window_extent() for text in axes.texts if text.get_text() in ("0", "1")]  # type: ignore[union-attr]
    centres = np.array([((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2) for box in circles])
    apart = np.linalg.norm(centres[1:] - centres[:-1], axis=1).min()
    assert max(box.width for box in circles) < apart


def test_symbols_where_arrows_cross_do_not_touch() -> None:
    arrows = [Arrow(start, end, ["+-", "0+"], True) for start in range(4) for end in range(4)]
    figure = draw_panels([Diagram(title="", of="rnn", states=list("0123"), arrows=arrows, begins=[["00"], ["++"]])])
    FigureCanvasAgg(figure).draw()
    (axes,) = figure.axes
    boxes = [text.get_window_extent() for text in axes.texts if text.get_text() not in ("", *"0123")]
    assert len(boxes) == 16 + 2
    assert not any(one.overlaps(other) for index, one in enumerate(boxes) for other in boxes[:index])
