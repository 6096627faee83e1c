"""LayerNormLSTM: its equations in NumPy, its initial values, and what normalisation does not see."""

import numpy as np
import pytest
import torch


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def normalised(a, gain, bias, eps=1e-5):
    return gain * (a - a.mean(1, keepdims=True)) / np.sqrt(a.var(1, keepdims=True) + eps) + bias


def shaken(cell, rng):
    """All parameters are other numbers than those at the start, where gains are 1 and biases 0."""
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=rng, dtype=parameter.dtype)
    return cell


def test_equations(make_cell, rng):
    cell = shaken(make_cell("layer_norm_lstm"), rng)
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    output = cell(x).detach().numpy()
    for k in range(3):
        w_ih, w_hh, b_ih, b_hh, g_ih, g_hh, g_c, b_c = (each[k].detach().numpy() for each in cell.parameters())
        h, c = np.zeros((2, 5, 4))
        for t in range(6):
            a = normalised(x[k, :, t].numpy() @ w_ih.T, g_ih, b_ih) + normalised(h @ w_hh.T, g_hh, b_hh)
            i, f, g, o = np.split(a, 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(normalised(c, g_c, b_c))
            np.testing.assert_allclose(output[k, :, t], h, rtol=1e-11, atol=1e-12)


def test_the_size_of_the_weights_is_not_seen(make_cell, rng):
    """LN(2 W x) is LN(W x), but for eps."""
    cell = make_cell("layer_norm_lstm", eps=1e-300)
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    x[:, :, 0] *= 3
    before = cell(x)
    with torch.no_grad():
        cell.weight_ih_l0 *= 2
    torch.testing.assert_close(cell(x), before, rtol=1e-10, atol=1e-12)


def test_initial_values(make_cell):
    """Matrices are those of the LSTM with the same seed, gains are 1 and biases 0."""
    cell, lstm = make_cell("layer_norm_lstm"), make_cell("lstm")
    assert torch.equal(cell.weight_ih_l0, lstm.weight_ih_l0)
    assert torch.equal(cell.weight_hh_l0, lstm.weight_hh_l0)
    for name, parameter in cell.named_parameters():
        if not name.startswith("weight"):
            assert parameter.unique().tolist() == [1.0 if name.startswith("gain") else 0.0]


@pytest.mark.parametrize("name", ["layer_norm_lstm", "layer_norm_gru"])
def test_wrong_eps(name, make_cell):
    with pytest.raises(ValueError, match=r"^eps must be > 0, got 0\.0$"):
        make_cell(name, eps=0.0)
