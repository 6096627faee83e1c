"""What seqexp changes in how Hydra reads: whose file wins, and that whatever cannot be read is named."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

# Before this file's own change of the same method, so that what the guard says is not taken for Hydra's.
from seqexp.config import CONF
from seqexp.config.hooks import is_ours
from seqexp.config.mistakes import ConfigError, first_line, say_error

MOST_BYTES = 100_000
"""More than any configuration has; also of values, when each alias is written out."""

KNOWN = ("callback", "cell", "data", "diagnostic", "experiment", "hydra", "logger", "optimizer", "scheduler", "trainer")
"""The groups that there are."""


def _users_first(prepend: Callable[..., None]) -> Callable[..., None]:
    """Puts the folder of `--config-dir` before conf/, so that a user's file wins over a shipped one of its name."""

    @functools.wraps(prepend)
    def prepend_path(self: ConfigSearchPathImpl, provider: str, path: str, anchor: Any = None) -> None:
        first = provider == "command-line" and is_ours(self.get_path())
        prepend(self, provider, path, None if first else anchor)

    return prepend_path


def _file_named(load: Callable[..., Any]) -> Callable[..., Any]:
    """Has an error over a YAML file say which file it is, whoever raises it: YAML, OmegaConf, Python's decoder."""

    @functools.wraps(load)
    def load_config(self: ConfigRepository, config_path: str) -> Any:
        if not is_ours(self.get_sources()):
            return load(self, config_path)
        source = self._find_object_source(config_path, ObjectType.CONFIG)
        path = f"{source.path if source else ''}/{config_path}.yaml"
        try:
            if source is not None and source.scheme() == "file":
                _check_size(Path(path))
            found = load(self, config_path)
        except (HydraException, ConfigError):
            raise
        except RecursionError:
            raise ConfigError(f"{path}: is nested too deeply, or refers to itself") from None
        except Exception as error:
            text = " ".join(str(error).split()) or type(error).__name__
            raise ConfigError(f"{path}: cannot be read as YAML in UTF-8 ({text})") from error
        if found is not None and not isinstance(found.config, DictConfig):
            raise ConfigError(f"{path}: must hold keys with values, as in `hidden_size: 16`, and no list")
        return found

    return load_config


def _check_size(path: Path) -> None:
    """Refuses a file that is too large to be a configuration, as it stands or with its aliases written out.

    Raises:
        ConfigError: which limit it breaks.
    """
    if not path.is_file():
        return
    if path.stat().st_size > MOST_BYTES:
        raise ConfigError(f"{path}: is no configuration: it has {path.stat().st_size:,} bytes, over {MOST_BYTES:,}")
    text = path.read_text(encoding="utf-8")
    if "*" not in text or "&" not in text:
        return
    sizes: dict[int, int] = {}

    def size(node: Any) -> int:
        if id(node) not in sizes:
            sizes[id(node)] = 1  # while it is counted: one that holds itself is found later
            parts = node.value if isinstance(node, yaml.CollectionNode) else []
            sizes[id(node)] += sum(
                size(each) for part in parts for each in (part if isinstance(part, tuple) else [part])
            )
        return sizes[id(node)]

    if (whole := size(yaml.compose(text, Loader=yaml.SafeLoader))) > MOST_BYTES:
        raise ConfigError(f"{path}: its aliases stand for {whole:,} values, over {MOST_BYTES:,}")


def _override_named(load: Callable[..., DictConfig]) -> Callable[..., DictConfig]:
    """Has an error over a command line say which of its parts it is, where Hydra breaks down over one."""

    @functools.wraps(load)
    def load_configuration(
        self: ConfigLoaderImpl, config_name: str | None, overrides: list[str], *args: Any, **kwargs: Any
    ) -> DictConfig:
        try:
            return load(self, config_name, overrides, *args, **kwargs)
        except (ConfigError, HydraException, OmegaConfBaseException, OSError):
            raise
        except Exception as error:
            if not is_ours(self.config_search_path.get_path()):
                raise
            if isinstance(error, RecursionError):
                raise ConfigError("a file names itself in its defaults, or one that leads back to it") from None
            raise _culprit(self, overrides) or error from None

    return load_configuration


def _culprit(loader: ConfigLoaderImpl, overrides: Sequence[str]) -> ConfigError | None:
    """The first part of a command line that cannot be read by itself, or gives a group what is no name of a file."""
    parser = OverridesParser.create()
    for text in overrides:
        try:
            override = parser.parse_override(text)
            value = override.value()
        except HydraException:
            continue  # of which Hydra speaks itself
        except Exception as error:
            return ConfigError(f"{text}: cannot be read as key=value ({first_line(error)})")
        names = value if isinstance(value, list) else [value]
        group = override.key_or_group
        if group and loader.get_group_options(group) and not all(isinstance(each, str) for each in names):
            return ConfigError(f"{text}: a group such as data or cell takes the name of one of its files")
    return None


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
    if not any((Path(folder) / name).is_dir() for name in KNOWN):
        raise ConfigError(f"--config-dir {folder}: has no folder of a group, such as {', '.join(KNOWN)}")


def say_replaced(folder: str) -> None:
    """Says in one line which files of a `--config-dir` stand in for shipped ones of the same name."""
    if found := _replaced(folder):
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        say_error(f"{folder} replaces seqexp's own {', '.join(found[:5])}{more}")


def _replaced(folder: str) -> list[str]:
    """The files of a folder that differ from shipped ones of the same name."""
    shipped = [path.relative_to(CONF) for path in CONF.rglob("*.yaml")]
    return sorted(str(path) for path in shipped if _differs(Path(folder) / path, CONF / path))


def _differs(path: Path, shipped: Path) -> bool:
    if not path.is_file():
        return False
    return path.stat().st_size != shipped.stat().st_size or path.read_bytes() != shipped.read_bytes()


def _folders_only(process: Callable[..., None]) -> Callable[..., None]:
    """Lets the command line's `hydra.searchpath` add folders, behind conf/, and import no package."""

    @functools.wraps(process)
    def process_config_searchpath(
        self: ConfigLoaderImpl, config_name: str | None, parsed_overrides: list[Override], repo: Any
    ) -> None:
        for override in parsed_overrides if is_ours(self.config_search_path.get_path()) else ():
            value = override.value() if override.key_or_group == "hydra.searchpath" else None
            for each in value if isinstance(value, list) else ():
                folder = str(each).removeprefix("file://")
                if "://" in folder or not Path(folder).is_dir():
                    raise ConfigError(
                        f"hydra.searchpath: must name folders that are there, as file:///home/me/conf, got {each}"
                    )
                if found := _replaced(folder):
                    raise ConfigError(
                        f"hydra.searchpath: {folder} has {found[0]}, as seqexp has; --config-dir {folder} replaces it"
                    )
        process(self, config_name, parsed_overrides, repo)

    return process_config_searchpath


ConfigSearchPathImpl.prepend = _users_first(ConfigSearchPathImpl.prepend)  # type: ignore[method-assign]
ConfigRepository.load_config = _file_named(ConfigRepository.load_config)  # type: ignore[method-assign]
ConfigLoaderImpl.load_configuration = _override_named(  # type: ignore[method-assign]
    ConfigLoaderImpl.load_configuration
)
ConfigLoaderImpl._process_config_searchpath = _folders_only(  # type: ignore[method-assign]
    ConfigLoaderImpl._process_config_searchpath
)
