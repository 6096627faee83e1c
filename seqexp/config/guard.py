"""What Hydra itself may build, set and reach, checked before it does, for every run and every job of a multirun.

Hydra builds objects, configures logging, sets the environment and chooses folders as its node of the configuration
says, and a file of whatever origin may write into that node. So all of it that acts is on a list. Where a value may be
an interpolation, what was checked takes its place, so that a second look cannot find another value.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.conf import HydraConf
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from seqexp.config import CONF
from seqexp.config.environment import variables_read
from seqexp.config.leaves import leaves
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
    "job.env_set": "a run has the environment of its command",
    "job.env_copy": "a run has the environment of its command",
    "overrides.hydra": "they are those of the command line",
    "overrides.task": "they are those of the command line",
}
"""What no file may fill, and why."""

COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Characters that command a terminal."""


LISTS = {"allowed_packages": "my_package", "allowed_environment": "DATA_ROOT"}
"""What the user vouches for, with an example; whatever a file of a stranger's says there would undo the rest."""


def check_lists(config: DictConfig, given: Sequence[str]) -> None:
    """Checks that what the user vouches for comes from conf/config.yaml or the command line.

    Args:
        config: the whole configuration.
        given: the keys that stand on the command line.

    Raises:
        ConfigError: another file has something there.
    """
    whole: Any = OmegaConf.to_container(config, resolve=False)
    for name, example in LISTS.items():
        if whole.get(name) != _shipped()[name] and not any(_covers(each, name) for each in given):
            raise ConfigError(f"{name} is taken from the command line only, as '{name}=[{example}]'; a file sets it")


def check_shape(config: DictConfig) -> None:
    """Checks that Hydra's node has its shape, and is empty where Hydra itself fills it from the command line.

    Raises:
        ConfigError: it is not, by a file or the command line.
    """
    node = _raw(config)
    _check_shape(node, OmegaConf.to_container(OmegaConf.structured(HydraConf)), "hydra")
    for name in ("sweeper", "launcher"):
        _check_shape(node[name], {}, f"hydra.{name}")
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
    node = _raw(config)
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
    if others := [name for name, each in node["callbacks"].items() if CALLBACKS.get(name) != each]:
        raise ConfigError(f"hydra.callbacks.{others[0]}: seqexp's own callback must stand there as it is, and no other")
    if not node["callbacks"]:
        raise ConfigError("hydra.callbacks: seqexp's own must stay, for it refuses what is wrong before a run")
    _fix(config, "sweeper", _check_sweeper)
    if node["launcher"] != BASIC:
        _fix(config, "launcher", functools.partial(_check_launcher, given=given))


def _raw(config: DictConfig) -> Any:
    """The `hydra` node as it is written."""
    whole: Any = OmegaConf.to_container(config, resolve=False)
    return whole["hydra"]


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
    """Checks a node that Hydra builds something of, as written and resolved, and puts the resolved one in its place."""
    key = f"hydra.{name}"
    raw = _raw(config)[name]
    with shown(config, key):
        node: Any = OmegaConf.to_container(OmegaConf.select(config, key), resolve=True)
    for path, value in leaves(node, key):
        last = path.rpartition(".")[2]
        if path != f"{key}._target_" and re.fullmatch("_.*_", last):
            raise ConfigError(f"{path}={value}: nothing but the {name} itself may be built there")
        if isinstance(value, str):
            literal(path, value)
    check(raw, node)
    with read_write(config), open_dict(config):
        config.hydra[name] = node


@contextlib.contextmanager
def shown(config: DictConfig, key: str) -> Iterator[None]:
    """Stands around reading what cannot be masked, as the name of a folder.

    Raises:
        ConfigError: an environment variable was read that is not in `allowed_environment`.
    """
    with variables_read() as variables:
        yield
    check_shown(config, key, variables)


def check_shown(config: DictConfig, key: str, variables: set[str]) -> None:
    """Refuses what cannot be masked if it comes from a variable that is not in `allowed_environment`.

    Raises:
        ConfigError: which variable it is.
    """
    allowed = OmegaConf.select(config, "allowed_environment")
    if secret := variables - set(allowed if OmegaConf.is_list(allowed) else ()):
        raise ConfigError(
            f"{key} can be read in records and in names of folders, so allowed_environment must name the variable that "
            f"it reads: {', '.join(sorted(secret))}"
        )


def settle(config: DictConfig, key: str) -> Path:
    """The folder that a setting of Hydra's names, which takes the place of an interpolation there.

    Args:
        config: the whole configuration.
        key: such as hydra.run.dir.

    Raises:
        ConfigError: its name would show a variable, or is an interpolation in turn.
    """
    with shown(config, key):
        value = OmegaConf.select(config, key)
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{key} must be the name of a folder, got {value!r}")
    text = literal(key, value)
    with read_write(config), open_dict(config):
        OmegaConf.update(config, key, text)
    return Path(text)


def _check_sweeper(raw: Any, node: Any) -> None:
    if raw.get("_target_") != SWEEPER or raw.keys() - {"_target_", "max_batch_size", "params"}:
        raise ConfigError(f"hydra/sweeper must be basic, got {raw.get('_target_')}; python -m seqexp.search searches")
    size = node.get("max_batch_size")
    if size is not None and not (type(size) is int and size >= 1):
        raise ConfigError(f"hydra.sweeper.max_batch_size must be a whole number >= 1 or null, got {size}")
    for key, value in (node.get("params") or {}).items():
        if any(_covers(key.lstrip("+~"), name) or _covers(name, key.lstrip("+~")) for name in LISTS):
            raise ConfigError(f"hydra.sweeper.params.{key}: is taken from the command line only")
        if isinstance(value, dict | list):
            raise ConfigError(f"hydra.sweeper.params.{key} must be a text such as 'rnn,lstm', got {value}")


def _check_launcher(raw: Any, node: Any, given: Sequence[str]) -> None:
    """A launcher is one of conf/hydra/launcher; what could run code is as it stands there, or as the user typed it."""
    target = raw.get("_target_")
    if target == BASIC["_target_"]:
        raise ConfigError(f"hydra.launcher: the basic launcher has no settings, got {', '.join(raw.keys() - BASIC)}")
    if target not in _launchers():
        raise ConfigError(f"hydra.launcher._target_={target}: must be a launcher of conf/hydra/launcher")
    shipped, values = dict(leaves(_launchers()[target], "")), dict(leaves(node, ""))
    for path, value in leaves(raw, ""):
        key = f"hydra.launcher.{path}"
        if path in LAUNCHER_KEYS:
            if isinstance(values.get(path), str) and not values[path].isprintable():
                raise ConfigError(f"{key}: must be one line of text")  # or it would be a line of a shell's script
        elif not (path in shipped and shipped[path] == value) and not any(_covers(each, key) for each in given):
            raise ConfigError(f"{key}={value}: can run code, so it is taken from the command line only")


def _covers(given: str, key: str) -> bool:
    return f"{key}.".startswith(f"{given}.")


@functools.cache
def _shipped() -> Any:
    """conf/config.yaml, as it is written."""
    return OmegaConf.to_container(OmegaConf.load(CONF / "config.yaml"))


@functools.cache
def _hydras_own(name: str) -> Any:
    """One of the files that Hydra comes with, as it is written."""
    path = Path(hydra.__file__).parent / "conf" / "hydra" / f"{name}.yaml"
    return OmegaConf.to_container(OmegaConf.load(path))


@functools.cache
def _launchers() -> dict[str, Any]:
    """`_target_` -> the files of conf/hydra/launcher, over what the launcher's package says of the same name."""
    store, found = ConfigStore.instance(), {}
    for path in sorted((CONF / "hydra" / "launcher").glob("*.yaml")):
        schema = store.load(f"hydra/launcher/{path.name}").node if path.name in store.list("hydra/launcher") else {}
        node: Any = OmegaConf.to_container(OmegaConf.merge(schema, OmegaConf.load(path)))
        found[node["_target_"]] = node
    return found


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a path, links followed, lies in a folder."""
    return path.resolve().is_relative_to(folder.resolve())


def literal(key: str, text: str) -> str:
    """A text that may stand in the place of an interpolation.

    Raises:
        ConfigError: it would itself be one.
    """
    if "${" in text:
        raise ConfigError(f"{key}: an interpolation may not lead to another, got {text}")
    return text
