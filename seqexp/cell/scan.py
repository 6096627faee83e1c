"""The scan over time that hand-written cells share: packed weights, work space, and the autograd function.

A cell turns the state h_{t-1} and the input x_t into h_t. Its file holds the equations of one step, forward
and backward; what surrounds them is here. Shapes inside: ``(S, features, N)``, the batch N last, so that the
rows of one gate are one block of memory and one matrix product serves all seeds.

**One product per step.** Every gate starts from ``a_t = W_hh h_{t-1} + b_hh + W_ih x_t + b_ih``. Stacked as

    z_t = [h_{t-1}; x_t; 1; 1]         K = H + I + 2 rows
    W = [W_hh | W_ih | b_hh | b_ih]    G*H rows, K columns

this is the single product ``a_t = W z_t``. The cell writes h_t straight into the first H rows of z_{t+1}:
nothing is concatenated or copied between steps.

**tanh from sigmoid.** With ``sigmoid(2a) = 1 / (1 + e^-2a)`` it follows that

    2 sigmoid(2a) - 1 = (1 - e^-2a) / (1 + e^-2a) = tanh(a)

and torch.sigmoid is several times faster on CPU than torch.tanh. The 2 inside costs nothing: the rows of W
that lead to a tanh are doubled while packing (``Workspace.scale``).

**Backward.** Let ``d_t = dL/da_t``, for the a_t before any doubling. The chain rule through ``a_t = W z_t``
gives

    dL/dz_t = W^T d_t        rows 1..H: what flows on to h_{t-1};  next I rows: dL/dx_t
    dL/dW   = sum_t d_t z_t^T

A cell may leave constant factors out of its elementwise work and return ``g_t`` with ``d_t = c * g_t``, c
constant for each row block (``Workspace.correction``). Both products make up for it once per pass instead of
once per step: ``W^T d_t = (c W)^T g_t`` and ``sum_t d_t z_t^T = c * sum_t g_t z_t^T``.

**Weight gradient.** ``z_t g_t^T`` is added up inside the loop, while g_t is in the cache, so that one buffer serves
all steps. (The transposed form, K x G*H, is the faster one in MKL.)

**Bits.** How torch rounds may depend on where in memory a matrix begins, and a vectorised operation rounds the odd
numbers at its end differently. So the batch is padded with columns of zeros to a multiple of `ALIGNMENT`, and nothing
here is decided by S: then the numbers of one seed are, bit for bit, those that it would get alone. (But for the plain
cell with a single hidden unit: its products are of vectors, and rounded by another rule.)

**Work space.** Fresh large tensors cost page faults at every step of training, so all that a pass writes is
kept and lent again. A forward pass borrows a `Workspace` from its module's `Pool` and its graph keeps it
until backward is done or the graph is dropped, by whatever way: two graphs, two threads or an exception never
meet in one work space.
"""

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqexp.cell.cell import Back

# What a vectorised loop takes at once: two of the widest registers, in float32.
ALIGNMENT = 32
# Work spaces of this many sizes are kept: training, last batch, validation, test, for two sorts of layers.
KEPT_SIZES = 8


class Sizes(NamedTuple):
    """What a work space is made for; equal sizes share."""

    num_steps: int
    num_seeds: int
    input_size: int
    batch_size: int
    hidden_size: int
    dtype: torch.dtype
    device: torch.device
    kept: bool
    """Whether every step's numbers stay for a backward pass, or make way for the next step's."""


class Rows(NamedTuple):
    """Where a parameter's gates lie among the row blocks: ranges ``(first, end)``, in torch's gate order."""

    hidden: tuple[tuple[int, int], ...]
    input: tuple[tuple[int, int], ...]


class Workspace:
    """All that one pass over time writes. A cell derives from it and adds its buffers and its two loops.

    Attributes to set in a derived class, blocks being groups of H rows:
        num_blocks: Row blocks G of W.
        scale: Factor on each block of W in the forward pass (2 where a tanh follows).
        correction: The constant c of each block of g_t, in the order of g_t.
        forward_rows: Where the gates lie in a_t.
        backward_rows: Where the gates lie in g_t.
    """

    num_blocks: ClassVar[int]
    scale: ClassVar[tuple[float, ...]]
    correction: ClassVar[tuple[float, ...]]
    forward_rows: ClassVar[Rows]
    backward_rows: ClassVar[Rows]

    def __init__(self, sizes: Sizes) -> None:
        """Allocates what every cell needs."""
        T, S, _, N, H, self.dtype, self.device, _ = self.sizes = sizes
        end_x = H + sizes.input_size  # rows of z_t: [0, H) the state, [H, end_x) the input, then two ones
        K, rows = end_x + 2, self.num_blocks * H
        Z = self.empty(T + 1, S, K, N)
        Z[:, :, end_x:] = 1
        Z[0, :, :H] = 0
        self.states, self.inputs = Z[1:, :, :H], Z[:T, :, H:end_x]
        self.z, self.h = Z[:T].unbind(0), Z[:, :, :H].unbind(0)
        self.g = self.empty(S, rows, N)
        self.g_transposed = self.g.transpose(1, 2)

        self.weight = self.empty(S, rows, K).zero_()  # the zeros of blocks that lack a part (GRU) stay
        self.weight_back = self.empty(S, K, rows).zero_()
        self.weight_grad = self.empty(S, K, rows)
        self.weight_parts = self.parts(self.weight, self.forward_rows)
        self.back_parts = self.parts(self.weight_back.transpose(1, 2), self.backward_rows)
        self.grad_parts = self.parts(self.weight_grad.transpose(1, 2), self.backward_rows)
        scales = torch.tensor([self.scale, self.correction], dtype=self.dtype, device=self.device)
        self.row_scale, self.row_correction = scales.repeat_interleave(H, dim=1).unsqueeze(2)  # (G*H, 1) each
        self.minus_one = torch.tensor(-1.0, dtype=self.dtype, device=self.device)
        self.a = self.empty(S, rows, N)
        self.dh, self.dz = self.empty(S, H, N), self.empty(S, end_x, N)

    def forward(self) -> None:
        """Fills h_1 … h_T from ``self.weight`` and ``self.z``."""
        raise NotImplementedError

    def backward(self, dh: Tensor, dh_steps: Sequence[Tensor] | None, dx: Tensor | None) -> None:
        """Runs back through time, calling `add_weight_gradient` at every step.

        Args:
            dh: dL/dh_T ``(S, H, N)``; read only.
            dh_steps: What the loss adds to dL/dh at each step, T tensors ``(S, H, N)``, or None if nothing.
            dx: ``(T, S, I, N)``, to be filled with dL/dx, or None if nobody asks.
        """
        raise NotImplementedError

    def empty(self, *shape: int) -> Tensor:
        """An uninitialised tensor of this work space's dtype on its device."""
        return torch.empty(shape, dtype=self.dtype, device=self.device)

    def empty_steps(self, *shape: int) -> Tensor:
        """Uninitialised numbers for T steps ``(T, *shape)``, which share their memory if nothing is kept."""
        return self.empty(self.sizes.num_steps if self.sizes.kept else 1, *shape).expand(self.sizes.num_steps, *shape)

    def numbers(self) -> int:
        """How many numbers are kept here."""
        storages = {}
        waiting: list[Any] = list(vars(self).values())
        while waiting:
            value = waiting.pop()
            if isinstance(value, Tensor):
                storages[value.untyped_storage()._cdata] = value.untyped_storage().nbytes() // value.element_size()
            elif isinstance(value, list | tuple):
                waiting += value
        return sum(storages.values())

    def load(self, x: Tensor, parameters: Sequence[Tensor]) -> None:
        """Copies the input ``(T, S, I, n)``, n <= N, into z and packs the parameters (torch's order) into W."""
        self.inputs[..., : x.shape[3]].copy_(x)
        self.inputs[..., x.shape[3] :].zero_()
        fill(self.weight_parts, parameters)
        self.weight.mul_(self.row_scale)

    def load_backward(self, weight_ih: Tensor, weight_hh: Tensor) -> None:
        """Packs (c W)^T for the products of the backward pass, which do not touch the biases."""
        fill(self.back_parts[:2], (weight_ih, weight_hh))
        self.weight_back.mul_(self.row_correction.transpose(0, 1))

    def back_product(self, with_input: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The matrix W^T, the buffer for dz_t = W^T g_t, and that buffer's parts for h_{t-1} and x_t.

        Without input gradient the rows of x_t are left out (the last part is then empty).
        """
        H = self.sizes.hidden_size
        dz = self.dz if with_input else self.dh  # (S, H+I, N) or (S, H, N)
        return self.weight_back[:, : dz.shape[1]], dz, dz[:, :H], dz[:, H:]

    def add_weight_gradient(self, t: int) -> None:
        """Adds z_t g_t^T; to be called when g_t is complete, from t = T-1 down to 0."""
        if t == self.sizes.num_steps - 1:
            torch.bmm(self.z[t], self.g_transposed, out=self.weight_grad)
        else:
            self.weight_grad.baddbmm_(self.z[t], self.g_transposed)

    def parameter_gradients(self) -> list[Tensor]:
        """Gradients of weight_ih, weight_hh, bias_ih, bias_hh, each in a new tensor."""
        self.weight_grad.mul_(self.row_correction.transpose(0, 1))
        return [torch.cat(pieces, dim=1) for pieces in self.grad_parts]

    def parts(self, packed: Tensor, rows: Rows) -> list[list[Tensor]]:
        """Views of ``packed`` ``(S, G*H, K)``: for each parameter, in torch's order, its rows' pieces."""
        H = self.sizes.hidden_size
        end_x = H + self.sizes.input_size
        hidden = [packed[:, first * H : end * H] for first, end in rows.hidden]
        inputs = [packed[:, first * H : end * H] for first, end in rows.input]
        return [
            [piece[:, :, H:end_x] for piece in inputs],
            [piece[:, :, :H] for piece in hidden],
            [piece[:, :, end_x + 1] for piece in inputs],
            [piece[:, :, end_x] for piece in hidden],
        ]


def fill(targets: Sequence[Sequence[Tensor]], parameters: Sequence[Tensor]) -> None:
    """Copies each parameter into its pieces, split along the rows."""
    for pieces, parameter in zip(targets, parameters, strict=True):
        if len(pieces) == 1:
            pieces[0].copy_(parameter)
            continue
        sizes = [piece.shape[1] for piece in pieces]
        for piece, part in zip(pieces, parameter.split_with_sizes(sizes, dim=1), strict=True):
            piece.copy_(part)


class Lease:
    """A work space on loan; it goes back to its pool when the last reference to the lease is dropped."""

    def __init__(self, space: Workspace, home: list[Workspace]) -> None:
        """Lends `space`, to be returned to the list `home`."""
        self.space = space
        self._home = home

    def __del__(self) -> None:
        """Gives the work space back."""
        self._home.append(self.space)


class Pool:
    """The idle work spaces of one module. A copy of a pool, by deepcopy or pickle, is a new and empty pool.

    Threads may share one: `list.pop` and `list.append` are atomic, and a work space lies in one list at most.
    """

    def __init__(self) -> None:
        """Starts empty."""
        self._idle: dict[Hashable, list[Workspace]] = {}

    def borrow(self, kind: type[Workspace], sizes: Sizes) -> Lease:
        """An idle work space of this kind and these sizes, or a new one."""
        home = self._idle.setdefault((kind, sizes), [])
        try:
            space = home.pop()
        except IndexError:
            for oldest in list(self._idle)[:-KEPT_SIZES]:
                self._idle.pop(oldest, None)
            # a tensor made in inference mode could not be written in training
            with torch.inference_mode(False):
                space = kind(sizes)
        return Lease(space, home)

    def numbers(self) -> int:
        """How many numbers the idle work spaces hold."""
        return sum(space.numbers() for spaces in self._idle.values() for space in spaces)

    def __reduce__(self) -> tuple[type["Pool"], tuple[()]]:
        """Copies as an empty pool."""
        return Pool, ()


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
        space: What `run` filled.
        weights: weight_ih and weight_hh, as they were then.
        gradient: Of the states ``(T, S, H, N)``, or of the last one ``(S, H, N)``; read only.
        last: Which of the two.
        with_input: Whether dL/dx is wanted.

    Returns:
        dL/dx ``(T, S, I, N)`` or None, and the gradients of weight_ih, weight_hh, bias_ih, bias_hh.
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
    """The states ``(T, S, H, width)`` that a work space holds, or the last one ``(S, H, width)``."""
    states = space.states[-1] if last else space.states
    return states[..., :width].clone(memory_format=torch.contiguous_format)


class Scan(torch.autograd.Function):
    """A whole pass over time as one node of the autograd graph."""

    @staticmethod
    def forward(ctx: Any, pool: Pool, kind: type[Workspace], last: bool, x: Tensor, *parameters: Tensor) -> Tensor:
        """Returns the states ``(T, S, H, N)``, or the last one ``(S, H, N)``."""
        ctx.lease, ctx.last = run(pool, kind, x, parameters, kept=True), last
        ctx.save_for_backward(*parameters[:2])
        return copy_states(ctx.lease.space, last, x.shape[3])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of x and the parameters; refuses to be differentiated again."""
        weights = ctx.saved_tensors  # torch's own error if this graph has been used up
        dx, gradients = run_back(ctx.lease.space, weights, gradient, ctx.last, ctx.needs_input_grad[3])
        # Under retain_graph the work space has to stay; torch tells this to nobody but its own internals.
        if not torch._C._autograd._get_current_graph_task_keep_graph():
            ctx.lease = None
        return None, None, None, dx, *gradients


def scan(pool: Pool, kind: type[Workspace], x: Tensor, parameters: Sequence[Tensor], last: bool) -> Tensor:
    """Runs one layer in one direction over time, from the state zero.

    Args:
        pool: Lends the work space.
        kind: The cell's work space, with its equations.
        x: Inputs ``(T, S, I, N)``.
        parameters: weight_ih ``(S, rows, I)``, weight_hh ``(S, rows, H)``, bias_ih, bias_hh ``(S, rows)``.
        last: Whether only the last state is wanted.

    Returns:
        The states ``(T, S, H, N)``, or the last one ``(S, H, N)``.
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
        pool: Lends the work space.
        kind: The cell's work space, with its equations.
        x: Sequences ``(S, B, T, I)``.
        parameters: As in `scan`.
        last: Whether only the state after each sequence's last step is wanted.
        with_input: Whether the way back gives dL/dx.
        lengths: How many steps of each sequence count ``(S, B)``, or None.

    Returns:
        The states ``(S, H, B)`` if `last`, else ``(S, H, T, B)``, good as long as the function beside them is kept;
        and that function, from their gradient to dL/dx ``(S, B, T, I)`` or None and the parameters' gradients.
    """
    T, B = x.shape[2], x.shape[1]
    lease = run(pool, kind, x.permute(2, 0, 3, 1), parameters, kept=True)  # (S, B, T, I) -> (T, S, I, B)
    states = lease.space.states[..., :B]  # (T, S, H, B)
    only_end = last and lengths is None

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
    """Picks the state after each sequence's last step, ``(T, S, H, N)`` and ``(S, N)`` to ``(S, H, N)``."""
    ends = (lengths - 1)[None, :, None].expand(1, -1, states.shape[2], -1)  # (1, S, H, N)
    return states.gather(0, ends).squeeze(0)


def spread(gradient: Tensor, lengths: Tensor, steps: int) -> Tensor:
    """Puts the gradient ``(S, H, N)`` of the states that `at_ends` picks in its place among zeros ``(T, S, H, N)``."""
    ends = (lengths - 1)[None, :, None].expand(1, -1, gradient.shape[1], -1)  # (1, S, H, N)
    return gradient.new_zeros(steps, *gradient.shape).scatter_(0, ends, gradient[None])
