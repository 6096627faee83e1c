"""The gated recurrent unit of Cho et al. (2014), in the form that torch and cuDNN use."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from seqexp.cell.gated import Gated
from seqexp.cell.weights import Weights, multiply_add
from seqexp.cell.workspace import Rows, Sizes, Workspace


class GRUWorkspace(Workspace):
    """The loops of the GRU, in which r multiplies only one of the two products that make n.

    So a_t has four blocks for three gates: r, z, hn = W_hn h + b_hn, and xn = W_in x + b_in. In W the rows of hn have
    zeros for the input and those of xn zeros for the state. g_t has the order hn, r, z, xn, for two reasons:
    (dhn, dr) = dxn * (r, hn) is one operation on neighbours, and without dx the product W^T g_t is that of the first
    three blocks, as the state does not enter xn.
    """

    num_blocks = 4
    scale = (1.0, 1.0, 2.0, 2.0)
    correction = (1.0, 0.5, 1.0, 1.0)  # 1/2 for r, since hn is kept doubled
    forward_rows = Rows(hidden=((0, 3),), input=((0, 2), (3, 4)))
    backward_rows = Rows(hidden=((1, 3), (0, 1)), input=((1, 3), (3, 4)))

    def __init__(self, sizes: Sizes) -> None:
        """Allocates the cell's own buffers and lists the views that each step uses."""
        super().__init__(sizes)
        T, S, _, N, H, *_ = sizes
        steps = self.empty_steps(S, 4, H, N)  # a_t; then r, z, 2 hn, n
        r, z, hn, n = (steps[:, :, block].unbind(0) for block in range(4))
        a, rz, r_hn = (view.unbind(0) for view in (steps.flatten(2, 3), steps[:, :, :2], steps[:, :, 0:3:2]))
        self.forward_steps = list(zip(self.z, a, rz, r, z, hn, n, self.h[:-1], self.h[1:], strict=True))
        self.backward_steps = list(zip(range(T), rz, r_hn, z, n, self.h[:-1], strict=True))
        self.buffers = tuple(self.empty(S, H, N) for _ in range(3))

    def forward(self) -> None:
        """n_t = tanh(xn + r hn), then h_t = n_t + z (h_{t-1} - n_t)."""
        for inputs, a, rz, r, z, hn, n, h, h_next in self.forward_steps:
            torch.bmm(self.weight, inputs, out=a)
            rz.sigmoid_()
            n.addcmul_(r, hn).sigmoid_()
            torch.add(self.minus_one, n, alpha=2, out=n)
            torch.lerp(n, h, z, out=h_next)

    def backward(self, dh: Tensor, dh_steps: Sequence[Tensor] | None, dx: Tensor | None) -> None:
        """dL/dh_{t-1} = z dh_t + W^T g_t, where dn = (1 - z) dh_t, dz = (h_{t-1} - n) dh_t, dr = hn dxn."""
        tanh_backward = torch.ops.aten.tanh_backward.grad_input
        sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
        weight, dz, dz_state, dz_input = self.back_product(dx is not None)
        if dx is None:
            weight = weight[:, :, : 3 * self.sizes.hidden_size]  # without xn, which the state does not enter
        dh_next, dh_spare, work = self.buffers
        g = self.g
        blocks = g.view(self.sizes.num_seeds, 4, *dh.shape[1:])
        g_hn_r, g_rz, g_z, g_xn_block, g_xn = blocks[:, :2], blocks[:, 1:3], blocks[:, 2], blocks[:, 3:], blocks[:, 3]
        for t, rz, r_hn, z, n, h in reversed(self.backward_steps):
            torch.mul(dh, z, out=dh_next)
            torch.sub(dh, dh_next, out=work)
            tanh_backward(work, n, grad_input=g_xn)
            torch.mul(torch.sub(h, n, out=work), dh, out=g_z)
            torch.mul(g_xn_block, r_hn, out=g_hn_r)
            sigmoid_backward(g_rz, rz, grad_input=g_rz)
            self.add_weight_gradient(t)
            if dx is not None:
                torch.bmm(weight, g, out=dz)
                dx[t].copy_(dz_input)
                dh_next.add_(dz_state)
            elif t > 0:
                dh_next.baddbmm_(weight, g[:, : weight.shape[2]])
            if t > 0 and dh_steps is not None:
                dh_next.add_(dh_steps[t - 1])
            dh, dh_next, dh_spare = dh_next, dh_spare, dh_next


class GRU(Gated):
    """The gated recurrent unit.

        r_t = sigmoid(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)
        z_t = sigmoid(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
        n_t = tanh(W_in x_t + b_in + r_t (W_hn h_{t-1} + b_hn))     reset "after" the product
        n_t = tanh(W_in x_t + b_in + W_hn (r_t h_{t-1}) + b_hn)     reset "before" it
        h_t = (1 - z_t) n_t + z_t h_{t-1}

    Source: K. Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP (2014),
    arXiv:1406.1078, in which r resets before; torch and cuDNN reset after, bias included, and so does this class by
    default (ONNX calls it `linear_before_reset`).

    Weights of layer l, rows r, z, n (from l = 1 on, I is `output_size`): `weight_ih_l{l}` (S, 3H, I),
    `weight_hh_l{l}` (S, 3H, H), `bias_ih_l{l}` and `bias_hh_l{l}` (S, 3H). Equal to `torch.nn.GRU`,
    two bias vectors included, if `reset` is "after".
    """

    gates = 3
    forget_gate = (1, 1.0)  # z

    def __init__(self, *sizes: Any, reset: Literal["after", "before"] = "after", **settings: Any) -> None:
        """Allocates the parameters.

        Args:
            sizes: see `Recurrent`, as are `settings`.
            reset: whether r multiplies h_{t-1} "before" the product with W_hn, or what that makes, "after" it.
            settings: by name.

        Raises:
            ValueError: if an argument is out of range.
        """
        if reset not in ("after", "before"):
            raise ValueError(f"reset must be one of 'after', 'before', got {reset!r}")
        super().__init__(*sizes, **settings)
        self.reset = reset

    def gate_values(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> dict[str, Tensor]:
        """Computes r, z and n, (S, H, N) each."""
        if self.reset == "before":
            return self._reset_before(x, state[0], weights)
        x_r, x_z, x_n = weights.from_input(x).chunk(3, dim=1)
        h_r, h_z, h_n = weights.from_state(state[0]).chunk(3, dim=1)
        r, z = (x_r + h_r).sigmoid(), (x_z + h_z).sigmoid()
        return {"r": r, "z": z, "n": (x_n + r * h_n).tanh()}

    def _reset_before(self, x: Tensor, h: Tensor, weights: Weights) -> dict[str, Tensor]:
        rows = (2 * self.hidden_size, self.hidden_size)
        x_rz, x_n = weights.from_input(x).split(rows, dim=1)
        (w_rz, w_n), (b_rz, b_n) = weights.weight_hh.split(rows, dim=1), weights.bias_hh.split(rows, dim=1)
        r, z = (x_rz + multiply_add(w_rz, h, b_rz)).sigmoid().chunk(2, dim=1)
        return {"r": r, "z": z, "n": (x_n + multiply_add(w_n, r * h, b_n)).tanh()}

    def step(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
        """Computes h_t."""
        _, z, n = self.gate_values(x, state, weights).values()
        return ((1 - z) * n + z * state[0],)

    @property
    def workspace(self) -> type[Workspace] | None:
        """Names the hand-written road, of a reset after the product."""
        return GRUWorkspace if self.reset == "after" else None

    def empty_torch(self) -> nn.Module:
        """`torch.nn.GRU`."""
        if self.reset != "after":
            raise NotImplementedError("torch.nn.GRU resets after the product: it has no counterpart of reset=before")
        return nn.GRU(**self.torch_sizes())
