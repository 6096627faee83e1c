"""What a pass over time writes: the numbers of its steps, lent and kept; see `seqexp.cell.scan` for the equations."""

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

ALIGNMENT = 32
"""Columns of a batch are padded to a multiple of this: float32 numbers in two of the widest vector registers."""

KEPT_SIZES = 8
"""Work spaces of so many sizes are kept: training, last batch, validation and test, for two sorts of layers."""


class Sizes(NamedTuple):
    """What a work space is made for; passes of equal sizes share them."""

    num_steps: int
    num_seeds: int
    input_size: int
    batch_size: int
    hidden_size: int
    dtype: torch.dtype
    device: torch.device
    kept: bool
    """Whether the numbers of every step stay for a backward pass; otherwise each step overwrites the one before."""


class Rows(NamedTuple):
    """Where a parameter's gates lie among the row blocks: ranges (first, end), in torch's gate order."""

    hidden: tuple[tuple[int, int], ...]
    input: tuple[tuple[int, int], ...]


class Workspace:
    """Everything that one pass over time writes. A cell derives from it and adds its buffers and its two loops.

    Attributes to set in a derived class, blocks being groups of H rows:
        num_blocks: row blocks G of W.
        scale: factor on each block of W in the forward pass (2 where a tanh follows).
        correction: the constant c of each block of g_t, in the order of g_t.
        forward_rows: where the gates lie in a_t.
        backward_rows: where the gates lie in g_t.
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
        """Fills h_1 … h_T from `self.weight` and `self.z`."""
        raise NotImplementedError

    def backward(self, dh: Tensor, dh_steps: Sequence[Tensor] | None, dx: Tensor | None) -> None:
        """Runs back through time, calling `add_weight_gradient` at every step.

        Args:
            dh: dL/dh_T (S, H, N); read only.
            dh_steps: what the loss adds to dL/dh at each step, T tensors (S, H, N), or None if nothing.
            dx: (T, S, I, N), to be filled with dL/dx, or None if nobody asks.
        """
        raise NotImplementedError

    def empty(self, *shape: int) -> Tensor:
        """Allocates a tensor of this work space's dtype on its device."""
        return torch.empty(shape, dtype=self.dtype, device=self.device)

    def empty_steps(self, *shape: int) -> Tensor:
        """Allocates numbers for T steps (T, *shape), which share their memory if nothing is kept."""
        return self.empty(self.sizes.num_steps if self.sizes.kept else 1, *shape).expand(self.sizes.num_steps, *shape)

    def numbers(self) -> int:
        """Returns how many numbers are kept here."""
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
        """Copies the input (T, S, I, n), n <= N, into z and packs the parameters (torch's order) into W."""
        self.inputs[..., : x.shape[3]].copy_(x)
        self.inputs[..., x.shape[3] :].zero_()
        fill(self.weight_parts, parameters)
        self.weight.mul_(self.row_scale)

    def load_backward(self, weight_ih: Tensor, weight_hh: Tensor) -> None:
        """Packs (c W)^T for the products of the backward pass, which do not touch the biases."""
        fill(self.back_parts[:2], (weight_ih, weight_hh))
        self.weight_back.mul_(self.row_correction.transpose(0, 1))

    def back_product(self, with_input: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Returns the matrix W^T, the buffer for dz_t = W^T g_t, and that buffer's parts for h_{t-1} and x_t.

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
        """Returns the gradients of weight_ih, weight_hh, bias_ih, bias_hh, each in a new tensor."""
        self.weight_grad.mul_(self.row_correction.transpose(0, 1))
        return [torch.cat(pieces, dim=1) for pieces in self.grad_parts]

    def parts(self, packed: Tensor, rows: Rows) -> list[list[Tensor]]:
        """Returns views of packed weights (S, G*H, K): for each parameter, in torch's order, the pieces of its rows."""
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
        """Lends an idle work space of this kind and these sizes, or a new one."""
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
        """Returns how many numbers the idle work spaces hold."""
        return sum(space.numbers() for spaces in self._idle.values() for space in spaces)

    def __reduce__(self) -> tuple[type["Pool"], tuple[()]]:
        """Copies as an empty pool."""
        return Pool, ()
