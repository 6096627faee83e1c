"""A table at any width: what is shown is whole, and what is not shown is named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from seqexp.show.columns import Drawn, Grid, draw

GRID = Grid(
    head=[
        "cell",
        "optimizer.lr",
        "cell.hidden_size",
        "seeds",
        "parameters",
        "test MSE",
        "ratio to linear",
        "s per seed",
    ],
    rows=[
        ["lstm ✓", "0.003", "match:lstm-16", "20", "1,233", "0.0127 ± 0.0014", "1.07", "0.169"],
        ["漢字", "0.01", "8", "18 of 20", "321", "0.014 ± 0.002", "1.21", "0.132"],
        ["persistence", "", "", "20", "–", "0 (up to rounding)", "–", "–"],
    ],
    words=3,
    spare=("s per seed", "parameters", "seeds"),
)


def lines(drawings: list[Drawn]) -> list[str]:
    return [line for drawn in drawings for line in [*drawn.head, *(each for row in drawn.rows for each in row)]]


def test_in_a_pipe_each_row_is_one_line_with_every_column() -> None:
    (drawn,) = draw(GRID, None)
    assert [len(row) for row in drawn.rows] == [1, 1, 1]
    assert drawn.head[0].split("  ")[0] == "cell"
    assert all(name in drawn.head[0] for name in GRID.head)
    assert drawn.missing == ()


@pytest.mark.parametrize("width", [40, 50, 60, 70, 80, 100, 120, 200])
def test_no_line_is_too_long_and_every_text_is_whole_or_its_column_is_named(width: int) -> None:
    drawings = draw(GRID, width)
    assert max(map(cell_len, lines(drawings))) <= width
    shown = "\n".join(lines(drawings))
    missing = {name for drawn in drawings for name in drawn.missing}
    assert missing <= set(GRID.spare)
    for row in GRID.rows:
        for name, text in zip(GRID.head, row, strict=True):
            assert text in shown or name in missing
    for drawn in drawings:
        assert len(drawn.rows) == len(GRID.rows)


def test_settings_go_below_the_name_before_a_second_column_is_left_out() -> None:
    whole = max(map(cell_len, lines(draw(GRID, 1_000))))
    assert draw(GRID, whole)[0].missing == ()
    (drawn,) = draw(GRID, 90)
    assert drawn.missing == ()
    assert [line.split("  ")[1] for line in drawn.rows[0][1:]] == [
        "optimizer.lr=0.003",
        "cell.hidden_size=match:lstm-16",
    ]
    assert len(drawn.rows[2]) == 1


def test_a_setting_that_is_called_like_a_column_is_not_left_out() -> None:
    grid = Grid(["cell", "seeds", "seeds", "test MSE"], [["lstm", "odd", "20", "0.5"]], words=2, spare=("seeds",))
    assert "seeds=odd" in "\n".join(lines(draw(grid, 12)))


def test_what_cannot_be_left_out_is_parted_into_tables() -> None:
    grid = Grid(["cell", *(f"MSE test@{n}" for n in range(6))], [["lstm", *["0.098 ± 0.003"] * 6]], words=1)
    drawings = draw(grid, 40)
    assert len(drawings) == 3
    assert all(drawn.rows[0][0].startswith("lstm") for drawn in drawings)


def test_names_too_long_for_a_table_make_paragraphs_of_everything() -> None:
    grid = Grid(GRID.head, [["a.very.long.name.of.somebodys.cell", *row[1:]] for row in GRID.rows], 3, GRID.spare)
    (drawn,) = draw(grid, 44)
    assert (drawn.head, drawn.missing) == ([], ())
    assert drawn.rows[0] == [
        "a.very.long.name.of.somebodys.cell",
        "  optimizer.lr=0.003",
        "  cell.hidden_size=match:lstm-16",
        "  seeds 20, parameters 1,233,",
        "  test MSE 0.0127 ± 0.0014,",
        "  ratio to linear 1.07, s per seed 0.169",
    ]


def test_a_clause_is_broken_where_there_is_no_room_and_whole_in_a_paragraph() -> None:
    grid = Grid(["cell", "score", "against guesses"], [["lstm", "0.1", "not shown to be better than linear"]], 1)
    grid = replace(grid, clauses=("against guesses",))
    (drawn,) = draw(grid, 40)
    assert drawn.rows == [["lstm    0.1     not shown to be", "             better than linear"]]
    assert draw(grid, 80)[0].rows[0][0].endswith("  not shown to be better than linear")
    long = replace(grid, rows=[["a_name_that_is_so_long", *grid.rows[0][1:]]])
    (listed,) = draw(long, 30)
    assert listed.rows[0][2] == "against guesses not shown to be better than linear"
