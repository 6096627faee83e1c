"""The score against noise: the closed form of a linear model, and what is drawn once for all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seqexp.data.split import Split
from seqexp.data.sum import Sum
from seqexp.diagnostic.noise import Noise, deviations
from seqexp.score import SquaredError

WEIGHTS = torch.tensor([0.5, -1.0, 2.0, 0.25], dtype=torch.float64)
SIZES = [0.0, 0.5, 1.0]


class Linear(nn.Module):
    """Stands for a model of any number of seeds: a weight for each step."""

    num_tokens = 0
    cell = type("Cell", (), {"output_size": 1})()

    def forward(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        return (x[..., 0] @ WEIGHTS)[..., None]


def split() -> Split:
    inputs = 2 + 3 * torch.randn(2, 4000, 4, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Split(inputs, (inputs[..., 0] @ WEIGHTS)[..., None])


def measured(batch: Split, train: Split | None = None) -> Any:
    model: Any = Linear()
    instrument = Noise(SIZES, 4000, 0).of(Sum(9, 4, "normal")).beside(train or batch)
    return instrument.measure(model, SquaredError(), batch)


def test_the_score_of_a_linear_model_grows_with_the_square_of_the_noise() -> None:
    found = measured(split())
    expected = 9 * float(WEIGHTS.square().sum()) * np.square(SIZES)
    np.testing.assert_allclose(found["score"], np.tile(expected, (2, 1)), rtol=0.06, atol=1e-12)
    np.testing.assert_allclose(found["score"][:, 1] * 4, found["score"][:, 2], rtol=1e-9)  # one noise that grows
    np.testing.assert_allclose(found["linear"], found["score"], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found["constant"], split().targets.var(1, correction=0).expand(2, 3), rtol=1e-9)
    alone = measured(split().of(slice(1, 2)))
    np.testing.assert_allclose(alone["score"], found["score"][1:], rtol=1e-12)


def test_guesses_learn_where_the_model_does_and_are_scored_where_it_is() -> None:
    batch = split().first(100)
    train = split()._replace(targets=5 - 2 * split().targets)
    found = measured(batch, train)
    expected = (5 - 3 * batch.targets).square().mean((1, 2))
    np.testing.assert_allclose(found["linear"][:, 0], expected, rtol=1e-9)
    expected = (train.targets.mean(1, keepdim=True) - batch.targets).square().mean((1, 2))
    np.testing.assert_allclose(found["constant"], expected[:, None].expand(2, 3), rtol=1e-9)


def test_padding_does_not_count_in_the_deviation() -> None:
    inputs = torch.tensor([[[[1.0], [3.0], [100.0]], [[1.0], [3.0], [3.0]]]])
    batch = Split(inputs, torch.zeros(1, 2, 1), lengths=torch.tensor([[2, 3]]))
    np.testing.assert_allclose(deviations(batch), [[np.std([1, 3, 1, 3, 3])]], rtol=1e-6)


def test_the_picture_names_what_no_noise_reaches() -> None:
    arrays = {f"end_{name}": values for name, values in measured(split()).items()}
    figure = Noise(SIZES, 9, 0).draw({"rnn": arrays, "gru": arrays})
    names = [each.get_text() for each in figure.legends[0].get_texts()]
    assert names == ["rnn", "gru", "constant guess", "least squares, fitted to the training split without noise"]
    assert figure.axes[0].get_ylabel() == "MSE"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (([], 9, 0), "sizes must be numbers >= 0"),
        (([-0.1], 9, 0), "sizes must be numbers >= 0"),
        (([0.1], 0, 0), "max_sequences must be >= 1"),
        (([0.1], 9, -1), "seed must be >= 0"),
    ],
)
def test_wrong_settings_are_refused(values: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Noise(*values)
    model: Any = type("Model", (), {"num_tokens": 5})()
    with pytest.raises(ValueError, match="those of this task are tokens"):
        Noise([0.1], 9, 0).check(model)
