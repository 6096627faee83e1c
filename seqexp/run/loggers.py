"""The loggers of a run beside TensorBoard: built from the configuration, offline, in folders below the run's."""

from __future__ import annotations

import importlib.util
import inspect
import logging
import math
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from lightning.pytorch.loggers import Logger

from seqexp.config.mistakes import ConfigError
from seqexp.config.targets import arguments, find_listed, make

log = logging.getLogger(__name__)

FOLDER = "loggers"
"""Below a run's folder; each logger has one of its own in there."""

EXTRAS = {"MLFlowLogger": "mlflow", "WandbLogger": "wandb", "TrackioLogger": "trackio"}
"""The package that a class needs, and the name of seqexp's extra for it."""

ONLINE = ("CometLogger", "LitLogger", "NeptuneLogger")
"""Lightning's loggers that do nothing without a server."""

ENVIRONMENT = {
    "MLFLOW_ALLOW_FILE_STORE": "true",  # else MLflow 3 wants a database
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "WANDB_SILENT": "true",
    "WANDB_CONSOLE": "off",
}
"""What lets them write files, and keeps them from asking a server and from writing to the console or reading it."""

Maker = Callable[[Path], Logger]


def _own(name: str, folder: Path, run: str) -> dict[str, Any]:
    """What seqexp gives a class of this name itself."""
    particular: dict[str, dict[str, Any]] = {
        "CSVLogger": {"name": "", "version": ""},
        "MLFlowLogger": {"run_name": run, "tracking_uri": folder.absolute().as_uri()},
        "WandbLogger": {"name": run, "offline": True, "log_model": False},
        "TrackioLogger": {"name": run},
    }
    return {"save_dir": str(folder), **particular.get(name, {})}


def find_loggers(node: Mapping[str, Any], allowed: list[str]) -> dict[str, Maker]:
    """Checks what the group `logger` names.

    Args:
        node: name -> settings.
        allowed: packages that the user trusts.

    Returns:
        Name -> what makes the logger, called with the run's folder.

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
    parameters = inspect.signature(found).parameters
    given = [key for key in _own(found.__name__, Path(), "") if key in parameters]
    values = arguments(where, node, found, given)

    def make_logger(folder: Path) -> Logger:
        place = folder / FOLDER / name
        own = {key: value for key, value in _own(found.__name__, place, folder.name).items() if key in parameters}
        return make(where, found, {**own, **values}, (Exception,))

    return make_logger


class Loggers:
    """Everything that a run's loggers get: settings, the mean over seeds of each epoch's scores, the final ones.

    What one of them breaks over is said, and the run goes on without it.

    Args:
        makers: what makes each, by name.
        folder: the run's; what an earlier attempt has logged there goes.
    """

    def __init__(self, makers: Mapping[str, Maker], folder: Path) -> None:
        self.makers = makers
        self.folder = folder
        self.loggers: dict[str, Logger] = {}
        self._environment: dict[str, str | None] = {}

    def __enter__(self) -> Loggers:
        if (self.folder / FOLDER).is_dir():
            shutil.rmtree(self.folder / FOLDER)
        if self.makers:
            self._environment = {name: os.environ.get(name) for name in ENVIRONMENT}
            os.environ.update(ENVIRONMENT)
        for name, make_logger in self.makers.items():
            (self.folder / FOLDER).mkdir(exist_ok=True)
            self._try(name, lambda make_logger=make_logger, name=name: self._begin(name, make_logger))  # type: ignore[misc]
        return self

    def __exit__(self, *error: object) -> None:
        status = "success" if error[0] is None else "failed"
        self._each(lambda logger: _end(logger, status))
        for name, value in self._environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def start(self, settings: Mapping[str, Any]) -> None:
        """Logs the settings, dotted key -> value."""
        self._each(lambda logger: logger.log_hyperparams(dict(settings)))

    def scores(self, scores: Mapping[str, npt.ArrayLike], step: int) -> None:
        """Logs the mean over seeds of each score; seeds without a finite one are left out.

        Args:
            scores: tag such as `val/mse` -> one score per seed, (S,).
            step: the epoch.
        """
        means = {}
        for tag, row in scores.items():
            values = np.asarray(row, dtype=float)
            finite = values[np.isfinite(values)]
            means[tag] = float(finite.mean()) if finite.size else math.nan
        known = {tag: mean for tag, mean in means.items() if math.isfinite(mean)}
        if known:
            self._each(lambda logger: logger.log_metrics(known, step))

    def _begin(self, name: str, make_logger: Maker) -> None:
        self.loggers[name] = make_logger(self.folder)

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
