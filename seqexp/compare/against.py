"""What was compared, against the best baseline: in one sentence for each data set."""

from __future__ import annotations

from collections.abc import Sequence

from seqexp.compare.outcome import MOST_NAMES, advantage, advantage_text, range_text, without_winner
from seqexp.compare.pairs import Pair
from seqexp.compare.section import Section
from seqexp.compare.text import list_text


def baseline_sentence(section: Section) -> str | None:
    """Who beats the best baseline and whom it beats; None where nothing was compared with one."""
    text = baseline_clause(section)
    if text is None:
        return None
    start = text[0].upper() if text.startswith(("all ", "both ", "no ", "the ", "undecided ")) else text[0]
    return f"{start}{text[1:]}."  # a name stays as it is spelt


def baseline_clause(section: Section) -> str | None:
    """The same to go on with: without a capital and a full stop."""
    pairs = section.baseline_pairs
    if not pairs:
        return None
    name, label = pairs[0].second, f"test {section.data_set.metric.label}"
    better = [pair for pair in pairs if pair.winner == pair.first]
    worse = [pair for pair in pairs if pair.winner == name]
    parts = []
    if better:
        verb = "beats" if len(better) == 1 else "beat"
        parts.append(f"{_rows(better, pairs)} {verb} {name} ({_sizes(better)})")
    if worse:
        parts.append(f"{name} beats {_rows(worse, pairs)}{_margin(worse, label)}")
    return "; ".join([*parts, *without_winner([pair for pair in pairs if pair.winner is None])])


def _rows(some: Sequence[Pair], pairs: Sequence[Pair]) -> str:
    """The rows of some of the pairs, by name, or how many of all they are."""
    if len(some) == len(pairs) > 1:
        return "both" if len(pairs) == 2 else f"all {len(pairs)}"
    if len(some) > MOST_NAMES:
        return f"{len(some)} of {len(pairs)}"
    return list_text([pair.first for pair in some])


def _sizes(pairs: Sequence[Pair]) -> str:
    """How far each winner is below its loser, in the rows' order; of many the least and the largest."""
    if len(pairs) <= MOST_NAMES:
        return ", ".join(map(advantage_text, pairs))
    return range_text(pairs)


def _margin(pairs: Sequence[Pair], label: str) -> str:
    """How far the baseline is below the rows that it beats."""
    if len(pairs) > MOST_NAMES:
        return f" ({_sizes(pairs)})"
    sizes = [
        f"{advantage(pair)} {'times' if pair.difference.by_ratio else 'below'} that of {pair.first}" for pair in pairs
    ]
    return f": its {label} is {list_text(sizes)}"
