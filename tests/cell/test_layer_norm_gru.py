"""LayerNormGRU: its equations in NumPy, its initial values, and bits in company at a size where threads share work."""

import numpy as np
import torch

from tests.cell.test_layer_norm_lstm import normalised, shaken, sigmoid


def test_equations(make_cell, rng):
    cell = shaken(make_cell("layer_norm_gru"), rng)
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    output = cell(x).detach().numpy()
    for k in range(3):
        w_ih, w_hh, b_ih, b_hh, g_ih, g_hh = (each[k].detach().numpy() for each in cell.parameters())
        h = np.zeros((5, 4))
        for t in range(6):
            a, u = x[k, :, t].numpy() @ w_ih.T, h @ w_hh.T
            x_rz, h_rz = normalised(a[:, :8], g_ih[:8], b_ih[:8]), normalised(u[:, :8], g_hh[:8], b_hh[:8])
            x_n, h_n = normalised(a[:, 8:], g_ih[8:], b_ih[8:]), normalised(u[:, 8:], g_hh[8:], b_hh[8:])
            r, z = np.split(sigmoid(x_rz + h_rz), 2, axis=1)
            h = (1 - z) * np.tanh(x_n + r * h_n) + z * h
            np.testing.assert_allclose(output[k, :, t], h, rtol=1e-11, atol=1e-12)


def test_initial_values(make_cell):
    cell, gru = make_cell("layer_norm_gru"), make_cell("gru")
    assert torch.equal(cell.weight_ih_l0, gru.weight_ih_l0)
    assert torch.equal(cell.weight_hh_l0, gru.weight_hh_l0)
    for name, parameter in cell.named_parameters():
        if not name.startswith("weight"):
            assert parameter.unique().tolist() == [1.0 if name.startswith("gain") else 0.0]


def test_means_over_rows_have_the_same_bits_in_company_and_on_more_threads(make_cell, rng):
    together = make_cell("layer_norm_gru", seeds=range(12), dtype=torch.float32, hidden_size=64)
    alone = make_cell("layer_norm_gru", seeds=[7], dtype=torch.float32, hidden_size=64)
    x = torch.randn(12, 64, 3, 2, generator=rng)  # 12 * 64 * 192 numbers: torch shares them among threads
    threads = torch.get_num_threads()
    found = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            for cell, own in ((together, x), (alone, x[7:8])):
                states, back = cell.pull(own, False, True)
                dx, gradients = back(torch.ones_like(states))
                k = 7 if cell is together else 0
                found.append([states[k].clone(), dx[k], *(each[k] for each in gradients)])
    finally:
        torch.set_num_threads(threads)
    for other in found[1:]:
        assert all(torch.equal(one, two) for one, two in zip(found[0], other, strict=True))
