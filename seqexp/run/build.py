"""From a configuration to the objects that it describes. Reads it together with run.py, and nobody else does."""

from __future__ import annotations

import bisect
import inspect
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from omegaconf import DictConfig, OmegaConf

from seqexp import memory
from seqexp.cell.recurrent import Recurrent
from seqexp.data.module import PopulationData
from seqexp.data.task import Task
from seqexp.model import Model
from seqexp.schema import ConfigError, arguments, cell_file, check, find_class, make
from seqexp.seeding import generator
from seqexp.training import NoProfiler, Training

LOADER_KEYS = tuple(name for name in inspect.signature(PopulationData).parameters if name not in ("task", "seeds"))
"""The keys of a data file that are for the LightningDataModule; the others are for the task."""

TRAINER_KEYS = ("logger", "callbacks", "default_root_dir", "enable_checkpointing", "enable_model_summary")
"""Arguments of Lightning's Trainer that seqexp gives itself."""

COUPLING_OPTIMIZERS = ("LBFGS", "Adafactor", "Muon", "SparseAdam")
"""Optimisers of torch that do not treat each number by itself, and so would mix the seeds."""

PRECISIONS = (None, 32, "32", "32-true", 64, "64", "64-true", "bf16-true", "16-true")
"""Mixed precision is left out: its gradient scaler skips a step for all seeds when one of them overflows."""


@dataclass(frozen=True)
class Parts:
    """What one configuration describes.

    Attributes:
        settings: the configuration, checked, resolved and plain.
        data: every seed's data.
        training: the population and its optimiser.
        make_trainer: called with callbacks and a folder; builds the Lightning Trainer.
        matched: the number of parameters that the hidden size was chosen to come close to, if it was.
    """

    settings: dict[str, Any]
    data: PopulationData
    training: Training
    make_trainer: Callable[[list[Callback], str], Trainer]
    matched: int | None

    def estimate(self) -> float:
        """Seconds that training may take at most, from timing a few steps; the weights are used up by that."""
        self.data.setup()
        training, batches = self.training, self.data.train_dataloader()
        optimizer = training.configure_optimizers()
        epochs = self.settings["trainer"]["max_epochs"]
        batch = next(iter(batches))
        training.learn(batch)  # the first step makes work space
        start, count = time.perf_counter(), 0
        while time.perf_counter() - start < 0.2 or count < 2:
            training.learn(batch)
            optimizer.step()
            count += 1
        return (time.perf_counter() - start) / count * len(batches) * (epochs if epochs and epochs > 0 else 1000)


def build(config: DictConfig) -> Parts:
    """Builds everything that a run needs, and so finds everything that is wrong with its configuration.

    Args:
        config: as Hydra composed it, without its `hydra` node.

    Raises:
        ConfigError: the first thing that is wrong.
    """
    settings: dict[str, Any] = OmegaConf.to_container(check(config), resolve=True)  # type: ignore[assignment]
    allowed = settings["allowed_packages"]
    seeds = range(settings["seed"], settings["seed"] + settings["num_seeds"])
    data = _data(settings["data"], allowed, seeds)
    if settings["early_stopping"]["patience"] is not None and not data.has_val:
        raise ConfigError("early_stopping.patience must be null where data.val_fraction is 0: nothing could be watched")
    matched = match_size(settings["cell"], allowed, data.task)
    make_trainer = _trainer(settings["trainer"], allowed, data, settings["early_stopping"]["patience"] is not None)
    trainer = make_trainer([], ".")
    if trainer.num_devices * trainer.num_nodes != 1:
        raise ConfigError(
            f"trainer.devices must be 1: a population lives on one device, got {settings['trainer'].get('devices')}"
        )
    _check_memory(settings, data, trainer)
    model = _model(settings["cell"], allowed, data.task, seeds)
    make_optimizer = _optimizer(settings["optimizer"], allowed, model)
    return Parts(settings, data, Training(model, make_optimizer), make_trainer, matched)


def _data(node: dict[str, Any], allowed: list[str], seeds: range) -> PopulationData:
    task_class = find_class("data", node.get("_target_"), Task, allowed)  # type: ignore[type-abstract]
    task_node = {name: value for name, value in node.items() if name not in LOADER_KEYS}
    loader_node = {name: value for name, value in node.items() if name in LOADER_KEYS}
    task_values = arguments("data", task_node, task_class, given=(), beside=LOADER_KEYS)
    loader_values = arguments("data", loader_node, PopulationData, given=("task", "seeds"))
    task = make("data", task_class, task_values)
    return make("data", PopulationData, {"task": task, "seeds": seeds, **loader_values})


def _check_memory(settings: dict[str, Any], data: PopulationData, trainer: Trainer) -> None:
    """Refuses a run that cannot fit, before anything large is made."""
    with torch.device("meta"):
        single = _unset_model(settings["cell"], settings["allowed_packages"], data.task, 1)
    device = trainer.strategy.root_device
    itemsize = 8 if "64" in str(trainer.precision) else 4
    needed = memory.predict(single, data, itemsize, max(1, trainer.max_epochs or 1), device)
    free = memory.available(device)
    if needed > free:
        raise ConfigError(
            f"this run needs about {memory.readable(needed)} of memory and {memory.readable(free)} are free: num_seeds "
            f"({len(data.seeds)}), data.batch_size ({data.batch_size or 'the whole training split'}), the sequences "
            f"or cell.hidden_size ({single.cell.hidden_size}) must be smaller"
        )


def _model(node: dict[str, Any], allowed: list[str], task: Task, seeds: range) -> Model:
    model = _unset_model(node, allowed, task, len(seeds))
    model.reset_parameters([generator(seed, "model") for seed in seeds])
    return model


def _unset_model(node: dict[str, Any], allowed: list[str], task: Task, num_seeds: int) -> Model:
    cell_class = find_class("cell", node.get("_target_"), Recurrent, allowed)
    given = {"input_size": task.input_size, "num_seeds": num_seeds}
    values = arguments("cell", node, cell_class, given)
    return Model(make("cell", cell_class, {**given, **values}), task.output_size)


def match_size(node: dict[str, Any], allowed: list[str], task: Task) -> int | None:
    """Replaces `hidden_size: match:...` by the size whose model comes closest in parameters.

    Args:
        node: the cell's configuration; changed in place.
        allowed: packages that the user trusts.
        task: gives the sizes of input and output, which count too.

    Returns:
        The number of parameters that was asked for; None where `hidden_size` is an ordinary number.

    Raises:
        ConfigError: the spelling is neither `match:17217` nor `match:lstm-64`.
    """
    asked = node.get("hidden_size")
    if not isinstance(asked, str) or not asked.startswith("match:"):
        return None
    found = re.fullmatch(r"match:(?:(\d+)|([\w.-]+)-(\d+))", asked)
    if found is None:
        raise ConfigError(
            f"cell.hidden_size={asked}: must be a whole number, match:17217 (parameters in all) or "
            "match:lstm-64 (as many as an LSTM of 64 units has)"
        )
    try:
        target = int(found[1]) if found[1] else _count(cell_file(found[2]), allowed, task, int(found[3]))
    except ConfigError as error:
        raise ConfigError(f"cell.hidden_size={asked}: {error}") from None
    # The count grows with the size, so the first size that is not too small, or the one before, is closest.
    sizes = range(1, target + 1)
    above = bisect.bisect_left(sizes, target, key=lambda size: _count(node, allowed, task, size))
    near = [size for size in (above, above + 1) if size >= 1]
    node["hidden_size"] = min(near, key=lambda size: abs(_count(node, allowed, task, size) - target))
    return target


def _count(node: dict[str, Any], allowed: list[str], task: Task, hidden_size: int) -> int:
    """Parameters of one seed's model, were the cell of that size."""
    with torch.device("meta"):  # shapes without memory
        return _unset_model({**node, "hidden_size": hidden_size}, allowed, task, 1).num_parameters


def _optimizer(node: dict[str, Any], allowed: list[str], model: Model) -> Callable[..., torch.optim.Optimizer]:
    optimizer_class = find_class("optimizer", node.get("_target_"), torch.optim.Optimizer, allowed)
    if optimizer_class.__name__ in COUPLING_OPTIMIZERS:
        raise ConfigError(
            f"optimizer._target_={node['_target_']}: mixes the numbers of a parameter, and so would mix the seeds; "
            "take one that treats each number by itself, such as Adam, AdamW, SGD or RMSprop"
        )
    values = arguments("optimizer", node, optimizer_class, given=("params",))
    if values.get("lr") is not None and not values["lr"] > 0:
        raise ConfigError(f"optimizer.lr must be > 0, got {values['lr']}")

    def make_optimizer(parameters: Any) -> torch.optim.Optimizer:
        return make("optimizer", optimizer_class, {"params": parameters, **values}, (RuntimeError, TypeError))

    make_optimizer(model.parameters())
    return make_optimizer


def _trainer(
    node: dict[str, Any], allowed: list[str], data: PopulationData, may_stop: bool
) -> Callable[[list[Callback], str], Trainer]:
    trainer_class = find_class("trainer", node.get("_target_"), Trainer, allowed)
    given = {name: value for name, value in node.items() if value is not None}  # null leaves Lightning's default
    values = arguments("trainer", given, trainer_class, given=TRAINER_KEYS)
    values["enable_progress_bar"] = False  # run.py has one of its own
    if not data.has_val:
        values["limit_val_batches"] = 0  # Lightning warns of a validation split without batches
    if values.get("strategy", "auto") != "auto":  # the others open a port
        raise ConfigError(f"trainer.strategy must be auto: a population lives on one device, got {values['strategy']}")
    if values.get("precision") not in PRECISIONS:
        raise ConfigError(
            f"trainer.precision must be 32-true, 64-true, bf16-true or 16-true, got {values['precision']}"
        )
    if not values.get("gradient_clip_val", 1) > 0:
        raise ConfigError(f"trainer.gradient_clip_val must be > 0, or null for none, got {values['gradient_clip_val']}")
    no_gpu = not (torch.cuda.is_available() or torch.backends.mps.is_available())
    if values.get("accelerator") in ("gpu", "cuda", "mps") and no_gpu:
        raise ConfigError(
            f"trainer.accelerator={values['accelerator']}: torch finds no GPU here; cpu or auto is allowed"
        )
    for name in ("max_epochs", "max_steps"):
        if values.get(name) == 0:
            raise ConfigError(f"trainer.{name} must be >= 1, or -1 for no limit, got 0")
    ends = (values.get("max_steps", -1) > 0, "max_time" in values, values.get("fast_dev_run"), may_stop)
    if values.get("max_epochs") == -1 and not any(ends):
        raise ConfigError(
            "trainer.max_epochs=-1 would train for ever; give trainer.max_steps, trainer.max_time or "
            "early_stopping.patience as well"
        )
    for split in ("train", "val", "test"):
        limit, count = values.get(f"limit_{split}_batches", 1.0), data.num_batches(split)
        left = int(limit * count) if isinstance(limit, float) else limit
        if left == 0 and not (split == "val" and (limit == 0 or count == 0)):
            raise ConfigError(f"trainer.limit_{split}_batches must leave one of the {count} batches, got {limit}")

    def make_trainer(callbacks: list[Callback], folder: str) -> Trainer:
        own = {
            "logger": False,
            "callbacks": callbacks,
            "default_root_dir": folder,
            "enable_checkpointing": False,
            "enable_model_summary": False,
        }
        if "profiler" not in values:
            own["profiler"] = NoProfiler()
        if "plugins" not in values:
            own["plugins"] = LightningEnvironment()  # one process, even where a cluster's environment is around it
        return make("trainer", trainer_class, {**values, **own}, (MisconfigurationException, TypeError))

    return make_trainer
