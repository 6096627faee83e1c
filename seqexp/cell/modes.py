"""Complex modes h_t = lambda h_{t-1} + b_t with the same lambda at all steps, as matrix products over chunks of time.

Time is folded into C chunks of K steps, see `seqexp.cell.linear_scan`. As lambda is the same at all steps, what the
inputs of a chunk do to its states is one matrix of powers of lambda, lower triangular, and what the state that enters
the chunk does to them is a column of powers. From the end of one chunk to that of the next there is a recurrence with
the coefficient lambda^K, of a K-th of the steps: it is computed in the same way.

**Pairs.** A complex number is a pair of real ones, here one next to the other: of 2M features, 2 m is the real part of
mode m and 2 m + 1 the imaginary one, so that a mode's numbers in a chunk are 2K rows of a matrix.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from seqexp.cell.linear_scan import fold, unfold
from seqexp.cell.parallel import product
from seqexp.cell.threads import one_thread
from seqexp.cell.workspace import ALIGNMENT


def times(left: tuple[Tensor, Tensor], right: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The product of two complex numbers, each a real and an imaginary part."""
    (a, b), (c, d) = left, right
    return a * c - b * d, a * d + b * c


def toeplitz(kernel: Tensor) -> Tensor:
    """The matrix that convolves causally, its entry i, j being kernel i - j, (…, K) -> (…, K, K)."""
    K = kernel.shape[-1]
    step = torch.arange(K, device=kernel.device)
    index = (step[:, None] - step + K).clamp(min=K - 1).flatten()  # below K: the zero that stands there
    padded = nn.functional.pad(kernel, (K, 0))
    return padded.gather(-1, index.expand(*kernel.shape[:-1], -1)).view(*kernel.shape, K)


class Modes:
    """The powers of lambda = exp(log_size + i angle) of S seeds and M modes, for one pass.

    They are computed in double precision: of an angle of many turns little else would be left.

    Args:
        log_size: (S, M), not above 0.
        angle: (S, M), radians.
        steps: K, of a chunk.

    Attributes:
        powers: lambda^n for n from 0 to K - 1, (S, M, 2, K), and `next_powers` for n from 1 to K.
    """

    def __init__(self, log_size: Tensor, angle: Tensor, steps: int) -> None:
        self.sizes = (*log_size.shape, steps)
        self.log_size, self.angle = log_size, angle
        n = torch.arange(-(-steps // ALIGNMENT) * ALIGNMENT, dtype=torch.float64, device=angle.device) + 1
        size, turn = (log_size.double().unsqueeze(2) * n).exp(), angle.double().unsqueeze(2) * n
        powers = torch.stack([size * turn.cos(), size * turn.sin()], dim=2).to(angle.dtype)  # (S, M, 2, >= K)
        one = angle.new_tensor([1.0, 0.0]).view(2, 1).expand(*angle.shape, 2, 1)
        self.powers, self.next_powers = torch.cat([one, powers[..., : steps - 1]], dim=3), powers[..., :steps]

    def last(self, B: Tensor, x: Tensor) -> Tensor:
        """The state after the last step, b being B x, without a number of any other step.

        Args:
            B: (S, 2M, F).
            x: (S, F, K, C, N).

        Returns:
            (S, 2M, 1, N).
        """
        S, M = self.log_size.shape
        back, (real, imaginary) = self.powers.flip(3).unsqueeze(3), B.view(S, M, 2, -1, 1).unbind(2)
        parts = times((real, imaginary), (back[:, :, 0], back[:, :, 1]))  # (S, M, F, K) each
        rows = torch.stack(parts, dim=2).view(S, 2 * M, -1)  # what each input of a chunk leaves at its end
        ends = product(rows, x.flatten(1, 2))
        return ends if ends.shape[2] == 1 else self.after(ends)[:, :, -1:]

    def states(self, b: Tensor) -> Tensor:
        """All states, (S, 2M, K, C, N) -> (S, 2M, K, C, N)."""
        S, M, K = self.sizes
        C, N = b.shape[3:]
        real, imaginary = toeplitz(self.powers).unbind(2)  # (S, M, K, K) each
        within = torch.cat([torch.cat([real, -imaginary], 3), torch.cat([imaginary, real], 3)], dim=2)
        within, columns = within.view(S * M, 2 * K, 2 * K), b.view(S * M, 2 * K, C * N)
        if C == 1:
            return product(within, columns).view_as(b)
        real, imaginary = self.next_powers.unbind(2)
        across = torch.stack(
            [torch.cat([real, imaginary], 2), torch.cat([-imaginary, real], 2)], dim=3
        )  # (S, M, 2K, 2)
        into = self.entering(self.ends(b)).reshape(S * M, 2, C * N)
        return two_products(within, columns, across.view(S * M, 2 * K, 2), into).view_as(b)

    def ends(self, b: Tensor) -> Tensor:
        """What each chunk's inputs leave at its end, (S, 2M, K, C, N) -> (S, 2M, C, N)."""
        S, M, K = self.sizes
        real, imaginary = self.powers.flip(3).unbind(2)
        rows = torch.stack([torch.cat([real, -imaginary], 2), torch.cat([imaginary, real], 2)], dim=2)
        return product(rows.view(S * M, 2, 2 * K), b.view(S * M, 2 * K, *b.shape[3:])).view(S, 2 * M, *b.shape[3:])

    def entering(self, ends: Tensor) -> Tensor:
        """The state that enters each chunk, from what each leaves at its end, (S, 2M, C, N) -> (S, 2M, C, N)."""
        return nn.functional.pad(self.after(ends)[:, :, :-1], (0, 0, 1, 0))

    def after(self, ends: Tensor) -> Tensor:
        """The state after each chunk, (S, 2M, C, N) -> (S, 2M, C, N): modes again, with the coefficients lambda^K."""
        K, C = self.sizes[2], ends.shape[2]
        folded = fold(ends)
        return unfold(Modes(self.log_size * K, self.angle * K, folded.shape[2]).states(folded), C)


def two_products(w: Tensor, z: Tensor, v: Tensor, y: Tensor) -> Tensor:
    """Computes W z + V y, (L, out, in) and (L, in, ...) each, to (L, out, ...)."""
    if w.shape[2] == 1 or v.shape[2] == 1:  # see `product`
        return product(w, z) + product(v, y)
    columns: Tensor = TwoProducts.apply(w, z.flatten(2), v, y.flatten(2))  # type: ignore[no-untyped-call]
    return columns.view(*w.shape[:2], *z.shape[2:])


class TwoProducts(torch.autograd.Function):
    """W z + V y of every matrix; one thread computes the gradients of W and V, as in `seqexp.cell.parallel.Product`."""

    @staticmethod
    def forward(ctx: Any, w: Tensor, z: Tensor, v: Tensor, y: Tensor) -> Tensor:
        """Computes (L, out, columns)."""
        ctx.save_for_backward(w, z, v, y)
        return torch.bmm(w, z).baddbmm_(v, y)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, Tensor, Tensor | None]:
        """Computes the gradients of all four."""
        w, z, v, y = ctx.saved_tensors
        dz = torch.bmm(w.transpose(1, 2), gradient) if ctx.needs_input_grad[1] else None
        dy = torch.bmm(v.transpose(1, 2), gradient) if ctx.needs_input_grad[3] else None
        with one_thread():
            return torch.bmm(gradient, z.transpose(1, 2)), dz, torch.bmm(gradient, y.transpose(1, 2)), dy
