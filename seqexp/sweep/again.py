"""What is missing of a sweep's job, where it belongs, and running it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from seqexp.config.mistakes import ConfigError
from seqexp.config.names import folder_name

if TYPE_CHECKING:
    from seqexp.record.record import Record


def run_in_sweep(config: DictConfig) -> Record | None:
    """Runs what is missing of the present job of a multirun, from its last checkpoint where there is one.

    Returns:
        The record; None where finished runs have all its seeds already.

    Raises:
        ConfigError: another process is at work in the folder.
    """
    from seqexp.record import claim, lock
    from seqexp.run.execute import execute

    hydra = HydraConfig.get()
    folder = Path(hydra.runtime.output_dir)
    with lock.taken(folder) as ours:
        if not ours:
            raise ConfigError(f"{folder}: another process is at work on this run ({lock.holder(folder)})")
        wanted = claim.Claim.of(config)
        left = claim.missing(Path(hydra.sweep.dir), wanted)
        if not left:
            if {path.name for path in folder.iterdir()} <= {".hydra", lock.LOCK}:
                shutil.rmtree(folder)  # another folder has the seeds; Hydra has just made this one
            return None
        with open_dict(config):
            config.seed, config.num_seeds = left.start, len(left)
        return execute(config, OmegaConf.structured(hydra), folder, go_on=True)


def subdir(text: str, *, _root_: DictConfig) -> str:
    """The resolver behind `hydra.sweep.subdir`: the folder of one run, below its sweep's."""
    from seqexp.record import claim

    return claim.place(Path(_root_.hydra.sweep.dir), folder_name(text), claim.Claim.of(_root_))


OmegaConf.register_new_resolver("seqexp.subdir", subdir, replace=True)
