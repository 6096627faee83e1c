"""The figures: what they show, that labels neither overlap nor leave the page, and that bytes repeat."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from seqexp.show import figures

RNG = np.random.default_rng(0)


def draw_forecast() -> figures.Figure:
    wave = np.sin(np.arange(200) / 8)
    return figures.forecast(wave, wave, wave - 0.1, wave + 0.1, np.roll(wave, 1), "lstm on sine")


def draw_agreement() -> figures.Figure:
    target = RNG.normal(0, 4, (10, 300))
    return figures.agreement(target, target + RNG.normal(0, 1, target.shape), "lstm on sum")


@pytest.mark.parametrize("draw", [draw_forecast, draw_agreement])
def test_no_text_is_cut_or_overlaps(draw: Callable[[], figures.Figure], check_texts: Callable[..., None]) -> None:
    check_texts(draw())


def test_axes_name_their_units() -> None:
    axes = draw_forecast().axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("time step", "value", "lstm on sine")
    flat = np.zeros(3)
    without = figures.forecast(flat, flat, flat, flat, None, "")
    assert len(without.axes[0].get_lines()) == 2


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_same_figure_same_bytes(kind: figures.Kind) -> None:
    assert figures.encode(draw_forecast(), kind) == figures.encode(draw_forecast(), kind)
