"""Cutting a population into groups, and handing them to threads, changes no bit of any seed's numbers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqexp.cell.cell import Cost
from seqexp.cell.gru import GRU
from seqexp.cell.lstm import LSTM
from seqexp.cell.recurrent import Recurrent
from seqexp.cell.rnn import RNN
from seqexp.data.split import Split
from seqexp.model import Model
from seqexp.score import SquaredError
from seqexp.seeding import generator
from seqexp.training import groups as groups_module
from seqexp.training.groups import GROUP_PASS, GROUP_STATE, THREADED_STATE, Groups, cut, threads
from seqexp.training.packed import Packed

S, B, T, H = 7, 5, 6, 4
SCORE = SquaredError()


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
    model = Model(kind(1, S, H, layers, dropout, both, **extra), 2, "last", 0).to(dtype)
    model.reset_parameters([generator(seed, "model") for seed in range(S)])
    return model


def batch(dtype: torch.dtype = torch.float32, count: int = S) -> Split:
    draw = torch.Generator().manual_seed(1)
    return Split(
        torch.randn(count, B, T, 1, generator=draw, dtype=dtype),
        torch.randn(count, B, 2, generator=draw, dtype=dtype),
    )


def differentiated(model: Model, workers: int) -> tuple[Tensor, Tensor]:
    packed = Packed(model)
    cut = Groups(model, workers)
    cut.bind(packed)
    mse = cut.differentiate(batch(packed.values.dtype), SCORE)
    return mse, cut.gradient.clone()


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
    assert len(Groups(model, workers).bounds(batch()[0], state)) > 1
    cut = differentiated(model, workers)
    assert torch.equal(cut[0], whole[0])
    assert torch.equal(cut[1], whole[1])


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_are_those_of_ordinary_autograd(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups_module, "GROUP_STATE", 2 * B * H)
    model = population(cell, torch.float64)
    inputs, targets, *_ = batch(torch.float64)
    expected = torch.autograd.grad((model(inputs) - targets).square().mean((1, 2)).sum(), tuple(model.parameters()))
    packed = Packed(model)
    cut = Groups(model)
    cut.bind(packed)
    mse = cut.differentiate(batch(torch.float64), SCORE)
    assert torch.allclose(mse, (model(inputs) - targets).square().mean((1, 2)).detach())
    for found, gradient in zip(packed.views(cut.gradient), expected, strict=True):
        assert torch.allclose(found, gradient, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_predictions_are_the_whole_models(workers: int, mode: type, monkeypatch: pytest.MonkeyPatch) -> None:
    model = population("lstm").eval()
    inputs = batch().inputs
    with torch.no_grad():
        whole = model(inputs)
    monkeypatch.setattr(groups_module, "EVALUATION_STATE", 2 * B * H)
    monkeypatch.setattr(groups_module, "THREADED_STATE", 1)
    with mode():
        cut = Groups(model, workers).predict(batch())
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
    inputs, targets, *_ = batch()
    with pytest.raises(ValueError, match="x must have shape"):
        cut.differentiate(Split(inputs[..., :0], targets), SCORE)
    assert cut.differentiate(batch(), SCORE).isfinite().all()  # and what was lent is whole again


def test_differentiate_without_packed_parameters_is_refused() -> None:
    with pytest.raises(RuntimeError, match="bind"):
        Groups(population("rnn")).differentiate(batch(), SCORE)


@pytest.mark.parametrize("num_seeds", [1, 7, 30, 1000])
@pytest.mark.parametrize(("state", "steps"), [(16, 20), (512, 1), (12544, 20), (12544, 10_000), (10**7, 20)])
@pytest.mark.parametrize("workers", [1, 2])
def test_the_cut_covers_every_seed_once(num_seeds: int, state: int, steps: int, workers: int) -> None:
    cuts = cut(num_seeds, Cost(state, state * steps), workers, "cpu", GROUP_STATE)
    assert [index for each in cuts for index in range(num_seeds)[each]] == list(range(num_seeds))
    sizes = [each.stop - each.start for each in cuts]
    assert set(sizes[:-1]) <= {sizes[0]}
    assert sizes[-1] <= sizes[0]
    assert sizes[0] == 1 or (sizes[0] - 1) * state <= min(GROUP_STATE, GROUP_PASS // steps)


@pytest.mark.parametrize(("num_seeds", "expected"), [(1, (1, 2)), (2, (2, 1)), (30, (2, 1))])
def test_threads_take_groups_and_share_only_a_single_seed(num_seeds: int, expected: tuple[int, int]) -> None:
    assert threads(num_seeds, 10 * THREADED_STATE, 2) == expected
    assert threads(num_seeds, 1, 2) == (1, 1)
