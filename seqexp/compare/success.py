"""How many seeds solve a task, and when: of tasks that have a criterion of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from seqexp.compare.cut import stopped_early
from seqexp.compare.meetings import choose_pairs, shared_scores
from seqexp.compare.rows import Row, Scores
from seqexp.compare.section import Section
from seqexp.statistics import ALPHA, Array, holm
from seqexp.statistics.success import Course, clopper_pearson, kaplan_meier, mcnemar, restarts


@dataclass(frozen=True, kw_only=True)
class Rate:
    """What one row solved.

    Attributes:
        label: of the row.
        num_solved: seeds that solved the task.
        num_seeds: seeds whose records say whether they did.
        num_unknown: seeds whose records do not.
        low: lower end of the share's 95 % interval.
        high: upper end.
        budgets: the fewest and the most steps that these seeds were trained for.
        ends: the steps up to which seeds were watched that did not solve it.
        course: the share against steps.
    """

    label: str
    num_solved: int
    num_seeds: int
    num_unknown: int
    low: float
    high: float
    budgets: tuple[int, int]
    ends: Array
    course: Course

    @property
    def restarts(self) -> tuple[float, float, float]:
        """Seeds to train until one solves the task with 95 % probability, and what the share's interval makes of it."""
        return restarts(self.num_solved / self.num_seeds), restarts(self.high), restarts(self.low)


@dataclass(frozen=True, kw_only=True)
class SuccessPair:
    """Two rows, on the seeds that both have, of the same data.

    Attributes:
        first: label of the first.
        second: label of the second.
        num_shared: seeds that both have.
        num_other_data: seeds that both have, but with other data.
        first_only: seeds that only the first solved.
        second_only: seeds that only the second solved.
        cut: whether the two were trained for different numbers of steps, so that only what each seed solved within the
            smaller of its two counts.
        p: exact McNemar; NaN where fewer than two seeds are shared.
        p_corrected: p after Holm.
        best_p: the lowest that `p_corrected` could have been with so many shared seeds, whatever they had shown.
        num_tests: size of the family that Holm's correction is over: all pairs of a comparison that were tested for
            success.
    """

    first: str
    second: str
    num_shared: int
    num_other_data: int
    first_only: int
    second_only: int
    cut: bool
    p: float
    p_corrected: float = math.nan
    best_p: float = math.nan
    num_tests: int = 0

    @property
    def winner(self) -> str | None:
        """Who solves the task more often; None where no difference was detected."""
        if not self.p_corrected < ALPHA:
            return None
        return self.first if self.first_only > self.second_only else self.second


@dataclass(frozen=True, kw_only=True)
class Success:
    """What a data set's rows solved.

    Attributes:
        rates: one for each row that is compared.
        pairs: the pairs of them.
        unknown: labels of the other rows, whose records do not say what they solved.
        picked: whether settings were picked on validation, the data that success is counted on.
        sentences: what it all shows, in words.
    """

    rates: list[Rate]
    pairs: list[SuccessPair]
    unknown: list[str]
    picked: bool
    sentences: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; an infinite number, such as a median that no seed reaches, is None as a missing one is."""
        return {
            "rows": [_rate_dict(rate) for rate in self.rates],
            "pairs": [asdict(pair) | {"winner": pair.winner} for pair in self.pairs],
            "sentences": self.sentences,
        }


def with_success(sections: Sequence[Section]) -> list[Section]:
    """The same sections, with what was solved where a task says what that is.

    All pairs of all of them are one family for Holm's correction.
    """
    from seqexp.compare.success_verdict import sentences

    found = [_success(section) for section in sections]
    tested = [pair for each in found if each for pair in each.pairs if pair.num_shared >= 2]
    corrected = [step.p for step in holm([pair.p for pair in tested])]
    best = [step.p for step in holm([mcnemar(pair.num_shared, 0) for pair in tested])]
    told = {
        id(pair): replace(pair, p_corrected=p, best_p=lowest, num_tests=len(tested))
        for pair, p, lowest in zip(tested, corrected, best, strict=True)
    }
    complete = []
    for section, each in zip(sections, found, strict=True):
        if each is not None:
            each = replace(
                each, pairs=[told.get(id(pair), replace(pair, num_tests=len(tested))) for pair in each.pairs]
            )
            each = replace(each, sentences=sentences(each, section.data_set.name))
        complete.append(replace(section, success=each))
    return complete


def rate(label: str, row: Row) -> Rate | None:
    """What a row solved; None where no record of it says."""
    if row.solved is None:
        return None
    known = ~np.isnan(row.solved.values)
    if not known.any():
        return None
    solved, until = row.solved.values[known], _until(row)[known]
    count = int(np.isfinite(solved).sum())
    steps = [run.steps for (run, _), says in zip(row.sources, known, strict=True) if says]
    low, high = clopper_pearson(count, len(solved))
    return Rate(
        label=label,
        num_solved=count,
        num_seeds=len(solved),
        num_unknown=int((~known).sum()),
        low=low,
        high=high,
        budgets=(min(steps), max(steps)),
        ends=np.minimum(until, max(steps))[~np.isfinite(solved)],
        course=kaplan_meier(solved, until),
    )


def _success(section: Section) -> Success | None:
    """What the rows of a section solved, its pairs not yet corrected; None where no record says."""
    rows = section.shown
    rates = [found for label, row in rows if (found := rate(label, row)) is not None]
    if not rates:
        return None
    unknown = [label for label, _ in rows if label not in {rate.label for rate in rates}]
    chosen = choose_pairs(section.data_set, section.picked).pairs
    pairs = [_pair(rows[first], rows[second], section.data_set.compares_data) for first, second in chosen]
    known = [pair for pair in pairs if pair is not None]
    return Success(rates=rates, pairs=known, unknown=unknown, picked=section.chose and section.data_set.judges is None)


def _pair(first: tuple[str, Row], second: tuple[str, Row], any_training: bool) -> SuccessPair | None:
    """Two rows before any correction; None where the records of one do not say what it solved."""
    if (one := first[1].solved) is None or (other := second[1].solved) is None:
        return None
    both, num_other_data = shared_scores(one, other, any_training)  # (2, n)
    until, _ = shared_scores(_watched(first[1], one), _watched(second[1], other), any_training)  # (2, n)
    known = ~np.isnan(both).any(axis=0)
    both, until = both[:, known], until[:, known]
    done = np.isfinite(both) & (both <= until.min(axis=0))  # (2, n)
    firsts, seconds = int((done[0] & ~done[1]).sum()), int((done[1] & ~done[0]).sum())
    return SuccessPair(
        first=first[0],
        second=second[0],
        num_shared=both.shape[1],
        num_other_data=num_other_data,
        first_only=firsts,
        second_only=seconds,
        cut=bool((np.isfinite(until).all(axis=0) & (until[0] != until[1])).any() or (np.isfinite(both) & ~done).any()),
        p=mcnemar(firsts, seconds) if both.shape[1] >= 2 else math.nan,
    )


def _watched(row: Row, solved: Scores) -> Scores:
    """The steps up to which the seeds of `solved` were watched."""
    return Scores(solved.seeds, _until(row), solved.learnt)


def _until(row: Row) -> Array:
    """(n,) the last step up to which each seed was watched.

    A seed that diverged, or whose run ended because no seed had improved for as long as `early_stopping.patience`
    grants, or that is not trained at all, cannot solve the task any more: for it the step is infinite.
    """
    over = {id(run): run.is_solved or stopped_early(run) for run in row.runs}
    return np.array(
        [math.inf if over[id(run)] or run.seeds[at] in run.diverged else run.steps for run, at in row.sources]
    )


def _rate_dict(rate: Rate) -> dict[str, Any]:
    course = rate.course
    return {
        "name": rate.label,
        "num_solved": rate.num_solved,
        "num_seeds": rate.num_seeds,
        "num_unknown": rate.num_unknown,
        "low": rate.low,
        "high": rate.high,
        "steps_trained": list(rate.budgets),
        "steps_to_solve": dict(zip(("median", "low", "high"), course.median, strict=True)),
        "restarts": dict(zip(("number", "low", "high"), rate.restarts, strict=True)),
        "course": {name: getattr(course, name).tolist() for name in ("steps", "share", "low", "high")},
    }
