"""What was solved, in plain words."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from seqexp.compare.text import DASH, SURE, list_text, p_text
from seqexp.statistics import ALPHA, seeds_needed

if TYPE_CHECKING:
    from seqexp.compare.success import Rate, Success, SuccessPair

READING = (
    "Solved: a seed meets the task's own criterion at some validation in training, whatever comes later. The 95 % "
    "interval of the share is Clopper and Pearson's. Steps to solve: Kaplan-Meier median with its 95 % interval, over "
    "all seeds; those that never solve it count as not yet. Restarts: seeds to train, the first included, until one "
    "solves it with 95 % probability. Success is tested by exact McNemar on shared seeds, Holm-corrected over all "
    "success pairs of the comparison, a family of their own."
)

COLUMNS = ("solved", "steps to solve", "restarts for 95\N{NO-BREAK SPACE}%")
"""What `texts` says of a row."""

INFINITE = "\N{INFINITY}"

MOST_RATES = 12
"""Rows that a sentence lists."""

MOST_PAIRS = 6
"""Pairs that a sentence lists."""


def texts(rate: Rate) -> list[str]:
    """A row of the table of successes, without its label."""
    number, least, most = (INFINITE if math.isinf(each) else f"{each:,.0f}" for each in rate.restarts)
    return [
        f"{rate.num_solved} of {rate.num_seeds} ({_share(rate)})",
        _median(rate),
        f"{number} ({least}{DASH}{most})",
    ]


def sentences(success: Success, data: str) -> list[str]:
    """What was solved, and whether one row solves more: a pair in one sentence, of more rows the rates first.

    Args:
        success: of one data set.
        data: its name.
    """
    told = _rates(success.rates)
    if len(success.pairs) == 1 and len(success.rates) == 2:
        (pair,) = success.pairs
        start = f"{pair.winner} solves more often" if pair.winner else _state(pair)
        told = f"{told}: {start} ({_evidence(pair)})"
        lines = [told]
    else:
        winners, others = ([pair for pair in success.pairs if bool(pair.winner) is won] for won in (True, False))
        lines = [told, *_winners(winners), *_undecided(others)]
    if success.unknown:
        rows = list_text(_and_more(success.unknown[:MOST_RATES], len(success.unknown), "row"))
        lines.append(f"whether a seed of {rows} solves it is not in the records")
    if success.picked:
        lines.append(
            "settings were picked on the validation data on which success is counted, "
            "so the counts flatter every row that had several to pick from"
        )
    return [f"{data}: {line}." for line in lines]


def _rates(rates: list[Rate]) -> str:
    """`in 5,000 steps lstm solves 9 of 10 seeds (95 % interval 55-100 %), rnn 2 of 10 (3-56 %)`."""
    budgets = {rate.budgets for rate in rates}
    together = f"in {_budget(rates[0])} " if len(budgets) == 1 else ""
    if len(rates) > MOST_RATES:
        fewest, *_, most = sorted(rates, key=lambda rate: rate.num_solved / rate.num_seeds)
        ends = [f"{each.num_solved} of {each.num_seeds} seeds ({each.label})" for each in (fewest, most)]
        return f"{together}{len(rates)} rows solve from {ends[0]} to {ends[1]}"
    parts = []
    for index, rate in enumerate(rates):
        first = index == 0
        count = f"{rate.num_solved} of {rate.num_seeds}" + (" seeds" if first else "")
        inside = (f"{SURE} interval " if first else "") + _share(rate)
        inside += f"; {rate.num_unknown} more are not in the records" if rate.num_unknown else ""
        steps = "" if together else f" in {_budget(rate)}"
        parts.append(f"{rate.label} {'solves ' if first else ''}{count}{steps} ({inside})")
    return f"{together}{', '.join(parts)}"


def _winners(pairs: list[SuccessPair]) -> list[str]:
    """One sentence for each winner: over whom, and by how many seeds."""
    lines = []
    for group in _alike(pairs, lambda pair: pair.winner).values():
        winner, rivals = group[0].winner, [pair.second if pair.winner == pair.first else pair.first for pair in group]
        if len(group) == 1:
            lines.append(f"{winner} solves more often than {rivals[0]} ({_evidence(group[0])})")
            continue
        over = []
        for rival, pair in zip(rivals[:MOST_PAIRS], group[:MOST_PAIRS], strict=True):
            fewer, more = sorted((pair.first_only, pair.second_only))
            over.append(f"{rival} ({more} seeds alone against {fewer}, p = {p_text(pair.p_corrected)})")
        named = list_text(_and_more(over, len(group), "row"))
        lines.append(
            f"{winner} solves more often than {named}: exact McNemar on {_shared(group[0])}{_family(group[0])}"
        )
    return lines


def _undecided(pairs: list[SuccessPair]) -> list[str]:
    """One sentence for all pairs of which the same is to be said."""
    lines = []
    for group in _alike(pairs, _state).values():
        named = [f"{pair.first} and {pair.second}" for pair in group[:MOST_PAIRS]]
        between = "; ".join(_and_more(named, len(group), "pair"))
        inside = _evidence(group[0]) if len(group) == 1 else _evidence_of_all(group)
        lines.append(f"{_state(group[0])} in how often it is solved between {between} ({inside})")
    return lines


def _alike(pairs: list[SuccessPair], what: Callable[[SuccessPair], str | None]) -> dict[object, list[SuccessPair]]:
    """Groups of pairs of which the same is to be said, on as many seeds."""
    groups: dict[object, list[SuccessPair]] = {}
    for pair in pairs:
        groups.setdefault((what(pair), pair.num_shared, pair.num_other_data, pair.cut), []).append(pair)
    return groups


def _and_more(named: list[str], count: int, what: str) -> list[str]:
    """The names, and how many of `count` are not among them."""
    more = count - len(named)
    return [*named, *([f"{more} more {what}{'s' * (more > 1)}"] if more > 0 else [])]


def _state(pair: SuccessPair) -> str:
    """What is to be said of a pair without a winner."""
    if math.isnan(pair.p):
        return "nothing is tested"
    return "no difference detected" if pair.best_p < ALPHA else "undecided"


def _evidence(pair: SuccessPair) -> str:
    """The counts and the test behind a pair's verdict."""
    if math.isnan(pair.p) or pair.best_p >= ALPHA:
        return _lacking(pair)
    counts = f"{pair.first} alone solves {pair.first_only}, {pair.second} alone {pair.second_only}"
    return f"of {_shared(pair)} {counts}; exact McNemar p = {p_text(pair.p_corrected)}{_family(pair)}"


def _evidence_of_all(pairs: list[SuccessPair]) -> str:
    """The same for several pairs of one state, as many seeds, and one budget."""
    pair = pairs[0]
    if math.isnan(pair.p) or pair.best_p >= ALPHA:
        return _lacking(pair)
    lowest = min(each.p_corrected for each in pairs)
    least = "" if lowest == max(each.p_corrected for each in pairs) else " or more"
    return f"{_shared(pair)}; exact McNemar p = {p_text(lowest)}{least}{_family(pair)}"


def _lacking(pair: SuccessPair) -> str:
    """Why nothing can be said of a pair."""
    enough = seeds_needed(max(1, pair.num_tests))
    if pair.num_shared == 0:
        return f"they share no seeds{' of the same data' * (pair.num_other_data > 0)}"
    if pair.num_shared == 1:
        return f"they share one seed; num_seeds={enough} or more can tell"
    return f"{_shared(pair)} cannot reach p = 0.05{_family(pair)}; num_seeds={enough} or more could"


def _shared(pair: SuccessPair) -> str:
    text = f"{pair.num_shared} shared seeds"
    text += f" ({pair.num_other_data} more of other data)" if pair.num_other_data else ""
    return text + (", within the steps that both were trained for," if pair.cut else "")


def _family(pair: SuccessPair) -> str:
    return f", Holm over {pair.num_tests} success pairs" if pair.num_tests > 1 else ""


def _share(rate: Rate) -> str:
    return f"{100 * rate.low:.0f}{DASH}{100 * rate.high:.0f} %"


def _median(rate: Rate) -> str:
    """`1,400 (400 to 3,400)`; an end that seeds did not reach, or that is 0, says nothing and is left out."""
    median, low, high = rate.course.median
    text = f"> {rate.budgets[1]:,}" if math.isinf(median) else f"{median:,.0f}"
    if math.isinf(low) or (math.isinf(high) and low == 0):
        return text
    return f"{text} (from {low:,.0f})" if math.isinf(high) else f"{text} ({low:,.0f} to {high:,.0f})"


def _budget(rate: Rate) -> str:
    low, high = rate.budgets
    if high == 0:
        return "no step of training"
    return f"{low:,} steps" if low == high else f"{low:,} to {high:,} steps"
