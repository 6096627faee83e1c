"""load(): the trained population of a run's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf

from seqexp.config.environment import unmasked
from seqexp.config.mistakes import ConfigError
from seqexp.record.files import is_plain
from seqexp.record.record import Record, RecordError
from seqexp.run.build import Parts, build
from seqexp.run.trained import Trained
from seqexp.training.module import Training

BESIDE = ("callback", "diagnostic", "logger")
"""Groups that a trained model does without: their packages need not be there, nor be trusted."""


def load(folder: Path | str, allowed_packages: Sequence[str] = (), allowed_environment: Sequence[str] = ()) -> Trained:
    """Loads the trained population of a run, with each seed's kept weights.

    Args:
        folder: the run's folder.
        allowed_packages: packages whose code you trust to be imported, beside seqexp, torch and lightning.
            What the run's own configuration says of that is not believed.
        allowed_environment: environment variables that may be read where the run read them: a record does not hold
            their values.

    Returns:
        The model of all seeds: called on sequences it predicts, `states` and `gates` show what is inside, and
        `to_torch(0)` is its first seed as an ordinary torch module. Dropout is off.

    Raises:
        RecordError: there is no readable record, no checkpoint of plain tensors, or an environment variable is needed.
        ConfigError: the recorded configuration names other code, or a text stands in a list's place.
    """
    _, parts = load_run(Path(folder), allowed_packages, allowed_environment, {})
    return Trained(parts.training.model)


def load_run(
    folder: Path, allowed_packages: Sequence[str], allowed_environment: Sequence[str], changes: Mapping[str, Any]
) -> tuple[Record, Parts]:
    """Builds what a finished run describes, its model with the kept weights.

    Args:
        folder: the run's folder.
        allowed_packages: as for `load`.
        allowed_environment: as for `load`.
        changes: other values of keys of the `data` group, in place of the recorded ones.

    Returns:
        The record, and what it describes; no data but the first seed's are made.
    """
    for name, value in (("allowed_packages", allowed_packages), ("allowed_environment", allowed_environment)):
        if isinstance(value, str):
            raise ConfigError(f"{name} must be a list of names, as [{value!r}], got {value!r}")
    record = Record.read(folder)
    if record.status != "done":
        raise RecordError(f"{folder}: the run failed, and left no model")
    try:
        settings = unmasked(record.config, allowed_environment)
    except LookupError as error:
        raise RecordError(f"{folder}: {error.args[0]}") from None
    if "${" in json.dumps(settings):  # what was recorded had been resolved
        raise RecordError(f"{folder}: the recorded configuration refers to something outside it")
    config = OmegaConf.create({**settings, "allowed_packages": list(allowed_packages)})
    config.trainer.accelerator = "cpu"  # wherever it was trained
    for group in BESIDE:
        config[group] = {}
    config.data.update(changes)
    parts = build(config)
    load_kept(parts.training, folder)
    return record, parts


def load_kept(training: Training, folder: Path) -> None:
    """Gives a run's kept weights to a population of its settings.

    Raises:
        RecordError: there is no checkpoint of plain tensors, or it is another run's.
    """
    path = folder / "checkpoints" / "best.ckpt"
    if not is_plain(path):
        raise RecordError(f"{path}: there is no such file, or a link")
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")["state_dict"]
        training.to(next(iter(state.values())).dtype).load_state_dict(state)
    except Exception as error:  # whatever a damaged file, or one that holds more than tensors, makes torch say
        raise RecordError(f"{path}: is not this run's checkpoint ({type(error).__name__})") from error
