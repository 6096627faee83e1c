"""Of data that are one set the first sentence says of each network, by its name, whether it is worth it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from seqexp.compare.answer import answer, says_baselines
from seqexp.compare.data_sets import group
from seqexp.compare.runs import _has_fixed_data
from seqexp.compare.section import Section, build
from seqexp.record.record import Record
from tests.compare.test_against import NOISE, found, lines_of
from tests.compare.test_pairs import run, section

BEST = "the best guess on validation, the linear baseline"


@pytest.mark.parametrize(
    ("levels", "count", "pattern"),
    [
        (
            (0.5, 2.0),
            20,
            rf"gru is worth it, as it beats {BEST} \(test MSE 0\.5\d*×; 20 seeds\); lstm is not worth it, as it is "
            r"beaten by the linear baseline, whose test MSE is 0\.[45]\d* times that of lstm; of the networks ",
        ),
        (
            (0.5, 0.6, 1.0),
            20,
            rf"gru and lstm are worth it, as they beat {BEST} \(test MSE 0\.[\d.×, ]+; 20 seeds\); rnn is not shown to "
            r"be better than the linear baseline \(20 seeds could have shown ",
        ),
        (
            (2.0, 4.0),
            20,
            rf"gru and lstm are not worth it, as they are beaten by {BEST}, whose test MSE is 0\.\d+ times that of gru "
            r"and 0\.2\d* times that of lstm; of the networks themselves, gru predicts better",
        ),
        (
            (2.0,),
            20,
            rf"gru is not worth it, as it is beaten by {BEST}, whose test MSE is 0\.[45]\d* times that of gru",
        ),
        ((1.0,), 20, rf"gru is not shown to be better than {BEST} \(20 seeds could have shown [\d.]+ %\)\.$"),
        ((0.5, 0.6), 3, rf"gru and lstm are not shown to be better than {BEST} \(3 seeds cannot decide, num_seeds=7 "),
        ((0.3, 0.4, 0.5, 0.6, 0.7, 3.0), 20, rf"5 of 6 are worth it, as they beat {BEST} \(test MSE 0\.3\d*× to 0\.7"),
    ],
)
def test_every_network_is_named_with_what_is_shown_of_it(levels: tuple[float, ...], count: int, pattern: str) -> None:
    whole = found(*levels, count=count, has_fixed_data=True)
    assert re.match(f"On sine, {pattern}", answer(whole)), answer(whole)
    assert says_baselines(whole)
    assert "worth" not in answer(found(*levels, count=count))


def test_a_tie_is_said_only_within_the_margin_that_was_asked_for() -> None:
    def built(margin: float | None) -> Section:
        lines = lines_of({"linear": NOISE[11]})
        (whole,) = build(group([run("gru", range(20), NOISE[0], has_fixed_data=True, **lines)]), margin)
        return whole

    assert answer(built(0.1)) == f"On sine, gru is tied with {BEST} within 10 % (20 seeds)."
    assert f"not shown to be better than {BEST} (" in answer(built(None))
    assert f"not shown to be better than {BEST} (" in answer(built(0.001))


def test_a_network_that_only_beats_the_guess_of_validation_is_not_worth_it() -> None:
    lines = {"constant": 0.4 * NOISE[10], "linear": NOISE[11]}
    validation = {"constant": 2 * NOISE[10], "linear": NOISE[11]}
    whole = section(
        run("gru", range(20), 0.5 * NOISE[0], has_fixed_data=True, baselines=lines, validation_baselines=validation)
    )
    assert re.match(
        rf"On sine, gru is not shown to be worth it: it beats {BEST} \(test MSE 0\.5\d*×; 20 seeds\), but the constant "
        r"baseline scored lower on test\.$",
        answer(whole),
    )


def test_a_network_that_was_not_shown_to_beat_every_guess_is_not_worth_it() -> None:
    level = 0.51 * NOISE[10] * NOISE[0].mean() / NOISE[10].mean()
    lines = {"constant": level, "linear": NOISE[11]}
    validation = {"constant": 2 * NOISE[10], "linear": NOISE[11]}
    whole = section(
        run("gru", range(20), 0.5 * NOISE[0], has_fixed_data=True, baselines=lines, validation_baselines=validation)
    )
    assert whole.needed == {"gru": "not shown to be better than constant"}
    assert re.match(
        rf"On sine, gru is not shown to be worth it: it beats {BEST} \(test MSE 0\.5\d*×; 20 seeds\), but was "
        r"not shown to beat the constant baseline\.$",
        answer(whole),
    )


def test_of_several_baselines_a_network_has_to_beat_each() -> None:
    lines = {"constant": 2 * NOISE[10], "linear": NOISE[11], "ar": NOISE[9]}
    rows = {"gru": 0.5, "rnn": 1.0, "mgu": 5.0}
    runs = [
        run(name, range(20), level * NOISE[index], has_fixed_data=True, baselines=lines)
        for index, (name, level) in enumerate(rows.items())
    ]
    three = "the constant, linear and ar baselines"
    assert answer(section(*runs)).startswith(
        f"On sine, gru is worth it, as it beats {three}; rnn is not shown to be better than {three}; mgu is not worth "
        "it, as it is beaten by the constant baseline, the linear baseline and the ar baseline; of the networks "
    )


def test_a_network_that_diverges() -> None:
    lost = np.full(20, np.nan)
    lines = lines_of({"linear": NOISE[11]})
    runs = [run(name, range(20), lost, has_fixed_data=True, **lines) for name in ("gru", "lstm")]
    assert answer(section(*runs)) == (
        "On sine, gru and lstm are not worth it, as all seeds diverged; "
        "of the networks themselves, no verdict between gru and lstm, as all of their seeds diverged."
    )
    some = [*[2.0] * 15, *[np.nan] * 5]
    runs = [run("gru", range(20), some, has_fixed_data=True, **lines)]
    assert answer(section(*runs)) == (
        f"On sine, gru is not worth it, as it is beaten by {BEST} (gru, which diverged on 5 of 20 seeds)."
    )


@pytest.mark.parametrize(
    ("known", "fixed"),
    [
        ({"data_fixed": True, "varies": {"data": "another of 5 test periods"}}, True),
        ({"data_fixed": False, "varies": {}}, False),
        ({"varies": {"model": "new initial weights"}}, True),  # before records said it
        ({"varies": {"data": "another of 5 test periods"}}, True),
        ({"varies": {"data": "new noise and another of 5 test periods"}}, False),
        ({"varies": {}, "config": {"data_seed": 3}}, False),
        ({}, False),
    ],
)
def test_the_record_tells_whether_the_data_are_one_set(known: dict[str, Any], fixed: bool) -> None:
    assert _has_fixed_data(Record(status="done", data="own", cell="gru", seeds=[0], **known)) is fixed
