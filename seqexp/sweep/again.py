"""What is missing of a sweep's job, where it belongs, and running it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from seqexp.config import titles
from seqexp.config.guard import shown
from seqexp.config.names import path_name, quoted
from seqexp.record.record import INERT_SETTINGS
from seqexp.sweep.jobs import Job, split_jobs

if TYPE_CHECKING:
    from seqexp.record.claim import Claim
    from seqexp.record.record import Record

OWN_NAME = "${seqexp.run:}"
"""What `conf/hydra/output` says of a run's name."""

SHARED = (*titles.SEEDS, *INERT_SETTINGS)
"""Keys, or groups of keys, that are in no name."""

THERE = ".there"
"""Below it Hydra writes of a job whose seeds are all there: it writes before a job begins, not into finished runs."""


def own_folders(config: DictConfig) -> None:
    """Lets each job find its folder by what it trains, whatever `hydra.sweep.subdir` says of its name.

    Args:
        config: the composed configuration, with its `hydra` node; the overrides for the jobs are added to.
    """
    text = OmegaConf.to_container(config.hydra.sweep, resolve=False)["subdir"]  # type: ignore[call-overload, index]
    style = "hydra.job.config.override_dirname.exclude_keys"
    kept = {*OmegaConf.select(config, style)}
    same = ",".join(map(quoted, sorted(kept | _alike(config))))
    with read_write(config), open_dict(config):
        config.hydra.overrides.hydra += [
            f"hydra.sweep.subdir=${{seqexp.subdir:x{str(text).encode().hex()},{int(str(text) == OWN_NAME)}}}",
            f"{style}=[{same}]",
        ]


def _alike(config: DictConfig) -> set[str]:
    """The keys that are alike in all jobs of a sweep, and but for seeds in all runs that its folder has already."""
    from seqexp.compare.settings import is_inert
    from seqexp.record import claim

    jobs = [titles.typed(each) for each in split_jobs(config)]
    there = [titles.typed(titles.overrides_of(folder)) for folder, _ in claim.find(Path(config.hydra.sweep.dir))]
    now = titles.varied(jobs)
    before = {key for key in titles.varied([*jobs, *there]) if not is_inert(key)}
    return ({key for each in jobs for key in each} | {*titles.SEEDS}) - now - before


def parts(config: DictConfig) -> Iterator[tuple[Path, Claim]]:
    """What is left to train of the present job of a multirun; see `record.claim.parts`."""
    from seqexp.record import claim
    from seqexp.run.build import claim_of

    hydra = HydraConfig.get()
    sweep = Path(hydra.sweep.dir)
    name = Path(hydra.runtime.output_dir).relative_to(sweep.absolute()).as_posix()
    return claim.parts(sweep, name, claim_of(config))


def run_in_sweep(config: DictConfig, folder: Path, part: Claim) -> Record:
    """Runs a part of the present job of a multirun, from its last checkpoint where there is one.

    Raises:
        ConfigError: another process is at work in the folder, or what is in it is not ours.
    """
    from seqexp.run.execute import go_on

    config = config.copy()
    with open_dict(config):
        config.seed, config.num_seeds = part.seed, part.num_seeds
    return go_on(config, OmegaConf.structured(HydraConfig.get()), folder)


def evaluate_missing(config: DictConfig) -> list[Path]:
    """Evaluates finished runs of the present job on what is asked for and was not when they were trained.

    Returns:
        The folders of those that were.
    """
    lengths, others = (config.data.get(name) for name in ("test_lengths", "evaluations"))
    if not (lengths or others):
        return []
    from seqexp.evaluate import evaluate
    from seqexp.record import claim, evaluations
    from seqexp.run.build import claim_of

    wanted, found = claim_of(config), []
    changes = OmegaConf.to_container(others, resolve=True) if others else {}
    for folder, record in claim.present(Path(HydraConfig.get().sweep.dir), wanted):
        before = evaluations.joined(record, folder).scores.keys()
        trusted = list(config.allowed_packages), list(config.allowed_environment)
        if evaluate(folder, list(lengths or ()), changes, *trusted).scores.keys() != before:  # type: ignore[arg-type]
            found.append(folder)
    return found


def measure(config: DictConfig) -> None:
    """Adds to the finished runs of the present job what its diagnostics have not measured there."""
    from seqexp.record import claim
    from seqexp.run.build import claim_of
    from seqexp.run.diagnose import measure_later, tell

    for folder, record in claim.present(Path(HydraConfig.get().sweep.dir), claim_of(config)):
        single = config.copy()
        with open_dict(single):
            single.seed, single.num_seeds = record.seeds[0], len(record.seeds)
        tell(measure_later(single, record.cell, folder), folder)


def outdated(config: DictConfig) -> Path | None:
    """A finished run of the sweep that would be the present job's, had the user's own code and files not changed."""
    from seqexp.record import claim
    from seqexp.run.build import claim_of

    sweep, wanted = Path(HydraConfig.get().sweep.dir), claim_of(config)
    return claim.outdated(sweep, wanted) if claim.missing(sweep, wanted) else None


def asked_for(jobs: Sequence[Job], sweep: Path) -> set[Path]:
    """The folders of the finished runs of some jobs below a sweep's folder."""
    from seqexp.record import claim

    with claim.at_rest(sweep):
        return {folder for job in jobs for folder, _ in claim.present(sweep, job.claim)}


def leave() -> None:
    """Removes the folder that Hydra has made for the present job, if nothing was done there."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    _remove_bare(folder)
    if folder.parent.name == THERE:
        with contextlib.suppress(OSError):  # others are still there
            folder.parent.rmdir()


def forget_there(sweep: Path) -> None:
    """Removes what a sweep that was killed has left below `.there`."""
    if (sweep / THERE).is_dir():
        for folder in list((sweep / THERE).iterdir()):
            _remove_bare(folder)
        with contextlib.suppress(OSError):  # something else is there
            (sweep / THERE).rmdir()


def _remove_bare(folder: Path) -> None:
    if folder.is_dir() and {path.name for path in folder.iterdir()} <= {".hydra"}:
        shutil.rmtree(folder)


def subdir(code: str, own: int = 0, *, _root_: DictConfig) -> str:
    """The resolver behind `hydra.sweep.subdir`: the folder of one run, below its sweep's.

    Args:
        code: the user's own `hydra.sweep.subdir`, in hexadecimal digits after an x: Hydra sees no quotes and braces.
        own: 1 if that is seqexp's own, so that a name that another run has can have more of what was typed.
        _root_: the job's configuration.
    """
    from seqexp.record import claim
    from seqexp.run.build import claim_of

    wanted, sweep = claim_of(_root_), Path(_root_.hydra.sweep.dir)
    left = claim.missing(sweep, wanted)
    if not left:
        return f"{THERE}/{wanted.family}-{wanted.seed}-{wanted.num_seeds}"
    node = _root_.hydra.sweep.copy()
    with read_write(node):
        node.subdir = bytes.fromhex(code[1:]).decode()
    with shown(_root_, "hydra.sweep.subdir"):
        text = str(node.subdir)
    longer = path_name(titles.long_name(_root_.hydra, SHARED)) if own else ""
    return claim.place(sweep, path_name(text), wanted.part(left[0]), longer)


RESOLVERS = {"seqexp.subdir": subdir}
"""What a sweep needs beside those of `config/foreign.py`."""
