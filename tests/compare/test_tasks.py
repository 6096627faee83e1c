"""What one task is, and what rows score there: ranks, verdicts, ratios, scores relative to a baseline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from seqexp.compare.runs import Metric, Run
from seqexp.compare.section import Section
from seqexp.compare.tasks import tasks
from seqexp.statistics import Array

RNG = np.random.default_rng(3)
Build = Callable[[list[Run]], list[Section]]
Make = Callable[..., Run]


def test_data_sets_of_one_data_are_one_task(run: Make, sections_of: Build) -> None:
    noisy = [
        run("sine", cell, level * np.exp(RNG.normal(0, 0.1, 8)), settings={"data.noise": noise})
        for noise, levels in ((0.1, (1.0, 2.0)), (0.5, (3.0, 1.0)))
        for cell, level in zip(("lstm", "rnn"), levels, strict=True)
    ]
    other = Metric("mae", "MAE", "units of the data")
    alone = [run("sum", cell, level + np.zeros(8)) for cell, level in (("lstm", 1.0), ("rnn", 2.0))]
    scored = [replace(each, metric=other) for each in alone]
    sine, added = tasks(sections_of([*noisy, *alone, *scored]))
    assert (sine.name, len(sine.sections), added.name, len(added.sections)) == ("sine", 2, "sum", 2)
    ranks = sine.ranks(["lstm", "rnn"])
    assert ranks is not None
    assert ranks.tolist() == [1.5, 1.5]  # one wins the one, one the other
    assert sine.outcome("lstm", "rnn") == "divided"
    assert added.outcome("rnn", "lstm") == "worse"
    logs = [np.log(noisy[at].test / noisy[at + 1].test).mean() for at in (0, 2)]
    assert sine.log_ratio("lstm", "rnn") == pytest.approx(np.mean(logs))
    assert sine.log_ratio("rnn", "lstm") == pytest.approx(-np.mean(logs))


def test_rows_that_are_shown_to_be_alike(run: Make, sections_of: Callable[..., list[Section]]) -> None:
    first = np.exp(RNG.normal(0, 0.1, 12))
    rows = [run("sine", cell, row) for cell, row in (("a", first), ("b", first * np.exp(RNG.normal(0, 0.01, 12))))]
    for margin, outcome in ((None, "undecided"), (0.05, "alike")):
        (task,) = tasks(sections_of(rows, margin))
        assert task.outcome("a", "b") == outcome


def test_rows_are_ranked_on_each_seed_and_a_diverged_seed_is_the_last(run: Make, sections_of: Build) -> None:
    scores = RNG.lognormal(0, 1, (3, 9))
    scores[0, :6] = np.nan
    (task,) = tasks(sections_of([run("sine", cell, row) for cell, row in zip("abc", scores, strict=True)]))
    ranks = task.ranks(["a", "b", "c"])
    whole = np.where(np.isnan(scores), 1e9, scores)
    assert ranks is not None
    assert ranks.tolist() == stats.rankdata(stats.rankdata(whole, axis=0).mean(axis=1)).tolist()
    assert ranks[0] == 3
    assert task.num_diverged(["a", "b"]) == 6
    two = task.ranks(["c", "a"])
    assert two is not None
    assert two.tolist() == [1, 2]


def test_scores_of_nothing_but_rounding_are_equal(run: Make, sections_of: Build) -> None:
    rows = [run("copy", "a", [1e-30] * 4), run("copy", "b", [3e-31] * 4), run("copy", "c", [0.5] * 4)]
    (task,) = tasks(sections_of(rows))
    ranks = task.ranks(["a", "b", "c"])
    assert ranks is not None
    assert ranks.tolist() == [1.5, 1.5, 3]
    assert np.isnan(task.log_ratio("a", "c"))


def test_seeds_of_other_data_are_not_shared(run: Make, sections_of: Build) -> None:
    first = run("sine", "a", [1.0, 1.0, 9.0, 9.0, 9.0])
    hashes = [list(pair) for pair in first.data_hash or ()]
    for pair in hashes[2:]:
        pair[1] += " of another day"
    second = run("sine", "b", [2.0] * 5, data_hash=hashes)
    (task,) = tasks(sections_of([first, second]))
    ranks = task.ranks(["a", "b"])
    assert ranks is not None
    assert ranks.tolist() == [1, 2]
    relative = task.relative(["a", "b"])
    assert not isinstance(relative, str)
    assert relative[0].tolist() == [[0.5, 0.5], [1, 1]]
    (apart,) = tasks(sections_of([first, replace(second, seeds=list(range(5, 10)))]))
    assert apart.ranks(["a", "b"]) is None
    assert apart.relative(["a", "b"]) == "no seed is shared by all rows and the baseline"


def test_scores_are_relative_to_the_baseline_on_the_same_seed(run: Make, sections_of: Build) -> None:
    guess, zero = np.array([2.0, 4.0, 8.0]), np.array([0.0, 1.0, 1.0])
    rows = [run("sine", cell, row) for cell, row in (("a", [1, 1, np.nan]), ("b", guess))]

    def relative(**baselines: Array) -> tuple[Array, list[str]] | str:
        (task,) = tasks(
            sections_of([replace(each, baselines=baselines, validation_baselines=baselines) for each in rows])
        )
        return task.relative(["a", "b"])

    expected = [[0.5, 0.25, np.inf], [1, 1, 1]]
    for baselines, name in (
        ({"ar": guess, "constant": 9 * guess}, "ar"),
        ({"ar": zero, "constant": guess}, "constant"),
    ):
        found = relative(**baselines)
        assert not isinstance(found, str)
        assert (found[0].tolist(), found[1]) == (expected, [name])
    for lacking in ({}, {"ar": zero}):
        assert relative(**lacking) == "it has no baseline that scores above 0 on every seed"


def test_a_data_set_in_which_nothing_meets_is_no_task(run: Make, sections_of: Build) -> None:
    assert tasks(sections_of([run("sine", "a", [1.0, 2.0])])) == []
