"""Tables of what stands beside the scores: other metrics at evaluations, and what diagnostics measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from seqexp.compare.export import as_dict, tidy_rows
from seqexp.compare.instruments import Measurement
from seqexp.compare.report import markdown
from seqexp.compare.runs import Run
from seqexp.compare.sheets import table_rows
from seqexp.compare.table import tables
from tests.compare.test_pairs import run, section

SCORES = np.linspace(0.1, 0.2, 8)


def evaluated(cell: str, accuracy: float) -> Run:
    return run(
        cell,
        range(8),
        SCORES,
        shown={"accuracy": np.full(8, 0.9)},
        evaluations={"test@40": 2 * SCORES, "test@80": 3 * SCORES},
        shown_elsewhere={"test@40_accuracy": np.full(8, accuracy)},
    )


def test_what_a_score_shows_beside_itself_has_a_table_over_all_evaluations() -> None:
    found = section(evaluated("gru", 0.75), evaluated("lstm", 0.5))
    _, _, shown = tables(found)
    assert shown.columns == ["cell", "accuracy test", "accuracy test@40", "accuracy test@80"]
    assert [line.texts for line in shown.lines] == [
        ["gru", "0.9 ± 0", "0.75 ± 0", "\N{EN DASH}"],
        ["lstm", "0.9 ± 0", "0.5 ± 0", "\N{EN DASH}"],
    ]
    assert next(tidy_rows([found]))["test@40_accuracy"] == 0.75
    assert next(table_rows([found]))["test@40_accuracy"] == 0.75
    (data,) = as_dict([found], [], [])["data"]
    assert data["rows"][1]["shown_elsewhere"]["test@40_accuracy"]["mean"] == 0.5
    without = section(run("gru", range(8), SCORES, evaluations={"test@40": SCORES}, shown={"accuracy": SCORES}))
    assert len(tables(without)) == 2


def test_what_diagnostics_measured_has_a_table() -> None:
    measured = Measurement(
        "closed_loop", {"gru": {"valid steps": np.array([3.0, 5.0])}}, {"the last value": {"valid steps": np.ones(2)}}
    )
    found = replace(section(run("gru", range(8), SCORES)), measured=[measured])
    _, table = tables(found)
    assert table.columns == ["cell", "closed_loop: valid steps"]
    assert [(line.texts[0], line.baseline) for line in table.lines] == [("gru", False), ("the last value", True)]
    assert "| the last value | 1 ± 0 |" in markdown([found], [], [])
    (data,) = as_dict([found], [], [])["data"]
    assert data["diagnostics"][0]["rows"]["gru"]["valid steps"]["mean"] == 4
