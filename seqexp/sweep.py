"""What happens around a run and around a multirun: everything is checked before, and summed up after."""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, open_dict

from seqexp.schema import ConfigError, explain, known_keys


def _final(method: Callable[..., None]) -> Callable[..., None]:
    """Hydra turns what a callback raises into a warning; this makes it end the program, as it should."""

    @functools.wraps(method)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        try:
            method(*args, **kwargs)
        except ConfigError as error:
            refuse(error)
        except Exception:
            traceback.print_exc()
            sys.exit(1)

    return wrapper


def refuse(error: ConfigError) -> NoReturn:
    """Ends the program over a wrong configuration: one paragraph, exit status 2."""
    sys.stderr.write(f"seqexp: {error}\n")
    sys.exit(2)


class Sweep(Callback):
    """Hydra's hooks: refuse before anything is written, compare when all is done."""

    @_final
    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Refuses a run that could not be done."""
        from seqexp.run import check_folder

        _check(config)
        check_folder(Path(config.hydra.run.dir))

    @_final
    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Refuses a sweep of which any run could not be done."""
        from seqexp.run import check_folder

        folder = Path(config.hydra.sweep.dir)
        jobs: dict[str, list[str]] = {}
        for number, overrides in enumerate(_jobs(config)):
            job = _job_config(config, overrides, number)
            name = str(job.hydra.sweep.subdir)
            if name in jobs:
                raise ConfigError(f"the sweep names one run twice: {' '.join(overrides)}")
            jobs[name] = overrides
            try:
                _check(job)
            except ConfigError as error:
                raise ConfigError(f"{error} (in the run {' '.join(overrides) or 'of the defaults'})") from None
        if folder.is_dir() and any(folder.iterdir()):
            raise ConfigError(f"hydra.sweep.dir={folder}: the folder is not empty; choose another")
        check_folder(folder)

    @_final
    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Compares the runs; exit status 1 if one of them failed."""
        from rich.console import Console

        from seqexp.compare.comparison import WRITTEN, compare

        folder = Path(config.hydra.sweep.dir)
        comparison = compare(folder)
        comparison.write(folder)
        console = Console()
        comparison.render(console)
        console.print(WRITTEN.format(folder), soft_wrap=True, markup=False, highlight=False)
        if comparison.failed or comparison.broken:
            sys.exit(1)


def _jobs(config: DictConfig) -> list[list[str]]:
    """The command lines of a multirun's jobs, as Hydra's own sweeper makes them."""
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    params = [f"{key}={value}" for key, value in (config.hydra.sweeper.get("params") or {}).items()]
    parsed = parser.parse_overrides([*params, *config.hydra.overrides.task])
    return [job for batch in BasicSweeper.split_arguments(parsed, max_batch_size=None) for job in batch]


def _job_config(config: DictConfig, overrides: list[str], number: int) -> DictConfig:
    """Composes one job, as Hydra's launchers do."""
    try:
        job = GlobalHydra.instance().config_loader().load_sweep_config(config, overrides)
    except Exception as error:
        raise explain(error, functools.partial(known_keys, overrides)) or error from None
    with open_dict(job):
        job.hydra.job.num = number
        job.hydra.job.id = str(number)
    return job


def _check(config: DictConfig) -> None:
    """Builds what the configuration describes, and throws it away."""
    from seqexp.build import build

    config = config.copy()
    with open_dict(config):
        del config["hydra"]
    build(config)
