"""The linear scan against a loop over time, in NumPy; gradients; long sequences in float32; no overflow."""

import numpy as np
import pytest
import torch

from seqexp.cell.linear_scan import at_steps, fold, linear_scan, unfold


def loop(z, n):
    """h_t = (1 - z_t) h_{t-1} + z_t n_t, of (S, H, T, N) arrays."""
    h, states = np.zeros_like(n[:, :, 0]), []
    for t in range(n.shape[2]):
        h = (1 - z[:, :, t]) * h + z[:, :, t] * n[:, :, t]
        states.append(h)
    return np.stack(states, axis=2)


def scanned(z, n):
    return unfold(linear_scan(fold(z), fold(n)), n.shape[2])


def draw(steps, rng):
    z = torch.rand(2, 4, steps, 32, generator=rng, dtype=torch.float64)
    return z.requires_grad_(), torch.randn(2, 4, steps, 32, generator=rng, dtype=torch.float64).requires_grad_()


@pytest.mark.parametrize("steps", [1, 31, 33, 100])
def test_equals_the_loop_with_its_gradient(steps, rng):
    z, n = draw(steps, rng)
    h = scanned(z, n)
    np.testing.assert_allclose(h.detach(), loop(z.detach().numpy(), n.detach().numpy()), rtol=1e-10, atol=1e-10)
    torch.manual_seed(0)
    assert torch.autograd.gradcheck(lambda z, n: scanned(z, n)[..., :1], (z, n), fast_mode=True)
    ends = torch.arange(64).view(2, 32) % steps
    picked = at_steps(linear_scan(fold(z), fold(n)), ends)
    torch.testing.assert_close(picked, h.gather(2, ends[:, None, None].expand(2, 4, 1, 32)), rtol=0, atol=0)


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.9999, 1.0])
def test_a_thousand_steps_in_float32(kept, rng):
    """Within 1e-4 of float64, of the largest state; coefficients of zero divide nothing."""
    z = torch.full((1, 2, 1000, 32), 1 - kept, dtype=torch.float64)
    n = torch.randn(1, 2, 1000, 32, generator=rng, dtype=torch.float64)
    exact, single = scanned(z, n), scanned(z.float(), n.float()).double()
    assert (exact - single).abs().max() <= 1e-4 * exact.abs().max()


def test_the_oracle_sees_a_carry_that_is_lost(rng, monkeypatch):
    z, n = draw(100, rng)
    monkeypatch.setattr("seqexp.cell.linear_scan._entering", lambda end, product, reverse: torch.zeros_like(end))
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(scanned(z, n).detach(), loop(z.detach().numpy(), n.detach().numpy()))
