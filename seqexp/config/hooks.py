"""Where Hydra is made to ask `guard.py` before it acts, in whatever process it works. Importing it is enough."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from seqexp.config import CONF
from seqexp.config.environment import variables_read
from seqexp.config.guard import check_hydra, check_lists, check_shape, check_shown, is_inside, settle
from seqexp.config.mistakes import ConfigError

_reading: ContextVar[bool] = ContextVar("_reading", default=False)
"""Whether it is seqexp's configuration that Hydra puts together at present."""


def is_ours(sources: Iterable[Any]) -> bool:
    """Whether Hydra reads seqexp's configuration; that of another program in the same process is none of ours.

    Args:
        sources: the places where it looks, each with a provider and a path; no file can change the main one.
    """
    return any(each.provider == "main" and str(each.path).removeprefix("file://") == str(CONF) for each in sources)


def _checked_before(apply: Callable[..., None]) -> Callable[[Any, Any], None]:
    """Once all files and the command line are merged, and before Hydra adds anything."""

    def apply_overrides(overrides: Any, config: DictConfig) -> None:
        apply(overrides, config)
        if _reading.get():
            check_shape(config)

    return apply_overrides


def _checked(load: Callable[..., DictConfig]) -> Callable[..., DictConfig]:
    """No hook of Hydra's own comes before it has built the callbacks."""

    @functools.wraps(load)
    def load_configuration(
        self: ConfigLoaderImpl, config_name: str | None, overrides: list[str], *args: Any, **kwargs: Any
    ) -> DictConfig:
        ours = is_ours(self.config_search_path.get_path())
        token = _reading.set(ours)
        try:
            with variables_read() as variables:
                config = load(self, config_name, overrides, *args, **kwargs)
        finally:
            _reading.reset(token)
        if ours:
            check_shown(config, "the choice of files, and hydra.job,", variables)
            given, builds = [each.lstrip("+~").partition("=")[0] for each in overrides], config_name is not None
            check_hydra(config, given, builds)
            if builds:
                check_lists(config, given)
        return config

    return load_configuration


def _bound(load: Callable[..., DictConfig]) -> Callable[..., DictConfig]:
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


def _placed(set_config: Callable[..., None]) -> Callable[..., None]:
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


ConfigLoaderImpl._apply_overrides_to_config = staticmethod(  # type: ignore[method-assign, assignment]
    _checked_before(ConfigLoaderImpl._apply_overrides_to_config)
)
ConfigLoaderImpl.load_configuration = _checked(ConfigLoaderImpl.load_configuration)  # type: ignore[method-assign]
ConfigLoaderImpl.load_sweep_config = _bound(ConfigLoaderImpl.load_sweep_config)  # type: ignore[method-assign]
HydraConfig.set_config = _placed(HydraConfig.set_config)  # type: ignore[method-assign]
