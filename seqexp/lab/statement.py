"""What a lab sheet states, put to the test: at each setting a number with its interval, and a bound that decides.

The settings of one statement are one family: the test of each is decided at its level by Holm, and the interval beside
it is of what that test does not reject at that level, so that the two never disagree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from seqexp.statistics import Array, holm
from seqexp.statistics.paired import bounded_exp
from seqexp.statistics.signflip import SignFlip
from seqexp.statistics.success import clopper_pearson, mcnemar

Outcome = Literal["yes", "no", "open"]


class Check(NamedTuple):
    """A statement at one setting.

    Attributes:
        setting: such as "RNN, p = 5".
        value: what was measured.
        low: the lower end of its interval, NaN where nothing can be told, infinite where so few seeds have none.
        high: the upper end.
        bound: what decides.
        above: whether the statement says that the number is above the bound; else it is below.
        shown: what was measured, in words; empty where the value and its interval say it.
    """

    setting: str
    value: float
    low: float
    high: float
    bound: float
    above: bool
    shown: str = ""

    @property
    def outcome(self) -> Outcome:
        """Yes where the whole interval is on the right side of the bound, no where none of it is; else open."""
        if math.isnan(self.low) or math.isnan(self.high):
            return "open"
        if self.above:
            return "yes" if self.low > self.bound else "no" if self.high <= self.bound else "open"
        return "yes" if self.high < self.bound else "no" if self.low >= self.bound else "open"


class Measured(NamedTuple):
    """A statement at one setting, not decided yet.

    Attributes:
        check: what was measured, without its interval.
        p: of the test that it is the bound, two-sided, before any correction; 1 where nothing can be told.
        interval: level -> both ends of what that test does not reject at it; NaN where nothing can be told.
    """

    check: Check
    p: float
    interval: Callable[[float], tuple[float, float]]


class Statement(NamedTuple):
    """What is stated.

    Attributes:
        says: the statement, a sentence.
        rule: what is measured, and when the statement counts as true at a setting.
        checks: the settings at which it was put to the test.
    """

    says: str
    rule: str
    checks: Sequence[Check]


def decide(says: str, rule: str, measured: Sequence[Measured]) -> Statement:
    """Decides a statement at all its settings, by Holm."""
    checks = []
    for each, step in zip(measured, holm([each.p for each in measured]), strict=True):
        low, high = each.interval(step.level)
        checks.append(each.check._replace(low=low, high=high))
    return Statement(says, rule, checks)


def heading(statement: Statement) -> str:
    """Whether a statement holds: at all settings that were tried, at some or at none."""
    outcomes = {each.outcome for each in statement.checks}
    if not outcomes:
        return "was not put to the test"
    if "yes" in outcomes:
        return "holds" if outcomes == {"yes"} else "holds at these settings"
    return "does not hold" if "no" in outcomes else "cannot be told with so many seeds"


def verdict(statement: Statement) -> str:
    """The same, and at which settings."""
    said = heading(statement)
    by: dict[Outcome, list[str]] = {"yes": [], "no": [], "open": []}
    for each in statement.checks:
        by[each.outcome].append(each.setting)
    some = bool(by["yes"] and (by["no"] or by["open"]))
    parts = [f"{said}: {'; '.join(by['yes'])}" if some else said]
    if some and by["no"]:
        parts.append(f"does not: {'; '.join(by['no'])}")
    if by["open"] and (by["yes"] or by["no"]):
        parts.append(f"cannot be told: {'; '.join(by['open'])}")
    return " \N{MIDDLE DOT} ".join(parts)


def mean(setting: str, values: Array, bound: float, above: bool) -> Measured:
    """Tests the mean of one number for each seed, by flipping signs; of a seed that has none, nothing can be told."""
    values = np.asarray(values, dtype=float)
    if not np.isfinite(values).all():
        nothing = Check(setting, math.nan, math.nan, math.nan, bound, above)
        return Measured(nothing, 1.0, lambda _: (math.nan, math.nan))
    flip = SignFlip(values - bound)

    def interval(level: float) -> tuple[float, float]:
        low, high = flip.interval(level)
        return low + bound, high + bound

    return Measured(Check(setting, float(values.mean()), math.nan, math.nan, bound, above), flip.p(), interval)


def ratio(setting: str, first: Array, second: Array, bound: float, above: bool) -> Measured:
    """Tests the geometric mean of a ratio, seed by seed."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.asarray(first, dtype=float)) - np.log(np.asarray(second, dtype=float))
    found = mean(setting, logs, math.log(bound), above)

    def interval(level: float) -> tuple[float, float]:
        low, high = found.interval(level)
        return bounded_exp(low), bounded_exp(high)

    check = found.check._replace(value=bounded_exp(found.check.value), bound=bound)
    return Measured(check, found.p, interval)


def more_solve(setting: str, first: Sequence[bool], second: Sequence[bool], names: tuple[str, str]) -> Measured:
    """Tests whether more seeds of the first solve a task than of the second, by McNemar's exact test.

    Only seeds count that one of the two solves and the other does not: the share of them that the first solves has
    Clopper and Pearson's interval, which leaves out one half where that test rejects.
    """
    pairs = list(zip(first, second, strict=True))
    only, others = sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)
    total = len(pairs)
    shown = " \N{MIDDLE DOT} ".join(
        f"{name} {share(sum(pair[index] for pair in pairs), total)}" for index, name in enumerate(names)
    )
    value = only / (only + others) if only + others else math.nan
    check = Check(setting, value, math.nan, math.nan, 0.5, True, shown)
    return Measured(check, mcnemar(only, others), lambda level: clopper_pearson(only, only + others, 1 - level))


def share(count: int, total: int) -> str:
    """`7 of 10 (35 to 93 %)`."""
    low, high = clopper_pearson(count, total)
    return f"{count} of {total} ({100 * low:.0f} to {100 * high:.0f} %)"
