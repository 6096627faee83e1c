"""The first-order recurrence h_t = a_t h_{t-1} + b_t of every feature, from h = 0, for S seeds at once.

**Folded time.** T steps are cut into C chunks of K, step t = c K + k, and laid as (S, features, K, C, N), so that one
operation takes step k of all chunks. Then, for every chunk at once:

    1  its end from the state zero, and the product of its coefficients, K steps
    2  the state that enters it, from those ends, by doubling: log2(C) steps of 1/K of the numbers
    3  the recurrence itself from there on, K steps

Step 3 computes every state from its neighbour, as a loop over time does: the products of step 2 are the only ones of
many factors, and no logarithm, division or inverse power is taken, so that nothing overflows where |a_t| <= 1. K does
not depend on T, nor do the numbers of a step on what follows it.

**Backward.** With G_t = dL/dh_t, all later states included, G_t = g_t + a_{t+1} G_{t+1} is the same recurrence from
the end; dL/db_t = G_t and dL/da_t = G_t h_{t-1}.

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


def linear_scan(a: Tensor, b: Tensor) -> Tensor:
    """Computes h_t = a_t h_{t-1} + b_t, of a and b in folded time (S, H, K, C, N)."""
    states: Tensor = LinearScan.apply(a, b)  # type: ignore[no-untyped-call]
    return states


class LinearScan(torch.autograd.Function):
    """`linear_scan`, with its gradient."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        """Computes h, block after block of features."""
        h = torch.empty_like(b)
        for rows in blocks(b):
            coefficients, added, states = (each[:, rows].unbind(2) for each in (a, b, h))
            _solve(coefficients, added, states, reverse=False)
        ctx.save_for_backward(a, h)
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor]:
        """Computes the gradients of a and b."""
        a, h = ctx.saved_tensors
        gradient = gradient.contiguous()
        da = torch.empty_like(h) if ctx.needs_input_grad[0] else None
        db = torch.empty_like(h)
        for rows in blocks(h):
            steps, states, slopes, sums = (each[:, rows].unbind(2) for each in (a, h, gradient, db))
            back = (_shift(steps[0], reverse=True), *steps[:0:-1])
            _solve(back, slopes[::-1], sums[::-1], reverse=True)
            if da is not None:
                before = (_shift(states[-1], reverse=False), *states[:-1])
                for out, left, right in zip(da[:, rows].unbind(2), before, sums, strict=True):
                    torch.mul(left, right, out=out)
        return da, db


def blocks(like: Tensor) -> list[slice]:
    """Cuts the features into blocks that fit the cache."""
    S, features, _, C, N = like.shape
    step = max(1, BLOCK // (S * C * N))
    return [slice(first, first + step) for first in range(0, features, step)]


def _shift(x: Tensor, reverse: bool) -> Tensor:
    """Moves the chunks on axis 2 by one, with zeros at the end that is freed."""
    return nn.functional.pad(x[:, :, 1:], (0, 0, 0, 1)) if reverse else nn.functional.pad(x[:, :, :-1], (0, 0, 1, 0))


def _solve(a: Sequence[Tensor], b: Sequence[Tensor], h: Sequence[Tensor], reverse: bool) -> None:
    """Fills h, all steps of all chunks, (S, H, C, N) each; in reverse the lists begin with the last step."""
    state = torch.zeros_like(b[0])
    if b[0].shape[2] > 1:
        state = _entering(a, b, reverse)
    for a_k, b_k, h_k in zip(a, b, h, strict=True):
        state = torch.addcmul(b_k, a_k, state, out=h_k)


def _entering(a: Sequence[Tensor], b: Sequence[Tensor], reverse: bool) -> Tensor:
    """The state that enters each chunk, (S, H, C, N)."""
    end, product = b[0].clone(), a[0].clone()
    for a_k, b_k in zip(a[1:], b[1:], strict=True):
        torch.addcmul(b_k, a_k, end, out=end)
        product.mul_(a_k)
    C, distance = end.shape[2], 1
    while distance < C:
        to, of = slice(distance, None), slice(None, C - distance)
        if reverse:
            to, of = of, to
        following, longer = end.clone(), product.clone()
        following[:, :, to].addcmul_(product[:, :, to], end[:, :, of])
        torch.mul(product[:, :, to], product[:, :, of], out=longer[:, :, to])
        end, product, distance = following, longer, 2 * distance
    return _shift(end, reverse)
