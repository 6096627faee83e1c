"""Pictures of several panels on a page that shows them narrow."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from seqexp.show.diagrams import Arrow, Diagram
from seqexp.show.lines import Line, Panel, draw_lines, draw_panels
from seqexp.show.maps import Heat
from seqexp.show.planes import Cloud, Plane
from seqexp.show.stacked import MOST, WIDTH, stacked

X = np.arange(1.0, 20)
LAW = "a law that is known without any measurement, of which the name is rather long"


def line(label: str) -> Line:
    return Line.over_seeds(label, X, np.stack([X, 2 * X, 3 * X]))


def panel(title: str = "with which value does the prediction agree?", log: bool = False) -> Panel:
    lines = [line("lstm"), line("rnn"), Line.known(LAW, X, X)]
    where = "standard deviation of the noise, in those of the inputs"
    return Panel(title=title, xlabel=where, ylabel="score", lines=lines, log=log)


def mixed() -> Figure:
    heat = Heat(title="lstm: h", xlabel="step", ylabel="unit", values=np.eye(8), unit="h")
    named = Heat(
        title="correlation", xlabel="", ylabel="unit", values=np.eye(4), unit="r", columns=["state", "bit 1", "s", "t"]
    )
    cloud = Cloud(label="lstm, gate f", of="lstm", x=X, y=X)
    plane = Plane(title="after training", xlabel="real part", ylabel="imaginary part", clouds=[cloud], even=True)
    arrows = [Arrow(0, 1, ["a"], True), Arrow(1, 1, ["a", "b", "c"], False), Arrow(1, 2, ["b"], True)]
    diagram = Diagram(title="an automaton", of="rnn", states=["0", "1", "2"], arrows=arrows)
    return draw_panels([heat, named, plane, diagram, panel(log=True)], title=f"all kinds of panels: {LAW}")


@pytest.mark.parametrize("figure", [mixed(), draw_panels([panel(), panel()]), draw_panels([panel()])])
def test_panels_stand_below_each_other_and_no_word_leaves_the_page_or_meets_another(figure: Figure) -> None:
    names = {text.get_text() for text in figure.legends[0].get_texts()}
    count = len([axes for axes in figure.axes if axes.get_subplotspec() is not None])
    found = stacked(figure)
    canvas = FigureCanvasAgg(found)
    canvas.draw()
    panels = [axes for axes in found.axes if axes.get_subplotspec() is not None]
    assert len(panels) == count
    assert found.get_figwidth() == WIDTH
    boxes = [axes.get_window_extent() for axes in panels]
    assert all(above.y0 > below.y1 for above, below in pairwise(boxes))
    assert min(box.height for box in boxes) > 0.7 * found.dpi
    assert {text.get_text().replace("\n", " ") for text in found.legends[0].get_texts()} == names
    renderer = canvas.get_renderer()
    texts = [axes.title for axes in panels] + [axes.xaxis.label for axes in panels] + found.legends[0].get_texts()
    for text in [each for each in texts if each.get_text()]:
        box = text.get_window_extent(renderer)
        assert box.x0 > -1, text.get_text()
        assert box.x1 < found.bbox.width + 1, text.get_text()
        assert float(text.get_fontsize()) * found.dpi / 72 / 2 > 11, "on the page, which shows half as many pixels"
    shown = [axes.title.get_window_extent(renderer) for axes in panels]
    assert not any(a.overlaps(b) for a, b in combinations([*shown, *boxes], 2))


def test_an_axis_that_was_named_once_is_named_at_every_panel() -> None:
    found = stacked(draw_lines({"before": [line("rnn")], "after": [line("rnn")]}, "lag", "norm"))
    assert [axes.get_ylabel() for axes in found.axes] == ["norm", "norm"]
    FigureCanvasAgg(found).draw()
    assert all(any(label.get_text() for label in axes.get_yticklabels()) for axes in found.axes)


def test_what_cannot_be_stacked_stays_as_it_is() -> None:
    for figure in (draw_panels([panel()] * (MOST + 1)), Figure(figsize=(5, 4))):
        size = figure.get_size_inches().tolist()
        assert stacked(figure).get_size_inches().tolist() == size
