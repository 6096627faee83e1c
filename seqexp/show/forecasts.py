"""The figure of what all cells of a task predict: actual values, each cell's mean prediction and band over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqexp.show.figures import (
    DEFAULT,
    Array,
    Axes,
    Figure,
    Page,
    drawable,
    grid,
    legend_across,
    legend_height,
    plain,
    style_of,
)
from seqexp.show.periods import steps

MOST_LINES = 6
"""Cells in one panel; bands of more hide each other."""

MOST_STEPS = 150
"""Of a longer series, so many are drawn: its first ones."""


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """What one row predicts: (N,) each.

    Attributes:
        label: what is called so has one colour in all panels.
        mean: mean over its seeds.
        low: lower edge of the band, in which 95 % of the seeds' predictions lie.
        high: upper edge.
    """

    label: str
    mean: Array
    low: Array
    high: Array


@dataclass(frozen=True, kw_only=True)
class ForecastPanel:
    """One data set.

    Attributes:
        title: its name.
        is_forecast: whether `actual` is a series in the order of time; otherwise it is what was to be predicted, from
            small to large, and the rows are the means at about these values.
        actual: (N,) what was to be predicted.
        rows: what each row predicts.
        count: how many rows there are; more than are given where not all are drawn.
        folds: test periods, one behind the other with NaN between them, each predicted by its own seeds; 1 where all
            seeds predict one series.
        is_cut: only the start of each of these periods is given.
        value: what is predicted; of several targets it is the first.
        left_out: what is said of rows of which some seeds are not drawn, as they diverged, have another series or no
            file; empty texts say nothing.
    """

    title: str
    is_forecast: bool
    actual: Array
    rows: Sequence[Predicted]
    count: int
    left_out: Sequence[str] = ()
    folds: int = 1
    value: str = "value"
    is_cut: bool = False


def forecasts(panels: Sequence[ForecastPanel], labels: Sequence[str], page: Page = DEFAULT) -> Figure:
    """Predictions of all cells against the actual values; a panel per data set.

    Args:
        panels: the data sets.
        labels: all labels of the comparison, in the order of their styles.
        page: what it is drawn for.
    """
    shown, _, _ = page.arranged(panels)
    columns = 1 if page.narrow or any(panel.is_forecast for panel in shown) or len(shown) < 2 else 2
    lines = max(1, math.ceil(len(shown) / columns))
    names = ["actual", *dict.fromkeys(row.label for panel in shown for row in panel.rows)]
    high = lines * (2.1 if page.narrow else 2.6) + 0.4 + legend_height(names, page)
    page = page.sized(8.4 if columns == 1 else 9.2)
    left_out = [
        page.lines(f"drawn of {panel.title}: {', '.join(filter(None, panel.left_out))}", 1.1)
        for panel in shown
        if any(panel.left_out)
    ]
    figure = page.figure(high + 0.17 * sum(said.count("\n") + 1 for said in left_out))
    handles: dict[str, Any] = {}
    for index, panel in enumerate(shown):
        axes = figure.add_subplot(lines, columns, index + 1)
        handles = {**_draw(axes, panel, labels, page, 1 / columns), **handles}
    key = "lines: mean over seeds; bands: 95 % of the seeds"
    figure.supxlabel("\n".join([page.even(key, 1.15), *left_out]), fontsize="small")
    legend_across(figure, {name: handles[name] for name in names if name in handles}, page, "upper")
    return figure


def _draw(axes: Axes, panel: ForecastPanel, labels: Sequence[str], page: Page, share: float) -> dict[str, Any]:
    """Draws one panel, and returns name -> line for the legend."""
    drawn = slice(MOST_STEPS if panel.is_forecast and panel.folds == 1 else None)
    actual = drawable(panel.actual[drawn].astype(np.float64))
    x = steps(actual) if panel.is_forecast else actual
    handles = {"actual": axes.plot(x, actual, color="black", lw=1.3, zorder=3)[0]}
    for row in panel.rows:
        color, marker, line = style_of(row.label, labels)
        mean, low, high = (drawable(each[drawn].astype(np.float64)) for each in (row.mean, row.low, row.high))
        axes.fill_between(x, low, high, color=color, alpha=0.2, lw=0)
        every = max(1, len(x) // 12)
        handles[row.label] = axes.plot(
            x, mean, color=color, ls=line, lw=1.5, marker=marker, ms=4, markevery=every, zorder=4
        )[0]
    more = f" ({len(panel.rows)} of {panel.count} drawn)" * (len(panel.rows) < panel.count)
    where = "time step (test split of the first seed's series)"
    if panel.folds > 1:
        start = "starts of the" if panel.is_cut else "the"
        where = f"time step ({start} test periods of {panel.folds} folds, each predicted by its own seeds)"
    elif not panel.is_forecast:
        where = "actual value (means of ranges)"
    axes.set(
        title=page.lines(plain(panel.title) + more, 0.75 * share),
        xlabel=page.even(where, 0.7 * share),
        ylabel=plain(panel.value) if panel.is_forecast else f"predicted {plain(panel.value)}",
    )
    axes.margins(x=0.01)
    grid(axes)
    return handles
