"""Newton's method for the states in which a recurrent cell rests, for all seeds and many starts at once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from seqexp.cell.recurrent import Recurrent
from seqexp.closed_loop import States, advance

STUCK = 1e8
"""A start whose steps had to be shortened so much leads nowhere."""


class Rest(NamedTuple):
    """Where Newton's method ended.

    Attributes:
        z: (S, D, M).
        at_rest: (S, M) whether a step moves no number of it by more than the tolerance.
        jacobian: (S, M, D, D) of a step there.
    """

    z: Tensor
    at_rest: Tensor
    jacobian: Tensor


def newton(cell: Recurrent, held: Tensor, start: Tensor, iterations: int, tolerance: float) -> Rest:
    """Solves F(z, x) = z from each start, by steps that a damping shortens until they lead nearer.

    Args:
        cell: of S seeds.
        held: x, (S, 1, I).
        start: (S, D, M).
        iterations: at most.
        tolerance: of |F(z) - z|.
    """
    S, D, M = start.shape
    z = start.clone()
    damping = torch.full((S, M), 1e-3, dtype=z.dtype)
    after, jacobian = linearise(cell, held, z)
    unit = torch.eye(D, dtype=z.dtype)
    for _ in range(iterations):
        rest = after - z  # (S, D, M)
        moves = (rest.abs().amax(1) > tolerance) & (damping < STUCK)  # (S, M)
        active = torch.nonzero(moves.any(0)).flatten()  # starts that are still under way in any seed
        if not len(active):
            break
        rest, slope = rest[..., active], (jacobian[:, active] - unit).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
        down = slope.transpose(2, 3) @ rest.permute(0, 2, 1)[..., None].nan_to_num(nan=0.0)  # (S, A, D, 1)
        normal = slope.transpose(2, 3) @ slope
        scale = normal.diagonal(dim1=2, dim2=3).mean(-1).clamp(min=1e-30)  # (S, A)
        damped = normal + (damping[:, active] * scale)[..., None, None] * unit
        tried = z[..., active] - torch.linalg.solve(damped, down)[..., 0].permute(0, 2, 1)  # (S, D, A)
        tried_after, tried_jacobian = linearise(cell, held, tried)
        better = ((tried_after - tried).norm(dim=1) < rest.norm(dim=1)) & moves[:, active]  # (S, A)
        z[..., active] = torch.where(better[:, None], tried, z[..., active])
        after[..., active] = torch.where(better[:, None], tried_after, after[..., active])
        jacobian[:, active] = torch.where(better[..., None, None], tried_jacobian, jacobian[:, active])
        own = damping[:, active]
        damping[:, active] = torch.where(better, own / 10, own * 10).clamp(min=1e-15)
    return Rest(z, (after - z).abs().amax(1) <= tolerance, jacobian)


def linearise(cell: Recurrent, held: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """One step from each state, (S, D, M), and its Jacobian, (S, M, D, D): row d is the gradient of number d."""
    S, D, M = z.shape
    with torch.enable_grad():
        wide = z.repeat_interleave(D, 2).requires_grad_()  # (S, D, M D): a column for each number of the next state
        after = _step(cell, held, wide)
        picked = after.view(S, D, M, D).diagonal(dim1=1, dim2=3).sum()
        (slope,) = torch.autograd.grad(picked, wide)
    rows = slope.view(S, D, M, D).permute(0, 2, 3, 1)  # (S, M, D, D)
    return after.detach().view(S, D, M, D)[..., 0].clone(), rows


def _step(cell: Recurrent, held: Tensor, z: Tensor) -> Tensor:
    """One step of all layers with the input that is held, (S, D, M) -> (S, D, M)."""
    state = split_state(cell, z)
    after, _ = advance(cell, held.expand(-1, z.shape[2], -1), state)
    return torch.cat([each for layer in after for each in layer], 1)


def split_state(cell: Recurrent, z: Tensor) -> States:
    """The states of each layer, from all of them in one, (S, D, M)."""
    parts = iter(z.split(cell.hidden_size, 1))
    return [tuple(next(parts) for _ in cell.states) for _ in range(cell.num_layers)]
