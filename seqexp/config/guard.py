"""What Hydra itself may build, set and reach, checked before it does, for every run and every job of a multirun.

Hydra builds objects, configures logging, sets the environment and chooses folders as its node of the configuration
says, and a file of whatever origin may write into that node. So all of it that acts is on a list. Where a value may be
an interpolation, what was checked takes its place, so that a second look cannot find another value.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.conf import HydraConf
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from seqexp.config import CONF
from seqexp.config.environment import overheard
from seqexp.config.mistakes import ConfigError

CALLBACKS = {"seqexp": {"_target_": "seqexp.sweep.sweep.Sweep"}}
"""The only object that stands around runs: it refuses before anything is written."""

SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
BASIC = {"_target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher"}

LAUNCHER_KEYS = {
    *("n_jobs", "batch_size", "verbose", "timeout"),  # of joblib
    *("name", "partition", "account", "qos", "constraint", "timeout_min", "signal_delay_s", "max_num_timeout"),
    *("cpus_per_task", "gpus_per_node", "mem_gb", "nodes", "tasks_per_node", "array_parallelism", "stderr_to_stdout"),
    *(f"ray.init.{name}" for name in ("num_cpus", "num_gpus", "object_store_memory", "logging_level", "log_to_driver")),
    *(f"ray.remote.{name}" for name in ("num_cpus", "num_gpus", "max_retries")),
}
"""What any file may set of a launcher. All else (shell lines, folders of pickles, the address of a cluster) can run
code, and is believed where it is as in conf/hydra/launcher or stands on the command line."""

LOGGING = ("none", "default")
"""Those of Hydra's own `hydra_logging` files that may be chosen."""

EMPTY = {
    "searchpath": "--config-dir adds a folder of groups",
    "job.env_set": "a run has the environment of its command",
    "job.env_copy": "a run has the environment of its command",
    "overrides.hydra": "they are those of the command line",
    "overrides.task": "they are those of the command line",
}
"""What no file may fill, and why."""

COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Characters that command a terminal."""


def check_empty(config: DictConfig) -> None:
    """Checks what must be empty before Hydra itself fills it from the command line.

    Raises:
        ConfigError: a file has something there.
    """
    for key, reason in EMPTY.items():
        if OmegaConf.select(config, f"hydra.{key}") not in (None, {}, []):
            raise ConfigError(f"hydra.{key} must stay empty: {reason}")


def check_hydra(config: DictConfig, given: Sequence[str], builds: bool) -> None:
    """Checks all by which Hydra acts, from whatever file it comes, and fixes the values that were checked.

    Args:
        config: the whole configuration, its `hydra` node included.
        given: the keys that stand on the command line.
        builds: whether anything is built of it; not for Hydra's own help.

    Raises:
        ConfigError: what is not on the list.
    """
    raw: Any = OmegaConf.to_container(config, resolve=False)
    node = raw["hydra"] if isinstance(raw, dict) else None
    _check_shape(node, OmegaConf.to_container(OmegaConf.structured(HydraConf)), "hydra")
    _check_texts(node)
    if node["hydra_logging"] not in [_hydras_own(f"hydra_logging/{name}") for name in LOGGING]:
        raise ConfigError(f"hydra/hydra_logging must be {' or '.join(LOGGING)}, with nothing changed or added")
    if node["output_subdir"] not in (".hydra", None):
        raise ConfigError(f"hydra.output_subdir must be .hydra, got {node['output_subdir']}")
    if node["job"]["chdir"] not in (False, None):
        raise ConfigError("hydra.job.chdir must be false: a sweep's runs look for each other's folders")
    if not builds:
        return
    if node["job_logging"] != _hydras_own("job_logging/none"):
        raise ConfigError("hydra/job_logging must be none: a run keeps a log of its own, seqexp.log")
    if node["callbacks"] != CALLBACKS:
        raise ConfigError("hydra.callbacks: seqexp's own must stand there, and no other")
    _fix(config, "sweeper", _check_sweeper)
    if node["launcher"] != BASIC:
        _fix(config, "launcher", functools.partial(_check_launcher, given=given))


def _check_shape(node: Any, shape: Any, key: str) -> None:
    """Whatever is a node by Hydra's own schema must be written out: an interpolation could be another one later."""
    if type(node) is not type(shape):
        raise ConfigError(f"{key}: must be written out as Hydra has it, and no interpolation, list or text")
    for name, part in shape.items() if isinstance(shape, dict) else ():
        if isinstance(part, dict | list) and name != "defaults":
            _check_shape(node.get(name), part, f"{key}.{name}")


def _check_texts(node: dict[str, Any]) -> None:
    """Texts that Hydra shows or hands on may not command a terminal; what it says of the present command is its own."""
    files = {name: part for name, part in node.items() if name not in ("overrides", "runtime")}
    for key, value in leaves(files, "hydra"):
        if COMMANDS.search(key) or (isinstance(value, str) and COMMANDS.search(value)):
            raise ConfigError(f"{ascii(key)[1:-1]}: holds a character that commands a terminal")


def _fix(config: DictConfig, name: str, check: Callable[[Any, Any], None]) -> None:
    """Checks a node that Hydra builds something of, as written and as resolved, and puts the resolved one in its place."""
    key = f"hydra.{name}"
    raw = OmegaConf.to_container(config, resolve=False)["hydra"][name]  # type: ignore[call-overload]
    with overheard() as variables:
        node = OmegaConf.to_container(OmegaConf.select(config, key), resolve=True)
    for path, value in leaves(node, key):
        last = path.rpartition(".")[2]
        if path != f"{key}._target_" and re.fullmatch("_.*_", last):
            raise ConfigError(f"{path}={value}: nothing but the {name} itself may be built there")
        if isinstance(value, str) and "${" in value:
            raise ConfigError(f"{path}: an interpolation may not lead to another")
    check(raw, node)
    if secret := variables - set(OmegaConf.select(config, "allowed_environment") or ()):
        raise ConfigError(
            f"{key} is recorded as it is, so allowed_environment must name the variable that it reads: "
            f"{', '.join(sorted(secret))}"
        )
    with read_write(config), open_dict(config):
        config.hydra[name] = node


def _check_sweeper(raw: Any, node: Any) -> None:
    if raw.get("_target_") != SWEEPER or raw.keys() - {"_target_", "max_batch_size", "params"}:
        raise ConfigError(f"hydra/sweeper must be basic, got {raw.get('_target_')}; python -m seqexp.search searches")
    for path, value in leaves(node.get("params") or {}, "hydra.sweeper.params"):
        if path.count(".") isinstance(value, dict | list):
            raise ConfigError(f"{path} must be a text such as 'rnn,lstm'")


def _check_launcher(raw: Any, node: Any, given: Sequence[str]) -> None:
    """A launcher is one of conf/hydra/launcher, and what could run code is as it stands there, or as the user typed it."""
    target = raw.get("_target_")
    if target not in _launchers():
        raise ConfigError(f"hydra.launcher._target_={target}: must be a launcher of conf/hydra/launcher")
    shipped = dict(leaves(_launchers()[target], ""))
    written, resolved = dict(leaves(raw, "")), dict(leaves(node, ""))
