"""Cutting a population into groups, and handing them to threads, changes no bit of any seed's numbers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqexp import groups as groups_module
from seqexp.cell.gru import GRU
from seqexp.cell.lstm import LSTM
from seqexp.cell.recurrent import Recurrent
from seqexp.cell.rnn import RNN
from seqexp.groups import Groups, loss
from seqexp.model import Model, Packed
from seqexp.seeding import generator

S, B, T, H = 7, 5, 6, 4


class Echo(Recurrent):
    """A cell of a user: autograd differentiates it."""

    gates = 1

    def step(self, x: Tensor, state: tuple[Tensor, ...], weights: object) -> tuple[Tensor, ...]:
        return (torch.tanh(weights.from_input(x) + weights.from_state(state[0])),)  # type: ignore[attr-defined]


CELLS = {
    "rnn": (RNN, {"nonlinearity": "tanh"}),
    "lstm": (LSTM, {"forget_bias": None}),
    "gru": (GRU, {}),
    "echo": (Echo, {}),
}


def population(cell: str, dtype: torch.dtype = torch.float32, layers: int = 1, both: bool = False) -> Model:
    kind, extra = CELLS[cell]
    dropout = 0.3 if layers > 1 else 0.0
    model = Model(kind(1, S, H, layers, dropout, both, **extra), 2).to(dtype)
    model.reset_parameters([generator(seed, "model") for seed in range(S)])
    return model


def batch(dtype: torch.dtype = torch.float32, count: int = S) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(1)
    return (
        torch.randn(count, B, T, 1, generator=draw, dtype=dtype),
        torch.randn(count, B, 2, generator=draw, dtype=dtype),
    )


def differentiated(model: Model, workers: int) -> tuple[Tensor, Tensor]:
    packed = Packed(model)
    cut = Groups(model, workers)
    cut.bind(packed)
    mse, gradient = cut.differentiate(*batch(packed.values.dtype))
    return mse, gradient.clone()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("layers", "both"), [(1, False), (2, False), (2, True)])
@pytest.mark.parametrize(("state", "workers"), [(B * H, 1), (3 * B * H, 1), (2 * B * H, 3)])
def test_groups_and_threads_change_no_bit(
    cell: str, dtype: torch.dtype, layers: int, both: bool, state: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = differentiated(population(cell, dtype, layers, both), 1)
    monkeypatch.setattr(groups_module, "GROUP_STATE", state)
    monkeypatch.setattr(groups_module, "THREADED_STATE", 1)
    model = population(cell, dtype, layers, both)
    assert len(Groups(model, workers).bounds(B)) > 1
    cut = differentiated(model, workers)
    assert torch.equal(cut[0], whole[0])
    assert torch.equal(cut[1], whole[1])


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_are_those_of_ordinary_autograd(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups_module, "GROUP_STATE", 2 * B * H)
    model = population(cell, torch.float64)
    inputs, targets = batch(torch.float64)
    expected = torch.autograd.grad((model(inputs) - targets).square().mean((1, 2)).sum(), tuple(model.parameters()))
    packed = Packed(model)
    cut = Groups(model)
    cut.bind(packed)
    total, mse = loss(packed, cut, inputs, targets)
    packed.gradients.zero_()
    (0.5 * total).backward()
    assert torch.allclose(mse, (model(inputs) - targets).square().mean((1, 2)).detach())
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        assert parameter.grad is not None
        assert torch.allclose(parameter.grad, 0.5 * gradient, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_predictions_are_the_whole_models(workers: int, mode: type, monkeypatch: pytest.MonkeyPatch) -> None:
    model = population("lstm").eval()
    inputs, _ = batch()
    with torch.no_grad():
        whole = model(inputs)
    monkeypatch.setattr(groups_module, "GROUP_STATE", 2 * B * H)
    monkeypatch.setattr(groups_module, "THREADED_STATE", 1)
    with mode():
        cut = Groups(model, workers).predict(inputs)
    assert torch.equal(cut, whole)
    assert not cut.requires_grad


def test_members_share_the_populations_numbers() -> None:
    model = population("gru")
    part = model.members(slice(2, 4))
    with torch.no_grad():
        model.weight.fill_(3)
        next(model.cell.parameters()).fill_(2)
    assert part.num_seeds == 2
    assert bool((part.weight == 3).all())
    assert bool((next(part.cell.parameters()) == 2).all())
    assert model.num_seeds == S


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_group_reaches_the_caller(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups_module, "GROUP_STATE", B * H)
    monkeypatch.setattr(groups_module, "THREADED_STATE", 1)
    model = population("rnn")
    cut = Groups(model, workers)
    cut.bind(Packed(model))
    inputs, targets = batch()
    with pytest.raises(ValueError, match="x must have shape"):
        cut.differentiate(inputs[..., :0], targets)
    assert cut.differentiate(inputs, targets)[0].isfinite().all()  # and what was lent is whole again


def test_differentiate_without_packed_parameters_is_refused() -> None:
    with pytest.raises(RuntimeError, match="bind"):
        Groups(population("rnn")).differentiate(*batch())


@pytest.mark.parametrize(("rows", "workers"), [(1, 1), (784, 1), (784, 2), (100_000, 2)])
def test_the_cut_covers_every_seed_once(rows: int, workers: int) -> None:
    cuts = Groups(population("rnn"), workers).bounds(rows)
    assert [index for cut in cuts for index in range(S)[cut]] == list(range(S))
    sizes = [cut.stop - cut.start for cut in cuts]
    assert max(sizes) - min(sizes) <= 1
