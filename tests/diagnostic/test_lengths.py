"""The score against the length: closed forms of who adds everything, and of who adds the first values only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seqexp.data.anbn import AnBn
from seqexp.data.parity import Parity
from seqexp.data.sine import Sine
from seqexp.data.split import Split
from seqexp.data.sum import Sum
from seqexp.diagnostic.lengths import Lengths
from seqexp.score import CrossEntropy, SquaredError
from seqexp.seeding import generator

TASK = Sum(50, 10, "normal")


class Adder(nn.Module):
    """Stands for a model of two seeds: the first adds all values, the second the first five."""

    cell = type("Cell", (), {"output_size": 4})()

    def forward(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        return torch.stack([x[0].sum(1), x[1, :, :5].sum(1)])


def split(task: Any) -> Split:
    drawn = [task.sample(generator(seed, "data"), 50, None) for seed in range(2)]
    stacked = [None if parts[0] is None else torch.stack(parts) for parts in zip(*drawn, strict=True)]
    return Split._make(stacked).to(torch.device("cpu"), torch.float64)


def test_who_adds_five_values_misses_the_variance_of_the_others() -> None:
    model: Any = Adder()
    instrument = Lengths([5, 10, 40], 4000, 0).of(TASK).beside(split(TASK))
    found = instrument.measure(model, SquaredError(), split(TASK))
    assert found["lengths"].tolist() == [[5, 10, 40]] * 2
    np.testing.assert_allclose(found["score"][0], 0, atol=1e-9)  # in single precision drawn
    np.testing.assert_allclose(found["score"][1], [0, 5, 35], rtol=0.1, atol=1e-9)
    np.testing.assert_allclose(found["constant"], np.tile([5, 10, 40], (2, 1)), rtol=0.15)
    assert found["trained"].tolist() == [[10, 10]] * 2
    again = instrument.measure(model, SquaredError(), split(TASK))
    assert again["score"].tobytes() == found["score"].tobytes()


class Even(nn.Module):
    """Says that both classes are as likely."""

    cell = type("Cell", (), {"output_size": 4})()

    def forward(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        assert lengths is not None
        assert (lengths == x.shape[2]).all()
        return x.new_zeros(*x.shape[:2], 2)


def test_without_lengths_they_lie_around_those_of_training() -> None:
    task = Parity(50, 4, 8)
    model: Any = Even()
    train, short = split(task), split(Parity(50, 4, 6))
    found = Lengths(None, 30, 0).of(task).beside(train).measure(model, CrossEntropy("nats"), short)
    assert found["lengths"][0].tolist() == [2, 4, 6, 8, 12, 16, 24, 32, 48, 64]
    assert (found["trained"] == [[4, 8], [4, 8]]).all()
    np.testing.assert_allclose(found["score"], np.log(2))
    assert (np.abs(found["constant"] - np.log(2)) < 0.1).all()
    figure = Lengths(None, 30, 0).draw({"gru": {f"end_{name}": values for name, values in found.items()}})
    (axes,) = figure.axes
    assert axes.get_title() == "scores of fresh sequences, trained on 4 to 8 steps"
    assert axes.get_ylabel() == "cross-entropy in nats"
    assert [each.get_text() for each in figure.legends[0].get_texts()] == ["gru", "constant guess"]


def test_the_constant_guess_has_learnt_where_the_model_has() -> None:
    model: Any = Adder()
    train = split(TASK)._replace(targets=torch.full((2, 50, 1), 3.0))
    found = Lengths([5, 10], 4000, 0).of(TASK).beside(train).measure(model, SquaredError(), split(TASK))
    np.testing.assert_allclose(found["constant"], np.tile([9 + 5, 9 + 10], (2, 1)), rtol=0.15)


def test_lengths_that_the_task_does_not_have_are_left_out_or_refused() -> None:
    task = AnBn(50, 5)  # of even lengths
    with pytest.raises(ValueError, match="the task has no sequence of 7 steps: length must be a multiple of 2"):
        Lengths([6, 7], 30, 0).of(task)
    with pytest.raises(ValueError, match="Sine does not"):
        Lengths(None, 30, 0).of(Sine(100, 40.0, 1.0, 1.0, 0.1, 20, 1))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (([], 9, 0), "lengths must be null or whole numbers >= 1, got []"),
        (([0], 9, 0), "lengths must be null or whole numbers >= 1"),
        (([1.5], 9, 0), "lengths must be null or whole numbers >= 1"),
        ((None, 0, 0), "sequences must be >= 1"),
        ((None, 9, -1), "seed must be >= 0"),
    ],
)
def test_wrong_settings_are_refused(values: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("[", r"\[")):
        Lengths(*values)
