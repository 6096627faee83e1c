"""Reads `curves.csv`: what each seed scored in each epoch."""

from __future__ import annotations

import csv
import os
from collections import defaultdict

import numpy as np

from seqexp.compare.runs import Run
from seqexp.record.arrays import MEAN
from seqexp.record.files import check_plain
from seqexp.statistics import Array

CURVES = "curves.csv"

MOST_BYTES = 2**28
"""Of a `curves.csv` that is read."""

OLD_COLUMNS = {"train_mse_running": "train_mse"}
"""What columns of `curves.csv` were called up to version 0.1."""


def read_curves(run: Run, column: str) -> dict[int, Array]:
    """Seed -> (E,) values of a column of `curves.csv`; empty where there is no such file or column.

    Its rows of means, which files of 0.1 have not, are passed over.

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
            if row[seed] != MEAN:
                values[int(row[seed])].append(float(row[value] or "nan"))
    return {seed: np.array(line) for seed, line in values.items()}
