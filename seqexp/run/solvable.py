"""Whether a cell whose readout is solved, and not trained, can do what a configuration asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqexp.config.mistakes import ConfigError
from seqexp.data.module import VAL, PopulationData
from seqexp.data.shape import Values
from seqexp.model import Model


def check_solvable(settings: Mapping[str, Any], model: Model, data: PopulationData) -> None:
    """Refuses what speaks of a training that there is not, or of data on which there is nothing to solve.

    Settings of the optimizer and the Trainer's epochs are passed over: a sweep has them for the cells beside this one.

    Args:
        settings: the configuration, checked and resolved.
        model: of any number of seeds; one that is trained can do everything.
        data: of the run.

    Raises:
        ConfigError: the first thing that cannot be had.
    """
    if not model.cell.penalties:
        return
    solved = f"the readout of {type(model.cell).__name__} is solved by least squares, and not trained"
    if not isinstance(data.task.targets, Values):
        raise ConfigError(f"cell must be another for this task: its targets are classes, and {solved}")
    if data.fresh:
        raise ConfigError(f"data.fresh must be false for this cell: {solved}, on a training split that does not change")
    for split, limits in (("train", "limit_train_batches"), (VAL, "limit_val_batches, but for 0,")):
        if data.batches_left(split) not in (data.num_batches(split), *((0,) if split == VAL else ())):
            raise ConfigError(
                f"trainer.{limits} and trainer.overfit_batches and trainer.fast_dev_run must be left out for this "
                f"cell: {solved}, on whole splits"
            )
    if not data.batches_left(VAL) and len(model.cell.penalties) > 1:
        raise ConfigError(
            "cell.penalties must be a single number in a list where nothing is validated (data.val_fraction or "
            f"trainer.limit_val_batches is 0), as validation picks one, got {len(model.cell.penalties)}"
        )
    if settings["callback"]:
        name = next(iter(settings["callback"]))
        raise ConfigError(f"callback.{name} must be left out for this cell: it watches training, and {solved}")
