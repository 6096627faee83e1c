"""The LSTM with peephole connections of Gers and Schmidhuber (2000), whose gates see the cell's state."""

from torch import Tensor

from seqexp.cell.gated import Gated
from seqexp.cell.weights import Weights


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

    def _gates_and_c(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
        i, f, g, o = (weights.from_input(x) + weights.from_state(state[0])).chunk(4, dim=1)
        p_i, p_f, p_o = weights.peephole.unsqueeze(2).chunk(3, dim=1)  # (S, H, 1) each
        i, f, g = (i + p_i * state[1]).sigmoid(), (f + p_f * state[1]).sigmoid(), g.tanh()
        c = f * state[1] + i * g
        return i, f, g, (o + p_o * c).sigmoid(), c
