"""What a reader must know of the data before believing a table."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from seqexp.compare.learnt import Learnt, Source
from seqexp.compare.runs import Run

MOST_LISTED = 10
"""Seeds that a note lists one by one."""


def found_twice(label: str, kept: Sequence[Source], others: Sequence[Source]) -> Iterator[str]:
    """Says which seeds were found more than once, which of them counts, and whether both are the same."""
    tested, trained = Learnt.of(kept).differ(Learnt.of(others))
    seeds = np.array([run.seeds[index] for run, index in others])
    agree = [
        _agree(float(first.test[at]), float(second.test[index]))
        for (first, at), (second, index) in zip(kept, others, strict=True)
    ]
    elsewhere = np.unique(seeds[tested | trained])
    alike = np.setdiff1d(seeds, elsewhere)
    if alike.size:
        differ = "" if all(np.array(agree)[np.isin(seeds, alike)]) else ", though the scores differ"
        which = f"{_count(alike.tolist())} of {label}"
        yield f"{which} found in more than one run: counted once, from the first folder{differ}."
    if elsewhere.size:
        which = f"{_count(elsewhere.tolist())} of {label} ({_list(elsewhere.tolist())})"
        yield f"{which} learnt other data in one run than in another: the first folder's counts."


def on_data(runs: Sequence[Run], rows: Sequence[Sequence[Source]], compares_data: bool) -> Iterator[str]:
    """Says where rows did not learn the same, and where nobody can tell.

    Args:
        runs: of one data set.
        rows: (run, position) of each seed of each row.
        compares_data: rows are to differ in what they are trained on, which is not worth a word.
    """
    tested, trained = _different(rows)
    trained = set() if compares_data else trained
    if tested or trained:
        kinds = [
            f"{what} of {_list(seeds)}"
            for what, seeds in (("test targets", tested), ("training data", trained))
            if seeds
        ]
        yield (
            f"The data of {_count(tested | trained)} differ between runs ({'; '.join(kinds)}): they are no pairs "
            "there. Did the task's code, its files or the version change in between?"
        )
    without = sum(run.data_hash is None for run in runs)
    if without and len(runs) > 1:
        which = (
            "No run has digests of its"
            if without == len(runs)
            else f"{without} of {len(runs)} runs have no digests of their"
        )
        yield f"{which} data (version 0.1 wrote none): such seeds are paired where the data settings agree."


def left_out(runs: Sequence[Run]) -> Iterator[str]:
    """Says which baselines there are not, a sentence for each reason."""
    names: dict[str, dict[str, None]] = {}
    for run in runs:
        for name, reason in run.left_out.items():
            names.setdefault(reason, {})[name] = None
    for reason, found in list(names.items())[:MOST_LISTED]:
        yield f"No baseline {', '.join(list(found)[:MOST_LISTED])}: {reason}."


def targets_differ(rows: Sequence[Sequence[Source]]) -> bool:
    """Whether some seed's test targets are not the same in all rows, as far as anybody can tell."""
    return bool(_different(rows)[0])


def of_splits(runs: Sequence[Run]) -> Iterator[str]:
    """What the runs' tasks say of their splits, each sentence once."""
    yield from list(dict.fromkeys(note for run in runs for note in run.data_notes))[:MOST_LISTED]


def over_folds(runs: Sequence[Run], picks: bool) -> Iterator[str]:
    """Says where test periods of some folds are validated on in others by which something is chosen.

    Args:
        runs: of one data set.
        picks: whether there are settings to pick from.
    """
    if not any(run.settings.get("data.folds", 1) != 1 for run in runs):
        return
    guesses = max(len(run.validation_baselines) for run in runs)
    chosen = [
        *(["settings are picked"] if picks else []),
        *(["the best guess is chosen"] if guesses > 1 else []),
    ]
    if chosen:
        said = " and ".join(chosen)
        yield (
            f"{said[0].upper()}{said[1:]} by validation scores of all folds together, and what one fold tests, others "
            "may validate on: the choice is not blind to all test periods."
        )


def _different(rows: Sequence[Sequence[Source]]) -> tuple[set[int], set[int]]:
    """The seeds whose test targets are not the same in all rows, and those whose training data are not."""
    first: dict[int, Source] = {}
    tested: set[int] = set()
    trained: set[int] = set()
    for row in rows:
        seeds = np.array([run.seeds[index] for run, index in row])
        for seed, source in zip(seeds.tolist(), row, strict=True):
            kept, _ = first.setdefault(seed, source)
            if kept.data_hash is None and source[0].data_hash is not None:
                first[seed] = source  # it knows more
        reference = Learnt.of([first[seed] for seed in seeds.tolist()])
        for found, flags in zip((tested, trained), Learnt.of(row).differ(reference), strict=True):
            found.update(seeds[flags].tolist())
    return tested, trained - tested


def _agree(first: float, second: float) -> bool:
    """Whether two scores are equal up to rounding, or both NaN."""
    both_nan = math.isnan(first) and math.isnan(second)
    return both_nan or math.isclose(first, second, rel_tol=1e-6, abs_tol=1e-15)


def _count(seeds: Collection[int]) -> str:
    return f"{len(seeds)} seed{'s' * (len(seeds) > 1)}"


def _list(seeds: Collection[int]) -> str:
    """`seeds 3, 4`, and how many more."""
    shown = ", ".join(str(seed) for seed in sorted(seeds)[:MOST_LISTED])
    more = f" and {len(seeds) - MOST_LISTED} more" if len(seeds) > MOST_LISTED else ""
    return f"seed{'s' * (len(seeds) > 1)} {shown}{more}"
