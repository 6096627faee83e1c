"""Validation as it stood before the last tenth of training, and which verdicts that tenth has changed."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from seqexp.compare.curves import CURVES, read_curves
from seqexp.compare.meetings import shared_scores
from seqexp.compare.pairs import Pair
from seqexp.compare.rows import Row, Scores
from seqexp.compare.runs import Run
from seqexp.statistics import ALPHA, Array, sign_flip_p

MOST_BYTES = 2**25
"""Of all `curves.csv` of one row; more would take seconds to read."""

MOST_LISTED = 6
"""Pairs that one sentence names."""


def last_tenth(run: Run) -> int:
    """The first epoch (from 0) of the last tenth of a training, which is one epoch at least."""
    return run.epochs - max(1, run.epochs // 10)


def stopped_early(run: Run) -> bool:
    """Whether patience ended the training before its budget did."""
    for name, done in (("max_epochs", run.epochs), ("max_steps", run.steps)):
        budget = run.settings.get(f"trainer.{name}")
        if isinstance(budget, int | float) and 0 < budget <= done:
            return False
    stops = any(value == "earlystopping" for key, value in run.settings.items() if key.startswith("callback."))
    return stops or run.settings.get("early_stopping.patience") is not None


def is_late(run: Run, position: int) -> bool:
    """Whether a seed was at its best in the last tenth, of a training that its budget ended."""
    known = run.best_epoch is not None and run.epochs > 1
    return known and run.best_epoch[position] >= last_tenth(run) and not stopped_early(run)  # type: ignore[index]


def before(row: Row, metric: str) -> Scores | None:
    """The validation scores of a row without the last tenth of its training.

    Only seeds that were at their best in that tenth had others before it, so that most files are not read.

    Args:
        row: some setting's seeds.
        metric: names the column `val_<metric>` of `curves.csv`.

    Returns:
        The lowest score of each seed before that tenth, NaN where a seed has none; None where nobody can tell.
    """
    if row.val is None or any(run.best_epoch is None for run in row.runs):
        return None
    late = [at for at, source in enumerate(row.sources) if is_late(*source)]
    curves = _curves([row.sources[at][0] for at in late], f"val_{metric}")
    if curves is None:
        return None
    values = row.val.values.copy()  # (n,)
    for at in late:
        run, position = row.sources[at]
        earlier = curves[id(run)].get(run.seeds[position], np.array([]))[: last_tenth(run)]
        finite = earlier[np.isfinite(earlier)]
        values[at] = finite.min() if finite.size else math.nan
    return replace(row.val, values=values)


def changes(rows: dict[str, Row], cut: dict[str, Scores | None], pairs: Sequence[Pair], rounding: float) -> list[str]:
    """Says which pairs would stand otherwise on validation without the last tenth of training.

    The same seeds are compared with it and without it, by the sign-flip test: a winner is one at Holm's strictest step,
    and two change places where one of them is ahead with p < 0.05 by itself, before or after.

    Args:
        rows: label -> row.
        cut: label -> what `before` gave.
        pairs: of those labels.
        rounding: where a score up to here is among them, scores are compared and not their logarithms.
    """
    swapped: list[str] = []
    gained: list[str] = []
    lost: list[str] = []
    for pair in pairs:
        ends = [(rows[label].val, cut[label]) for label in (pair.first, pair.second)]
        found = _before_and_after(*ends[0], *ends[1], rounding)
        if found is None:
            continue
        level = ALPHA / max(1, pair.num_tests)
        (side, p), (later_side, later_p) = found
        winner, loser = (pair.first, pair.second) if later_side < 0 else (pair.second, pair.first)
        if side * later_side < 0 and min(p, later_p) < ALPHA:
            swapped.append(f"{pair.first} and {pair.second}")
        elif later_p < level <= p:
            gained.append(f"{winner} beats {loser}")
        elif p < level <= later_p:
            lost.append(f"{winner} beats {loser}")
    return [
        *_listed("On validation, {} change places in the last tenth of training.", swapped),
        *_listed(
            "On validation, {} only with the last tenth of training: no difference is detected without it.", gained
        ),
        *_listed("On validation, {} only without the last tenth of training: no difference is detected with it.", lost),
    ]


def _before_and_after(
    first: Scores | None, first_cut: Scores | None, second: Scores | None, second_cut: Scores | None, rounding: float
) -> list[tuple[float, float]] | None:
    """The mean difference and its p without the last tenth and with it; None where that tenth changes nothing."""
    if first is None or first_cut is None or second is None or second_cut is None:
        return None
    with_it, _ = shared_scores(first, second, any_training=False)  # (2, n)
    without, _ = shared_scores(first_cut, second_cut, any_training=False)
    finite = np.isfinite(with_it).all(axis=0) & np.isfinite(without).all(axis=0)
    scores = np.stack([without, with_it])[..., finite]  # (2, 2, n)
    if scores.shape[-1] < 2 or (scores[0] == scores[1]).all():
        return None
    if scores.min() > rounding:
        scores = np.log(scores)
    differences = scores[:, 0] - scores[:, 1]  # (2, n)
    return [(float(each.mean()), sign_flip_p(each)) for each in differences]


def _curves(runs: Sequence[Run], column: str) -> dict[int, dict[int, Array]] | None:
    """A run's id -> its curves; None where a file is missing, damaged (which the figures report) or too large."""
    several = {id(run): run for run in runs}
    try:
        if sum(os.path.getsize(run.folder / CURVES) for run in several.values()) > MOST_BYTES:
            return None
        return {key: read_curves(run, column) for key, run in several.items()}
    except (OSError, ValueError, csv.Error):
        return None


def _listed(sentence: str, pairs: Sequence[str]) -> list[str]:
    more = [f"{len(pairs) - MOST_LISTED} more pairs"] if len(pairs) > MOST_LISTED else []
    return [sentence.format("; ".join([*pairs[:MOST_LISTED], *more]))] if pairs else []
