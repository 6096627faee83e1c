"""The Lightning Trainer of a configuration: each of its flags is obeyed, or refused before anything is written."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterator
from typing import Any

import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import Timer

from seqexp.config.foreign import handed_on
from seqexp.config.mistakes import OURS, ConfigError, show
from seqexp.config.targets import arguments, find_class, make
from seqexp.data.module import PopulationData
from seqexp.training.module import NoProfiler

PRECISIONS = (None, 32, "32", "32-true", 64, "64", "64-true", "bf16-true", "16-true")
"""Mixed precision is left out: its gradient scaler skips a step for all seeds when one of them overflows."""

ACCELERATORS = (None, "cpu", "gpu", "cuda", "mps", "auto")
PROFILERS = (None, "simple", "advanced", "pytorch")

USELESS = {
    "barebones": "it is for measuring Lightning alone, without what selects the weights",
    "limit_predict_batches": "a run predicts its test split and nothing else; see trainer.limit_test_batches",
    "log_every_n_steps": "a run notes its scores at the end of each epoch",
    "model_registry": "a run's checkpoints lie in its folder",
    "plugins": "they are objects, which YAML cannot hold",
}
"""Flags that could not do here what Lightning promises of them: why."""

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
"""The variable that `trainer.deterministic` sets."""

LEAST = {
    "max_epochs": -1, "max_steps": -1, "min_epochs": 0, "min_steps": 0, "accumulate_grad_batches": 1,
    "check_val_every_n_epoch": 1, "num_sanity_val_steps": -1, "overfit_batches": 0, "fast_dev_run": 0,
    "reload_dataloaders_every_n_epochs": 0, "limit_train_batches": 0, "limit_val_batches": 0, "limit_test_batches": 0,
}  # fmt: skip
"""The least value of each flag that is a number; Lightning itself accepts less, and does something else then."""


def trainer_maker(
    node: dict[str, Any], allowed: list[str], data: PopulationData, may_stop: bool
) -> Callable[[list[Callback], str], Trainer]:
    """Checks the Trainer's settings; returns what builds it, called with callbacks and a folder.

    Args:
        node: the settings.
        allowed: packages that the user trusts.
        data: has the batches of which the settings speak.
        may_stop: whether training may stop early, which takes a validation.

    Raises:
        ConfigError: a setting is wrong, or could not do here what it does for Lightning.
    """
    trainer_class = find_class("trainer", node.get("_target_"), Trainer, allowed)
    # Null leaves Lightning's default, but for this flag, to which it means: count batches across epochs.
    given = {name: value for name, value in node.items() if value is not None or name == "check_val_every_n_epoch"}
    values = arguments("trainer", given, trainer_class, given=OURS["trainer"])
    values["enable_progress_bar"] = False  # fit.py has one of its own
    _check_values(values, may_stop)
    limits = _limits(values)
    data.limits = {split: limit for split, (_, limit) in limits.items()}
    _check_batches(limits, data)
    val = data.batches_left("val")
    if may_stop and not val:
        raise ConfigError(
            "early_stopping.patience must be null where nothing is validated: data.val_fraction or "
            "trainer.limit_val_batches is 0"
        )
    if val:
        _check_validation(values, data.batches_left("train"))

    def make_trainer(callbacks: list[Callback], folder: str) -> Trainer:
        own = {
            "logger": False,
            "callbacks": callbacks,
            "default_root_dir": folder,
            "enable_checkpointing": False,
            "enable_model_summary": False,
            "plugins": LightningEnvironment(),  # one process, even where a cluster's environment is around it
        }
        if "profiler" not in values:
            own["profiler"] = NoProfiler()
        with handed_on():  # whatever Lightning says here is about a setting
            trainer = make("trainer", trainer_class, {**values, **own}, (Exception,))
        if not val:
            trainer.limit_val_batches = 0  # Lightning warns of a validation split without batches
        return trainer

    return make_trainer


@contextlib.contextmanager
def settings_of_the_process_kept() -> Iterator[None]:
    """What a Trainer switches on for the whole process ends with it; the next job of a sweep may not want it."""
    benchmark, workspace = torch.backends.cudnn.benchmark, os.environ.get(WORKSPACE)
    strict, warns = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = benchmark
        if torch.are_deterministic_algorithms_enabled() != strict:
            torch.use_deterministic_algorithms(strict, warn_only=warns)
        if workspace is None:
            os.environ.pop(WORKSPACE, None)
        else:
            os.environ[WORKSPACE] = workspace


def _check_values(values: dict[str, Any], may_stop: bool) -> None:
    """Refuses what is wrong whatever the data are."""
    for name, why in USELESS.items():
        if values.pop(name, False) is not False:
            raise ConfigError(f"trainer.{name} has no use here and must be left out: {why}")
    if values.get("strategy", "auto") != "auto":  # the others open a port
        raise ConfigError(
            f"trainer.strategy must be auto: a population lives on one device, got {show(values['strategy'])}"
        )
    if values.get("precision") not in PRECISIONS:
        raise ConfigError(
            f"trainer.precision must be 32-true, 64-true, bf16-true or 16-true, got {show(values['precision'])}"
        )
    if not values.get("gradient_clip_val", 1) > 0:
        raise ConfigError(f"trainer.gradient_clip_val must be > 0, or null for none, got {values['gradient_clip_val']}")
    accelerator = values.get("accelerator")
    if accelerator not in ACCELERATORS:
        raise ConfigError(f"trainer.accelerator must be cpu, gpu, cuda, mps or auto, got {show(accelerator)}")
    no_gpu = not (torch.cuda.is_available() or torch.backends.mps.is_available())
    if accelerator in ("gpu", "cuda", "mps") and no_gpu:
        raise ConfigError(f"trainer.accelerator={accelerator}: torch finds no GPU here; cpu or auto is allowed")
    if values.get("profiler") not in PROFILERS:
        raise ConfigError(f"trainer.profiler must be simple, advanced, pytorch or null, got {show(values['profiler'])}")
    for name, least in LEAST.items():
        value = values.get(name)
        if value is not None and value < least:
            raise ConfigError(f"trainer.{name} must be >= {least}, got {value}")
    _check_end(values, may_stop)


def _check_end(values: dict[str, Any], may_stop: bool) -> None:
    """Refuses a training that would be over before it begins, or never."""
    for name in ("max_epochs", "max_steps"):
        if values.get(name) == 0:
            raise ConfigError(f"trainer.{name} must be >= 1, or -1 for no limit, got 0")
    if "max_time" in values:
        timer = make("trainer.max_time", Timer, {"duration": values["max_time"]}, (Exception,))
        if not (timer.time_remaining() or 0) > 0:
            raise ConfigError(f"trainer.max_time must be > 0, got {values['max_time']}")
    ends = (values.get("max_steps", -1) > 0, "max_time" in values, values.get("fast_dev_run"), may_stop)
    if values.get("max_epochs") == -1 and not any(ends):
        raise ConfigError(
            "trainer.max_epochs=-1 would train for ever; give trainer.max_steps, trainer.max_time or "
            "early_stopping.patience as well"
        )


def _limits(values: dict[str, Any]) -> dict[str, tuple[str, int | float]]:
    """For each split the flag that limits it, and its value: a share of the batches up to 1.0, or their number."""
    limits = {}
    for split in ("train", "val", "test"):
        name = f"limit_{split}_batches"
        limit: int | float = int(values["fast_dev_run"]) if values.get("fast_dev_run") else values.get(name, 1.0)
        if values.get("overfit_batches") and split != "test":
            name = "overfit_batches"
            limit = values[name]
        if isinstance(limit, float) and limit > 1:
            if limit % 1 != 0:
                raise ConfigError(f"trainer.{name} must be a share of at most 1.0 or a whole number, got {limit}")
            values[name] = limit = int(limit)  # for overfit_batches Lightning would take 2.0 for a share
        limits[split] = (name, limit)
    return limits


def _check_batches(limits: dict[str, tuple[str, int | float]], data: PopulationData) -> None:
    """Refuses limits that leave no batch, unless no validation is wanted, and one on batches drawn anew."""
    if data.fresh and limits["train"][0] == "overfit_batches":
        raise ConfigError(
            "trainer.overfit_batches must be 0 where data.fresh is true: it takes the same batches at every pass, and "
            "those are drawn anew"
        )
    for split, (name, limit) in limits.items():
        count = data.num_batches(split)
        if data.batches_left(split) == 0 and not (split == "val" and (limit == 0 or count == 0)):
            raise ConfigError(f"trainer.{name} must leave one of the {count} batches, got {limit}")


def _check_validation(values: dict[str, Any], batches: int) -> None:
    """Refuses a training that ends before its first validation; `batches` are those of a training epoch."""
    every, interval = values.get("check_val_every_n_epoch", 1), values.get("val_check_interval", 1.0)
    if values.get("fast_dev_run"):  # Lightning's own short run: it has one epoch, validated at its end
        return
    if not isinstance(interval, int | float):
        raise ConfigError(
            f"trainer.val_check_interval must be a number of batches or a share of an epoch, got {interval}: "
            "validations by the clock cannot be repeated"
        )
    if isinstance(interval, float) and (interval > 1 or (every is None and "val_check_interval" in values)):
        raise ConfigError(
            "trainer.val_check_interval must be a share of an epoch up to 1.0 or a whole number of batches, and the "
            f"latter where trainer.check_val_every_n_epoch is null, got {interval}"
        )
    if not interval > 0:
        raise ConfigError(f"trainer.val_check_interval must be > 0, got {interval}")
    at = max(1, int(batches * interval)) if isinstance(interval, float) else interval
    if every is not None and at > batches:
        raise ConfigError(
            f"trainer.val_check_interval must be at most the {batches} training batches of an epoch, got {interval}; "
            "with trainer.check_val_every_n_epoch=null it counts across epochs"
        )
    first = at if every is None else (every - 1) * batches + at
    last = _last_batch(values, batches)
    if first > last:
        given = [f"trainer.{name}={'null' if value is None else value}" for name, value in _chosen(values)]
        raise ConfigError(
            f"{', '.join(given)}: nothing would be validated, for training has {last:.0f} batches and the first "
            f"validation comes after {first}; trainer.limit_val_batches=0 does without"
        )


def _chosen(values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields the flags that say when training ends and is validated, but for those that leave it to the others."""
    usual = {"check_val_every_n_epoch": 1, "val_check_interval": 1.0, "max_epochs": -1, "max_steps": -1}
    for name, value in usual.items():
        if values.get(name, value) != value:
            yield name, values[name]


def _last_batch(values: dict[str, Any], batches: int) -> float:
    """How many batches training has at most, as far as it is limited by epochs or steps."""
    max_epochs, max_steps = values.get("max_epochs"), values.get("max_steps", -1)
    if max_epochs is None:  # Lightning's own default
        max_epochs = 1000 if max_steps == -1 and "max_time" not in values else -1
    last = math.inf if max_epochs == -1 else float(max_epochs * batches)
    if max_steps == -1:
        return last
    group = values.get("accumulate_grad_batches", 1)
    epochs, steps = divmod(max_steps, -(-batches // group))  # an epoch's last step may have fewer batches
    return min(last, float(epochs * batches + min(steps * group, batches)))
