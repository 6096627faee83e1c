"""What a sweep would do and how long it may take."""

from __future__ import annotations

import sys
from pathlib import Path

from seqexp.config.compose import without_hydra
from seqexp.show.console import say
from seqexp.sweep.jobs import ANEW, Job


def tell(folder: Path, jobs: list[Job]) -> None:
    """Says of each job whether it would run, and how long all may take, from a few steps of training each."""
    from seqexp.record import claim
    from seqexp.run.build import build
    from seqexp.run.estimate import estimate

    count, total = 0, 0.0
    for job in jobs:
        left = claim.missing(folder, job.claim)
        text = " ".join(each for each in job.overrides if not each.startswith(("sweep.", "compare."))) or "the defaults"
        if not left:
            say(sys.stdout, f"there already  {text}")
            continue
        config, seconds = without_hydra(job.config), 0.0
        try:
            for seeds in left:
                config.seed, config.num_seeds = seeds.start, len(seeds)
                seconds += estimate(build(config))
        except Exception as error:  # of a user's own cell or task; the others are told all the same
            say(sys.stdout, f"would fail: {text}: {type(error).__name__}: {error}")
            continue
        count, total = count + 1, total + seconds
        begun = (folder / job.name / "checkpoints" / "last.ckpt").exists()
        ranges = " and ".join(f"{seeds[0]} to {seeds[-1]}" for seeds in left)
        which = "" if left == [job.claim.seeds] else f", seeds {ranges}"
        old = claim.outdated(folder, job.claim)
        why = f", {ANEW.format(old)}" if old is not None else ""
        word = "to go on with" if begun else "to run       "
        say(sys.stdout, f"{word}  {text}{which}{why}, about {seconds:.1f} s")
    say(sys.stdout, f"{folder}: {count} of {len(jobs)} to run, about {total:.1f} s of training one after another")
