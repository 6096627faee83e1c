"""LSTM: its equations in NumPy, the forget bias, and its gradient against lag in closed form."""

import numpy as np
import pytest
import torch


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def test_equations(make_cell, rng):
    cell = make_cell("lstm")
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    output = cell(x).detach().numpy()
    for k in range(3):
        w_ih, w_hh, b_ih, b_hh = (p[k].detach().numpy() for p in cell.parameters())
        h = c = np.zeros((5, 4))
        for t in range(6):
            i, f, g, o = np.split(x[k, :, t].numpy() @ w_ih.T + b_ih + h @ w_hh.T + b_hh, 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            np.testing.assert_allclose(output[k, :, t], h, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("forget_bias", [0.0, 1.0, -2.0])
def test_forget_bias(forget_bias, make_cell):
    cell = make_cell("lstm", num_layers=2, bidirectional=True, forget_bias=forget_bias)
    plain = make_cell("lstm", num_layers=2, bidirectional=True)
    for name, parameter in cell.named_parameters():
        other = dict(plain.named_parameters())[name]
        if name.startswith("bias"):
            value = forget_bias if name.startswith("bias_ih") else 0.0
            assert (parameter[:, 4:8] == value).all()
            others = [0, 1, 2, 3, *range(8, 16)]
            assert torch.equal(parameter[:, others], other[:, others])
        else:
            assert torch.equal(parameter, other)


@pytest.mark.parametrize("forget_bias", [-1.0, 1.0, 5.0])
def test_gradient_against_lag(forget_bias, make_cell):
    """Zero weights, but for one that lets x into g: dh_T/dx_{T-k} falls as sigmoid(b)^k."""
    cell = make_cell("lstm", hidden_size=1, input_size=1, forget_bias=forget_bias)
    with torch.no_grad():
        for name, parameter in cell.named_parameters():
            forget = parameter[:, 1].clone()
            parameter.zero_()
            if name.startswith("bias"):
                parameter[:, 1] = forget
        cell.weight_ih_l0[:, 2] = 1
    x = torch.zeros(3, 1, 50, 1, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(cell.last(x).sum(), x)
    lags = gradient.flip(2).flatten(1)  # (S, T), by lag
    # lag 0: o * tanh'(0) * i * tanh'(0) = 1/4
    expected = 0.25 * sigmoid(forget_bias) ** torch.arange(50, dtype=torch.float64)
    torch.testing.assert_close(lags, expected.expand(3, -1), rtol=1e-12, atol=0)
