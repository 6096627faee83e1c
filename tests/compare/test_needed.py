"""Whether a network was needed: the cheapest guess that it does not beat, in tables and in a run's line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqexp.compare.data_sets import group
from seqexp.compare.export import as_dict
from seqexp.compare.needed import by_cost
from seqexp.compare.report import markdown
from seqexp.compare.section import Section, build
from seqexp.compare.sheets import table_rows
from seqexp.compare.table import NEEDED, tables
from seqexp.compare.tex import document
from seqexp.record.record import Record
from seqexp.run.report import report
from tests.compare.test_pairs import run

NOISE = np.exp(np.random.default_rng(3).normal(0, 0.1, (8, 40)))


def guessed(count: int = 8, **levels: float) -> dict[str, Any]:
    """Guesses at some levels on which chance plays, each in its own way; a level of 0 is left out of validation."""
    return {name: level * NOISE[1 + index, :count] for index, (name, level) in enumerate(levels.items())}


def found(guesses: dict[str, Any], level: float = 0.1, count: int = 8, margin: float | None = None) -> Section:
    lstm = run("lstm", range(count), level * NOISE[0, :count], baselines=guesses, validation_baselines=guesses)
    return build(group([lstm]), margin)[0]


def test_a_copy_is_cheaper_than_a_fit_and_what_a_task_adds_comes_last() -> None:
    names = ["blind", "polynomial", "linear", "persistence", "constant", "order_2", "ar"]
    assert by_cost(names) == ["constant", "persistence", "ar", "linear", "polynomial", "blind", "order_2"]


@pytest.mark.parametrize(
    ("levels", "text"),
    [
        ({"constant": 1, "ar": 0.2, "noise": 0.01}, "beats all 2 guesses"),  # the noise is no guess
        ({"constant": 1, "noise": 0.01}, "beats constant"),
        ({"polynomial": 0.1, "ar": 0.1, "constant": 1}, "not shown to be better than ar"),  # the cheaper one of two
        ({"constant": 1, "linear": 0.1, "polynomial": 0.02}, "beaten 4.68× by polynomial"),  # worse than a tie
        ({"persistence": 0.03, "polynomial": 0.02}, "beaten 3.12× by persistence"),  # the cheaper one of two
    ],
)
def test_a_row_ends_with_the_cheapest_guess_that_it_does_not_beat(levels: dict[str, float], text: str) -> None:
    assert found(guessed(**levels)).needed == {"lstm": text}


def test_alike_within_the_margin_is_a_tie_even_where_the_row_is_lower() -> None:
    tied = {"constant": NOISE[1, :8], "ar": 0.1005 * NOISE[0, :8]}
    assert found(tied).needed == {"lstm": "beats all 2 guesses"}
    assert found(tied, margin=0.02).needed == {"lstm": "tied by ar within 2 %"}
    assert found({"ar": 0.1 * NOISE[0, :8]}).needed == {"lstm": "same scores as ar"}


def test_few_seeds_say_that_they_are_few() -> None:
    guesses = {"constant": 1.0, "ar": 0.2}
    few = {"lstm": "too few seeds to tell from constant, num_seeds=6 or more could"}
    assert found(guessed(5, **guesses), count=5).needed == few
    assert found(guessed(1, **guesses), count=1).needed == few
    lost = run("lstm", range(8), np.full(8, np.nan), baselines=guessed(**guesses))
    assert build(group([lost]))[0].needed == {"lstm": "all seeds diverged"}


def test_many_guesses_ask_for_no_more_seeds_than_one() -> None:
    levels = dict.fromkeys(("constant", "persistence", "seasonal", "ar", "linear", "logistic"), 1.0)
    six = found(guessed(6, **levels), count=6)
    assert six.needed == {"lstm": "beats all 6 guesses"}
    assert {pair.num_tests for pair in six.guess_pairs["lstm"].values()} == {1}
    cells = [
        run(cell, range(6), at * NOISE[7 - index, :6], baselines=guessed(6, **levels))
        for index, (cell, at) in enumerate({"gru": 0.1, "lstm": 0.2}.items())
    ]
    (said,) = set(build(group(cells))[0].needed.values())  # two rows share 0.05 with each other's pairs
    assert said == "too few seeds to tell from constant, num_seeds=10 or more could"


def test_every_table_has_it_as_its_last_column() -> None:
    section = found(guessed(constant=1, ar=0.1))
    table = tables(section)[0]
    assert table.columns[-1] == NEEDED
    assert [line.texts[-1] for line in table.lines] == ["not shown to be better than ar", *["\N{EN DASH}"] * 2]
    assert "| not shown to be better than ar |" in markdown([section], [], [])
    assert "& not shown to be better than ar \\\\" in document([section])
    assert next(table_rows([section]))["against_guesses"] == "not shown to be better than ar"
    (data,) = as_dict([section], [], [])["data"]
    assert data["rows"][0]["against_guesses"] == "not shown to be better than ar"
    assert [pair["second"] for pair in data["guess_pairs"]] == ["constant", "the ar baseline"]
    assert NEEDED not in tables(found({}))[0].columns


def test_the_line_of_a_run_ends_with_it() -> None:
    guesses = {name: values.tolist() for name, values in guessed(constant=1, ar=0.1).items()}
    values: dict[str, Any] = {
        **{"status": "done", "data": "sine", "cell": "lstm", "seeds": list(range(8)), "train_seconds": 4.0},
        "scores": {part: {"mse": (0.1 * NOISE[0, :8]).tolist()} for part in ("train", "val", "test")},
        **{"baselines": guesses, "validation_baselines": guesses, "config": {"compare": {"margin": "30%"}}},
    }
    assert report(Record(**values), Path("x")).endswith(" · 4.0 s · tied by ar within 30 % → x")
    assert report(Record(**values | {"config": {}})).endswith(" · 4.0 s · not shown to be better than ar")
    assert report(Record(**values | {"varies": {}})).endswith(" · 4.0 s")  # copies of one seed show nothing
    assert report(Record(**values | {"baselines": {}})).endswith(" · 4.0 s")
    assert report(Record(**values | {"left_out": {"ar": "two\nlines"}})).endswith(" · 4.0 s")  # nobody compares that
