"""States over time: principal components against NumPy's covariance, what colours a path, and the picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from seqexp.cell.rnn import RNN
from seqexp.data.parity import Parity
from seqexp.data.sine import Sine
from seqexp.data.split import Split
from seqexp.diagnostic.states import States, principal
from seqexp.model import Model
from seqexp.score import CrossEntropy
from seqexp.seeding import generator


def made(hidden_size: int = 3) -> Model:
    cell = RNN(
        input_size=1,
        num_seeds=2,
        hidden_size=hidden_size,
        num_layers=1,
        dropout=0.0,
        bidirectional=False,
        nonlinearity="tanh",
    )
    model = Model(cell, 2, "last", 0)
    model.reset_parameters([generator(seed, "model") for seed in range(2)])
    return model.double().eval()


def bits(task: Parity) -> Split:
    drawn = [task.sample(generator(seed, "data"), 9, None) for seed in range(2)]
    return Split(
        torch.stack([each.inputs for each in drawn]).double(),
        torch.stack([each.targets for each in drawn]),
        lengths=torch.stack([each.lengths for each in drawn if each.lengths is not None]),
    )


def test_the_plane_is_that_of_the_covariances_largest_eigenvalues() -> None:
    chance = torch.Generator().manual_seed(0)
    states = torch.randn(2, 7, 11, 4, generator=chance, dtype=torch.float64) * torch.tensor([3.0, 1.0, 0.2, 0.1])
    states = states @ torch.linalg.qr(torch.randn(4, 4, generator=chance, dtype=torch.float64)).Q
    states[:, 0, 5:] = torch.nan
    places, shares = principal(states)
    for seed in range(2):
        rows = states[seed].flatten(0, 1).numpy()
        rows = rows[np.isfinite(rows).all(1)]
        values, vectors = np.linalg.eigh(np.cov(rows.T, bias=True))
        np.testing.assert_allclose(shares[seed], values[:-3:-1] / values.sum(), rtol=1e-9)
        axes = vectors[:, :-3:-1]
        expected = (rows - rows.mean(0)) @ (axes * np.sign(axes[np.abs(axes).argmax(0), [0, 1]]))
        got = places[seed].flatten(0, 1).numpy()
        got = got[np.isfinite(got).all(1)]
        np.testing.assert_allclose(got, expected, rtol=1e-7, atol=1e-9)
    assert places[:, 0, 5:].isnan().all()


def test_one_unit_has_no_second_direction() -> None:
    places, shares = principal(torch.randn(1, 3, 4, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    assert shares.tolist() == [[1.0, 0.0]]
    assert places[..., 1].abs().max() == 0


def test_states_are_the_cells_and_paths_are_coloured_by_the_task() -> None:
    task = Parity(9, 3, 8)
    batch, model = bits(task), made()
    found = States(5, None).of(task).measure(model, CrossEntropy("nats"), batch)
    assert found["color_name"] == "parity"
    with torch.no_grad():
        states = model.cell(batch.inputs)
    for seed in range(2):
        lengths = batch.lengths[seed, :5].tolist()  # type: ignore[index]
        length, row = max(lengths), lengths.index(max(lengths))
        np.testing.assert_array_equal(found["h"][seed, :length], states[seed, row, :length])
        assert np.isnan(found["h"][seed, length:]).all()
        for row in range(5):
            length = int(batch.lengths[seed, row])  # type: ignore[index]
            np.testing.assert_array_equal(
                found["color"][seed, row, :length], batch.inputs[seed, row, :length, 0].cumsum(0) % 2
            )
            assert found["color"][seed, row, length - 1] == batch.targets[seed, row]
            assert np.isnan(found["color"][seed, row, length:]).all()
    alone = States(5, None).of(task).measure(model.members(slice(1, 2)), CrossEntropy("nats"), batch.of(slice(1, 2)))
    np.testing.assert_allclose(alone["path"], found["path"][1:], rtol=1e-9, atol=1e-12)
    for name in ("ones so far", "class of the sequence", "step"):
        assert States(5, name).of(task).measure(model, CrossEntropy("nats"), batch)["color_name"] == name


def test_the_picture_says_what_is_seen() -> None:
    task = Parity(9, 3, 8)
    found = States(5, None).of(task).measure(made(), CrossEntropy("nats"), bits(task))
    arrays = {f"end_{name}": values for name, values in found.items()}
    figure = States(5, None).draw({"rnn": arrays, "gru": arrays})
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:4] == ["rnn: one sequence", "rnn: 5 sequences", "gru: one sequence", "gru: 5 sequences"]
    assert figure.axes[1].get_xlabel().startswith(f"first principal component ({found['explained'][0, 0]:.0%}")
    assert {axes.get_ylabel() for axes in figure.axes[4:]} == {"state h", "parity"}
    (points,) = figure.axes[1].collections
    path = found["path"][0].swapaxes(0, 1).reshape(-1, 2)  # step by step, so that no sequence hides others
    np.testing.assert_allclose(points.get_offsets(), path[np.isfinite(path[:, 0])])


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (Parity(9, 3, 8), "color must be null or one of parity, ones so far, class of the sequence, step, got 'p'"),
        (Sine(100, 40.0, 1.0, 1.0, 0.1, 20, 1), "color must be null or one of step, got 'p'"),
    ],
)
def test_a_colour_that_is_none_is_refused(task: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        States(5, "p").of(task)
    with pytest.raises(ValueError, match="max_sequences must be >= 1"):
        States(0, None)
