"""Colours, markers and lines: one cell looks alike in every figure, and no two labels of one figure do."""

from __future__ import annotations

from pathlib import Path

from seqexp.show.styles import CELLS, COLORS, style_of

CONF = Path(__file__).parents[2] / "conf"


def test_each_cell_of_the_package_has_a_style_of_its_own() -> None:
    assert set(CELLS) == {path.stem for path in (CONF / "cell").glob("*.yaml")}
    assert len({style_of(cell, list(CELLS)) for cell in CELLS}) == len(set(CELLS.values())) == len(CELLS)


def test_a_cell_looks_alike_whatever_stands_beside_it() -> None:
    alone = style_of("rnn", ["rnn"])
    for labels in (["rnn", "lstm"], ["gru", "rnn"], ["aaa", "rnn", "rnn optimizer.lr=0.1"], list(CELLS)):
        assert style_of("rnn", labels) == alone
        assert style_of("rnn", labels[::-1]) == alone
    swept = ["rnn optimizer.lr=0.1", "rnn optimizer.lr=0.01", "lstm optimizer.lr=0.1"]
    assert {style_of(label, swept).color for label in swept[:2]} == {alone.color}
    assert len({style_of(label, swept) for label in swept}) == 3


def test_own_cells_take_what_is_left() -> None:
    labels = ["mine", "theirs", "rnn", "lstm", "gru", "mgu", "module"]
    assert len({style_of(label, labels).color for label in labels}) == len(labels)
    assert style_of("mine", ["mine", "rnn"]) == style_of("mine", ["mine", "lstm"])


def test_settings_of_one_cell_take_the_colours_in_the_order_of_their_values() -> None:
    labels = [f"data.noise={value}" for value in ("0.3", "1e-3", "0.05", "0.1")]
    colors = {label: style_of(label, labels).color for label in labels}
    assert [colors[f"data.noise={value}"] for value in ("1e-3", "0.05", "0.1", "0.3")] == list(COLORS[:4])


def test_many_labels_differ() -> None:
    labels = [f"{cell} cell.hidden_size={size}" for cell in ("rnn", "lstm") for size in range(8)]
    assert len({style_of(label, labels) for label in labels}) == len(labels)
