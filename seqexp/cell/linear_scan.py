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

**Complex numbers** are pairs of real ones: of 2H features the first H are real parts, the others imaginary ones. In
backward the first factor of each product is conjugated.

**Bits.** All is elementwise, on rows of a multiple of `ALIGNMENT` columns, except the sum that is a constant
coefficient's gradient; see "Bits" in `seqexp.cell.scan`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from seqexp.cell.workspace import ALIGNMENT

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


def linear_scan(a: Tensor, b: Tensor, pairs: bool = False) -> Tensor:
    """Computes h_t = a_t h_{t-1} + b_t.

    Args:
        a: coefficients, of each step (S, H, K, C, N), or the same at all steps (S, H).
        b: (S, H, K, C, N), contiguous.
        pairs: whether the features are complex numbers, the real parts of all and then the imaginary parts.

    Returns:
        h (S, H, K, C, N).
    """
    states: Tensor = LinearScan.apply(a, b, pairs)  # type: ignore[no-untyped-call]
    return states


class LinearScan(torch.autograd.Function):
    """`linear_scan`, with its gradient."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, pairs: bool) -> Tensor:
        """Computes h, block after block of features."""
        h = torch.empty_like(b)
        parts = 2 if pairs else 1
        for rows in blocks(b, parts):
            A, B, H = (split(each, parts, b)[:, :, rows] for each in (a, b, h))
            _solve(_steps(A, B), B.unbind(3), H.unbind(3), reverse=False)
        ctx.parts = parts
        ctx.save_for_backward(a, h)
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, None]:
        """Computes the gradients of a and b."""
        a, h = ctx.saved_tensors
        gradient = gradient.contiguous()
        db = torch.empty_like(h)
        wanted, constant = ctx.needs_input_grad[0], a.dim() == 2
        da = torch.empty_like(h) if wanted and not constant else None
        sums = []
        for rows in blocks(h, ctx.parts):
            A, H, g, G = (split(each, ctx.parts, h)[:, :, rows] for each in (a, h, gradient, db))
            steps = _steps(A, H)
            back = (_shift(steps[0], reverse=True), *steps[:0:-1])
            _solve(back, g.unbind(3)[::-1], G.unbind(3)[::-1], reverse=True)
            before = (_shift(H[:, :, :, -1], reverse=False), *H.unbind(3)[:-1])
            if da is not None:
                for out, left, right in zip(
                    split(da, ctx.parts, h)[:, :, rows].unbind(3), before, G.unbind(3), strict=True
                ):
                    advance(None, left, right, out, conjugate=True)
            elif wanted:
                total = torch.zeros_like(before[0])
                for left, right in zip(before, G.unbind(3), strict=True):
                    advance(total, left, right, total, conjugate=True)
                sums.append(total.sum(3))  # (S, parts, rows, C, N) -> (S, parts, rows, N)
        if sums:
            columns = torch.cat(sums, dim=2).flatten(1, 2)  # (S, H, N)
            da = torch.bmm(columns, columns.new_ones(len(columns), columns.shape[2], ALIGNMENT))[..., 0]
        return da, db, None


def blocks(like: Tensor, parts: int) -> list[slice]:
    """Cuts the features into blocks that fit the cache."""
    S, features, _, C, N = like.shape
    count = features // parts
    step = max(1, BLOCK // (S * parts * C * N))
    return [slice(first, first + step) for first in range(0, count, step)]


def split(x: Tensor, parts: int, like: Tensor) -> Tensor:
    """Gives the parts of a number an axis of their own, (S, H, …) -> (S, parts, H / parts, …)."""
    return x.reshape(x.shape[0], parts, like.shape[1] // parts, *x.shape[2:])


def advance(add: Tensor | None, a: Tensor, h: Tensor, out: Tensor, conjugate: bool = False) -> Tensor:
    """Writes add + a h into `out`, or add + conj(a) h; the parts of a number lie on axis 1. `out` is not h.

    Args:
        add: None stands for zero.
        a: the first factor.
        h: the second.
        out: may be `add`.
        conjugate: whether a is conjugated.
    """
    if add is None:
        add = out.zero_()
    if a.shape[1] == 1:
        return torch.addcmul(add, a, h, out=out)
    real, imaginary = a.unbind(1)
    sign = -1 if conjugate else 1
    for part, other, factor in ((0, 1, -sign), (1, 0, sign)):
        torch.addcmul(add[:, part], real, h[:, part], out=out[:, part])
        out[:, part].addcmul_(imaginary, h[:, other], value=factor)
    return out


def _steps(a: Tensor, like: Tensor) -> Sequence[Tensor]:
    """The coefficients of each k, (S, parts, H, C, N), of those of each step or of all."""
    if a.dim() == like.dim():
        return a.unbind(3)
    column = a[..., None, None].expand(*a.shape, *like.shape[4:]).contiguous()
    return (column,) * like.shape[3]


def _shift(x: Tensor, reverse: bool) -> Tensor:
    """Moves the chunks on axis 3 by one, with zeros at the end that is freed."""
    return (
        nn.functional.pad(x[:, :, :, 1:], (0, 0, 0, 1)) if reverse else nn.functional.pad(x[:, :, :, :-1], (0, 0, 1, 0))
    )


def _solve(a: Sequence[Tensor], b: Sequence[Tensor], h: Sequence[Tensor], reverse: bool) -> None:
    """Fills h, all steps of all chunks; in reverse the lists begin with the last step, and a is conjugated."""
    state = torch.zeros_like(b[0])
    if b[0].shape[3] > 1:
        state = _entering(a, b, reverse)
    for a_k, b_k, h_k in zip(a, b, h, strict=True):
        state = advance(b_k, a_k, state, h_k, conjugate=reverse)


def _entering(a: Sequence[Tensor], b: Sequence[Tensor], reverse: bool) -> Tensor:
    """The state that enters each chunk (S, parts, H, C, N)."""
    end, product = b[0].clone(), a[0].clone()
    spare, other = torch.empty_like(end), torch.empty_like(product)
    for a_k, b_k in zip(a[1:], b[1:], strict=True):
        end, spare = advance(b_k, a_k, end, spare, conjugate=reverse), end
        product, other = advance(None, a_k, product, other), product
    C, distance = end.shape[3], 1
    while distance < C:
        to, of = slice(distance, None), slice(None, C - distance)
        if reverse:
            to, of = of, to
        spare, other = end.clone(), product.clone()
        advance(end[:, :, :, to], product[:, :, :, to], end[:, :, :, of], spare[:, :, :, to], conjugate=reverse)
        advance(None, product[:, :, :, to], product[:, :, :, of], other[:, :, :, to])
        end, product, distance = spare, other, 2 * distance
    return _shift(end, reverse)
