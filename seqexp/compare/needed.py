"""Whether a network was needed: what each row shows against every guess, from the cheapest on, in a few words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from seqexp.compare.data_sets import DataSet
from seqexp.compare.meetings import Entry, reaches_zero
from seqexp.compare.outcome import enough_text, outcome
from seqexp.compare.pairs import Pair, decide_in_order, measure
from seqexp.compare.rival import FLOOR
from seqexp.compare.text import TIMES, number_text, percent_text

CHEAPEST_FIRST = ("constant", "persistence", "seasonal", "ar", "linear", "logistic", "fir", "polynomial")
"""What is copied, then what is fitted, by how much of it. Other guesses come behind, in the order of their table."""


def by_cost(names: Iterable[str]) -> list[str]:
    """Guesses, the cheapest first."""
    places = {name: place for place, name in enumerate(CHEAPEST_FIRST)}
    return sorted(names, key=lambda name: places.get(name, len(places)))


def guess_pairs(
    row: Entry,
    data_set: DataSet,
    known: Mapping[str, Pair],
    rounding: float,
    num_rows: int,
    margin: float | None,
) -> dict[str, Pair]:
    """Tests a row against the guesses of its data.

    Args:
        row: what is compared.
        data_set: whose guesses, but for `noise`, which is none.
        known: guess -> its pair with the row, where that is tested already.
        rounding: the score up to which it is 0.
        num_rows: rows that are tested like that, among which the error is shared out.
        margin: the share within which two scores count as alike; None where nobody asks.

    Returns:
        Guess -> pair, the cheapest first; those behind the first that is not beaten are missing, unless known.
    """
    names = by_cost(name for name, scores in data_set.baselines.items() if name != FLOOR)
    others = [name for name in names if name not in known]
    entries = [Entry(each, scores := data_set.baselines[each], not reaches_zero(scores, rounding)) for each in others]
    chain = [measure(row, entry, rounding, data_set.compares_data) for entry in entries]
    decided = decide_in_order(chain, rounding, num_rows, margin)
    found = {**dict(zip(others, decided, strict=False)), **known}
    return {name: found[name] for name in names if name in found}


def needed_text(pairs: Mapping[str, Pair]) -> str:
    """What the guesses of `guess_pairs` say of a row, such as `not shown to be better than ar`."""
    if all(pair.num_diverged[0] == pair.num_seeds[0] for pair in pairs.values()):
        return "all seeds diverged"
    for name, pair in pairs.items():
        if pair.winner == pair.second and not pair.alike:
            return f"beaten {_times(pair)}by {name}"
    for name, pair in pairs.items():
        if pair.winner != pair.first or pair.alike:
            return _tie(name, pair)
    return f"beats all {len(pairs)} guesses" if len(pairs) > 1 else f"beats {next(iter(pairs))}"


def unbeaten(pairs: Mapping[str, Pair]) -> str | None:
    """The cheapest guess that a row was not shown to beat, by however little."""
    return next((name for name, pair in pairs.items() if pair.winner != pair.first), None)


def _tie(name: str, pair: Pair) -> str:
    kind = outcome(pair)
    if pair.alike:
        return f"tied by {name} within {percent_text(pair.margin or math.nan)}"
    if kind == "same":
        return f"same scores as {name}"
    if kind == "short" or max(pair.num_seeds) == 1:
        return f"too few seeds to tell from {name}, {enough_text([pair])}"
    return f"not shown to be better than {name}"


def _times(pair: Pair) -> str:
    """`3.1× `, by how much the row's score is typically the larger one; nothing where no such number was seen."""
    d = pair.difference
    if not d.by_ratio or any(d.num_lost):
        return ""
    text = number_text(d.ratio, (d.high - d.low) / 2 if math.isfinite(d.high) and d.low > 0 else math.nan)
    return f"{text}{TIMES} " if float(text) > 1 else ""
