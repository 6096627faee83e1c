"""The pictures of one run, in its cell's colour: what it predicts, and how it learnt. Arrays in, Figure out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seqexp.show.curves import Curve, broken, draw_curve, scale
from seqexp.show.figures import MOST_POINTS, Array, Figure, Page, grid, style_of
from seqexp.show.periods import steps

NARROW, WIDE, SQUARE = Page(6.4), Page(8.4), Page(4.8)


def forecast(
    target: Array, mean: Array, low: Array, high: Array, persistence: Array | None, title: str, cell: str
) -> Figure:
    """A run's forecast over time; where there is NaN between test periods, no line joins them.

    Args:
        target: (N,) what was to be predicted.
        mean: (N,) mean prediction over seeds.
        low: (N,) lower edge of the band over seeds.
        high: (N,) upper edge.
        persistence: (N,) the last value seen, None where it has no meaning.
        title: above the axes.
        cell: whose colour the prediction has.
    """
    figure = WIDE.figure(3.8)
    axes = figure.add_subplot()
    x, color = steps(target), style_of(cell, [cell]).color
    axes.plot(x, target, color="black", lw=1.2, label="actual")
    axes.fill_between(x, low, high, color=color, alpha=0.25, lw=0, label="band over seeds")
    axes.plot(x, mean, color=color, lw=1.4, ls="--", label="mean prediction")
    if persistence is not None:
        axes.plot(x, persistence, color="0.5", lw=0.9, ls=":", label="persistence")
    axes.set(title=WIDE.wrapped(title, 0.65), xlabel="time step", ylabel="value")
    axes.margins(x=0.01)
    grid(axes)
    figure.legend(loc="outside lower center", ncols=4)
    return figure


def agreement(target: Array, prediction: Array, title: str, cell: str) -> Figure:
    """Predicted against actual values, for tasks that are no forecast.

    Args:
        target: (S, N) what was to be predicted.
        prediction: (S, N) what was.
        title: above the axes.
        cell: whose colour the points have.
    """
    figure = SQUARE.figure(5.0)
    axes = figure.add_subplot()
    ends = [float(np.nanmin([target, prediction])), float(np.nanmax([target, prediction]))]
    axes.plot(ends, ends, color="black", lw=1, ls="--", zorder=3, label="predicted = actual")
    many = target.size > MOST_POINTS
    label = f"one test value ({target.shape[0]} seed{'s' * (target.shape[0] > 1)})"
    points = axes.plot(target.ravel(), prediction.ravel(), "o", color=style_of(cell, [cell]).color, mew=0, label=label)[
        0
    ]
    points.set(markersize=3 if many else 4, alpha=0.25 if many else 0.5, rasterized=many)
    axes.set(title=SQUARE.wrapped(title, 0.65), xlabel="actual value", ylabel="predicted value")
    axes.set_aspect("equal", adjustable="datalim")
    grid(axes)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def curves(title: str, score: str, lines: Mapping[str, Array], cell: str) -> Figure:
    """One run's scores by epoch: mean over seeds with its interval as a band.

    Args:
        title: above the axes.
        score: what is scored, with its unit.
        lines: name of a split -> (E, 3) mean, low, high of each epoch.
        cell: whose colour the validation curve has; that of training is grey.
    """
    figure = NARROW.figure(3.8)
    axes = figure.add_subplot()
    color, marker, line = style_of(cell, [cell])
    for name, ends in lines.items():
        style = ("0.45", "x", ":") if name == "training" else (color, marker, line)
        epochs = np.arange(1.0, len(ends) + 1)
        mean, low, high = ends.T
        curve = Curve(label=name, epochs=epochs, seconds=epochs, mean=mean, low=low, high=high)
        draw_curve(axes, epochs, curve, style).set_label(name)
    scale(axes, [ends[:, 0] for ends in lines.values()])
    axes.set(title=NARROW.wrapped(title, 0.65), xlabel="epoch", ylabel=broken(score))
    grid(axes)
    axes.locator_params(axis="x", integer=True)
    figure.legend(loc="outside lower center", ncols=2)
    return figure
