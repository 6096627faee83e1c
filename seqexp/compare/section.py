"""One data set's part of a comparison: what was picked, its pairs and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from seqexp.compare.data_sets import DataSet
from seqexp.compare.families import families
from seqexp.compare.judges import judged
from seqexp.compare.keys import CELL
from seqexp.compare.meetings import (
    MOST_ROWS,
    Entry,
    choose_pairs,
    entries,
    reaches_zero,
    rounding_of,
)
from seqexp.compare.needed import guess_pairs, needed_text
from seqexp.compare.pairs import Measured, Pair, decide, measure
from seqexp.compare.rival import best_baseline, reference, rivals_text
from seqexp.compare.rows import Row
from seqexp.compare.varied import varied_text
from seqexp.compare.verdict import baseline_summary, sentence

if TYPE_CHECKING:
    from seqexp.compare.instruments import Measurement
    from seqexp.compare.success import Success


@dataclass(frozen=True, kw_only=True)
class Section:
    """A data set with its verdict.

    Attributes:
        data_set: rows and baselines.
        picked: positions of the rows that stand for what is compared; none where nothing could be picked.
        pairs: every pair of rows that was compared.
        rivals: names of the baselines that rows are compared with: the best on validation, or all of them.
        baseline: name of the one that tables show ratios to, None where there is none.
        baseline_pairs: every compared row (first) against each of the rivals (second).
        guess_pairs: label of a compared row -> guess -> the pair of the two, the cheapest guess first, up to the first
            that the row does not beat; with the rivals'. Empty where nothing is compared with a guess.
        by_ratio: whether scores are compared by ratio; False where one of a row's is 0.
        rounding: a score up to here is 0 as far as anybody knows.
        notes: sentences on what a reader must know before believing the table.
        measured: what diagnostics measured and the tables show; nothing before `with_measured`.
        success: what was solved; None where the task has no criterion, or before `with_success`.
    """

    data_set: DataSet
    picked: list[int]
    pairs: list[Pair]
    rivals: list[str]
    baseline: str | None
    baseline_pairs: list[Pair]
    by_ratio: bool
    rounding: float
    notes: list[str]
    measured: Sequence[Measurement] = ()
    success: Success | None = None
    guess_pairs: Mapping[str, Mapping[str, Pair]] = field(default_factory=dict)

    @property
    def chose(self) -> bool:
        """Whether some row was picked among others."""
        return self.data_set.selects and bool(self.picked)

    @property
    def shown(self) -> list[tuple[str, Row]]:
        """The rows that are compared, each with its label: the picked ones, or all where nothing was picked."""
        rows = self.data_set.rows
        return [(rows[index].name, rows[index]) for index in self.picked] or [(row.label, row) for row in rows]

    @property
    def needed(self) -> dict[str, str]:
        """Label of a compared row -> what the guesses say of it, such as `not shown to be better than ar`."""
        return {label: needed_text(pairs) for label, pairs in self.guess_pairs.items() if pairs}

    @property
    def sentences(self) -> list[str]:
        """The verdicts: first between rows, against each rival among the baselines, and on what was solved."""
        name = self.data_set.name
        sentences = [self.sentence(pair) for pair in self.pairs]
        what = "cell" if self.data_set.compared == [CELL] else "setting"
        for label in map(_baseline_label, self.rivals):
            against = [pair for pair in self.baseline_pairs if pair.second == label]
            summary = baseline_summary(label, against, name, what)
            sentences += [*([summary] if summary else []), *map(self.sentence, against)]
        return sentences + (self.success.sentences if self.success else [])

    @property
    def scope(self) -> list[str]:
        """What the verdicts speak of: what varied between the seeds, and that evaluations are not tested."""
        paired = any(pair.paired for pair in (*self.pairs, *self.baseline_pairs))
        varied = [varied_text(self.data_set.varied), *self.data_set.repeated] if paired and self.data_set.varied else []
        tested = "Pairs are tested on test only; the scores at evaluations are shown beside."
        return [*varied, *([tested] if self.data_set.evaluations and (self.pairs or self.baseline_pairs) else [])]

    def sentence(self, pair: Pair) -> str:
        """What one of the pairs showed."""
        return sentence(pair, self.data_set.name, self.data_set.metric.label)


def build(data_sets: Sequence[DataSet], margin: float | None = None) -> list[Section]:
    """Picks settings, compares what was picked, and notes what a reader must know.

    Args:
        data_sets: all of a comparison; those that share a sweep are one family of tests.
        margin: the share within which two scores count as alike; None where nobody asks.
    """
    drafts = [_draft(data_set) for data_set in data_sets]
    sections = [draft.section for draft in drafts]
    for members in families(data_sets):
        measured = [(index, found) for index in members for found in drafts[index].measured]
        roundings = [sections[index].rounding for index, _ in measured]
        decided = decide([found for _, found in measured], roundings, margin)
        for index in members:
            pairs = [pair for (at, _), pair in zip(measured, decided, strict=True) if at == index]
            first, rest = pairs[: drafts[index].num_pairs], pairs[drafts[index].num_pairs :]
            sections[index] = replace(sections[index], pairs=first, baseline_pairs=rest)
        num_rows = sum(len(drafts[index].rows) for index in members)
        for index in members:
            asked = {row.label: row for row in drafts[index].rows}
            found = {label: _against_guesses(sections[index], row, num_rows, margin) for label, row in asked.items()}
            sections[index] = replace(sections[index], guess_pairs=found)
    return sections


def _against_guesses(section: Section, row: Entry, num_rows: int, margin: float | None) -> dict[str, Pair]:
    names = {_baseline_label(name): name for name in section.rivals}
    known = {names[pair.second]: pair for pair in section.baseline_pairs if pair.first == row.label}
    return guess_pairs(row, section.data_set, known, section.rounding, num_rows, margin)


class _Draft(NamedTuple):
    """A section without pairs, and what is measured for them: the first `num_pairs` are of rows.

    `rows` are those that meet guesses.
    """

    section: Section
    measured: list[Measured]
    num_pairs: int
    rows: list[Entry]


def _draft(data_set: DataSet) -> _Draft:
    data_set, choice = judged(data_set)
    rounding = rounding_of(data_set)
    table, meetings = entries(data_set, choice.picked, rounding), choose_pairs(data_set, choice.picked)
    rivals = best_baseline(data_set)
    chosen, against, count = meetings.pairs, [], len(table)
    tested = (choice.picked or count <= MOST_ROWS) and not (data_set.copies or data_set.is_part)
    rows = table if tested and rivals else []
    for name in rivals if tested else []:
        scores = data_set.baselines[name]
        against += [(index, len(table)) for index in range(count)]
        rival = Entry(_baseline_label(name), scores, not reaches_zero(scores, rounding))
        table = [*table, rival]  # one family with the rows' own pairs, so that the whole verdict is sure
    section = Section(
        data_set=data_set,
        picked=choice.picked,
        pairs=[],
        rivals=rivals,
        baseline=reference(rivals),
        baseline_pairs=[],
        by_ratio=table[0].by_ratio,
        rounding=rounding,
        notes=[
            *data_set.notes,
            *choice.notes,
            *meetings.notes,
            *rivals_text(rivals),
            *_divergence(data_set, choice.picked),
        ],
    )
    measured = [measure(table[i], table[j], rounding, data_set.compares_data) for i, j in [*chosen, *against]]
    return _Draft(section, measured, len(chosen), rows)


def _divergence(data_set: DataSet, picked: list[int]) -> list[str]:
    """Counts the seeds that have no score, and those whose loss blew up after the weights that were kept."""
    rows = [(data_set.rows[index].name, data_set.rows[index]) for index in picked]
    rows = rows or [(row.label, row) for row in data_set.rows]
    gone = [
        f"{label}: {row.test.num_diverged} of {len(row.test.seeds)} seeds diverged; "
        "its mean and interval are of the others."
        for label, row in rows
        if row.test.num_diverged
    ]
    late = []
    for label, row in rows:
        count = sum(
            run.seeds[position] in run.diverged and not np.isnan(run.test[position]) for run, position in row.sources
        )
        if count:
            whole = len(row.sources)
            late.append(f"{label}: {count} of {whole} seeds diverged later in training and keep earlier weights.")
    return [*gone, *late]


def _baseline_label(name: str) -> str:
    return f"the {name} baseline"
