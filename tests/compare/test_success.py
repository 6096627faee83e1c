"""What is solved: counted, tested, put into words, and shown where other results are."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from seqexp.compare import CompareError
from seqexp.compare.comparison import Comparison
from seqexp.compare.data_sets import group
from seqexp.compare.runs import Metric, Run
from seqexp.compare.section import build
from seqexp.compare.success import Success, with_success

NEVER = math.inf
NOISE = np.exp(np.random.default_rng(5).normal(0, 0.1, 40))


def run(cell: str, solved: list[float] | None, first: int = 0, **changes: Any) -> Run:
    """A run of consecutive seeds; `solved` has a step for each of them, `first` is the first of them."""
    count = changes.pop("count", 10) if solved is None else len(solved)
    seeds = list(range(first, first + count))
    scores = NOISE[:count]
    fields: dict[str, Any] = {
        "folder": Path(cell),
        "name": cell,
        "data": "adding",
        "cell": cell,
        "settings": {"cell": cell, **changes.pop("settings", {})},
        "seeds": seeds,
        "data_hash": [[f"train {seed}", f"test {seed}"] for seed in seeds],
        "metric": Metric("mse", "MSE", "squared units of the data"),
        **dict.fromkeys(("train", "val", "test"), scores),
        "baselines": {},
        "diverged": frozenset(),
        "num_parameters": 1,
        "epochs": 10,
        "steps": 5000,
        "train_seconds": 1.0,
        "solved": None if solved is None else np.array(solved, dtype=float),
    }
    return Run(**fields | changes)


def compared(*runs: Run) -> Comparison:
    return Comparison(with_success(build(group(runs))), [], [])


def success(*runs: Run) -> Success:
    (section,) = compared(*runs).sections
    assert section.success is not None
    return section.success


def steps(count: int, of: int = 10, step: float = 100) -> list[float]:
    """The first seeds solve it, one after the other, the rest never."""
    return [step * (index + 1) if index < count else NEVER for index in range(of)]


# ---------------------------------------------------------------- in words


def test_two_rows_are_one_sentence() -> None:
    found = success(run("lstm", steps(9)), run("rnn", steps(2)))
    assert found.sentences == [
        "adding: in 5,000 steps lstm solves 9 of 10 seeds (95 % interval 55–100 %), rnn 2 of 10 (3–56 %): lstm solves "
        "more often (of 10 shared seeds lstm alone solves 7, rnn alone 0; exact McNemar p = 0.016)."
    ]
    assert found.pairs[0].winner == "lstm"


def test_equal_rows_are_no_difference() -> None:
    (told,) = success(run("lstm", steps(5)), run("rnn", steps(5)[::-1])).sentences
    assert told.endswith(
        "no difference detected (of 10 shared seeds lstm alone solves 5, rnn alone 5; exact McNemar p = 1.00)."
    )


def test_of_more_rows_the_rates_come_first_and_pairs_without_winner_together() -> None:
    found = success(run("gru", steps(9)), run("lstm", steps(10)), run("mgu", steps(10)), run("rnn", steps(0)))
    rates, *pairs = found.sentences
    assert rates.startswith("adding: in 5,000 steps gru solves 9 of 10 seeds (95 % interval 55–100 %), lstm 10 of 10 (")
    assert rates.endswith("rnn 0 of 10 (0–31 %).")
    assert [told.partition(" (")[0] for told in pairs] == [
        "adding: gru solves more often than rnn",
        "adding: lstm solves more often than rnn",
        "adding: mgu solves more often than rnn",
        "adding: no difference detected in how often it is solved between gru and lstm; gru and mgu; lstm and mgu",
    ]
    assert pairs[-1].endswith("(10 shared seeds; exact McNemar p = 1.00, Holm over 6 success pairs).")


def test_one_winner_over_several_is_one_sentence() -> None:
    found = success(run("gru", steps(2)), run("lstm", steps(10)), run("mgu", [*steps(1, of=1), NEVER, *steps(8, of=8)]),
                    run("rnn", steps(0)))  # fmt: skip
    assert found.sentences[1:] == [
        "adding: lstm solves more often than gru (8 seeds alone against 0, p = 0.031) and rnn (10 seeds alone "
        "against 0, p = 0.012): exact McNemar on 10 shared seeds, Holm over 6 success pairs.",
        "adding: mgu solves more often than rnn (of 10 shared seeds mgu alone solves 9, rnn alone 0; exact McNemar "
        "p = 0.02, Holm over 6 success pairs).",
        "adding: no difference detected in how often it is solved between gru and mgu; gru and rnn; lstm and mgu "
        "(10 shared seeds; exact McNemar p = 0.12 or more, Holm over 6 success pairs).",
    ]


def test_so_few_seeds_are_undecided() -> None:
    (told,) = success(run("lstm", steps(5, of=5)), run("rnn", steps(0, of=5))).sentences
    assert told.endswith("undecided (5 shared seeds cannot reach p = 0.05; num_seeds=6 or more could).")
    assert "(5 shared" not in success(run("lstm", steps(6, of=6)), run("rnn", steps(0, of=6))).sentences[0]


def test_one_seed_and_no_shared_seed_have_no_test() -> None:
    (one,) = success(run("lstm", [300]), run("rnn", [NEVER])).sentences
    assert one.endswith("rnn 0 of 1 (0–98 %): nothing is tested (they share one seed; num_seeds=6 or more can tell).")
    (none,) = success(run("lstm", steps(9)), run("rnn", steps(2), first=10)).sentences
    assert none.endswith("nothing is tested (they share no seeds).")
    other = run("rnn", steps(2), data_hash=[["another", "day"]] * 10)
    assert "they share no seeds of the same data" in success(run("lstm", steps(9)), other).sentences[0]
    (alone,) = success(run("lstm", steps(9))).sentences
    assert alone == "adding: in 5,000 steps lstm solves 9 of 10 seeds (95 % interval 55–100 %)."


def test_unequal_budgets_are_said_and_the_smaller_one_counts() -> None:
    lstm, rnn = run("lstm", steps(10, step=400)), run("rnn", steps(2), steps=1000)
    found = success(lstm, rnn)
    assert found.sentences == [
        "adding: lstm solves 10 of 10 seeds in 5,000 steps (95 % interval 69–100 %), rnn 2 of 10 in 1,000 steps "
        "(3–56 %): no difference detected (of 10 shared seeds, within the steps that both were trained for, "
        "lstm alone solves 0, rnn alone 0; exact McNemar p = 1.00)."
    ]
    assert success(lstm, replace(rnn, steps=5000)).pairs[0].winner == "lstm"


def test_a_seed_without_a_record_is_counted_apart() -> None:
    runs = [run("lstm", steps(5, of=5)), run("lstm", None, first=5, count=5), run("rnn", steps(9))]
    found = success(*runs, run("gru", None))
    assert "lstm solves 5 of 5 seeds (95 % interval 48–100 %; 5 more are not in the records), rnn" in found.sentences[0]
    assert found.pairs[0].num_shared == 5
    assert success(run("lstm", steps(5)), run("lstm", None, first=10, steps=9000)).rates[0].budgets == (5000, 5000)
    assert found.sentences[-1] == "adding: whether a seed of gru solves it is not in the records."
    assert compared(run("gru", None), run("lstm", None)).sections[0].success is None


def test_settings_picked_on_the_same_validation_are_said() -> None:
    slow, fast = ({"optimizer.lr": rate} for rate in (0.001, 0.01))
    runs = [run("lstm", steps(9), settings=fast), run("lstm", steps(1), settings=slow), run("rnn", steps(9))]
    assert "settings were picked on the validation data" in success(*runs).sentences[-1]


# ---------------------------------------------------------------- counted


def test_all_success_pairs_of_a_comparison_are_one_family() -> None:
    runs = []
    for data, (first, second) in {"adding": (9, 1), "copy": (10, 3), "parity": (6, 5)}.items():
        runs += [run("lstm", steps(first), data=data), run("rnn", steps(second), data=data)]
    pairs = [section.success.pairs[0] for section in compared(*runs).sections if section.success]
    expected = multipletests([pair.p for pair in pairs], method="holm")[1]
    assert [pair.p_corrected for pair in pairs] == pytest.approx(expected)
    assert {pair.num_tests for pair in pairs} == {3}
    assert [pair.winner for pair in pairs] == ["lstm", "lstm", None]


def test_a_seed_that_was_watched_for_less_is_censored_there() -> None:
    (rate,) = success(run("lstm", [NEVER] * 4, steps=2000), run("lstm", [NEVER, NEVER, 3000, 4000], first=4)).rates
    assert rate.ends.tolist() == [2000] * 4 + [5000] * 2
    assert rate.course.steps.tolist() == [0, 2000, 3000, 4000, 5000]
    assert rate.course.share == pytest.approx([0, 0, 1 / 4, 2 / 4, 2 / 4])


@pytest.mark.parametrize("over", [{"diverged": frozenset(range(4))}, {"settings": {"early_stopping.patience": 3}}])
def test_a_seed_that_can_solve_nothing_more_is_not_taken_out_of_sight(over: dict[str, Any]) -> None:
    over = over | {"settings": {"early_stopping.patience": None, "trainer.max_epochs": 99, **over.get("settings", {})}}
    settings = {"settings": over["settings"]}
    runs = [run("lstm", [NEVER] * 4, steps=2000, **over), run("lstm", [3000, 4000], first=4, **settings)]
    (rate,) = success(*runs).rates
    assert rate.course.share[-1] == pytest.approx(2 / 6)
    assert (rate.low, rate.high) == pytest.approx((rate.course.low[-1], rate.course.high[-1]))


def test_more_rows_than_are_paired() -> None:
    runs = [run("lstm", steps(index % 11), val=None, settings={"optimizer.lr": index}) for index in range(14)]
    found = success(*runs)
    assert found.pairs == []
    assert found.sentences == [
        "adding: in 5,000 steps 14 rows solve from 0 of 10 seeds (lstm optimizer.lr=0) to 10 of 10 seeds "
        "(lstm optimizer.lr=10)."
    ]


# ---------------------------------------------------------------- shown


def test_it_stands_in_the_tables() -> None:
    text = compared(run("gru", None), run("lstm", steps(9)), run("rnn", steps(2, step=1500))).to_markdown()
    assert "| cell | seeds | parameters | test MSE | solved | s per seed |" in text
    assert "| – | 0.1 |" in text  # of the cell without a record
    assert "| lstm | 9 of 10 (55–100 %) | 500 (200 to 900) | 2 (1–4) |" in text
    assert "| rnn | 2 of 10 (3–56 %) | &gt; 5,000 (from 3,000) | 14 (4–118) |" in text
    assert "a family of their own" in text
    none = compared(run("rnn", steps(0)), run("lstm", [700]))
    assert "| rnn | 0 of 10 (0–31 %) | &gt; 5,000 | ∞ (9–∞) |" in none.to_markdown()
    assert "| lstm | 1 of 1 (3–100 %) | 700 | 1 (1–119) |" in none.to_markdown()
    assert "solved" not in compared(run("rnn", None)).to_markdown()


def test_it_stands_in_csv_and_json() -> None:
    found = compared(run("lstm", steps(9)), run("rnn", None, data="sine"), run("rnn", steps(2)))
    rows = {(row["data"], row["cell"], row["seed"]): (row["solved"], row["solved_step"]) for row in found.rows()}
    assert rows["adding", "lstm", 0] == (True, 100)
    assert rows["adding", "rnn", 2][0] is False
    assert all(math.isnan(value) for value in (rows["adding", "rnn", 2][1], *rows["sine", "rnn", 0]))
    assert not {"solved", "solved_step"} & {*next(compared(run("rnn", None)).rows())}
    adding, sine = json.loads(json.dumps(found.to_dict(), allow_nan=False))["data"]
    assert sine["success"] is None
    rate = adding["success"]["rows"][1]
    assert (rate["num_solved"], rate["steps_to_solve"]["median"]) == (2, None)
    assert rate["restarts"] == {"number": 14, "low": 4, "high": 118}
    assert rate["course"]["share"] == pytest.approx([0, 0.1, 0.2, 0.2])
    assert (adding["success"]["pairs"][0]["winner"], adding["success"]["pairs"][0]["num_shared"]) == ("lstm", 10)
    assert found.sentences[-1] == adding["sentences"][-1] == adding["success"]["sentences"][0]


def test_it_is_drawn_where_something_could_be_solved() -> None:
    figure = compared(run("lstm", steps(9)), run("rnn", None, data="sine"), run("rnn", steps(2))).figure("success")
    assert figure is not None
    assert [axes.get_title() for axes in figure.axes] == ["adding"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["lstm: 9 of 10", "rnn: 2 of 10"]
    with pytest.raises(CompareError, match="figure must be one of comparison, "):
        compared(run("rnn", None)).figure("success")
