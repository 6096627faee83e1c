"""JANET: its equations in NumPy, its gradient against lag in closed form, a GRU's case, and torchrecurrent's cell."""

import math

import numpy as np
import pytest
import torch


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def test_equations(make_cell, rng):
    cell = make_cell("janet", beta=0.7)
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    output = cell(x).detach().numpy()
    for k in range(3):
        w_ih, w_hh, b_ih, b_hh = (each[k].detach().numpy() for each in cell.parameters())
        h = np.zeros((5, 4))
        for t in range(6):
            s, g = np.split(x[k, :, t].numpy() @ w_ih.T + b_ih + h @ w_hh.T + b_hh, 2, axis=1)
            h = sigmoid(s) * h + (1 - sigmoid(s - 0.7)) * np.tanh(g)
            np.testing.assert_allclose(output[k, :, t], h, rtol=1e-12, atol=1e-13)


def test_a_gru_that_never_resets(make_cell, rng):
    """With beta = 0, rows z = f and n = g, and r = 1."""
    janet, gru = make_cell("janet", beta=0.0), make_cell("gru")
    with torch.no_grad():
        for mine, theirs in zip(janet.parameters(), gru.parameters(), strict=True):
            theirs.copy_(torch.cat([torch.zeros_like(mine[:, :4]), mine], dim=1))
        gru.bias_ih_l0[:, :4] = 1000
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    torch.testing.assert_close(janet(x), gru(x), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("forget_bias", [-1.0, 1.0, 5.0])
def test_gradient_against_lag(forget_bias, make_cell):
    """Zero weights, but for one that lets x into g: dh_T/dx_{T-k} falls as sigmoid(b)^k."""
    cell = make_cell("janet", hidden_size=1, input_size=1)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.bias_ih_l0[:, 0] = forget_bias
        cell.weight_ih_l0[:, 1] = 1
    x = torch.zeros(3, 1, 50, 1, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(cell.last(x).sum(), x)
    comes_in = 1 - sigmoid(forget_bias - 1)  # beta is 1
    expected = comes_in * sigmoid(forget_bias) ** torch.arange(50, dtype=torch.float64)
    torch.testing.assert_close(gradient.flip(2).flatten(1), expected.expand(3, -1), rtol=1e-12, atol=0)


def test_wrong_beta(make_cell):
    with pytest.raises(ValueError, match=r"^beta must be finite, got nan$"):
        make_cell("janet", beta=math.nan)


def test_torchrecurrent(make_cell, rng):
    theirs = pytest.importorskip("torchrecurrent").JANETCell(2, 4).double()
    cell = make_cell("janet")
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    for k in range(3):
        own = {name: cell.get_parameter(f"{name}_l0")[k].detach() for name in names}
        theirs.load_state_dict({**own, "beta": torch.tensor(1.0, dtype=torch.float64)})
        state = None
        for t in range(6):
            state = theirs(x[k, :, t], state)
            torch.testing.assert_close(cell(x)[k, :, t], state[0], rtol=1e-12, atol=1e-13)
