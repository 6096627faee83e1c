"""load(): the trained population of a run's folder."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import nn
from yaml import YAMLError  # type: ignore[import-untyped]

from seqexp.config.environment import unmasked
from seqexp.config.mistakes import ConfigError
from seqexp.config.schema import check
from seqexp.data.task import Task
from seqexp.model import Model
from seqexp.record.files import MOST_JSON, check_plain, is_plain
from seqexp.record.own import READING
from seqexp.record.record import RESULT, Record, RecordError, find
from seqexp.run.build import Parts, build
from seqexp.run.size import Sizes, unset_model
from seqexp.run.task import task_maker
from seqexp.run.trained import Trained
from seqexp.run.unchanged import check_there
from seqexp.training.steps import path_of, steps_of

BESIDE = ("callback", "diagnostic", "logger")
"""Groups that training and testing do without: their packages need not be there, nor be trusted."""

MOST_RUNS = 1000
"""So many runs below a folder are counted."""

NOT_MODEL = (*BESIDE, "data", "optimizer", "scheduler", "trainer")
"""Groups that a trained model does without, where its record says what it reads and predicts."""


def load(
    folder: Path | str,
    allowed_packages: Sequence[str] = (),
    allowed_environment: Sequence[str] = (),
    step: int | None = None,
) -> Trained:
    """Loads the trained population of a run, with each seed's kept weights.

    Neither the data nor the task's code need be there any more.

    Args:
        folder: the run's folder.
        allowed_packages: packages whose code you trust to be imported, beside seqexp, torch and lightning.
            What the run's own configuration says of that is not believed.
        allowed_environment: environment variables that may be read where the run read them: a record does not hold
            their values.
        step: a step of training of which `checkpoint.weights` kept the weights (`kept_steps` lists them), 0 being the
            start: all seeds' at that step, whatever epoch was each seed's best. None: the weights that each seed kept.

    Returns:
        The model of all seeds: called on sequences it predicts, `states` and `gates` show what is inside, and
        `to_torch(0)` is its first seed as an ordinary torch module. Dropout is off.

    Raises:
        RecordError: there is no readable record, no checkpoint of plain tensors, or an environment variable is needed.
        ConfigError: the recorded configuration names other code, or a text stands in a list's place; or an older
            version recorded the run, so that its task is needed, and that cannot be built.
    """
    path = Path(folder)
    record = _finished(path, allowed_packages, allowed_environment)
    if record.sizes is not None:
        return Trained(_model(path, record, Sizes(**record.sizes), allowed_packages, allowed_environment, step))
    try:
        _, parts = load_run(path, allowed_packages, allowed_environment, {})
    except (ConfigError, OSError) as error:
        raise ConfigError(
            f"{path}: its record, of an older version, does not say what the model reads and predicts, so that its "
            f"task and data are needed; {error}"
        ) from None
    if step is not None:
        load_kept(parts.training, path, step=step)
    return Trained(parts.training.model)


def kept_steps(folder: Path | str) -> list[int]:
    """The steps of training whose weights a run has kept, ascending; none without `checkpoint.weights`."""
    return steps_of(Path(folder))


def record_of(folder: Path) -> Record:
    """Reads the record of a run's folder.

    Args:
        folder: the run's; of one that is no run's, but holds some, the message names the first of them.

    Raises:
        RecordError: there is no readable record.
    """
    if not folder.exists():
        raise RecordError(f"{folder}: there is no such folder")
    if folder.is_dir() and not os.path.lexists(folder / RESULT):
        runs = [each for each, _ in zip(find(folder), range(MOST_RUNS), strict=False)]
        if runs:
            count = f"{len(runs)} run{'s' * (len(runs) > 1)}" if len(runs) < MOST_RUNS else "many runs"
            raise RecordError(
                f"{folder}: is no run's folder, but one above {count}; give one of them, such as {runs[0]}"
            )
        raise RecordError(f"{folder}: holds no run")
    return Record.read(folder)


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
    record = _finished(folder, allowed_packages, allowed_environment)
    config = _configuration(folder, record, allowed_packages, allowed_environment, BESIDE)
    config.trainer.accelerator = "cpu"  # wherever it was trained
    config.data = files_of(config.data, folder)
    check_there(folder, record, config.data)
    config.data.update(changes)
    parts = build(config)
    load_kept(parts.training, folder)
    return record, parts


def load_apart(
    folder: Path, allowed_packages: Sequence[str], allowed_environment: Sequence[str]
) -> tuple[Record, Model, Callable[[Mapping[str, Any]], Task]]:
    """What of a finished run does not need its data.

    Args:
        folder: the run's folder.
        allowed_packages: as for `load`.
        allowed_environment: as for `load`.

    Returns:
        The record, the model with the kept weights, and what makes the run's task with some settings changed.

    Raises:
        RecordError: an older version recorded the run, and does not say what the model reads and predicts.
    """
    record = _finished(folder, allowed_packages, allowed_environment)
    if record.sizes is None:
        raise RecordError(
            f"{folder}: its record does not say what the model reads and predicts, so that it needs its data"
        )
    settings = check(_configuration(folder, record, allowed_packages, allowed_environment, BESIDE))
    model = _model(folder, record, Sizes(**record.sizes), allowed_packages, allowed_environment)
    return record, model.eval(), task_maker(OmegaConf.to_container(settings, resolve=True))  # type: ignore[arg-type]


def settings_of(
    folder: Path, record: Record, allowed_packages: Sequence[str], allowed_environment: Sequence[str]
) -> dict[str, Any]:
    """The settings of a finished run's data, environment variables filled in.

    Raises:
        RecordError: an environment variable is needed.
    """
    config = _configuration(folder, record, allowed_packages, allowed_environment, BESIDE)
    found: dict[str, Any] = OmegaConf.to_container(config.data)  # type: ignore[assignment]
    return found


def files_of(data: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The settings of a task whose files are named as seen from the folder in which a run was started.

    Args:
        data: the recorded settings of a task.
        folder: the run's.

    Returns:
        The settings, a relative path of a task of seqexp's own that reads files joined to that folder, where there is
        such a file.
    """
    settings: dict[str, Any] = OmegaConf.to_container(data) if isinstance(data, DictConfig) else dict(data)  # type: ignore[assignment]
    path = settings.get("path")
    if settings.get("_target_") not in READING or not path:
        return settings
    try:
        check_plain(folder / ".hydra" / "hydra.yaml", MOST_JSON)
        found = OmegaConf.load(folder / ".hydra" / "hydra.yaml")
        start = OmegaConf.select(found, "hydra.runtime.cwd") or OmegaConf.select(found, "runtime.cwd")  # of `run()`
    except (OSError, ValueError, OmegaConfBaseException, YAMLError):
        return settings  # as seen from here, then
    if not isinstance(start, str):
        return settings
    paths = [_seen_from(start, each) for each in ([path] if isinstance(path, str) else path)]
    return settings | {"path": paths[0] if isinstance(path, str) else paths}


def _seen_from(start: str, path: str) -> str:
    whole = os.path.join(start, os.path.expanduser(path))
    return whole if os.path.exists(whole) or glob.glob(whole) else path


def _finished(folder: Path, allowed_packages: Sequence[str], allowed_environment: Sequence[str]) -> Record:
    """The record of a run that left a model; refuses a text in a list's place."""
    for name, value in (("allowed_packages", allowed_packages), ("allowed_environment", allowed_environment)):
        if isinstance(value, str):
            raise ConfigError(f"{name} must be a list of names, as [{value!r}], got {value!r}")
    record = record_of(folder)
    if record.status != "done":
        raise RecordError(f"{folder}: the run failed, and left no model")
    return record


def _configuration(
    folder: Path,
    record: Record,
    allowed_packages: Sequence[str],
    allowed_environment: Sequence[str],
    without: Sequence[str],
) -> DictConfig:
    """What was recorded, environment variables filled in, and some groups left empty."""
    recorded = record.config | {group: {} for group in without}
    # What was started from need not be there any more.
    recorded["cell"] = {name: value for name, value in recorded["cell"].items() if name != "weights"}
    try:
        settings = unmasked(recorded, allowed_environment)
    except LookupError as error:
        raise RecordError(f"{folder}: {error.args[0]}") from None
    if "${" in json.dumps(settings):  # what was recorded had been resolved
        raise RecordError(f"{folder}: the recorded configuration refers to something outside it")
    return OmegaConf.create({**settings, "allowed_packages": list(allowed_packages)})


def _model(
    folder: Path,
    record: Record,
    sizes: Sizes,
    allowed_packages: Sequence[str],
    allowed_environment: Sequence[str],
    step: int | None = None,
) -> Model:
    """Builds the model that a record describes, with the kept weights."""
    config = check(_configuration(folder, record, allowed_packages, allowed_environment, NOT_MODEL))
    node: Any = OmegaConf.to_container(config.cell, resolve=True)
    model = unset_model(node, list(allowed_packages), sizes, len(record.seeds))
    model.cell.first_seed = record.seeds[0]
    load_kept(model, folder, "model.", step)
    return model


def load_kept(module: nn.Module, folder: Path, prefix: str = "", step: int | None = None) -> None:
    """Gives a run's kept weights to a population of its settings.

    Args:
        module: a `Training`, or its part.
        folder: the run's.
        prefix: what stands in the checkpoint before the names of the module's parameters.
        step: the step of training whose weights they are; None: those that each seed kept.

    Raises:
        RecordError: there is no checkpoint of plain tensors, or it is another run's.
    """
    path = folder / "checkpoints" / "best.ckpt" if step is None else path_of(folder, step)
    if step is not None and not os.path.lexists(path):
        steps = ", ".join(map(str, steps_of(folder)))
        there = f"those of steps {steps}" if steps else "none; checkpoint.weights=40 keeps some, where a run is trained"
        raise RecordError(f"{folder}: has no weights of step {step}, but {there}")
    if not is_plain(path):
        raise RecordError(f"{path}: there is no such file, or a link")
    try:
        kept = torch.load(path, weights_only=True, map_location="cpu")["state_dict"]
        state = {name.removeprefix(prefix): values for name, values in kept.items()}
        module.to(next(iter(state.values())).dtype).load_state_dict(state)
    except Exception as error:  # whatever a damaged file, or one that holds more than tensors, makes torch say
        raise RecordError(f"{path}: is not this run's checkpoint ({type(error).__name__})") from error
