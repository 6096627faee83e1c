"""What Hydra itself may build, checked before it does."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from omegaconf import DictConfig, ListConfig, OmegaConf

# Imported for the resolvers that it registers: conf/hydra/output needs them wherever a configuration is composed.
from seqexp.config.mistakes import ConfigError

HYDRAS_OWN = ("seqexp.", "hydra.", "hydra_plugins.")
"""What a class that Hydra itself builds may begin with: its callbacks, sweeper, launcher and logging."""

LOGGING = ("logging.StreamHandler", "logging.FileHandler", "colorlog.ColoredFormatter")
"""What Hydra's own logging is made of."""


def check_hydra(config: DictConfig) -> None:
    """Checks the classes that Hydra builds by itself, before it does, from whatever file they come.

    Args:
        config: the whole configuration, its `hydra` node included.

    Raises:
        ConfigError: a class is not of seqexp, Hydra, a plugin of Hydra or an allowed package.
    """
    packages = config.get("allowed_packages")
    allowed = (*HYDRAS_OWN, *(f"{each}." for each in (packages if isinstance(packages, ListConfig) else ())))
    for key, value in _leaves(OmegaConf.to_container(config.hydra, resolve=False), "hydra"):
        names_class = key.rpartition(".")[2] in ("_target_", "class", "()")
        if names_class and not (str(value).startswith(allowed) or value in LOGGING):
            raise ConfigError(
                f"{key}={value}: only classes of seqexp, Hydra, its plugins and allowed_packages may stand there"
            )


def _leaves(node: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Yields (dotted key, value) of everything in nested dictionaries and lists."""
    if not isinstance(node, dict | list):
        yield key, node
    for name, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from _leaves(value, f"{key}.{name}")


def _checked(load: Callable[..., DictConfig]) -> Callable[..., DictConfig]:
    """Lets Hydra check its node before it uses it: no hook of Hydra's own comes before it has built the callbacks."""

    @functools.wraps(load)
    def load_configuration(*args: Any, **kwargs: Any) -> DictConfig:
        config = load(*args, **kwargs)
        check_hydra(config)
        return config

    return load_configuration


ConfigLoaderImpl.load_configuration = _checked(ConfigLoaderImpl.load_configuration)  # type: ignore[method-assign]


def check_config_dir(folder: str) -> None:
    """Refuses a `--config-dir` that is none of groups, such as a run's `.hydra`: its config.yaml would be seqexp's.

    Raises:
        ConfigError: the folder is not there, or holds a config.yaml.
    """
    if not Path(folder).is_dir():
        raise ConfigError(f"--config-dir {folder}: there is no such folder")
    for name in ("config.yaml", "search.yaml"):
        if (Path(folder) / name).exists():
            raise ConfigError(f"--config-dir {folder}: it may hold folders of groups, and no {name}")
