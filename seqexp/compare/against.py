"""What was compared, against the best baseline, or against several: in one sentence for each data set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from seqexp.compare.outcome import MOST_NAMES, advantage_text, lost_text, margins_text, range_text, without_winner
from seqexp.compare.pairs import Pair
from seqexp.compare.section import Section
from seqexp.compare.text import list_text


def baseline_sentence(section: Section) -> str | None:
    """Who beats the baselines to beat, and whom they beat; None where nothing was compared with one."""
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
    if len({pair.second for pair in pairs}) > 1:
        return _several(pairs)
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


def _several(pairs: Sequence[Pair]) -> str:
    """Rows that meet several baselines each: those that all alike beat, are beaten by, or neither."""
    of_row: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        of_row[pair.first].append(pair)
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for row, met in of_row.items():
        lost = tuple(pair.second for pair in met if pair.winner == pair.second)
        left = tuple(pair.second for pair in met if pair.winner is None)
        alike["is beaten by" if lost else "was not shown to beat" if left else "beats", lost or left].append(row)
    parts = []
    for (verb, names), rows in alike.items():
        many = verb.replace("is ", "are ").replace("was ", "were ").replace("beats", "beat") if len(rows) > 1 else verb
        who = list_text(rows) if len(rows) <= MOST_NAMES else f"{len(rows)} of {len(of_row)}"
        total = len({pair.second for pair in pairs})
        whom = _names(names) if names else f"{'both' if total == 2 else f'all {total}'} baselines"
        parts.append(f"{who} {many} {whom}")
    return "; ".join(parts)


def _names(names: Sequence[str]) -> str:
    """`the linear and ar baselines`, of their labels `the linear baseline` and `the ar baseline`."""
    if len(names) == 1:
        return names[0]
    short = [name.removeprefix("the ").removesuffix(" baseline") for name in names]
    return f"the {list_text(short)} baselines" if len(names) <= MOST_NAMES else f"{len(names)} baselines"


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
    if len(pairs) > MOST_NAMES or any(map(lost_text, pairs)):
        return f" ({_sizes(pairs)})"
    return f": its {label} is {margins_text(pairs)}"
