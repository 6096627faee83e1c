"""The question that was asked, answered first: one sentence for each data set. Who wins, the pairs have decided."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from seqexp.compare.against import baseline_clause
from seqexp.compare.keys import CELL
from seqexp.compare.outcome import (
    MOST_NAMES,
    OPEN,
    Outcome,
    advantage,
    advantage_text,
    failures_text,
    is_usual,
    loser,
    lost_text,
    outcome,
    range_text,
    seeds_text,
    without_winner,
)
from seqexp.compare.pairs import Pair
from seqexp.compare.section import Section
from seqexp.compare.text import list_text, score_text
from seqexp.compare.worth import worth_clause
from seqexp.statistics import mean_interval

MOST_SPELLED = 3
"""So many rows have each of their pairs in the sentence; of more of them it says who is beaten, and by whom."""


def answer(section: Section) -> str:
    """What one data set says to the question, in a sentence that a beginner understands."""
    worth = worth_clause(section)
    if worth is None:
        return f"On {section.data_set.name}, {_answer(section)}."
    between = f"; of the networks themselves, {_answer(section)}" if section.pairs else ""
    return f"On {section.data_set.name}, {worth}{between}."


def says_baselines(section: Section) -> bool:
    """Whether the answer has all that there is to say of the best baseline."""
    return len(section.shown) == 1 or worth_clause(section) is not None


def row_word(section: Section) -> str:
    """What a row is called: a cell, or a setting where it is not only cells that are compared."""
    return "cell" if section.data_set.compared == [CELL] and section.picked else "setting"


def _answer(section: Section) -> str:
    names = [label for label, _ in section.shown]
    pairs, label = section.pairs, f"test {section.data_set.metric.label}"
    if section.data_set.is_part:
        return "nothing is compared, as other sources of randomness are fixed"
    if section.data_set.copies:
        return "nothing is compared, as all seeds are copies of one"
    if len(names) == 1:
        return _of_one(section, label)
    if not pairs:
        return f"nothing is compared: {len(names)} {row_word(section)}s are too many to meet each other"
    if len(pairs) < len(names) * (len(names) - 1) // 2:
        return _of_alike(section)
    if len(pairs) == 1:
        return _of_two(pairs[0], label)
    return _of_few(pairs, label) if len(names) <= MOST_SPELLED else _of_many(names, pairs, label, row_word(section))


def _of_one(section: Section, label: str) -> str:
    """Nothing was compared with it but the best baseline."""
    name, row = section.shown[0]
    score = score_text(mean_interval(row.test.values), section.rounding)
    count = len(row.test.seeds) - row.test.num_diverged
    seeds = f"{count} seed{'s' * (count != 1)}"
    against = baseline_clause(section)
    return f"only {name} has a result: {label} {score} ({seeds})" + (f"; {against}" if against else "")


def _of_two(pair: Pair, label: str) -> str:
    if pair.winner is None:
        return "".join(without_winner([pair]))
    seeds = f"{seeds_text([pair])}{failures_text([pair])}"
    if lost := lost_text(pair):
        return f"{pair.winner} predicts better than {loser(pair)}, {lost} ({seeds})"
    how = "typically" if is_usual(pair) else "in the geometric mean"
    ratio = f"{how} {advantage(pair)} times as large" if pair.difference.by_ratio else advantage_text(pair)
    return f"{pair.winner} predicts better than {loser(pair)}: its {label} is {ratio} ({seeds})"


def _of_few(pairs: Sequence[Pair], label: str) -> str:
    """Each pair: `gru beats lstm (test MSE 0.13×) and rnn (0.04×)`, then those without a winner."""
    won: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        if pair.winner is not None:
            won[pair.winner].append(pair)
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)  # losers -> who beats just those
    for winner, of_winner in won.items():
        alike[tuple(loser(pair) for pair in of_winner)].append(winner)
    parts: list[str] = []
    for losers, winners in sorted(alike.items(), key=lambda item: -len(item[0])):
        sizes = [", ".join(advantage_text(won[winner][index]) for winner in winners) for index in range(len(losers))]
        sizes[0] = sizes[0] if parts or sizes[0].startswith("which") else f"{label} {sizes[0]}"
        whom = list_text([f"{name} ({size})" for name, size in zip(losers, sizes, strict=True)])
        parts.append(f"{list_text(winners)} {'beats' if len(winners) == 1 else 'beat'} {whom}")
    decided = [pair for of_winner in won.values() for pair in of_winner]
    sure = [f"{'; '.join(parts)}, {seeds_text(decided)}{failures_text(decided)}"] if parts else []
    return "; ".join([*sure, *without_winner(pairs)])


def _of_many(names: Sequence[str], pairs: Sequence[Pair], label: str, word: str) -> str:
    """Who is beaten and who is not; of every other pair it says only whether it has a winner."""
    won = [pair for pair in pairs if pair.winner is not None]
    if not won:
        return _counted(pairs, f"{len(names)} {word}s")
    unbeaten = [name for name in names if name not in {loser(pair) for pair in won}]
    decided = f"{len(won)} of all {len(pairs)} pairs have a winner ({seeds_text(pairs)}{failures_text(won)})"
    of_first = [pair for pair in won if pair.winner == unbeaten[0]] if unbeaten else []
    if len(of_first) == len(names) - 1:
        how = range_text(of_first)
        how = how if how.startswith("which") else f"{label} {how}"
        return f"{unbeaten[0]} beats all {len(of_first)} other {word}s ({how}); {decided}"
    rest = len(names) - len(unbeaten)
    if not unbeaten:
        return f"every one of {len(names)} {word}s is beaten by another; {decided}"
    least = list_text(list(unbeaten)) if len(unbeaten) <= MOST_NAMES else f"{len(unbeaten)} of {len(names)} {word}s"
    beaten = f"{'each of ' * (rest > 1)}the other {rest if rest > 1 else word} is beaten by at least one"
    if len(unbeaten) == 1:
        return f"only {least} is beaten by no other {word}, but it does not beat all of them; {decided}"
    return f"{least} are beaten by none, so none of them is shown to be the best; {beaten}; {decided}"


def _of_alike(section: Section) -> str:
    """Only rows with the same settings met: how often each name has won."""
    names = {row.label: row.name for row in section.data_set.rows}
    wins = Counter(names.get(pair.winner, pair.winner) for pair in section.pairs if pair.winner is not None)
    total = len(section.pairs)
    start = f"{total} pair{'s' * (total > 1)} with the same settings met ({seeds_text(section.pairs)})"
    if not wins:
        return f"{start}: none has a winner"
    return f"{start}: " + ", ".join(f"{name} won {count}" for name, count in wins.most_common(MOST_NAMES))


def _counted(pairs: Sequence[Pair], what: str) -> str:
    """How many pairs are of each kind, where none has a winner."""
    words: dict[Outcome, str] = {
        "reserved": "one usually scored lower, but not on average",
        "same": "the scores are the same",
        "alike": "the two are alike",
        "undetected": "no difference was detected",
        "short": "the seeds are too few to decide",
        "unpaired": "the two do not share two seeds of the same data that one of them has finished",
    }
    if all(pair.num_diverged == pair.num_seeds for pair in pairs):
        words["unpaired"] = "all seeds of both diverged"
    counts = Counter(outcome(pair) for pair in pairs)
    each = [f"in {counts[kind]} {words[kind]}" for kind in OPEN if counts[kind]]
    if len(each) == 1:
        (kind,) = counts
        each = [f"in all of them {words[kind]}"]
    return f"none of the {len(pairs)} pairs of {what} has a winner: {', '.join(each)} ({seeds_text(pairs)})"
