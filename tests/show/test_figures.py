"""What figures share: pages, lines of words, and bytes that repeat."""

from __future__ import annotations

import numpy as np
import pytest

from seqexp.show import figures, run


def draw_forecast() -> figures.Figure:
    wave = np.sin(np.arange(200) / 8)
    return run.forecast(wave, wave, wave - 0.1, wave + 0.1, np.roll(wave, 1), "lstm on sine", "lstm")


def test_axes_name_their_units() -> None:
    axes = draw_forecast().axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("time step", "value", "lstm on sine")
    flat = np.zeros(3)
    without = run.forecast(flat, flat, flat, flat, None, "", "rnn")
    assert len(without.axes[0].get_lines()) == 2


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_same_figure_same_bytes(kind: figures.Kind) -> None:
    assert figures.encode(draw_forecast(), kind) == figures.encode(draw_forecast(), kind)


def test_lines_are_broken_between_words_and_longer_ones_after_a_sign() -> None:
    page = figures.Page(3.4, 8.0)
    assert page.letters(0.4) == 22
    assert page.lines("lstm optimizer.lr=0.003", 0.4) == "lstm\noptimizer.lr=0.003"
    assert page.lines("my_own_long_key.of_the_cell=0.003 b", 0.4) == "my_own_long_key.of_the_cell=\n0.003 b"
    assert page.lines("one\ntwo", 0.4) == "one\ntwo"
    assert figures.DEFAULT.lines("a b " * 50) == "a b " * 50


def test_a_pdf_holds_its_fonts() -> None:
    with figures.Page(3.4, 8.0).letters_of_its_size():
        content = figures.encode(draw_forecast(), "pdf")
    assert content.startswith(b"%PDF")
    assert b"/FontFile2" in content  # TrueType, which journals ask for
    assert b"/Type3" not in content
