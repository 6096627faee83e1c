"""The sentence that comes first: what it claims is what the pairs have decided, and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqexp.compare.answer import answer
from seqexp.compare.outcome import loser
from seqexp.compare.section import Section
from tests.compare.test_pairs import run, section

NOISE = np.exp(np.random.default_rng(7).normal(0, 0.03, (12, 20)))
CELLS = [f"c{index}" for index in range(12)]


def of_levels(levels: dict[str, Any], count: int = 20, **changes: Any) -> Section:
    """Rows whose scores lie about a level each, or are given one by one."""
    rows = [np.broadcast_to(level, count) * NOISE[index, :count] for index, level in enumerate(levels.values())]
    return section(*(run(cell, range(count), row, **changes) for cell, row in zip(levels, rows, strict=True)))


def test_two_cells() -> None:
    found = answer(of_levels({"lstm": 0.1, "rnn": 0.36}))
    number = float(re.fullmatch(
        r"On sine, lstm predicts better than rnn: its test MSE is typically (.*) times as large "
        r"\(20 seeds, too few to show rare failures\)\.", found
    )[1])  # type: ignore[index]  # fmt: skip
    assert number == pytest.approx(0.1 / 0.36, abs=0.01)
    assert answer(of_levels({"lstm": 0.36, "rnn": 0.1})).startswith("On sine, rnn predicts better than lstm: its test")
    close = answer(of_levels({"lstm": 0.1, "rnn": 0.1}))
    assert re.fullmatch(
        r"On sine, no difference between lstm and rnn was detected \(20 seeds could have shown [\d.]+ %\)\.", close
    )
    few = answer(of_levels({"lstm": 0.1, "rnn": 0.36}, count=4))
    assert few == "On sine, undecided between lstm and rnn: 4 seeds cannot decide, num_seeds=6 or more could."


def test_scores_of_0_have_no_ratio() -> None:
    found = answer(of_levels({"lstm": np.arange(20) % 2 * 0.1, "rnn": 1.0}))
    assert re.fullmatch(
        r"On sine, lstm predicts better than rnn: its test MSE is lower by 0\.9\d \(20 seeds, .*\)\.", found
    )


def test_an_advantage_never_reads_as_none() -> None:
    levels = {"lstm": 0.1, "rnn": 0.1}
    found = of_levels(levels)
    (pair,) = found.pairs
    for ratio, high, shown in ((0.9996, 5.0, "0.9996"), (1 / 0.9996, 5.0, "0.9996"), (1.5e-3, 0.9, "0.0015")):
        counts = {"first_lower": 20 * (ratio < 1), "second_lower": 20 * (ratio > 1)}
        wide = replace(pair.difference, ratio=ratio, low=ratio / 5, high=high, **counts)
        winner = "lstm" if ratio < 1 else "rnn"
        text = answer(replace(found, pairs=[replace(pair, difference=wide, winner=winner, lower=winner)]))
        assert f"{winner} predicts better" in text
        assert f"typically {shown} times" in text


def test_three_cells_are_one_sentence() -> None:
    found = answer(of_levels({"gru": 0.1, "lstm": 0.2, "rnn": 0.4}))
    assert re.fullmatch(
        r"On sine, gru beats lstm \(test MSE 0\.\d+×\) and rnn \(0\.\d+×\); "
        r"lstm beats rnn \(0\.\d+×\), 20 seeds, too few .*\.",
        found,
    )
    found = answer(of_levels({"gru": 0.1, "lstm": 0.1, "rnn": 0.4}))
    assert found.startswith("On sine, gru and lstm beat rnn (test MSE 0.")
    assert "; no difference between gru and lstm was detected (20 seeds could have shown" in found
    found = answer(of_levels({"gru": 0.1, "lstm": 0.1, "rnn": 0.1}))
    assert found.startswith("On sine, no difference between gru, lstm and rnn was detected (20 seeds could have shown")


def test_one_cell_and_too_many() -> None:
    assert re.fullmatch(
        r"On sine, only lstm has a result: test MSE 0\.\d+ ± 0\.\d+ \(20 seeds\); lstm beats the linear baseline "
        r"\(0\.\d+×\)\.",
        answer(of_levels({"lstm": 0.1}, baselines={"linear": 0.5 * NOISE[5]})),
    )
    many = [run("lstm", range(4), NOISE[0, :4], val=None, settings={"optimizer.lr": lr}) for lr in range(13)]
    assert answer(section(*many)) == "On sine, nothing is compared: 13 settings are too many to meet each other."


def test_of_many_settings_only_pairs_with_the_same_are_counted() -> None:
    rows = [
        run(cell, range(20), level * NOISE[index], val=None, settings={"cell": cell, "optimizer.lr": lr})
        for lr in range(7)
        for index, (cell, level) in enumerate((("lstm", 0.1), ("rnn", 0.1 if lr == 3 else 0.4)))
    ]
    assert answer(section(*rows)) == "On sine, 7 pairs with the same settings met (20 seeds): lstm won 6."


@settings(max_examples=60, deadline=None)
@given(st.integers(4, 12), st.data())
def test_of_many_rows_it_claims_what_the_winners_say(count: int, data: st.DataObject) -> None:
    found = MANY[count]
    wins = data.draw(st.lists(st.sampled_from([None, 0, 1]), min_size=len(found.pairs), max_size=len(found.pairs)))
    names = [label for label, _ in found.shown]
    if data.draw(st.booleans()):  # a clear winner
        wins = [0 if pair[0] == 0 else win for pair, win in zip(combinations(range(count), 2), wins, strict=True)]
    pairs = [
        replace(pair, winner=None if win is None else (pair.first, pair.second)[win], lower=None)
        for pair, win in zip(found.pairs, wins, strict=True)
    ]
    text = answer(replace(found, pairs=pairs))
    won = [(pair.winner, loser(pair)) for pair in pairs if pair.winner is not None]
    beaten = {name for _, name in won}
    unbeaten = [name for name in names if name not in beaten]
    kings = [name for name in names if all((name, other) in won for other in names if other != name)]
    assert text.count(". ") == 0
    if not won:
        assert f"none of the {len(pairs)} pairs of {count} cells has a winner" in text
        return
    assert f"{len(won)} of all {len(pairs)} pairs have a winner (20 seeds" in text
    assert (f"beats all {count - 1} other cells" in text) == bool(kings)
    for name in kings:
        assert text.startswith(f"On sine, {name} beats all")
    assert (f"every one of {count} cells is beaten" in text) == (not unbeaten)
    if len(unbeaten) > 1:
        assert "none of them is shown to be the best" in text
        assert ("each of the other" in text) == (len(beaten) > 1)
        listed = re.findall(r"\bc\d+\b", text.partition(" are beaten by none")[0])
        assert listed == (unbeaten if len(unbeaten) <= 4 else [])


MANY = {count: of_levels(dict.fromkeys(CELLS[:count], 0.1)) for count in range(4, 13)}


def test_of_many_rows_without_a_winner_it_says_why() -> None:
    text = answer(of_levels(dict.fromkeys(CELLS[:5], 0.1)))
    assert text == (
        "On sine, none of the 10 pairs of 5 cells has a winner: in all of them no difference was detected (20 seeds)."
    )
    few = answer(of_levels(dict.fromkeys(CELLS[:5], 0.1), count=3))
    assert few.endswith("in all of them the seeds are too few to decide (3 seeds).")


def test_who_is_usually_lower_but_no_winner_says_why() -> None:
    fails = np.array([1.0] * 19 + [50.0])
    found = answer(of_levels({"lstm": fails, "rnn": 2.0}))
    assert found == "On sine, lstm usually scores lower than rnn, but is worse on average (it fails on 1 of 20 seeds)."
    lost = np.array([0.1] * 19 + [np.nan])
    found = answer(of_levels({"lstm": lost, "rnn": 0.36}))
    assert found == "On sine, lstm usually scores lower than rnn, but diverges more often (1 of 20 seeds)."


def test_alike_is_said(sections_of: Any) -> None:
    scores = {"lstm": NOISE[0], "rnn": NOISE[0] * np.exp(0.002 * (-1.0) ** np.arange(20))}
    (found,) = sections_of([run(cell, range(20), row) for cell, row in scores.items()], 0.02)
    assert answer(found) == "On sine, lstm and rnn are alike within 2 % (20 seeds)."


def test_many_seeds_would_show_rare_failures_and_a_largest_loss_is_said() -> None:
    count = 40
    losses = np.where(np.arange(count) == 3, 2.5, 0.5)
    for level, said in ((0.5, "(40 seeds)."), (losses, "(40 seeds, though a winner's largest difference is a loss).")):
        found = section(run("lstm", range(count), np.full(count, level)), run("rnn", range(count), np.ones(count)))
        assert answer(found).endswith(said)
