"""MGU: its equations in NumPy, its gradient against lag in closed form, and the one gate that does a GRU's two."""

import numpy as np
import pytest
import torch


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def test_equations(make_cell, rng):
    cell = make_cell("mgu")
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    output = cell(x).detach().numpy()
    for k in range(3):
        w_ih, w_hh, b_ih, b_hh = (p[k].detach().numpy() for p in cell.parameters())
        h = np.zeros((5, 4))
        for t in range(6):
            x_f, x_n = np.split(x[k, :, t].numpy() @ w_ih.T + b_ih, 2, axis=1)
            h_f, h_n = np.split(h @ w_hh.T + b_hh, 2, axis=1)
            f = sigmoid(x_f + h_f)
            h = (1 - f) * h + f * np.tanh(x_n + f * h_n)
            np.testing.assert_allclose(output[k, :, t], h, rtol=1e-12, atol=1e-13)


def test_a_gru_with_r_equal_to_one_minus_z(make_cell, rng):
    """Rows r = f, z = -f, n = n: sigmoid(-a) = 1 - sigmoid(a), and (1 - z) n + z h is the same state."""
    mgu, gru = make_cell("mgu"), make_cell("gru")
    with torch.no_grad():
        for mine, theirs in zip(mgu.parameters(), gru.parameters(), strict=True):
            f, n = mine.chunk(2, dim=1)
            theirs.copy_(torch.cat([f, -f, n], dim=1))
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    torch.testing.assert_close(mgu(x), gru(x), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("forget_bias", [-1.0, 1.0, 5.0])
def test_gradient_against_lag(forget_bias, make_cell):
    """Zero weights, but for one that lets x into n: dh_T/dx_{T-k} falls as (1 - sigmoid(b))^k."""
    cell = make_cell("mgu", hidden_size=1, input_size=1)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.bias_ih_l0[:, 0] = forget_bias
        cell.weight_ih_l0[:, 1] = 1
    x = torch.zeros(3, 1, 50, 1, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(cell.last(x).sum(), x)
    lags = gradient.flip(2).flatten(1)  # (S, T), by lag
    f = sigmoid(forget_bias)
    expected = f * (1 - f) ** torch.arange(50, dtype=torch.float64)  # lag 0: f * tanh'(0)
    torch.testing.assert_close(lags, expected.expand(3, -1), rtol=1e-12, atol=0)
