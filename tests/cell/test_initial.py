"""How weights begin: what each `init` draws, seed by seed, and what it does to a gradient on the way back."""

import math

import pytest
import torch

from seqexp.cell.cifg import CIFG
from seqexp.cell.gru import GRU
from seqexp.cell.history import history
from seqexp.cell.indrnn import IndRNN
from seqexp.cell.lstm import LSTM
from seqexp.cell.mgu import MGU
from seqexp.cell.peephole import Peephole
from seqexp.cell.rnn import RNN
from tests.cell.conftest import CELLS, SIZES, generators

GATED = {"lstm": (LSTM, 1, 1, 0), "gru": (GRU, 1, 1, None), "mgu": (MGU, 0, -1, None)}
GATED |= {"peephole": (Peephole, 1, 1, 0), "cifg": (CIFG, 0, 1, None)}
"""Cell, block of the gate that keeps, whether a larger bias keeps more, block of the input gate."""

OWN = {RNN: {"nonlinearity": "tanh"}, IndRNN: {"nonlinearity": "relu", "recurrent_max": 1.0}}


def made(kind, seeds=(0, 1, 2), dtype=torch.float64, **settings):
    cell = kind(**{**SIZES, "num_seeds": len(seeds), **settings}).to(dtype)
    cell.expect(20)
    cell.reset_parameters(generators(seeds))
    return cell


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", CELLS)
def test_a_seed_begins_alone_as_in_company(name, dtype, make_cell):
    kind, own = CELLS[name]
    for init in kind.inits:
        settings = {
            **own,
            "init": init,
            "init_scale": 0.5 if len(kind.inits) > 1 else 1.0,
            "num_layers": 2,
            "bidirectional": True,
        }
        if init == "irnn":
            settings["nonlinearity"] = "relu"
        together = made(kind, (5, 0, 2), dtype, **settings)
        alone = made(kind, (2,), dtype, **settings)
        for mine, theirs in zip(together.parameters(), alone.parameters(), strict=True):
            assert torch.equal(mine[2], theirs[0])


@pytest.mark.parametrize("name", ["rnn_tanh", *GATED])
def test_init_scale_is_a_factor_on_what_torch_draws(name):
    kind, own = CELLS[name]
    plain, small = made(kind, **own), made(kind, **{**own, "init_scale": 0.25})
    for mine, theirs in zip(small.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine, 0.25 * theirs, rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", [name for name, (kind, _) in CELLS.items() if "orthogonal" in kind.inits])
def test_orthogonal_blocks_are_rotations_that_differ(name):
    kind, own = CELLS[name]
    cell = made(kind, **{**own, "init": "orthogonal", "init_scale": 0.9}, hidden_size=5)
    torch_drawn = made(kind, **own, hidden_size=5)
    blocks = cell.weight_hh_l0.detach().view(3, -1, 5, 5)
    unit = torch.eye(5, dtype=torch.float64).expand_as(blocks)
    torch.testing.assert_close(blocks @ blocks.transpose(2, 3), 0.81 * unit, rtol=1e-12, atol=1e-12)
    assert len({round(float(each), 12) for each in blocks[..., 0, 0].flatten()}) == blocks[..., 0, 0].numel()
    assert torch.equal(cell.weight_ih_l0, torch_drawn.weight_ih_l0)


def test_rotations_are_spread_evenly():
    """Their determinants have either sign and a trace of mean 0 and variance 1, as Haar's have."""
    cell = made(RNN, seeds=range(400), nonlinearity="tanh", init="orthogonal")
    blocks = cell.weight_hh_l0.detach()
    positive = (torch.linalg.det(blocks) > 0).double().mean()
    traces = blocks.diagonal(dim1=1, dim2=2).sum(1)
    assert 0.4 < positive < 0.6
    assert abs(traces.mean()) < 0.2
    assert 0.8 < traces.var() < 1.2


@pytest.mark.parametrize(("init", "scale", "nonlinearity"), [("irnn", 1.0, "relu"), ("orthogonal", 0.8, "tanh")])
def test_a_gradient_shrinks_by_the_scale_at_each_step(init, scale, nonlinearity):
    """At zero input and state, dh_T/dh_{T-k} = W^k: of norm 1 for an IRNN, 0.8^k for 0.8 times a rotation."""
    cell = made(RNN, nonlinearity=nonlinearity, init=init, init_scale=scale)
    with torch.no_grad():
        cell.bias_ih_l0.zero_()
        cell.bias_hh_l0.zero_()
    x = torch.zeros(3, 1, 12, 2, dtype=torch.float64)
    state = (torch.full((3, 4, 1), 1e-9, dtype=torch.float64, requires_grad=True),)
    start, weights = state[0], next(iter(cell.all_weights()))
    for x_t in x.permute(2, 0, 3, 1):
        state = cell.step(x_t, state, weights)
    upstream = torch.tensor([1.0, -2.0, 0.5, 1.0], dtype=torch.float64)[None, :, None].expand(3, 4, 1)
    (found,) = torch.autograd.grad(state[0], start, upstream)
    torch.testing.assert_close(found.norm(dim=1), scale**12 * upstream.norm(dim=1), rtol=1e-6, atol=0)


def test_irnn_weights():
    cell = made(RNN, nonlinearity="relu", init="irnn", init_scale=0.5, hidden_size=30)
    assert torch.equal(cell.weight_hh_l0, 0.5 * torch.eye(30, dtype=torch.float64).expand(3, 30, 30))
    assert cell.weight_ih_l0.detach().std() == pytest.approx(0.001, rel=0.2)
    assert not cell.bias_ih_l0.any()
    assert not cell.bias_hh_l0.any()


@pytest.mark.parametrize("name", GATED)
def test_chrono_spreads_the_times_that_a_gate_keeps_for(name):
    kind, block, sign, input_block = GATED[name]
    cell = made(kind, init="chrono", hidden_size=2000)
    rows = slice(2000 * block, 2000 * (block + 1))
    assert not cell.bias_hh_l0[:, rows].any()
    keeps = sign * cell.bias_ih_l0[:, rows].detach()
    times = keeps.exp()  # U(1, T_max - 1)
    assert times.min() >= 1
    assert times.max() <= 19
    assert times.mean() == pytest.approx(10, abs=0.3)
    assert times.var() == pytest.approx(18**2 / 12, rel=0.05)
    assert not torch.equal(keeps[0], keeps[1])
    if input_block is not None:
        assert torch.equal(cell.bias_ih_l0[:, 2000 * input_block : 2000 * (input_block + 1)], -keeps)
    assert made(kind, init="chrono", t_max=100, hidden_size=2000).bias_ih_l0.abs().max() > math.log(50)


@pytest.mark.parametrize("bias", [-1.0, 2.0])
@pytest.mark.parametrize("name", GATED)
def test_a_share_of_the_state_is_kept(name, bias):
    """With weights of zero, dc_T/dc_{T-k} (or dh) is sigmoid(b)^k."""
    kind, *_ = GATED[name]
    cell = made(kind, init_scale=0.0, forget_bias=bias)
    start = torch.full((3, 4, 1), 0.3, dtype=torch.float64, requires_grad=True)
    state = (torch.zeros_like(start), start) if len(kind.states) == 2 else (start,)
    for _ in range(5):
        state = cell.step(torch.zeros(3, 2, 1, dtype=torch.float64), state, next(iter(cell.all_weights())))
    (found,) = torch.autograd.grad(state[-1].sum(), start)
    expected = torch.sigmoid(torch.tensor(bias, dtype=torch.float64)) ** 5
    torch.testing.assert_close(found, expected.expand_as(found), rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    "name", sorted(CELLS.keys() - {"lstm1997"})
)  # which repeats a block's gates for each of its cells
def test_state_size_counts_what_is_carried(name, make_cell, rng):
    cell = make_cell(name, num_layers=2)
    x = torch.randn(3, 1, 2, 2, generator=rng, dtype=torch.float64)
    top = history(cell, x, None).states[-1]
    assert cell.state_size == 2 * sum(state.shape[1] for state in top)
    assert make_cell(name, bidirectional=True).state_size == cell.state_size


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (RNN, {"init": "chrono"}, "init must be one of torch, orthogonal, irnn for RNN, got chrono"),
        (IndRNN, {"init": "orthogonal"}, "init must be one of torch for IndRNN, got orthogonal"),
        (IndRNN, {"init_scale": 0.5}, "init_scale must be 1 for IndRNN, which draws in its own way, got 0.5"),
        (RNN, {"init": "irnn"}, "init=irnn is of a net of ReLUs: nonlinearity must be relu, got tanh"),
        (LSTM, {"init": "irnn"}, "init must be one of torch, orthogonal, chrono for LSTM, got irnn"),
        (LSTM, {"init_scale": -1.0}, "init_scale must be >= 0 and finite, got -1.0"),
        (LSTM, {"init_scale": math.nan}, "init_scale must be >= 0 and finite, got nan"),
        (GRU, {"t_max": 9}, "t_max must be null where init is not chrono, which alone uses it, got 9"),
        (GRU, {"init": "chrono", "t_max": 2}, "t_max must be >= 3, .*got 2"),
        (GRU, {"init": "chrono", "forget_bias": 1.0}, "forget_bias must be null where init is chrono.*got 1.0"),
    ],
)
def test_wrong_settings(kind, settings, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        made(kind, **OWN.get(kind, {}), **settings)


def test_a_class_that_draws_itself_takes_no_other_init():
    class Own(RNN):
        def draw(self, index, generator):
            self.weight_hh_l0[index].normal_(generator=generator)

    assert Own(**SIZES, nonlinearity="tanh").init == "torch"
    for settings, word in (
        ({"init": "orthogonal"}, "init must be one of torch for Own"),
        ({"init_scale": 2.0}, "must be 1"),
    ):
        with pytest.raises(ValueError, match=word):
            Own(**SIZES, nonlinearity="tanh", **settings)


def test_chrono_needs_steps():
    cell = GRU(**{**SIZES, "init": "chrono"})
    with pytest.raises(ValueError, match="t_max must be given"):
        cell.reset_parameters(generators(range(3)))
    with pytest.raises(ValueError, match="at least 3 steps"):
        cell.expect(2)
