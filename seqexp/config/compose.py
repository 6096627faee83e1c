"""Where configurations are composed, with the folders and keys that there are."""

from __future__ import annotations

import contextlib
import math
import re
import typing
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from seqexp.config import CONF as CONF
from seqexp.config.explanations import INTERVAL
from seqexp.config.folders import KNOWN, check_config_dir, say_replaced
from seqexp.config.mistakes import ConfigError, explain, first_line


def known_keys(overrides: Iterable[str] = (), folder: str | None = None) -> list[str]:
    """All dotted keys of the configuration, with the files that a command line chooses.

    Args:
        overrides: the command line; what is not a choice of a file is passed over.
        folder: with groups of the user's own, if there is one.
    """
    pattern = rf"({'|'.join(KNOWN)})=([\w/-]+|\[[\w,-]*\])"
    choices = [found[0] for each in overrides if (found := re.match(pattern, each))]
    try:
        config = compose_config(choices, folder)
    except (HydraException, OmegaConfBaseException, ConfigError):
        config = compose_config([])
    return list(dotted_keys(OmegaConf.to_container(config, resolve=False), ""))


def cell_file(name: str) -> dict[str, Any]:
    """The settings of one `conf/cell` file.

    Raises:
        ConfigError: there is no such file.
    """
    try:
        return typing.cast(dict[str, Any], OmegaConf.to_container(compose_config([f"cell={name}"]).cell, resolve=True))
    except HydraException as error:
        raise explain(error, known_keys) or error from None


def compose_config(overrides: list[str], folder: str | None = None) -> DictConfig:
    """Composes a configuration from the folders of the program's own, or where that has ended, of conf/ and another."""
    with contextlib.ExitStack() as stack:
        if not GlobalHydra.instance().is_initialized():
            stack.enter_context(initialize_config_dir(str(CONF), version_base="1.3"))
            if folder is not None:
                _add(folder)
        return compose("config", overrides)


def _add(folder: str) -> None:
    """Lets Hydra look into a folder first."""
    path = create_config_search_path(str(CONF))
    path.prepend("command-line", f"file://{Path(folder).absolute()}")
    GlobalHydra.instance().clear()
    Hydra.create_main_hydra2("seqexp", path)


def dotted_keys(node: Any, prefix: str) -> Iterator[str]:
    """Yields the dotted keys of nested dictionaries."""
    for name, value in node.items() if isinstance(node, dict) else ():
        if name == "_target_":
            continue
        yield f"{prefix}{name}"
        yield from dotted_keys(value, f"{prefix}{name}.")


@contextlib.contextmanager
def configuration_folders(extra: str | None) -> Iterator[None]:
    """Lets Hydra find conf/ and, if given, the user's own folder of groups.

    Raises:
        ConfigError: there is no such folder, or it is none of groups.
    """
    with initialize_config_dir(str(CONF), version_base="1.3"):
        if extra is not None:
            check_config_dir(extra)
            say_replaced(extra)
            _add(extra)
        yield


MOST_RUNS = 1_000_000
"""More than any sweep has; Hydra writes all of them down before it looks at the first."""


def check_count(overrides: Iterable[Override]) -> None:
    """Refuses lists of values that nobody could go through, before they are written down.

    Raises:
        ConfigError: there are no values, or too many, or an interval of them.
    """
    total = 1.0
    for override in overrides:
        value = override.value()
        if isinstance(value, RangeSweep):
            start, stop, step = (float(each or 0) for each in (value.start, value.stop, value.step))
            if not (step and math.isfinite(start) and math.isfinite(stop)):
                raise ConfigError(f"{override.input_line}: a range must have an end, and a step that is not 0")
            count = max(0, math.ceil((stop - start) / step))
        elif isinstance(value, ChoiceSweep):
            count = len(value.list)
        elif isinstance(value, IntervalSweep):
            raise ConfigError(INTERVAL.format(line=override.input_line))
        else:
            continue
        total *= count
        if not 0 < total <= MOST_RUNS:
            raise ConfigError(f"{override.input_line}: makes {total:g} runs; there must be at least 1 and at most 1e6")


EXAMPLES = {"data": "sine,sum", "cell": "rnn,lstm", "optimizer": "adam,sgd", "scheduler": "none,cosine"}
"""The groups of which a record names the chosen file."""


def check_choices(config: DictConfig) -> None:
    """Refuses several files of a group at once, which Hydra would merge, and any that has no name.

    Args:
        config: as Hydra composed it, with its `hydra` node.

    Raises:
        ConfigError: a group's settings come from no file that a record could name.
    """
    for group, example in EXAMPLES.items():
        if group not in config.hydra.runtime.choices and not OmegaConf.is_missing(config, group) and group in config:
            raise ConfigError(
                f"{group} takes the name of one of its files, such as {group}={example.split(',')[0]}, and no list; "
                f"for several runs: --multirun {group}={example}"
            )


def compose_run(overrides: Sequence[str]) -> tuple[DictConfig, DictConfig]:
    """Composes an ordinary run's configuration.

    Returns:
        The configuration, and what Hydra knows of it.

    Raises:
        ConfigError: it cannot be composed.
    """
    try:
        config = compose("config", list(overrides), return_hydra_config=True)
    except Exception as error:
        raise explain(error, known_keys) or error from None
    check_choices(config)
    return without_hydra(config), config.hydra


def without_hydra(config: DictConfig) -> DictConfig:
    """A copy of a composed configuration, without the `hydra` node that it may have."""
    config = config.copy()
    with open_dict(config):
        config.pop("hydra", None)
    return config


def value_of(setting: str) -> Any:
    """The value of one KEY=VALUE, read as the command line of a run reads it.

    Raises:
        ConfigError: it is no value, or several.
    """
    text = setting.partition("=")[2]
    try:
        override = OverridesParser.create().parse_override(setting)
        if override.is_sweep_override():
            raise ConfigError(f"{setting}: takes one value, and {text} is several")
        return override.value()
    except HydraException as error:
        raise ConfigError(
            f"{setting}: {text} is no value ({first_line(error)}); in quotes within quotes it is a text as it stands, "
            f"'{setting.partition('=')[0]}=\"{text}\"'"
        ) from None
