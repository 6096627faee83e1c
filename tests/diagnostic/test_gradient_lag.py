"""The gradient against the lag: closed forms of five cells, torch one sequence at a time, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seqexp.cell.gru import GRU
from seqexp.cell.history import history
from seqexp.cell.lstm import LSTM
from seqexp.cell.mgu import MGU
from seqexp.cell.recurrent import Recurrent
from seqexp.cell.rnn import RNN
from seqexp.data.split import Split
from seqexp.diagnostic.gradient_lag import GradientLag
from seqexp.model import Model
from seqexp.readout import read_last
from seqexp.score import CrossEntropy, SquaredError
from seqexp.seeding import generator

SIZES = {"input_size": 2, "num_seeds": 2, "hidden_size": 5, "num_layers": 1, "dropout": 0.0, "bidirectional": False}
CELLS: dict[str, tuple[type[Recurrent], dict[str, Any]]] = {
    "rnn": (RNN, {"nonlinearity": "tanh"}), "relu": (RNN, {"nonlinearity": "relu"}),
    "lstm": (LSTM, {"forget_bias": None}), "gru": (GRU, {}), "mgu": (MGU, {}),
}  # fmt: skip


def made(name: str, reads: Any = "last", output_size: int = 1, **changes: Any) -> Model:
    cell_class, more = CELLS[name]
    model = Model(cell_class(**{**SIZES, **more, **changes}), output_size, reads, 0)
    model.reset_parameters([generator(seed, "model") for seed in range(model.num_seeds)])
    return model.double().eval()


def split(steps: int = 12, rows: int = 3, **more: Any) -> Split:
    chance = torch.Generator().manual_seed(0)
    inputs = torch.randn(2, rows, steps, 2, generator=chance, dtype=torch.float64)
    return Split(inputs, torch.randn(2, rows, 1, generator=chance, dtype=torch.float64))._replace(**more)


def ratio(norms: Any) -> Any:
    return norms / norms[:, :1]


@torch.no_grad()
def known(name: str, rate: float) -> tuple[Model, str]:
    """A cell whose gradient is rate^k exactly, at zero input; and the state of which that is true."""
    model = made(name)
    (weights,) = model.cell.all_weights()
    H = model.cell.hidden_size
    for each in weights:
        each.zero_()
    bias = math.log(rate / (1 - rate)) if rate < 1 else 0.0
    if name == "rnn":  # no unit saturates where the state stays 0
        orthogonal = torch.linalg.qr(
            torch.randn(2, H, H, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        ).Q
        weights.weight_hh.copy_(rate * orthogonal)
    elif name == "relu":
        weights.weight_hh.copy_(torch.eye(H))
        weights.bias_ih.fill_(0.1)
    elif name == "lstm":
        weights.bias_ih[:, H : 2 * H] = bias
        weights.bias_ih[:, 2 * H : 3 * H] = 0.5  # or c would be 0
    elif name == "gru":
        weights.bias_hh[:, H : 2 * H] = bias
    else:  # h_t = (1 - f) h + f n
        weights.bias_ih[:, :H] = -bias
    return model, "c" if name == "lstm" else "h"


@pytest.mark.parametrize(("name", "rate"), [("rnn", 0.8), ("relu", 1.0), ("lstm", 0.9), ("gru", 0.7), ("mgu", 0.6)])
def test_known_cells_have_their_closed_form(name: str, rate: float) -> None:
    model, state = known(name, rate)
    still = split()._replace(inputs=torch.zeros(2, 3, 12, 2, dtype=torch.float64))
    found = GradientLag(None, 100).measure(model, SquaredError(), still)
    np.testing.assert_allclose(ratio(found[state]), np.tile(rate ** np.arange(12), (2, 1)), rtol=1e-9)
    np.testing.assert_allclose(found["radius"], rate, rtol=1e-6)
    singular = GradientLag(None, 100, 2).measure(model, SquaredError(), still)
    assert singular["lags"][0].tolist() == list(range(12))
    expected = np.broadcast_to(rate ** np.arange(12)[:, None], (2, 12, model.cell.output_size))
    np.testing.assert_allclose(singular[f"singular_{state}"], expected, rtol=1e-9)
    np.testing.assert_array_equal(singular[state], found[state])
    beyond = {state: np.where([[True], [False]] * (np.arange(12) > 7), np.nan, singular[state])}  # no sequence so long
    numbers = GradientLag(None, 100).numbers(singular | beyond)
    for factor in (numbers[f"{state}_factor"], numbers[f"{state}_stretch"], numbers["radius"]):
        np.testing.assert_allclose(factor, [rate, rate], rtol=1e-6)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_singular_values_are_those_of_what_autograd_says_of_one_sequence(name: str) -> None:
    model = made(name)
    lengths = torch.tensor([[12, 9, 5], [7, 12, 12]])
    batch = split(lengths=lengths)
    found = GradientLag(6, 100, 1).measure(model, SquaredError(), batch)
    for seed in range(2):
        length = int(lengths[seed, 0])
        cell: Any = model.members(slice(seed, seed + 1)).cell
        x = batch.inputs[seed : seed + 1, :1, :length]
        states, _ = history(cell, x, None)
        (weights,) = cell.all_weights()
        for column, lag in enumerate(found["lags"][seed]):
            start = tuple(each.detach().requires_grad_() for each in states[-1 - lag])
            after = start
            for x_t in x.permute(2, 0, 3, 1)[length - lag :]:
                after = cell.step(x_t, after, weights)
            for state, last, first in zip(cell.states, after, start, strict=True):
                rows = [torch.autograd.grad(each, first, retain_graph=True)[0][0, :, 0] for each in last[0, :, 0]]
                expected = torch.linalg.svdvals(torch.stack(rows))
                np.testing.assert_allclose(found[f"singular_{state}"][seed, column], expected, rtol=1e-8)


def expected(model: Model, seed: int, batch: Split, row: int, length: int, loss: Any) -> list[float]:
    """|dL/dh_{T-k}| by torch's own modules, one sequence and one step at a time."""
    export = model.to_torch(seed)
    cell, readout = export["cell"], export["readout"]
    state = None
    outputs: list[Tensor] = []
    for x in batch.inputs[seed, row, :length]:
        _, state = cell(x[None, None], state)
        if isinstance(state, tuple):
            state[0].retain_grad()
            outputs.append(state[0])
        else:
            state.retain_grad()
            outputs.append(state)
    loss(readout(outputs[-1][0, 0])).backward()
    return [float(each.grad.norm()) for each in reversed(outputs)]


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("unequal", [False, True])
def test_the_norms_are_those_of_torch_one_sequence_at_a_time(name: str, unequal: bool) -> None:
    model = made(name)
    lengths = torch.tensor([[12, 9, 5], [7, 12, 12]]) if unequal else None
    batch = split(lengths=lengths)
    found = GradientLag(4, 100).measure(model, SquaredError(), batch)["h"]
    assert found.shape == (2, 5)
    for seed in range(2):
        logs = []
        for row in range(3):
            target = batch.targets[seed, row]
            length = 12 if lengths is None else int(lengths[seed, row])
            norms = expected(model, seed, batch, row, length, lambda y, t=target: nn.functional.mse_loss(y, t))
            logs.append(np.log(norms[:5]))
        np.testing.assert_allclose(found[seed], np.exp(np.mean(logs, 0)), rtol=1e-10)


def test_of_targets_at_every_step_the_last_counts() -> None:
    model = made("gru", "steps", output_size=3)
    classes = torch.randint(3, (2, 3, 12), generator=torch.Generator().manual_seed(2))
    batch = split(targets=classes)
    found = GradientLag(None, 100).measure(model, CrossEntropy("nats"), batch)["h"]
    for seed in range(2):
        rows = [
            expected(model, seed, batch, row, 12,
                     lambda y, t=classes[seed, row, -1]: nn.functional.cross_entropy(y[None], t[None]))
            for row in range(3)
        ]  # fmt: skip
        np.testing.assert_allclose(found[seed], np.exp(np.mean(np.log(rows), 0)), rtol=1e-10)


@pytest.mark.parametrize(
    "changes", [{"num_layers": 3}, {"bidirectional": True}, {"num_layers": 2, "bidirectional": True}]
)
@pytest.mark.parametrize("name", CELLS)
def test_the_history_ends_where_the_cell_itself_does(name: str, changes: dict[str, Any]) -> None:
    model = made(name, **changes)
    batch = split()
    states, output = history(model.cell, batch.inputs, None)
    torch.testing.assert_close(output.transpose(1, 2), model.cell.last(batch.inputs), rtol=1e-12, atol=1e-14)
    whole = model.cell(batch.inputs)[..., : model.cell.hidden_size]  # (S, B, T, H)
    steps = torch.stack([each[0] for each in states]).permute(1, 3, 0, 2)
    torch.testing.assert_close(steps, whole, rtol=1e-12, atol=1e-14)


def test_pieces_make_the_same_whole_and_a_seed_alone_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = made("lstm"), split(rows=7)
    whole = GradientLag(None, 6).measure(model, SquaredError(), batch)
    monkeypatch.setattr("seqexp.diagnostic.gradient_lag.AT_ONCE", 130)
    for name, values in GradientLag(None, 6).measure(model, SquaredError(), batch).items():
        np.testing.assert_allclose(values, whole[name], rtol=1e-12)
    alone = GradientLag(None, 6).measure(model.members(slice(1, 2)), SquaredError(), batch.of(slice(1, 2)))
    for name, values in alone.items():
        np.testing.assert_allclose(values, whole[name][1:], rtol=1e-12)
    fewer = GradientLag(None, 6).measure(model, SquaredError(), batch.first(6))
    np.testing.assert_array_equal(fewer["h"].shape, whole["h"].shape)
    np.testing.assert_allclose(fewer["h"], whole["h"], rtol=1e-12)


def test_a_sequence_without_error_is_left_out() -> None:
    model, batch = made("lstm"), split(rows=3)
    with torch.no_grad():
        _, output = history(model.cell, batch.inputs, None)
        exact = read_last(output, model.weight, model.bias)[:, 1]  # (S, O), to the last bit
    targets = batch.targets.clone()
    targets[:, 1] = exact
    found = GradientLag(None, 6).measure(model, SquaredError(), batch._replace(targets=targets))
    others = Split(batch.inputs[:, [0, 2]], batch.targets[:, [0, 2]])
    expected = GradientLag(None, 6).measure(model, SquaredError(), others)
    np.testing.assert_allclose(found["h"], expected["h"], rtol=1e-12)


def test_a_seed_that_diverged_has_no_numbers_and_spoils_no_other() -> None:
    model, batch = made("rnn"), split()
    before = GradientLag(None, 6).measure(model, SquaredError(), batch)
    with torch.no_grad():
        model.cell.weight_hh_l0[0] = torch.nan
    found = GradientLag(None, 6).measure(model, SquaredError(), batch)
    for name in ("h", "radius"):
        assert np.isnan(found[name][0]).any()
        np.testing.assert_allclose(found[name][1], before[name][1], rtol=1e-12)
    arrays = {f"{time}_{name}": values for time in ("start", "end") for name, values in found.items()}
    assert GradientLag(None, 6).draw({"rnn": arrays}).axes


def test_the_picture_has_each_state_and_the_theory_by_name() -> None:
    by_label = {}
    for name in ("lstm", "gru"):
        found = GradientLag(None, 6).measure(made(name), SquaredError(), split())
        by_label[name] = {f"{time}_{part}": values for time in ("start", "end") for part, values in found.items()}
    figure = GradientLag(None, 6).draw(by_label)
    assert [axes.get_title() for axes in figure.axes] == ["before training", "after training"]
    names = [each.get_text() for each in figure.legends[0].get_texts()]
    assert names == ["lstm, state h", "lstm, state c", "lstm at rest: rᵏ", "gru", "gru at rest: rᵏ"]
    for axes in figure.axes:
        lines = axes.get_lines()
        assert len(lines) == 5
        np.testing.assert_allclose([line.get_ydata()[0] for line in lines], 1)
    found = GradientLag(None, 6, 2).measure(made("gru"), SquaredError(), split())
    arrays = {f"{time}_{part}": values for time in ("start", "end") for part, values in found.items()}
    figure = GradientLag(None, 6, 2).draw({"gru": arrays})
    assert [axes.get_ylabel() for axes in figure.axes[2:]] == [
        "singular value of ∂h(T)/∂h(T−k):\nlargest, and median"
    ] * 2
    names = [each.get_text() for each in figure.legends[0].get_texts()]
    assert names == ["gru", "gru at rest: rᵏ", "gru, median"]
    along = {f"steps_{part}": np.stack([each, each], 1) for part, each in GradientLag(None, 6).numbers(found).items()}
    figure = GradientLag(None, 6, 2).draw({"gru": {**arrays, **along, "steps": np.array([[0, 9]] * 2)}})
    assert [axes.get_ylabel() for axes in figure.axes[4:]] == [
        "gradient: factor of one step", "largest singular value:\nfactor of one step",
    ]  # fmt: skip
    measured, law = (line.get_ydata()[0] for line in figure.axes[5].get_lines())
    expected = (found["singular_h"][:, -1, 0] ** (1 / 11)).mean()
    np.testing.assert_allclose([measured, law], [expected, found["radius"].mean()])


@pytest.mark.parametrize(("values", "said"), [((0, 5), "max_lag must be >= 1"), ((3, 0), "max_sequences must be >= 1")])
def test_what_is_refused(values: tuple[int, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        GradientLag(*values)
