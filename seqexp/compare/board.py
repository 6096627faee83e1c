"""What TensorBoard shows of a comparison: for each data set one chart of all that is compared, by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqexp.compare.section import Section
from seqexp.show.board import BoardLine
from seqexp.show.comparison import CurvePanel
from seqexp.statistics import mean_interval

MOST_POINTS = 200
"""Epochs of one line."""

MOST_LABELS = 60


def lines(sections: Sequence[Section], panels: Sequence[CurvePanel]) -> dict[str, list[BoardLine]]:
    """Label -> its lines: the score on test, and the learning curve.

    Args:
        sections: the comparison.
        panels: the learning curves that are drawn.
    """
    found: dict[str, list[BoardLine]] = {}
    for section in sections[: len(panels) or 1]:
        for label, row in section.shown:
            interval = mean_interval(row.test.values)
            tag = f"comparison/{section.data_set.name}: test {section.data_set.metric.label}"
            ends = np.array([[interval.mean, interval.low, interval.high]])
            found.setdefault(label, []).append(BoardLine(tag, np.array([max(run.epochs for run in row.runs)]), ends))
    for panel in panels:
        for curve in panel.curves:
            drawn = np.unique(np.linspace(0, len(curve.epochs) - 1, min(len(curve.epochs), MOST_POINTS)).astype(int))
            values = np.stack([curve.mean, curve.low, curve.high], axis=1)[drawn]  # (E, 3)
            tag = f"comparison/{panel.title}: {panel.score.partition(' (')[0]}"
            found.setdefault(curve.label, []).append(BoardLine(tag, curve.epochs[drawn].astype(int), values))
    return dict(list(found.items())[:MOST_LABELS])
