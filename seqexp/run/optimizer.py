"""The optimizer that a configuration describes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from seqexp.config.mistakes import OURS, ConfigError
from seqexp.config.targets import arguments, find_class, make

COUPLING_OPTIMIZERS = ("LBFGS", "Adafactor", "Muon", "SparseAdam")
"""Optimisers of torch that do not treat each number by itself, and so would mix the seeds."""


def find_optimizer(
    node: dict[str, Any], allowed: list[str], device: torch.device, scores_only: bool = False
) -> Callable[..., torch.optim.Optimizer]:
    """Checks the settings of the group `optimizer` and returns what builds it, called with parameters.

    Args:
        node: the settings.
        allowed: packages that the user trusts.
        device: where it is tried.
        scores_only: the learning rate may be 0, as there are weights to be scored.

    Raises:
        ConfigError: a setting is wrong, or the optimizer would mix the seeds.
    """
    optimizer_class = find_class("optimizer", node.get("_target_"), torch.optim.Optimizer, allowed)
    if optimizer_class.__name__ in COUPLING_OPTIMIZERS:
        raise ConfigError(
            f"optimizer._target_={node['_target_']}: mixes the numbers of a parameter, and so would mix the seeds; "
            "take one that treats each number by itself, such as Adam, AdamW, SGD or RMSprop"
        )
    values = arguments("optimizer", node, optimizer_class, given=OURS["optimizer"])
    if values.get("lr") is not None and not (values["lr"] > 0 or (values["lr"] == 0 and scores_only)):
        raise ConfigError(f"optimizer.lr must be > 0, got {values['lr']}")

    def make_optimizer(parameters: Any) -> torch.optim.Optimizer:
        return make("optimizer", optimizer_class, {"params": parameters, **values}, (RuntimeError, TypeError))

    make("optimizer", _first_step, {"make_optimizer": make_optimizer, "device": device}, (Exception,))
    return make_optimizer


def _first_step(make_optimizer: Callable[..., torch.optim.Optimizer], device: torch.device) -> None:
    """Lets an optimizer take a step that changes nothing: some settings torch refuses only then."""
    parameter = torch.nn.Parameter(torch.zeros(2, device=device))
    parameter.grad = torch.zeros_like(parameter)
    make_optimizer([parameter]).step()
