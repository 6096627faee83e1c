"""Long short-term memory: Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from seqexp.cell.gated import Gated
from seqexp.cell.recurrent import Weights
from seqexp.cell.workspace import Rows, Sizes, Workspace


class LSTMWorkspace(Workspace):
    """The loops of the LSTM. They carry 2c instead of c, because tanh(c) is computed as 2 sigmoid(2c) - 1."""

    num_blocks = 4  # i, f, g, o
    scale = (1.0, 1.0, 2.0, 1.0)
    # 1/2 for f, since c is kept doubled. 4 for g = 2s - 1, where s is a sigmoid: tanh' = 1 - g^2 = 4 s (1 - s).
    correction = (1.0, 0.5, 4.0, 1.0)
    forward_rows = backward_rows = Rows(hidden=((0, 4),), input=((0, 4),))

    def __init__(self, sizes: Sizes) -> None:
        """Allocates the cell's own buffers and lists the views that each step uses."""
        super().__init__(sizes)
        T, S, _, N, H, *_ = sizes
        # The order of the six blocks makes two ranges that are one operation each: (i, f, s, o), the sigmoids, and
        # (g, 2c, i), by which dc is multiplied in the gradients of i, f and g.
        steps = self.empty_steps(S, 6, H, N)  # g, 2 c_{t-1}, i, f, s, o
        g, c, i, f, s, o = (steps[:, :, block].unbind(0) for block in range(6))
        c_next = (*c[1:], self.empty(S, H, N))
        sigmoids, factors = steps[:, :, 2:].unbind(0), steps[:, :, :3].unbind(0)
        tanh_c = self.empty_steps(S, H, N).unbind(0)
        self.c_first = c[0]
        self.forward_steps = list(zip(self.z, sigmoids, i, f, s, o, g, c, c_next, tanh_c, self.h[1:], strict=True))
        self.backward_steps = list(zip(range(T), sigmoids, factors, f, o, tanh_c, strict=True))

        self.a_blocks = self.a.view(S, 4, H, N)
        self.raw = self.empty(S, 4, H, N)  # dL/d(i, f, g, o)
        self.dc, self.through_tanh = self.empty(S, H, N), self.empty(S, H, N)

    def forward(self) -> None:
        """2c_t = f (2c_{t-1}) + 2 i g, then h_t = o tanh(c_t)."""
        self.c_first.zero_()
        for z, sigmoids, i, f, s, o, g, c, c_next, tanh_c, h in self.forward_steps:
            torch.bmm(self.weight, z, out=self.a)
            torch.sigmoid(self.a_blocks, out=sigmoids)
            torch.add(self.minus_one, s, alpha=2, out=g)
            torch.mul(f, c, out=c_next).addcmul_(i, g, value=2)
            torch.sigmoid(c_next, out=tanh_c)
            torch.add(self.minus_one, tanh_c, alpha=2, out=tanh_c)
            torch.mul(o, tanh_c, out=h)

    def backward(self, dh: Tensor, dh_steps: Sequence[Tensor] | None, dx: Tensor | None) -> None:
        """dc_t = f_{t+1} dc_{t+1} + dh_t o tanh'(c_t); the gates' gradients from dc_t and dh_t."""
        tanh_backward = torch.ops.aten.tanh_backward.grad_input
        sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
        weight, dz, dz_state, dz_input = self.back_product(dx is not None)
        dc, dc_block, through_tanh = self.dc.zero_(), self.dc.unsqueeze(1), self.through_tanh
        raw, raw_ifg, raw_o = self.raw, self.raw[:, :3], self.raw[:, 3]
        gate_grad = self.g.view(raw.shape)
        for t, sigmoids, factors, f, o, tanh_c in reversed(self.backward_steps):
            torch.mul(dh, tanh_c, out=raw_o)
            torch.mul(dh, o, out=through_tanh)
            dc.add_(tanh_backward(through_tanh, tanh_c, grad_input=through_tanh))
            torch.mul(dc_block, factors, out=raw_ifg)
            sigmoid_backward(raw, sigmoids, grad_input=gate_grad)
            self.add_weight_gradient(t)
            if t > 0 or dx is not None:
                torch.bmm(weight, self.g, out=dz)
                dh = dz_state
            if dx is not None:
                dx[t].copy_(dz_input)
            if t > 0:
                dc.mul_(f)
                if dh_steps is not None:
                    dh.add_(dh_steps[t - 1])


class LSTM(Gated):
    """Long short-term memory.

        i_t = sigmoid(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)
        f_t = sigmoid(W_if x_t + b_if + W_hf h_{t-1} + b_hf)
        g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
        o_t = sigmoid(W_io x_t + b_io + W_ho h_{t-1} + b_ho)
        c_t = f_t c_{t-1} + i_t g_t
        h_t = o_t tanh(c_t)

    Sources: S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9 (1997).
    Forget gate: F. Gers, J. Schmidhuber, F. Cummins, "Learning to forget", Neural Computation 12 (2000).
    Forget bias 1: R. Jozefowicz, W. Zaremba, I. Sutskever, "An empirical exploration of recurrent network
    architectures", ICML (2015).

    Weights of layer l, rows i, f, g, o (from l = 1 on, I is `output_size`): `weight_ih_l{l}` (S, 4H, I),
    `weight_hh_l{l}` (S, 4H, H), `bias_ih_l{l}` and `bias_hh_l{l}` (S, 4H). Equal to `torch.nn.LSTM`,
    two bias vectors included; `init` and `forget_bias` are additions and change the initial values only.
    """

    gates = 4
    states = ("h", "c")

    forget_gate = (1, 1.0)
    input_gate = 0

    def gate_values(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> dict[str, Tensor]:
        """Computes i, f, g and o, (S, H, N) each."""
        i, f, g, o = (weights.from_input(x) + weights.from_state(state[0])).chunk(4, dim=1)
        return {"i": i.sigmoid(), "f": f.sigmoid(), "g": g.tanh(), "o": o.sigmoid()}

    def step(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
        """Computes h_t and c_t."""
        i, f, g, o = self.gate_values(x, state, weights).values()
        c = f * state[1] + i * g
        return o * c.tanh(), c

    @property
    def workspace(self) -> type[Workspace] | None:
        """Names the hand-written road."""
        return LSTMWorkspace

    def empty_torch(self) -> nn.Module:
        """`torch.nn.LSTM`."""
        return nn.LSTM(**self.torch_sizes())
