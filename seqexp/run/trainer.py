"""The Lightning Trainer of a configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer

from seqexp.config.mistakes import ConfigError
from seqexp.config.targets import arguments, find_class, make
from seqexp.data.module import PopulationData
from seqexp.training.module import NoProfiler

TRAINER_KEYS = (
    *("logger", "callbacks", "default_root_dir", "enable_checkpointing", "enable_model_summary"),
    "model_registry",  # would send the weights to Lightning's servers
)
"""Arguments of Lightning's Trainer that seqexp gives itself, or leaves out."""

PRECISIONS = (None, 32, "32", "32-true", 64, "64", "64-true", "bf16-true", "16-true")
"""Mixed precision is left out: its gradient scaler skips a step for all seeds when one of them overflows."""


def trainer_maker(
    node: dict[str, Any], allowed: list[str], data: PopulationData, may_stop: bool
) -> Callable[[list[Callback], str], Trainer]:
    """Checks the Trainer's settings; returns what builds it, called with callbacks and a folder."""
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
