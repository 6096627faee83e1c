"""Modes in chunks against a loop over time in complex numbers, with their gradients."""

import pytest
import torch

from seqexp.cell.linear_scan import fold, unfold
from seqexp.cell.modes import Modes


def paired(x):
    """From real parts of all modes and then imaginary ones to a mode's two beside each other, (S, 2M, …)."""
    return x.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)


@pytest.mark.parametrize("steps", [1, 20, 33, 1100])  # from 1,025 on the ends of chunks are in chunks themselves
def test_equals_the_loop_with_its_gradient(steps, rng):
    log_size = -0.05 * torch.rand(2, 3, generator=rng, dtype=torch.float64)
    angle = 6 * torch.rand(2, 3, generator=rng, dtype=torch.float64)
    B, x = (torch.randn(*shape, generator=rng, dtype=torch.float64) for shape in ((2, 6, 2), (2, 2, steps, 32)))
    b = torch.einsum("smf,sftn->smtn", B, x)
    sources = [each.requires_grad_() for each in (log_size, angle, b)]
    h = unfold(Modes(log_size, angle, min(steps, 32)).states(fold(paired(b))), steps)

    pole, inputs = torch.polar(log_size.exp(), angle)[..., None], torch.complex(b[:, :3], b[:, 3:])
    state, states = torch.zeros(2, 3, 32, dtype=torch.complex128), []
    for t in range(steps):
        state = pole * state + inputs[:, :, t]
        states.append(state)
    expected = torch.view_as_real(torch.stack(states, 2)).movedim(4, 2).flatten(1, 2)  # (S, M, T, N) -> (S, 2M, T, N)
    torch.testing.assert_close(h, expected, rtol=1e-8, atol=1e-10)

    slope = torch.randn(h.shape, generator=rng, dtype=torch.float64)
    both = [torch.autograd.grad((each * slope).sum(), sources, retain_graph=True) for each in (h, expected)]
    for mine, theirs in zip(*both, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-8, atol=1e-9)

    front = torch.nn.functional.pad(x, (0, 0, -steps % 32 if steps > 32 else 0, 0))  # zeros first: whole chunks
    last = Modes(log_size, angle, min(steps, 32)).last(paired(B), fold(front))
    torch.testing.assert_close(last, h[:, :, -1:], rtol=1e-8, atol=1e-10)
