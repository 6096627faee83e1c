"""In what seeds differ, from records that say it, and from those that do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seqexp.compare.answer import answer
from seqexp.compare.meetings import PART
from seqexp.compare.varied import COPIES

NOISE = np.exp(np.random.default_rng(0).normal(0, 0.1, (2, 8)))
MODEL = {"data": "new data", "model": "new initial weights"}
ORDER = {"lstm": {**MODEL, "order": "a new order of training"}, "rnn": MODEL}


def scope_of(sections_of: Any, run: Any, **changes: Any) -> str:
    (section,) = sections_of([run("sine", cell, NOISE[i], **changes) for i, cell in enumerate(("lstm", "rnn"))])
    return section.scope[0]


def test_a_record_says_it(run: Any, sections_of: Any) -> None:
    words = {"data": "new noise on the same wave", "model": "new initial weights"}
    expected = "The intervals and p-values speak of new noise on the same wave and new initial weights."
    assert scope_of(sections_of, run, varies=words) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "new data, new initial weights and a new order of training."),
        ({"settings": {"data.batch_size": None}}, "new data and new initial weights."),
        (
            {"data_hash": [["train", "test"]] * 8, "settings": {"order_seed": 3}},
            "new initial weights only; the data are one set for all seeds.",
        ),
        ({"data_hash": [["train", "test"]] * 8, "varies": {"data": "x", "model": "new initial weights"}},
         "new initial weights only; the data are one set for all seeds."),
    ],
)  # fmt: skip
def test_else_digests_and_settings_say_it(run: Any, sections_of: Any, changes: Any, expected: str) -> None:
    assert scope_of(sections_of, run, **changes) == f"The intervals and p-values speak of {expected}"


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": {"data_seed": 0, "model_seed": 0, "order_seed": 0}},
        {"settings": {"data_seed": 0, "model_seed": 0, "data.batch_size": None}},
        {"varies": {}},
        {"varies": {"data": "new noise"}, "data_hash": [["train", "test"]] * 8},  # of none
    ],
)
def test_copies_of_one_seed_get_no_verdict(run: Any, sections_of: Any, changes: Any) -> None:
    scores = {"lstm": np.full(8, 0.1), "rnn": np.full(8, 0.3)}
    guess = {"linear": np.full(8, 0.2)}
    (section,) = sections_of([run("sine", cell, scores[cell], baselines=guess, **changes) for cell in scores])
    assert (section.pairs, section.baseline_pairs, section.scope) == ([], [], [])
    assert COPIES in section.notes
    assert answer(section) == "On sine, nothing is compared, as all seeds are copies of one."


def test_one_data_set_is_claimed_only_where_every_seed_has_a_digest(run: Any, sections_of: Any) -> None:
    old = run("sine", "lstm", NOISE[0][:4], data_hash=None)
    new = run("sine", "lstm", NOISE[1][:4], seeds=[4, 5, 6, 7], data_hash=[["train", "test"]] * 4, name="other")
    (section,) = sections_of([old, new, run("sine", "rnn", NOISE[1])])
    assert "new data" in section.scope[0]


def test_seeds_that_share_a_fold_are_no_data_sets_of_their_own(run: Any, sections_of: Any) -> None:
    hashes = [[f"train {seed % 3}", f"test {seed % 3}"] for seed in range(8)]
    runs = [run("sine", cell, NOISE[i], data_hash=hashes) for i, cell in enumerate(("lstm", "rnn"))]
    (section,) = sections_of(runs)
    assert section.scope[1] == (
        "8 seeds have 3 data sets, and each seed counts as if it had one of its own: "
        "as to new data sets, intervals may be too narrow and p-values too small."
    )
    (own,) = sections_of([run("sine", cell, NOISE[i]) for i, cell in enumerate(("lstm", "rnn"))])
    assert len(own.scope) == 1


def test_what_varies_in_some_rows_only_is_not_said_of_all(run: Any, sections_of: Any) -> None:
    runs = [run("sine", cell, NOISE[i], varies=ORDER[cell]) for i, cell in enumerate(("lstm", "rnn"))]
    (section,) = sections_of(runs)
    assert section.scope[0].endswith("new initial weights and a new order of training (in some rows).")


def test_a_part_is_not_tested_beside_the_whole(run: Any, sections_of: Any) -> None:
    runs = [
        run("sine", cell, NOISE[i], settings={"data_seed": None, "model_seed": seed, "order_seed": seed})
        for i, cell in enumerate(("lstm", "rnn"))
        for seed in (None, 0)
    ]
    part, whole = sections_of(runs)
    assert (len(part.pairs), len(part.baseline_pairs), len(whole.pairs)) == (0, 0, 1)
    assert PART in part.notes
    assert answer(part).endswith("nothing is compared, as other sources of randomness are fixed.")
    assert whole.pairs[0].num_tests == 3  # with two against the constant guess
    (alone,) = sections_of(runs[1::2])
    assert len(alone.pairs) == 1


def test_a_tasks_notes_on_its_splits_stand_once(run: Any, sections_of: Any) -> None:
    note = "20 of 147 test windows hold values that validation ended with."
    (section,) = sections_of([run("sine", cell, NOISE[0], data_notes=(note,)) for cell in ("lstm", "rnn")])
    assert section.notes.count(note) == 1
