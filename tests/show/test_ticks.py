"""The numbers at an axis: plain, few, and apart."""

from __future__ import annotations

import numpy as np
import pytest

from seqexp.show.figures import Figure, grid
from seqexp.show.ticks import log_axis, numbers


def shown(low: float, high: float, width: float = 4.0, is_log: bool = True) -> list[str]:
    """The numbers of an axis that is so many inches wide."""
    figure = Figure(figsize=(width, 2))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(low, high)
    if is_log:
        log_axis(axes, "x")
    grid(axes)
    figure.draw_without_rendering()
    return [each.get_text() for each in axes.get_xticklabels() if low <= each.get_position()[0] <= high]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.004, 0.03, ["0.005", "0.01", "0.02"]),
        (0.02, 0.09, ["0.02", "0.03", "0.04", "0.06", "0.08"]),
        (0.01, 1.0, ["0.01", "0.03", "0.1", "0.3", "1"]),
        (5e-4, 2e2, ["0.01", "1", "100"]),
    ],
)
def test_log_axes_have_plain_numbers(low: float, high: float, expected: list[str]) -> None:
    assert shown(low, high) == expected


def test_very_small_and_very_large_numbers_are_powers() -> None:
    assert shown(1e-12, 1.0)[-1] == r"$\mathdefault{10^{0}}$"
    assert numbers([2e-6, 5e-6]) == ["2e-6", "5e-6"]
    assert numbers([1e-6, 1.0]) == [r"$\mathdefault{10^{-6}}$", r"$\mathdefault{10^{0}}$"]


@pytest.mark.parametrize("is_log", [True, False])
def test_a_narrow_axis_has_fewer(is_log: bool) -> None:
    counts = [len(shown(0.0021, 0.0089, width, is_log)) for width in (0.8, 1.5, 5.0)]
    assert 1 <= counts[0] < counts[2]
    assert counts[0] <= counts[1] <= counts[2]


def test_ends_that_are_one_place_or_none() -> None:
    figure = Figure()
    axes = figure.add_subplot()
    axes.plot([1.0, 1.0], [np.nan, np.nan])
    grid(axes)
    log_axis(axes, "y")
    figure.draw_without_rendering()
