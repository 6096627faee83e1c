"""What a sweep is to compare, checked before any of its runs begins."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from seqexp.config.compose import without_hydra
from seqexp.config.mistakes import ConfigError
from seqexp.sweep.jobs import Job


def compared_keys(jobs: Sequence[Job], folder: Path) -> tuple[str, ...]:
    """The keys of `compare.by`.

    Args:
        jobs: all of the sweep's.
        folder: the sweep's; runs of earlier commands may lie there.

    Raises:
        ConfigError: the jobs do not agree on them, or their runs could not be compared by them.
    """
    from seqexp.compare.keys import CompareError, check, listed, of_data

    asked = {json.dumps(OmegaConf.to_container(job.config.compare).get("by")) for job in jobs}  # type: ignore[union-attr]
    try:
        if len(asked) > 1:
            raise ConfigError(f"compare.by must be the same for all runs of a sweep, got {' and '.join(sorted(asked))}")
        by = listed(json.loads(asked.pop()))
        if by:
            settings = [_settings(job) for job in jobs]
            check(by, _values(settings), not any(folder.glob("*/")))
            if of_data(by):
                _check_targets(jobs, settings, by)
    except CompareError as error:
        raise ConfigError(str(error)) from None
    return by


def _settings(job: Job) -> dict[str, Any]:
    """A job's configuration as a comparison knows it."""
    from seqexp.compare.settings import flatten

    config: Any = OmegaConf.to_container(without_hydra(job.config), resolve=True)
    choices = job.config.hydra.runtime.choices
    return flatten(config)[0] | {group: str(choices[group]) for group in ("data", "cell")}


def _values(settings: Sequence[dict[str, Any]]) -> dict[str, set[Any]]:
    """Key -> the values that it has in the jobs."""
    keys = dict.fromkeys(key for each in settings for key in each)
    return {key: {each.get(key) for each in settings} for key in keys}


def _check_targets(jobs: Sequence[Job], settings: Sequence[dict[str, Any]], by: Sequence[str]) -> None:
    """Refuses a sweep whose jobs, alike but for the compared keys of the data, do not have the same test targets.

    Raises:
        CompareError: some seed's test targets differ.
    """
    from seqexp.compare.keys import CompareError, changed_targets, of_data
    from seqexp.compare.settings import defines_data

    first: dict[tuple[Any, ...], str] = {}
    keys = sorted({key for each in settings for key in each if defines_data(key) and key not in by})
    for job, own in zip(jobs, settings, strict=True):
        alike = tuple(own.get(key) for key in keys)
        for seed, (_, targets) in zip(job.claim.seeds, job.data_hash, strict=True):
            if first.setdefault((seed, *alike), targets) != targets:
                raise CompareError(changed_targets(of_data(by)))
