"""The figure of paired differences."""

from __future__ import annotations

import math

import numpy as np

from seqexp.show.differences import DifferenceLine, DifferencePanel, differences
from seqexp.show.figures import COLORS, DEFAULT, Figure, Page

RNG = np.random.default_rng(0)
NONE = np.zeros(0)


def line(first: str, second: str, level: float = 0.9, low: float = 0.85, high: float = 0.97) -> DifferenceLine:
    return DifferenceLine(first, second, level * np.exp(RNG.normal(0, 0.1, 20)), NONE, level, low, high)


def draw(*lines: DifferenceLine, by_ratio: bool = True, page: Page = DEFAULT, panels: int = 1) -> Figure:
    panel = DifferencePanel("sine data.noise=0.3", "MSE (squared units of the data)", by_ratio, lines)
    labels = list(dict.fromkeys(name for each in lines for name in (each.first, each.second)))
    with page.letters_of_its_size():
        return differences([panel] * panels, labels, page)


def test_each_seed_has_the_colour_of_the_lower_one_and_open_ends_reach_the_border() -> None:
    values = np.array([0.5, 0.8, 1.0, 1.2])
    (axes,) = draw(DifferenceLine("lstm", "rnn", values, np.array([2.0]), 0.9, 0.0, math.inf)).axes
    points = {each.get_color(): each.get_xdata() for each in axes.get_lines() if each.get_alpha() == 0.6}
    assert {color: list(found) for color, found in points.items()} == {
        COLORS[0]: [0.5, 0.8],
        COLORS[1]: [1.2],
        "0.5": [1.0],
    }
    (crosses,) = [each for each in axes.get_lines() if each.get_marker() == "x"]
    assert list(crosses.get_xdata()) == [2.0]
    (bar,) = [each for each in axes.get_lines() if each.get_linewidth() == 1.6]
    assert tuple(bar.get_xdata()) == axes.get_xlim()


def test_differences_are_around_0() -> None:
    (axes,) = draw(DifferenceLine("lstm", "rnn", np.array([-0.1, 0.2]), NONE, 0.05, -0.1, 0.2), by_ratio=False).axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["lstm\N{NO-BREAK SPACE}\N{MINUS SIGN} rnn"]
    assert axes.get_xscale() == "linear"
    assert axes.get_xlabel().replace("\n", " ") == "difference of the test MSE (squared units of the data)"
