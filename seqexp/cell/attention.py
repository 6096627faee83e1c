"""Causal attention of many sequences at once, in blocks that fit the cache, and rotary positions.

What every step attends to is computed block after block, from T x T scores of which no more than a block is ever in
memory: backward computes them anew. The blocks are the same whatever the number of seeds, and one thread computes them,
as the library shares out a long sum over steps between threads; so that the numbers of one seed are, bit for bit, those
that it gets alone; see "Bits" in `seqexp.cell.scan`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqexp.cell.threads import one_thread

QUERIES = 64
"""Steps that are computed together: those that come after all of them are left out of their products."""

BLOCK = 2**17
"""Scores of a block, about: a few such blocks fit the cache."""


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Computes out_t = sum over s <= t of p_ts value_s, p_t being the softmax of query_t . key_s.

    Args:
        query: (S, M, T, D) of S seeds and M matrices of each, a multiple of `ALIGNMENT` of them; already scaled.
        key: the same.
        value: the same.

    Returns:
        (S, M, T, D).
    """
    flat = (each.flatten(0, 1).contiguous() for each in (query, key, value))
    out: Tensor = Attention.apply(*flat, query.shape[1])  # type: ignore[no-untyped-call]
    return out.view_as(query)


def attend_from(query: Tensor, key: Tensor, value: Tensor, ends: Tensor) -> Tensor:
    """Computes the same for one step of each column, which are not transposed for it.

    Args:
        query: (S, heads, D, 1, N), already scaled.
        key: (S, heads, D, T, N).
        value: the same.
        ends: which step, (S, N).

    Returns:
        (S, heads, D, 1, N).
    """
    scores = (query * key).sum(2)  # (S, heads, T, N)
    later = torch.arange(key.shape[3], device=key.device)[:, None] > ends[:, None, None]
    share = scores.masked_fill(later, -torch.inf).softmax(2)
    return (share.unsqueeze(2) * value).sum(3, keepdim=True)


def turn(x: Tensor, steps: Tensor, base: float) -> Tensor:
    """Turns pairs of features by angles that grow with the step: rotary positions, of Su et al. (2021).

    Feature j of a head and feature j + D / 2 are turned by t base^(-2 j / D), so that the product of a query and a key
    depends on the distance of their steps alone.

    Args:
        x: (S, heads, D, T, N), D even.
        steps: t, in a shape that broadcasts to (S, 1, 1, T, N).
        base: the longest wave has about base steps times 2 pi.

    Returns:
        (S, heads, D, T, N).
    """
    half = x.shape[2] // 2
    rate = base ** (-torch.arange(half, dtype=torch.float64, device=x.device) / half)
    angle = steps.double() * rate[:, None, None]  # (S or 1, 1, D / 2, T, N or 1)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    first, second = x[:, :, :half], x[:, :, half:]
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=2)


class Attention(torch.autograd.Function):
    """`attend` of (L, T, D), `own` matrices of each seed one after another."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, own: int) -> Tensor:
        """Computes (L, T, D)."""
        out = torch.empty_like(query)
        with one_thread():
            for of, rows in blocks(query, own):
                before = slice(0, rows.stop)
                torch.bmm(shares(query[of, rows], key[of, before]), value[of, before], out=out[of, rows])
        ctx.own = own
        ctx.save_for_backward(query, key, value, out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Computes the gradients of query, key and value."""
        query, key, value, out = ctx.saved_tensors
        gradient = gradient.contiguous()
        by_query, by_key, by_value = torch.empty_like(query), torch.zeros_like(key), torch.zeros_like(value)
        with one_thread():
            for of, rows in blocks(query, ctx.own):
                before = slice(0, rows.stop)
                q, k, g = query[of, rows], key[of, before], gradient[of, rows]
                share = shares(q, k)
                by_value[of, before] += torch.bmm(share.transpose(1, 2), g)
                mean = (g * out[of, rows]).sum(2, keepdim=True)
                slope = torch.bmm(g, value[of, before].transpose(1, 2)).sub_(mean).mul_(share)
                by_query[of, rows] = torch.bmm(slope, k)
                by_key[of, before] += torch.bmm(slope.transpose(1, 2), q)
        return by_query, by_key, by_value, None


def blocks(query: Tensor, own: int) -> Iterator[tuple[slice, slice]]:
    """Which matrices and which of their queries are computed together; no block has matrices of two seeds."""
    count, T, _ = query.shape
    most = max(1, BLOCK // (min(T, QUERIES) * T))
    together = next(size for size in range(min(own, most), 0, -1) if own % size == 0)
    for first in range(0, count, together):
        for row in range(0, T, QUERIES):
            yield slice(first, first + together), slice(row, min(row + QUERIES, T))


def shares(query: Tensor, key: Tensor) -> Tensor:
    """The softmax of the scores of some queries, the last of which sees all keys, (l, R, D) and (l, T, D)."""
    scores = torch.bmm(query, key.transpose(1, 2))  # (l, R, T)
    rows, steps = scores.shape[1:]
    later = torch.full((rows, rows), -torch.inf, dtype=scores.dtype, device=scores.device).triu_(1)
    scores[:, :, steps - rows :] += later
    return scores.softmax(2)
