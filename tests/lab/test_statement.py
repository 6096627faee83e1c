"""What decides on a statement: an interval at each setting, corrected for how many there are."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seqexp.lab.statement import Check, Measured, Statement, decide, mean, more_solve, ratio, verdict
from seqexp.statistics import ALPHA
from seqexp.statistics.success import mcnemar


@pytest.mark.parametrize(
    ("low", "high", "above", "outcome"),
    [
        (1.1, 1.3, True, "yes"),
        (0.9, 1.3, True, "open"),
        (0.7, 0.9, True, "no"),
        (0.0, 1.0, True, "no"),
        (1.1, 1.3, False, "no"),
        (0.9, 1.3, False, "open"),
        (0.7, 0.9, False, "yes"),
        (math.nan, math.nan, True, "open"),
    ],
)
def test_an_interval_decides(low, high, above, outcome):
    assert Check("here", (low + high) / 2, low, high, 1.0, above).outcome == outcome


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ("yy", "holds"),
        ("yn", "holds at these settings: 0 · does not: 1"),
        ("ynoy", "holds at these settings: 0; 3 · does not: 1 · cannot be told: 2"),
        ("nn", "does not hold"),
        ("no", "does not hold · cannot be told: 1"),
        ("", "was not put to the test"),
        ("oo", "cannot be told with so many seeds"),
    ],
)
def test_a_verdict_follows_from_all_settings(sides, expected):
    ends = {"y": (2.0, 3.0), "n": (0.1, 0.2), "o": (0.5, 2.0)}
    checks = [Check(str(turn), 1.0, *ends[side], 1.0, True) for turn, side in enumerate(sides)]
    assert verdict(Statement("It is so.", "it is", checks)) == expected


def decided(*measured: Measured) -> list[Check]:
    return list(decide("It is so.", "it is", measured).checks)


def test_a_ratio_is_of_each_seed_and_a_seed_without_a_number_leaves_it_open():
    (found,) = decided(ratio("here", np.array([2.0, 4.0, 8.0] * 2), np.ones(6), 1, True))
    assert found.value == pytest.approx(4)
    assert 2 <= found.low < 4 < found.high <= 8
    assert found.outcome == "yes"
    nothing = decided(
        mean("here", np.array([2.0, math.nan, 8.0]), 0, True), ratio("here", np.array([2.0, 0.0]), np.ones(2), 1, True)
    )
    assert [each.outcome for each in nothing] == ["open", "open"]
    (wide,) = decided(ratio("here", np.array([1e38, 1e-300] * 4), np.array([1e-300, 1e38] * 4), 1, True))
    assert wide.low < 1 < wide.high < math.inf


def test_the_settings_of_a_statement_are_corrected_for_how_many_there_are():
    """Of 8 seeds of which all are above the bound p is 1/128: below 5 % alone and among six, not among seven."""
    clear = mean("here", np.linspace(1.1, 1.2, 8), 1, True)
    assert clear.p == 1 / 128
    assert [each.outcome for each in decided(*[clear] * 6)] == ["yes"] * 6
    assert [each.outcome for each in decided(*[clear] * 7)] == ["open"] * 7
    alone, among = decided(clear)[0], decided(*[clear] * 6)[0]
    assert among.low < alone.low < 1.15 < alone.high < among.high


def test_an_interval_and_its_test_never_disagree():
    values = np.random.default_rng(0).normal(0.4, 1, (20, 9))
    for turn, row in enumerate(values):
        found = mean(str(turn), row, 0, True)
        assert (decided(found)[0].outcome == "open") == (found.p >= ALPHA)


@pytest.mark.parametrize(("only", "others"), [(6, 0), (5, 0), (8, 1), (7, 1), (0, 6), (3, 3), (0, 0)])
def test_more_solve_says_what_mcnemars_test_says(only, others):
    first = [True] * only + [False] * others + [True, False]
    second = [False] * only + [True] * others + [True, False]
    (found,) = decided(more_solve("p = 5", first, second, ("LSTM", "RNN")))
    rejects = mcnemar(only, others) < ALPHA
    assert found.outcome == ("open" if not rejects else "yes" if only > others else "no")
    assert found.shown.startswith(f"LSTM {only + 1} of {only + others + 2} (")
