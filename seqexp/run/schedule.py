"""The schedule of the learning rate that a configuration describes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from seqexp.config.mistakes import OURS, ConfigError, show
from seqexp.config.targets import arguments, find_class, make
from seqexp.data.module import PopulationData
from seqexp.training.module import Schedule

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

COUNTS = ("T_0", "T_max", "step_size", "step_size_down", "step_size_up", "total_iters", "total_steps")
"""Arguments of torch's schedulers that count intervals; less than 1 they take without a word."""

TRIED = 1000
"""So many intervals of a schedule are gone through before a run begins, at most."""


def num_intervals(data: PopulationData, trainer: Trainer) -> dict[str, float]:
    """How many epochs and how many steps a training has at most."""
    each = -(-data.batches_left("train") // trainer.accumulate_grad_batches)
    epochs = math.inf if trainer.max_epochs in (None, -1) else float(trainer.max_epochs or 0)
    steps = math.inf if trainer.max_steps == -1 else float(trainer.max_steps)
    return {"epoch": min(epochs, steps // each), "step": min(epochs * each, steps)}


def find_schedule(
    node: Mapping[str, Any],
    allowed: list[str],
    make_optimizer: Callable[..., Optimizer],
    most: Mapping[str, float],
) -> Schedule | None:
    """Checks the settings of the group `scheduler` and returns what they describe; None where they are empty.

    Args:
        node: the settings.
        allowed: packages that the user trusts.
        make_optimizer: called with parameters.
        most: how many intervals training has at most, by their name.

    Raises:
        ConfigError: a setting is wrong, or the schedule would follow a score or make a rate that is none.
    """
    if not node:
        return None
    scheduler_class = find_class("scheduler", node.get("_target_"), LRScheduler, allowed)
    if issubclass(scheduler_class, ReduceLROnPlateau):
        raise ConfigError(
            f"scheduler._target_={node['_target_']}: follows one score of the whole population, and so would couple "
            "the seeds; take a schedule that depends on the epoch alone, such as cosine, step or warmup"
        )
    interval = node.get("interval")
    if interval not in ("epoch", "step"):
        raise ConfigError(f"scheduler.interval must be epoch or step, got {show(interval)}")
    values = {name: value for name, value in node.items() if name != "interval"}
    values = arguments("scheduler", values, scheduler_class, given=OURS["scheduler"], beside=("interval",))
    for name in COUNTS:
        if isinstance(value := values.get(name), int) and value < 1:
            # What a YAML file makes of ${trainer.max_epochs} where training has no last epoch.
            endless = f"; where trainer.max_epochs is -1, give scheduler.{name} itself" if value == -1 else ""
            raise ConfigError(f"scheduler.{name} must be >= 1, got {value}{endless}")

    def make_scheduler(optimizer: Optimizer) -> LRScheduler:
        return make("scheduler", scheduler_class, {"optimizer": optimizer, **values}, (Exception,))

    _try(make_optimizer, make_scheduler, interval, most[interval])
    return Schedule(make_scheduler, interval)


def _try(
    make_optimizer: Callable[..., Optimizer],
    make_scheduler: Callable[[Optimizer], LRScheduler],
    interval: str,
    most: float,
) -> None:
    """Goes through a schedule's first intervals without training: some settings torch refuses only then.

    Raises:
        ConfigError: it cannot be built or gone through, ends before training does, or a rate is not one.
    """
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = make_optimizer([parameter])
    scheduler = make_scheduler(optimizer)
    ends = getattr(scheduler, "total_steps", math.inf)
    if ends < most:
        raise ConfigError(
            f"scheduler.total_steps must cover the whole training, {most:g} intervals ({interval}), got {ends}"
        )
    optimizer.step()  # without a gradient, it does nothing
    for count in range(int(min(most, TRIED))):
        make("scheduler", scheduler.step, {}, (Exception,))
        rates = [float(group["lr"]) for group in optimizer.param_groups]
        if not all(math.isfinite(rate) and rate >= 0 for rate in rates):
            raise ConfigError(
                f"scheduler: makes the learning rate {rates[0]:g} after {count + 1} intervals ({interval})"
            )
