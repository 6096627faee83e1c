"""All pictures of a sweep and of a run at three sizes: no two texts overlap, and none leaves the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pytest

from seqexp.show import run, small
from seqexp.show.comparison import ScorePanel, comparison
from seqexp.show.curves import Curve, CurvePanel, learning_curves
from seqexp.show.differences import DifferenceLine, DifferencePanel, differences
from seqexp.show.figures import Figure, Page
from seqexp.show.forecasts import ForecastPanel, Predicted, forecasts

MSE = "MSE (squared units of the data)"
NONE = np.zeros(0)
PAGES = {"default": Page(), "column": Page(3.4, 8.0), "across": Page(7.0)}
LONG = "a_recurrent_cell_of_my_own optimizer.weight_decay=0.00001 cell"
"""Of 60 letters, with what is put behind it."""


@dataclass
class Sweep:
    """What a made-up sweep found: of each data set the level of each row's scores.

    Attributes:
        levels: data set -> row -> mean score; NaN where it diverged.
        baselines: data set -> baseline -> score.
        num_seeds: of each row.
    """

    levels: dict[str, dict[str, float]]
    baselines: dict[str, dict[str, float]]
    num_seeds: int = 10

    @property
    def labels(self) -> list[str]:
        return list(dict.fromkeys(label for rows in self.levels.values() for label in rows))

    def scores(self) -> list[ScorePanel]:
        spread = np.linspace(0.92, 1.09, self.num_seeds) if self.num_seeds > 1 else np.ones(1)
        ends = np.array([1.0, 0.95, 1.06]) if self.num_seeds > 1 else np.array([1.0, np.nan, np.nan])
        return [
            ScorePanel(
                title=title,
                score=MSE,
                labels=list(rows),
                scores=[level * spread for level in rows.values()],
                intervals=np.array([level * ends for level in rows.values()]),
                baselines=self.baselines[title],
            )
            for title, rows in self.levels.items()
        ]

    def curves(self) -> list[CurvePanel]:
        epochs = np.arange(1.0, 31)
        course = 1 + 20 * np.exp(-epochs / 5)
        return [
            CurvePanel(
                title=title,
                score=f"validation {MSE}",
                curves=[
                    Curve(
                        label=label,
                        epochs=epochs,
                        seconds=0.21 * epochs,
                        mean=level * course,
                        low=0.9 * level * course,
                        high=1.1 * level * course,
                    )
                    for label, level in rows.items()
                    if np.isfinite(level)
                ],
            )
            for title, rows in self.levels.items()
        ]

    def differences(self) -> list[DifferencePanel]:
        spread = np.linspace(0.9, 1.12, self.num_seeds)
        found = []
        for title, rows in self.levels.items():
            lines = []
            for first, second in combinations(rows, 2):
                ratio = rows[first] / rows[second]
                lines.append(DifferenceLine(first, second, ratio * spread, NONE, ratio, 0.9 * ratio, 1.1 * ratio))
            found.append(DifferencePanel(title, MSE, True, lines))
        return [panel for panel in found if panel.lines]

    def forecasts(self) -> list[ForecastPanel]:
        found = []
        for index, (title, rows) in enumerate(self.levels.items()):
            actual = np.sin(np.arange(200) / 8) if index % 2 == 0 else np.linspace(-9, 9, 24)
            known = [label for label, level in rows.items() if np.isfinite(level)]
            drawn = [Predicted(label=label, mean=0.9 * actual, low=0.8 * actual, high=actual) for label in known]
            panel = ForecastPanel(
                title=title,
                is_forecast=index % 2 == 0,
                actual=actual,
                rows=drawn,
                count=len(rows),
                left_out=[f"{known[0]} 3 of 10 seeds"] if known else [],
            )
            found += [panel] if known else []
        return found


SINE = {"constant": 0.5301, "persistence": 0.0196, "linear": 0.0117, "noise": 0.01}
SUM = {"constant": 13.2, "linear": 1.2e-12}
CELLS = ("rnn", "lstm", "gru", "mgu", "my_cell")
SWEEPS = {
    "two cells on two tasks": Sweep(
        {"sine": {"rnn": 0.0122, "lstm": 0.0129}, "sum": {"rnn": 0.31, "lstm": 0.0823}}, {"sine": SINE, "sum": SUM}
    ),
    "five cells": Sweep({"sine": {cell: 0.0102 + 0.0011 * i for i, cell in enumerate(CELLS)}}, {"sine": SINE}),
    "noise": Sweep(
        {f"sine data.noise={noise}": {"rnn": 1.13 * noise**2, "lstm": 1.21 * noise**2} for noise in (0.05, 0.1, 0.3)},
        {
            f"sine data.noise={noise}": {**SINE, "linear": 1.16 * noise**2, "noise": noise**2}
            for noise in (0.05, 0.1, 0.3)
        },
    ),
    "noise as rows": Sweep(
        {"sine": {f"data.noise={noise}": 1.13 * noise**2 for noise in (0.05, 0.1, 0.3)}}, {"sine": SINE}
    ),
    "wide": Sweep({"sum": {"rnn": 2.1e3, "lstm": 3.3e-1, "gru": 2.2e-3}}, {"sum": {"constant": 13.2, "linear": 1e-12}}),
    "one seed": Sweep({"sine": {"rnn": 0.0122, "lstm": 0.0123}}, {"sine": SINE}, num_seeds=1),
    "all diverged": Sweep({"sine": {"rnn": np.nan, "lstm": np.nan}}, {"sine": SINE}),
    "long labels": Sweep(
        {
            title: {f"{LONG}={index}": 0.0122 + 0.001 * index for index in range(3)}
            for title in ("sine", "sum data.length=100")
        },
        {"sine": SINE, "sum data.length=100": {}},
    ),
}


def sized(kind: str, sweep: Sweep, page: Page) -> Figure | None:
    """One of the pictures of a sweep."""
    labels = sweep.labels
    with page.letters_of_its_size():
        if kind == "comparison":
            return comparison(sweep.scores(), labels, page)
        if kind == "curves":
            return learning_curves(sweep.curves(), labels, page)
        if kind == "differences":
            return differences(sweep.differences(), labels, page)
        panels = sweep.forecasts()
        return forecasts(panels, labels, page) if panels else None


@pytest.mark.parametrize("name", SWEEPS)
@pytest.mark.parametrize("size", PAGES)
def test_pictures_of_a_sweep(name: str, size: str, check_texts: Callable[[Figure], None]) -> None:
    page = PAGES[size]
    for kind in ("comparison", "curves", "differences", "forecasts"):
        figure = sized(kind, SWEEPS[name], page)
        if figure is not None:
            check_texts(figure)
            width, height = figure.get_size_inches()
            assert width == page.width if page.width else width < 11
            assert height < 10.5, f"{kind} is higher than a sheet of paper"


@pytest.mark.parametrize("name", SWEEPS)
def test_small_pictures_of_a_sweep(name: str, check_texts: Callable[..., None]) -> None:
    sweep = SWEEPS[name]
    for score in sweep.scores():
        check_texts(small.scores(score, sweep.labels, "linear"), least=small.LETTERS)
    for panel in sweep.curves():
        check_texts(small.curves(panel, sweep.labels), least=small.LETTERS)
    for difference in sweep.differences():
        check_texts(small.differences(difference, sweep.labels), least=small.LETTERS)
    for each in sweep.forecasts():
        check_texts(small.forecasts(each, sweep.labels), least=small.LETTERS)


@pytest.mark.parametrize("cell", ["lstm", LONG])
def test_pictures_of_a_run(cell: str, check_texts: Callable[..., None]) -> None:
    wave = np.sin(np.arange(300) / 8)
    title = f"{cell} on sine"
    check_texts(run.forecast(wave, wave, wave - 0.1, wave + 0.1, np.roll(wave, 1), title, cell))
    check_texts(run.agreement(1e4 * wave.reshape(2, 150), 1e4 * wave.reshape(2, 150), title, cell))
    ends = np.geomspace(1, 0.01, 30)[:, None] * np.array([1.0, 0.9, 1.1])
    check_texts(run.curves(title, MSE, {"training": ends, "validation": 1.2 * ends}, cell))
    check_texts(small.forecast(wave, wave, wave - 1, wave + 1, title, cell), least=small.LETTERS)
    check_texts(small.agreement(wave.reshape(2, 150), wave.reshape(2, 150), title, cell), least=small.LETTERS)
