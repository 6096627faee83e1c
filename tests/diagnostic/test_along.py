"""Numbers over the steps of training: where each stands, and what is known beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

from seqexp.config import CONF
from seqexp.diagnostic import kept
from seqexp.diagnostic.along import START, over_steps

ARRAYS = {
    "steps": np.array([[0, 3, 40]] * 2),
    "steps_capacity": np.array([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]),
    "steps_law": np.array([[6.0, 6.0, 6.0], [8.0, 8.0, 8.0]]),
}


def test_each_number_stands_at_its_step() -> None:
    (panel,) = over_steps({"gru": ARRAYS}, "capacity", "memory", law="law", known={"bound": 9.0})
    measured, known, bound = panel.lines
    assert (bound.x.tolist(), bound.mean.tolist(), bound.theory) == ([START, 40], [9, 9], True)
    for line in panel.lines[:2]:
        assert line.x.tolist() == [START, 3, 40]
    assert measured.mean.tolist() == [2, 3, 4]
    assert known.mean.tolist() == [7, 7, 7]
    assert (measured.theory, known.theory) == (False, True)
    assert over_steps({"gru": {"end_capacity": np.ones(2)}}, "capacity", "memory") == []


@pytest.mark.parametrize(
    ("name", "measured", "expected"),
    [
        ("noise", {"sizes": [[0.0, 0.5, 1.0]] * 2, "score": [[1, 2, 3], [4, 5, 6]]}, {"0": [1, 4], "1": [3, 6]}),
        (
            "lengths",
            {"lengths": [[5, 10, 80]] * 2, "trained": [[1, 10], [1, 9]], "score": [[1, 2, 3], [4, 5, 6]]},
            {"10 steps": [2, 5], "80 steps": [3, 6]},
        ),
        ("lag", {"r": [[0.9, 0.8, 0.1], [0.7, 0.6, 0.1]]}, {"with the target": [0.9, 0.7], "last": [0.8, 0.6]}),
        ("fixed_points", {"stable": [4, 8]}, {"stable": [4, 8]}),
        ("automaton", {"transitions": [0.5, 1.0]}, {"transitions": [0.5, 1.0]}),
    ],
)
def test_what_is_drawn_over_the_steps(name: str, measured: dict[str, Any], expected: dict[str, list[float]]) -> None:
    built = kept.build(name, OmegaConf.to_container(OmegaConf.load(CONF / "diagnostic" / f"{name}.yaml")), ())
    assert built.along
    found = built.numbers({each: np.array(values) for each, values in measured.items()})
    assert len(found) == len(expected)
    for (key, values), (part, known) in zip(found.items(), expected.items(), strict=True):
        assert part in key
        assert values.tolist() == known
