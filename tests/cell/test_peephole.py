"""Peephole: its equations in NumPy, the LSTM that it is without peepholes, and torchrecurrent's cell."""

import numpy as np
import pytest
import torch


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def test_equations(make_cell, rng):
    cell = make_cell("peephole")
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    output = cell(x).detach().numpy()
    for k in range(3):
        w_ih, w_hh, b_ih, b_hh, p = (each[k].detach().numpy() for each in cell.parameters())
        p_i, p_f, p_o = np.split(p, 3)
        h, c = np.zeros((2, 5, 4))
        for t in range(6):
            i, f, g, o = np.split(x[k, :, t].numpy() @ w_ih.T + b_ih + h @ w_hh.T + b_hh, 4, axis=1)
            c = sigmoid(f + p_f * c) * c + sigmoid(i + p_i * c) * np.tanh(g)
            h = sigmoid(o + p_o * c) * np.tanh(c)  # the new c
            np.testing.assert_allclose(output[k, :, t], h, rtol=1e-12, atol=1e-13)


def test_without_peepholes_it_is_the_lstm(make_cell, rng):
    """Its parameters are drawn first, so that a seed's are those of its LSTM; states and gradients to the bit."""
    cell, lstm = make_cell("peephole"), make_cell("lstm")
    for name, parameter in lstm.named_parameters():
        assert torch.equal(parameter, cell.get_parameter(name))
    with torch.no_grad():
        cell.peephole_l0.zero_()
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    found, expected = (each.pull(x, False, True) for each in (cell, lstm))
    assert torch.equal(found[0], expected[0])
    (dx, gradients), (wanted_dx, wanted) = (back(torch.ones_like(states)) for states, back in (found, expected))
    assert torch.equal(dx, wanted_dx)
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(gradients[:4], wanted, strict=True))
    for k in range(3):
        torch.testing.assert_close(cell(x)[k], lstm.to_module(k)(x[k])[0], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("forget_bias", [-1.0, 1.0])
def test_gradient_against_lag(forget_bias, make_cell):
    """Zero weights, but for one that lets x into g: dc_T/dx_{T-k} falls as sigmoid(b)^k."""
    cell = make_cell("peephole", hidden_size=1, input_size=1)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.bias_ih_l0[:, 1] = forget_bias
        cell.weight_ih_l0[:, 2] = 1
    x = torch.zeros(3, 1, 50, 1, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(cell.last(x).sum(), x)
    expected = 0.25 * sigmoid(forget_bias) ** torch.arange(50, dtype=torch.float64)  # i = o = 1/2
    torch.testing.assert_close(gradient.flip(2).flatten(1), expected.expand(3, -1), rtol=1e-12, atol=0)


def test_torchrecurrent(make_cell, rng):
    theirs = pytest.importorskip("torchrecurrent").PeepholeLSTMCell(2, 4).double()
    cell = make_cell("peephole")
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "peephole")
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    for k in range(3):
        own = {name: cell.get_parameter(f"{name}_l0")[k].detach() for name in names}
        theirs.load_state_dict({"weight_ph": own.pop("peephole"), **own})
        state = None
        for t in range(6):
            state = theirs(x[k, :, t], state)
            torch.testing.assert_close(cell(x)[k, :, t], state[0], rtol=1e-12, atol=1e-13)
