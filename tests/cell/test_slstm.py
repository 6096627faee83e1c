"""sLSTM: its equations in NumPy without a stabiliser, what the stabiliser changes and does not, and closed forms."""

import numpy as np
import pytest
import torch


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


@pytest.mark.parametrize("forget", ["sigmoid", "exp"])
def test_equations(forget, make_cell, rng):
    """Those of the paper as they stand: exponentials, and c / n."""
    cell = make_cell("slstm", forget_activation=forget)
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    output = cell(x).detach().numpy()
    for k in range(3):
        w_ih, w_hh, b_ih, b_hh = (each[k].detach().numpy() for each in cell.parameters())
        h, c, n = np.zeros((3, 5, 4))
        for t in range(6):
            i, f, g, o = np.split(x[k, :, t].numpy() @ w_ih.T + b_ih + h @ w_hh.T + b_hh, 4, axis=1)
            f = sigmoid(f) if forget == "sigmoid" else np.exp(f)
            c, n = f * c + np.exp(i) * np.tanh(g), f * n + np.exp(i)
            h = sigmoid(o) * c / n
            np.testing.assert_allclose(output[k, :, t], h, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("shift", [-3.0, 2.0])
def test_a_shift_of_the_input_gate_shifts_the_stabiliser_alone(shift, make_cell, rng):
    cell = make_cell("slstm")
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    before = cell.traces(x)
    with torch.no_grad():
        cell.bias_ih_l0[:, :4] += shift
    after = cell.traces(x)
    torch.testing.assert_close(after.pop("m_l0"), before.pop("m_l0") + shift, rtol=1e-12, atol=1e-12)
    for name, values in before.items():
        start = 1 if name == "f_l0" else 0  # what multiplies zeros at the first step
        torch.testing.assert_close(after[name][:, :, start:], values[:, :, start:], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("bias", [-1000.0, 1000.0])
@pytest.mark.parametrize("forget", ["sigmoid", "exp"])
def test_no_exponential_overflows(forget, bias, dtype, make_cell, rng):
    """Neither on the way there nor back, and the numbers are those of an input gate of ordinary size."""
    cell = make_cell("slstm", dtype=dtype, forget_activation=forget)
    x = torch.randn(3, 5, 6, 2, generator=rng).to(dtype)
    expected = cell(x)
    with torch.no_grad():
        cell.bias_ih_l0[:, :4] += bias
    states = cell(x)
    torch.testing.assert_close(states, expected, rtol=1e-3, atol=1e-3 if dtype == torch.float32 else 1e-9)
    assert all(each.isfinite().all() for each in torch.autograd.grad(states.sum(), list(cell.parameters())))


def test_gradient_against_lag(make_cell):
    """Zero weights, but for one that lets x into g: h_T is the mean of g with weights sigmoid(b)^k."""
    cell = make_cell("slstm", hidden_size=1, input_size=1)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.bias_ih_l0[:, 1] = 2.0
        cell.weight_ih_l0[:, 2] = 1
    x = torch.zeros(3, 1, 50, 1, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(cell.last(x).sum(), x)
    weights = sigmoid(2.0) ** torch.arange(50, dtype=torch.float64)
    expected = 0.5 * weights / weights.sum()  # o = 1/2
    torch.testing.assert_close(gradient.flip(2).flatten(1), expected.expand(3, -1), rtol=1e-11, atol=0)


def test_the_stabiliser_has_no_gradient(make_cell, rng):
    """It counts as a constant; differences of the output say the same."""
    cell = make_cell("slstm", num_seeds=1, hidden_size=2)
    x = torch.randn(1, 2, 4, 2, generator=rng, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(cell.last, (x,))


def test_wrong_activation(make_cell):
    with pytest.raises(ValueError, match=r"^forget_activation must be one of 'sigmoid', 'exp', got 'tanh'$"):
        make_cell("slstm", forget_activation="tanh")
