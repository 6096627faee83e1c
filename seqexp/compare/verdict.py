"""Verdicts in plain words."""

from __future__ import annotations

import math

from seqexp.compare.pairs import Pair
from seqexp.compare.text import TIMES, gap_text, list_text, p_text, percent_text, ratio_text
from seqexp.statistics import Difference, seeds_needed


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
        return _survivors(pair, data)
    d = pair.difference
    if d.deviation == 0 and d.gap == 0:
        return f"{pair.first} and {pair.second} scored exactly the same on {data}: {_seeds(pair)}."
    between = f"between {pair.first} and {pair.second} on {data}: {_size(d)}"
    if math.isnan(pair.detectable):
        return f"undecided {between}; {_seeds(pair)} cannot reach p = 0.05{_family(pair)}; {_wish(pair)}"
    start = f"no difference detected {between}, p = {p_text(pair.p_corrected)}{_family(pair)}; "
    could = percent_text(1 - pair.detectable) if d.by_ratio else f"a difference of {pair.detectable:.2g}"
    return f"{start}{_seeds(pair)} could have shown {could}."


def varied_text(varied: list[str]) -> str:
    """What differed between the seeds, and so what the intervals and p-values speak of."""
    same = "" if "data" in varied else "; the data are the same for all"
    return f"Between seeds vary: {list_text(varied)}{same}."


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
        return f"{name} beats every {what} on {data}: none of them is worth its training there."
    undecided = all(pair.paired and math.isnan(pair.detectable) for pair in pairs)
    if pairs and not undecided and all(winner in (name, None) for winner in winners):
        return f"no {what} was shown to beat {name} on {data}."
    return None


def _winner(pair: Pair, winner: str, data: str, score: str) -> str:
    d = pair.difference
    first = winner == pair.first
    loser = pair.second if first else pair.first
    if d.by_ratio:
        ends = (d.ratio, d.low, d.high) if first else (1 / d.ratio, 1 / d.high, 1 / d.low)
        number, space, interval = ratio_text(*ends).partition(" ")
        by = f"test {score} {number}{TIMES}{space}{interval}"
        past = 1 if d.low < 1 < d.high else None
    else:
        ends = (-d.gap, -d.gap_high, -d.gap_low) if first else (d.gap, d.gap_low, d.gap_high)
        by = f"test {score} lower by {gap_text(*ends, d.ratio if first else 1 / d.ratio)}"
        past = 0 if d.gap_low < 0 < d.gap_high else None
    tail = f"{_seeds(pair)}, p = {p_text(pair.p_corrected)}{_family(pair)}"
    if past is not None:
        tail += f"; the interval reaches past {past} because few seeds differ far more than the rest"
    return f"{winner} beats {loser} on {data}: {by}, {tail}."


def _survivors(pair: Pair, data: str) -> str:
    """The lower score belongs to one that diverged where the other did not: said, but not called a win."""
    diverged = " and ".join(
        f"{label} diverged on {count}"
        for label, count in zip((pair.first, pair.second), pair.num_diverged, strict=True)
    )
    own, rivals = pair.num_diverged if pair.lower == pair.first else pair.num_diverged[::-1]
    if own <= rivals:
        diverged += ", not on the same seeds"
    start = f"no winner is named between {pair.first} and {pair.second} on {data}: where both finished, "
    tested = f"{_seeds(pair)}, p = {p_text(pair.p_corrected)}{_family(pair)}"
    return f"{start}{_size(pair.difference)}, {tested}, but {diverged}."


def _size(d: Difference) -> str:
    """How far the two are apart."""
    if d.by_ratio:
        return f"ratio {ratio_text(d.ratio, d.low, d.high)}"
    return f"difference {gap_text(d.gap, d.gap_low, d.gap_high, d.ratio)}"


def _unpaired(pair: Pair, data: str) -> str:
    both = f"{pair.first} and {pair.second}"
    d = pair.difference
    finite = pair.num_shared - pair.num_dropped
    if math.isnan(d.gap):
        return f"{both} cannot be compared on {data}: one of them has no score."
    if finite == 1 and max(pair.num_seeds) == 1:
        return f"{both} have one seed on {data}: {_size(d)}, no interval, no verdict; {_wish(pair)}"
    share = f"share {'only one seed' if finite else 'no seeds'}" + " with a score" * (pair.num_dropped > 0)
    share += " of the same data" * (pair.num_other_data > 0)
    text = f"{both} {share} on {data}, so they are not compared seed by seed: unpaired {_size(d)}"
    if d.low <= 1 <= d.high if d.by_ratio else d.gap_low <= 0 <= d.gap_high:
        return f"{text}, no difference detected."
    wish = "train both on the same data" if pair.num_other_data else "run both with the same seed and num_seeds"
    return f"{text}; a winner is named only on shared seeds: {wish}."


def _seeds(pair: Pair) -> str:
    """How many seeds stand behind the statement, and what became of the others."""
    text = f"{pair.difference.num_pairs} paired seeds"
    if pair.num_shared < max(pair.num_seeds):
        text += f" of {pair.num_seeds[0]} and {pair.num_seeds[1]}"
    if pair.num_dropped:
        text += f" ({pair.num_dropped} dropped: diverged)"
    if pair.num_other_data:
        text += f" ({pair.num_other_data} no pairs: other data)"
    return text


def _family(pair: Pair) -> str:
    return f" (Holm over {pair.num_tests} pairs)" if pair.num_tests > 1 else ""


def _wish(pair: Pair) -> str:
    return f"num_seeds={seeds_needed(max(1, pair.num_tests))} or more could."
