"""Whether what is compared was trained long enough, alike, and at settings within their grid."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeGuard

import numpy as np

from seqexp.compare.cut import before, changes, is_late, stopped_early
from seqexp.compare.data_sets import DataSet
from seqexp.compare.rows import Row, Scores
from seqexp.compare.runs import Run
from seqexp.compare.section import Section
from seqexp.compare.settings import Setting, show
from seqexp.compare.text import list_text, percent_text

MOST_LISTED = 10
"""Rows of which each kind of note speaks."""

_BUDGETS = {"trainer.max_epochs", "trainer.max_steps", "trainer.max_time", "trainer.min_epochs", "trainer.min_steps"}


def noted(section: Section) -> Section:
    """The section with notes on its grid, on training that was still going on, and on unequal budgets."""
    data_set = section.data_set
    rows = {label: row.whole or row for label, row in section.shown}
    cut = {label: before(row, data_set.metric.name) for label, row in rows.items()}
    notes = [
        *_solved(rows),
        *_few([note for index in section.picked for note in _edges(data_set, data_set.rows[index])]),
        *_few([note for label, row in rows.items() for note in _still_improving(label, row, cut[label], section)]),
        *_budgets(section, rows),
        *changes(rows, cut, section.pairs, section.rounding),
    ]
    return replace(section, notes=[*section.notes, *notes]) if notes else section


def _edges(data_set: DataSet, picked: Row) -> Iterator[str]:
    """Says which numbers of a picked setting are the smallest or largest that were tried.

    Rows that differ in a setting that is no number, such as the optimizer, are other grids.
    """
    for key in data_set.keys:
        others = [other for other in data_set.keys if other != key]
        tried = {
            row.settings[key]
            for row in data_set.rows
            if row.name == picked.name
            and all(_same_or_numbers(row.settings[other], picked.settings[other]) for other in others)
        }
        value, numbers = picked.settings[key], sorted(each for each in tried if _is_number(each))
        if len(numbers) < max(2, len(tried)) or value not in (numbers[0], numbers[-1]):
            continue  # a single value, values without an order, or one between two others
        if value == numbers[0] and (value == 0 or (all(isinstance(each, int) for each in numbers) and value == 1)):
            continue  # a wider grid has nothing below it
        end = "largest" if value == numbers[-1] else "smallest"
        where = f"{picked.name}: {key}={show(value)} is the {end} of the {len(numbers)} that were tried"
        yield f"{where}: a wider grid may find a better one."


def _still_improving(label: str, row: Row, cut: Scores | None, section: Section) -> Iterator[str]:
    """Says where the median seed was at its best in the last tenth of training."""
    if row.val is None or any(run.best_epoch is None for run in row.runs):
        return
    finite = np.isfinite(row.val.values)  # a seed without a score keeps its last epoch, which says nothing
    known = [row.sources[at] for at in np.flatnonzero(finite)]
    late = sum(is_late(run, position) for run, position in known)
    if 2 * late < max(1, len(known)):
        return
    which = f"{late} of {len(known)} seed{'s' * (len(known) > 1)} {'was' if late == 1 else 'were'}"
    epochs = sorted({run.epochs for run, _ in known})
    last = "the last" if epochs[-1] < 10 else "the last tenth"
    best = sorted(run.best_epoch[position] + 1 for run, position in known if run.best_epoch is not None)
    facts = [f"best epoch of the median seed {best[len(best) // 2]}", *_fall(row.val, cut, section)]
    yield (
        f"{label}: {which} still improving in {last} of {_range(epochs)} epochs ({'; '.join(facts)}): "
        "longer training may change its score."
    )


def _fall(final: Scores, cut: Scores | None, section: Section) -> Iterator[str]:
    """By how much the validation score fell in the last tenth, where it has a logarithm."""
    if cut is None:
        return
    scores = np.stack([final.values, cut.values])
    scores = scores[:, np.isfinite(scores).all(axis=0)]
    if scores.size and scores.min() > section.rounding:
        share = 1 - math.exp(np.log(scores[0] / scores[1]).mean())
        yield f"validation {section.data_set.metric.label} {percent_text(share)} lower than before it"


def _solved(rows: dict[str, Row]) -> list[str]:
    """Says which rows were not trained, as parameters and seconds mean something else of them."""
    found = [label for label, row in rows.items() if row.is_solved]
    if not found:
        return []
    more = [f"{len(found) - MOST_LISTED} more"] if len(found) > MOST_LISTED else []
    return [
        f"{list_text([*found[:MOST_LISTED], *more])}: the readout alone is learnt, by least squares, without epochs; "
        "parameters are the readout's, and fixed weights are not counted."
    ]


def _budgets(section: Section, rows: dict[str, Row]) -> Iterator[str]:
    """Says where rows were not trained for equally many epochs and steps, unless that is what is compared."""
    rows = {label: row for label, row in rows.items() if not row.is_solved}
    data_set = section.data_set
    named = {*data_set.compared, *([] if section.picked else data_set.keys)}  # what each label says already
    if named & _BUDGETS:
        return
    budgets = {label: sorted({_budget(run) for run in row.runs}) for label, row in rows.items()}
    epochs = {label: [each for each, _ in found] for label, found in budgets.items()}
    steps_known = all(number for found in budgets.values() for _, number in found)
    by_steps = steps_known and not any(key.startswith(("data.", "trainer.")) for key in named)
    if len({str(found) for found in (budgets if by_steps else epochs).values()}) < 2:
        return
    texts = []
    for label, found in budgets.items():
        steps = sorted({number for _, number in found if number})
        in_steps = f" ({_range(steps)} steps)" if steps else ""
        texts.append(f"{label} {_range(sorted(set(epochs[label])))} epochs{in_steps}")
    more = [f"{len(texts) - MOST_LISTED} more"] if len(texts) > MOST_LISTED else []
    yield f"Budgets differ: {', '.join([*texts[:MOST_LISTED], *more])}."


def _budget(run: Run) -> tuple[float, int]:
    """Epochs and steps as trained; where patience ended it, the epochs that were allowed, and 0."""
    if not stopped_early(run):
        return run.epochs, run.steps
    allowed = run.settings.get("trainer.max_epochs")
    return (allowed if _is_number(allowed) and allowed > 0 else math.inf), 0


def _range(numbers: Sequence[float]) -> str:
    """`1,000`, or `800 to 1,000`, of ascending numbers."""
    texts = [f"{number:,}" if math.isfinite(number) else "unlimited" for number in (numbers[0], numbers[-1])]
    return " to ".join(dict.fromkeys(texts))


def _few(notes: list[str]) -> list[str]:
    """The first of many notes of one kind, and how many more there are."""
    more = [f"{len(notes) - MOST_LISTED} more rows are like that."] if len(notes) > MOST_LISTED else []
    return [*notes[:MOST_LISTED], *more]


def _is_number(value: Setting) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def _same_or_numbers(first: Setting, second: Setting) -> bool:
    return first == second or (_is_number(first) and _is_number(second))
