"""Where configurations are composed, with the folders and keys that there are."""

from __future__ import annotations

import contextlib
import math
import re
import sys
import typing
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import ChoiceSweep, Override, RangeSweep
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from seqexp.config import (
    foreign,  # noqa: F401  for what it changes in Hydra's reading
    names,  # noqa: F401  for the resolvers that it registers, which conf/hydra/output needs
)
from seqexp.config.guard import check_config_dir
from seqexp.config.mistakes import ConfigError, explain, paragraph

_PACKAGE = Path(__file__).resolve().parent.parent

CONF = next(path for path in (_PACKAGE / "conf", _PACKAGE.parent / "conf") if path.is_dir())
"""The folder of YAML groups: inside the installed package, or at the top of a checkout."""


def known_keys(overrides: Iterable[str] = ()) -> list[str]:
    """All dotted keys of the configuration, with the files that a command line chooses.

    Args:
        overrides: the command line; what is not a choice of a file is passed over.
    """
    choices = [found[0] for each in overrides if (found := re.match(r"[a-z_]+=[\w-]+", each))]
    try:
        config = compose_config(choices)
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


def compose_config(overrides: list[str]) -> DictConfig:
    """Composes a configuration from the same folders as the program's own."""
    with contextlib.ExitStack() as stack:
        if not GlobalHydra.instance().is_initialized():
            stack.enter_context(initialize_config_dir(str(CONF), version_base="1.3"))
        return compose("config", overrides)


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
            path = create_config_search_path(str(CONF))
            path.prepend("command-line", f"file://{Path(extra).absolute()}")
            GlobalHydra.instance().clear()
            Hydra.create_main_hydra2("seqexp", path)
        yield


MOST_RUNS = 1_000_000
"""More than any sweep has; Hydra writes all of them down before it looks at the first."""


def check_count(overrides: Iterable[Override]) -> None:
    """Refuses lists of values that nobody could go through, before they are written down.

    Raises:
        ConfigError: there are no values, or too many.
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
        else:
            continue
        total *= count
        if not 0 < total <= MOST_RUNS:
            raise ConfigError(f"{override.input_line}: makes {total:g} runs; there must be at least 1 and at most 1e6")


def say_replaced(folder: str) -> None:
    """Says in one line which files of a `--config-dir` stand in for shipped ones of the same name."""
    shipped = {path.relative_to(CONF) for path in CONF.rglob("*.yaml")}
    found = sorted(str(path) for path in shipped if _differs(Path(folder) / path, CONF / path))
    if found:
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        sys.stderr.write(f"seqexp: {folder} replaces seqexp's own {paragraph(', '.join(found[:5]))}{more}\n")


def _differs(path: Path, shipped: Path) -> bool:
    return path.is_file() and path.read_bytes() != shipped.read_bytes()


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
    hydra = config.hydra
    with open_dict(config):
        del config["hydra"]
    return config, hydra
