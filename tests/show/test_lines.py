"""Panels of lines: what looks alike is alike."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from seqexp.diagnostic.lengths import spread
from seqexp.show.lines import Line, Panel, draw_panels
from seqexp.show.planes import Cloud, Plane
from seqexp.show.styles import LINES, THEORIES

X = np.arange(1.0, 5.0)


def panel(factor: float, ylabel: str) -> Panel:
    return Panel(title="", xlabel="k", ylabel=ylabel, lines=[Line.known("law", X, factor**X)])


def test_panels_of_one_quantity_reach_equally_far_and_others_do_not() -> None:
    planes = [
        Plane(title="", xlabel="re", ylabel="im", even=True, clouds=[Cloud(label="", x=X * far, y=X)]) for far in (1, 9)
    ]
    made = draw_panels([panel(2, "one"), panel(3, "one"), panel(4, "another"), *planes]).axes
    limits = [(*axes.get_xlim(), *axes.get_ylim()) for axes in made]
    assert limits[0] == limits[1] != limits[2]
    assert limits[0][3] > 3**4
    assert limits[3] == limits[4]
    assert limits[3][1] > 36


def test_only_what_is_known_is_dotted_and_a_second_quantity_keeps_the_marker_and_line_of_its_cell() -> None:
    assert not {*LINES} & {*THEORIES, ":"}
    assert all(max(dash[::2]) == 1 for _, dash in THEORIES)
    assert all(max(dash[1][::2]) > 1 for dash in LINES if isinstance(dash, tuple))
    values = np.ones((2, 4))
    lines = [Line.over_seeds(f"gru {turn}", X, values, of="gru", turn=turn) for turn in range(3)]
    drawn = draw_panels([Panel(title="", xlabel="", ylabel="", lines=lines)]).axes[0].get_lines()
    assert {(each.get_marker(), each.get_linestyle()) for each in drawn} == {("^", "-.")}
    assert len({each.get_fillstyle() for each in drawn}) == len({each.get_color() for each in drawn}) == 3


def test_on_a_logarithmic_axis_intervals_are_positive_and_no_mean_is_one_of_survivors() -> None:
    values = np.array([[1, 1e-3, 1e-6, 1e-9], [1, 1e-1, np.nan, 0], [np.nan] * 4])
    line = Line.over_seeds("rnn", X, values, logs=True)
    np.testing.assert_allclose(line.mean, [1, 1e-2, np.nan, np.nan])
    np.testing.assert_allclose(line.low[:2] * line.high[:2], [1, 1e-4])
    assert (line.low[:2] > 0).all()
    assert spread([values[:1]])
    assert not spread([values])


def bounded(*lines: Line) -> Panel:
    return Panel(title="", xlabel="", ylabel="", lines=lines, limits=(0, None))


def test_each_law_of_a_figure_has_a_line_of_its_own() -> None:
    first, second = Line.known("half", X, X / X), Line.known("bound", X, X)
    figure = draw_panels([bounded(first), bounded(second), bounded(second)])
    dashes = [axes.lines[0]._dash_pattern for axes in figure.axes]  # type: ignore[attr-defined]
    assert dashes[0] != dashes[1] == dashes[2]


def test_markers_at_the_top_are_whole_and_the_last_panel_takes_the_room_beside_it() -> None:
    line = Line(label="rnn", x=X, mean=np.array([3.0, 3.0, 3.0, 4.0]), low=np.full(4, np.nan), high=np.full(4, np.nan))
    figure = draw_panels([bounded(line)] * 3)
    assert [axes.get_ylim() for axes in figure.axes] == [(0.0, 4.2)] * 3
    FigureCanvasAgg(figure).draw()
    first, second, last = (axes.get_window_extent() for axes in figure.axes)
    assert math.isclose(last.x0, first.x0, abs_tol=2)
    assert math.isclose(last.x1, second.x1, abs_tol=2)
