"""The linear recurrence h_t = (1 - z_t) h_{t-1} + z_t n_t of every feature, from h = 0, for S seeds at once.

It is h_t = a_t h_{t-1} + b_t with a = 1 - z and b = z n, neither of which is ever written: with numbers that do not fit
the cache, reading and writing them takes the time.

**Folded time.** T steps are cut into C chunks of K, step t = c K + k, and laid as (S, features, K, C, N), so that one
operation takes step k of all chunks. Then, for every chunk at once:

    1  its end from the state zero, and the product of its 1 - z, K steps
    2  the state that enters it, from those ends, by doubling: log2(C) steps of 1/K of the numbers
    3  the recurrence itself from there on, K steps

Step 3 computes every state from its neighbour, as a loop over time does: the products of step 2 are the only ones of
many factors, and no logarithm, division or inverse power is taken, so that nothing overflows where z is in [0, 1]. K
does not depend on T, nor do the numbers of a step on what follows it.

**Backward.** With G_t = dL/dh_t, all later states included, G_t = g_t + (1 - z_{t+1}) G_{t+1} is such a recurrence from
the end; dL/dn_t = G_t z_t and dL/dz_t = G_t (n_t - h_{t-1}).

**Bits.** All is elementwise, on rows of a multiple of `ALIGNMENT` columns; see "Bits" in `seqexp.cell.scan`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

CHUNK = 32
"""Steps of a chunk, K."""

BLOCK = 2**16
"""Numbers that one operation works on, about: several of them fit the cache."""


def fold(x: Tensor) -> Tensor:
    """Folds time, (S, F, T, N) -> (S, F, K, C, N), with zeros after the last step."""
    S, F, T, N = x.shape
    K = min(T, CHUNK)
    whole = nn.functional.pad(x, (0, 0, 0, -T % K))
    return whole.view(S, F, -1, K, N).transpose(2, 3).contiguous()


def unfold(y: Tensor, steps: int) -> Tensor:
    """Unfolds time, (S, F, K, C, N) -> (S, F, T, N)."""
    return y.transpose(2, 3).flatten(2, 3)[:, :, :steps]


def at_steps(y: Tensor, ends: Tensor) -> Tensor:
    """Picks one step of each column from folded time, (S, F, K, C, N) and (S, N) -> (S, F, 1, N)."""
    S, F, K, C, N = y.shape
    index = (ends % K * C + ends // K)[:, None, None].expand(S, F, 1, N)
    return y.view(S, F, K * C, N).gather(2, index)


def linear_scan(z: Tensor, n: Tensor) -> Tensor:
    """Computes h_t = (1 - z_t) h_{t-1} + z_t n_t.

    Args:
        z: how far the state moves, in folded time, (S, H, K, C, N).
        n: whereto.

    Returns:
        h (S, H, K, C, N).
    """
    states: Tensor = LinearScan.apply(z, n)  # type: ignore[no-untyped-call]
    return states


class LinearScan(torch.autograd.Function):
    """`linear_scan`, with its gradient."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, n: Tensor) -> Tensor:
        """Computes h, block after block of features."""
        h = torch.empty_like(n)
        for rows in _blocks(n):
            _solve(*(each[:, rows].unbind(2) for each in (z, n, h)))
        ctx.save_for_backward(z, n, h)
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the gradients of z and n."""
        z, n, h = ctx.saved_tensors
        dz, dn = torch.empty_like(h), torch.empty_like(h)
        for rows in _blocks(h):
            Z, N, H, g, DZ, G = (each[:, rows] for each in (z, n, h, gradient, dz, dn))
            _solve_back(*(each.unbind(2) for each in (Z, g, G)))
            torch.sub(N[:, :, 1:], H[:, :, :-1], out=DZ[:, :, 1:])
            torch.sub(N[:, :, 0], _shift(H[:, :, -1], reverse=False), out=DZ[:, :, 0])
            DZ.mul_(G)
            G.mul_(Z)
        return dz, dn


def _blocks(like: Tensor) -> list[slice]:
    """Cuts the features into blocks that fit the cache."""
    S, H, _, C, N = like.shape
    step = max(1, BLOCK // (S * C * N))
    return [slice(first, first + step) for first in range(0, H, step)]


def _solve(z: Sequence[Tensor], n: Sequence[Tensor], h: Sequence[Tensor]) -> None:
    """Fills h, the states of each k in all chunks, (S, H, C, N) each."""
    state = torch.zeros_like(n[0])
    if state.shape[2] > 1:
        end, product = z[0] * n[0], 1 - z[0]
        for z_k, n_k in zip(z[1:], n[1:], strict=True):
            end.lerp_(n_k, z_k)
            product.addcmul_(product, z_k, value=-1)
        state = _entering(end, product, reverse=False)
    for z_k, n_k, h_k in zip(z, n, h, strict=True):
        state = torch.lerp(state, n_k, z_k, out=h_k)


def _solve_back(z: Sequence[Tensor], g: Sequence[Tensor], G: Sequence[Tensor]) -> None:
    """Fills G, from the last k of all chunks to the first; what stands before a G is that of the step after it."""
    ahead = [_shift(z[0], reverse=True), *z[:0:-1]]  # z of the step after, by which the last one's G of zero is kept
    state = torch.zeros_like(z[0])
    if state.shape[2] > 1:
        end, product = g[-1].clone(), 1 - ahead[0]
        for z_k, g_k in zip(ahead[1:], g[-2::-1], strict=True):
            end.addcmul_(end, z_k, value=-1).add_(g_k)
            product.addcmul_(product, z_k, value=-1)
        state = _entering(end, product, reverse=True)
    for z_k, g_k, G_k in zip(ahead, g[::-1], G[::-1], strict=True):
        torch.addcmul(state, state, z_k, value=-1, out=G_k).add_(g_k)
        state = G_k


def _entering(end: Tensor, product: Tensor, reverse: bool) -> Tensor:
    """The state that enters each chunk, from its end and its product, (S, H, C, N) each."""
    C, distance = end.shape[2], 1
    while distance < C:
        to, of = slice(distance, None), slice(None, C - distance)
        if reverse:
            to, of = of, to
        before, factor = end.clone(), product.clone()
        end[:, :, to].addcmul_(factor[:, :, to], before[:, :, of])
        product[:, :, to].mul_(factor[:, :, of])
        distance *= 2
    return _shift(end, reverse)


def _shift(x: Tensor, reverse: bool) -> Tensor:
    """Moves the chunks on axis 2 by one, with zeros at the end that is freed."""
    return nn.functional.pad(x[:, :, 1:], (0, 0, 0, 1)) if reverse else nn.functional.pad(x[:, :, :-1], (0, 0, 1, 0))
