"""The linear scan against a loop over time, in NumPy; gradients; long sequences in float32; no overflow."""

import numpy as np
import pytest
import torch

from seqexp.cell.linear_scan import at_steps, fold, linear_scan, unfold


def loop(a, b):
    """h_t = a_t h_{t-1} + b_t, of arrays (S, H, T, N)."""
    h, states = np.zeros_like(b[:, :, 0]), []
    for t in range(b.shape[2]):
        h = a[:, :, t] * h + b[:, :, t]
        states.append(h)
    return np.stack(states, axis=2)


def scanned(a, b):
    return unfold(linear_scan(fold(a), fold(b)), b.shape[2])


def draw(steps, rng):
    a = 1.2 * torch.rand(2, 4, steps, 32, generator=rng, dtype=torch.float64) - 0.5
    return a.requires_grad_(), torch.randn(2, 4, steps, 32, generator=rng, dtype=torch.float64).requires_grad_()


@pytest.mark.parametrize("steps", [1, 31, 33, 100])
def test_equals_the_loop_with_its_gradient(steps, rng):
    a, b = draw(steps, rng)
    h = scanned(a, b)
    np.testing.assert_allclose(h.detach(), loop(a.detach().numpy(), b.detach().numpy()), rtol=1e-10, atol=1e-10)
    torch.manual_seed(0)
    assert torch.autograd.gradcheck(lambda a, b: scanned(a, b)[..., :1], (a, b), fast_mode=True)
    ends = torch.arange(64).view(2, 32) % steps
    picked = at_steps(linear_scan(fold(a), fold(b)), ends)
    torch.testing.assert_close(picked, h.gather(2, ends[:, None, None].expand(2, 4, 1, 32)), rtol=0, atol=0)


@pytest.mark.parametrize("size", [0.0, 0.5, 0.9999, 1.0])
def test_a_thousand_steps_in_float32(size, rng):
    """Within 1e-4 of float64, of the largest state; coefficients of zero divide nothing."""
    a = torch.full((1, 2, 1000, 32), size, dtype=torch.float64)
    b = torch.randn(1, 2, 1000, 32, generator=rng, dtype=torch.float64)
    exact, single = scanned(a, b), scanned(a.float(), b.float()).double()
    assert (exact - single).abs().max() < 1e-4 * exact.abs().max()


def test_the_oracle_sees_a_carry_that_is_lost(rng, monkeypatch):
    a, b = draw(100, rng)
    monkeypatch.setattr("seqexp.cell.linear_scan._entering", lambda a, b, reverse: torch.zeros_like(b[0]))
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(scanned(a, b).detach(), loop(a.detach().numpy(), b.detach().numpy()))
