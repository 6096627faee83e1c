"""What a comparison says of choices that are made over folds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from seqexp.compare.notes import over_folds


@pytest.mark.parametrize(
    ("folds", "guesses", "picks", "begins"),
    [
        (1, 3, True, None),
        (5, 1, False, None),
        (5, 1, True, "Settings are picked by validation"),
        (5, 3, False, "The best guess is chosen by validation"),
        (5, 3, True, "Settings are picked and the best guess is chosen by validation"),
    ],
)
def test_a_choice_over_folds_is_said(folds: int, guesses: int, picks: bool, begins: str | None) -> None:
    baselines = dict.fromkeys(map(str, range(guesses)))
    run: Any = SimpleNamespace(settings={"data.folds": folds}, validation_baselines=baselines)
    said = list(over_folds([run], picks))
    assert [each.startswith(str(begins)) for each in said] == [True] * (begins is not None)
