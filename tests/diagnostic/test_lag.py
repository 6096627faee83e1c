"""Whether a forecast comes too late: who knows the target, who repeats the last value, and a wave's own correlation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seqexp.data.fitzhugh_nagumo import FitzHughNagumo
from seqexp.data.sine import Sine
from seqexp.data.split import Split
from seqexp.data.sum import Sum
from seqexp.diagnostic.lag import Lag, pearson
from seqexp.score import SquaredError

OMEGA, HORIZON = 0.3, 2


class Known(nn.Module):
    """Stands for a model of two seeds: the first knows the wave, the second repeats the last value."""

    cell = type("Cell", (), {"output_size": 1})()

    def __init__(self, reads: str, horizon: int) -> None:
        super().__init__()
        self.reads, self.horizon = reads, horizon

    def forward(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        before = torch.nn.functional.pad(x, (0, 0, 1, 0))[:, :, :-1]
        after = x
        for _ in range(self.horizon):
            before, after = after, 2 * np.cos(OMEGA) * after - before
        found = torch.stack([after[0], x[1]])
        return found[:, :, -1] if self.reads == "last" else found


def wave(count: int) -> Tensor:
    return torch.arange(count, dtype=torch.float64).mul(OMEGA).sin()[None, :, None].expand(2, -1, 1)


def windows() -> Split:
    values = wave(3000)
    inputs = values.unfold(1, 8, 1).transpose(2, 3)  # (S, N, 8, 1)
    return Split(inputs[:, :-HORIZON], values[:, 8 - 1 + HORIZON :])


def sequences() -> Split:
    values = wave(3041).unfold(1, 41, 10).transpose(2, 3)
    return Split(values[:, :, :-1], values[:, :, 1:])


@pytest.mark.parametrize(("reads", "horizon", "batch"), [("last", HORIZON, windows()), ("steps", 1, sequences())])
def test_one_is_in_time_and_the_other_as_late_as_it_looks_ahead(reads: str, horizon: int, batch: Split) -> None:
    model: Any = Known(reads, horizon)
    task = Sine(100, 40.0, 1.0, 1.0, 0.1, 20, horizon)
    found = Lag(5).of(task).beside(batch).measure(model, SquaredError(), batch)
    assert found["behind"].tolist() == [[0, *range(horizon, horizon + 5)]] * 2
    np.testing.assert_allclose(found["r"][0, 0], 1, rtol=1e-9)
    np.testing.assert_allclose(found["r"][1, 1], 1, rtol=1e-9)
    assert found["most"].tolist() == [0, horizon]
    np.testing.assert_allclose(found["r_target"], np.cos(OMEGA * found["behind"]), atol=5e-3)
    np.testing.assert_allclose(found["r_last"], np.cos(OMEGA * (found["behind"] - horizon)), atol=5e-3)
    if reads == "last":  # which has two values or more, by which a wave is exactly linear
        np.testing.assert_allclose(found["r_linear"][:, 0], 1, rtol=1e-9)
    arrays = {f"end_{name}": values for name, values in found.items()}
    (row,) = Lag(5).table(arrays).values()
    assert row["steps behind"].tolist() == [0, horizon]
    figure = Lag(5).draw({"gru": arrays})
    names = [each.get_text() for each in figure.legends[0].get_texts()]
    assert names[0] == "gru: 1 of 2 seeds agree more with the last value"
    assert names[1:] == ["the target itself", "the last value, repeated", "least squares, fitted to the training split"]


def test_least_squares_have_learnt_where_the_model_has() -> None:
    model: Any = Known("last", HORIZON)
    instrument, batch = Lag(5).of(Sine(100, 40.0, 1.0, 1.0, 0.1, 20, HORIZON)), windows()
    late = instrument.beside(batch._replace(targets=batch.inputs[:, :, -1])).measure(model, SquaredError(), batch)
    np.testing.assert_allclose(late["r_linear"], late["r_last"], rtol=1e-9)
    with pytest.raises(ValueError, match="training split of Lag must be known"):
        instrument.measure(model, SquaredError(), batch)


def test_the_correlation_is_numpys_and_knows_no_unit() -> None:
    chance = torch.Generator().manual_seed(0)
    one, other = (torch.randn(2, 50, 3, generator=chance, dtype=torch.float64) for _ in range(2))
    one = 2 + 5 * one + other
    expected = [np.mean([np.corrcoef(one[s, :, o], other[s, :, o])[0, 1] for o in range(3)]) for s in range(2)]
    np.testing.assert_allclose(pearson(one, other), expected, rtol=1e-9)


def test_targets_that_are_no_later_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match="those of Sum are something else"):
        Lag(5).of(Sum(9, 4, "normal"))
    assert Lag(5).of(FitzHughNagumo(5, 30, 1, 0, 0.4)).known_task.ahead == 1
    with pytest.raises(ValueError, match="task of Lag must be known"):
        _ = Lag(5).known_task
    with pytest.raises(ValueError, match="max_lag must be >= 1"):
        Lag(0)
