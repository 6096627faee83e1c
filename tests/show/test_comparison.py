"""The figures of a comparison: what they show, one style for one label, and words that can be read."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from seqexp.show import comparison as figures
from seqexp.show import curves as curve_figures
from seqexp.show import evaluations
from seqexp.show.figures import Figure, Page, encode

RNG = np.random.default_rng(0)
MSE = "MSE (squared units of the data)"
BASELINES = {"constant": 0.51, "persistence": 0.0208, "linear": 0.0123, "noise": 0.01}


def panel(labels: list[str], baselines: dict[str, float], level: float = 0.012) -> figures.ScorePanel:
    scores = [level * RNG.lognormal(0, 0.1, 10) for _ in labels]
    intervals = np.array([[row.mean(), 0.9 * row.mean(), 1.1 * row.mean()] for row in scores])
    return figures.ScorePanel(
        title="sine", score=MSE, labels=labels, scores=scores, intervals=intervals, baselines=baselines
    )


def curve(label: str, epochs: int = 30) -> curve_figures.Curve:
    mean = np.exp(-np.linspace(0, 4, epochs))
    seconds = np.arange(1.0, epochs + 1)
    return curve_figures.Curve(label=label, epochs=seconds, seconds=seconds, mean=mean, low=mean - 0.1, high=mean + 0.1)


def draw(panels: Sequence[figures.ScorePanel]) -> Figure:
    return figures.comparison(panels, list(dict.fromkeys(label for each in panels for label in each.labels)))


def draw_comparison() -> Figure:
    long = [f"{cell} optimizer.lr={lr} cell.hidden_size=16" for cell in ("rnn", "lstm") for lr in (0.001, 0.01)]
    return draw([panel(["gru", "lstm", "rnn"], BASELINES), panel(long, {"linear": 1e-12})])


def draw_single() -> Figure:
    return draw([panel(["rnn"], BASELINES)])


def draw_many() -> Figure:
    return draw([panel(["rnn", "lstm"], BASELINES)] * 14)


def draw_curves() -> Figure:
    labels = [f"cell{index} optimizer.lr=0.00{index}" for index in range(9)]
    panels = [curve_panel("sine", labels), curve_panel("sum", [])]
    return curve_figures.learning_curves(panels, labels)


def curve_panel(title: str, labels: Sequence[str]) -> curve_figures.CurvePanel:
    return curve_figures.CurvePanel(title=title, score=f"validation {MSE}", curves=[curve(label) for label in labels])


COLUMN = Page(3.4, 8.0)
"""One column of a paper."""


def draw_evaluations_in_a_column() -> Figure:
    names = ["20 (test)", "40", "80", "160"]
    with COLUMN.letters_of_its_size():
        lengths = np.array([20.0, 40.0, 80.0, 160.0])
        return evaluations.evaluations([evaluation_panel(names, lengths)] * 2, ["rnn", "lstm"], COLUMN)


def draw_evaluations() -> Figure:
    lengths = np.array([20.0, 40.0, 80.0, 160.0])
    names = ["20 (test)", "40", "80", "160"]
    return evaluations.evaluations([evaluation_panel(names, lengths)], ["rnn", "lstm"])


def draw_named_evaluations() -> Figure:
    names = ["test", "test@noise=0.2", "test@noise=0.5", "test@noise=0.9"]
    return evaluations.evaluations([evaluation_panel(names, None)] * 3, ["rnn", "lstm"])


def evaluation_panel(names: Sequence[str], lengths: Any) -> evaluations.EvaluationPanel:
    level = np.array([0.01, 0.03, 0.2, 0.5])
    bands = {label: level[:, None] * np.array([1, 0.9, 1.1]) * of for label, of in (("rnn", 1.0), ("lstm", 0.4))}
    guesses = {"constant": np.full(4, 0.7), "linear": np.array([1e-9, 0.02, 0.1, np.nan])}
    return evaluations.EvaluationPanel(
        title="sum", score=MSE, names=names, lengths=lengths, bands=bands, baselines=guesses
    )


DRAWINGS = [draw_comparison, draw_many, draw_curves, draw_evaluations, draw_named_evaluations]
DRAWINGS += [draw_evaluations_in_a_column]


@pytest.mark.parametrize("draw", DRAWINGS)
def test_no_text_is_cut_or_overlaps(draw: Callable[[], Figure], check_texts: Callable[..., None]) -> None:
    check_texts(draw())


def test_scale_follows_the_spread() -> None:
    wide = panel(["rnn"], {"linear": 0.05})
    wide.scores[0][0] = 0.12
    scales = [draw([each]).axes[0].get_xscale() for each in (wide, panel(["rnn"], {"linear": 0.0123}))]
    assert scales == ["log", "linear"]
    zero = panel(["rnn"], {"constant": 9.0})
    zero.scores[0][0] = 0
    assert draw([zero]).axes[0].get_xscale() == "linear"  # 0 has no place on a log axis


@pytest.mark.parametrize("scores", [[0.011, 0.0125, 0.013], [0.01, 0.02, 0.3], [0.01]])
def test_scores_have_room_whatever_the_baselines(scores: list[float]) -> None:
    known = np.array(scores)
    found = figures.in_sight([0.51, 0.0208, 0.012, 1e-12, math.inf], known)
    assert 0.012 in found
    assert 1e-12 not in found
    assert math.inf not in found
    assert (0.51 in found) == (max(scores) == 0.3)


def test_far_baseline_is_named_but_does_not_squeeze_the_scores() -> None:
    axes = draw([panel(["rnn"], {"linear": 1e-12})]).axes[0]
    assert axes.get_legend() is None
    assert [text.get_text() for text in axes.texts] == ["\N{BLACK LEFT-POINTING SMALL TRIANGLE} linear 1e-12"]
    assert axes.get_xlim()[0] > 0.005
    rounded = replace(panel(["rnn"], {"linear": 1e-14, "constant": 0.5, "ar": 0.9}), rounding=1e-13)
    texts = {text.get_text(): text.get_position()[1] for text in draw([rounded]).axes[0].texts}
    assert list(texts) == [
        "\N{BLACK LEFT-POINTING SMALL TRIANGLE} linear 0 (up to rounding)",
        "constant 0.5 \N{BLACK RIGHT-POINTING SMALL TRIANGLE}",
        "ar 0.9 \N{BLACK RIGHT-POINTING SMALL TRIANGLE}",
    ]
    assert len(set(texts.values())) == 3, "each has a line of its own"


def test_every_seed_is_a_point_and_the_mean_is_marked() -> None:
    data = panel(["rnn", "lstm"], {})
    lines = draw([data]).axes[0].get_lines()
    assert lines[0].get_xdata() == pytest.approx(data.scores[0])
    assert lines[1].get_xdata() == pytest.approx(data.intervals[0, 1:])
    assert lines[2].get_xdata() == pytest.approx(data.intervals[0, 0])
    assert lines[0].get_marker() != lines[3].get_marker()


def test_missing_scores_and_nothing_at_all() -> None:
    empty = panel(["rnn", "lstm"], BASELINES)
    empty.scores[0][:] = np.nan
    empty.intervals[0] = np.nan
    for figure in (draw([empty]), draw([]), curve_figures.learning_curves([], [])):
        assert encode(figure, "png").startswith(b"\x89PNG")


def test_curves_against_epoch_and_seconds() -> None:
    left, right = curve_figures.learning_curves([curve_panel("sine", ["rnn"])], ["rnn"]).axes
    assert (left.get_xlabel(), right.get_xlabel()) == ("epoch", "training time of all seeds (seconds)")
    assert np.asarray(left.get_lines()[0].get_xdata())[0] == 1
    assert left.get_yscale() == "log"
    styles = [(line.get_color(), line.get_linestyle(), line.get_marker()) for line in draw_curves().axes[0].lines]
    assert len(set(styles)) == 9


def test_a_label_has_one_style_in_all_panels_and_figures() -> None:
    labels = ["gru", "lstm", "rnn"]
    first, second = figures.comparison([panel(["lstm"], {}), panel(["gru", "lstm"], {})], labels).axes
    curves = curve_figures.learning_curves([curve_panel("sine", ["lstm"])], labels).axes[0].lines[0]
    lines = evaluations.evaluations([evaluation_panel(["a", "b", "c", "d"], None)], labels).axes[0].lines
    colours = [each.get_color() for each in (first.lines[0], second.lines[3], curves, lines[1])]
    assert len(set(colours)) == 1
    assert second.lines[0].get_color() != colours[0]


def test_evaluations_stand_at_their_lengths_with_the_guesses() -> None:
    axes = draw_evaluations().axes[0]
    rnn, lstm, constant, linear = axes.lines
    assert np.asarray(rnn.get_xdata()).tolist() == [20, 40, 80, 160]
    assert np.asarray(lstm.get_ydata()) == pytest.approx([0.004, 0.012, 0.08, 0.2])
    assert np.asarray(constant.get_ydata()) == pytest.approx([0.7] * 4)
    assert np.isnan(np.asarray(linear.get_ydata())).tolist() == [True, False, False, True]  # far off is left out
    assert (axes.get_xscale(), axes.get_yscale(), axes.get_ylabel()) == ("log", "log", MSE.replace(" (", "\n("))
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["20 (test)", "40", "80", "160"]


def test_axes_name_score_and_unit() -> None:
    assert draw_single().axes[0].get_xlabel() == f"test {MSE}"
    labels = ["rnn"]
    alone = curve_figures.learning_curves([curve_panel("sine", labels)], labels).axes[0]
    assert alone.get_ylabel() == "validation MSE\n(squared units of the data)"


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_same_figure_same_bytes(kind: Any) -> None:
    assert encode(draw([panel_of_one()]), kind) == encode(draw([panel_of_one()]), kind)


def panel_of_one() -> figures.ScorePanel:
    scores, intervals = [np.linspace(0.01, 0.02, 10)], np.array([[0.015, 0.014, 0.016]])
    return figures.ScorePanel(
        title="sine", score=MSE, labels=["rnn"], scores=scores, intervals=intervals, baselines=BASELINES
    )
