"""Verdicts in plain words, and numbers as they are printed."""

from __future__ import annotations

import math

from seqexp.compare.pairs import Pair
from seqexp.statistics import CONFIDENCE, Interval, seeds_needed

DASH = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"
_SURE = f"{CONFIDENCE:.0%}".replace("%", " %")


def sentence(pair: Pair, data: str) -> str:
    """What one pair showed, in one sentence."""
    if not pair.paired:
        return _unpaired(pair, data)
    if pair.winner is not None:
        return _winner(pair, pair.winner, data)
    if pair.lower is not None:
        return _survivors(pair, pair.lower, data)
    d = pair.difference
    if d.deviation == 0 and d.ratio == 1:
        return f"{pair.first} and {pair.second} scored exactly the same on {data}: {_seeds(pair)}."
    score = _signs(pair, pair.first) if d.by_sign else f"ratio {ratio_text(d.ratio, d.low, d.high)}"
    between = f"between {pair.first} and {pair.second} on {data}: {score}"
    if math.isnan(pair.detectable) and not d.by_sign:
        return f"undecided {between}; {_seeds(pair)} cannot reach p = 0.05{_family(pair)}; {_wish(pair)}"
    start = f"no difference detected {between}"
    start += f", p = {p_text(pair.p_corrected)}{_family(pair)}; "
    could = "" if d.by_sign else f" could have shown {percent_text(1 - pair.detectable)}"
    return f"{start}{_seeds(pair)}{could}."


def baseline_summary(name: str, pairs: list[Pair], data: str) -> str | None:
    """Whether anything beats the best baseline; None where the sentences of the pairs say it all.

    Args:
        name: the baseline, as `pairs` call it.
        pairs: every cell (first) against the baseline (second).
        data: the data set's name.
    """
    winners = [pair.winner for pair in pairs]
    if pairs and all(winner == name for winner in winners):
        return f"{name} beats every cell on {data}: none of them is worth its training there."
    undecided = all(pair.paired and math.isnan(pair.detectable) for pair in pairs)
    if pairs and not undecided and all(winner in (name, None) for winner in winners):
        return f"no cell was shown to beat {name} on {data}."
    return None


def ratio_text(ratio: float, low: float, high: float) -> str:
    """`0.34 (0.28-0.41)`, with as many decimals as the interval's width deserves."""
    if math.isnan(low):
        return number_text(ratio, math.nan)
    numbers = [number_text(value, (high - low) / 2) for value in (ratio, low, high)]
    return f"{numbers[0]} ({_SURE} interval {numbers[1]}{DASH}{numbers[2]})"


def mse_text(interval: Interval) -> str:
    """`0.0122 ± 0.0008`; the mean alone where there is no interval."""
    if math.isnan(interval.mean):
        return DASH
    if math.isnan(interval.low):
        return f"{interval.mean:.3g}"
    half = interval.half_width
    if interval.mean == half == 0:
        return "0"
    if not 1e-4 <= abs(interval.mean) < 1e6 or half > 1e6:
        return f"{interval.mean:.2e} ± {half:.0e}"
    return f"{number_text(interval.mean, half)} ± {number_text(half, half)}"


def number_text(value: float, uncertainty: float) -> str:
    """A number with decimals down to the first digit of its uncertainty (two where that digit is 1)."""
    if math.isnan(value):
        return DASH
    if not uncertainty > 0 or not 1e-4 < abs(value) < 1e6:
        return f"{value:.3g}"
    digits = 1 if f"{uncertainty:e}"[0] != "1" else 2
    decimals = digits - 1 - math.floor(math.log10(uncertainty))
    return f"{value:.{min(max(decimals, 0 if value >= 100 else 2), 7)}f}"


def p_text(p: float) -> str:
    """A p-value with two digits, or one where it is small."""
    return f"{p:.2f}" if p >= 0.1 else f"{p:.2g}"


def percent_text(share: float) -> str:
    """`3 %` of a share of 0.03."""
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.4g} %"


def _winner(pair: Pair, winner: str, data: str) -> str:
    d = pair.difference
    loser = pair.second if winner == pair.first else pair.first
    if d.by_sign:
        by = _signs(pair, winner)
    elif winner == pair.first:
        by = _times(d.ratio, d.low, d.high)
    else:
        by = _times(1 / d.ratio, 1 / d.high, 1 / d.low)
    tail = f"{_seeds(pair)}, p = {p_text(pair.p_corrected)}{_family(pair)}"
    if d.low < 1 < d.high:
        tail += "; the interval reaches past 1 because few seeds differ far more than the rest"
    return f"{winner} beats {loser} on {data}: {by}, {tail}."


def _survivors(pair: Pair, lower: str, data: str) -> str:
    """The lower score belongs to one that diverged where the other did not: said, but not called a win."""
    d = pair.difference
    score = _signs(pair, lower) if d.by_sign else f"ratio {ratio_text(d.ratio, d.low, d.high)}"
    diverged = " and ".join(
        f"{label} diverged on {count}"
        for label, count in zip((pair.first, pair.second), pair.num_diverged, strict=True)
    )
    own, rivals = pair.num_diverged if lower == pair.first else pair.num_diverged[::-1]
    if own <= rivals:
        diverged += ", not on the same seeds"
    start = f"no winner is named between {pair.first} and {pair.second} on {data}: where both finished, {score}, "
    return f"{start}{_seeds(pair)}, p = {p_text(pair.p_corrected)}{_family(pair)}, but {diverged}."


def _times(ratio: float, low: float, high: float) -> str:
    number, space, interval = ratio_text(ratio, low, high).partition(" ")
    return f"test MSE {number}{TIMES}{space}{interval}"


def _signs(pair: Pair, label: str) -> str:
    """How often one of the two was lower, where a score of 0 leaves no ratio."""
    d = pair.difference
    lower = d.first_lower if label == pair.first else d.second_lower
    return f"{label} is lower for {lower} of {d.num_pairs} seeds (an MSE of exactly 0 leaves no ratio)"


def _unpaired(pair: Pair, data: str) -> str:
    both = f"{pair.first} and {pair.second}"
    d = pair.difference
    finite = pair.num_shared - pair.num_dropped
    if math.isnan(d.ratio) and not d.by_sign:
        return f"{both} cannot be compared on {data}: one of them has no score, or one of exactly 0."
    if finite == 1 and max(pair.num_seeds) == 1:
        text = f"{both} have one seed on {data}: ratio {number_text(d.ratio, math.nan)}, no interval, no verdict"
        return f"{text}; {_wish(pair)}"
    share = f"share {'only one seed' if finite else 'no seeds'}" + " with a score" * (pair.num_dropped > 0)
    share += " of the same data" * (pair.num_other_data > 0)
    text = f"{both} {share} on {data}, so they are not compared seed by seed: unpaired ratio "
    text += ratio_text(d.ratio, d.low, d.high)
    if d.low <= 1 <= d.high:
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
