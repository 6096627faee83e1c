"""What came of one pair, as a kind; and of several pairs of a kind, in one clause."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Literal

from seqexp.compare.pairs import Pair
from seqexp.compare.text import TIMES, list_text, number_text, part_text, percent_text
from seqexp.statistics import seeds_needed

Outcome = Literal["won", "reserved", "same", "alike", "undetected", "short", "unpaired"]
"""A winner; one that usually scored lower and yet is no winner; scores that are all the same; shown to be alike; no
difference was detected; so few seeds that none could have been; not compared seed by seed."""

OPEN: tuple[Outcome, ...] = ("reserved", "same", "alike", "undetected", "short", "unpaired")
"""The kinds without a winner, as they are listed."""

MOST_NAMES = 4
"""Names that are listed; of more of them a sentence says how many there are."""


def outcome(pair: Pair) -> Outcome:
    """The kind of a pair's verdict."""
    if not pair.paired:
        return "unpaired"
    if pair.winner is not None:
        return "won"
    if pair.lower is not None:
        return "reserved"
    if pair.difference.deviation == 0 and pair.difference.gap == 0:
        return "same"
    if pair.alike:
        return "alike"
    return "undetected" if pair.decidable else "short"


def is_usual(pair: Pair) -> bool:
    """Whether the one that scored lower did so on most of the seeds."""
    d = pair.difference
    return 2 * (d.first_lower if pair.lower == pair.first else d.second_lower) > d.num_pairs


def loser(pair: Pair) -> str:
    """The other one of a pair that has a winner."""
    return pair.second if pair.winner == pair.first else pair.first


def advantage(pair: Pair) -> str:
    """How far the winner's score is below the loser's: `0.28`, a ratio below 1; or `0.26`, a difference."""
    d, first = pair.difference, pair.winner == pair.first
    if not d.by_ratio:
        return number_text(abs(d.gap), (d.gap_high - d.gap_low) / 2)
    return part_text(d.ratio, d.low, d.high) if first else part_text(1 / d.ratio, 1 / d.high, 1 / d.low)


def lost_text(pair: Pair) -> str:
    """On how many seeds the loser diverged; empty where neither did. Such seeds have no size that was seen."""
    d = pair.difference
    count = d.num_lost[1 if pair.winner == pair.first else 0]
    return f"which diverged on {count} of {d.num_pairs} seeds" if any(d.num_lost) else ""


def advantage_text(pair: Pair) -> str:
    """`0.28×`, or `lower by 0.26` where the scores have no ratio; how often the loser diverged, where it did."""
    if lost := lost_text(pair):
        return lost
    return f"{advantage(pair)}{TIMES}" if pair.difference.by_ratio else f"lower by {advantage(pair)}"


def range_text(pairs: Sequence[Pair]) -> str:
    """`0.13× to 0.72×`: the farthest and the closest of pairs that have a winner, of those without diverged seeds."""
    ranked = sorted((pair for pair in pairs if not lost_text(pair)), key=_closeness)
    if not ranked:
        return "which all diverged on some seeds"
    return " to ".join(dict.fromkeys([advantage_text(ranked[0]), advantage_text(ranked[-1])]))


def _closeness(pair: Pair) -> float:
    """The winner's score as a share of the loser's, or how far it lies below, as a negative number."""
    d, first = pair.difference, pair.winner == pair.first
    if d.by_ratio:
        return d.ratio if first else 1 / d.ratio
    return -abs(d.gap)


def margins_text(pairs: Sequence[Pair]) -> str:
    """`0.24 times that of gru and 0.25 times that of lstm`: the winner's score, which each row (first) lost to."""
    return list_text(
        [f"{advantage(pair)} {'times' if pair.difference.by_ratio else 'below'} that of {pair.first}" for pair in pairs]
    )


def seeds_text(pairs: Sequence[Pair]) -> str:
    """`20 seeds`, or `8 to 20 seeds`: how many stand behind the pairs."""
    counts = [pair.difference.num_pairs for pair in pairs if pair.paired]
    if not counts:
        return "no seeds"
    return f"{_span(sorted(counts), '{:.0f}'.format)} {'seed' if max(counts) == 1 else 'seeds'}"


def without_winner(pairs: Sequence[Pair]) -> list[str]:
    """One clause for each kind of pair that has no winner."""
    kinds: dict[Outcome, list[Pair]] = defaultdict(list)
    for pair in pairs:
        kinds[outcome(pair)].append(pair)
    return [_clause(kind, kinds[kind]) for kind in OPEN if kinds[kind]]


def _clause(kind: Outcome, pairs: Sequence[Pair]) -> str:
    names = _either(pairs)
    if kind == "reserved":
        return "; ".join(map(_reserved, pairs[:MOST_NAMES])) + _more(len(pairs) - MOST_NAMES)
    if kind == "same":
        return f"the scores of {names} are the same"
    if kind == "alike":
        return f"{names} are alike within {percent_text(pairs[0].margin or math.nan)} ({seeds_text(pairs)})"
    if kind == "short":
        return f"undecided between {names}: {short_text(pairs)}"
    if kind == "undetected":
        return f"no difference between {names} was detected ({power_text(pairs)})"
    if all(pair.num_diverged == pair.num_seeds for pair in pairs):
        return f"no verdict between {names}, as all of their seeds diverged"
    if all(max(pair.num_seeds) == 1 for pair in pairs):
        return f"no verdict between {names}, which have one seed each"
    return f"no verdict between {names}, which do not share two seeds of the same data that one of them has finished"


def _reserved(pair: Pair) -> str:
    """Who scored lower, and why that is no win."""
    first = pair.lower == pair.first
    other, d = (pair.second if first else pair.first), pair.difference
    who = f"{pair.lower} {'usually ' * is_usual(pair)}scores lower than {other}"
    if pair.reservation == "lost":
        own = d.num_lost[0 if first else 1]
        return f"{who}, but diverges more often ({own} of {d.num_pairs} seeds)"
    lost = d.second_lower if first else d.first_lower
    fails = f"it fails on {lost}" if is_usual(pair) else f"in the geometric mean only, and higher on {lost}"
    return f"{who}, but is worse on average ({fails} of {d.num_pairs} seeds)"


def _more(count: int) -> str:
    return f"; and {count} more pairs like that" if count > 0 else ""


def failures_text(pairs: Sequence[Pair]) -> str:
    """What a reader must know of winners' rare failures, to stand behind the number of seeds; else nothing."""
    if unusual := [pair for pair in pairs if not is_usual(pair)]:
        d = unusual[0].difference
        lower = d.first_lower if unusual[0].lower == unusual[0].first else d.second_lower
        return f", though {unusual[0].lower} is lower on only {lower} of {d.num_pairs}"
    if any(pair.largest_opposes for pair in pairs):
        return ", though a winner's largest difference is a loss"
    return ", too few to show rare failures" if any(pair.hides_failures for pair in pairs) else ""


def short_text(pairs: Sequence[Pair]) -> str:
    """That so few seeds cannot decide, and how many could."""
    return f"{seeds_text(pairs)} cannot decide, {enough_text(pairs)}"


def enough_text(pairs: Sequence[Pair]) -> str:
    """How many seeds could decide."""
    return f"num_seeds={seeds_needed(max(1, *(pair.num_tests for pair in pairs)))} or more could"


def power_text(pairs: Sequence[Pair]) -> str:
    """What the seeds could have shown; only their number where pairs are not all of one kind."""
    seeds = seeds_text(pairs)
    if len({pair.difference.by_ratio for pair in pairs}) > 1 or not all(pair.difference.sized for pair in pairs):
        return seeds
    if pairs[0].difference.by_ratio:
        shown = _span(sorted(1 - pair.detectable for pair in pairs), percent_text).replace(" % to", " to")
        return f"{seeds} could have shown {shown}"
    return (
        f"{seeds} could have shown a difference of {_span(sorted(pair.detectable for pair in pairs), '{:.2g}'.format)}"
    )


def _span(numbers: Sequence[float], text: Callable[[float], str]) -> str:
    """The least and the largest of ascending numbers, or the one that they are."""
    return " to ".join(dict.fromkeys([text(numbers[0]), text(numbers[-1])]))


def _either(pairs: Sequence[Pair]) -> str:
    """`a and b`; `a, b and c` where each met each; `a or b and c` where all met c; else `a and b, or a and c`."""
    names = list(dict.fromkeys(name for pair in pairs for name in (pair.first, pair.second)))
    if len(pairs) == len(names) * (len(names) - 1) // 2:
        return list_text(names)
    firsts = [pair.first for pair in pairs]
    if len({pair.second for pair in pairs}) == 1:
        some = list_text(firsts, "or") if len(firsts) <= MOST_NAMES else f"any of {len(firsts)}"
        return f"{some} and {pairs[0].second}"
    return ", or ".join(f"{pair.first} and {pair.second}" for pair in pairs)
