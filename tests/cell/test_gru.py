"""GRU: its equations in NumPy, and its gradient against lag in closed form."""

import numpy as np
import pytest
import torch


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def test_equations(make_cell, rng):
    cell = make_cell("gru")
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    output = cell(x).detach().numpy()
    for k in range(3):
        w_ih, w_hh, b_ih, b_hh = (p[k].detach().numpy() for p in cell.parameters())
        h = np.zeros((5, 4))
        for t in range(6):
            x_r, x_z, x_n = np.split(x[k, :, t].numpy() @ w_ih.T + b_ih, 3, axis=1)
            h_r, h_z, h_n = np.split(h @ w_hh.T + b_hh, 3, axis=1)
            r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
            h = (1 - z) * np.tanh(x_n + r * h_n) + z * h
            np.testing.assert_allclose(output[k, :, t], h, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("update_bias", [-1.0, 1.0, 5.0])
def test_gradient_against_lag(update_bias, make_cell):
    """Zero weights, but for one that lets x into n: dh_T/dx_{T-k} falls as sigmoid(b)^k."""
    cell = make_cell("gru", hidden_size=1, input_size=1)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.bias_ih_l0[:, 1] = update_bias
        cell.weight_ih_l0[:, 2] = 1
    x = torch.zeros(3, 1, 50, 1, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(cell.last(x).sum(), x)
    lags = gradient.flip(2).flatten(1)  # (S, T), by lag
    z = sigmoid(update_bias)
    expected = (1 - z) * z ** torch.arange(50, dtype=torch.float64)  # lag 0: (1 - z) * tanh'(0)
    torch.testing.assert_close(lags, expected.expand(3, -1), rtol=1e-12, atol=0)


def test_reset_before_the_product(make_cell, rng):
    cell = make_cell("gru", reset="before")
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    output = cell(x).detach().numpy()
    for k in range(3):
        w_ih, w_hh, b_ih, b_hh = (p[k].detach().numpy() for p in cell.parameters())
        h = np.zeros((5, 4))
        for t in range(6):
            x_r, x_z, x_n = np.split(x[k, :, t].numpy() @ w_ih.T + b_ih, 3, axis=1)
            r = sigmoid(x_r + h @ w_hh[:4].T + b_hh[:4])
            z = sigmoid(x_z + h @ w_hh[4:8].T + b_hh[4:8])
            h = (1 - z) * np.tanh(x_n + (r * h) @ w_hh[8:].T + b_hh[8:]) + z * h
            np.testing.assert_allclose(output[k, :, t], h, rtol=1e-12, atol=1e-13)


def test_both_resets_are_one_where_nothing_is_reset(make_cell, rng):
    after, before = make_cell("gru"), make_cell("gru", reset="before")
    with torch.no_grad():
        for cell in (after, before):
            cell.bias_ih_l0[:, :4] = 1000  # r = 1
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    torch.testing.assert_close(before(x), after(x), rtol=1e-12, atol=1e-13)
    with pytest.raises(NotImplementedError, match="no counterpart of reset=before"):
        before.to_module(0)
    with pytest.raises(ValueError, match=r"^reset must be one of 'after', 'before', got 'never'$"):
        make_cell("gru", reset="never")
