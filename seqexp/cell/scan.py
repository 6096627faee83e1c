"""The scan over time that hand-written cells share: packed weights, work space, and the autograd function.

A cell turns the state h_{t-1} and the input x_t into h_t. Its file holds the equations of one step, forward
and backward; this file holds what surrounds them. Shapes inside: (S, features, N), the batch N last, so that the
rows of one gate are one block of memory and one batched product serves all seeds.

**One product per step.** Every gate starts from `a_t = W_hh h_{t-1} + b_hh + W_ih x_t + b_ih`. Stacked as

    z_t = [h_{t-1}; x_t; 1; 1]         K = H + I + 2 rows
    W = [W_hh | W_ih | b_hh | b_ih]    G*H rows, K columns

this is the single product `a_t = W z_t`. The cell writes h_t straight into the first H rows of z_{t+1}:
nothing is concatenated or copied between steps.

**tanh from sigmoid.** With `sigmoid(2a) = 1 / (1 + e^-2a)` it follows that

    2 sigmoid(2a) - 1 = (1 - e^-2a) / (1 + e^-2a) = tanh(a)

and torch.sigmoid is several times faster on CPU than torch.tanh. The 2 inside costs nothing: the rows of W
that lead to a tanh are doubled while packing (`Workspace.scale`).

**Backward.** Let `d_t = dL/da_t`, for the a_t before any doubling. The chain rule through `a_t = W z_t`
gives

    dL/dz_t = W^T d_t        rows 1..H: what flows on to h_{t-1};  next I rows: dL/dx_t
    dL/dW   = sum_t d_t z_t^T

A cell may leave a constant factor c of each row block (`Workspace.correction`) out of its elementwise work, and write
g_t where d_t = c * g_t. The factor is then applied once per pass instead of once per step, as
`W^T d_t = (c W)^T g_t` and `sum_t d_t z_t^T = c * sum_t g_t z_t^T`.

**Weight gradient.** `z_t g_t^T` is added up inside the loop, while g_t is in the cache, so that one buffer serves
all steps. (The transposed form, K x G*H, is the faster one in MKL.)

**Bits.** How torch rounds may depend on where in memory a matrix begins, and a vectorised operation rounds the odd
numbers at its end differently. So the batch is padded with columns of zeros to a multiple of `ALIGNMENT`, and nothing
here is decided by S: then the numbers of one seed are, bit for bit, those that it gets alone. (The exception is the
plain cell with a single hidden unit: its products are of vectors, which torch rounds by another rule.) A sequence that
ends early has the bits that it has alone, too: the zeros after its end add nothing to any gradient. (The exception here
are fewer than four hidden units in batches of more than `ALIGNMENT` sequences: for matrices of so few rows the library
takes another order of summation when there are more columns.)

**Work space.** Fresh large tensors cost page faults at every step of training, so all that a pass writes is
kept and lent again. A forward pass borrows a `Workspace` from its module's `Pool`. Its graph keeps the loan until
backward is done or the graph itself is dropped, be it by an exception. So no two graphs or threads write into one
work space at a time.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqexp.cell.cell import Back
from seqexp.cell.workspace import ALIGNMENT, Lease, Pool, Sizes, Workspace


def run(pool: Pool, kind: type[Workspace], x: Tensor, parameters: Sequence[Tensor], kept: bool) -> Lease:
    """Runs a pass in a work space from the pool, which holds all its states when this returns."""
    weight_hh = parameters[1]
    T, S, features, N = x.shape
    width = -(-N // ALIGNMENT) * ALIGNMENT
    sizes = Sizes(T, S, features, width, weight_hh.shape[2], weight_hh.dtype, weight_hh.device, kept)
    lease = pool.borrow(kind, sizes)
    lease.space.load(x, parameters)
    lease.space.forward()
    return lease


def run_back(
    space: Workspace, weights: Sequence[Tensor], gradient: Tensor, last: bool, with_input: bool
) -> tuple[Tensor | None, list[Tensor]]:
    """Runs back through the pass that a work space holds.

    Args:
        space: what `run` filled.
        weights: weight_ih and weight_hh, as they were then.
        gradient: of the states (T, S, H, N), or of the last one (S, H, N); read only.
        last: which of the two.
        with_input: whether dL/dx is wanted.

    Returns:
        dL/dx (T, S, I, N) or None, and the gradients of weight_ih, weight_hh, bias_ih, bias_hh.
    """
    T, S, features, width, *_ = space.sizes
    N = gradient.shape[-1]
    gradient = torch.nn.functional.pad(gradient, (0, width - N)) if width > N else gradient
    dx = space.empty(T, S, features, width) if with_input else None
    dh, dh_steps = (gradient, None) if last else (gradient[-1], gradient.unbind(0))
    space.load_backward(*weights)
    space.backward(dh.contiguous(), dh_steps, dx)
    return None if dx is None else dx[..., :N], space.parameter_gradients()


def copy_states(space: Workspace, last: bool, width: int) -> Tensor:
    """Copies the states (T, S, H, width) that a work space holds, or the last one (S, H, width)."""
    states = space.states[-1] if last else space.states
    return states[..., :width].clone(memory_format=torch.contiguous_format)


class Scan(torch.autograd.Function):
    """A whole pass over time as one node of the autograd graph."""

    @staticmethod
    def forward(ctx: Any, pool: Pool, kind: type[Workspace], last: bool, x: Tensor, *parameters: Tensor) -> Tensor:
        """Returns the states (T, S, H, N), or the last one (S, H, N)."""
        ctx.pool, ctx.kind, ctx.last = pool, kind, last
        ctx.lease = run(pool, kind, x, parameters, kept=True)
        ctx.save_for_backward(x, *parameters)
        return copy_states(ctx.lease.space, last, x.shape[3])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Returns the gradients of x and the parameters; refuses to be differentiated again."""
        x, *parameters = ctx.saved_tensors  # torch's own error if this graph has been used up
        # A second time (retain_graph) the work space may have other users: the pass is run again, to the same bits.
        lease = ctx.lease or run(ctx.pool, ctx.kind, x, parameters, kept=True)
        dx, gradients = run_back(lease.space, parameters[:2], gradient, ctx.last, ctx.needs_input_grad[3])
        ctx.lease = None
        return None, None, None, dx, *gradients


def scan(pool: Pool, kind: type[Workspace], x: Tensor, parameters: Sequence[Tensor], last: bool) -> Tensor:
    """Runs one layer in one direction over time, from the state zero.

    Args:
        pool: lends the work space.
        kind: the cell's work space, with its equations.
        x: inputs (T, S, I, N).
        parameters: weight_ih (S, rows, I), weight_hh (S, rows, H), bias_ih, bias_hh (S, rows).
        last: whether only the last state is wanted.

    Returns:
        The states (T, S, H, N), or the last one (S, H, N).
    """
    if not torch.is_grad_enabled():
        return copy_states(run(pool, kind, x, parameters, kept=False).space, last, x.shape[3])
    states: Tensor = Scan.apply(pool, kind, last, x, *parameters)  # type: ignore[no-untyped-call]
    return states


def pull(
    pool: Pool,
    kind: type[Workspace],
    x: Tensor,
    parameters: Sequence[Tensor],
    last: bool,
    with_input: bool,
    lengths: Tensor | None,
) -> tuple[Tensor, Back]:
    """Runs one layer in one direction for a caller that needs no graph: `Cell.pull` by hand.

    Args:
        pool: lends the work space.
        kind: the cell's work space, with its equations.
        x: sequences (S, B, T, I).
        parameters: as in `scan`.
        last: whether only the state after each sequence's last step is wanted.
        with_input: whether the way back gives dL/dx.
        lengths: how many steps of each sequence count (S, B), or None.

    Returns:
        The states (S, H, B) if `last`, else (S, H, T, B), good as long as the function beside them is kept;
        and that function, from their gradient to dL/dx (S, B, T, I) or None and the parameters' gradients.
    """
    T, B = x.shape[2], x.shape[1]
    lease = run(pool, kind, x.permute(2, 0, 3, 1), parameters, kept=True)  # (S, B, T, I) -> (T, S, I, B)
    states = lease.space.states[..., :B]  # (T, S, H, B)
    only_end = last and lengths is None

    @torch.no_grad()
    def back(gradient: Tensor) -> tuple[Tensor | None, Sequence[Tensor]]:
        if not last:
            gradient = gradient.permute(2, 0, 1, 3)  # (S, H, T, B) -> (T, S, H, B)
        elif lengths is not None:
            gradient = spread(gradient, lengths, T)
        dx, gradients = run_back(lease.space, parameters[:2], gradient, only_end, with_input)
        return None if dx is None else dx.permute(1, 3, 0, 2), gradients  # (T, S, I, B) -> (S, B, T, I)

    if not last:
        return states.permute(1, 2, 0, 3), back  # (T, S, H, B) -> (S, H, T, B)
    return states[-1] if lengths is None else at_ends(states, lengths), back


def at_ends(states: Tensor, lengths: Tensor) -> Tensor:
    """Picks the state after each sequence's last step, (T, S, H, N) and (S, N) to (S, H, N)."""
    ends = (lengths - 1)[None, :, None].expand(1, -1, states.shape[2], -1)  # (1, S, H, N)
    return states.gather(0, ends).squeeze(0)


def spread(gradient: Tensor, lengths: Tensor, steps: int) -> Tensor:
    """Puts the gradient (S, H, N) of the states that `at_ends` picks in its place among zeros (T, S, H, N)."""
    ends = (lengths - 1)[None, :, None].expand(1, -1, gradient.shape[1], -1)  # (1, S, H, N)
    return gradient.new_zeros(steps, *gradient.shape).scatter_(0, ends, gradient[None])
