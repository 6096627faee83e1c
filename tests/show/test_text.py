"""Names as they are written: nothing in them becomes mark-up, a formula or a computation."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown import markdown as rendered
from matplotlib.cbook import is_math_text

from seqexp.show import comparison, curves, evaluations, figures, run, text

MARKS = st.text(st.sampled_from("\\`*_{}[]()<>#+-.!|~$&@:=/ wabc1\n\r\t'\""), max_size=12)
NAMES = st.one_of(
    MARKS, st.text(max_size=12), st.sampled_from(["<img src=x onerror=alert(1)>", "https://e.org", "$a$"])
)


@settings(max_examples=300, deadline=None)
@given(NAMES)
def test_markdown_shows_the_letters_and_nothing_else(name: str) -> None:
    """As TensorBoard reads it, in an item of a list."""
    page = rendered(f"- x {text.markdown(name)} y", extensions=["markdown.extensions.tables"])
    assert re.findall(r"</?\w+", page) == ["<ul", "<li", "</li", "</ul"]
    assert "|" not in text.markdown(name)
    assert "\n" not in text.markdown(name)
    assert "://" not in text.markdown(name)


@pytest.mark.parametrize("name", ["# a", "#a", "- a", "+ a", "1. a", "2) a", "---", "===", "=", "-"])
def test_markdown_begins_no_block(name: str) -> None:
    assert text.markdown(name).replace("\\", "", 1) == name
    assert "<h1>" not in rendered(text.markdown(name))
    assert "<li>" not in rendered(text.markdown(name))


@pytest.mark.parametrize("name", ["lstm", "0.0122 ± 0.0008", "1.43", "lstm optimizer.lr=0.1", "", "–"])
def test_ordinary_names_stay(name: str) -> None:
    assert text.markdown(name) == text.spreadsheet(name) == text.label(name, 80) == name
    assert text.markdown("-0.5") == "-0.5"


@given(st.one_of(NAMES, st.sampled_from(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])))
def test_a_spreadsheet_computes_no_text(name: str) -> None:
    assert not text.spreadsheet(name).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert text.spreadsheet(name) in (name, f"'{name}")


def test_a_spreadsheet_may_compute_numbers() -> None:
    assert [text.spreadsheet(value) for value in (-1.5, -1, None, True)] == [-1.5, -1, None, True]


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("$\\a{}^_ 1"), max_size=10))
def test_a_figure_shows_the_letters_of_a_formula(name: str) -> None:
    shown = text.label(name, 80)
    assert not is_math_text(shown)
    assert shown.replace(r"\$", "$") == name  # as matplotlib does where nothing is a formula


@pytest.mark.parametrize("name", [r"$\frac{$", r"$\alpha$", "x" * 5_000, "a\nb", "模型 \U0001f600", r"\$"])
def test_any_name_can_be_drawn(name: str) -> None:
    one = np.ones(3)
    panel = comparison.ScorePanel(
        title=name,
        score=name,
        labels=[name],
        scores=[one],
        intervals=np.ones((1, 3)),
        baselines={name: 1.0, "b" + name: 2.0},
    )
    curve = curves.Curve(label=name, epochs=one, seconds=one, mean=one, low=one, high=one)
    evaluated = evaluations.EvaluationPanel(
        title=name,
        score=name,
        names=[name],
        lengths=None,
        bands={name: np.ones((1, 3))},
        baselines={"b" + name: one[:1]},
    )
    drawn = [
        comparison.comparison([panel], [name]),
        curves.learning_curves([curves.CurvePanel(title=name, score=name, curves=[curve])], [name]),
        evaluations.evaluations([evaluated], [name]),
        run.forecast(one, one, one, one, None, name, name),
        run.agreement(one[None], one[None], name, name),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for figure in drawn:
            assert figures.encode(figure, "svg")


@pytest.mark.parametrize("values", [[1.7e308] * 3, [1e-320, 1.0, 1e308], [0.0, 5e-324, 1e200], [1e150, 1e99, 0.1]])
def test_any_number_can_be_drawn(values: list[float]) -> None:
    scores = np.array(values)
    panel = comparison.ScorePanel(
        title="t",
        score="s",
        labels=["a"],
        scores=[scores],
        intervals=scores[None],
        baselines={"c": scores[0], "d": scores[2]},
    )
    curve = curves.Curve(label="a", epochs=np.arange(3.0), seconds=scores, mean=scores, low=-scores, high=scores)
    evaluated = evaluations.EvaluationPanel(
        title="t",
        score="s",
        names=["a", "b", "c"],
        lengths=np.arange(1.0, 4.0),
        bands={"a": np.stack([scores, -scores, scores], axis=1)},
        baselines={"c": scores},
    )
    drawn = [
        comparison.comparison([panel], ["a"]),
        curves.learning_curves([curves.CurvePanel(title="t", score="s", curves=[curve])], ["a"]),
        evaluations.evaluations([evaluated], ["a"]),
    ]
    for figure in drawn:
        assert figures.encode(figure, "png")
