"""The LSTM with peephole connections of Gers and Schmidhuber (2000), whose gates see the cell's state."""

from collections.abc import Sequence

import torch
from torch import Tensor

from seqexp.cell.gated import Gated
from seqexp.cell.lstm import LSTMWorkspace
from seqexp.cell.weights import Weights
from seqexp.cell.workspace import Sizes, Workspace


class PeepholeWorkspace(LSTMWorkspace):
    """The loops of the LSTM with peepholes, which like them carries 2c; so it multiplies c by half of each peephole."""

    def __init__(self, sizes: Sizes) -> None:
        """Allocates the halved peepholes, and what is summed up for their gradients."""
        super().__init__(sizes)
        S, N, H = sizes.num_seeds, sizes.batch_size, sizes.hidden_size
        self.half = self.empty(S, 3, H, 1)  # of i, f, o
        self.products = self.empty(S, 3, H, N)

    def load(self, x: Tensor, parameters: Sequence[Tensor]) -> None:
        """Packs torch's four, and halves the peepholes."""
        super().load(x, parameters[:4])
        torch.mul(parameters[4].view(self.half.shape), 0.5, out=self.half)

    def forward(self) -> None:
        """As the LSTM's; o waits for c_t."""
        self.c_first.zero_()
        a, a_if, a_ifg, a_o = self.a, self.a_blocks[:, :2], self.a_blocks[:, :3], self.a_blocks[:, 3]
        half_if, half_o = self.half[:, :2], self.half[:, 2]
        for z, sigmoids, i, f, s, o, g, c, c_next, tanh_c, h in self.forward_steps:
            torch.bmm(self.weight, z, out=a)
            a_if.addcmul_(half_if, c.unsqueeze(1))
            torch.sigmoid(a_ifg, out=sigmoids[:, :3])
            torch.add(self.minus_one, s, alpha=2, out=g)
            torch.mul(f, c, out=c_next).addcmul_(i, g, value=2)
            torch.sigmoid(a_o.addcmul_(half_o, c_next), out=o)
            torch.sigmoid(c_next, out=tanh_c)
            torch.add(self.minus_one, tanh_c, alpha=2, out=tanh_c)
            torch.mul(o, tanh_c, out=h)

    def backward(self, dh: Tensor, dh_steps: Sequence[Tensor] | None, dx: Tensor | None) -> None:
        """As the LSTM's; dc_t also gets p_o do_t, and dc_{t-1} gets p_i di_t + p_f df_t, d being before the sigmoid."""
        tanh_backward = torch.ops.aten.tanh_backward.grad_input
        sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
        weight, dz, dz_state, dz_input = self.back_product(dx is not None)
        dc, dc_block, through_tanh = self.dc.zero_(), self.dc.unsqueeze(1), self.through_tanh
        raw_ifg, raw_o = self.raw[:, :3], self.raw[:, 3]
        gates = self.g.view(self.raw.shape)
        g_i, g_f, g_if, g_ifg, g_o = gates[:, 0], gates[:, 1], gates[:, :2], gates[:, :3], gates[:, 3]
        half_i, half_f, half_o = self.half.unbind(1)
        self.products.zero_()
        products_if, products_o = self.products[:, :2], self.products[:, 2]
        steps = zip(self.backward_steps, self.forward_steps, strict=True)
        for (t, sigmoids, factors, f, o, tanh_c), (*_, c, c_next, _tanh, _h) in reversed(list(steps)):
            torch.mul(dh, tanh_c, out=raw_o)
            torch.mul(dh, o, out=through_tanh)
            dc.add_(tanh_backward(through_tanh, tanh_c, grad_input=through_tanh))
            dc.addcmul_(sigmoid_backward(raw_o, o, grad_input=g_o), half_o, value=2)
            torch.mul(dc_block, factors, out=raw_ifg)
            sigmoid_backward(raw_ifg, sigmoids[:, :3], grad_input=g_ifg)
            products_if.addcmul_(g_if, c.unsqueeze(1))
            products_o.addcmul_(g_o, c_next)
            self.add_weight_gradient(t)
            if t > 0 or dx is not None:
                torch.bmm(weight, self.g, out=dz)
                dh = dz_state
            if dx is not None:
                dx[t].copy_(dz_input)
            if t > 0:
                dc.mul_(f).addcmul_(g_i, half_i, value=2).addcmul_(g_f, half_f)  # g_f is twice df_t
                if dh_steps is not None:
                    dh.add_(dh_steps[t - 1])

    def parameter_gradients(self) -> list[Tensor]:
        """Adds those of the peepholes, the sums of d c, to torch's four."""
        own = self.products.sum(3).mul_(0.5)  # (S, 3, H)
        own[:, 1].mul_(0.5)
        return [*super().parameter_gradients(), own.flatten(1)]


class Peephole(Gated):
    """Long short-term memory with peephole connections.

        i_t = sigmoid(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi + p_i c_{t-1})
        f_t = sigmoid(W_if x_t + b_if + W_hf h_{t-1} + b_hf + p_f c_{t-1})
        g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
        c_t = f_t c_{t-1} + i_t g_t
        o_t = sigmoid(W_io x_t + b_io + W_ho h_{t-1} + b_ho + p_o c_t)
        h_t = o_t tanh(c_t)

    Sources: F. Gers, J. Schmidhuber, "Recurrent nets that time and count", IJCNN (2000); F. Gers, N. Schraudolph,
    J. Schmidhuber, "Learning precise timing with LSTM recurrent networks", JMLR 3 (2002). There the gradient is cut
    short at the gates, and h_t is o_t c_t or o_t times a sigmoid; here, as in K. Greff et al., "LSTM: a search space
    odyssey", IEEE TNNLS 28 (2017), arXiv:1503.04069, the gradient is whole and h_t has a tanh. The output gate sees
    c_t, not c_{t-1}.

    Weights of layer l, rows i, f, g, o (from l = 1 on, I is `output_size`): `weight_ih_l{l}` (S, 4H, I),
    `weight_hh_l{l}` (S, 4H, H), `bias_ih_l{l}` and `bias_hh_l{l}` (S, 4H), as in `torch.nn.LSTM`; then `peephole_l{l}`
    (S, 3H), rows p_i, p_f, p_o, drawn after them from the same interval. With p = 0 it is the LSTM.
    """

    gates = 4
    states = ("h", "c")
    forget_gate = (1, 1.0)
    input_gate = 0

    def shapes(self, fan_in: int) -> dict[str, tuple[int, ...]]:
        """Torch's four, and the peepholes."""
        return super().shapes(fan_in) | {"peephole": (3 * self.hidden_size,)}

    def gate_values(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> dict[str, Tensor]:
        """Computes i, f, g and o, (S, H, N) each."""
        return dict(zip("ifgo", self._gates_and_c(x, state, weights), strict=False))

    def step(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
        """Computes h_t and c_t."""
        *_, o, c = self._gates_and_c(x, state, weights)
        return o * c.tanh(), c

    @property
    def workspace(self) -> type[Workspace] | None:
        """Names the hand-written road."""
        return PeepholeWorkspace

    def _gates_and_c(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
        i, f, g, o = (weights.from_input(x) + weights.from_state(state[0])).chunk(4, dim=1)
        p_i, p_f, p_o = weights.peephole.unsqueeze(2).chunk(3, dim=1)  # (S, H, 1) each
        i, f, g = (i + p_i * state[1]).sigmoid(), (f + p_f * state[1]).sigmoid(), g.tanh()
        c = f * state[1] + i * g
        return i, f, g, (o + p_o * c).sigmoid(), c
