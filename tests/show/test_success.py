"""The figure of successes: steps up, a band, ticks where seeds end without success, and words that can be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from seqexp.show.figures import COLORS, Figure
from seqexp.show.success import SuccessLine, SuccessPanel, success
from seqexp.statistics.success import kaplan_meier

CELLS = ("gru", "lstm", "mgu", "rnn", "a", "b", "c", "d")


def line(label: str, num_solved: int) -> SuccessLine:
    solved = np.where(np.arange(10) < num_solved, 100.0 * np.arange(1, 11), np.inf)
    return SuccessLine(label, kaplan_meier(solved, np.full(10, 5000.0)), np.full(10 - num_solved, 5000.0), 5000)


def draw(labels: Sequence[str], num_panels: int = 1) -> Figure:
    lines = [line(label, index + 3) for index, label in enumerate(labels)]
    counts = {label: f"{index + 3} of 10" for index, label in enumerate(labels)}
    return success([SuccessPanel(f"adding data.length={index}", lines, counts) for index in range(num_panels)], CELLS)


@pytest.mark.parametrize(("rows", "panels"), [(2, 1), (3, 3), (8, 1)])
def test_every_word_can_be_read(rows: int, panels: int, check_texts: Callable[[Figure], None]) -> None:
    check_texts(draw(CELLS[:rows], panels))


def test_it_shows_the_share_to_the_end_of_training_in_the_rows_own_colour() -> None:
    cells = [line("lstm", 3), line("rnn", 10)]
    (axes,) = success([SuccessPanel("adding", cells, {})], CELLS).axes
    lstm, ticks, rnn, none = axes.lines
    assert (lstm.get_color(), rnn.get_color()) == (COLORS[0], COLORS[1])
    assert np.array(lstm.get_xdata()).tolist() == [0, 100, 200, 300, 5000, 5000]
    assert np.array(lstm.get_ydata()) == pytest.approx([0, 0.1, 0.2, 0.3, 0.3, 0.3])
    assert (np.array(rnn.get_xdata())[-1], np.array(rnn.get_ydata())[-1]) == (5000, 1)
    assert len(none.get_xdata()) == 0
    assert [*map(float, ticks.get_xdata()), *map(float, ticks.get_ydata())] == pytest.approx([5000, 0.3])
    assert len(axes.collections) == 2  # bands


def test_many_rows_have_no_bands_and_nobody_is_told_of_any() -> None:
    figure = draw(CELLS)
    assert not figure.axes[0].collections
    assert "bands" not in figure.get_suptitle()
    assert "bands" in draw(CELLS[:4]).get_suptitle()
