"""The numbers beside a record: `curves.csv` and `predictions.npz`."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqexp.record.files import write_atomically
from seqexp.statistics import mean_interval

MEAN = "mean"
"""What stands in the place of a seed where a row of `curves.csv` is the mean over seeds."""


def write_curves(folder: Path, seeds: Sequence[int], curves: Mapping[str, npt.ArrayLike]) -> None:
    """Writes `curves.csv`: for each epoch one row per seed, then one of the mean over those whose score is finite.

    Args:
        folder: the run's folder.
        seeds: S seeds.
        curves: column name -> values (E, S) of E epochs, NaN where nothing was measured.
    """
    columns = {name: np.asarray(values) for name, values in curves.items()}
    epochs = min(len(values) for values in columns.values())
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", "seed", *columns])
    for epoch in range(epochs):
        for index, seed in enumerate(seeds):
            writer.writerow([epoch, seed, *(_number(values[epoch, index]) for values in columns.values())])
        writer.writerow([epoch, MEAN, *(_number(mean_interval(values[epoch]).mean) for values in columns.values())])
    write_atomically(folder / "curves.csv", text.getvalue().encode())


def _number(value: Any) -> str:
    return "" if math.isnan(value) else repr(float(value))


def write_predictions(folder: Path, **arrays: npt.NDArray[Any]) -> None:
    """Writes `predictions.npz`: test targets (S, N, O), what was predicted, and what else is given."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_atomically(folder / "predictions.npz", buffer.getvalue())
