"""What Hydra's launchers need before they begin, and cannot be told in `conf/hydra/launcher`."""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import shutil
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from seqexp.config.mistakes import ConfigError, first_line
from seqexp.config.names import quoted


def require(config: DictConfig) -> None:
    """Refuses a launcher whose package is not installed.

    Args:
        config: the composed configuration, with its `hydra` node.

    Raises:
        ConfigError: which package it is, and how it is installed.
    """
    found = re.match(r"(hydra_plugins\.hydra_(\w+)_launcher)\.", str(config.hydra.launcher._target_))
    if found is not None and importlib.util.find_spec(found[1]) is None:
        extra = {"joblib": "parallel", "submitit": "slurm"}.get(found[2], found[2])
        raise ConfigError(f"hydra/launcher needs the package {found[1]}: pip install 'seqexp[{extra}]'")
    if str(config.hydra.launcher._target_).endswith(".SlurmLauncher") and shutil.which("srun") is None:
        raise ConfigError("hydra/launcher=slurm: there is no Slurm here (no srun); submitit_local is its way without")
    if str(config.hydra.launcher._target_).endswith(".JoblibLauncher"):
        _check_joblib(OmegaConf.to_container(config.hydra.launcher, resolve=True))


def _check_joblib(node: Any) -> None:
    """Refuses what joblib would refuse once the sweep has begun."""
    import joblib  # type: ignore[import-untyped]
    from hydra_plugins.hydra_joblib_launcher._core import process_joblib_cfg  # type: ignore[import-untyped]

    settings = {name: value for name, value in node.items() if name != "_target_"}
    ahead = str(settings.get("pre_dispatch"))
    if not re.fullmatch(r"all|None|\d{1,6}|(\d{1,6} ?\* ?)?n_jobs", ahead):  # joblib calculates it, whatever it is
        raise ConfigError(f"hydra.launcher.pre_dispatch must be all, a number, n_jobs or 2*n_jobs, got {ahead}")
    try:
        process_joblib_cfg(settings)  # whose texts become numbers
        joblib.effective_n_jobs(settings.get("n_jobs"))
        joblib.Parallel(**settings)
    except Exception as error:
        raise ConfigError(f"hydra.launcher: joblib refuses its settings ({first_line(error)})") from error


def prepare(config: DictConfig) -> None:
    """Makes ready for Ray: its workers find the sweep's folder, and no stranger finds a Ray of the sweep's own.

    Args:
        config: the composed configuration, with its `hydra` node; the overrides for the jobs are added to.
    """
    if not str(config.hydra.launcher._target_).endswith(".RayLauncher"):
        return
    # The workers of a cluster that runs already are in the folder that it was started in.
    folder = str(Path(config.hydra.sweep.dir).absolute())
    with read_write(config), open_dict(config):
        config.hydra.overrides.hydra.append(f"hydra.sweep.dir={quoted(folder)}")
    if OmegaConf.select(config, "hydra.launcher.ray.init.address") == "local":
        # Ray reads these when it is imported, which is after this.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # or it listens on all interfaces
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # or it leaves one in the home folder
