"""The jobs of a multirun, and the checks before they begin."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, open_dict

from seqexp.config.compose import check_choices, check_count, known_keys, without_hydra
from seqexp.config.guard import is_inside
from seqexp.config.mistakes import ConfigError, explain

if TYPE_CHECKING:
    from seqexp.record.claim import Claim


ONE_FOR_ALL = {
    "compare.by": "several keys stand in a list, such as [cell,cell.hidden_size]",
    "compare.margin": "a comparison has one margin",
    "compare.figure.width": "a comparison's figures have one width, with a decimal point",
    "compare.figure.font": "a comparison's figures have one size of letters, with a decimal point",
    "compare.figure.format": "several formats stand in a list, such as [pdf,png]",
    "sweep.fresh_seeds": "all runs of a sweep have it or none",
}
"""Keys that cannot be swept, and what is said of it."""

ANEW = "anew, as its own code or files have changed since {}"


class Job(NamedTuple):
    """One run of a multirun.

    Attributes:
        name: its folder below the sweep's.
        overrides: its command line.
        config: what comes of that.
        claim: which training it is.
        data_hash: for each seed the digests of its training data and test targets.
    """

    name: str
    overrides: list[str]
    config: DictConfig
    claim: Claim
    data_hash: list[list[str]]


def check_places(hydra: DictConfig, folder: Path) -> None:
    """Refuses settings of Hydra's that would write elsewhere than into a run's or a sweep's folder."""
    if "submitit_folder" in hydra.launcher and not is_inside(Path(hydra.launcher.submitit_folder), folder):
        raise ConfigError(f"hydra.launcher.submitit_folder must lie in the sweep's folder {folder}")


def split_jobs(config: DictConfig) -> list[list[str]]:
    """The command lines of a multirun's jobs, as Hydra's own sweeper makes them."""
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    params = [f"{key}={value}" for key, value in (config.hydra.sweeper.get("params") or {}).items()]
    parsed = parser.parse_overrides([*params, *config.hydra.overrides.task])
    check_count(parsed)
    for each in parsed:
        if each.is_sweep_override() and each.key_or_group in ONE_FOR_ALL:
            raise ConfigError(f"{each.input_line}: {ONE_FOR_ALL[each.key_or_group]}")
    return [job for batch in BasicSweeper.split_arguments(parsed, max_batch_size=None) for job in batch]


def job_config(config: DictConfig, overrides: list[str], number: int) -> DictConfig:
    """Composes one job, as Hydra's launchers do.

    Raises:
        ConfigError: it cannot be composed; the message ends with the run's command line.
    """
    try:
        job = GlobalHydra.instance().config_loader().load_sweep_config(config, overrides)
    except Exception as error:
        if (wrong := explain(error, functools.partial(known_keys, overrides))) is None:
            raise
        raise in_the_run(wrong, overrides) from None
    if unlike := {*(job.hydra.sweeper.get("params") or {})} ^ {*(config.hydra.sweeper.get("params") or {})}:
        raise ConfigError(
            f"{' '.join(each for each in overrides if each.startswith('experiment='))}: is a sweep by itself, over "
            f"{', '.join(sorted(unlike))}, and no run of another; give it alone"
        )
    with open_dict(job):
        job.hydra.job.num = number
        job.hydra.job.id = str(number)
    return job


def in_the_run(error: ConfigError, overrides: list[str]) -> ConfigError:
    """The same error, with the command line of the job that it is about."""
    return ConfigError(f"{error} (in the run {' '.join(overrides) or 'of the defaults'})")


def check_job(config: DictConfig, made: dict[str, list[list[str]]]) -> list[list[str]]:
    """Builds what the configuration describes, its data too, and throws it away.

    Args:
        config: of one job.
        made: the digests of data that other jobs have had already, which are not made again; this job's are added.

    Returns:
        The digests of the job's data.
    """
    from seqexp.run.build import build

    check_choices(config)
    parts = build(without_hydra(config))
    data = json.dumps([parts.settings["data"], config.seed, config.num_seeds, config.get("data_seed")], sort_keys=True)
    if data not in made:
        parts.make_data()
        made[data] = parts.data.data_hash
    return made[data]
