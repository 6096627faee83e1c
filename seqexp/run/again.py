"""A run from Python whose folder holds something already: its record, or an attempt that goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from seqexp.compare.settings import EMPTY, flatten, is_inert
from seqexp.config.mistakes import ConfigError
from seqexp.record import evaluations, lock, tidy
from seqexp.record.claim import Claim, done
from seqexp.record.files import check_plain
from seqexp.record.record import Record, RecordError
from seqexp.run.build import claim_of
from seqexp.run.diagnose import measure_later, measure_missing, tell

SEEDS = ("seed", "num_seeds")

MOST_BYTES = 100_000
"""Of a configuration that is read back."""

MOST_NAMED = 4
"""Settings that a refusal names one by one."""


def stored(config: DictConfig, folder: Path) -> Record | None:
    """As `found`; what diagnostics have not measured is measured, and a line says where that fails."""
    record = found(config, folder)
    if record is not None and "diagnostic" in config:
        measure_later(config, record.cell, folder)
    return record


def measured(config: DictConfig, folder: Path) -> Record | None:
    """As `found`; what diagnostics have not measured is measured, and said.

    Raises:
        ConfigError: as for `found`, or something cannot be measured.
    """
    record = found(config, folder)
    if record is None:
        return None
    try:
        now = measure_missing(config, record.cell, folder)
    except RecordError as error:
        raise ConfigError(f"{folder}: {error}") from error
    tell(now, folder)
    return record


def found(config: DictConfig, folder: Path) -> Record | None:
    """The record of a finished run, if it is what a configuration asks for.

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
    wanted, there = claim_of(config), Claim.find(folder)
    if there is None or wanted.renamed(there) != wanted:
        plain: Any = OmegaConf.to_container(config, resolve=True)
        differs = _differences(plain, record.config) or "its code or files of your own have changed since"
        raise ConfigError(
            f"{folder}: holds another run, which is never trained again ({differs}); choose another folder"
        )
    tidy.refuse_strange(folder)
    record = evaluations.joined(record, folder)
    asked = [*(config.data.get("test_lengths") or ()), *(config.data.get("evaluations") or ())]
    if missing := [str(each) for each in asked if f"test@{each}" not in record.scores]:
        raise ConfigError(
            f"{folder}: holds this run, but no scores at {', '.join(missing)}: seqexp.evaluate.evaluate() adds them"
        )
    return record


def goes_on(config: DictConfig, folder: Path) -> bool:
    """Whether a folder holds an attempt at the run that a configuration describes, which was not finished."""
    found = Claim.read(folder)
    return found is not None and done(folder) is None and found == claim_of(config)


def refuse_attempt(config: DictConfig, folder: Path) -> None:
    """Refuses a folder that holds an attempt at another run than the one that a configuration describes.

    Raises:
        ConfigError: it does; the message says in which settings the two differ.
    """
    found = Claim.read(folder)
    if found is None or done(folder) is not None or found == claim_of(config):
        return
    if lock.is_held(folder):
        raise ConfigError(
            f"{folder}: another process is at work there on another run ({lock.holder(folder)}); choose another folder"
        )
    raise ConfigError(
        f"{folder}: holds an unfinished attempt at another run ({_attempted(config, folder)}); seqexp.run.run() with "
        "the settings of that one goes on with it; for another run choose another folder, or remove this one"
    )


def _attempted(config: DictConfig, folder: Path) -> str:
    """In what the attempt in a folder differs from a configuration, by the file that Hydra left there.

    Interpolations are compared as they are written: nothing is looked up for a file that anybody may have put there.
    """
    path = folder / ".hydra" / "config.yaml"
    plain: Any = OmegaConf.to_container(config, resolve=False)
    try:
        check_plain(path, MOST_BYTES)
        text = path.read_text(encoding="utf-8")
        if "&" in text and "*" in text:  # Hydra writes no aliases, and they may stand for more than anybody reads
            raise ValueError("it may have aliases")
        there: Any = OmegaConf.to_container(OmegaConf.create(text), resolve=False)
        differs = _differences(plain, there)
    except Exception:  # whatever a damaged file makes YAML say
        return "what of its settings differs cannot be read"
    return differs or "its code, its files or environment variables have changed since"


def _differences(asked: dict[str, Any], recorded: dict[str, Any]) -> str:
    """The settings in which a run differs from what is asked for, a few by name; empty where there are none."""
    there, here = flatten(recorded)[0], flatten(asked)[0]
    known = [key for key in {**here, **there} if key in SEEDS or not (is_inert(key) or key.endswith("_target_"))]
    keys = [key for key in known if (there.get(key) or EMPTY) != (here.get(key) or EMPTY)]  # a group may be empty
    named = [f"{key} is {there.get(key)} there, and {here.get(key)} is asked for" for key in keys[:MOST_NAMED]]
    more = f"; and {len(keys) - MOST_NAMED} more" if len(keys) > MOST_NAMED else ""
    return "; ".join(named) + more
