"""What a pair is: two seeds of the same data; and who may win: nobody who lost a seed alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqexp.compare.answer import answer
from seqexp.compare.data_sets import group
from seqexp.compare.pairs import Pair
from seqexp.compare.runs import Metric, Run
from seqexp.compare.section import Section, build

NOISE = np.exp(np.random.default_rng(5).normal(0, 0.1, (4, 40)))


def run(cell: str, seeds: Any, scores: Any, **changes: Any) -> Run:
    """One run whose seeds learnt what every other run's seeds of the same number did."""
    values = np.asarray(scores, dtype=float)
    numbers = list(seeds)
    fields: dict[str, Any] = {
        "folder": Path(cell),
        "name": cell,
        "data": "sine",
        "cell": cell,
        "settings": {},
        "seeds": numbers,
        "data_hash": [[f"train {seed}", f"test {seed}"] for seed in numbers],
        "metric": Metric("mse", "MSE", "squared units of the data"),
        "train": values,
        "val": values,
        "test": values,
        "baselines": {},
        "diverged": frozenset(),
        "num_parameters": 1,
        "epochs": 1,
        "steps": 1,
        "train_seconds": 1.0,
    }
    return Run(**fields | changes)


def section(*runs: Run) -> Section:
    (found,) = build(group(runs))
    return found


def only_pair(*runs: Run) -> Pair:
    (pair,) = section(*runs).pairs
    return pair


def elsewhere(whole: Run, which: int, seeds: Any) -> Run:
    """The same run, but some seeds have other training data (0) or other test targets (1)."""
    hashes = [list(pair) for pair in whole.data_hash or ()]
    for seed in seeds:
        hashes[whole.seeds.index(seed)][which] += " of another day"
    return replace(whole, data_hash=hashes)


# ---------------------------------------------------------------- the same data


@pytest.mark.parametrize(("which", "kind"), [(0, "training data"), (1, "test targets")])
def test_no_winner_from_pairs_of_which_half_learnt_other_data(which: int, kind: str) -> None:
    lstm, rnn = run("lstm", range(8), 0.1 * NOISE[0, :8]), run("rnn", range(8), 0.3 * NOISE[1, :8])
    assert only_pair(lstm, rnn).winner == "lstm"
    found = section(lstm, elsewhere(rnn, which, range(4)))
    (pair,) = found.pairs
    assert (pair.winner, pair.difference.num_pairs, pair.num_other_data) == (None, 4, 4)
    assert "4 paired seeds of 8 and 8 (4 no pairs: other data) cannot reach" in found.sentences[0]
    note = f"The data of 4 seeds differ between runs ({kind} of seeds 0, 1, 2, 3): they are no pairs there."
    assert any(text.startswith(note) for text in found.notes)


def test_no_seed_of_the_same_data() -> None:
    lstm, rnn = run("lstm", range(8), 0.1 * NOISE[0, :8]), run("rnn", range(8), 0.3 * NOISE[1, :8])
    found = section(lstm, elsewhere(rnn, 1, range(8)))
    assert found.pairs[0].winner is None
    assert "share no seeds of the same data on sine, so they are not compared seed by seed" in found.sentences[0]


FLAGS = st.lists(st.booleans(), min_size=12, max_size=12)
LEVELS = st.lists(st.floats(1e-3, 1e3), min_size=12, max_size=12)


@settings(max_examples=60, deadline=None)
@given(FLAGS, FLAGS, LEVELS)
def test_seeds_of_other_data_change_nothing_that_is_said_of_a_pair(trained: Any, tested: Any, levels: Any) -> None:
    lstm, rnn = run("lstm", range(12), NOISE[0, :12]), run("rnn", range(12), 1.2 * NOISE[1, :12])
    for which, flags in enumerate((trained, tested)):
        rnn = elsewhere(rnn, which, np.flatnonzero(flags).tolist())
    other = np.array(trained) | np.array(tested)
    moved = replace(rnn, test=np.where(other, np.array(levels), rnn.test))
    first, second = only_pair(lstm, rnn), only_pair(lstm, moved)
    assert (first.num_other_data, first.num_shared) == (other.sum(), 12 - other.sum())
    if first.paired:
        assert first == second
        alone = [replace(each, **cut(each, ~other)) for each in (lstm, rnn)]
        assert only_pair(*alone).difference == first.difference
    assert first.winner is None or first.difference.num_pairs == 12 - other.sum()


def cut(whole: Run, kept: Any) -> dict[str, Any]:
    """The fields of a run that has some of the seeds only."""
    rows = {name: getattr(whole, name)[kept] for name in ("train", "val", "test")}
    at = np.flatnonzero(kept).tolist()
    hashes = whole.data_hash or []
    return {**rows, "seeds": [whole.seeds[index] for index in at], "data_hash": [hashes[index] for index in at]}


def test_seeds_without_digests_are_paired_and_that_is_said() -> None:
    lstm, rnn = run("lstm", range(8), 0.1 * NOISE[0, :8]), run("rnn", range(8), 0.3 * NOISE[1, :8])
    said = "data (version 0.1 wrote none): such seeds are paired where the data settings agree."
    for old, start in (((lstm,), "1 of 2 runs have no digests of their"), ((lstm, rnn), "No run has digests of its")):
        runs = [replace(each, data_hash=None) if each in old else each for each in (lstm, rnn)]
        found = section(*runs)
        assert found.pairs[0].winner == "lstm"
        assert f"{start} {said}" in found.notes
    assert not any("digests" in note for note in section(lstm, rnn).notes)


def test_without_digests_the_baselines_tell_other_data() -> None:
    lines = {"constant": np.arange(8.0), "linear": np.ones(8)}
    lstm = run("lstm", range(8), 0.1 * NOISE[0, :8], baselines=lines)
    moved = {**lines, "constant": np.arange(8.0) * np.array([1] * 6 + [1.01] * 2)}
    rnn = run("rnn", range(8), 0.3 * NOISE[1, :8], baselines=moved, data_hash=None)
    found = section(lstm, rnn)
    assert (found.pairs[0].num_other_data, found.pairs[0].difference.num_pairs) == (2, 6)
    assert any("(test targets of seeds 6, 7)" in note for note in found.notes)


def test_a_baseline_is_paired_on_its_own_data_only() -> None:
    lstm = run("lstm", range(8), 0.1 * NOISE[0, :8], baselines={"constant": 9 * NOISE[2, :8]})
    rnn = run("rnn", range(8), 0.3 * NOISE[1, :8], baselines={"constant": 9 * NOISE[3, :8]})
    found = section(lstm, elsewhere(rnn, 1, range(3)))
    first, second = found.baseline_pairs
    assert (first.num_other_data, second.num_other_data) == (0, 3)


def test_a_seed_that_one_row_has_of_two_data_counts_once_and_that_is_said() -> None:
    first = run("lstm", range(4), 0.1 * NOISE[0, :4])
    again = elsewhere(run("lstm", range(2, 6), 0.2 * NOISE[0, 2:6]), 1, (2,))
    found = section(first, again)
    row = found.data_set.rows[0]
    np.testing.assert_array_equal(row.test.values[:4], first.test)
    assert found.notes[:2] == [
        "1 seed of lstm found in more than one run: counted once, from the first folder, though the scores differ.",
        "1 seed of lstm (seed 2) learnt other data in one run than in another: the first folder's counts.",
    ]


def test_settings_trained_on_other_data_are_told() -> None:
    good = run("lstm", range(4), 0.1 * NOISE[0, :4], settings={"optimizer.lr": 0.1})
    bad = elsewhere(run("lstm", range(4), 0.2 * NOISE[0, :4], settings={"optimizer.lr": 0.2}), 0, (1,))
    assert "lstm: its settings were not all trained on the same data." in section(good, bad).notes


@pytest.mark.parametrize("fixed", [True, False])
def test_what_varies_between_seeds_is_said(fixed: bool) -> None:
    changes = {"data_hash": [["train", "test"]] * 4} if fixed else {"settings": {"data.batch_size": None}}
    found = section(*(run(cell, range(4), NOISE[0, :4], **changes) for cell in ("lstm", "rnn")))
    speak = "The intervals and p-values speak of"
    own = f"{speak} new initial weights and a new order of training; the data are one set for all seeds."
    full_batch = f"{speak} new data and new initial weights."
    assert found.scope == [own if fixed else full_batch]


# ---------------------------------------------------------------- who may win


def test_nobody_wins_by_diverging() -> None:
    lost = np.where(np.arange(20) < 8, np.nan, 0.05 * NOISE[0, :20])
    lost[8:12] = np.nan
    found = section(run("lstm", range(20), lost), run("rnn", range(10, 30), 0.3 * NOISE[1, :20]))
    (pair,) = found.pairs
    assert (pair.winner, pair.reservation, pair.num_diverged) == (None, None, (12, 0))
    assert pair.difference.num_lost == (2, 0)
    assert "10 paired seeds of 20 and 20 (lstm diverged on 2, which counts as a loss" in found.sentences[0]
    few = section(run("lstm", range(20), lost), run("rnn", range(11, 31), 0.3 * NOISE[1, :20]))
    assert (few.pairs[0].lower, few.pairs[0].winner, few.pairs[0].reservation) == ("lstm", None, "lost")
    assert "lstm is usually lower, but it diverged on 1 of 9 seeds, rnn on 0" in few.sentences[0]


def test_a_winner_may_lose_seeds_where_its_rival_loses_as_many() -> None:
    first, second = 0.05 * NOISE[0, :20], 0.3 * NOISE[1, :20]
    first[0] = second[5] = second[6] = np.nan
    found = section(run("lstm", range(20), first), run("rnn", range(20), second))
    assert (found.pairs[0].winner, found.pairs[0].unqualified) == ("lstm", False)
    assert "(lstm diverged on 1 and rnn diverged on 2, which counts as a loss" in found.sentences[0]


def test_a_lost_seed_of_the_rival_hides_no_contradicting_means() -> None:
    first = np.array([1.0] * 26 + [12.0] * 3 + [2.0])
    for last in (2.0, np.nan):
        found = section(run("lstm", range(30), first), run("rnn", range(30), [2.0] * 29 + [last]))
        assert (found.pairs[0].lower, found.pairs[0].reservation) == ("lstm", "means")
        assert "worse on average" in found.sentences[0]


@pytest.mark.parametrize("last", [np.nan, 1.0])
def test_who_loses_every_seed_loses_without_a_size(last: float) -> None:
    lost = np.full(8, np.nan)
    lost[-1] = last  # and where both finished, they are equal
    found = section(run("lstm", range(8), np.ones(8)), run("rnn", range(8), lost))
    (pair,) = found.pairs
    assert (pair.winner, pair.difference.sized, np.isnan(pair.difference.ratio)) == ("lstm", False, True)
    assert pair.difference.p == 2 / 2**8 if np.isnan(last) else pair.difference.p < 0.05
    assert found.sentences[0].startswith("lstm beats rnn on sine: they differ only in seeds that diverged, 8 paired")
    count = 8 if np.isnan(last) else 7
    assert answer(found).startswith(f"On sine, lstm predicts better than rnn, which diverged on {count} of 8 seeds (8")


def test_a_winner_of_few_seeds_says_so() -> None:
    first = np.r_[np.full(12, 1.01), np.full(8, 0.01)]
    found = section(run("lstm", range(20), first), run("rnn", range(20), np.ones(20)))
    assert found.pairs[0].winner == "lstm"
    assert "in the geometric mean 0." in answer(found)
    assert answer(found).endswith("though lstm is lower on only 8 of 20).")


def test_ties_are_no_wins_on_new_seeds() -> None:
    first, second = np.ones(20), np.r_[np.ones(12), np.full(8, 2.0)]
    found = section(run("lstm", range(20), first), run("rnn", range(20), second))
    assert "lower on 8 of 8 seeds that differ, so on 63" in found.sentences[0]
    assert "% of new ones that differ" in found.sentences[0]


def test_few_seeds_qualify_a_winner_and_so_does_a_largest_loss() -> None:
    def of(factors: Any) -> Pair:
        return only_pair(
            run("lstm", range(len(factors)), factors), run("rnn", range(len(factors)), [1.0] * len(factors))
        )

    few, many = of([0.5] * 28), of([0.5] * 29)  # 0.9^28 > 0.05 > 0.9^29
    assert (few.winner, few.hides_failures, few.unqualified) == ("lstm", True, False)
    assert (many.winner, many.hides_failures, many.unqualified) == ("lstm", False, True)
    against = of([0.5] * 38 + [2.5])
    assert (against.winner, against.largest_opposes, against.unqualified) == ("lstm", True, False)


def test_a_sweep_is_one_family_and_two_sweeps_are_two() -> None:
    def of(sweep: str, data: str) -> list[Run]:
        return [
            run(cell, range(8), level * NOISE[index, :8], data=data, folder=Path(sweep) / f"{cell}-{data}")
            for index, (cell, level) in enumerate((("lstm", 0.1), ("rnn", 0.3)))
        ]

    def tests(*runs: Run) -> list[int]:
        return [found.pairs[0].num_tests for found in build(group(runs))]

    assert tests(*of("a", "sine"), *of("a", "sum")) == [2, 2]
    assert tests(*of("a", "sine"), *of("b", "sum")) == [1, 1]
    joined = [*of("a", "sine"), *of("a", "sum"), *of("b", "sum"), *of("b", "xor"), *of("c", "y")]
    assert tests(*joined) == [3, 3, 3, 1]  # sum holds runs of both sweeps


def test_alike_within_a_margin_is_a_verdict() -> None:
    level = np.linspace(0.998, 1.002, 10)
    runs = [run("lstm", range(10), level * NOISE[0, :10]), run("rnn", range(10), NOISE[0, :10])]
    (found,) = build(group(runs), 0.02)
    (pair,) = found.pairs
    assert (pair.winner, pair.alike, pair.margin) == (None, True, 0.02)
    assert found.sentences[0].startswith("lstm and rnn are alike within 2 % on sine: ratio 1.0")
    (other,) = build(group(runs), 0.0001)
    assert not other.pairs[0].alike
    assert other.sentences[0].endswith("; they are not shown to be alike within 0.01 %.")
    assert build(group(runs))[0].pairs[0].margin is None


SEEDS = st.sets(st.integers(0, 30), min_size=7, max_size=25)


@settings(max_examples=80, deadline=None)
@given(SEEDS, SEEDS, st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)), st.sampled_from([0.05, 1.0, 20.0]))
def test_no_winner_lost_more_seeds_than_its_rival(
    first: set[int], second: set[int], lost: set[int], lost_too: set[int], factor: float
) -> None:
    runs = []
    for cell, seeds, gone, level in (("lstm", first, lost, factor), ("rnn", second, lost_too, 1.0)):
        scores = [np.nan if seed in gone else level * NOISE[0 if cell == "lstm" else 1, seed] for seed in sorted(seeds)]
        runs.append(run(cell, sorted(seeds), scores))
    pair = only_pair(*runs)
    shared = first & second
    diverged = {"lstm": len(shared & lost - lost_too), "rnn": len(shared & lost_too - lost)}
    assert pair.num_diverged == (len(first & lost), len(second & lost_too))
    if pair.lower is not None:
        rival = "rnn" if pair.lower == "lstm" else "lstm"
        assert (pair.reservation == "lost") == (diverged[pair.lower] > diverged[rival])
        assert (pair.winner is None) == (pair.reservation is not None)


# ---------------------------------------------------------------- one name, two things


def test_a_name_with_two_targets_is_two_cells() -> None:
    targets = ("seqexp.cell.lstm.LSTM", "mine.LSTM", "mine.other.LSTM")
    runs = [
        run("lstm", range(8), level * NOISE[index, :8], settings={"cell": "lstm"}, targets={"cell": target})
        for index, (target, level) in enumerate(zip(targets, (0.1, 0.3, 0.1), strict=True))
    ]
    found = section(
        *runs, run("lstm", range(8, 16), 0.1 * NOISE[3, :8], settings={"cell": "lstm"}, targets=runs[0].targets)
    )
    names = [f"lstm ({target})" for target in sorted(targets)]
    assert [row.label for row in found.data_set.rows] == names
    assert [len(row.test.seeds) for row in found.data_set.rows] == [8, 8, 16]
    assert len(found.pairs) == 3


def test_a_name_with_two_targets_is_two_data_sets_or_optimisers() -> None:
    def of(group: str, target: str) -> Run:
        return run("lstm", range(4), NOISE[0, :4], settings={group: "same"}, targets={group: target})

    names = [data_set.name for data_set in group([of("data", "mine.Same"), of("data", "seqexp.Same")])]
    assert names == ["sine data=mine.Same", "sine data=seqexp.Same"]
    (data_set,) = group([of("optimizer", "mine.Same"), of("optimizer", "torch.Same")])
    assert [row.label for row in data_set.rows] == ["optimizer=mine.Same", "optimizer=torch.Same"]
