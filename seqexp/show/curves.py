"""The figure of learning curves: mean and band of each row, by epoch and by time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqexp.show.figures import (
    DEFAULT,
    MOST_PANELS,
    Array,
    Axes,
    Figure,
    Page,
    drawable,
    grid,
    is_wide,
    legend_across,
    legend_height,
    log_axis,
    nothing,
    plain,
    style_of,
    with_room,
)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One line of `learning_curves`: E epochs.

    Attributes:
        label: what is called so has one colour in all panels.
        epochs: (E,) which epochs, from 1.
        seconds: (E,) training time at the end of each epoch.
        mean: (E,) mean over seeds.
        low: (E,) lower edge of the band, NaN where there is none.
        high: (E,) upper edge.
    """

    label: str
    epochs: Array
    seconds: Array
    mean: Array
    low: Array
    high: Array


@dataclass(frozen=True, kw_only=True)
class CurvePanel:
    """One data set of `learning_curves`: its name, what is scored, with its unit, the curves, or why there are none."""

    title: str
    score: str
    curves: Sequence[Curve]
    empty: str = "no finite score"


def learning_curves(panels: Sequence[CurvePanel], labels: Sequence[str], page: Page = DEFAULT) -> Figure:
    """Scores against epoch (left) and seconds (right): mean over seeds with its interval as a band.

    Args:
        panels: the data sets.
        labels: all labels of the comparison, in the order of their styles.
        page: what it is drawn for.
    """
    shown = panels[:MOST_PANELS]
    used = list(dict.fromkeys(curve.label for panel in shown for curve in panel.curves))
    lines, each = max(1, len(shown)), 1.7 if page.narrow else 2.6
    high = lines * each + 0.5
    is_shared = lines > 1 and len({panel.score for panel in shown}) == 1  # one name for all vertical axes
    page = page.sized(9.2)
    figure = page.figure(high + legend_height(used, page))
    handles: dict[str, Any] = {}
    axes = figure.subplots(lines, 2, sharey="row", squeeze=False)
    for panel, (left, right) in zip(shown, axes, strict=False):
        for curve in panel.curves:
            style = style_of(curve.label, labels)
            handles[curve.label] = draw_curve(left, curve.epochs, curve, style)
            draw_curve(right, curve.seconds, curve, style)
        for side in (left, right):
            scale(side, [curve.mean for curve in panel.curves])
            grid(side)
            if not panel.curves:
                nothing(side, 0.5, panel.empty)
                side.set(xticks=[], yticks=[])
        if panel.curves:
            left.locator_params(axis="x", integer=True)
        left.set_title(page.wrapped(panel.title, 0.7), loc="left")
        if not is_shared:
            left.set_ylabel(_upright(panel.score, each, page))
    if is_shared:
        figure.supylabel(_upright(shown[0].score, high, page), fontsize="medium")
    for below, what in zip(axes[-1], ("epoch", "training time of all seeds (seconds)"), strict=True):
        below.set_xlabel(page.even(what, 0.42))
    legend_across(figure, handles, page)
    return figure


def _upright(score: str, inches: float, page: Page) -> str:
    """The name of a vertical axis, so high with letters of 10 points."""
    return page.score(score, 0.85 * inches * max(0.8, page.scale) / (page.width or inches))


def broken(score: str) -> str:
    """The name of a vertical axis, its unit in a line of its own."""
    return plain(score).replace(" (", "\n(", 1)


def draw_curve(axes: Axes, x: Array, curve: Curve, style: tuple[str, str, Any]) -> Any:
    """Draws a curve in a colour, marker and line over x, (E,), and returns its line."""
    color, marker, line = style
    mean, low, high = map(drawable, (curve.mean, curve.low, curve.high))
    axes.fill_between(drawable(x), low, high, color=color, alpha=0.18, lw=0)
    every = max(1, len(x) // 8)
    return axes.plot(drawable(x), mean, color=color, ls=line, lw=1.5, marker=marker, ms=4, markevery=every)[0]


def scale(axes: Axes, lines: Iterable[Array]) -> None:
    """A log axis where the lines ask for it; bands that reach below the lines' range are cut there."""
    values = drawable(np.concatenate([*lines, []]))
    values = values[np.isfinite(values)]
    if is_wide(values):
        axes.set_ylim(with_room(values))
        log_axis(axes, "y")
