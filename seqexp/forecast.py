"""forecast(): what a trained population says of the steps after the end of its series, and how far that is trusted."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from seqexp.config.mistakes import ConfigError
from seqexp.data.module import VAL, PopulationData
from seqexp.data.series import Series
from seqexp.record.files import null_for_nan, write_atomically
from seqexp.record.record import Record, RecordError
from seqexp.residuals import in_time, paths_from, residuals
from seqexp.run.build import Parts
from seqexp.run.fit import limit_threads
from seqexp.run.load import load_run
from seqexp.seeding import generator
from seqexp.show import figures
from seqexp.show.future import draw_future
from seqexp.show.text import spreadsheet
from seqexp.statistics import Array, conformal

SHOWN = 3
"""So many windows of the past are drawn."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """K steps after the last row of a series, of O columns.

    Attributes:
        record: of the run.
        is_closed: predictions were fed back; else each step is predicted at once, from rows that are known.
        level: of the interval.
        names: of the columns.
        rows: how many rows of the series are known.
        history: (L, O) the last of them.
        times: what says when rows were measured, the L times of `history` and the K of the steps; None where they are
            not known, or have no one step.
        seeds: E seeds whose paths these are: those that did not diverge, and with folds those of the last one.
        paths: (E, K, O).
        half_widths: (K, O) of the split-conformal interval around the mean path.
        coverage: (K, O) the share of test values that such an interval held.
        num_residuals: of validation, at the first step and at the last.
        left_out: seeds that diverged, or whose path is no number.
        trained_rows: rows of the series up to the last one that these seeds were trained on; None where several series
            are split each by itself.
        sources: paths of the files that the series is read from, each with its SHA-256.
    """

    record: Record
    is_closed: bool
    level: float
    names: list[str]
    rows: int
    history: Array
    seeds: list[int]
    paths: Array
    half_widths: Array
    coverage: Array
    num_residuals: tuple[int, int]
    times: tuple[str, list[str], list[str]] | None = None
    left_out: list[int]
    trained_rows: int | None
    sources: list[tuple[str, str]]

    @property
    def mean(self) -> Array:
        """The mean path, (K, O)."""
        found: Array = self.paths.mean(0)
        return found

    @property
    def spread(self) -> Array:
        """Between what the middle share of the seeds lies, as large as the level: (2, K, O)."""
        rest = 50 * (1 - self.level)
        found: Array = np.percentile(self.paths, [rest, 100 - rest], axis=0)
        return found

    @property
    def interval(self) -> Array:
        """The split-conformal interval, (2, K, O)."""
        return np.stack([self.mean - self.half_widths, self.mean + self.half_widths])

    def write(self, folder: Path) -> None:
        """Writes `forecast.csv`, `forecast.json` and a picture of each column."""
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / "forecast.csv", self._table().encode())
        write_atomically(folder / "forecast.json", (json.dumps(null_for_nan(self._said()), indent=2) + "\n").encode())
        title = f"{self.record.cell} on {self.record.data}: {self.steps_text} after row {self.rows:,}"
        for place, name in enumerate(self.names):
            bands = self.interval[..., place], self.spread[..., place]
            lines = self.history[:, place], self.mean[:, place], *bands
            figure = figures.laid_out(draw_future(*lines, self.level, title, name, self.times))
            stem = "forecast" if len(self.names) == 1 else f"forecast_{place + 1}"
            for kind in figures.DEFAULT.kinds:
                write_atomically(folder / f"{stem}.{kind}", figures.encode(figure, kind))

    @property
    def steps_text(self) -> str:
        """Such as `12 steps`."""
        return f"{len(self.mean)} step{'s' * (len(self.mean) != 1)}"

    def _table(self) -> str:
        """A line for each step and column."""
        buffer = io.StringIO()
        table = csv.writer(buffer, lineterminator="\n")
        edges = ("low", "high", "seeds_low", "seeds_high")
        dated = ["time"] if self.times else []
        table.writerow(["step", "row", *dated, "column", "mean", *edges, *(f"seed_{seed}" for seed in self.seeds)])
        ends = np.concatenate([self.interval, self.spread])  # (4, K, O)
        for step in range(len(self.mean)):
            for place, name in enumerate(self.names):
                numbers = [self.mean[step, place], *ends[:, step, place], *self.paths[:, step, place]]
                when = [spreadsheet(self.times[2][step])] if self.times else []
                place_of = [step + 1, self.rows + step + 1, *when, name]
                table.writerow([*place_of, *(f"{float(each):.9g}" for each in numbers)])
        return buffer.getvalue()

    def _said(self) -> dict[str, object]:
        return {
            "mode": "closed loop" if self.is_closed else "direct",
            "steps": len(self.mean),
            "rows": self.rows,
            "times": self.times and self.times[2],
            "columns": self.names,
            "seeds": self.seeds,
            "left_out": self.left_out,
            "trained_rows": self.trained_rows,
            "files": [{"path": path, "sha256": digest} for path, digest in self.sources],
            "level": self.level,
            "coverage": self.coverage.tolist(),
            "half_widths": self.half_widths.tolist(),
            "residuals": list(self.num_residuals),
            "fingerprint": self.record.fingerprint,
        }


def forecast(
    folder: Path | str,
    steps: int,
    data: str | None = None,
    level: float = 0.9,
    allowed_packages: Sequence[str] = (),
    allowed_environment: Sequence[str] = (),
) -> Forecast:
    """Forecasts what comes after the end of the series that a run was trained on, or of another file.

    Where the targets are the next value of all inputs, predictions are fed back, for as many steps as are asked for.
    Else a run of horizon h predicts as many steps as h, step k from the window that ends h - k rows before the end.

    The interval around the mean of the seeds is split-conformal: as wide as the mean was wrong, at the same step, on
    validation windows. How often such an interval held the test values is measured beside it. Weights were selected by
    validation, too, so that its errors may be somewhat small.

    Args:
        folder: the run's folder.
        steps: K.
        data: another file to go on from, for a task that reads one (`data.path`).
        level: of the interval.
        allowed_packages: as for `seqexp.run.load`.
        allowed_environment: as for `seqexp.run.load`.

    Raises:
        ConfigError: the run is of no series, or so many steps cannot be made, or validation is too short for the level.
        RecordError: there is no readable run, or its data are others by now.
    """
    if not 0 < level < 1:
        raise ConfigError(f"level must be between 0 and 1, got {level:g}")
    if steps < 1:
        raise ConfigError(f"steps must be >= 1, got {steps}")
    path = Path(folder)
    record, parts = load_run(path, allowed_packages, allowed_environment, {})
    task = parts.data.task
    if not isinstance(task, Series):
        raise ConfigError(f"{path}: {record.data} is no series whose windows predict a later value; forecast needs one")
    if task.ahead != 1 and steps > task.horizon:
        why = "its targets are not all of its inputs" if task.ahead is None else f"it predicts {task.horizon} steps on"
        raise ConfigError(
            f"{path}: steps must be <= {task.horizon}, data.horizon: {why}, so that predictions cannot be fed back, "
            f"got {steps}"
        )
    known = task if data is None else _other(path, record, parts, data)
    if known.interleaved:
        where = f"{path}: its data" if data is None else data
        raise ConfigError(f"{where}: several series, and a forecast goes on from one, which --data FILE names")
    parts.make_data(guessed=False)
    if record.data_hash not in (None, parts.data.data_hash):
        newer = "; once they are back, --data FILE goes on from newer rows" if known.sources else ""
        raise RecordError(
            f"{path}: its task makes other data here than those that it was trained and tested on, and the interval is "
            f"made of those{newer}"
        )
    kept = _kept(path, record, parts.data)
    with limit_threads(parts):
        return _forecast(record, parts, known, kept, steps, level)


def _forecast(record: Record, parts: Parts, known: Series, kept: list[int], steps: int, level: float) -> Forecast:
    model, first, is_closed = parts.training.eval().model, kept[0], known.ahead == 1
    values = known.record(generator(parts.data.data_seeds[first], "data")).values  # (L, columns)
    read = values[:, list(known.read)]
    if is_closed:
        paths = paths_from(model, read[None, -known.window :], steps)[kept, 0]  # (E, K, O)
    else:
        ends = [len(read) - known.horizon + step + 1 for step in range(steps)]
        windows = torch.stack([read[end - known.window : end] for end in ends])  # (K, T, I)
        paths = paths_from(model, windows, 1)[kept][:, :, 0]
    if not (sound := paths.isfinite().flatten(1).all(1)).any():
        raise ConfigError("no seed has a forecast that is a number")
    lost = [record.seeds[place] for place, is_sound in zip(kept, sound.tolist(), strict=True) if not is_sound]
    kept = [place for place, is_sound in zip(kept, sound.tolist(), strict=True) if is_sound]
    length = steps if is_closed else 1
    before, after = (
        residuals(model, in_time(parts.data, name, first), kept, length, level, name) for name in (VAL, "test")
    )
    try:
        widths = np.stack([conformal.half_widths(before[..., place], level) for place in range(before.shape[-1])], -1)
    except ValueError as error:  # windows of several files break off, and a path may leave what numbers hold
        raise ConfigError(f"validation is too short for this forecast: {error}") from None
    held = np.stack([conformal.coverage(after[..., place], widths[:, place]) for place in range(before.shape[-1])], -1)
    counts = np.isfinite(before[..., 0]).sum(0)
    shown = SHOWN * known.window
    times = known.times(steps)
    return Forecast(
        record=record,
        is_closed=is_closed,
        level=level,
        names=known.names,
        rows=len(values),
        history=values[-shown:, list(known.predicted)].numpy(),
        times=times and (times[0], times[1][-shown:], times[2]),
        seeds=[record.seeds[index] for index in kept],
        paths=paths[sound].double().numpy(),
        half_widths=np.broadcast_to(widths, (steps, widths.shape[1])),
        coverage=np.broadcast_to(held, (steps, held.shape[1])),
        num_residuals=(int(counts[0]), int(counts[-1])),
        left_out=[seed for seed in record.seeds if seed in {*record.diverged, *lost}],
        trained_rows=_trained_rows(parts.data, first),
        sources=[(each, hashlib.sha256(Path(each).read_bytes()).hexdigest()) for each in known.sources],
    )


def _kept(path: Path, record: Record, data: PopulationData) -> list[int]:
    """The places of the seeds that forecast: those that did not diverge; with folds those of the latest fold.

    Raises:
        ConfigError: all seeds diverged.
    """
    sound = [place for place, seed in enumerate(record.seeds) if seed not in record.diverged]
    if not sound:
        raise ConfigError(f"{path}: all of its seeds diverged, and none is left to forecast")
    latest = max(data.folds.shift(data.seeds[place]) for place in sound)
    return [place for place in sound if data.folds.shift(data.seeds[place]) == latest]


def _trained_rows(data: PopulationData, first: int) -> int | None:
    """How many rows there are up to the last target that one seed was trained on."""
    if not isinstance(data.task, Series) or data.task.interleaved:
        return None
    last = data.bounds["train"][1] - 1 + data.folds.shift(data.seeds[first])
    return last + data.task.window + data.task.horizon


def _other(path: Path, record: Record, parts: Parts, data: str) -> Series:
    """The task on another file, of which nothing is learnt: it may be short, and its target constant.

    Raises:
        ConfigError: it reads none, or the file cannot be read so.
    """
    if "path" not in record.config["data"]:
        raise ConfigError(f"{path}: {record.data} reads no file, so that there is no other to forecast from")
    task = parts.data.make_task({"path": data})
    if not isinstance(task, Series):
        raise ConfigError(f"{data}: is no series")
    return task
