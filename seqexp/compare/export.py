"""A comparison for other programs: tidy rows for CSV, a dictionary for JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from seqexp.compare.keys import CELL
from seqexp.compare.pairs import Pair
from seqexp.compare.rows import Row, Scores
from seqexp.compare.runs import Problem, Run
from seqexp.compare.section import Section
from seqexp.compare.table import needed_of, ratio_to_baseline
from seqexp.record.files import null_for_nan
from seqexp.record.record import PARTS
from seqexp.statistics import Array, mean_interval

OWN_COLUMNS = {
    *("data", "cell", "picked", "seed", "judges", "num_parameters", "state_size", "epochs", "best_epoch"),
    *("steps", "seconds_per_seed", "folder", "solved", "solved_step"),
}
"""Columns of `comparison.csv` beside settings, scores and baselines."""


def tidy_rows(sections: Sequence[Section]) -> Iterator[dict[str, Any]]:
    """Yields one dictionary per run and seed, all with the same keys."""
    scores = _score_columns(sections)
    taken = OWN_COLUMNS | {*scores}
    swept = (key for section in sections for key in (*section.data_set.compared, *section.data_set.keys))
    keys = _columns("setting", (key for key in swept if key != CELL), taken)
    guesses = (name for section in sections for name in section.data_set.baselines)
    names = _columns("baseline", guesses, {*taken, *keys})
    elsewhere = _columns(
        "baseline",
        (
            f"{name} {evaluation}"
            for section in sections
            for evaluation, rows in section.data_set.evaluations.items()
            for name in rows
        ),
        {*taken, *keys, *names},
    )
    successes = any(section.success for section in sections)
    parted = any(section.data_set.judges is not None for section in sections)
    for section in sections:
        for index, shown in enumerate(section.data_set.rows):
            row = shown.whole or shown
            settings, own = {**row.compared, **row.settings}, _row_scores(section, row)
            for at, (run, position) in enumerate(row.sources):
                guessed = {
                    f"{name} {part}": values
                    for part, rows in run.evaluation_baselines.items()
                    for name, values in rows.items()
                }
                yield {
                    "data": section.data_set.name,
                    "cell": row.cell,
                    **{column: settings.get(key) for column, key in keys.items()},
                    "picked": index in section.picked,
                    "seed": int(row.test.seeds[at]),
                    **({"judges": _judges(section, int(row.test.seeds[at]))} if parted else {}),
                    **{column: float(own[column][at]) if column in own else math.nan for column in scores},
                    **{column: _at(run.baselines.get(name), position) for column, name in names.items()},
                    **{column: _at(guessed.get(name), position) for column, name in elsewhere.items()},
                    "num_parameters": run.num_parameters,
                    "state_size": run.state_size,
                    "epochs": run.epochs,
                    "best_epoch": None if run.best_epoch is None else run.best_epoch[position],
                    "steps": run.steps,
                    **_solved(run, position, successes),
                    "seconds_per_seed": run.seconds_per_seed,
                    "folder": run.name,
                }


def _judges(section: Section, seed: int) -> bool:
    """Whether the test scores of a seed are what its data set's verdict stands on."""
    return section.data_set.judges is None or seed >= section.data_set.judges


def _score_columns(sections: Sequence[Section]) -> list[str]:
    """The columns of scores, those of one metric side by side, such as `train_mse`, `val_mse`, `test_mse`."""
    columns: dict[str, None] = {}
    for section in sections:
        metric = section.data_set.metric.name
        columns |= dict.fromkeys(f"{part}_{metric}" for part in PARTS)
        for row in section.data_set.rows:
            columns |= dict.fromkeys(_row_scores(section, row))
    return list(columns)


def _row_scores(section: Section, row: Row) -> dict[str, Array]:
    """Column -> one score per seed."""
    metric = section.data_set.metric.name
    parts = {"train": row.train.values, "test": row.test.values, **row.evaluations}
    validation = {f"val_{metric}": row.val.values} if row.val else {}
    others = {f"test_{name}": values for name, values in row.shown.items()}
    scored = {f"{part}_{metric}": values for part, values in parts.items()}
    return {**others, **validation, **scored, **row.shown_elsewhere}


def _solved(run: Run, position: int, shown: bool) -> dict[str, Any]:
    """Whether a seed solved its task, and at which step: empty where it never did, both where no record says."""
    if not shown or run.solved is None:
        return {"solved": math.nan, "solved_step": math.nan} if shown else {}
    step = float(run.solved[position])
    return {"solved": math.isfinite(step), "solved_step": int(step) if math.isfinite(step) else math.nan}


def _at(values: Array | None, position: int) -> float:
    return math.nan if values is None else float(values[position])


def _columns(kind: str, names: Iterable[str], taken: set[str]) -> dict[str, str]:
    """Column -> name; one that is called as another column is gets its kind before it."""
    return {f"{kind} {name}" if name in taken else name: name for name in names}


def as_dict(sections: Sequence[Section], failed: Sequence[Problem], broken: Sequence[Problem]) -> dict[str, Any]:
    """Every statistic, ready for JSON: what is not finite is None."""
    found = {
        "data": [_section_dict(section) for section in sections],
        "failed": [asdict(item) for item in failed],
        "not_readable": [asdict(item) for item in broken],
    }
    plain: dict[str, Any] = null_for_nan(found)
    return plain


def _section_dict(section: Section) -> dict[str, Any]:
    data = section.data_set
    return {
        "name": data.name,
        "metric": data.metric._asdict(),
        "compared": data.compared,
        "swept": data.keys,
        "first_seed_that_judges": data.judges,
        "rows": [_row_dict(section, row, index in section.picked) for index, row in enumerate(data.rows)],
        "baselines": {name: _scores_dict(scores) for name, scores in data.baselines.items()},
        "evaluation_baselines": {
            part: {name: _values_dict(values) for name, values in rows.items()}
            for part, rows in data.evaluations.items()
        },
        "best_baseline": section.baseline if len(section.rivals) == 1 else None,
        "rivals": section.rivals,
        "pairs": [_pair_dict(section, pair) for pair in section.pairs],
        "baseline_pairs": [_pair_dict(section, pair) for pair in section.baseline_pairs],
        "guess_pairs": [_numbers(pair) for pairs in section.guess_pairs.values() for pair in pairs.values()],
        "diagnostics": [measured.as_dict() for measured in section.measured],
        "success": section.success.as_dict() if section.success else None,
        "varied": data.varied,
        "sentences": section.sentences,
        "scope": section.scope,
        "notes": section.notes,
    }


def _row_dict(section: Section, row: Row, picked: bool) -> dict[str, Any]:
    metric = section.data_set.metric.name
    return {
        "cell": row.cell,
        "name": row.name,
        "compared": row.compared,
        "settings": row.settings,
        "picked": picked,
        "num_parameters": row.num_parameters,
        "state_size": row.state_size,
        "seconds_per_seed": row.seconds_per_seed,
        "num_runs": len(row.runs),
        "against_guesses": needed_of(section, row, picked) if section.needed else None,
        "ratio_to_best_baseline": ratio_to_baseline(section, row.test) if len(section.rivals) == 1 else None,
        f"train_{metric}": _scores_dict(row.train),
        f"val_{metric}": _scores_dict(row.val) if row.val else None,
        f"test_{metric}": _scores_dict(row.test),
        "evaluations": {part: _values_dict(values) for part, values in row.evaluations.items()},
        "shown_elsewhere": {name: _values_dict(values) for name, values in row.shown_elsewhere.items()},
        "shown": {name: _values_dict(values) for name, values in row.shown.items()},
    }


def _scores_dict(scores: Scores) -> dict[str, Any]:
    summary = asdict(mean_interval(scores.values))
    return {**summary, "num_seeds": len(scores.seeds), "num_diverged": scores.num_diverged}


def _values_dict(values: Array) -> dict[str, Any]:
    """Of scores that some seeds may not have: `num_seeds` are those that have one."""
    return {**asdict(mean_interval(values)), "num_seeds": int(np.isfinite(values).sum())}


def _pair_dict(section: Section, pair: Pair) -> dict[str, Any]:
    return {**_numbers(pair), "sentence": section.sentence(pair)}


def _numbers(pair: Pair) -> dict[str, Any]:
    share = pair.share._asdict() if pair.share else None
    return {**asdict(pair), "share": share, "alike": pair.alike, "unqualified": pair.unqualified}
