"""What a sweep would do and how long it may take."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from seqexp.sweep.jobs import say, without_hydra

if TYPE_CHECKING:
    pass


def tell(folder: Path, jobs: dict[str, tuple[list[str], DictConfig]]) -> None:
    """Says of each job whether it would run, and how long all may take, from a few steps of training each."""
    from seqexp.record import claim
    from seqexp.run.build import build

    count, total = 0, 0.0
    for name, (overrides, job) in jobs.items():
        left = claim.missing(folder, claim.Claim.of(job))
        text = " ".join(each for each in overrides if not each.startswith("sweep.")) or "the defaults"
        if not left:
            sys.stdout.write(f"there already  {text}\n")
            continue
        config = without_hydra(job)
        config.seed, config.num_seeds = left.start, len(left)
        try:
            seconds = build(config).estimate()
        except Exception as error:  # of a user's own cell or task; the others are told all the same
            say(sys.stdout, f"would fail: {text}: {type(error).__name__}: {error}")
            continue
        count, total = count + 1, total + seconds
        begun = (folder / name / "checkpoints" / "last.ckpt").exists()
        which = "" if len(left) == job.num_seeds else f", seeds {left.start} to {left.stop - 1}"
        sys.stdout.write(f"{'to go on with' if begun else 'to run       '}  {text}{which}, about {seconds:.1f} s\n")
    sys.stdout.write(f"{folder}: {count} of {len(jobs)} to run, about {total:.1f} s of training one after another\n")
