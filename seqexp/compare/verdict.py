"""Verdicts in plain words."""

from __future__ import annotations

import math

from seqexp.compare.outcome import is_usual
from seqexp.compare.pairs import Pair
from seqexp.compare.text import (
    DASH,
    TIMES,
    gap_text,
    list_text,
    number_text,
    p_text,
    part_text,
    percent_text,
    ratio_text,
)
from seqexp.statistics import ALPHA, Difference, seeds_needed

ONLY_LOST = "they differ only in seeds that diverged"


def sentence(pair: Pair, data: str, score: str) -> str:
    """What one pair showed, in one sentence.

    Args:
        pair: two rows, or a row and a baseline.
        data: the data set's name.
        score: what is scored, as tables show it.
    """
    if not pair.paired:
        return _unpaired(pair, data)
    if pair.winner is not None:
        return _winner(pair, pair.winner, data, score)
    if pair.lower is not None:
        return _no_winner(pair, pair.lower, data)
    d = pair.difference
    if d.deviation == 0 and d.gap == 0:
        return f"{pair.first} and {pair.second} scored the same on {data}: {_seeds(pair)}."
    between = f"between {pair.first} and {pair.second} on {data}: {_size(d)}"
    if pair.alike:
        return f"{pair.first} and {pair.second} are alike within {_margin(pair)} on {data}: {_size(d)}; {_alike(pair)}."
    if not pair.decidable:
        return f"undecided {between}; {_seeds(pair)} cannot reach p = 0.05{_family(pair)}; {_wish(pair)}"
    start = f"no difference detected {between}, p = {p_text(pair.p_corrected)}{_family(pair)}; {_seeds(pair)}"
    could = percent_text(1 - pair.detectable) if d.by_ratio else f"a difference of {pair.detectable:.2g}"
    return f"{start}{f' could have shown {could}' * d.sized}{_not_alike(pair)}."


def baseline_summary(name: str, pairs: list[Pair], data: str, what: str) -> str | None:
    """Whether anything beats the best baseline; None where the sentences of the pairs say it all.

    Args:
        name: the baseline, as `pairs` call it.
        pairs: every row (first) against the baseline (second).
        data: the data set's name.
        what: the word for a row: "cell", or "setting" where it is not cells that are compared.
    """
    winners = [pair.winner for pair in pairs]
    if pairs and all(winner == name for winner in winners):
        return f"{name} beats every {what} on {data}."
    undecided = not any(pair.decidable for pair in pairs)
    if pairs and not undecided and all(winner in (name, None) for winner in winners):
        return f"no {what} was shown to beat {name} on {data}."
    return None


def _winner(pair: Pair, winner: str, data: str, score: str) -> str:
    d = pair.difference
    first = winner == pair.first
    loser = pair.second if first else pair.first
    if not d.sized:
        by = ONLY_LOST
    elif d.by_ratio:
        ends = (d.ratio, d.low, d.high) if first else (1 / d.ratio, 1 / d.high, _inverse(d.low))
        _, space, interval = ratio_text(*ends, d.level).partition(" ")
        by = f"test {score} {part_text(*ends)}{TIMES}{space}{interval}{_means(d, first)}"
    else:
        ends = (-d.gap, -d.gap_high, -d.gap_low) if first else (d.gap, d.gap_low, d.gap_high)
        by = f"test {score} lower by {gap_text(*ends, d.ratio if first else 1 / d.ratio, d.level)}"
    within = f"; they are alike within {_margin(pair)} all the same" if pair.alike else _not_alike(pair)
    return f"{winner} beats {loser} on {data}: {by}, {_tested(pair)}; {_share(pair)}{_failures(pair)}{within}."


def _no_winner(pair: Pair, lower: str, data: str) -> str:
    """One usually scored lower, but not on average."""
    d = pair.difference
    first = lower == pair.first
    other = pair.second if first else pair.first
    lost = d.second_lower if first else d.first_lower
    of = f"{lost} seed{'s' * (lost != 1)} of {d.num_pairs}"
    if pair.reservation == "lost":
        own, rivals = d.num_lost if first else d.num_lost[::-1]
        but = f"it diverged on {own} of {d.num_pairs} seeds, {other} on {rivals}"
    else:
        ratio = d.means if first else 1 / d.means
        why = f"it fails on {of}" if is_usual(pair) else f"it is higher on {of}"
        but = f"worse on average, as {why}: the ratio of the means is {number_text(ratio, math.nan)}"
    how = "usually lower" if is_usual(pair) else "lower"
    start = f"no winner is named between {pair.first} and {pair.second} on {data}: {lower} is {how}, but {but}"
    return f"{start}; {_size(d, means=False)}, {_tested(pair)}."


def _means(d: Difference, first: bool = True) -> str:
    """The ratio of the means, where it says something else than the geometric mean of the ratios; empty elsewhere."""
    if math.isnan(d.means_low) or any(d.num_lost):  # those are means of the seeds that both finished
        return ""
    outside = not (d.low <= d.means <= d.high and d.means_low <= d.ratio <= d.means_high)
    ends = (d.means, d.means_low, d.means_high) if first else (1 / d.means, 1 / d.means_high, _inverse(d.means_low))
    text = ratio_text(*ends)
    shown = ratio_text(d.ratio if first else 1 / d.ratio, *ends[1:]).partition(" ")[0]
    differ = (d.means - 1) * (d.ratio - 1) < 0 and text.partition(" ")[0] != shown
    return f", ratio of means {text}" if outside or differ else ""


def _size(d: Difference, means: bool = True) -> str:
    """How far the two are apart; where the ratio of the means says something else, it stands beside."""
    if not d.sized:
        return ONLY_LOST
    if not d.by_ratio:
        return f"difference {gap_text(d.gap, d.gap_low, d.gap_high, d.ratio, d.level)}"
    text = f"ratio {ratio_text(d.ratio, d.low, d.high, d.level)}"
    return text + _means(d) if means else text


def _inverse(end: float) -> float:
    return 1 / end if end else math.inf


def _unpaired(pair: Pair, data: str) -> str:
    both = f"{pair.first} and {pair.second}"
    d = pair.difference
    finite = pair.num_shared - pair.num_dropped
    if pair.num_diverged == pair.num_seeds:
        return f"{both} cannot be compared on {data}: all of their seeds diverged."
    if math.isnan(d.gap):
        return f"{both} cannot be compared on {data}: at least one of them has no score."
    if finite == 1 and max(pair.num_seeds) == 1:
        return f"{both} have one seed on {data}: {_size(d)}, no interval, no verdict; {_wish(pair)}"
    share = f"share {'only one seed' if finite == 1 else 'no seeds'}" + " with a score" * (pair.num_dropped > 0)
    share += " of the same data" * (pair.num_other_data > 0)
    text = f"{both} {share} on {data}, so they are not compared seed by seed: unpaired {_size(d)}"
    if d.low <= 1 <= d.high if d.by_ratio else d.gap_low <= 0 <= d.gap_high:
        return f"{text}, no difference detected."
    wish = "train both on the same data" if pair.num_other_data else "run both with the same seed and num_seeds"
    return f"{text}; a winner is named only on shared seeds: {wish}."


def _tested(pair: Pair) -> str:
    return f"{_seeds(pair)}, p = {p_text(pair.p_corrected)}{_family(pair)}"


def _seeds(pair: Pair) -> str:
    """How many seeds stand behind the statement, and what became of the others."""
    text = f"{pair.difference.num_pairs} paired seeds"
    if pair.num_shared < max(pair.num_seeds):
        text += f" of {pair.num_seeds[0]} and {pair.num_seeds[1]}"
    size = " by the largest difference seen" if pair.difference.sized else ""
    lost = zip((pair.first, pair.second), pair.difference.num_lost, strict=True)
    if counted := [f"{label} diverged on {count}" for label, count in lost if count]:
        text += f" ({list_text(counted)}, which counts as a loss{size})"
    if pair.num_dropped:
        text += f" ({pair.num_dropped} dropped: both diverged)"
    if pair.num_other_data:
        text += f" ({pair.num_other_data} no pairs: other data)"
    return text


def _share(pair: Pair) -> str:
    """How often the winner is lower, seen and to be expected."""
    d = pair.difference
    first = pair.winner == pair.first
    count, of = (d.first_lower if first else d.second_lower), d.first_lower + d.second_lower
    if pair.share is None:
        return "no seed differs"
    low, high = (pair.share.low, pair.share.high) if first else (1 - pair.share.high, 1 - pair.share.low)
    differing = "" if of == d.num_pairs else " that differ"
    share = f"{100 * low:.0f}{DASH}{100 * high:.0f} %"
    return f"lower on {count} of {of} seeds{differing}, so on {share} of new ones{differing}"


def _failures(pair: Pair) -> str:
    """What a reader must know of the winner's rare failures; empty where there is nothing to say."""
    if pair.largest_opposes:
        return ", though the largest difference is against it"
    if pair.hides_failures:
        unseen = 1 - ALPHA ** (1 / pair.difference.num_pairs)
        return f"; failures on up to one seed in {1 / unseen:.0f} could have gone unseen"
    return ""


def _alike(pair: Pair) -> str:
    return f"two one-sided tests, p = {p_text(pair.p_alike)}{_family(pair)}, {_seeds(pair)}"


def _not_alike(pair: Pair) -> str:
    """What came of the question whether the two are alike, where it was asked and they are not shown to be."""
    if pair.margin is None:
        return ""
    if not pair.difference.by_ratio:
        return "; whether they are alike is asked by ratio only, and a score of 0 has none"
    return f"; they are not shown to be alike within {_margin(pair)}"


def _margin(pair: Pair) -> str:
    return percent_text(pair.margin or math.nan)


def _family(pair: Pair) -> str:
    return f" (Holm over {pair.num_tests} pairs)" if pair.num_tests > 1 else ""


def _wish(pair: Pair) -> str:
    return f"num_seeds={seeds_needed(max(1, pair.num_tests))} or more could."
