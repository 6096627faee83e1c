"""python -m seqexp: the Hydra entry point, and nothing else."""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from seqexp import startup
from seqexp.config.compose import CONF, known_keys, say_replaced
from seqexp.config.guard import check_config_dir
from seqexp.config.mistakes import ConfigError, explain, lament, refuse
from seqexp.sweep.sweep import run_job


def _job(config: DictConfig) -> None:
    startup.load()
    from seqexp.run.execute import run_in_hydra
    from seqexp.run.report import report

    if HydraConfig.get().mode is RunMode.MULTIRUN:
        run_job(config)
    else:
        folder = Path(os.path.relpath(HydraConfig.get().runtime.output_dir))
        sys.stdout.write(report(run_in_hydra(config), folder) + "\n")


def _check_flags() -> None:
    """Refuses those of Hydra's flags that take another configuration for seqexp's own: a run's folder holds data."""
    for text in sys.argv:
        if any("\ud800" <= each <= "\udfff" for each in text):
            raise ConfigError(f"{text}: is no text in UTF-8")
    flags, _ = get_args_parser().parse_known_args()
    for name in ("config_path", "config_name", "experimental_rerun"):
        if getattr(flags, name) is not None:
            raise ConfigError(f"--{name.replace('_', '-')}: seqexp has a configuration; --config-dir adds groups to it")
    if flags.multirun and (flags.cfg or flags.info):
        raise ConfigError("--cfg and --info tell of one run: leave out --multirun, and give each setting one value")
    if flags.resolve and not (flags.cfg or flags.help):
        raise ConfigError("--resolve: belongs to --cfg job, which shows the configuration")
    if flags.config_dir is not None:
        check_config_dir(flags.config_dir)
        say_replaced(flags.config_dir)


def main() -> None:
    """Runs the command line."""
    # Threads that wait by spinning slow a small model down tenfold as soon as another program wants the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())  # the console script finds what `python -m seqexp` finds
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra hands its errors on instead of printing them
    try:
        _check_flags()
        hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(_job)()
    except KeyboardInterrupt:
        sys.stderr.write(
            "seqexp: interrupted; no result was written for the run that was going on. "
            "What had finished stays: python -m seqexp.compare FOLDER. The same command goes on with a named sweep\n"
        )
        sys.exit(130)
    except Exception as error:
        wrong = explain(error, functools.partial(known_keys, sys.argv[1:]))
        if wrong is None:
            lament(error)
            raise
        refuse(wrong)


if __name__ == "__main__":
    main()
