"""CIFG: its equations in NumPy, and the LSTM whose input gate is one minus its forget gate."""

import numpy as np
import torch


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def test_equations(make_cell, rng):
    cell = make_cell("cifg")
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    output = cell(x).detach().numpy()
    for k in range(3):
        w_ih, w_hh, b_ih, b_hh = (each[k].detach().numpy() for each in cell.parameters())
        h, c = np.zeros((2, 5, 4))
        for t in range(6):
            f, g, o = np.split(x[k, :, t].numpy() @ w_ih.T + b_ih + h @ w_hh.T + b_hh, 3, axis=1)
            c = sigmoid(f) * c + (1 - sigmoid(f)) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            np.testing.assert_allclose(output[k, :, t], h, rtol=1e-12, atol=1e-13)


def test_an_lstm_with_i_equal_to_one_minus_f(make_cell, rng):
    """Rows i = -f: sigmoid(-a) = 1 - sigmoid(a)."""
    cifg, lstm = make_cell("cifg"), make_cell("lstm")
    with torch.no_grad():
        for mine, theirs in zip(cifg.parameters(), lstm.parameters(), strict=True):
            theirs.copy_(torch.cat([-mine[:, :4], mine], dim=1))
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    torch.testing.assert_close(cifg(x), lstm(x), rtol=1e-12, atol=1e-13)
