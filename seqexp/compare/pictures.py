"""What the figures show of a comparison: the arrays for `seqexp.figures`."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from seqexp.compare.grouping import Row
from seqexp.compare.runs import Run
from seqexp.compare.section import Section
from seqexp.record.files import is_plain
from seqexp.show import figures
from seqexp.statistics import Array, Interval, mean_interval

MOST_ROWS = 24
"""Rows in one panel, where nothing was picked."""


def comparison(sections: Sequence[Section]) -> figures.Figure:
    """The figure of test scores."""
    panels = []
    for section in sections:
        baselines = {name: mean_interval(scores.values).mean for name, scores in section.data_set.baselines.items()}
        rows = _shown(section)
        intervals = [_ends(mean_interval(row.test.values)) for _, row in rows]
        panels.append(
            figures.ScorePanel(
                title=section.data_set.name,
                labels=[label for label, _ in rows],
                scores=[row.test.values for _, row in rows],
                intervals=np.array(intervals),
                baselines=baselines,
            )
        )
    return figures.comparison(panels)


def curves(sections: Sequence[Section]) -> figures.Figure:
    """The figure of learning curves; of the training split where no run measured validation."""
    for column, split in (("val_mse", "validation"), ("train_mse_running", "training")):
        panels = {
            section.data_set.name: [
                curve for label, row in _shown(section) if (curve := _curve(label, row, column)) is not None
            ]
            for section in sections[: figures.MOST_PANELS]
        }
        if any(panels.values()):
            return figures.learning_curves(panels, split)
    return figures.learning_curves({}, "validation")


def _shown(section: Section) -> list[tuple[str, Row]]:
    """The rows of one panel and their labels."""
    data_set = section.data_set
    if data_set.picked:
        return [(data_set.rows[index].cell, data_set.rows[index]) for index in data_set.picked]
    return [(row.label, row) for row in data_set.rows[:MOST_ROWS]]


def _curve(label: str, row: Row, column: str) -> figures.Curve | None:
    """Mean and band over all seeds of a row, as far as every run of it went; None where nothing is known."""
    runs = {id(run): read_curves(run, column) for run in row.runs}
    if not all(runs.values()):
        return None
    lines = [runs[id(run)].get(run.seeds[position]) for run, position in row.sources]
    known = [line for line in lines if line is not None]
    epochs = min((len(line) for line in known), default=0)
    values = np.array([line[:epochs] for line in known])  # (S, E)
    if np.isnan(values).all():
        return None
    ends = np.array([_ends(mean_interval(values[:, epoch])) for epoch in range(epochs)])  # (E, 3)
    per_epoch = np.mean([run.train_seconds / max(1, run.epochs) for run in row.runs])
    seconds = np.arange(1, epochs + 1) * per_epoch
    return figures.Curve(label=label, seconds=seconds, mean=ends[:, 0], low=ends[:, 1], high=ends[:, 2])


OLD_COLUMNS = {"train_mse_running": "train_mse"}
"""What columns of `curves.csv` were called up to version 0.1."""


def read_curves(run: Run, column: str) -> dict[int, Array]:
    """Seed -> (E,) values of a column of `curves.csv`; empty where the file is missing or damaged."""
    values: dict[int, list[float]] = defaultdict(list)
    path = run.folder / "curves.csv"
    if not is_plain(path):
        return {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                value = row[column] if column in row else row[OLD_COLUMNS[column]]
                values[int(row["seed"])].append(float(value or "nan"))
    except (OSError, KeyError, TypeError, ValueError):
        return {}
    return {seed: np.array(line) for seed, line in values.items()}


def _ends(interval: Interval) -> tuple[float, float, float]:
    return interval.mean, interval.low, interval.high
