"""Which settings differ among runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from seqexp.compare.keys import CELL
from seqexp.compare.runs import Run
from seqexp.compare.settings import NO_SETTING, Setting

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)


def tell_apart(runs: Sequence[Run]) -> Sequence[Run]:
    """The same runs, the cell's name among the settings; a name that has several targets stands with its target."""
    targets: dict[tuple[str, Setting], set[str]] = defaultdict(set)
    for run in runs:
        for group, target in run.targets.items():
            targets[group, run.cell if group == "cell" else run.settings.get(group)].add(target)
    several = {key for key, found in targets.items() if len(found) > 1}

    def renamed(run: Run) -> Run:
        full: dict[str, Setting] = {
            group: run.targets[group] for group in run.targets if (group, run.settings.get(group)) in several
        }
        cell = (
            f"{run.cell} ({run.targets['cell']})"
            if "cell" in run.targets and ("cell", run.cell) in several
            else run.cell
        )
        return replace(run, cell=cell, settings=run.settings | full | {CELL: cell})

    if not several and all(run.settings.get(CELL) == run.cell for run in runs):
        return runs
    return [renamed(run) for run in runs]


def swept(runs: Sequence[Run]) -> list[str]:
    """Keys that differ among `runs`, less those that follow from the choice of their own group."""
    keys = [key for key in all_keys(runs) if len({run.settings.get(key, NO_SETTING) for run in runs}) > 1]

    def follows(key: str) -> bool:
        parts = key.split(".")
        groups = [group for count in range(1, len(parts)) if (group := ".".join(parts[:count])) in keys]
        return any(
            len({values(run, [group, key]) for run in runs}) == len({values(run, [group]) for run in runs})
            for group in groups
        )

    return [key for key in keys if not follows(key)]


def all_keys(runs: Iterable[Run]) -> list[str]:
    """Every key that some run has, in order of appearance."""
    return list(dict.fromkeys(key for run in runs for key in run.settings))


def values(run: Run, keys: Sequence[str]) -> tuple[Setting, ...]:
    """The values that a run has of some keys."""
    return tuple(run.settings.get(key, NO_SETTING) for key in keys)


def all_values(runs: Sequence[Run]) -> dict[str, set[Setting]]:
    """Key -> the values that it has in the runs, all keys."""
    return {key: {run.settings.get(key, NO_SETTING) for run in runs} for key in all_keys(runs)}


def order(values: Iterable[Setting]) -> list[tuple[bool, float, str]]:
    """A sort key that puts numbers in their order before everything else."""
    return [
        (False, float(value), "") if isinstance(value, int | float) else (True, 0.0, str(value)) for value in values
    ]


def split(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Groups items by a key, both in order of first appearance."""
    parts: dict[Key, list[Item]] = {}
    for item in items:
        parts.setdefault(key(item), []).append(item)
    return parts
