"""Runs that differ in how a network's numbers are scaled are rows of one table; runs on other data are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from seqexp.compare.data_sets import group
from seqexp.compare.runs import Run

Make = Callable[..., Run]


@pytest.fixture
def scaled(run: Make) -> Make:
    def scaled(cell: str, scaling: str, of: str = "", key: str = "data.scaling", **changes: Any) -> Run:
        hashes = [[f"{of} {seed}", f"test {seed}"] for seed in range(2)]
        return run("csv", cell, [0.1, 0.2], settings={key: scaling}, **{"data_hash": hashes, **changes})

    return scaled


@pytest.mark.parametrize("key", ["data.scaling", "data.scaling.price"])
def test_one_cell_is_compared_by_its_scaling(scaled: Make, key: str) -> None:
    (found,) = group([scaled("rnn", each, key=key) for each in ("standard", "minmax")])
    assert found.compared == [key]
    assert [row.name for row in found.rows] == [f"{key}=minmax", f"{key}=standard"]


def test_of_several_cells_a_scaling_is_picked(scaled: Make) -> None:
    (found,) = group([scaled(cell, each) for cell in ("gru", "rnn") for each in ("standard", "minmax")])
    assert (found.compared, found.keys) == (["cell"], ["data.scaling"])


def test_data_that_a_task_scales_itself_are_data_sets(scaled: Make) -> None:
    found = group([scaled("rnn", each, of=each) for each in ("standard", "minmax")])
    assert [each.name for each in found] == ["csv data.scaling=minmax", "csv data.scaling=standard"]
    (found_without,) = group([scaled("rnn", each, data_hash=None) for each in ("standard", "minmax")])
    assert found_without.compared == ["data.scaling"]
