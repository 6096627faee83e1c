"""RNN: its equations in NumPy, its arguments, and its gradient against lag in closed form."""

import numpy as np
import pytest
import torch

from seqexp.cell.rnn import RNN


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_equations(nonlinearity, make_cell, rng):
    cell = make_cell(f"rnn_{nonlinearity}")
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    activation = np.tanh if nonlinearity == "tanh" else lambda a: np.maximum(a, 0)
    output = cell(x).detach().numpy()
    for k in range(3):
        w_ih, w_hh, b_ih, b_hh = (p[k].detach().numpy() for p in cell.parameters())
        h = np.zeros((5, 4))
        for t in range(6):
            h = activation(x[k, :, t].numpy() @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
            np.testing.assert_allclose(output[k, :, t], h, rtol=1e-12, atol=1e-13)


def state_gradient(cell, x):
    """|dh_T/dx_{T-k}| for k = 0, 1, …; as Frobenius norms relative to the one at lag 0, one row per seed."""
    x = x.requires_grad_()
    last = cell.last(x)
    units = [torch.autograd.grad(last[..., j].sum(), x, retain_graph=True)[0] for j in range(last.shape[-1])]
    norms = torch.stack(units).square().sum((0, 2, 4)).sqrt().flip(-1)  # (H, S, B, T, I) -> (S, T)
    return norms / norms[:, :1]


def test_gradient_against_lag_tanh(make_cell, rng):
    """Zero input and W = rho * orthogonal: rho^k."""
    cell = make_cell("rnn_tanh", input_size=8, hidden_size=8)
    rhos = torch.tensor([0.5, 0.9, 1.1], dtype=torch.float64)
    with torch.no_grad():
        orthogonal = torch.linalg.qr(torch.randn(3, 8, 8, generator=rng, dtype=torch.float64))[0]
        cell.weight_hh_l0.copy_(rhos[:, None, None] * orthogonal)
        cell.weight_ih_l0.copy_(torch.eye(8))
        cell.bias_ih_l0.zero_()
        cell.bias_hh_l0.zero_()
    found = state_gradient(cell, torch.zeros(3, 1, 30, 8, dtype=torch.float64))
    torch.testing.assert_close(found, rhos[:, None] ** torch.arange(30), rtol=1e-10, atol=0)


def test_gradient_against_lag_relu(make_cell):
    """W = identity and positive inputs: 1 at any lag."""
    cell = make_cell("rnn_relu", input_size=4)
    with torch.no_grad():
        cell.weight_hh_l0.copy_(torch.eye(4))
        cell.weight_ih_l0.copy_(torch.eye(4))
        cell.bias_ih_l0.zero_()
        cell.bias_hh_l0.zero_()
    found = state_gradient(cell, torch.rand(3, 1, 100, 4, dtype=torch.float64) + 0.1)
    assert torch.equal(found, torch.ones_like(found))


def test_nonlinearity_is_checked():
    with pytest.raises(ValueError, match="nonlinearity must be one of 'tanh', 'relu', got 'gelu'"):
        RNN(1, 1, 4, 1, 0.0, False, nonlinearity="gelu")  # type: ignore[arg-type]


def test_nonlinearity_is_exported(make_cell):
    assert make_cell("rnn_relu").to_module(0).nonlinearity == "relu"
    assert make_cell("rnn_tanh").to_module(0).nonlinearity == "tanh"
