"""A run from Python whose folder holds something already: its record, or an attempt that goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from seqexp.compare.settings import EMPTY, flatten, is_inert
from seqexp.config.mistakes import ConfigError
from seqexp.record import evaluations, tidy
from seqexp.record.claim import Claim, done
from seqexp.record.record import Record
from seqexp.run.build import claim_of
from seqexp.run.diagnose import measure_later

SEEDS = ("seed", "num_seeds")

MOST_NAMED = 4
"""Settings that a refusal names one by one."""


def stored(config: DictConfig, folder: Path) -> Record | None:
    """The record of a finished run, if it is what a configuration asks for; missing diagnostics are measured.

    Args:
        config: the composed configuration, without its `hydra` node.
        folder: the run's.

    Returns:
        None where no run is finished there.

    Raises:
        ConfigError: the folder has another run, or one that was not evaluated on all that is asked for.
    """
    record = done(folder)
    if record is None:
        return None
    wanted, found = claim_of(config), Claim.find(folder)
    if found is None or wanted.renamed(found) != wanted:
        raise ConfigError(
            f"{folder}: holds another run, which is never trained again ({_differences(config, record)}); choose "
            "another folder"
        )
    tidy.refuse_strange(folder)
    record = evaluations.joined(record, folder)
    asked = [*(config.data.get("test_lengths") or ()), *(config.data.get("evaluations") or ())]
    if missing := [str(each) for each in asked if f"test@{each}" not in record.scores]:
        raise ConfigError(
            f"{folder}: holds this run, but no scores at {', '.join(missing)}: seqexp.evaluate.evaluate() adds them"
        )
    if "diagnostic" in config:
        measure_later(config, record.cell, folder)
    return record


def goes_on(config: DictConfig, folder: Path) -> bool:
    """Whether a folder holds an attempt at the run that a configuration describes, which was not finished."""
    found = Claim.read(folder)
    return found is not None and done(folder) is None and found == claim_of(config)


def _differences(config: DictConfig, record: Record) -> str:
    """The settings in which a recorded run differs from a configuration, a few by name."""
    plain: Any = OmegaConf.to_container(config, resolve=True)
    here, there = flatten(record.config)[0], flatten(plain)[0]
    known = [key for key in {**there, **here} if key in SEEDS or not (is_inert(key) or key.endswith("_target_"))]
    keys = [key for key in known if (here.get(key) or EMPTY) != (there.get(key) or EMPTY)]  # a group may be empty
    if not keys:
        return "its code or files of your own have changed since"
    named = [f"{key} is {here.get(key)} there, and {there.get(key)} is asked for" for key in keys[:MOST_NAMED]]
    more = f"; and {len(keys) - MOST_NAMED} more" if len(keys) > MOST_NAMED else ""
    return "; ".join(named) + more
