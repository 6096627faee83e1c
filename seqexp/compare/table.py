"""The printed tables: of scores on test, and of scores at evaluations."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from seqexp.compare.instruments import Measurement
from seqexp.compare.keys import CELL
from seqexp.compare.meetings import shared_scores
from seqexp.compare.rows import Row, Scores
from seqexp.compare.section import Section
from seqexp.compare.settings import show
from seqexp.compare.success import Success, rate
from seqexp.compare.success_verdict import COLUMNS, texts
from seqexp.compare.text import DASH, NOTHING, number_text, score_text
from seqexp.statistics import Array, mean_interval, mean_ratio

PICKED = "\N{CHECK MARK}"

SEEDS, PARAMETERS, STATE, SECONDS = "seeds", "parameters", "state", "s per seed"

NEEDED = "against guesses"
"""The last column: whether a network was needed."""

MOST_LINES = 40
"""Rows of a printed table; `comparison.csv` and `comparison.json` hold all."""

MOST_COLUMNS = 6
"""Evaluations in a printed table."""

MOST_SHOWN = 3
"""Metrics beside the one that is compared."""


@dataclass(frozen=True)
class Line:
    """One printed row: texts by column, and whether it was picked or is a baseline."""

    texts: list[str]
    picked: bool = False
    baseline: bool = False


@dataclass(frozen=True)
class Table:
    """A head and its lines.

    Attributes:
        columns: their names.
        lines: one text per column.
        words: so many columns, the first ones, hold words.
        num_hidden: rows that were left out.
        spare: names of columns that a narrow screen does without, the first one first.
    """

    columns: list[str]
    lines: list[Line]
    words: int
    num_hidden: int = 0
    spare: tuple[str, ...] = ()


def tables(section: Section) -> list[Table]:
    """The table of scores on test, and where there are evaluations or successes, those of them."""
    evaluations = [_evaluations(section), *_shown_elsewhere(section)] if section.data_set.evaluations else []
    measured = [_measured(section, each) for each in section.measured]
    solved = [_successes(section.success, section)] if section.success else []
    return [_scores(section), *evaluations, *measured, *solved]


def ratio_to_baseline(section: Section, scores: Scores) -> float:
    """The ratio to the baseline that tables name; NaN where there is none.

    It is the geometric mean over seeds, or the ratio of the means where a score is 0 up to rounding.
    """
    if section.baseline is None:
        return math.nan
    baseline = section.data_set.baselines[section.baseline]
    both, _ = shared_scores(scores, baseline, section.data_set.compares_data)
    both = both[:, ~np.isnan(both).any(axis=0)]
    if both.shape[1] == 0:
        return math.nan
    if (both <= section.rounding).any():
        return mean_ratio(both[0], both[1], section.rounding)
    with np.errstate(over="ignore"):
        return float(np.exp(np.mean(np.log(both[0]) - np.log(both[1]))))


def _scores(section: Section) -> Table:
    """Picked rows always, others up to a limit, then the baselines."""
    data_set = section.data_set
    rows = data_set.rows
    printed = sorted({*range(min(len(rows), MOST_LINES)), *section.picked})
    named = [key for key in (*data_set.compared, *data_set.keys) if key != CELL]
    shown = list(dict.fromkeys(name for row in rows for name in row.shown))[:MOST_SHOWN]
    label = data_set.metric.label
    validation = [f"validation {label}"] if section.chose else []
    ratio = [f"ratio to {section.baseline}"] if section.baseline else []
    others = [f"test {name}" for name in shown]
    solved = ["solved"] if section.success else []
    state = [STATE] if any(row.state_size is not None for row in rows) else []
    columns = [CELL, *named, SEEDS, PARAMETERS, *state, *validation, f"test {label}", *ratio, *others, *solved, SECONDS]
    needed = [NEEDED] if section.needed else []
    columns += needed
    spare = (SECONDS, *state, PARAMETERS, *validation, SEEDS, *reversed(others), *ratio, *needed)
    lines = [_row_line(section, rows[index], named, shown, index in section.picked, bool(state)) for index in printed]
    for name, scores in data_set.baselines.items():
        blank = [DASH] if section.chose else []
        texts = [
            name,
            *[""] * len(named),
            _seeds_text(scores),
            DASH,
            *[DASH] * len(state),
            *blank,
            *_score_texts(section, scores),
        ]
        lines.append(Line([*texts, *[DASH] * len([*others, *solved, *needed]), DASH], baseline=True))
    return Table(columns, lines, 1 + len(named), len(rows) - len(printed), spare)


def _row_line(section: Section, row: Row, named: list[str], shown: list[str], picked: bool, state: bool) -> Line:
    marked = picked and section.chose
    validation = [_plain_text(row.val.values, section.rounding)] if section.chose and row.val else []
    values = {**row.compared, **row.settings}
    texts = [
        f"{row.cell} {PICKED}" if marked else row.cell,
        *(show(values[key]) for key in named),
        _seeds_text(row.test),
        f"{row.num_parameters:,}",
        *([DASH if row.state_size is None else f"{row.state_size:,}"] if state else []),
        *validation,
        *_score_texts(section, row.test),
        *(_mean_text(row.shown.get(name), 0.0) for name in shown),
        *([_solved_text(row)] if section.success else []),
        f"{row.seconds_per_seed:.3g}",
        *([needed_of(section, row, picked)] if section.needed else []),
    ]
    return Line(texts, picked=marked)


def needed_of(section: Section, row: Row, picked: bool) -> str:
    """What the guesses say of a row; a dash where it met none."""
    label = row.name if picked else row.label
    return section.needed.get(label, DASH) if picked or not section.picked else DASH


def _evaluations(section: Section) -> Table:
    """Every compared row at test and at each evaluation, then the baselines."""
    data_set = section.data_set
    names = list(data_set.evaluations)[:MOST_COLUMNS]
    head = " ".join(data_set.compared) if section.picked else "setting"
    lines = []
    for label, row in section.shown[:MOST_LINES]:
        scores = [row.test.values, *(row.evaluations.get(name) for name in names)]
        lines.append(Line([label, *(_mean_text(values, section.rounding) for values in scores)]))
    known = [data_set.evaluations[name] for name in names]
    for baseline in dict.fromkeys([*data_set.baselines, *(key for rows in known for key in rows)]):
        on_test = data_set.baselines.get(baseline)
        values = [on_test.values if on_test else None, *(rows.get(baseline) for rows in known)]
        lines.append(Line([baseline, *(_mean_text(each, section.rounding) for each in values)], baseline=True))
    label = data_set.metric.label
    columns = [head, *(f"{label} {name}" for name in ("test", *names))]
    return Table(columns, lines, 1, len(section.shown) - min(len(section.shown), MOST_LINES))


def _shown_elsewhere(section: Section) -> list[Table]:
    """For each other metric every compared row at test and at each evaluation; nobody has those of the baselines."""
    names = list(section.data_set.evaluations)[:MOST_COLUMNS]
    rows = section.shown[:MOST_LINES]
    head = _head(section)
    found = []
    for metric in list(dict.fromkeys(name for _, row in rows for name in row.shown))[:MOST_SHOWN]:
        if not any(f"{name}_{metric}" in row.shown_elsewhere for _, row in rows for name in names):
            continue
        lines = []
        for label, row in rows:
            values = [row.shown.get(metric), *(row.shown_elsewhere.get(f"{name}_{metric}") for name in names)]
            lines.append(Line([label, *(_mean_text(each, 0.0) for each in values)]))
        columns = [head, *(f"{metric} {name}" for name in ("test", *names))]
        found.append(Table(columns, lines, 1, len(section.shown) - len(rows)))
    return found


def _measured(section: Section, measured: Measurement) -> Table:
    """What one diagnostic measured, then what would be without a network."""
    lines = [
        Line(
            [label, *(_mean_text(columns.get(name), 0.0) for name in measured.columns)],
            baseline=label in measured.guesses,
        )
        for label, columns in [*list(measured.rows.items())[:MOST_LINES], *measured.guesses.items()]
    ]
    columns = [_head(section), *(f"{measured.name}: {name}" for name in measured.columns)]
    return Table(columns, lines, 1, max(0, len(measured.rows) - MOST_LINES))


def _head(section: Section) -> str:
    return " ".join(section.data_set.compared) if section.picked else "setting"


def _successes(success: Success, section: Section) -> Table:
    """Every compared row whose records say what it solved."""
    head = _head(section)
    lines = [Line([each.label, *texts(each)]) for each in success.rates[:MOST_LINES]]
    return Table([head, *COLUMNS], lines, 1, max(0, len(success.rates) - MOST_LINES))


def _solved_text(row: Row) -> str:
    found = rate(row.name, row)
    return f"{found.num_solved} of {found.num_seeds}" if found else DASH


def _score_texts(section: Section, scores: Scores) -> list[str]:
    ratio = [number_text(ratio_to_baseline(section, scores), math.nan)] if section.baseline else []
    return [_mean_text(scores.values, section.rounding), *ratio]


def _mean_text(values: Array | None, rounding: float) -> str:
    return DASH if values is None else score_text(mean_interval(values), rounding)


def _plain_text(values: Array, rounding: float) -> str:
    """The mean without its interval."""
    mean = mean_interval(values).mean
    return NOTHING if 0 < mean <= rounding else number_text(mean, math.nan)


def _seeds_text(scores: Scores) -> str:
    count = len(scores.seeds)
    if count == 0:  # others picked, and this was not picked
        return DASH
    return f"{count - scores.num_diverged} of {count}" if scores.num_diverged else str(count)
