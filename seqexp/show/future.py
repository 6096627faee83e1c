"""What comes after the end of a series: its last values, the mean path, and two bands. Arrays in, Figure out."""

from __future__ import annotations

import numpy as np

from seqexp.show.figures import COLORS, Array, Figure, grid, plain

MOST_TICKS = 6
"""Times that are written below the axis."""


def draw_future(
    history: Array,
    mean: Array,
    interval: Array,
    seeds: Array,
    level: float,
    title: str,
    name: str,
    times: tuple[str, list[str], list[str]] | None = None,
) -> Figure:
    """Draws a forecast.

    Args:
        history: (L,) the last values that are known.
        mean: (K,) of the seeds' paths.
        interval: (2, K) the lower and the upper edge; NaN where there is none.
        seeds: (2, K) the same of the seeds' paths alone.
        level: of the interval.
        title: above the axes.
        name: of what is forecast.
        times: what says when rows were measured, the L times of those that are known and the K of those to come; None
            where they are not known.
    """
    figure = Figure(figsize=(8.4, 3.8), layout="constrained")
    axes = figure.add_subplot()
    before, after = np.arange(1 - len(history), 1), np.arange(1, len(mean) + 1)
    axes.plot(before, history, color="black", lw=1.2, label="known")
    if not np.isnan(interval).all():
        axes.fill_between(after, *interval, color=COLORS[0], alpha=0.18, lw=0, label=f"{level:.0%} interval")
    if not np.array_equal(seeds[0], seeds[1]):
        axes.fill_between(after, *seeds, color=COLORS[0], alpha=0.45, lw=0, label=f"{level:.0%} of the seeds")
    axes.plot(after, mean, color=COLORS[0], lw=1.6, ls="--", marker="o" if len(mean) == 1 else None, label="mean")
    axes.axvline(0.5, color="0.6", lw=0.8)
    axes.set(title=plain(title), xlabel="steps after the last known row", ylabel=plain(name))
    if times is not None:
        label, known, later = times
        places, texts = np.concatenate([before, after]), [*known, *later]
        chosen = np.unique(np.linspace(0, len(places) - 1, min(MOST_TICKS, len(places))).round().astype(int))
        axes.set_xticks(places[chosen], [plain(texts[each]) for each in chosen], fontsize="small")
        axes.set_xlabel(plain(label))
    axes.margins(x=0.01)
    grid(axes)
    figure.legend(loc="outside lower center", ncols=4)
    return figure
