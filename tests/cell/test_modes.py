"""Modes in chunks against a loop over time, in NumPy; their gradients against those of the linear scan."""

import numpy as np
import pytest
import torch

from seqexp.cell.linear_scan import fold, linear_scan, unfold
from seqexp.cell.modes import Modes


def paired(x):
    """From real parts of all modes and then imaginary ones to a mode's two beside each other, (S, 2M, …)."""
    return x.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)


@pytest.mark.parametrize("steps", [1, 20, 33, 1100])  # from 1,025 on the ends of chunks are in chunks themselves
def test_equals_the_loop_and_the_gradient_of_the_scan(steps, rng):
    log_size = -0.05 * torch.rand(2, 3, generator=rng, dtype=torch.float64)
    angle = 6 * torch.rand(2, 3, generator=rng, dtype=torch.float64)
    B, x = (torch.randn(*shape, generator=rng, dtype=torch.float64) for shape in ((2, 6, 2), (2, 2, steps, 32)))
    b = torch.einsum("smf,sftn->smtn", B, x)
    sources = [each.requires_grad_() for each in (log_size, angle, b)]
    h = unfold(Modes(log_size, angle, min(steps, 32)).states(fold(paired(b))), steps)

    pole = np.exp(log_size.detach().numpy() + 1j * angle.detach().numpy())[:, :, None]
    state, numbers = np.zeros((2, 3, 32), dtype=complex), b.detach().numpy()
    for t in range(steps):
        state = pole * state + numbers[:, :3, t] + 1j * numbers[:, 3:, t]
        expected = np.stack([state.real, state.imag], axis=2).reshape(2, 6, 32)
        np.testing.assert_allclose(h[:, :, t].detach(), expected, rtol=1e-8, atol=1e-10)

    parts = torch.cat([angle.cos(), angle.sin()], 1) * log_size.exp().repeat(1, 2)
    scanned = paired(unfold(linear_scan(parts, fold(b), pairs=True), steps))
    slope = torch.randn(h.shape, generator=rng, dtype=torch.float64)
    both = [torch.autograd.grad((each * slope).sum(), sources, retain_graph=True) for each in (h, scanned)]
    for mine, theirs in zip(*both, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-8, atol=1e-9)

    front = torch.nn.functional.pad(x, (0, 0, -steps % 32 if steps > 32 else 0, 0))  # zeros first: whole chunks
    last = Modes(log_size, angle, min(steps, 32)).last(paired(B), fold(front))
    torch.testing.assert_close(last, h[:, :, -1:], rtol=1e-8, atol=1e-10)
