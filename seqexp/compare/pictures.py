"""What the figures show of a comparison: the arrays for `seqexp.figures`."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from seqexp.compare.grouping import Row
from seqexp.compare.runs import Problem, Run
from seqexp.compare.section import Section
from seqexp.record.files import check_plain, printable
from seqexp.show import figures
from seqexp.statistics import Array, Interval, mean_interval

CURVES = "curves.csv"

MOST_ROWS = 24
"""Rows in one panel, where nothing was picked."""

MOST_PICKED = 60
"""Rows in one panel, where one stands for each cell."""

MOST_BYTES = 2**28
"""Of a `curves.csv` that is read."""

MOST_EPOCHS = 2_000
"""Of a longer curve, so many epochs are drawn."""


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


def curves(sections: Sequence[Section]) -> tuple[figures.Figure, list[Problem]]:
    """The figure of learning curves, of the training split where no run measured validation; and damaged files."""
    damaged: dict[str, Problem] = {}
    for column, split in (("val_mse", "validation"), ("train_mse_running", "training")):
        panels = {
            section.data_set.name: [
                curve for label, row in _shown(section) if (curve := _curve(label, row, column, damaged)) is not None
            ]
            for section in sections[: figures.MOST_PANELS]
        }
        if any(panels.values()):
            return figures.learning_curves(panels, split), list(damaged.values())
    return figures.learning_curves({}, "validation"), list(damaged.values())


def _shown(section: Section) -> list[tuple[str, Row]]:
    """The rows of one panel and their labels."""
    data_set = section.data_set
    if data_set.picked:
        return [(data_set.rows[index].cell, data_set.rows[index]) for index in data_set.picked[:MOST_PICKED]]
    return [(row.label, row) for row in data_set.rows[:MOST_ROWS]]


def _curve(label: str, row: Row, column: str, damaged: dict[str, Problem]) -> figures.Curve | None:
    """Mean and band over the seeds of a row, as far as every run of it went; None where nothing is known."""
    runs: dict[int, dict[int, Array]] = {}
    for run in row.runs:
        try:
            runs[id(run)] = read_curves(run, column)
        except (OSError, ValueError, csv.Error) as error:
            runs[id(run)] = {}
            damaged[run.name] = Problem(run.name, f"{CURVES}, so it has no curve: {printable(str(error))}")
    lines = [runs[id(run)].get(run.seeds[position]) for run, position in row.sources]
    known = [line for line in lines if line is not None]
    epochs = min((len(line) for line in known), default=0)
    values = np.array([line[:epochs] for line in known])  # (S, E)
    if np.isnan(values).all():
        return None
    drawn = np.unique(np.linspace(0, epochs - 1, min(epochs, MOST_EPOCHS)).astype(int))
    ends = np.array([_ends(mean_interval(values[:, epoch])) for epoch in drawn])  # (E, 3)
    per_epoch = np.mean([run.train_seconds / max(1, run.epochs) for run in row.runs])
    return figures.Curve(
        label=label,
        epochs=drawn + 1.0,
        seconds=(drawn + 1) * per_epoch,
        mean=ends[:, 0],
        low=ends[:, 1],
        high=ends[:, 2],
    )


OLD_COLUMNS = {"train_mse_running": "train_mse"}
"""What columns of `curves.csv` were called up to version 0.1."""


def read_curves(run: Run, column: str) -> dict[int, Array]:
    """Seed -> (E,) values of a column of `curves.csv`; empty where there is no such file or column.

    Raises:
        OSError, ValueError, csv.Error: it is damaged, or no ordinary file.
    """
    path = run.folder / CURVES
    if not os.path.lexists(path):
        return {}
    check_plain(path, MOST_BYTES)
    values: dict[int, list[float]] = defaultdict(list)
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        head = next(reader, [])
        column = column if column in head else OLD_COLUMNS.get(column, column)
        if column not in head:
            return {}
        seed, value = head.index("seed"), head.index(column)
        for row in reader:
            if len(row) != len(head):
                raise ValueError(f"line {reader.line_num} has {len(row)} fields, not {len(head)}")
            values[int(row[seed])].append(float(row[value] or "nan"))
    return {seed: np.array(line) for seed, line in values.items()}


def _ends(interval: Interval) -> tuple[float, float, float]:
    return interval.mean, interval.low, interval.high
