"""After the trials: each study's best settings as an ordinary run, with seeds that no trial has seen."""

from __future__ import annotations

import shutil
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from seqexp.config.compose import compose_run
from seqexp.config.mistakes import ConfigError
from seqexp.record import claim, tidy
from seqexp.record.record import RESULT, Record
from seqexp.run.execute import execute
from seqexp.search.space import Settings
from seqexp.search.study import Study


def final_overrides(study: Study, settings: Settings) -> list[str]:
    """The command line of a study's final run.

    Trials are chosen for being lucky with their seeds, too. Seeds that none of them has seen know nothing of that luck.

    Raises:
        ValueError: the study has no best trial.
    """
    if study.best is None:
        raise ValueError(f"{study.question.name}: no trial has a score")
    config, _ = compose_run(study.question.overrides(study.best.params))
    count = settings.final_seeds or config.num_seeds
    return study.question.overrides(study.best.params, seed=config.seed + config.num_seeds, num_seeds=count)


def run_final(study: Study, settings: Settings) -> tuple[Record, Path]:
    """Trains a study's best settings, unless that has been done; from the last checkpoint if it was broken off.

    Returns:
        The record and its folder, which held perhaps the final run of an earlier, smaller search before.

    Raises:
        ConfigError: the folder is something else's.
    """
    config, hydra = compose_run(final_overrides(study, settings))
    folder = settings.folder / study.question.name
    tidy.refuse_links(folder)
    if claim.Claim.read(folder) != claim.Claim.of(config):
        _clear(folder)
    elif (done := claim.finished(folder)) is not None:
        return done, folder
    _note(config, hydra, folder)
    return execute(config, hydra, folder, go_on=True), folder


def _clear(folder: Path) -> None:
    """Removes a final run of settings that are not the best any more; the database can repeat it."""
    if folder.exists() and not any((folder / name).exists() for name in (".hydra", RESULT)):
        raise ConfigError(f"{folder}: is not a run of this search; move it away")
    if folder.exists():
        shutil.rmtree(folder)


def _note(config: DictConfig, hydra: DictConfig, folder: Path) -> None:
    """Leaves what Hydra would leave in a run's folder."""
    (folder / ".hydra").mkdir(parents=True, exist_ok=True)
    for name, node in (("config", config), ("hydra", hydra), ("overrides", hydra.overrides.task)):
        OmegaConf.save(node, folder / ".hydra" / f"{name}.yaml")
