"""The figure of several tasks: mean ranks with their critical difference, and performance profiles."""

from __future__ import annotations

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
    is_wide,
    legend_across,
    legend_height,
    log_axis,
    plain,
    style_of,
)

MOST_ROWS = 24
"""In the figure, the best by rank."""

MOST_BANDS = 4
"""Lines that have a band; of more, bands hide each other."""


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """Mean ranks of k rows.

    Attributes:
        labels: k names, the lowest mean rank first.
        means: (k,) ascending.
        critical: two means so far apart differ; infinite where none can.
        num_tasks: over so many tasks.
    """

    labels: Sequence[str]
    means: Array
    critical: float
    num_tasks: int


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Performance profiles of k rows.

    Attributes:
        levels: (P,) scores relative to each task's baseline.
        share: (k, P) share of tasks and seeds that score so much or less.
        low: (k, P) lower edge of its band, NaN where there is none.
        high: (k, P) upper edge.
        num_tasks: over so many tasks.
    """

    levels: Array
    share: Array
    low: Array
    high: Array
    num_tasks: int


def tasks(ranks: Ranks, profile: Profile | None, labels: Sequence[str], page: Page = DEFAULT) -> Figure:
    """Draws mean ranks, and below them profiles.

    Args:
        ranks: of the rows.
        profile: of the same rows in the same order; None for too few tasks.
        labels: all labels of the comparison, in the order of their styles.
        page: what it is drawn for.
    """
    shown = list(ranks.labels[:MOST_ROWS])
    groups = close(ranks.means[:MOST_ROWS], ranks.critical)
    longest = max(len(plain(label)) for label in shown)
    upper = 1.1 + 0.3 * (len(shown) + 1) + 0.16 * len(groups)
    lower = 3.2 + legend_height(shown, page) if profile else 0.0
    page = page.sized(6.8 + 0.08 * max(0, longest - 20))
    figure = page.figure(upper + lower)
    if profile is None:
        _draw_ranks(figure.add_subplot(), ranks, groups, labels, page)
        return figure
    parts = figure.subfigures(
        2, 1, squeeze=False, height_ratios=[upper, lower]
    )  # long labels leave the profile its room
    first, second = parts[:, 0]
    _draw_ranks(first.add_subplot(), ranks, groups, labels, page)
    handles = _draw_profile(second.add_subplot(), profile, shown, labels, page)
    legend_across(second, dict(zip(shown, handles, strict=True)), page)
    return figure


def close(means: Array, critical: float) -> list[tuple[int, int]]:
    """First and last of each group of rows of which no two differ, as large as can be; single rows are none.

    Args:
        means: (k,) mean ranks, ascending.
        critical: two means so far apart differ.
    """
    groups: list[tuple[int, int]] = []
    for first, mean in enumerate(means):
        last = int(np.flatnonzero(means - mean < critical - 1e-9)[-1])
        if last > first and (not groups or last > groups[-1][1]):
            groups.append((first, last))
    return groups


def _draw_ranks(axes: Axes, ranks: Ranks, groups: list[tuple[int, int]], labels: Sequence[str], page: Page) -> None:
    shown = ranks.labels[:MOST_ROWS]
    count = len(ranks.labels)
    names = [page.wrapped(f"{label}  {mean:.2f}", 0.45) for label, mean in zip(shown, ranks.means, strict=False)]
    ticks = dict(zip(map(float, range(len(shown))), names, strict=True))
    for index, label in enumerate(shown):
        color, marker, _ = style_of(label, labels)
        axes.plot(ranks.means[index], index, marker=marker, ms=7, color=color, mec="black", ls="")
    if ranks.critical <= count - 1:
        ticks[-1.0] = f"critical difference  {ranks.critical:.2f}"
        axes.plot([1, 1 + ranks.critical], [-1, -1], color="black", lw=1.2, marker="|", ms=8)
    for position, (first, last) in enumerate(groups):
        height = len(shown) - 0.1 + 0.5 * position
        axes.plot(ranks.means[[first, last]], [height] * 2, color="0.3", lw=4, solid_capstyle="butt")
    if groups:
        why = "too close to tell" if ranks.critical <= count - 1 else "too few tasks to tell"
        ticks[len(shown) - 0.1 + 0.25 * (len(groups) - 1)] = why
    axes.set_yticks(list(ticks), list(ticks.values()))
    axes.tick_params(axis="y", length=0)
    low = -1.6 if ranks.critical <= count - 1 else -0.6
    axes.set(xlim=(0.9, count + 0.1), ylim=(len(shown) + 0.5 * len(groups), low))
    if count <= 12:
        axes.set_xticks(range(1, count + 1))
    axes.set_xlabel(page.lines(f"mean rank over {ranks.num_tasks} tasks (1 is best)", 0.5))
    grid(axes, "x")
    axes.spines["left"].set_visible(False)


def _draw_profile(axes: Axes, profile: Profile, shown: Sequence[str], labels: Sequence[str], page: Page) -> list[Any]:
    """Draws the profiles, and returns a line for each row."""
    levels = drawable(profile.levels)
    handles = []
    for index, label in enumerate(shown):
        color, _, dashes = style_of(label, labels)
        if len(shown) <= MOST_BANDS:
            band = profile.low[index], profile.high[index]
            axes.fill_between(levels, *band, step="post", color=color, alpha=0.15, lw=0)
        handles.append(axes.step(levels, profile.share[index], where="post", color=color, ls=dashes, lw=1.6)[0])
    axes.axvline(1, color="0.35", lw=1, ls=":")
    if is_wide(levels[levels > 0]):
        log_axis(axes, "x")
    axes.set(
        xlabel=page.lines("test score over that of the task's baseline (lower is better)", 0.8),
        ylabel="share of tasks and seeds\nthat score so or lower",
        ylim=(-0.03, 1.03),
    )
    bands = "; bands: pointwise 95 % intervals" if len(shown) <= MOST_BANDS else ""
    title = f"performance profiles over {profile.num_tasks} tasks{bands}"
    axes.set_title(page.lines(title, 1.1), fontsize="small")
    grid(axes)
    return handles
