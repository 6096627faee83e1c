"""The LSTM of 1997: its equations in NumPy, its published weights, the error that stays constant, and its biases."""

import re

import numpy as np
import pytest
import torch


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


@pytest.mark.parametrize("block_size", [1, 2])
@pytest.mark.parametrize("feed_back", [True, False])
def test_equations(feed_back, block_size, make_cell, rng):
    cell = make_cell("lstm1997", gates_feed_back=feed_back, block_size=block_size)
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    output, n = cell(x).detach().numpy(), 4 // block_size
    for k in range(3):
        w_ih, w_hh, b = (each[k].detach().numpy() for each in cell.parameters())
        h, s, gates = np.zeros((5, 4)), np.zeros((5, 4)), np.zeros((5, 2 * n))
        for t in range(6):
            seen = np.hstack([x[k, :, t].numpy(), h, gates] if feed_back else [x[k, :, t].numpy(), h])
            a = seen @ np.hstack([w_ih, w_hh]).T
            gates = sigmoid(a[:, : 2 * n] + b)
            i, o = (np.repeat(each, block_size, axis=1) for each in np.split(gates, 2, axis=1))
            s = s + i * (4 * sigmoid(a[:, 2 * n :]) - 2)
            h = o * (2 * sigmoid(s) - 1)
            np.testing.assert_allclose(output[k, :, t], h, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("hidden_size", "block_size", "published"), [(4, 1, 264), (6, 2, 276)])
def test_published_number_of_weights(hidden_size, block_size, published, make_cell):
    """Of the embedded Reber grammar, table 1: 7 inputs, and 7 outputs that see the cells and have no bias."""
    cell = make_cell("lstm1997", num_seeds=1, input_size=7, hidden_size=hidden_size, block_size=block_size)
    assert sum(parameter.numel() for parameter in cell.parameters()) + 7 * hidden_size == published
    blocks = hidden_size // block_size
    assert cell.state_size == 2 * hidden_size + 2 * blocks


def test_truncated_gradients_stay_constant_along_the_cells(make_cell, rng):
    """ds_T/ds_t is 1, so that each step's own term i g'(a) w has the same weight whatever its lag."""
    cell = make_cell("lstm1997", truncated=True, block_size=1)
    x = torch.randn(3, 2, 30, 2, generator=rng, dtype=torch.float64).requires_grad_()
    states = list(cell._unroll(x.permute(2, 0, 3, 1), cell._weights("_l0")))
    s = states[-1][1][1][..., :2]  # (S, H, N)
    w = cell.weight_ih_l0
    for cell_index in range(4):
        (gradient,) = torch.autograd.grad(s[:, cell_index].sum(), x, retain_graph=True)  # (S, N, T, I)
        traces = cell.traces(x)
        g, i = traces["g_l0"][..., cell_index], traces["i_l0"][..., cell_index]
        seen = torch.cat([torch.zeros(3, 2, 1, 12, dtype=x.dtype), torch.cat([traces[f"{k}_l0"] for k in "hio"], 3)], 2)
        a_i = seen[:, :, :-1] @ cell.weight_hh_l0[:, None, cell_index, :, None] + x @ w[:, None, cell_index, :, None]
        torch.testing.assert_close(i, (a_i[..., 0] + cell.bias_ih_l0[:, None, None, cell_index]).sigmoid())
        by_g = (i * (1 - (g / 2).square()))[..., None] * w[:, None, None, 8 + cell_index]  # g = 2 tanh(a / 2)
        by_i = (g * i * (1 - i))[..., None] * w[:, None, None, cell_index]
        torch.testing.assert_close(gradient, by_g + by_i, rtol=1e-10, atol=1e-12)


def test_initial_values(make_cell):
    cell = make_cell("lstm1997", hidden_size=8, output_gate_bias=[-1.0, -2.0, -3.0])  # blocks of two
    assert torch.equal(cell.bias_ih_l0[:, 4:], torch.tensor([[-1.0, -2.0, -3.0, -1.0]] * 3, dtype=torch.float64))
    one = make_cell("lstm1997", output_gate_bias=-2.0)
    assert one.bias_ih_l0[:, 2:].unique().tolist() == [-2.0]
    drawn = torch.cat([p.detach().flatten() for p in (cell.weight_ih_l0, cell.weight_hh_l0, cell.bias_ih_l0[:, :4])])
    assert 0.19 < drawn.abs().max() <= 0.2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"block_size": 0}, "block_size must be >= 1, got 0"),
        ({"block_size": 3}, "block_size must divide hidden_size (4), got 3"),
        ({"weight_max": -0.2}, "weight_max must be >= 0 and finite, got -0.2"),
        ({"output_gate_bias": []}, "output_gate_bias must be a number, a list of one or more, or null, got []"),
    ],
)
def test_wrong_settings(changes, message, make_cell):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make_cell("lstm1997", **changes)
