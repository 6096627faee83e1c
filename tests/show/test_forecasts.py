"""The figure of forecasts: what it shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seqexp.show.forecasts import MOST_STEPS, ForecastPanel, Predicted, forecasts

WAVE = np.sin(np.arange(200) / 8)


def panel(title: str, is_forecast: bool, cells: list[str]) -> ForecastPanel:
    actual = WAVE if is_forecast else np.linspace(-9, 9, 24)
    rows = [Predicted(label=name, mean=0.9 * actual, low=0.8 * actual, high=actual) for name in cells]
    return ForecastPanel(title=title, is_forecast=is_forecast, actual=actual, rows=rows, count=len(cells))


def test_what_is_left_out_is_said() -> None:
    shown = replace(panel("sine", True, ["rnn"]), left_out=["", "lstm 0 of 3 seeds"])
    figure = forecasts([shown], ["lstm", "rnn"])
    assert figure.get_supxlabel().splitlines()[-1] == "drawn of sine: lstm 0 of 3 seeds"


def test_actual_values_and_a_line_and_band_for_each_cell() -> None:
    figure = forecasts([panel("sine", True, ["rnn", "lstm"])], ["lstm", "rnn"])
    actual, rnn, lstm = figure.axes[0].get_lines()
    assert np.asarray(actual.get_ydata()) == pytest.approx(WAVE[:MOST_STEPS])
    assert np.asarray(rnn.get_ydata()) == pytest.approx(0.9 * WAVE[:MOST_STEPS])
    assert rnn.get_color() != lstm.get_color()
    assert len(figure.axes[0].collections) == 2
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["actual", "rnn", "lstm"]
