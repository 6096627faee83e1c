"""What models make of a sequence when they go on alone, and how far it stays with the truth. Arrays in, Figure out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from seqexp.show import text
from seqexp.show.figures import LONGEST_LABEL, Array, Axes, Figure, Line2D, log_axis
from seqexp.show.styles import THEORIES, style_of

MOST_COURSES = 12
"""In one panel."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """What one label made of it: K steps.

    Attributes:
        label: what it is called.
        path: (K,) of one seed.
        error: (K,) relative, the mean over seeds; NaN where it is not finite.
        low: (K,) lower edge of its interval, NaN where there is none.
        high: (K,) upper edge.
        valid: steps until the error exceeded the threshold: the mean over seeds and its interval, NaN where there is
            none.
        whole: some never did, so that the time is at least so long.
    """

    label: str
    path: Array
    error: Array
    low: Array
    high: Array
    valid: tuple[float, float, float]
    whole: bool


def draw_paths(truth: Array, courses: Sequence[Course], threshold: float, resting: float, lyapunov: float) -> Figure:
    """Draws the paths beside the truth, and their errors.

    Args:
        truth: (K,).
        courses: what each label made of it.
        threshold: of the relative error.
        resting: valid steps of who repeats the last value.
        lyapunov: the largest exponent, per step; NaN where it is not known.
    """
    shown = list(courses[:MOST_COURSES])
    labels = [each.label for each in shown]
    figure = Figure(figsize=(9.2, 4.6 + 0.22 * len(shown)), layout="constrained")
    left, right = figure.subplots(1, 2)
    steps = np.arange(1.0, len(truth) + 1)
    handles = left.plot(steps, truth, color="0.55", lw=3, alpha=0.6)
    names = ["truth"]
    for each in shown:
        style = style_of(each.label, labels)
        left.plot(steps, each.path, color=style.color, ls=style.line, lw=1.3)
        handles.append(Line2D([], [], color=style.color, ls=style.line, marker=style.marker, ms=6))
        names.append(f"{text.label(each.label, LONGEST_LABEL)}: {_valid(each, lyapunov)}")
        right.fill_between(steps, each.low, each.high, color=style.color, alpha=0.18, lw=0)
        right.plot(steps, each.error, color=style.color, ls=style.line, lw=1.5)
        if math.isfinite(each.valid[0]):
            right.plot([max(each.valid[0], 1)], [threshold], color=style.color, marker=style.marker, ms=7, zorder=3)
    known = _known(right, steps, shown, threshold, resting, lyapunov)
    _dress(left, right, truth, shown, lyapunov)
    handles, names = [*handles, *known.values()], [*names, *known]
    figure.legend(handles, names, loc="outside lower center", ncols=1, fontsize="small", handlelength=3.2)
    return figure


def _known(
    axes: Axes, steps: Array, courses: Sequence[Course], threshold: float, resting: float, lyapunov: float
) -> dict[str, Any]:
    """Draws what is not measured of a model; by what the legend calls it."""
    look: dict[str, Any] = {"color": "0.35", "lw": 1.3, "zorder": 1}
    found: dict[str, Any] = {f"threshold {threshold:g}": axes.axhline(threshold, ls=THEORIES[0], **look)}
    if math.isfinite(resting):
        said = f"the last value, repeated: valid for {_steps(resting)}"
        found[said] = axes.axvline(max(resting, 1), ls=THEORIES[1], **look)
    first = [each.error[0] for each in courses if each.error[0] > 0]
    if lyapunov > 0 and first:
        law = min(first) * np.exp(lyapunov * (steps - steps[0]))
        said = "law of a chaotic system: a small error grows by e in a Lyapunov time (here from the smallest first one)"
        (found[said],) = axes.plot(steps, law, ls=THEORIES[2], **look)
    return found


def _dress(left: Axes, right: Axes, truth: Array, courses: Sequence[Course], lyapunov: float) -> None:
    """Titles, scales and grids."""
    room = max(float(np.ptp(truth)), 1e-9) * 0.4
    left.set(title="first seed, from its first start", xlabel="steps alone", ylabel="first column")
    left.set_ylim(float(truth.min()) - room, float(truth.max()) + room)  # whatever overflows leaves the picture
    right.set(
        title="error of all seeds: median over starts;\nmarked: mean of the starts' valid times", xlabel="steps alone"
    )
    right.set_ylabel("error in standard deviations")
    values = np.concatenate([each.error for each in courses])
    values = values[np.isfinite(values) & (values > 0)]
    log_axis(right, "y")
    if values.size:
        right.set_ylim(max(float(values.min()) / 2, 1e-12), min(float(values.max()) * 2, 1e3))
    for panel in (left, right):
        panel.grid(True, color="0.9", lw=0.8)
        panel.set_axisbelow(True)
        panel.spines["right"].set_visible(False)
        panel.locator_params(axis="x", integer=True)
        if lyapunov > 0:
            top = panel.secondary_xaxis("top", functions=(partial(_times, lyapunov), partial(_times, 1 / lyapunov)))
            top.set_xlabel("Lyapunov times", fontsize="small")
        else:
            panel.spines["top"].set_visible(False)


def _times(factor: float, steps: ArrayLike) -> Array:
    return np.asarray(steps, dtype=float) * factor


def _valid(course: Course, lyapunov: float) -> str:
    """A valid time in words."""
    mean, low, high = course.valid
    least = "at least " if course.whole else ""
    interval = f" (95 % interval {max(low, 0):.3g}–{high:.3g})" if math.isfinite(low) else ""
    times = f", {mean * lyapunov:.2g} Lyapunov times" if lyapunov > 0 else ""
    return f"valid for {least}{_steps(mean)}{interval}{times}"


def _steps(count: float) -> str:
    shown = f"{count:.3g}"
    return f"{shown} step{'' if shown == '1' else 's'}"
