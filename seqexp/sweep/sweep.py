"""What happens around a run and around a multirun: everything is checked before, and summed up after."""

from __future__ import annotations

import errno
import functools
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict

from seqexp import launchers, startup
from seqexp.names import folder_name
from seqexp.schema import ConfigError, explain, known_keys

if TYPE_CHECKING:
    from seqexp.progress import SweepLine

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
        except ConfigError as error:
            refuse(error)
        except Exception as error:
            lament(error)
            traceback.print_exc()
            sys.exit(1)

    return wrapper


def lament(error: Exception) -> None:
    """Ends the program with one line if the error is the machine's, not the program's: no space, a killed worker."""
    text = None
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO):
        text = f"{error.strerror}: {error.filename or 'a file could not be written'}"
    elif type(error).__name__ in ("TerminatedWorkerError", "BrokenProcessPool", "WorkerCrashedError"):
        text = "a worker process was killed, perhaps for want of memory"
    elif isinstance(error, ConnectionError):  # Ray's
        text = str(error).rstrip(".")
    if text is not None:
        sys.stderr.write(f"seqexp: {text}. Finished runs stay; the same command with sweep.name=... goes on\n")
        sys.exit(1)


def refuse(error: ConfigError) -> NoReturn:
    """Ends the program over a wrong configuration: one paragraph, exit status 2."""
    sys.stderr.write(f"seqexp: {error}\n")
    sys.exit(2)


def subdir(text: str, *, _root_: DictConfig) -> str:
    """The resolver behind `hydra.sweep.subdir`: the folder of one run, below its sweep's."""
    from seqexp import resume

    return resume.place(Path(_root_.hydra.sweep.dir), folder_name(text), resume.Claim.of(_root_))


OmegaConf.register_new_resolver("seqexp.subdir", subdir, replace=True)


def run_job(config: DictConfig) -> None:
    """Runs one job of a multirun and says in one line what came of it; its failure is recorded and stops no other."""
    from seqexp.run import report, run_in_sweep

    hydra = HydraConfig.get()
    folder, stop = Path(os.path.relpath(hydra.runtime.output_dir)), Path(hydra.sweep.dir) / STOP
    if stop.exists():
        _say(sys.stderr, f"not run: {folder} (sweep.fail_fast)")
        return
    try:
        record = run_in_sweep(config)
    except Exception as error:
        # The other runs of the sweep go on; the traceback is in the log, and the comparison lists the failure.
        _say(sys.stderr, f"failed: {type(error).__name__}: {error} → {folder}/seqexp.log")
        if config.sweep.fail_fast:
            stop.touch()
        return
    _say(sys.stdout, report(record, folder) if record else f"there already: {hydra.job.override_dirname}")


def _say(stream: TextIO, text: str) -> None:
    """Writes one line; on a terminal, over the progress line of the process that started this one."""
    stream.write("\r\x1b[K" if stream.isatty() else "")
    stream.write(" ".join(text.split()) + "\n")
    stream.flush()


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
        from seqexp.run import check_folder

        _check(config)
        _check_places(config.hydra, Path(config.hydra.run.dir))
        for name, value in config.sweep.items():
            if value not in (None, False):
                raise ConfigError(f"sweep.{name}={value}: is for a multirun; add --multirun")
        check_folder(Path(config.hydra.run.dir))

    @_final
    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Refuses a sweep of which any run could not be done, and one that another process is at."""
        launchers.require(config)
        launchers.prepare(config)
        startup.load()
        from rich.console import Console

        from seqexp import resume
        from seqexp.progress import SweepLine
        from seqexp.run import check_folder, is_elsewhere

        folder = Path(config.hydra.sweep.dir)
        if folder.is_dir() and any(folder.iterdir()) and not (folder / resume.LOCK).exists():
            raise ConfigError(f"hydra.sweep.dir={folder}: the folder is not empty and no sweep's; choose another")
        check_folder(folder)
        _check_places(config.hydra, folder)
        jobs: dict[str, tuple[list[str], DictConfig]] = {}
        for number, overrides in enumerate(_jobs(config)):
            job = _job_config(config, overrides, number)
            try:
                _check(job)
                name = str(job.hydra.sweep.subdir)
            except ConfigError as error:
                raise ConfigError(f"{error} (in the run {' '.join(overrides) or 'of the defaults'})") from None
            if name in jobs:
                raise ConfigError(f"the sweep names one run twice: {' '.join(overrides)}")
            if not _is_inside(folder / name, folder):
                raise ConfigError(f"hydra.sweep.subdir={name}: leads out of the sweep's folder {folder}")
            resume.refuse_links(folder / name)
            jobs[name] = overrides, job
        if config.sweep.dry:
            _tell(folder, jobs)
            sys.exit(0)
        folder.mkdir(parents=True, exist_ok=True)
        if resume.lock(folder) is None:  # held until the program ends
            raise ConfigError(f"{folder}: another process is at work on this sweep ({resume.holder(folder)})")
        (folder / STOP).unlink(missing_ok=True)
        if is_elsewhere(config.hydra):
            missing = [name for name, (_, job) in jobs.items() if resume.missing(folder, resume.Claim.of(job))]
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


def _check_places(hydra: DictConfig, folder: Path) -> None:
    """Refuses settings of Hydra's that would write elsewhere than into a run's or a sweep's folder."""
    if hydra.output_subdir != ".hydra":
        raise ConfigError(f"hydra.output_subdir must be .hydra, got {hydra.output_subdir}")
    if hydra.job_logging.get("handlers"):
        raise ConfigError("hydra/job_logging must be none: a run keeps a log of its own, seqexp.log")
    if hydra.job.chdir:
        raise ConfigError("hydra.job.chdir must be false: a sweep's runs look for each other's folders")
    if "submitit_folder" in hydra.launcher and not _is_inside(Path(hydra.launcher.submitit_folder), folder):
        raise ConfigError(f"hydra.launcher.submitit_folder must lie in the sweep's folder {folder}")


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _tell(folder: Path, jobs: dict[str, tuple[list[str], DictConfig]]) -> None:
    """Says of each job whether it would run, and how long all may take, from a few steps of training each."""
    from seqexp import resume
    from seqexp.build import build

    count, total = 0, 0.0
    for name, (overrides, job) in jobs.items():
        left = resume.missing(folder, resume.Claim.of(job))
        text = " ".join(each for each in overrides if not each.startswith("sweep.")) or "the defaults"
        if not left:
            sys.stdout.write(f"there already  {text}\n")
            continue
        config = _without_hydra(job)
        config.seed, config.num_seeds = left.start, len(left)
        try:
            seconds = build(config).estimate()
        except Exception as error:  # of a user's own cell or task; the others are told all the same
            _say(sys.stdout, f"would fail: {text}: {type(error).__name__}: {error}")
            continue
        count, total = count + 1, total + seconds
        begun = (folder / name / "checkpoints" / "last.ckpt").exists()
        which = "" if len(left) == job.num_seeds else f", seeds {left.start} to {left.stop - 1}"
        sys.stdout.write(f"{'to go on with' if begun else 'to run       '}  {text}{which}, about {seconds:.1f} s\n")
    sys.stdout.write(f"{folder}: {count} of {len(jobs)} to run, about {total:.1f} s of training one after another\n")


def _jobs(config: DictConfig) -> list[list[str]]:
    """The command lines of a multirun's jobs, as Hydra's own sweeper makes them."""
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    params = [f"{key}={value}" for key, value in (config.hydra.sweeper.get("params") or {}).items()]
    parsed = parser.parse_overrides([*params, *config.hydra.overrides.task])
    return [job for batch in BasicSweeper.split_arguments(parsed, max_batch_size=None) for job in batch]


def _job_config(config: DictConfig, overrides: list[str], number: int) -> DictConfig:
    """Composes one job, as Hydra's launchers do."""
    try:
        job = GlobalHydra.instance().config_loader().load_sweep_config(config, overrides)
    except Exception as error:
        raise explain(error, functools.partial(known_keys, overrides)) or error from None
    with open_dict(job):
        job.hydra.job.num = number
        job.hydra.job.id = str(number)
    return job


def _check(config: DictConfig) -> None:
    """Builds what the configuration describes, and throws it away."""
    from seqexp.build import build

    build(_without_hydra(config))


def _without_hydra(config: DictConfig) -> DictConfig:
    config = config.copy()
    with open_dict(config):
        del config["hydra"]
    return config
