"""Pictures that a page shows 300 pixels wide: their words are large, stay apart, and lie within the edge."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from seqexp.show import small
from seqexp.show.comparison import ScorePanel
from seqexp.show.curves import Curve, CurvePanel
from seqexp.show.differences import DifferenceLine, DifferencePanel

LONG = "lstm cell.hidden_size=16 optimizer.lr=0.005 cell.bidirectional"
LABELS = {
    "two": ["lstm", "rnn"],
    "nine": [f"{LONG}={number}" for number in range(9)],
    "none": [],
}
LEVELS = {"near": 0.01, "wide": 1e4, "lost": math.nan}


@pytest.mark.parametrize(
    ("count", "level"), [("two", "wide"), ("nine", "near"), ("nine", "wide"), ("two", "lost"), ("none", "near")]
)
def test_scores_and_curves_and_differences_are_readable(
    count: str, level: str, check_texts: Callable[..., None]
) -> None:
    check = partial(check_texts, least=small.LETTERS)
    labels = LABELS[count]
    means = [0.012 * (1 + index * LEVELS[level]) if index or level == "lost" else 0.012 for index in range(len(labels))]
    if level == "lost":
        means = [math.nan for _ in labels]
    ends = np.array([[mean, mean * 0.8, mean * 1.3] for mean in means]).reshape(-1, 3)
    names = {"title": "sine noise=0.05 frequency=2", "score": "MSE (squared units of the data)"}
    panel = ScorePanel(labels=labels, scores=list(ends), intervals=ends, baselines={"linear": 0.011}, **names)
    check(small.scores(panel, labels, "linear"))
    epochs = np.arange(1.0, 9.0)
    lines = [
        Curve(
            label=label,
            epochs=epochs,
            seconds=epochs,
            mean=mean / epochs,
            low=mean / epochs / 2,
            high=2 * mean / epochs,
        )
        for label, mean in zip(labels, means, strict=True)
    ]
    check(small.curves(CurvePanel(title=names["title"], score=f"validation {names['score']}", curves=lines), labels))
    pairs = [
        DifferenceLine(first, second, np.array([0.4, 0.5, 1.1]) * LEVELS[level], np.array([]), 0.5, 0.2, math.inf)
        for first, second in itertools.pairwise(labels)
    ]
    for by_ratio in (True,) if level == "near" else (False,):
        check(small.differences(DifferencePanel(names["title"], names["score"], by_ratio, pairs), labels))


def test_a_picture_of_part_of_the_rows_says_so() -> None:
    labels = LABELS["nine"]
    ends = np.ones((9, 3))
    panel = ScorePanel(title="sine", score="MSE", labels=labels, scores=list(ends), intervals=ends, baselines={})
    assert small.scores(panel, labels, None)._suptitle.get_text() == "sine: test MSE (6 of 9)"  # type: ignore[attr-defined]


def test_a_long_title_loses_the_unit_before_it_is_cut() -> None:
    title = small._title("copy", "validation cross-entropy in nats")
    assert title == "copy: val cross-entropy in nats"
    title = small._title("parity length=8", "test cross-entropy in nats")
    assert title == "parity length=8: test cross-entropy"
    assert len(title) <= small.LONGEST_TITLE


def test_a_baseline_far_away_is_left_out_and_a_near_one_named() -> None:
    ends = np.array([[0.01, 0.008, 0.012]])
    for value, shown in ((0.02, "dashed: linear"), (5.0, "")):
        panel = ScorePanel(
            title="sine", score="MSE", labels=["rnn"], scores=[ends[0]], intervals=ends, baselines={"linear": value}
        )
        assert small.scores(panel, ["rnn"], "linear").axes[0].get_xlabel() == shown


def test_labels_are_cut_where_they_are_alike() -> None:
    labels = ["lstm cell.hidden_size=16 optimizer.lr=0.005", "lstm cell.hidden_size=16 optimizer.lr=0.02"]
    ends = np.ones((2, 3))
    panel = ScorePanel(title="sine", score="MSE", labels=labels, scores=list(ends), intervals=ends, baselines={})
    shown = [tick.get_text() for tick in small.scores(panel, labels, None).axes[0].get_yticklabels()]
    assert shown == ["lr=0.005", "lr=0.02"]
