"""One data set's part of a comparison: its table, its pairs and what they say."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from seqexp.compare.grouping import DataSet, Row, Scores
from seqexp.compare.pairs import (
    MOST_ROWS,
    Entry,
    Pair,
    best_baseline,
    choose_pairs,
    compare_pairs,
    entries,
    shared_scores,
)
from seqexp.compare.selection import pick
from seqexp.compare.settings import show
from seqexp.compare.verdict import DASH, baseline_summary, mse_text, number_text, sentence
from seqexp.statistics import mean_interval

PICKED = "\N{CHECK MARK}"

MOST_LINES = 40
"""Rows of a printed table; `comparison.csv` and `comparison.json` hold all."""


@dataclass(frozen=True)
class Line:
    """One printed row: texts by column, and whether it was picked or is a baseline."""

    texts: list[str]
    picked: bool = False
    baseline: bool = False


@dataclass(frozen=True)
class Section:
    """A data set with its verdict.

    Attributes:
        data_set: rows, baselines and notes.
        pairs: every pair of cells that was compared.
        baseline: name of the best baseline, None where there is none.
        baseline_pairs: every compared row (first) against that baseline (second).
    """

    data_set: DataSet
    pairs: list[Pair]
    baseline: str | None
    baseline_pairs: list[Pair]

    @property
    def sentences(self) -> list[str]:
        """The verdicts: first between cells, then against the best baseline."""
        name = self.data_set.name
        sentences = [sentence(pair, name) for pair in self.pairs]
        summary = baseline_summary(_baseline_label(self.baseline), self.baseline_pairs, name)
        sentences += [summary] if summary else []
        return sentences + [sentence(pair, name) for pair in self.baseline_pairs]

    @property
    def columns(self) -> list[str]:
        """The printed table's head."""
        validation = ["validation MSE"] if self._chose else []
        ratio = [f"ratio to {self.baseline}"] if self.baseline else []
        middle = [*self.data_set.keys, "seeds", "parameters", *validation, "test MSE", *ratio]
        return ["cell", *middle, "s per seed"]

    def lines(self) -> list[Line]:
        """The printed table's rows: picked ones always, others up to a limit, then the baselines."""
        rows = self.data_set.rows
        lines = [self._row_line(rows[index], index in self.data_set.picked) for index in self._printed]
        return lines + [self._baseline_line(name, scores) for name, scores in self.data_set.baselines.items()]

    @property
    def num_hidden(self) -> int:
        """Rows that `lines` leaves out."""
        return len(self.data_set.rows) - len(self._printed)

    def ratio_to_baseline(self, scores: Scores) -> float:
        """Geometric mean of the ratio to the best baseline, seed by seed; NaN where there is none."""
        if self.baseline is None:
            return math.nan
        both, _ = shared_scores(scores, self.data_set.baselines[self.baseline])
        both = both[:, ~np.isnan(both).any(axis=0)]
        if both.shape[1] == 0 or (both == 0).any():
            return math.nan
        with np.errstate(over="ignore"):
            return float(np.exp(np.mean(np.log(both[0]) - np.log(both[1]))))

    @property
    def _chose(self) -> bool:
        return self.data_set.selects and bool(self.data_set.picked)

    @property
    def _printed(self) -> list[int]:
        first = range(min(len(self.data_set.rows), MOST_LINES))
        return sorted({*first, *self.data_set.picked})

    def _row_line(self, row: Row, picked: bool) -> Line:
        marked = picked and self._chose
        validation = [_mean_text(row.val)] if self._chose and row.val else []
        texts = [
            f"{row.cell} {PICKED}" if marked else row.cell,
            *(show(value) for value in row.settings.values()),
            _seeds_text(row.test),
            f"{row.num_parameters:,}",
            *validation,
            *self._score_texts(row.test),
            f"{row.seconds_per_seed:.3g}",
        ]
        return Line(texts, picked=marked)

    def _baseline_line(self, name: str, scores: Scores) -> Line:
        empty = [""] * len(self.data_set.keys)
        validation = [DASH] if self._chose else []
        texts = [name, *empty, _seeds_text(scores), DASH, *validation, *self._score_texts(scores), DASH]
        return Line(texts, baseline=True)

    def _score_texts(self, scores: Scores) -> list[str]:
        ratio = [number_text(self.ratio_to_baseline(scores), math.nan)] if self.baseline else []
        return [mse_text(mean_interval(scores.values)), *ratio]


def build(data_set: DataSet) -> Section:
    """Picks settings, compares what was picked, and notes what a reader must know."""
    pick(data_set)
    table, chosen = entries(data_set), choose_pairs(data_set)
    for entry in table:
        if entry.scores.num_diverged:
            data_set.notes.append(
                f"{entry.label}: {entry.scores.num_diverged} of {len(entry.scores.seeds)} seeds diverged; "
                "its mean and interval are of the others."
            )
    _note_late_divergence(data_set)
    name = best_baseline(data_set)
    if name is None or (not data_set.picked and len(table) > MOST_ROWS):
        return Section(data_set, compare_pairs(table, chosen), name, [])
    rival = Entry(_baseline_label(name), data_set.baselines[name])
    against = [(index, len(table)) for index in range(len(table))]
    pairs = compare_pairs([*table, rival], [*chosen, *against])  # one family, so that the whole verdict is sure
    return Section(data_set, pairs[: len(chosen)], name, pairs[len(chosen) :])


def _note_late_divergence(data_set: DataSet) -> None:
    """Counts the seeds whose loss blew up after the weights that were kept: their scores look like any other."""
    for index in data_set.picked or range(len(data_set.rows)):
        row = data_set.rows[index]
        late = sum(
            run.seeds[position] in run.diverged and not np.isnan(run.test_mse[position])
            for run, position in row.sources
        )
        if late:
            name = row.cell if data_set.picked else row.label
            data_set.notes.append(
                f"{name}: {late} of {len(row.sources)} seeds diverged later in training and keep earlier weights."
            )


def _baseline_label(name: str | None) -> str:
    return f"the {name} baseline"


def _seeds_text(scores: Scores) -> str:
    count = len(scores.seeds)
    return f"{count - scores.num_diverged} of {count}" if scores.num_diverged else str(count)


def _mean_text(scores: Scores) -> str:
    return number_text(mean_interval(scores.values).mean, math.nan)
