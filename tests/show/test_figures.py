"""The figures: what they show, that labels neither overlap nor leave the page, and that bytes repeat."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from seqexp.show import figures

RNG = np.random.default_rng(0)
BASELINES = {"constant": 0.51, "persistence": 0.0208, "linear": 0.0123, "noise": 0.01}


def panel(labels: list[str], baselines: dict[str, float], level: float = 0.012) -> figures.ScorePanel:
    scores = [level * RNG.lognormal(0, 0.1, 10) for _ in labels]
    intervals = np.array([[row.mean(), 0.9 * row.mean(), 1.1 * row.mean()] for row in scores])
    return figures.ScorePanel(title="sine", labels=labels, scores=scores, intervals=intervals, baselines=baselines)


def curve(label: str, epochs: int = 30) -> figures.Curve:
    mean = np.exp(-np.linspace(0, 4, epochs))
    seconds = np.arange(1.0, epochs + 1)
    return figures.Curve(label=label, epochs=seconds, seconds=seconds, mean=mean, low=mean - 0.1, high=mean + 0.1)


def draw_comparison() -> figures.Figure:
    long = [f"{cell} optimizer.lr={lr} cell.hidden_size=16" for cell in ("rnn", "lstm") for lr in (0.001, 0.01)]
    return figures.comparison([panel(["gru", "lstm", "rnn"], BASELINES), panel(long, {"linear": 1e-12})])


def draw_single() -> figures.Figure:
    return figures.comparison([panel(["rnn"], BASELINES)])


def draw_many() -> figures.Figure:
    return figures.comparison([panel(["rnn", "lstm"], BASELINES)] * 14)


def draw_curves() -> figures.Figure:
    labels = [f"cell{index} optimizer.lr=0.00{index}" for index in range(9)]
    return figures.learning_curves({"sine": [curve(label) for label in labels], "sum": []}, "validation")


def draw_forecast() -> figures.Figure:
    wave = np.sin(np.arange(200) / 8)
    return figures.forecast(wave, wave, wave - 0.1, wave + 0.1, np.roll(wave, 1), "lstm on sine")


def draw_agreement() -> figures.Figure:
    target = RNG.normal(0, 4, (10, 300))
    return figures.agreement(target, target + RNG.normal(0, 1, target.shape), "lstm on sum")


DRAWINGS = [draw_comparison, draw_single, draw_many, draw_curves, draw_forecast, draw_agreement]


def drawn_texts(figure: figures.Figure) -> list[Text]:
    """All texts on the page; an axis keeps tick labels outside its view, which are never drawn."""
    hidden: set[int] = set()
    texts = figure.findobj(Text)
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        current = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        shown = {id(tick.label1) for tick in current if low <= tick.get_loc() <= high}
        ticks = [*axis.majorTicks, *axis.minorTicks, *current]
        hidden |= {id(label) for tick in ticks for label in (tick.label1, tick.label2)} - shown
    return [
        text
        for text in texts
        if isinstance(text, Text) and text.get_visible() and text.get_text().strip() and id(text) not in hidden
    ]


@pytest.mark.parametrize("draw", DRAWINGS)
def test_no_text_is_cut_or_overlaps(draw: Callable[[], figures.Figure]) -> None:
    figure = draw()
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    figure.draw(renderer)
    page = figure.bbox
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in drawn_texts(figure)]
    assert len(boxes) > 8
    for name, box in boxes:
        outside = [page.x0 - box.x0, page.y0 - box.y0, box.x1 - page.x1, box.y1 - page.y1]
        assert max(outside) <= 1, f"{name!r} is cut"
    for (first, a), (second, b) in itertools.combinations(boxes, 2):
        width, height = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert width <= 1 or height <= 1, f"{first!r} overlaps {second!r}"


def test_scale_follows_the_spread() -> None:
    scales = [figures.comparison([panel(["rnn"], {"linear": far})]).axes[0].get_xscale() for far in (0.2, 0.0123)]
    assert scales == ["log", "linear"]
    zero = panel(["rnn"], {"constant": 9.0})
    zero.scores[0][0] = 0
    assert figures.comparison([zero]).axes[0].get_xscale() == "linear"  # 0 has no place on a log axis


def test_far_baseline_is_named_but_does_not_squeeze_the_scores() -> None:
    axes = figures.comparison([panel(["rnn"], {"linear": 1e-12})]).axes[0]
    legend = axes.get_legend()
    assert legend is not None
    assert legend.get_texts()[0].get_text() == "linear 1e-12 (off the axis)"
    assert axes.get_xlim()[0] > 0.005


def test_every_seed_is_a_point_and_the_mean_is_marked() -> None:
    data = panel(["rnn", "lstm"], {})
    lines = figures.comparison([data]).axes[0].get_lines()
    assert lines[0].get_xdata() == pytest.approx(data.scores[0])
    assert lines[1].get_xdata() == pytest.approx(data.intervals[0, 1:])
    assert lines[2].get_xdata() == pytest.approx(data.intervals[0, 0])
    assert lines[0].get_marker() != lines[3].get_marker()


def test_missing_scores_and_nothing_at_all() -> None:
    empty = panel(["rnn", "lstm"], BASELINES)
    empty.scores[0][:] = np.nan
    empty.intervals[0] = np.nan
    for figure in (figures.comparison([empty]), figures.comparison([]), figures.learning_curves({}, "x")):
        assert figures.encode(figure, "png").startswith(b"\x89PNG")


def test_curves_against_epoch_and_seconds() -> None:
    left, right = figures.learning_curves({"sine": [curve("rnn")]}, "validation").axes
    assert (left.get_xlabel(), right.get_xlabel()) == ("epoch", "training time of all seeds (seconds)")
    assert np.asarray(left.get_lines()[0].get_xdata())[0] == 1
    assert left.get_yscale() == "log"
    styles = [(line.get_color(), line.get_linestyle(), line.get_marker()) for line in draw_curves().axes[0].lines]
    assert len(set(styles[:7])) == 7


def test_axes_name_their_units() -> None:
    axes = draw_forecast().axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("time step", "value", "lstm on sine")
    flat = np.zeros(3)
    without = figures.forecast(flat, flat, flat, flat, None, "")
    assert len(without.axes[0].get_lines()) == 2
    assert "squared units" in draw_single().axes[0].get_xlabel()


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_same_figure_same_bytes(kind: figures.Kind) -> None:
    data = panel(["rnn"], BASELINES)
    assert figures.encode(figures.comparison([data]), kind) == figures.encode(figures.comparison([data]), kind)
