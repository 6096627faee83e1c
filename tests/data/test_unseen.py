"""What an evaluation is scored on lies in no row that was trained or selected on, however windows are cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from seqexp.data.fixed import FixedSeries
from seqexp.data.module import PopulationData

TABLE = np.random.default_rng(0).normal(size=(100, 1))


def rows(folds: int = 1, **changes: Any) -> list[float]:
    """The targets of an evaluation of a table of which 80 windows train and select, by `changes`."""

    def make(given: Any) -> FixedSeries:
        values = {"window": 10, "horizon": 1, "table": TABLE, **given}
        return FixedSeries(values["table"], ["x"], ["x"], ["x"], values["window"], values["horizon"], "none")

    data = PopulationData(make, range(2), None, 0.6, 0.2, 0.2, evaluations={"other": changes}, folds=folds)
    data.make()
    found: list[float] = data.evaluations["test@other"].targets[0, :, 0].tolist()
    return found


def after(row: int) -> list[float]:
    return torch.from_numpy(TABLE[row:, 0]).float().tolist()


@pytest.mark.parametrize("changes", [{"horizon": 2}, {"horizon": 5}, {"window": 4}, {"window": 20}, {"window": 3}])
def test_of_the_same_recording_targets_lie_behind_validation(changes: dict[str, int]) -> None:
    learnt = 10 + int(90 * 0.8)  # rows up to the last target of validation
    assert rows(**changes) == after(learnt)


def test_another_file_may_hold_rows_of_it_at_other_places() -> None:
    longer = np.concatenate([TABLE[30:], -TABLE[:20]])
    assert rows(table=longer) == after(82) + torch.from_numpy(-TABLE[:20, 0]).float().tolist()
    assert len(rows(table=-TABLE[:50])) == 40
    assert len(rows(table=longer, horizon=3)) == len(rows(table=longer))


def test_with_folds_no_seed_has_learnt_from_it() -> None:
    found = rows(folds=2, horizon=2)
    assert found == after(100 - len(found))
    assert 0 < len(found) <= 18


def test_where_nothing_is_left_it_is_refused() -> None:
    with pytest.raises(ValueError, match="all of its 40 windows were trained or selected on"):
        rows(table=TABLE[:50])
