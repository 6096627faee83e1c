"""What seqexp changes in how Hydra reads and composes; `foreign.py` puts it in its place.

It acts on seqexp's own configuration alone: another program of the same process finds Hydra as it is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra.core.hydra_config import HydraConfig
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.plugins.sweeper import Sweeper
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from seqexp.config import CONF, environment, names, titles
from seqexp.config.explanations import unreadable
from seqexp.config.folders import replaced
from seqexp.config.guard import check_hydra, check_lists, check_shape, check_shown, is_inside, settle
from seqexp.config.mistakes import ConfigError

MOST_BYTES = 100_000
"""More than any configuration has; also of values, when each alias is written out."""

MISSING_KEY = object()
"""What stands for a key that is not there."""

_reading: ContextVar[bool] = ContextVar("_reading", default=False)
"""Whether it is seqexp's configuration that Hydra puts together at present."""

_swept: ContextVar[frozenset[str]] = ContextVar("_swept", default=frozenset())
"""The groups of which that configuration, a sweep's, has the default file; each job has one that was asked for."""


def is_ours(sources: Iterable[Any]) -> bool:
    """Whether Hydra reads seqexp's configuration; that of another program in the same process is none of ours.

    Args:
        sources: the places where it looks, each with a provider and a path; no file can change the main one.
    """
    return any(each.provider == "main" and str(each.path).removeprefix("file://") == str(CONF) for each in sources)


def checked_before(apply: Callable[..., None]) -> Callable[[Any, Any], None]:
    """Once all files and the command line are merged, and before Hydra adds anything."""

    def apply_overrides(overrides: list[Override], config: DictConfig) -> None:
        swept = _swept.get()
        # A key that the default file has not is for the jobs, each of which is composed anew and checked.
        apply([each for each in overrides if not _is_for_jobs(each, config, swept)], config)
        if _reading.get():
            check_shape(config)

    return apply_overrides


def _is_for_jobs(override: Override, config: DictConfig, swept: frozenset[str]) -> bool:
    """Whether a setting is of a group whose file is swept, and has no place in the file that stands there meanwhile."""
    group, _, key = override.key_or_group.partition(".")
    if group not in swept or not key or override.is_add() or override.is_force_add():
        return False
    return OmegaConf.select(config, override.key_or_group, default=MISSING_KEY) is MISSING_KEY


def _swept_groups(overrides: Sequence[str]) -> frozenset[str]:
    """The groups that a command line sweeps, such as `cell` by `cell=rnn,lstm`."""
    return frozenset(
        each.key_or_group
        for each in OverridesParser.create().parse_overrides(list(overrides))
        if each.is_sweep_override() and "." not in each.key_or_group
    )


def checked(load: Callable[..., DictConfig]) -> Callable[..., DictConfig]:
    """No hook of Hydra's own comes before it has built the callbacks."""

    @functools.wraps(load)
    def load_configuration(
        self: ConfigLoaderImpl, config_name: str | None, overrides: list[str], *args: Any, **kwargs: Any
    ) -> DictConfig:
        ours = is_ours(self.config_search_path.get_path())
        token, swept = _reading.set(ours), _swept.set(_swept_groups(overrides) if ours else frozenset())
        try:
            with environment.variables_read() as variables:
                config = load(self, config_name, overrides, *args, **kwargs)
        finally:
            _reading.reset(token)
            _swept.reset(swept)
        if ours:
            check_shown(config, "the choice of files, and hydra.job,", variables)
            given, builds = [each.lstrip("+~").partition("=")[0] for each in overrides], config_name is not None
            check_hydra(config, given, builds)
            if builds:
                check_lists(config, given)
        return config

    return load_configuration


def bound(load: Callable[..., DictConfig]) -> Callable[..., DictConfig]:
    """A job, whose configuration is another than the sweep's, has the sweep's folder, and is a job."""

    @functools.wraps(load)
    def load_sweep_config(self: ConfigLoaderImpl, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        job = load(self, master_config, sweep_overrides)
        if is_ours(self.config_search_path.get_path()):
            folder, own = Path(master_config.hydra.sweep.dir), settle(job, "hydra.sweep.dir")
            if own.absolute() != folder.absolute():  # for Ray's workers it is the whole path
                raise ConfigError(f"hydra.sweep.dir={own}: all runs of a sweep lie in its folder {folder}")
            with read_write(job), open_dict(job):
                job.hydra.mode = RunMode.MULTIRUN
        return job

    return load_sweep_config


def placed(set_config: Callable[..., None]) -> Callable[..., None]:
    """Hydra calls this when a job's folder is settled, just before it makes it."""

    @functools.wraps(set_config)
    def set_hydra_config(self: HydraConfig, cfg: DictConfig) -> None:
        set_config(self, cfg)
        settled = cfg.hydra.mode is RunMode.MULTIRUN and not OmegaConf.is_missing(cfg.hydra.runtime, "output_dir")
        if settled and is_ours(cfg.hydra.runtime.config_sources):
            place, folder = Path(cfg.hydra.runtime.output_dir), Path(cfg.hydra.sweep.dir)
            if not is_inside(place, folder):
                raise ConfigError(f"hydra.sweep.subdir: {place} leads out of the sweep's folder {folder}")

    return set_hydra_config


def users_first(prepend: Callable[..., None]) -> Callable[..., None]:
    """Puts the folder of `--config-dir` before conf/, so that a user's file wins over a shipped one of its name."""

    @functools.wraps(prepend)
    def prepend_path(self: ConfigSearchPathImpl, provider: str, path: str, anchor: Any = None) -> None:
        first = provider == "command-line" and is_ours(self.get_path())
        prepend(self, provider, path, None if first else anchor)

    return prepend_path


def file_named(load: Callable[..., Any]) -> Callable[..., Any]:
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


def override_named(load: Callable[..., DictConfig]) -> Callable[..., DictConfig]:
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
            raise unreadable(self, overrides) or error from None

    return load_configuration


def composed_already(validate: Callable[..., None]) -> Callable[..., None]:
    """Hydra's sweeper composes every job to see whether that is possible; a sweep's check has done so by then."""

    @functools.wraps(validate)
    def validate_batch_is_legal(self: Sweeper, batch: Sequence[Sequence[str]]) -> None:
        context = self.hydra_context
        if context is None or not is_ours(context.config_loader.get_search_path().get_path()):
            validate(self, batch)

    return validate_batch_is_legal


def folders_only(process: Callable[..., None]) -> Callable[..., None]:
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
                if found := replaced(folder):
                    raise ConfigError(
                        f"hydra.searchpath: {folder} has {found[0]}, as seqexp has; --config-dir {folder} replaces it"
                    )
        process(self, config_name, parsed_overrides, repo)

    return process_config_searchpath


METHODS: tuple[tuple[type, str, Callable[[Any], Any]], ...] = (
    # No hook of Hydra's comes before it has built what a configuration names: what it may build is looked at before.
    (ConfigLoaderImpl, "_apply_overrides_to_config", checked_before),
    (ConfigLoaderImpl, "load_configuration", checked),
    # A job may not lead out of its sweep, nor be none.
    (ConfigLoaderImpl, "load_sweep_config", bound),
    (HydraConfig, "set_config", placed),
    # A job is composed when it is checked, and when it begins: a third time takes as long.
    (Sweeper, "validate_batch_is_legal", composed_already),
    # A file in --config-dir wins over a shipped one of its name; Hydra has it the other way round.
    (ConfigSearchPathImpl, "prepend", users_first),
    # An error names the file, or the part of the command line, that it is about.
    (ConfigRepository, "load_config", file_named),
    # After `checked`, so that what the guard says is not taken for Hydra's.
    (ConfigLoaderImpl, "load_configuration", override_named),
    # hydra.searchpath adds folders, and imports no package.
    (ConfigLoaderImpl, "_process_config_searchpath", folders_only),
)
"""Hydra's methods, and what wraps each; they act on seqexp's own configuration alone."""

RESOLVERS: dict[str, tuple[Callable[..., Any], bool]] = {
    # Records do not show what came from an environment variable, so it is noted what is read.
    "oc.env": (environment.read, False),
    # conf/hydra/output names folders by them.
    "seqexp.name": (names.folder_name, False),
    "seqexp.run": (titles.run_title, False),
    "seqexp.sweep": (titles.sweep_name, False),
    # Cached, so that one configuration has one token however often it is read.
    "seqexp.token": (names.token, True),
}
"""OmegaConf's resolvers, and whether a configuration asks only once."""
