"""What happens around a run and around a multirun: everything is checked before, and summed up after."""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from seqexp import startup
from seqexp.config import foreign
from seqexp.config.compose import check_choices, known_keys, without_hydra
from seqexp.config.guard import is_inside, settle
from seqexp.config.mistakes import ConfigError, exit_if_trouble, explain, refuse, refusing_paths
from seqexp.config.names import check_place
from seqexp.config.schema import check
from seqexp.config.titles import run_name
from seqexp.show.console import end_start, prepare_output, say
from seqexp.signals import Ending, Terminated
from seqexp.sweep import again, fresh, launchers
from seqexp.sweep.compared import compared_keys
from seqexp.sweep.dry import tell
from seqexp.sweep.jobs import ANEW, Job, check_job, check_places, in_the_run, job_config, split_jobs

if TYPE_CHECKING:
    from seqexp.record.claim import Claim
    from seqexp.run.build import Ready
    from seqexp.sweep.progress import SweepLine


STOP = ".stop"
"""A file in the sweep's folder that says why no other run may start: one has failed, or a worker is told to end."""


def _final(method: Callable[..., None]) -> Callable[..., None]:
    """Hydra turns what a callback raises into a warning; this makes it end the program, as it should."""

    @functools.wraps(method)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        try:
            method(*args, **kwargs)
        except Exception as error:
            if (wrong := explain(error, known_keys)) is not None:
                refuse(wrong)
            exit_if_trouble(error)
            traceback.print_exc()
            sys.exit(1)

    return wrapper


def run_job(config: DictConfig) -> None:
    """Runs what is missing of one job of a multirun, and says in one line what came of it; a failure stops no other."""
    startup.load()
    prepare_output()  # of a launcher's worker
    hydra = HydraConfig.get()
    folder, stop, there = Path(hydra.runtime.output_dir), Path(hydra.sweep.dir) / STOP, True
    try:
        if old := again.outdated(config):
            say(sys.stdout, f"{ANEW.format(os.path.relpath(old))}: {run_name(OmegaConf.structured(hydra))}")
        for folder, part in again.parts(config):
            there = False
            if stop.exists():
                say(sys.stderr, f"not run: {os.path.relpath(folder)} ({stop.read_text(encoding='utf-8')})")
                return
            _run_part(config, folder, part, stop)
        for run in again.evaluate_missing(config):
            say(sys.stdout, f"evaluated where it had not been: {os.path.relpath(run)}")
    except Exception as error:
        _fail(config, folder, stop, error)
    again.leave()
    if "diagnostic" in config:
        again.measure(config)
    if there:
        say(sys.stdout, f"there already: {run_name(OmegaConf.structured(hydra))}")


def _run_part(config: DictConfig, folder: Path, part: Claim, stop: Path) -> None:
    from seqexp.run.execute import is_elsewhere
    from seqexp.run.report import report

    try:
        record = again.run_in_sweep(config, folder, part)
    except Terminated as end:
        if not is_elsewhere(OmegaConf.structured(HydraConfig.get())):
            raise
        stop.write_text(str(end), encoding="utf-8")  # or the launcher would give this worker the next run
        say(sys.stderr, f"not finished: {os.path.relpath(folder)} ({end})")
    except Exception as error:
        _fail(config, folder, stop, error)
    else:
        say(sys.stdout, report(record, Path(os.path.relpath(folder))))


def _fail(config: DictConfig, folder: Path, stop: Path, error: Exception) -> None:
    """The other runs of the sweep go on; the traceback is in the log, and the comparison lists the failure."""
    where = folder / "seqexp.log" if (folder / "seqexp.log").is_file() else folder
    say(sys.stderr, f"failed: {type(error).__name__}: {error} → {os.path.relpath(where)}")
    if config.sweep.fail_fast:
        stop.write_text("sweep.fail_fast", encoding="utf-8")


class Sweep(Callback):
    """Hydra's hooks: refuse before anything is written, compare when all is done."""

    line: SweepLine | None = None
    ending: Ending | None = None
    by: tuple[str, ...] = ()
    jobs: tuple[Job, ...] = ()
    folder: ClassVar[Path | None] = None
    """Of the multirun that is going on in this process."""
    ready: ClassVar[Ready | None] = None
    """What the check of a single run has built, for the run itself."""
    told: ClassVar[Path | None] = None
    """A file that gets the folder of a multirun in the place of a printed comparison."""

    def __reduce__(self) -> tuple[Callable[[], Sweep], tuple[()]]:
        """Goes to the launchers' workers without what belongs to the process that was started."""
        return _in_worker, ()

    @classmethod
    def take(cls) -> Ready | None:
        """Hands over what the check of a single run has built, once."""
        ready, cls.ready = cls.ready, None
        return ready

    @_final
    @refusing_paths()
    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Refuses a run that could not be done; what diagnostics have not measured in a finished one ends here."""
        startup.load()
        from seqexp.run.again import measured, refuse_attempt
        from seqexp.run.build import prepare
        from seqexp.run.execute import check_single
        from seqexp.run.log import check_run_folder
        from seqexp.run.report import report

        check_choices(config)
        single = without_hydra(config)
        check(single)
        folder = settle(config, "hydra.run.dir")  # so that Hydra makes the folder that is checked here
        check_places(config.hydra, folder)
        check_single(config)
        check_place(folder)
        if "diagnostic" in single and (record := measured(single, folder)) is not None:
            say(sys.stdout, report(record, Path(os.path.relpath(folder))))
            sys.exit(0)
        Sweep.ready = prepare(single)
        refuse_attempt(single, folder)
        check_run_folder(folder)
        end_start()

    @_final
    @refusing_paths()
    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Refuses a sweep of which any run could not be done, and one that another process is at."""
        launchers.require(config)
        folder = settle(config, "hydra.sweep.dir")
        launchers.prepare(config)
        startup.load()
        again.own_folders(config)
        from rich.console import Console

        from seqexp.record import claim, lock
        from seqexp.run.execute import is_elsewhere
        from seqexp.run.log import check_folder
        from seqexp.sweep.progress import SweepLine

        if folder.is_dir() and any(folder.iterdir()) and not _is_sweep(folder):
            raise ConfigError(f"hydra.sweep.dir={folder}: the folder is not empty and no sweep's; choose another")
        check_folder(folder, sweep=True)
        check_places(config.hydra, folder)
        with claim.at_rest(folder):
            jobs = _check_jobs(config, folder)
            if not jobs:
                raise ConfigError(f"the sweep names no run: {' '.join(config.hydra.overrides.task)}")
            self.jobs, self.by = tuple(jobs), compared_keys(jobs, folder)
            fresh.check(jobs, self.by, folder)
            if config.sweep.dry:
                tell(folder, jobs)
                if config.sweep.fresh_seeds:
                    fresh.tell_more(config, jobs, self.by)
                sys.exit(0)
        folder.mkdir(parents=True, exist_ok=True)
        if lock.lock(folder) is None:  # held until the program ends
            raise ConfigError(f"{folder}: another process is at work on this sweep ({lock.holder(folder)})")
        Sweep.folder = folder
        end_start()
        (folder / STOP).unlink(missing_ok=True)
        again.forget_there(folder)
        if is_elsewhere(config.hydra):
            missing = [folder / job.name for job in jobs if not job.name.startswith(again.THERE)]
            self.line = SweepLine(missing, Console(stderr=True))
            self.line.begin()
        if str(config.hydra.launcher._target_).endswith("JoblibLauncher"):
            # Its workers save their runs when they are told to end, which takes as long as this process stays.
            self.ending = Ending(at_once=False, pass_on=True)
            self.ending.__enter__()

    @_final
    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Trains what was picked on fresh seeds, where asked for, and compares; exit status 1 if a run failed."""
        if self.line is not None:
            self.line.end()
        folder = Path(config.hydra.sweep.dir)
        if config.sweep.fresh_seeds and not (folder / STOP).exists():
            fresh.train(config, self.jobs, self.by, run_job)
        if self.ending is not None:
            self.ending.__exit__(None, None, None)
        from rich.console import Console

        from seqexp.compare.comparison import compare, page_of, written
        from seqexp.compare.keys import CompareError
        from seqexp.show.paragraphs import put

        asked: dict[str, Any] = {"margin": config.compare.margin, "allowed_packages": list(config.allowed_packages)}
        asked["now"] = again.asked_for(self.jobs, folder)
        try:
            comparison = compare(folder, by=self.by or None, **asked)
        except CompareError as error:  # so many runs failed that the keys do not differ any more
            say(sys.stderr, str(error))
            comparison = compare(folder, **asked)
        paths = comparison.write(folder, list(config.allowed_packages), page_of(config.compare.figure))
        if Sweep.told is not None:
            Sweep.told.write_text(str(folder.absolute()), encoding="utf-8")
        else:
            console = Console()
            console.print()  # below the lines of the runs
            comparison.render(console)
            put(console, written(folder, paths), indent=2)
        if comparison.failed or comparison.broken:
            sys.exit(1)


def _in_worker() -> Sweep:
    """What a launcher's worker begins with: this is read before it composes a configuration."""
    foreign.change_for_good(again.RESOLVERS)
    return Sweep()


def _check_jobs(config: DictConfig, folder: Path) -> list[Job]:
    """Refuses a sweep of which any run could not be done, or two would be one.

    Raises:
        ConfigError: which run it is, and what is wrong with it.
    """
    from seqexp.record import tidy
    from seqexp.run.build import claim_of

    jobs: list[Job] = []
    made: dict[str, list[list[str]]] = {}
    for number, overrides in enumerate(split_jobs(config)):
        composed = job_config(config, overrides, number)
        text = " ".join(overrides) or "of the defaults"
        try:
            data_hash = check_job(composed, made)
            job = Job(str(composed.hydra.sweep.subdir), overrides, composed, claim_of(composed), data_hash)
        except ConfigError as error:
            raise in_the_run(error, overrides) from None
        if not is_inside(folder / job.name, folder):
            raise ConfigError(f"hydra.sweep.subdir={job.name}: leads out of the sweep's folder {folder}")
        for other in jobs:
            if other.claim == job.claim:
                raise ConfigError(f"the sweep names one run twice: {text}")
            if other.name == job.name and other.claim.family != job.claim.family:
                raise ConfigError(
                    f"hydra.sweep.subdir={job.name}: would be the folder of two runs (the second: {text})"
                )
        if not job.name.startswith(again.THERE):
            if own := tidy.OWN_NAMES & set(Path(job.name).parts or "."):
                raise ConfigError(f"hydra.sweep.subdir={job.name}: {min(own)} is a name that seqexp itself uses there")
            check_place(folder / job.name)
            tidy.refuse_strange(folder / job.name)
        jobs.append(job)
    return jobs


def _is_sweep(folder: Path) -> bool:
    """Whether a folder is that of a sweep, even if it is a copy without hidden files, or has lost some."""
    from seqexp.record import claim, lock

    names = (lock.LOCK, "multirun.yaml", "comparison.json")
    return any((folder / name).exists() for name in names) or bool(claim.find(folder))
