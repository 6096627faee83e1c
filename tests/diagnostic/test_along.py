"""Numbers over the steps of training: where each stands, and what is known beside it."""

from __future__ import annotations

import numpy as np

from seqexp.diagnostic.along import START, over_steps

ARRAYS = {
    "steps": np.array([[0, 3, 40]] * 2),
    "steps_capacity": np.array([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]),
    "steps_law": np.array([[6.0, 6.0, 6.0], [8.0, 8.0, 8.0]]),
}


def test_each_number_stands_at_its_step() -> None:
    (panel,) = over_steps({"gru": ARRAYS}, "capacity", "memory", law="law")
    measured, known = panel.lines
    for line in panel.lines:
        assert line.x.tolist() == [START, 3, 40]
    assert measured.mean.tolist() == [2, 3, 4]
    assert known.mean.tolist() == [7, 7, 7]
    assert (measured.theory, known.theory) == (False, True)
    assert over_steps({"gru": {"end_capacity": np.ones(2)}}, "capacity", "memory") == []
