"""Runs whose own code or files were others than those of a later run: which of them count."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from seqexp.compare.runs import Run
from seqexp.compare.settings import defines_data
from seqexp.compare.swept import split

MOST_LISTED = 4
"""Runs that a note names one by one."""


def newest(runs: Sequence[Run], now: Collection[Path] = ()) -> tuple[list[Run], list[str]]:
    """Leaves out what changed code or files of the user's own have made a thing of the past.

    Of runs with the same settings those count that have the code and files of the one written last. So do, of runs
    with the same settings of the data, those whose data are that one's. Runs without anything of the user's own, and
    runs whose data nobody can tell from the other's, all count.

    Args:
        runs: of one data set.
        now: folders of the runs that are known to be of today's code and files; they go before later ones.

    Returns:
        The runs that count, in their order, and a sentence on the others.
    """
    known = {folder.absolute() for folder in now}

    def when(run: Run) -> tuple[bool, float]:
        return run.folder.absolute() in known, run.written

    former: list[Run] = []
    for alike in split(runs, _settings).values():
        last = max(alike, key=when)
        former += [run for run in alike if run.own != last.own]
    kept = [run for run in runs if not any(run is other for other in former)]
    elsewhere: list[Run] = []
    for alike in split([run for run in kept if run.own], _data_settings).values():
        last = max(alike, key=when)
        elsewhere += [run for run in alike if run.own != last.own and _differ(run, last)]
    kept = [run for run in kept if not any(run is other for other in elsewhere)]
    said = []
    if former:
        said.append(
            f"Own code or files have changed: {_named(former)} {_are(former)} left out, and the run of the same "
            f"settings that {'was asked for last' if known else 'was written last'} counts."
        )
    if elsewhere:
        said.append(
            f"Left out: {_named(elsewhere)}, trained on other data than a later run with the same settings of the "
            "data, as own code or files have changed since; the same command trains on today's data."
        )
    return kept, said


def _settings(run: Run) -> tuple[object, ...]:
    return run.data, run.cell, tuple(sorted(run.settings.items())), tuple(sorted(run.targets.items()))


def _data_settings(run: Run) -> tuple[object, ...]:
    return tuple(sorted((key, value) for key, value in run.settings.items() if defines_data(key)))


def _differ(run: Run, other: Run) -> bool:
    """Whether a seed that both have has not the same data, as far as the records say."""
    if run.data_hash is None or other.data_hash is None:
        return False
    known = dict(zip(other.seeds, other.data_hash, strict=True))
    return any(known.get(seed, found) != found for seed, found in zip(run.seeds, run.data_hash, strict=True))


def _named(runs: Sequence[Run]) -> str:
    more = f" and {len(runs) - MOST_LISTED} more" if len(runs) > MOST_LISTED else ""
    return f"{'; '.join(run.name for run in runs[:MOST_LISTED])}{more}"


def _are(runs: Sequence[Run]) -> str:
    return "are" if len(runs) > 1 else "is"
