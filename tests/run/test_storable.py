"""Tests of what a run could not keep."""

from __future__ import annotations

import pytest
import torch

from seqexp.config.mistakes import ConfigError
from seqexp.run.storable import check_squares, check_texts
from seqexp.score import AbsoluteError, SquaredError


def test_texts_that_a_record_would_change_are_refused() -> None:
    check_texts({"target": "💶 Stückzahl", "missing": ["-"]}, ["שלום", "a b"])
    with pytest.raises(ConfigError, match=r"^data.inputs.1: 'vol\\u202eume' holds U\+202E, a sign that is not seen"):
        check_texts({"inputs": ["a", "vol\u202eume"]}, None)
    with pytest.raises(ConfigError, match=r"^data: the name of a class: '\\u200fשלום' holds U\+200F"):
        check_texts({}, ["a", "\u200fשלום"])


@pytest.mark.parametrize(("factor", "word"), [(1e-25, "small"), (1e22, "large")])
def test_targets_whose_squares_are_no_numbers_are_refused(factor: float, word: str) -> None:
    targets = torch.tensor([[1.0], [3.0]], dtype=torch.float64)
    held = (SquaredError(), 1e-15), (SquaredError(), 1e15), (SquaredError(), 0), (AbsoluteError(), factor)
    for score, scale in held:
        check_squares(score, targets * scale)
    with pytest.raises(ConfigError, match=f"whose square is too {word} for the numbers of 32 bits"):
        check_squares(SquaredError(), targets * factor)
