"""After the trials: each study's best settings as an ordinary run, with seeds that no trial has seen."""

from __future__ import annotations

from pathlib import Path

from seqexp.config.compose import compose_run
from seqexp.record import claim, tidy
from seqexp.record.record import Record
from seqexp.run.build import claim_of
from seqexp.run.execute import execute, note
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


def run_final(study: Study, settings: Settings) -> list[tuple[Path, Record]]:
    """Trains what is missing of a study's best settings; from the last checkpoint if that was broken off.

    The final run of an earlier, smaller search with other settings stays where it is.

    Returns:
        The finished runs that have the seeds, each folder with its record.

    Raises:
        RuntimeError: training failed; the message says where its log is.
    """
    config, hydra = compose_run(final_overrides(study, settings))
    wanted = claim_of(config)
    for folder, part in claim.parts(settings.folder, study.question.name, wanted):
        tidy.refuse_strange(folder)
        config.seed, config.num_seeds = part.seed, part.num_seeds
        note(config, hydra, folder)
        try:
            execute(config, hydra, folder, go_on=True)
        except Exception as error:
            raise RuntimeError(f"{error} → {folder}/seqexp.log") from error
    return claim.present(settings.folder, wanted)
