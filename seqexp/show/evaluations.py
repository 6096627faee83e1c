"""The figure of scores at evaluations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqexp.show.comparison import BASELINE_LINES, MOST_BASELINES
from seqexp.show.curves import broken, scale
from seqexp.show.figures import (
    DEFAULT,
    Array,
    Axes,
    Figure,
    Page,
    drawable,
    grid,
    is_wide,
    legend_across,
    legend_height,
    plain,
    style_of,
)

REACH = 20.0
"""A baseline so many times below or above all scores is not drawn."""


@dataclass(frozen=True, kw_only=True)
class EvaluationPanel:
    """One data set of `evaluations`: scores at E places.

    Attributes:
        title: its name.
        score: what is scored, with its unit.
        names: E evaluations.
        lengths: (E,) of the sequences; None where they are no lengths.
        bands: label -> (E, 3) mean, low, high over seeds, NaN where there is none.
        baselines: name -> (E,) mean scores.
    """

    title: str
    score: str
    names: Sequence[str]
    lengths: Array | None
    bands: dict[str, Array]
    baselines: dict[str, Array]


def evaluations(panels: Sequence[EvaluationPanel], labels: Sequence[str], page: Page = DEFAULT) -> Figure:
    """Scores at evaluations: mean over seeds with its interval as a band, guesses as grey lines.

    Args:
        panels: the data sets.
        labels: all labels of the comparison, in the order of their styles.
        page: what it is drawn for.
    """
    shown, columns, lines = page.arranged(panels)
    used = dict.fromkeys([*(key for panel in shown for key in panel.bands), *(n for p in shown for n in p.baselines)])
    high = lines * 3.2 + legend_height(used, page)
    page = page.sized(1.2 + 4.8 * columns)
    figure = page.figure(high)
    handles: dict[str, Any] = {}
    for index, panel in enumerate(shown):
        handles |= _draw_evaluations(figure.add_subplot(lines, columns, index + 1), panel, labels, page)
    legend_across(figure, handles, page)
    return figure


def _draw_evaluations(axes: Axes, panel: EvaluationPanel, labels: Sequence[str], page: Page) -> dict[str, Any]:
    """Draws one panel, and returns its lines by their names."""
    places = np.arange(0.0, len(panel.names)) if panel.lengths is None else panel.lengths
    handles: dict[str, Any] = {}
    for label, band in panel.bands.items():
        mean, low, high = drawable(band).T
        color, marker, line = style_of(label, labels)
        axes.fill_between(places, low, high, color=color, alpha=0.18, lw=0)
        handles[label] = axes.plot(places, mean, color=color, ls=line, lw=1.5, marker=marker, ms=5)[0]
    means = [band[:, 0] for band in panel.bands.values()]
    known = drawable(np.concatenate([*means, []]))
    known = known[np.isfinite(known) & (known > 0)]
    near = []
    for name, values in list(panel.baselines.items())[:MOST_BASELINES]:
        shown = drawable(values)
        if known.size:  # as in `_draw_baselines`
            shown = np.where((shown < known.min() / REACH) | (shown > known.max() * REACH), math.nan, shown)
        near.append(shown)
        style = BASELINE_LINES.get(name, "-")
        handles[name] = axes.plot(places, shown, color="0.35", ls=style, lw=1.2, marker=".", ms=4)[0]
    scale(axes, [*means, *near])
    if panel.lengths is not None and is_wide(places):
        axes.set_xscale("log")
        axes.minorticks_off()
    several = page.narrow or len(panel.names) > 6 or max(map(len, panel.names)) > 12
    turned: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if several else {}
    axes.set_xticks(places, list(map(plain, panel.names)), **turned)
    axes.set(
        title=page.wrapped(panel.title, 0.8 if page.narrow else 0.4),
        xlabel="evaluation" if panel.lengths is None else "length of the sequences",
        ylabel=broken(panel.score),
    )
    grid(axes)
    return handles
