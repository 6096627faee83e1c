"""The jobs of a multirun, and the checks before they begin."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, open_dict

from seqexp.config.compose import check_count, known_keys
from seqexp.config.mistakes import ConfigError, explain

if TYPE_CHECKING:
    pass


def say(stream: TextIO, text: str) -> None:
    """Writes one line; on a terminal, over the progress line of the process that started this one."""
    stream.write("\r\x1b[K" if stream.isatty() else "")
    stream.write(" ".join(text.split()) + "\n")
    stream.flush()


def check_places(hydra: DictConfig, folder: Path) -> None:
    """Refuses settings of Hydra's that would write elsewhere than into a run's or a sweep's folder."""
    if hydra.output_subdir != ".hydra":
        raise ConfigError(f"hydra.output_subdir must be .hydra, got {hydra.output_subdir}")
    if hydra.job_logging.get("handlers"):
        raise ConfigError("hydra/job_logging must be none: a run keeps a log of its own, seqexp.log")
    if hydra.job.chdir:
        raise ConfigError("hydra.job.chdir must be false: a sweep's runs look for each other's folders")
    if "submitit_folder" in hydra.launcher and not is_inside(Path(hydra.launcher.submitit_folder), folder):
        raise ConfigError(f"hydra.launcher.submitit_folder must lie in the sweep's folder {folder}")


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a path, links followed, lies in a folder."""
    return path.resolve().is_relative_to(folder.resolve())


def split_jobs(config: DictConfig) -> list[list[str]]:
    """The command lines of a multirun's jobs, as Hydra's own sweeper makes them."""
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    params = [f"{key}={value}" for key, value in (config.hydra.sweeper.get("params") or {}).items()]
    parsed = parser.parse_overrides([*params, *config.hydra.overrides.task])
    check_count(parsed)
    return [job for batch in BasicSweeper.split_arguments(parsed, max_batch_size=None) for job in batch]


def job_config(config: DictConfig, overrides: list[str], number: int) -> DictConfig:
    """Composes one job, as Hydra's launchers do."""
    try:
        job = GlobalHydra.instance().config_loader().load_sweep_config(config, overrides)
    except Exception as error:
        raise explain(error, functools.partial(known_keys, overrides)) or error from None
    with open_dict(job):
        job.hydra.job.num = number
        job.hydra.job.id = str(number)
    return job


def check_job(config: DictConfig) -> None:
    """Builds what the configuration describes, and throws it away."""
    from seqexp.run.build import build

    build(without_hydra(config))


def without_hydra(config: DictConfig) -> DictConfig:
    """A copy of a composed configuration, without its `hydra` node."""
    config = config.copy()
    with open_dict(config):
        del config["hydra"]
    return config
