"""The task of a configuration, and every seed's data that it makes."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from seqexp.config.mistakes import OURS
from seqexp.config.targets import arguments, find_class, make
from seqexp.data.module import PopulationData
from seqexp.data.task import Task

LOADER_KEYS = tuple(name for name in inspect.signature(PopulationData).parameters if name not in OURS["data"])
"""The keys of a data file that are for the LightningDataModule."""

SCORE = "score"
"""The key of a data file that names a score; the keys that are neither this nor the module's are for the task."""


def task_maker(settings: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Task]:
    """What makes the task of a configuration, with some of its settings changed.

    Args:
        settings: the configuration, checked and resolved.

    Raises:
        ConfigError: there is no such task, or it has no such settings.
    """
    node = settings["data"]
    task_class = find_class("data", node.get("_target_"), Task, settings["allowed_packages"])  # type: ignore[type-abstract]
    given = (*LOADER_KEYS, SCORE)
    task_node = {name: value for name, value in node.items() if name not in given}
    task_values = arguments("data", task_node, task_class, given=(), beside=given)

    def make_task(changes: Mapping[str, Any]) -> Task:
        values = arguments("data", {**task_values, **changes}, task_class, given=()) if changes else task_values
        return make("data", task_class, copy.deepcopy(values))  # a constructor may change what it is given

    return make_task


def population_data(settings: Mapping[str, Any], seeds: range) -> PopulationData:
    """Every seed's data, which are not made yet.

    Args:
        settings: the configuration, checked and resolved.
        seeds: of the population.

    Raises:
        ConfigError: the task cannot be built.
    """
    make_task = task_maker(settings)
    loader_node = {name: value for name, value in settings["data"].items() if name in LOADER_KEYS}
    loader_values = arguments("data", loader_node, PopulationData, given=OURS["data"])
    fixed = {name: settings[name] for name in ("data_seed", "order_seed")}
    return make("data", PopulationData, {"make_task": make_task, "seeds": seeds, **fixed, **loader_values})
