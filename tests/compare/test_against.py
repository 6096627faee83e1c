"""One sentence says who beats the best baseline, and every ratio in it is the winner's over the loser's."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from seqexp.compare.against import baseline_sentence
from seqexp.compare.section import Section
from tests.compare.test_pairs import run, section

NOISE = np.exp(np.random.default_rng(8).normal(0, 0.03, (12, 20)))


def lines_of(lines: dict[str, Any]) -> dict[str, Any]:
    return {"baselines": lines, "validation_baselines": lines}


def found(*levels: Any, count: int = 20, baseline: float = 1.0, **changes: Any) -> Section:
    lines = {"constant": 100 * NOISE[10, :count], "linear": baseline * NOISE[11, :count]}
    names = ["gru", "lstm", "rnn", "mgu", "a", "b"][: len(levels)]
    return section(
        *(
            run(name, range(count), level * NOISE[index, :count], **lines_of(lines), **changes)
            for index, (name, level) in enumerate(zip(names, levels, strict=True))
        )
    )


@pytest.mark.parametrize(
    ("levels", "pattern"),
    [
        ((0.5, 0.6, 0.7), r"All 3 beat the linear baseline \(0\.\d+×, 0\.\d+×, 0\.\d+×\)\."),
        ((0.5, 0.6), r"Both beat the linear baseline \(0\.\d+×, 0\.\d+×\)\."),
        ((0.5,), r"gru beats the linear baseline \(0\.\d+×\)\."),
        ((2.0,), r"The linear baseline beats gru: its test MSE is 0\.(49|50|51)\d* times that of gru\."),
        ((2.0, 4.0), r"The linear baseline beats both: its test MSE is 0\.(49|50|51)\d* times that of gru and "
                     r"0\.2\d+ times that of lstm\."),
        ((0.5, 1.0, 1.0), r"gru beats the linear baseline \(0\.\d+×\); no difference between lstm or rnn and the "
                          r"linear baseline was detected \(20 seeds could have shown [^)]+ %\)\."),
        ((0.5, 2.0), r"gru beats the linear baseline \(0\.\d+×\); the linear baseline beats lstm: its test MSE is "
                     r"0\.\d+ times that of lstm\."),
        ((1.0,), r"No difference between gru and the linear baseline was detected \(20 seeds could have shown "
                 r"[\d.]+ %\)\."),
        ((0.5, 0.6, 0.7, 0.8, 0.85, 0.2), r"All 6 beat the linear baseline \(0\.2\d*× to 0\.8\d*×\)\."),
    ],
)  # fmt: skip
def test_who_beats_whom(levels: tuple[float, ...], pattern: str) -> None:
    text = baseline_sentence(found(*levels))
    assert text is not None
    assert re.fullmatch(pattern, text), text
    assert all(float(number) < 1 for number in re.findall(r"([\d.]+)(?:×| times)", text))


def test_too_few_seeds_and_no_baseline() -> None:
    assert baseline_sentence(found(0.5, 0.6, count=3)) == (
        "Undecided between gru or lstm and the linear baseline: 3 seeds cannot decide, num_seeds=7 or more could."
    )
    assert baseline_sentence(section(run("gru", range(8), NOISE[0, :8]))) is None


def test_a_baseline_without_error_has_no_ratio() -> None:
    text = baseline_sentence(found(0.5, 2.0, baseline=1e-15))
    assert text is not None
    assert re.fullmatch(
        r"The linear baseline beats both: its test MSE is 0\.[45]\d* below that of gru "
        r"and [12]\.\d+ below that of lstm\.",
        text,
    )


def test_several_baselines_to_beat_are_one_sentence() -> None:
    lines = {"constant": 2 * NOISE[10], "linear": NOISE[11], "ar": NOISE[9]}
    rows = {"gru": 0.5, "lstm": 0.6, "rnn": 1.0, "mgu": 5.0}
    whole = section(
        *(
            run(name, range(20), level * NOISE[index], baselines=lines)
            for index, (name, level) in enumerate(rows.items())
        )
    )
    assert baseline_sentence(whole) == (
        "gru and lstm beat all 3 baselines; mgu is beaten by the constant, linear and ar baselines; "
        "rnn was not shown to beat the linear and ar baselines."
    )
