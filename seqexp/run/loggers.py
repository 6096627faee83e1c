"""The loggers of a run beside TensorBoard: built from the configuration, offline, below the run's or sweep's folder."""

from __future__ import annotations

import importlib.util
import inspect
import logging
import math
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from lightning.pytorch.loggers import Logger

from seqexp.config.leaves import leaves
from seqexp.config.mistakes import ConfigError
from seqexp.config.targets import arguments, find_listed, make
from seqexp.logger.shared import Shared
from seqexp.record.record import INERT_SETTINGS, Record
from seqexp.record.tidy import LOGGERS
from seqexp.run.report import report
from seqexp.statistics import mean_interval

log = logging.getLogger(__name__)

EXTRAS = {"MLFlowLogger": "mlflow", "WandbLogger": "wandb", "TrackioLogger": "trackio"}
"""The package that a class needs, and the name of seqexp's extra for it."""

ONLINE = ("CometLogger", "LitLogger", "NeptuneLogger")
"""Lightning's loggers that do nothing without a server."""

ENVIRONMENT = {
    "MLFLOW_ALLOW_FILE_STORE": "true",  # else MLflow 3 wants a database
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "WANDB_CONSOLE": "off",
    "WANDB_ERROR_REPORTING": "false",
}
"""What lets them write files, and keeps them from asking a server and from writing to the console or reading it."""


@dataclass(frozen=True)
class Place:
    """Where a run's loggers write, and what they call the run.

    Attributes:
        folder: the run's.
        sweep: the sweep's to which the run belongs; None for a run by itself.
        alike: keys that have one value in all of the sweep.
    """

    folder: Path
    sweep: Path | None
    alike: frozenset[str] = frozenset()

    def name(self) -> str:
        """What the run is called: the way to its folder from the sweep's, or its folder's name."""
        if self.sweep is None:
            return self.folder.name
        return self.folder.absolute().relative_to(self.sweep.absolute()).as_posix()

    def store(self, name: str, shared: bool) -> Path:
        """The folder of the logger of this name."""
        return (self.sweep if shared and self.sweep is not None else self.folder) / LOGGERS / name


Maker = Callable[[Place], Logger]


def _own(found: type[Logger], store: Path, run: str, group: str | None) -> dict[str, Any]:
    """What seqexp gives a class itself."""
    lightnings: dict[str, dict[str, Any]] = {
        "CSVLogger": {"name": "", "version": ""},
        "MLFlowLogger": {"run_name": run, "tracking_uri": store.absolute().as_uri()},
        "WandbLogger": {"name": run, "offline": True, "log_model": False},
    }
    particular = {"name": run, "group": group} if issubclass(found, Shared) else lightnings.get(found.__name__, {})
    parameters = inspect.signature(found).parameters
    return {key: value for key, value in {"save_dir": str(store), **particular}.items() if key in parameters}


def find_loggers(node: Mapping[str, Any], allowed: list[str]) -> dict[str, Maker]:
    """Checks what the group `logger` names.

    Args:
        node: name -> settings.
        allowed: packages that the user trusts.

    Returns:
        Name -> what makes the logger, called with the place where it writes.

    Raises:
        ConfigError: a setting is wrong, a package is missing, or a logger would send what it gets.
    """
    return {name: _maker(name, settings, allowed) for name, settings in node.items()}


def _maker(name: str, node: Any, allowed: list[str]) -> Maker:
    where = f"logger.{name}"
    found = find_listed("logger", name, node, Logger, allowed)  # type: ignore[type-abstract]
    if found.__name__ in ONLINE:
        raise ConfigError(f"{where}: {found.__name__} sends what it logs to a server; those of conf/logger do not")
    extra = EXTRAS.get(found.__name__)
    if extra is not None and importlib.util.find_spec(extra) is None:
        raise ConfigError(f"{where} needs the package {extra}: pip install 'seqexp[{extra}]'")
    values = arguments(where, node, found, _own(found, Path(), "", None))

    def make_logger(place: Place) -> Logger:
        store = place.store(name, issubclass(found, Shared))
        group = None if place.sweep is None else place.sweep.absolute().name
        return make(where, found, {**_own(found, store, place.name(), group), **values}, (Exception,))

    return make_logger


def hyperparameters(record: Record, optimizer: str) -> dict[str, Any]:
    """What loggers get as settings of a run.

    Args:
        record: of the run, not yet trained.
        optimizer: the name of its optimizer's file.

    Returns:
        The names of the task, the cell and the optimizer, the number of parameters, and under dotted keys every
        setting that can change a result and is not null.
    """
    chosen = {"data": record.data, "cell": record.cell, "optimizer": optimizer}
    inert = tuple(f"{key}." for key in INERT_SETTINGS)
    settings = {
        key: value
        for key, value in leaves(record.config, "")
        if value not in (None, {}, []) and not f"{key}.".startswith(inert)
    }
    return {**chosen, "num_parameters": record.num_parameters, **settings}


def final_numbers(record: Record) -> dict[str, float]:
    """What loggers get of a finished run: means over seeds at the kept weights, beside what needs no network.

    Args:
        record: of a run that is done.

    Returns:
        The score on validation, the scores on test and evaluations such as `test_at_40`, half the 95 % interval of the
        test score's mean, the baselines' test scores, and how many seeds diverged. What is not finite is left out.
    """
    metric, names = record.metric, {"val": "kept/val_{}"}
    found: dict[str, float] = {}
    for part, rows in record.scores.items():
        for each, row in rows.items() if part != "train" else ():
            if part != "val" or each == metric:
                found[names.get(part, f"{part.replace('@', '_at_')}/{{}}").format(each)] = mean_interval(row).mean
    found[f"test/{metric}_half_width"] = mean_interval(record.score("test") or []).half_width
    found |= {
        f"test_baseline/{name}": mean_interval(row).mean for name, row in record.baselines.items() if row is not None
    }
    found["work/diverged_seeds"] = float(len(record.diverged))
    return {tag: value for tag, value in found.items() if math.isfinite(value)}


class Loggers:
    """Everything that a run's loggers get: settings, the mean over seeds of each epoch's scores, the final ones.

    What one of them breaks over is said, and the run goes on without it.

    Args:
        makers: what makes each, by name.
        place: where they write; what an earlier attempt has logged in the run's folder goes.
    """

    def __init__(self, makers: Mapping[str, Maker], place: Place) -> None:
        self.makers = makers
        self.place = place
        self.loggers: dict[str, Logger] = {}
        self._environment: dict[str, str | None] = {}
        self._pending: dict[int, dict[str, float]] = {}

    def __enter__(self) -> Loggers:
        if (self.place.folder / LOGGERS).is_dir():
            shutil.rmtree(self.place.folder / LOGGERS)
        if self.makers:
            self._environment = {name: os.environ.get(name) for name in ENVIRONMENT}
            os.environ.update(ENVIRONMENT)
        for name, make_logger in self.makers.items():
            self._try(name, lambda make_logger=make_logger, name=name: self._begin(name, make_logger))  # type: ignore[misc]
        return self

    def __exit__(self, *error: object) -> None:
        status = "success" if error[0] is None else "failed"
        self.flush()
        self._each(lambda logger: _end(logger, status))
        for name, value in self._environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def start(self, record: Record, optimizer: str) -> None:
        """Logs the settings of a run that is about to be trained; arguments as for `hyperparameters`."""
        settings = hyperparameters(record, optimizer) if self.loggers else {}
        self._each(lambda logger: logger.log_hyperparams(settings))

    def finish(self, record: Record) -> None:
        """Logs what came out of a run, at the step after its last epoch."""
        self.flush()
        if self.loggers:
            numbers, line = final_numbers(record), report(record)
            self._each(lambda logger: logger.log_metrics(numbers, record.epochs))
            self._each(lambda logger: logger.describe(line) if isinstance(logger, Shared) else None)

    def scores(self, scores: Mapping[str, npt.ArrayLike], step: int) -> None:
        """Notes the mean over seeds of each score; seeds without a finite one are left out.

        Args:
            scores: tag such as `val/mse` -> one score per seed, (S,).
            step: the epoch.
        """
        means = {}
        for tag, row in scores.items():
            values = np.asarray(row, dtype=float)
            finite = values[np.isfinite(values)]
            means[tag] = float(finite.mean()) if finite.size else math.nan
        for tag, mean in means.items():
            if math.isfinite(mean):
                self.value(tag, mean, step)

    def value(self, tag: str, value: float, step: int) -> None:
        """Notes one number of an epoch, `step`."""
        self._pending.setdefault(step, {})[tag] = value

    def flush(self) -> None:
        """Logs what has been noted, all numbers of an epoch at once: a row each where a logger writes rows."""
        pending, self._pending = sorted(self._pending.items()), {}
        for step, numbers in pending:
            self._each(lambda logger, step=step, numbers=numbers: logger.log_metrics(numbers, step))  # type: ignore[misc]

    def _begin(self, name: str, make_logger: Maker) -> None:
        self.loggers[name] = make_logger(self.place)

    def _each(self, action: Callable[[Logger], None]) -> None:
        for name, logger in list(self.loggers.items()):
            self._try(name, lambda logger=logger: action(logger))  # type: ignore[misc]

    def _try(self, name: str, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:
            log.warning("logger %s failed, and gets no more of this run: %s: %s", name, type(error).__name__, error)
            log.info("logger %s", name, exc_info=True)
            self.loggers.pop(name, None)


def _end(logger: Logger, status: str) -> None:
    """Ends a logger: one of Lightning's leaves its run open for the next, which would go on with it."""
    logger.save()
    logger.finalize(status)
    if (finish := getattr(getattr(logger, "experiment", None), "finish", None)) is not None:
        finish()
