"""IndRNN: its equations in NumPy, u^k as its gradient against lag, its initial values, and torchrecurrent's cell."""

import re

import numpy as np
import pytest
import torch


@pytest.mark.parametrize("nonlinearity", ["relu", "tanh"])
def test_equations(nonlinearity, make_cell, rng):
    cell = make_cell("indrnn", nonlinearity=nonlinearity)
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    output = cell(x).detach().numpy()
    for k in range(3):
        w, u, b = (each[k].detach().numpy() for each in cell.parameters())
        h = np.zeros((5, 4))
        for t in range(6):
            a = x[k, :, t].numpy() @ w.T + b + u * h
            h = np.maximum(a, 0) if nonlinearity == "relu" else np.tanh(a)
            np.testing.assert_allclose(output[k, :, t], h, rtol=1e-12, atol=1e-13)


def test_gradient_against_lag(make_cell):
    """Where the ReLU is open, dh_T/dx_{T-k} is w u^k for each unit by itself."""
    cell = make_cell("indrnn", input_size=1)
    with torch.no_grad():
        cell.weight_ih_l0.abs_()
        cell.bias_ih_l0.fill_(0.1)
    x = torch.ones(3, 1, 30, 1, dtype=torch.float64, requires_grad=True)
    for unit in range(4):
        (gradient,) = torch.autograd.grad(cell.last(x)[..., unit].sum(), x)
        u, w = (each[:, unit, None].detach() for each in (cell.weight_hh_l0, cell.weight_ih_l0[..., 0]))
        expected = w * u ** torch.arange(30, dtype=torch.float64)
        torch.testing.assert_close(gradient.flip(2).flatten(1), expected, rtol=1e-12, atol=1e-300)


def test_initial_values(make_cell):
    cell = make_cell("indrnn", seeds=range(20), hidden_size=64, recurrent_max=0.5)
    assert cell.weight_hh_l0.shape == (20, 64)
    assert 0 <= cell.weight_hh_l0.min() < 0.02
    assert 0.48 < cell.weight_hh_l0.max() <= 0.5
    assert cell.weight_ih_l0.abs().max() <= 0.125
    rnn = make_cell("rnn_relu", seeds=range(20), hidden_size=64)
    assert torch.equal(cell.weight_ih_l0, rnn.weight_ih_l0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nonlinearity": "sine"}, "nonlinearity must be one of 'tanh', 'relu', got 'sine'"),
        ({"recurrent_max": -1.0}, "recurrent_max must be >= 0 and finite, got -1.0"),
    ],
)
def test_wrong_settings(changes, message, make_cell):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make_cell("indrnn", **changes)


def test_torchrecurrent(make_cell, rng):
    theirs = pytest.importorskip("torchrecurrent").IndRNNCell(2, 4, nonlinearity="relu").double()
    cell = make_cell("indrnn")
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    for k in range(3):
        w, u, b = (each[k].detach() for each in cell.parameters())
        theirs.load_state_dict({"weight_ih": w, "vector_u": u, "bias_ih": b, "bias_hh": torch.zeros_like(b)})
        h = None
        for t in range(6):
            h = theirs(x[k, :, t], h)
            torch.testing.assert_close(cell(x)[k, :, t], h, rtol=1e-12, atol=1e-13)
