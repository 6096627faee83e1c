"""forecast(): what a trained population says of the steps after the end of its series, and how far that is trusted."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from seqexp.closed_loop import roll_out
from seqexp.config.mistakes import ConfigError
from seqexp.data.module import VAL, PopulationData
from seqexp.data.series import Series
from seqexp.data.split import Split, evaluation_rows
from seqexp.model import Model
from seqexp.record.files import null_for_nan, write_atomically
from seqexp.record.record import Record
from seqexp.run.build import Parts
from seqexp.run.fit import limit_threads
from seqexp.run.load import load_run
from seqexp.seeding import generator
from seqexp.show import figures
from seqexp.show.future import draw_future
from seqexp.show.text import spreadsheet
from seqexp.statistics import Array, conformal

MOST_STARTS = 400
"""Windows, the latest ones, from which paths are made to see how wrong they are."""

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
        RecordError: there is no readable run.
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
    known = task if data is None else _other(path, record, data, allowed_packages, allowed_environment)
    if known.interleaved:
        where = f"{path}: its data" if data is None else data
        raise ConfigError(f"{where}: several series, and a forecast goes on from one, which --data FILE names")
    parts.make_data(guessed=False)
    shifts = [parts.data.folds.shift(seed) for seed in parts.data.seeds]  # with folds: those trained up to the last end
    kept = [place for place, shift in enumerate(shifts) if shift == max(shifts)]
    with limit_threads(parts):
        return _forecast(record, parts, known, kept, steps, level)


def _forecast(record: Record, parts: Parts, known: Series, kept: list[int], steps: int, level: float) -> Forecast:
    model, first, is_closed = parts.training.eval().model, kept[0], known.ahead == 1
    values = known.record(generator(parts.data.data_seeds[first], "data")).values  # (L, columns)
    read = values[:, list(known.read)]
    if is_closed:
        paths = _paths(model, read[None, -known.window :], steps)[kept, 0]  # (E, K, O)
    else:
        ends = [len(read) - known.horizon + step + 1 for step in range(steps)]
        windows = torch.stack([read[end - known.window : end] for end in ends])  # (K, T, I)
        paths = _paths(model, windows, 1)[kept][:, :, 0]
    if not (sound := paths.isfinite().flatten(1).all(1)).any():
        raise ConfigError("no seed has a forecast that is a number")
    kept = [seed for seed, is_sound in zip(kept, sound.tolist(), strict=True) if is_sound]
    length = steps if is_closed else 1
    before, after = (
        _residuals(model, _in_time(parts.data, name, first), kept, length, level, name) for name in (VAL, "test")
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
    )


def _other(
    path: Path, record: Record, data: str, allowed_packages: Sequence[str], allowed_environment: Sequence[str]
) -> Series:
    """The task on another file.

    Raises:
        ConfigError: it reads none, or the file cannot be read so.
    """
    if "path" not in record.config["data"]:
        raise ConfigError(f"{path}: {record.data} reads no file, so that there is no other to forecast from")
    _, parts = load_run(path, allowed_packages, allowed_environment, {"path": data})
    task = parts.data.task
    if not isinstance(task, Series):
        raise ConfigError(f"{data}: is no series")
    return task


def _in_time(data: PopulationData, name: str, first: int) -> Split:
    """One seed's split, the windows of each of several series one after another."""
    split, task = data.splits[name].of(slice(first, first + 1)), data.task
    start, stop = (each + data.folds.shift(data.seeds[first]) for each in data.bounds[name])
    order = task.in_time(start, stop) if isinstance(task, Series) else None
    return split if order is None else split._replace(inputs=split.inputs[:, order], targets=split.targets[:, order])


def _paths(model: Model, windows: Tensor, steps: int) -> Tensor:
    """What every seed makes of windows (N, T, I): (S, N, K, O), predictions being fed back from the second step on."""
    size = evaluation_rows(model.num_seeds)
    found = []
    with torch.no_grad():
        for piece in windows.to(model.weight).split(size):
            every = piece.expand(model.num_seeds, *piece.shape)
            found.append(model(every)[:, :, None] if steps == 1 else roll_out(model, every, steps))
    return torch.cat(found, 1).cpu()


def _residuals(model: Model, split: Split, kept: list[int], steps: int, level: float, name: str) -> Array:
    """What came minus what the mean of the seeds predicted from each window, (N, K, O); NaN beyond the split's end.

    Raises:
        ConfigError: validation has too few windows for the level.
    """
    needed, count = conformal.least(level), split.num_sequences
    if name == VAL and count < steps - 1 + needed:
        allowed = max(0, count - needed + 1)
        raise ConfigError(
            f"an interval of level {level:g} for {steps} steps needs {steps - 1 + needed} windows of validation, and "
            f"there are {count}: "
            + (f"steps must be <= {allowed}, or --level lower" if allowed else "--level must be lower")
        )
    first = max(0, count - MOST_STARTS - steps + 1)
    windows, targets = split.inputs[0, first:], split.targets[0, first:].double()  # (N, T, I), (N, O)
    predicted = _paths(model, windows, steps)[kept].double().mean(0)  # (N, K, O)
    ahead = torch.arange(len(targets))[:, None] + torch.arange(steps)  # (N, K)
    follows = (windows[1:, -1] == split.targets[0, first:-1]).flatten(1).all(1) if steps > 1 else None
    whole = ahead < len(targets)
    if follows is not None:  # windows of several files stand behind each other
        breaks = torch.nn.functional.pad((~follows).cumsum(0), (1, 0))
        whole &= breaks[ahead.clamp(max=len(targets) - 1)] == breaks[:, None]
    truth = targets[ahead.clamp(max=len(targets) - 1)]  # (N, K, O)
    residuals = torch.where(whole[..., None], truth - predicted, torch.nan)
    found: Array = residuals.numpy()
    return found
