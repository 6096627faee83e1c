"""Data sets -> tasks, each with what the same rows score there: ranks, ratios, and scores relative to a baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np

from seqexp.compare.pairs import Pair
from seqexp.compare.rival import CONSTANT
from seqexp.compare.rows import Scores
from seqexp.compare.section import Section
from seqexp.compare.swept import split
from seqexp.statistics import Array
from seqexp.statistics.tasks import rank

OUTCOMES = ("better", "worse", "alike", "undecided", "divided", "not compared")
"""What the verdicts of one task say of a pair: of several data sets "divided" is better on one and worse on another."""


@dataclass(frozen=True)
class Task:
    """One task: everything that was learnt of one data.

    Data sets that differ in a swept setting of the data, or in the score, are one task: they are not new evidence that
    what is compared does well elsewhere.

    Attributes:
        name: the data's name.
        sections: its data sets in which two rows at least were compared.
    """

    name: str
    sections: list[Section]

    @property
    def rows(self) -> list[str]:
        """Labels of the rows that all of its data sets have."""
        first, *others = [[label for label, _ in section.shown] for section in self.sections]
        return [label for label in first if all(label in other for other in others)]

    def num_diverged(self, labels: Sequence[str]) -> int:
        """How many seeds of these rows have no score."""
        return sum(row.test.num_diverged for each in self.sections for label, row in each.shown if label in labels)

    def ranks(self, labels: Sequence[str]) -> Array | None:
        """(k,) the ranks of some rows; None where in one of the data sets no seed is shared by all of them.

        On each seed the scores are ranked, a diverged seed last; scores that are 0 up to rounding are equal. The means
        over the seeds, and over the task's data sets, are ranked again.
        """
        means: list[Array] = []
        for section in self.sections:
            scores, _ = _shared(section, labels)
            if scores.shape[1] == 0:
                return None
            means.append(rank(np.where(scores <= section.rounding, 0.0, scores).T).mean(axis=0))
        return rank(np.mean(means, axis=0).round(9))  # equal means count as equal

    def relative(self, labels: Sequence[str]) -> tuple[Array, list[str]] | str:
        """Each seed's score over that of a baseline on the same seed.

        The baseline is that of the table's ratios, or the constant guess where that one scores 0 on some seed. Of
        several data sets it is the mean, on the seeds that all of them have.

        Returns:
            (k, n), infinite where a seed diverged, and the baselines' names; or why there is none.
        """
        found = [_over_baseline(section, labels) for section in self.sections]
        known = [each for each in found if each is not None]
        if len(known) < len(found):
            return "it has no baseline that scores above 0 on every seed"
        seeds = reduce(np.intersect1d, [seeds for _, seeds, _ in known])
        if len(seeds) == 0:
            return "no seed is shared by all rows and the baseline"
        with np.errstate(over="ignore"):
            means: Array = np.mean([scores[:, np.searchsorted(has, seeds)] for scores, has, _ in known], axis=0)
        return means, list(dict.fromkeys(name for _, _, name in known))

    @cached_property
    def _met(self) -> dict[frozenset[str], list[Pair]]:
        """The pairs of the task's data sets, by who met."""
        return split(
            (pair for section in self.sections for pair in section.pairs),
            lambda pair: frozenset((pair.first, pair.second)),
        )

    def _meetings(self, first: str, second: str) -> list[Pair]:
        return self._met.get(frozenset((first, second)), [])

    def outcome(self, first: str, second: str) -> str:
        """What the verdicts of a task say of the first."""
        met = self._meetings(first, second)
        if len(met) < len(self.sections):
            return "not compared"
        winners = {pair.winner for pair in met}
        if {first, second} <= winners:
            return "divided"
        if winners == {None}:
            return "alike" if all(pair.alike for pair in met) else "undecided"
        return "better" if first in winners else "worse"

    def log_ratio(self, first: str, second: str) -> float:
        """The logarithm of first over second, mean over the task's data sets; NaN where one of them has no ratio."""
        logs = [
            (1 if pair.first == first else -1) * math.log(pair.difference.ratio)
            if pair.paired and pair.difference.by_ratio and pair.difference.ratio > 0
            else math.nan
            for pair in self._meetings(first, second)
        ]
        return float(np.mean(logs)) if len(logs) == len(self.sections) else math.nan


def tasks(sections: Sequence[Section]) -> list[Task]:
    """Sorts data sets into tasks; those in which nothing meets are left out."""
    meet = [section for section in sections if len(section.shown) > 1]
    return [Task(str(name), found) for name, found in split(meet, _task_of).items()]


def _task_of(section: Section) -> object:
    run = section.data_set.rows[0].runs[0]
    return run.settings.get("data", run.data)


def _over_baseline(section: Section, labels: Sequence[str]) -> tuple[Array, Array, str] | None:
    """(k, n) scores of some rows over a baseline's, (n,) their seeds, and its name; None where there is no baseline."""
    for name in dict.fromkeys([section.baseline, CONSTANT]):
        if name in section.data_set.baselines:
            scores, seeds = _shared(section, labels, section.data_set.baselines[name])
            if (np.isfinite(scores[-1]) & (scores[-1] > section.rounding)).all():
                return scores[:-1] / scores[-1], seeds, name
    return None


def _shared(section: Section, labels: Sequence[str], baseline: Scores | None = None) -> tuple[Array, Array]:
    """The seeds that some rows share, on the same data.

    Returns:
        (k, n) their scores, infinite where a seed diverged, those of a baseline last; and (n,) the seeds.
    """
    by_label = {label: row.test for label, row in section.shown}
    entries = [*(by_label[label] for label in labels), *([baseline] if baseline else [])]
    seeds = reduce(np.intersect1d, [entry.seeds for entry in entries])
    places = [np.searchsorted(entry.seeds, seeds) for entry in entries]
    learnt = [entry.learnt.take(at) for entry, at in zip(entries, places, strict=True)]
    same = np.ones(len(seeds), dtype=bool)
    for other in learnt[1:]:
        tested, trained = learnt[0].differ(other)
        same &= ~(tested if section.data_set.compares_data else tested | trained)
    values = np.stack([entry.values[at] for entry, at in zip(entries, places, strict=True)])[:, same]
    return np.where(np.isnan(values), np.inf, values), seeds[same].astype(float)
