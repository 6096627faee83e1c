"""Reads `predictions.npz`: what the rows of a comparison predict, for the figure of forecasts."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqexp.compare.rows import Row
from seqexp.compare.runs import Problem, Run
from seqexp.compare.section import Section
from seqexp.data.evaluations import TARGET
from seqexp.record.files import check_plain, printable
from seqexp.show import periods
from seqexp.show.figures import MOST_PANELS
from seqexp.show.forecasts import MOST_LINES, MOST_STEPS, ForecastPanel, Predicted
from seqexp.show.periods import BAND
from seqexp.statistics import Array

PREDICTIONS = "predictions.npz"

MOST_BYTES = 2**28
"""Of a `predictions.npz` that is read, packed; and of each of its arrays."""

NUM_BINS = 24
"""Ranges of actual values, each with as many of them, over which predictions are averaged."""


class Read(NamedTuple):
    """Of one run: what was to be predicted, and what each seed predicted.

    Attributes:
        actual: (N,) one series for all seeds, or (S, N) each seed's own values, NaN where no score counts them.
        predicted: (S, N).
        fold: (S,) whose test period a seed's values are; None where there are no folds, or values are no series.
    """

    actual: Array
    predicted: Array
    fold: npt.NDArray[np.int64] | None = None

    @property
    def is_forecast(self) -> bool:
        """Whether all seeds predict one series."""
        return self.actual.ndim == 1


def predictions(sections: Sequence[Section], most_rows: int = MOST_LINES) -> tuple[list[ForecastPanel], list[Problem]]:
    """What the figure of forecasts shows, and damaged files.

    Classes, and runs whose files are missing, have no picture.

    Args:
        sections: the data sets.
        most_rows: of each, the first of its table.
    """
    damaged: dict[str, Problem] = {}
    panels = []
    for section in sections[:MOST_PANELS]:
        found = {}
        wanted = dict(section.shown[:most_rows])
        for label, row in wanted.items():
            reads = {id(run): _read_or_note(run, damaged) for run in row.runs}
            known = {run: read for run, read in reads.items() if read is not None}
            if known:
                found[label] = (row, known)
        # Of several targets the first is drawn.
        drawn = next((name for name in section.data_set.evaluations if name.startswith(TARGET)), "")
        panel = _panel(section.data_set.name, found, wanted, len(section.shown))
        if panel is not None:
            panels.append(replace(panel, value=drawn.removeprefix(TARGET)) if drawn else panel)
    return panels, list(damaged.values())


def read_predictions(folder: Path, folds: int = 1) -> Read | None:
    """What a run predicted; None where there is no such file, or no numbers of one size in it.

    Args:
        folder: of the run.
        folds: how many test periods its seeds have; those of an older file predict that of the first fold, too, which
            is passed over: later folds are trained on it.

    Raises:
        OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error: it is damaged, or no ordinary file.
    """
    path = folder / PREDICTIONS
    if not path.exists():
        return None
    check_plain(path, MOST_BYTES)
    with zipfile.ZipFile(path) as archive:
        if any(entry.file_size > MOST_BYTES for entry in archive.infolist()):
            raise ValueError(f"holds more than {MOST_BYTES / 2**20:.0f} MiB in one array, and is not read")
    with np.load(path, allow_pickle=False) as file:
        is_series = {"series", "forecast"} <= set(file.files)
        if is_series and folds == 1:
            return _checked(file["series"], file["forecast"])
        if "predictions" not in file.files and "log_probability" in file.files:  # classes at every step
            return None
        targets, predicted = file["targets"], file["predictions"]
        fold = file["fold"] if "fold" in file.files else file["seeds"] % folds if is_series else None
        weight = file["weight"] if "weight" in file.files else None  # files of 0.1 have none
    if targets.dtype.kind != "f" or targets.shape != predicted.shape or targets.ndim < 3:
        return None
    if weight is not None and weight.shape == targets.shape[:-1]:  # what no score counts is no prediction of anything
        targets = np.where(weight[..., None] > 0, targets, np.nan)
    actual, shown = (each[..., 0].reshape(len(each), -1) for each in (targets, predicted))
    return _checked(actual, shown, fold)


def _checked(actual: Array, predicted: Array, fold: npt.NDArray[Any] | None = None) -> Read:
    if predicted.ndim != 2 or actual.shape not in (predicted.shape, predicted.shape[1:]):
        raise ValueError(f"its arrays are of shapes {actual.shape} and {predicted.shape}")
    if fold is not None and (fold.shape != predicted.shape[:1] or fold.dtype.kind not in "iu"):
        raise ValueError(f"its folds are of shape {fold.shape} and kind {fold.dtype}")
    whole = None if fold is None else fold.astype(np.int64)
    return Read(actual.astype(np.float64), predicted.astype(np.float64), whole)


def _read_or_note(run: Run, damaged: dict[str, Problem]) -> Read | None:
    try:
        folds = run.settings.get("data.folds")
        return read_predictions(run.folder, folds if type(folds) is int and folds > 1 else 1)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = f"{PREDICTIONS}, so it is not in the figure of forecasts: {printable(str(error))}"
        damaged[run.name] = Problem(run.name, reason)
        return None


def _panel(
    title: str, found: dict[str, tuple[Row, dict[int, Read]]], wanted: dict[str, Row], count: int
) -> ForecastPanel | None:
    """All rows that predict the same series, or the means of all by actual value."""
    first = next((read for _, reads in found.values() for read in reads.values()), None)
    if first is None:
        return None
    if first.fold is not None:
        return _over_folds(title, found, wanted, count)
    if first.is_forecast:
        actual, edges = first.actual, None
    else:
        every = np.concatenate([read.actual.ravel() for _, reads in found.values() for read in reads.values()])
        every = every[np.isfinite(every)]
        if not every.size:
            return None
        edges = np.unique(np.quantile(every, np.linspace(0, 1, NUM_BINS + 1)))
        bins = np.clip(np.searchsorted(edges, every, side="right") - 1, 0, max(0, len(edges) - 2))
        edges = edges if len(edges) > 1 else np.append(edges, edges)
        actual = _means(every, bins, len(edges) - 1)
    rows = []
    counts = dict.fromkeys(wanted, 0)
    for label, (row, reads) in found.items():
        lines = []
        for run, position in row.sources:
            read = reads.get(id(run))
            if read is not None and read.is_forecast == first.is_forecast and position < len(read.predicted):
                line = _line(read, position, actual, edges)
                lines += [] if line is None else [line]
        counts[label] = len(lines)
        if lines:
            values = np.array(lines)  # (S, N)
            low, high = np.percentile(values, BAND, axis=0) if len(values) > 1 else values.repeat(2, axis=0)
            rows.append(Predicted(label=label, mean=values.mean(axis=0), low=low, high=high))
    if not rows:
        return None
    return ForecastPanel(
        title=title,
        is_forecast=edges is None,
        actual=actual,
        rows=rows,
        count=count,
        left_out=[_left_out(label, counts[label], len(row.sources)) for label, row in wanted.items()],
    )


def _over_folds(
    title: str, found: dict[str, tuple[Row, dict[int, Read]]], wanted: dict[str, Row], count: int
) -> ForecastPanel | None:
    """The test periods of all folds, each predicted by the seeds of its own fold; arguments as for `_panel`."""
    actual: dict[int, Array] = {}
    for row, reads in found.values():
        for run, position in row.sources:
            read = reads.get(id(run))
            if read is not None and read.fold is not None and position < len(read.fold):
                actual.setdefault(int(read.fold[position]), read.actual[position])
    total = sum(map(len, actual.values()))
    most = max(1, MOST_STEPS // len(actual)) if total > MOST_STEPS else total
    rows, counts = [], dict.fromkeys(wanted, 0)
    for label, (row, reads) in found.items():
        lines: dict[int, list[Array]] = {}
        for run, position in row.sources:
            read = reads.get(id(run))
            if read is None or read.fold is None or position >= len(read.fold):
                continue
            fold, predicted = int(read.fold[position]), read.predicted[position]
            if np.isfinite(predicted).all() and np.array_equal(read.actual[position], actual[fold], equal_nan=True):
                lines.setdefault(fold, []).append(predicted[:most])
                counts[label] += 1
        if lines:
            mean, low, high = periods.spread(lines, {fold: len(each[:most]) for fold, each in actual.items()})
            rows.append(Predicted(label=label, mean=mean, low=low, high=high))
    if not rows:
        return None
    return ForecastPanel(
        title=title,
        is_forecast=True,
        actual=periods.joined([actual[fold][:most] for fold in sorted(actual)]),
        rows=rows,
        count=count,
        left_out=[_left_out(label, counts[label], len(row.sources)) for label, row in wanted.items()],
        folds=len(actual),
        is_cut=most < total // len(actual),
    )


def _left_out(label: str, num_drawn: int, num_seeds: int) -> str:
    """What is said of a row of which seeds are not drawn; nothing where all are."""
    return "" if num_drawn == num_seeds else f"{label} {num_drawn} of {num_seeds} seeds"


def _line(read: Read, position: int, actual: Array, edges: Array | None) -> Array | None:
    """What one seed predicts, at each step or on average in each bin; None where it diverged or saw another series."""
    predicted = read.predicted[position]
    if not np.isfinite(predicted).all():
        return None
    if edges is None:
        return predicted if np.array_equal(read.actual, actual, equal_nan=True) else None
    known = np.isfinite(read.actual[position])
    bins = np.clip(np.searchsorted(edges, read.actual[position][known], side="right") - 1, 0, len(edges) - 2)
    return _means(predicted[known], bins, len(edges) - 1)


def _means(values: Array, bins: Array, count: int) -> Array:
    """The mean in each bin, NaN where it is empty."""
    sizes = np.bincount(bins, minlength=count)
    sums = np.bincount(bins, values, minlength=count)
    means: Array = np.divide(sums, sizes, out=np.full(count, np.nan), where=sizes > 0)
    return means
