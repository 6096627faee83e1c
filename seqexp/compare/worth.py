"""Whether a network is worth it on data that are one set: every row by its name, against what needs no network."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

import numpy as np

from seqexp.compare.judges import runs_of
from seqexp.compare.needed import unbeaten
from seqexp.compare.outcome import (
    MOST_NAMES,
    advantage_text,
    lost_text,
    margins_text,
    outcome,
    power_text,
    range_text,
    seeds_text,
    short_text,
    without_winner,
)
from seqexp.compare.pairs import Pair
from seqexp.compare.rival import FLOOR
from seqexp.compare.section import Section
from seqexp.compare.text import list_text, percent_text
from seqexp.statistics import mean_interval

Kind = Literal["worth", "lower", "level", "tied", "open", "beaten"]
"""It beats its rivals; so it does, but another guess scored lower on test, or was not shown to be beaten; alike;
nothing is shown; it is beaten."""

KINDS: tuple[Kind, ...] = ("worth", "lower", "level", "tied", "open", "beaten")
"""In the order in which they are said."""


@dataclass(frozen=True)
class _Met:
    """A row by its name and its pairs with all its rivals.

    Attributes:
        name: the row's.
        pairs: those pairs.
        lower: the guess with the lowest test score, if lower than its own.
        level: the cheapest guess that it was not shown to beat, if any.
    """

    name: str
    pairs: list[Pair]
    lower: str | None
    level: str | None

    @property
    def kind(self) -> Kind:
        if any(pair.winner == pair.second for pair in self.pairs):
            return "beaten"
        if all(pair.winner == pair.first for pair in self.pairs):
            return "lower" if self.lower else "level" if self.level else "worth"
        return "tied" if all(outcome(pair) == "alike" for pair in self.pairs) else "open"


def worth_clause(section: Section) -> str | None:
    """Which of the rows are worth it on data that are one set for all seeds, recorded or one's own.

    Returns:
        A clause without a capital and a full stop; None where seeds have data of their own, where a record does not
        say whether they do, or where no baseline was met.
    """
    if not section.baseline_pairs or not all(run.has_fixed_data for run in runs_of(section.data_set)):
        return None
    of_row: dict[str, list[Pair]] = defaultdict(list)
    for pair in section.baseline_pairs:
        of_row[pair.first].append(pair)
    by_kind: dict[Kind, list[_Met]] = defaultdict(list)
    for name, pairs in of_row.items():
        met = _Met(name, pairs, _lower_guess(section, name), unbeaten(section.guess_pairs.get(name, {})))
        by_kind[met.kind].append(met)
    first, again = _rivals(section)
    parts: list[str] = []
    for kind in filter(by_kind.__contains__, KINDS):
        who = _Clause(by_kind[kind], len(of_row), again if parts else first, f"test {section.data_set.metric.label}")
        parts.append(getattr(who, kind)())
    return "; ".join(parts)


def _rivals(section: Section) -> tuple[str, str]:
    """What is to be beaten, as it is first called, and as it is called afterwards."""
    names = list(dict.fromkeys(pair.second for pair in section.baseline_pairs))
    if len(names) == 1:
        chosen = bool(section.data_set.validation_baselines)
        return f"the best guess on validation, {names[0]}" if chosen else names[0], names[0]
    if len(names) > MOST_NAMES:
        return f"all {len(names)} baselines", f"all {len(names)} baselines"
    text = f"the {list_text([_short(name) for name in names])} baselines"
    return text, text


def _short(label: str) -> str:
    """`ar`, of the label `the ar baseline`."""
    return label.removeprefix("the ").removesuffix(" baseline")


def _lower_guess(section: Section, name: str) -> str | None:
    """The guess with the lowest mean test score, where that is below the row's; the noise is no guess."""
    baselines = section.data_set.baselines
    means = {
        each: mean_interval(baselines[each].values).mean
        for each in baselines
        if each != FLOOR and np.isfinite(baselines[each].values).any()
    }
    best = min(means, key=lambda each: means[each])
    own = next(row for label, row in section.shown if label == name)
    return best if means[best] < mean_interval(own.test.values).mean else None


def _guesses(names: list[str]) -> str:
    return list_text([f"the {name} baseline" for name in dict.fromkeys(names)])


@dataclass(frozen=True)
class _Clause:
    """What is said of the rows of one kind.

    Attributes:
        rows: of that kind.
        total: rows of all kinds.
        rival: what is to be beaten.
        label: of the score on test.
    """

    rows: list[_Met]
    total: int
    rival: str
    label: str

    def worth(self) -> str:
        return f"{self._who} {self._are} worth it, as {self._beat()}"

    def lower(self) -> str:
        guesses = _guesses([str(row.lower) for row in self.rows])
        return f"{self._who} {self._are} not shown to be worth it: {self._beat()}, but {guesses} scored lower on test"

    def level(self) -> str:
        guesses = _guesses([str(row.level) for row in self.rows])
        start = f"{self._who} {self._are} not shown to be worth it: {self._beat()}"
        return f"{start}, but {'were' if len(self.rows) > 1 else 'was'} not shown to beat {guesses}"

    def tied(self) -> str:
        within = percent_text(self._pairs[0].margin or math.nan)
        return f"{self._who} {self._are} tied with {self.rival} within {within} ({seeds_text(self._pairs)})"

    def open(self) -> str:
        start = f"{self._who} {self._are} not shown to be better than {self.rival}"
        if not self._is_single:
            return start
        kinds = {outcome(pair) for pair in self._pairs}
        if kinds == {"undetected"}:
            return f"{start} ({power_text(self._pairs)})"
        if kinds == {"short"}:
            return f"{start} ({short_text(self._pairs)})"
        return f"{start}, as {', and '.join(without_winner(self._pairs))}"

    def beaten(self) -> str:
        start = f"{self._who} {self._are} not worth it, as {self._they} {self._are} beaten by"
        if not self._is_single:
            lost = [pair.second for pair in self._pairs if pair.winner == pair.second]
            return f"{start} {list_text(list(dict.fromkeys(lost)))}"
        if all(pair.num_diverged[0] == pair.num_seeds[0] for pair in self._pairs):
            return f"{self._who} {self._are} not worth it, as all seeds diverged"
        if len(self.rows) > MOST_NAMES:
            return f"{start} {self.rival} ({range_text(self._pairs)})"
        if any(map(lost_text, self._pairs)):
            sizes = [
                f"{pair.first}{', ' * bool(lost_text(pair)) or ': '}{advantage_text(pair)}" for pair in self._pairs
            ]
            return f"{start} {self.rival} ({'; '.join(sizes)})"
        return f"{start} {self.rival}, whose {self.label} is {margins_text(self._pairs)}"

    def _beat(self) -> str:
        beat = f"{self._they} {'beat' if len(self.rows) > 1 else 'beats'} {self.rival}"
        return f"{beat} ({self._sizes}; {seeds_text(self._pairs)})" if self._is_single else beat

    @property
    def _pairs(self) -> list[Pair]:
        return [pair for row in self.rows for pair in row.pairs]

    @property
    def _is_single(self) -> bool:
        """Whether there is one rival."""
        return len(self._pairs) == len(self.rows)

    @property
    def _sizes(self) -> str:
        """How far each winner is below its loser, in the rows' order; of many the least and the largest."""
        if len(self._pairs) > MOST_NAMES:
            return f"{self.label} {range_text(self._pairs)}"
        return f"{self.label} {', '.join(map(advantage_text, self._pairs))}"

    @property
    def _are(self) -> str:
        return "are" if len(self.rows) > 1 else "is"

    @property
    def _they(self) -> str:
        return "they" if len(self.rows) > 1 else "it"

    @property
    def _who(self) -> str:
        """The rows by name, or how many they are."""
        if len(self.rows) <= MOST_NAMES:
            return list_text([row.name for row in self.rows])
        return f"all {self.total}" if len(self.rows) == self.total else f"{len(self.rows)} of {self.total}"
