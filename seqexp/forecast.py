"""forecast(): what a trained population says of the steps after the end of its series, and how far that is trusted."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from seqexp.config.mistakes import ConfigError
from seqexp.data.csv import classifies
from seqexp.data.module import VAL, PopulationData
from seqexp.data.series import Series
from seqexp.data.task import Task, features, outputs
from seqexp.forecasts import Forecast
from seqexp.model import Model
from seqexp.record.record import Record, RecordError
from seqexp.residuals import check_enough, in_time, paths_from, residuals
from seqexp.run.build import Parts
from seqexp.run.fit import limit_threads
from seqexp.run.load import load_apart, load_run, record_of
from seqexp.run.unchanged import OtherDataError, check_unchanged
from seqexp.seeding import generator
from seqexp.statistics import Array, conformal

SHOWN = 3
"""So many windows of the past are drawn."""

MOST_STEPS = 100_000
"""A path of these takes a minute or two."""

LEARNT = ("window", "horizon", "scaling")
"""Settings of the data that are the networks' as well."""


class Bounds(NamedTuple):
    """An interval around the mean of the seeds, of O columns, and how it was found.

    Attributes:
        half_widths: (K, O), or (1, O) where it is the same for all steps.
        coverage: of the same shape, the share of test values that it held.
        num_residuals: of validation, at the first step and at the last.
    """

    half_widths: Array
    coverage: Array
    num_residuals: tuple[int, int]


class Own(NamedTuple):
    """What a run's folder holds and describes.

    Attributes:
        record: of the run.
        model: with the kept weights.
        make_task: makes its task, with some settings changed.
        parts: what it describes, its data made; None where these are not there any more, or others.
        lacks: why there are none, in a clause.
        has_grown: its file goes on behind the rows that these parts are made of.
    """

    record: Record
    model: Model
    make_task: Callable[[Mapping[str, Any]], Task]
    parts: Parts | None
    lacks: str | None
    has_grown: bool = False


def forecast(
    folder: Path | str,
    steps: int,
    data: str | None = None,
    level: float = 0.9,
    allowed_packages: Sequence[str] = (),
    allowed_environment: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
) -> Forecast:
    """Forecasts what comes after the end of the series that a run was trained on, or of another file.

    Where the targets are the next value of all inputs, predictions are fed back, for as many steps as are asked for.
    Else a run of horizon h predicts as many steps as h, step k from the window that ends h - k rows before the end.

    The interval around the mean of the seeds is split-conformal: as wide as the mean was wrong, at the same step, on
    validation windows. How often such an interval held the test values is measured beside it. Weights were selected by
    validation, too, so that its errors may be somewhat small. Where the run's own data are not there any more, or are
    others, a forecast of another file has no interval, and says why.

    Args:
        folder: the run's folder.
        steps: K.
        data: another file to go on from, for a task that reads one (`data.path`).
        level: of the interval.
        allowed_packages: as for `seqexp.run.load`.
        allowed_environment: as for `seqexp.run.load`.
        settings: of the data that are others for that file, such as `{"fill": "forward"}`.

    Raises:
        ConfigError: the run is of no series, or so many steps cannot be made, or validation is too short for the level.
        RecordError: there is no readable run; or its data are others by now, and no other file is named.
    """
    if not 0 < level < 1:
        raise ConfigError(f"level must be between 0 and 1, got {level:g}")
    if steps < 1:
        raise ConfigError(f"steps must be >= 1, got {steps}")
    if steps > MOST_STEPS:
        raise ConfigError(f"steps must be <= {MOST_STEPS:,}, got {steps:,}")
    if settings and data is None:
        raise ConfigError(f"data.{next(iter(settings))}: says how another file is written, which --data FILE names")
    path = Path(folder)
    if classifies(record_of(path).config.get("data") or {}):
        raise ConfigError(
            f"{path}: its data are no series but sequences with a class; predict tells the classes of new sequences"
        )
    own = _own(path, data, allowed_packages, allowed_environment)
    known = _known(path, own, data, settings or {})
    if known.ahead != 1 and steps > known.horizon:
        why = (
            "its targets are not all of its inputs" if known.ahead is None else f"it predicts {known.horizon} steps on"
        )
        raise ConfigError(
            f"{path}: steps must be <= {known.horizon}, data.horizon: {why}, so that predictions cannot be fed back, "
            f"got {steps}"
        )
    where = f"{path}: its data" if data is None else data
    if known.interleaved:
        raise ConfigError(f"{where}: several series, and a forecast goes on from one, which --data FILE names")
    kept = _kept(path, own.record)
    with limit_threads(own.parts) if own.parts else contextlib.nullcontext():
        return _forecast(own, known, where, kept, steps, level, settings or {})


def _own(path: Path, data: str | None, packages: Sequence[str], environment: Sequence[str]) -> Own:
    """What the folder of a run holds.

    Raises:
        RecordError: its data are others by now, and no other file is named.
    """
    try:
        record, parts = load_run(path, packages, environment, {})
        parts.make_data(guessed=False)
        check_unchanged(path, record, parts.data)
    except (ConfigError, OtherDataError) as error:
        if isinstance(error, OtherDataError) and (grown := _grown(path, packages, environment)) is not None:
            return grown
        if data is None and isinstance(error, OtherDataError):
            raise RecordError(f"{error}. --data FILE goes on from another file, without an interval") from None
        if data is None:
            raise
        record, model, make_task = load_apart(path, packages, environment)
        return Own(record, model, make_task, None, error.reason if isinstance(error, OtherDataError) else str(error))
    return Own(record, parts.training.eval().model, parts.data.make_task, parts, None)


def _grown(path: Path, packages: Sequence[str], environment: Sequence[str]) -> Own | None:
    """The same where a file has got more rows, and those that it had are what they were; else None."""
    notes = record_of(path).data_notes
    counts = [found[1] for each in notes if (found := re.match(r"The data are ([\d,]+) rows of ", each))]
    if len(counts) != 1:
        return None
    try:
        record, parts = load_run(path, packages, environment, {"rows": int(counts[0].replace(",", ""))})
        parts.make_data(guessed=False)
    except (ConfigError, OtherDataError):  # several files, or fewer rows, or none
        return None
    if record.data_hash != parts.data.data_hash:
        return None

    def make_task(changes: Mapping[str, Any]) -> Task:
        return parts.data.make_task({"rows": None, **changes})

    return Own(record, parts.training.eval().model, make_task, parts, None, has_grown=True)


def _forecast(
    own: Own, known: Series, where: str, kept: list[int], steps: int, level: float, settings: Mapping[str, Any]
) -> Forecast:
    record, model, is_closed = own.record, own.model, known.ahead == 1
    if own.parts:  # before a path is made, which would take as long as its steps
        check_enough(own.parts.data.splits[VAL].num_sequences, steps if is_closed else 1, level)
    seed = own.parts.data.data_seeds[kept[0]] if own.parts else 0  # a file is the same for every seed
    values = known.record(generator(seed, "data")).values  # (L, columns)
    read, least = values[:, list(known.read)], known.window + known.horizon - 1
    if len(read) < least:
        raise ConfigError(
            f"{where}: has {len(read)} row{'s' * (len(read) != 1)}, and the first step of a forecast needs "
            f"data.window + data.horizon - 1 = {least}"
        )
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
    if own.parts is None:
        unknown = np.full((1, len(known.predicted)), np.nan)
        bounds = Bounds(unknown, unknown, (0, 0))
    else:
        bounds = _bounds(own.parts.data, model, kept, steps if is_closed else 1, level)
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
        half_widths=np.broadcast_to(bounds.half_widths, (steps, bounds.half_widths.shape[1])),
        coverage=np.broadcast_to(bounds.coverage, (steps, bounds.coverage.shape[1])),
        num_residuals=bounds.num_residuals,
        left_out=[seed for seed in record.seeds if seed in {*record.diverged, *lost}],
        trained_rows=_trained_rows(own.parts.data, kept[0]) if own.parts else None,
        sources=[(each, hashlib.sha256(Path(each).read_bytes()).hexdigest()) for each in known.sources],
        settings=settings,
        no_interval=own.lacks,
    )


def _bounds(data: PopulationData, model: Model, kept: list[int], steps: int, level: float) -> Bounds:
    """The interval of paths of so many steps.

    Raises:
        ConfigError: validation is too short for it.
    """
    before, after = (residuals(model, in_time(data, name, kept[0]), kept, steps) for name in (VAL, "test"))
    try:
        widths = np.stack([conformal.half_widths(before[..., place], level) for place in range(before.shape[-1])], -1)
    except ValueError as error:  # windows of several files break off, and a path may leave what numbers hold
        raise ConfigError(f"validation is too short for this forecast: {error}") from None
    held = np.stack([conformal.coverage(after[..., place], widths[:, place]) for place in range(before.shape[-1])], -1)
    counts = np.isfinite(before[..., 0]).sum(0)
    return Bounds(widths, held, (int(counts[0]), int(counts[-1])))


def _kept(path: Path, record: Record) -> list[int]:
    """The places of the seeds that forecast: those that did not diverge; with folds those of the latest fold.

    Raises:
        ConfigError: all seeds diverged.
    """
    sound = [place for place, seed in enumerate(record.seeds) if seed not in record.diverged]
    if not sound:
        raise ConfigError(f"{path}: all of its seeds diverged, and none is left to forecast")
    folds = record.config["data"].get("folds") or 1
    latest = max(record.seeds[place] % folds for place in sound)
    return [place for place in sound if record.seeds[place] % folds == latest]


def _trained_rows(data: PopulationData, first: int) -> int | None:
    """How many rows there are up to the last target that one seed was trained on."""
    if not isinstance(data.task, Series) or data.task.interleaved:
        return None
    last = data.bounds["train"][1] - 1 + data.folds.shift(data.seeds[first])
    return last + data.task.window + data.task.horizon


def _known(path: Path, own: Own, data: str | None, settings: Mapping[str, Any]) -> Series:
    """What is forecast: the run's own series, or another file, of which nothing is learnt: it may be constant.

    Raises:
        ConfigError: the run is of no series, or reads no file, or the file cannot be read so, or not as the networks
            read theirs.
    """
    task = own.parts.data.task if own.parts else None
    none = f"{path}: {own.record.data} is no series whose windows predict a later value; forecast needs one"
    if task is not None and not isinstance(task, Series):
        raise ConfigError(none)
    if data is None and task is not None and not own.has_grown:
        return task
    if "path" not in own.record.config["data"]:
        raise ConfigError(f"{path}: {own.record.data} reads no file, so that there is no other to forecast from")
    if learnt := next((each for each in settings if each in LEARNT), None):
        raise ConfigError(f"data.{learnt}: is what the networks were trained with; settings say how {data} is written")
    other = own.make_task({**settings, **({} if data is None else {"path": data})})
    if not isinstance(other, Series):
        raise ConfigError(none)
    is_read = (features(other.inputs), outputs(other.targets)) == (own.model.cell.input_size, own.model.output_size)
    if not is_read or (task is not None and task.ahead != other.ahead):
        raise ConfigError(
            f"{data}: data.inputs and data.target must name one column for each that the networks read and predict"
        )
    return other
