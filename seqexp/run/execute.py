"""run(): one configuration becomes one folder and one Record."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from seqexp.config.compose import CONF, check_choices, known_keys, without_hydra
from seqexp.config.environment import hide
from seqexp.config.foreign import changed
from seqexp.config.guard import settle
from seqexp.config.kinds import check_texts
from seqexp.config.leaves import leaves
from seqexp.config.mistakes import ConfigError, explain, first_line
from seqexp.config.names import check_place
from seqexp.record import lock, provenance, tidy
from seqexp.record.claim import Claim
from seqexp.record.files import printable
from seqexp.record.record import Record
from seqexp.run.again import goes_on, refuse_attempt, stored
from seqexp.run.build import Parts, Ready, claim_of, prepare
from seqexp.run.fit import fit
from seqexp.run.log import check_run_folder, log_file
from seqexp.run.loggers import Place
from seqexp.run.report import report
from seqexp.run.varies import varies
from seqexp.signals import Ending, Terminated

log = logging.getLogger(__name__)


@changed()
def run(overrides: Sequence[str] = (), folder: Path | str | None = None) -> Record:
    """Runs one configuration from Python, as the command line would.

    Where the folder holds this very run, its record is given back; an attempt that was broken off goes on.

    Args:
        overrides: as on the command line, such as `["cell=lstm", "data=sine", "num_seeds=5"]`; in place of
            `--config-dir my_conf`, `"hydra.searchpath=[file:///home/me/my_conf]"`.
        folder: where the results go; a fresh folder under `outputs/` where None.

    Returns:
        What is also in the folder's `result.json`.

    Raises:
        ConfigError: the configuration cannot be run, or the folder holds another run; nothing was written.
    """
    _check_settings(overrides)
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = one_of(compose("config", list(overrides), return_hydra_config=True))
        hydra = config.hydra
        place = _place(config, folder)
    except Exception as error:
        raise explain(error, known_keys) or error from None
    config = without_hydra(config)
    if (there := stored(config, place)) is not None:
        return there
    ready = prepare(config)
    if goes_on(config, place):
        return go_on(config, hydra, place, ready)
    refuse_attempt(config, place)
    check_run_folder(place)
    with _held(place):
        note(config, hydra, place)
        return execute(config, hydra, place, ready=ready)


def go_on(config: DictConfig, hydra: DictConfig, folder: Path, ready: Ready | None = None) -> Record:
    """As `execute`, in a folder that may hold an unfinished attempt at the same run: from its last checkpoint, if any.

    Raises:
        ConfigError: another process is at work in the folder, or what is in it is not ours.
    """
    tidy.refuse_strange(folder)
    with _held(folder):
        if not (folder / ".hydra").exists():
            note(config, hydra, folder)
        return execute(config, hydra, folder, go_on=True, ready=ready)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Holds a run's folder for this process.

    Raises:
        ConfigError: another process is at work there.
    """
    with lock.taken(folder) as ours:
        if not ours:
            raise ConfigError(f"{folder}: another process is at work on this run ({lock.holder(folder)})")
        yield


def _check_settings(overrides: Sequence[str]) -> None:
    """Refuses what is no list of settings.

    Raises:
        ConfigError: it is one text, or has one of the command line's flags.
    """
    check_texts("run()", "cell=lstm", overrides)
    for each in overrides:
        if each.startswith("-"):
            raise ConfigError(
                f"run() takes settings only, and no {each}: one run at a time, and a folder with groups of your own "
                'by "hydra.searchpath=[file:///home/me/my_conf]"'
            )


def _place(config: DictConfig, folder: Path | str | None) -> Path:
    """The folder of a run from Python.

    Raises:
        ConfigError: the configuration is a sweep's, or names another folder, or sets what only a command can.
    """
    check_single(config)
    check_choices(config)
    given = [each for each in _typed(config.hydra, "hydra") if not each.startswith("hydra.searchpath=")]
    if others := [each for each in given if not each.startswith("hydra.run.dir=")]:
        raise ConfigError(f"run() does one run in this process, and takes no {others[0]}; see python -m seqexp")
    if folder is not None and given:
        raise ConfigError(f"run() has a folder, {folder}, and takes no {given[0]} beside it")
    if folder is not None and not os.fspath(folder):
        raise ConfigError("run() has an empty text for a folder; None is a fresh folder below outputs")
    if folder is not None:
        check_place(Path(folder))
        return Path(folder)
    try:
        return settle(config, "hydra.run.dir")
    except OmegaConfBaseException as error:
        raise ConfigError(f"hydra.run.dir: {first_line(error)}") from None


def note(config: DictConfig, hydra: DictConfig, folder: Path) -> None:
    """Leaves what Hydra leaves in a run's folder."""
    (folder / ".hydra").mkdir(parents=True, exist_ok=True)
    for name, node in (("config", config), ("hydra", hydra), ("overrides", _typed(hydra))):
        OmegaConf.save(node, folder / ".hydra" / f"{name}.yaml")


def one_of(config: DictConfig) -> DictConfig:
    """One run of a sweep that an experiment names, where the settings give each swept key its value; else as it is.

    Args:
        config: the composed configuration, with its `hydra` node.
    """
    given = {each.partition("=")[0] for each in _typed(config.hydra)}
    swept = OmegaConf.select(config.hydra, "sweeper.params")
    if swept and given.issuperset(swept):
        config = config.copy()
        with open_dict(config):
            config.hydra.mode, config.hydra.sweeper.params = RunMode.RUN, None
            config.compare.by = None
    return config


def check_single(config: DictConfig) -> None:
    """Refuses a configuration that asks for a sweep where one run is done.

    Args:
        config: the composed configuration, with its `hydra` node.

    Raises:
        ConfigError: it is a sweep's.
    """
    hydra = config.hydra
    swept = OmegaConf.select(hydra, "sweeper.params")
    if hydra.mode is RunMode.MULTIRUN or swept:
        names = f" over {', '.join(swept)}" if swept else ""
        given = shlex.join(_typed(hydra))
        raise ConfigError(f"this is a sweep{names}, and no single run: python -m seqexp --multirun {given}")
    for key, value in _sweeps_own(config):
        if value is not None and value is not False:
            raise ConfigError(
                f"{key}={value}: is for a sweep of many runs (python -m seqexp --multirun), and this is one"
            )


def _sweeps_own(config: DictConfig) -> Iterator[tuple[str, Any]]:
    """Yields the settings that are for sweeps, as far as they stand where they belong."""
    for group in ("sweep", "compare"):
        node = config.get(group)
        if OmegaConf.is_dict(node):
            yield from leaves(OmegaConf.to_container(node), group, into_lists=False)


def _typed(hydra: DictConfig, which: str = "task") -> list[str]:
    """The command line as it was typed: an interpolation in it refers to the configuration, not to Hydra's node."""
    return list(cast(list[str], OmegaConf.to_container(hydra.overrides[which], resolve=False)))


def run_in_hydra(config: DictConfig, ready: Ready | None) -> Record:
    """Runs the configuration of the present Hydra job, in that job's folder; `ready` as for `execute`."""
    hydra = HydraConfig.get()
    folder = Path(hydra.runtime.output_dir)
    with _held(folder):
        return execute(config, OmegaConf.structured(hydra), folder, ready=ready)


def is_elsewhere(hydra: DictConfig) -> bool:
    """Whether a multirun's runs are done by other processes than the one that was started; `hydra` is that node."""
    return hydra.mode is RunMode.MULTIRUN and not str(hydra.launcher._target_).endswith("BasicLauncher")


def _sweep(hydra: DictConfig, folder: Path) -> Path | None:
    """The folder of the sweep to which a run belongs; None for a run by itself."""
    if hydra.mode is not RunMode.MULTIRUN:
        return None
    sweep = Path(hydra.sweep.dir).absolute()
    return sweep if sweep in folder.absolute().parents else None


def execute(
    config: DictConfig, hydra: DictConfig, folder: Path, go_on: bool = False, ready: Ready | None = None
) -> Record:
    """Trains, scores and records one configuration.

    Args:
        config: the composed configuration, without its `hydra` node.
        hydra: that node: which files were chosen, and by what command line.
        folder: an existing folder that holds no run.
        go_on: the folder may hold an unfinished or failed attempt; training goes on from its last checkpoint.
        ready: what a check of this configuration has built; None builds it.

    Returns:
        The record, which has been written.

    Raises:
        ConfigError: the configuration cannot be run, or the folder is taken or has a finished run.
    """
    tidy.refuse_finished(folder)
    parts, guesses = ready or prepare(config)
    claim = claim_of(config)
    record, optimizer = _begun(parts, hydra)
    # Bars of runs side by side would overwrite each other.
    beside = is_elsewhere(hydra)
    console = Console(stderr=True, force_terminal=False if beside else None)
    if go_on and Claim.read(folder) != claim:
        tidy.clear(folder)
    with log_file(folder, go_on), Ending(at_once=True):
        claim.write(folder)
        try:
            sweep = _sweep(hydra, folder)
            alike = frozenset(hydra.job.config.override_dirname.exclude_keys if sweep else ())
            place = Place(folder, sweep, alike)
            record = fit(parts, guesses, record, claim, optimizer, place, console, beside)
        except Terminated as end:
            log.info("%s", end)
            raise
        except Exception as error:
            log.info("failed", exc_info=True)
            failed = {"type": type(error).__name__, "message": hide(str(error))}
            replace(record, error=failed).write(folder)
            raise
        record.write(folder)
        log.info(report(record))
    return replace(record, folder=folder)


def _begun(parts: Parts, hydra: DictConfig) -> tuple[Record, str]:
    """The record of a run before its training, and the name of its optimizer's file."""
    choices = {group: printable(str(hydra.runtime.choices[group])) for group in ("data", "cell", "optimizer")}
    record = Record(
        status="failed",
        data=choices["data"],
        cell=choices["cell"],
        seeds=list(parts.data.seeds),
        data_hash=parts.data.data_hash,
        varies=varies(parts.settings, parts.data, bool(parts.training.model.cell.penalties)),
        data_fixed=parts.data.task.fixed,
        data_notes=parts.data.notes,
        num_parameters=parts.training.model.num_parameters,
        state_size=parts.training.model.cell.state_size,
        sizes=parts.sizes._asdict(),
        matched=parts.matched,
        config=parts.shown,
        overrides=_typed(hydra),
        fingerprint=provenance.fingerprint(parts.settings),
        versions=provenance.versions(),
        git=provenance.git(),
        device="",  # not known before training
    )
    return record, choices["optimizer"]
