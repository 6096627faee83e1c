"""What happens around a run and around a multirun: everything is checked before, and summed up after."""

from __future__ import annotations

import functools
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from seqexp import startup
from seqexp.config.compose import known_keys
from seqexp.config.mistakes import ConfigError, explain, lament, refuse
from seqexp.sweep import again, launchers
from seqexp.sweep.dry import tell
from seqexp.sweep.jobs import check_job, check_places, is_inside, job_config, say, split_jobs

if TYPE_CHECKING:
    from seqexp.sweep.progress import SweepLine


# conf/hydra/launcher has files with the names that the launchers' packages register: ours set what theirs describe.
# Here, because the launchers' workers compose configurations, too, and import this file before.
warnings.filterwarnings("ignore", r"\s*'hydra/launcher/", UserWarning)

STOP = ".stop"
"""A file in the sweep's folder: a run has failed, and sweep.fail_fast wants no other to start."""


def _final(method: Callable[..., None]) -> Callable[..., None]:
    """Hydra turns what a callback raises into a warning; this makes it end the program, as it should."""

    @functools.wraps(method)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        try:
            method(*args, **kwargs)
        except Exception as error:
            if (wrong := explain(error, known_keys)) is not None:
                refuse(wrong)
            lament(error)
            traceback.print_exc()
            sys.exit(1)

    return wrapper


def run_job(config: DictConfig) -> None:
    """Runs one job of a multirun and says in one line what came of it; its failure is recorded and stops no other."""
    from seqexp.run.report import report

    hydra = HydraConfig.get()
    folder, stop = Path(os.path.relpath(hydra.runtime.output_dir)), Path(hydra.sweep.dir) / STOP
    if stop.exists():
        say(sys.stderr, f"not run: {folder} (sweep.fail_fast)")
        return
    try:
        record = again.run_in_sweep(config)
    except Exception as error:
        # The other runs of the sweep go on; the traceback is in the log, and the comparison lists the failure.
        say(sys.stderr, f"failed: {type(error).__name__}: {error} → {folder}/seqexp.log")
        if config.sweep.fail_fast:
            stop.touch()
        return
    say(sys.stdout, report(record, folder) if record else f"there already: {hydra.job.override_dirname}")


class Sweep(Callback):
    """Hydra's hooks: refuse before anything is written, compare when all is done."""

    line: SweepLine | None = None

    def __reduce__(self) -> tuple[type[Sweep], tuple[()]]:
        """Goes to the launchers' workers without the line, which belongs to the process that was started."""
        return Sweep, ()

    @_final
    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Refuses a run that could not be done."""
        startup.load()
        from seqexp.run.execute import check_single
        from seqexp.run.log import check_folder

        check_job(config)
        check_places(config.hydra, Path(config.hydra.run.dir))
        check_single(config)
        check_folder(Path(config.hydra.run.dir))

    @_final
    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Refuses a sweep of which any run could not be done, and one that another process is at."""
        launchers.require(config)
        launchers.prepare(config)
        startup.load()
        from rich.console import Console

        from seqexp.record import claim, lock, tidy
        from seqexp.run.execute import is_elsewhere
        from seqexp.run.log import check_folder
        from seqexp.sweep.progress import SweepLine

        folder = Path(config.hydra.sweep.dir)
        if folder.is_dir() and any(folder.iterdir()) and not (folder / lock.LOCK).exists():
            raise ConfigError(f"hydra.sweep.dir={folder}: the folder is not empty and no sweep's; choose another")
        check_folder(folder)
        check_places(config.hydra, folder)
        jobs: dict[str, tuple[list[str], DictConfig]] = {}
        for number, overrides in enumerate(split_jobs(config)):
            job = job_config(config, overrides, number)
            try:
                check_job(job)
                name = str(job.hydra.sweep.subdir)
            except ConfigError as error:
                raise ConfigError(f"{error} (in the run {' '.join(overrides) or 'of the defaults'})") from None
            if name in jobs:
                raise ConfigError(f"the sweep names one run twice: {' '.join(overrides)}")
            if not is_inside(folder / name, folder):
                raise ConfigError(f"hydra.sweep.subdir={name}: leads out of the sweep's folder {folder}")
            tidy.refuse_links(folder / name)
            jobs[name] = overrides, job
        if not jobs:
            raise ConfigError(f"the sweep names no run: {' '.join(config.hydra.overrides.task)}")
        if config.sweep.dry:
            tell(folder, jobs)
            sys.exit(0)
        folder.mkdir(parents=True, exist_ok=True)
        if lock.lock(folder) is None:  # held until the program ends
            raise ConfigError(f"{folder}: another process is at work on this sweep ({lock.holder(folder)})")
        (folder / STOP).unlink(missing_ok=True)
        if is_elsewhere(config.hydra):
            missing = [name for name, (_, job) in jobs.items() if claim.missing(folder, claim.Claim.of(job))]
            self.line = SweepLine([folder / name for name in missing], Console(stderr=True))
            self.line.begin()

    @_final
    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Compares the runs; exit status 1 if one of them failed."""
        if self.line is not None:
            self.line.end()
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
