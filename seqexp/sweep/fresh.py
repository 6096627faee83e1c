"""The end of a sweep with `sweep.fresh_seeds`: what was picked from a grid is trained once more, on seeds that judge.

A setting is picked for being lucky with its seeds, too. Seeds that no pick has seen know nothing of that luck. They are
ordinary runs of the same sweep, so what is there is not trained again. What is made of them: `compare/judges.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from seqexp.config import SOURCE_SEEDS
from seqexp.config.compose import without_hydra
from seqexp.config.kinds import LARGEST
from seqexp.config.mistakes import ConfigError
from seqexp.show.console import say
from seqexp.sweep import again
from seqexp.sweep.dry import tell
from seqexp.sweep.jobs import Job, job_config

if TYPE_CHECKING:
    from seqexp.compare.runs import Run

OWN = ("seed", "num_seeds", "sweep.judges")
"""Keys by which a run on fresh seeds differs from the run that was picked."""


def check(jobs: Sequence[Job], by: Sequence[str], folder: Path) -> None:
    """Refuses a sweep in which nothing can be picked.

    Args:
        jobs: all of the sweep's.
        by: the keys that are compared.
        folder: the sweep's; runs of earlier commands may lie there.

    Raises:
        ConfigError: there is no grid, or no validation split, or `sweep.judges` was given, or no seed is left.
    """
    from seqexp.compare.data_sets import group

    if any(job.config.sweep.judges is not None for job in jobs):
        raise ConfigError("sweep.judges: is what sweep.fresh_seeds=true writes into the runs that judge; leave it out")
    if not any(job.config.sweep.fresh_seeds for job in jobs):
        return
    if not all(job.config.sweep.fresh_seeds for job in jobs):
        raise ConfigError("sweep.fresh_seeds must be the same for all runs of a sweep")
    if any(all(job.config.get(key) is not None for key in SOURCE_SEEDS) for job in jobs):
        fixed = ", ".join(SOURCE_SEEDS)
        raise ConfigError(
            f"sweep.fresh_seeds=true: {fixed} are all fixed, so that no other seed differs from the first"
        )
    if not any(job.config.data.get("val_fraction") for job in jobs):
        raise ConfigError("sweep.fresh_seeds=true: settings are picked on validation, and data.val_fraction is 0")
    data_sets = group([_as_run(job) for job in jobs], by)
    if not any(each.selects for each in data_sets) and not any(folder.glob("*/")):
        raise ConfigError(
            "sweep.fresh_seeds=true: there is nothing to pick, as each of what is compared has one setting; give a "
            "grid, such as optimizer.lr=0.001,0.01, or leave it out"
        )
    if _first(jobs, []) + _count(jobs) > LARGEST:
        raise ConfigError(f"sweep.fresh_seeds=true: the {_count(jobs)} fresh seeds must be <= {LARGEST}")


def train(config: DictConfig, jobs: Sequence[Job], by: Sequence[str], task: TaskFunction) -> None:
    """Trains what is missing of what was picked, on fresh seeds, by the sweep's own launcher; says what it does.

    Args:
        config: the sweep's, with its `hydra` node.
        jobs: all of the sweep's.
        by: the keys that are compared; none for what the runs were asked for.
        task: what is done with each run's configuration.
    """
    from rich.console import Console

    from seqexp.record import claim
    from seqexp.run.execute import is_elsewhere
    from seqexp.sweep.progress import SweepLine

    folder = Path(config.hydra.sweep.dir)
    if missing := sum(bool(claim.missing(folder, job.claim)) for job in jobs):
        say(sys.stderr, f"no fresh seeds are trained before all runs are there: {missing} of {len(jobs)} are not")
        return
    seeds, lines = _plan(jobs, by, folder)
    if not lines:
        say(sys.stdout, "nothing was picked from a grid by validation scores, so nothing is trained on fresh seeds")
        return
    say(sys.stdout, f"what was picked is trained once more, on {_range(seeds)}, which judge:")
    watched = _jobs(config, lines, len(jobs)) if is_elsewhere(config.hydra) else []
    line = SweepLine([folder / job.name for job in watched if claim.missing(folder, job.claim)], Console(stderr=True))
    line.begin()
    context = HydraContext(config_loader=GlobalHydra.instance().config_loader(), callbacks=Callbacks(config))
    launcher = Plugins.instance().instantiate_launcher(hydra_context=context, task_function=task, config=config)
    try:
        for done in launcher.launch(lines, initial_job_idx=len(jobs)):
            _ = done.return_value  # raises what the run has raised
    finally:
        line.end()


def tell_more(config: DictConfig, jobs: Sequence[Job], by: Sequence[str]) -> None:
    """Says what would be trained on fresh seeds, as far as that is known before the pick; arguments as for `train`."""
    from seqexp.compare.runs import collect
    from seqexp.record import claim

    folder = Path(config.hydra.sweep.dir)
    if any(claim.missing(folder, job.claim) for job in jobs):
        first = _first(jobs, collect([folder]).runs if folder.is_dir() and claim.find(folder) else [])
        seeds = _range(range(first, first + _count(jobs)))
        say(sys.stdout, f"then what is picked is trained once more, on {seeds}, which judge")
        return
    _, lines = _plan(jobs, by, folder)
    tell(folder, _jobs(config, lines, len(jobs)))


def _plan(jobs: Sequence[Job], by: Sequence[str], folder: Path) -> tuple[range, list[list[str]]]:
    """What the runs that are there have picked: the fresh seeds, and the command line of each run on them."""
    from seqexp.compare.choice import choose
    from seqexp.compare.comparison import sort
    from seqexp.compare.judges import part

    data_sets, found = sort([folder], by, again.asked_for(jobs, folder))
    first, count = _first(jobs, found.runs), _count(jobs)
    lines: list[list[str]] = []
    for picking in (part(data_set, first) for data_set in data_sets):
        picked = [picking.rows[index] for index in choose(picking).picked] if picking.selects else []
        lines += [line for row in picked if (line := _line(row.runs, jobs, first, count)) is not None]
    return range(first, first + count), lines


def _jobs(config: DictConfig, lines: list[list[str]], number: int) -> list[Job]:
    """The runs on fresh seeds; `number` is that of the first of them in the sweep."""
    from seqexp.run.build import claim_of

    composed = [job_config(config, line, number + index) for index, line in enumerate(lines)]
    return [
        Job(str(each.hydra.sweep.subdir), line, each, claim_of(each), [])
        for line, each in zip(lines, composed, strict=True)
    ]


def _range(seeds: range) -> str:
    return f"seeds {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"seed {seeds[0]}"


def _first(jobs: Sequence[Job], runs: Sequence[Run]) -> int:
    """The seed after the highest one that picks; what judges already goes on to do so."""
    picking = [job.claim.seeds[-1] for job in jobs] + [max(run.seeds) for run in runs if run.judges is None]
    return max(max(picking) + 1, *(run.judges for run in runs if run.judges is not None), 0)


def _count(jobs: Sequence[Job]) -> int:
    """As many seeds judge as pick."""
    return max(job.claim.num_seeds for job in jobs)


def _line(runs: Sequence[Run], jobs: Sequence[Job], first: int, count: int) -> list[str] | None:
    """The command line of a picked row on fresh seeds; None where none of the sweep's jobs is that row."""
    from seqexp.record.claim import Claim

    claims = [claim for run in runs if (claim := Claim.find(run.folder)) is not None]
    for job in jobs:
        if any(job.claim.renamed(claim).family == job.claim.family for claim in claims):
            kept = [each for each in job.overrides if each.lstrip("+").partition("=")[0] not in OWN]
            return [*kept, f"seed={first}", f"num_seeds={count}", f"sweep.judges={first}"]
    return None


def _as_run(job: Job) -> Run:
    """A job as a comparison will know it, without scores."""
    import numpy as np

    from seqexp.compare.runs import Metric, Run
    from seqexp.compare.settings import flatten, is_inert, neutral

    config: Any = OmegaConf.to_container(without_hydra(job.config), resolve=True)
    settings, targets = flatten(config)
    choices = job.config.hydra.runtime.choices
    kept = {key: value for key, value in settings.items() if not is_inert(key)}
    nothing = np.zeros(job.claim.num_seeds)
    return Run(
        folder=Path(job.name),
        name=job.name,
        data=str(choices["data"]),
        cell=str(choices["cell"]),
        settings={**neutral(), **kept, "cell": str(choices["cell"])},
        seeds=list(job.claim.seeds),
        metric=Metric("", "", ""),
        train=nothing,
        val=nothing,
        test=nothing,
        baselines={},
        diverged=frozenset(),
        num_parameters=0,
        epochs=0,
        steps=0,
        train_seconds=0.0,
        targets=targets,
        data_hash=job.data_hash,
    )
