"""The LSTM with coupled input and forget gate, CIFG, of Greff et al. (2017)."""

import torch
from torch import Tensor

from seqexp.cell.gated import Gated
from seqexp.cell.weights import Weights


class CIFG(Gated):
    """Long short-term memory with coupled input and forget gate: what is not kept comes in.

        f_t = sigmoid(W_if x_t + b_if + W_hf h_{t-1} + b_hf)
        g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
        o_t = sigmoid(W_io x_t + b_io + W_ho h_{t-1} + b_ho)
        c_t = f_t c_{t-1} + (1 - f_t) g_t
        h_t = o_t tanh(c_t)

    Source: K. Greff, R. K. Srivastava, J. Koutnik, B. R. Steunebrink, J. Schmidhuber, "LSTM: a search space odyssey",
    IEEE TNNLS 28 (2017), arXiv:1503.04069. There all variants have peepholes; here this one has none.

    Weights of layer l, rows f, g, o (from l = 1 on, I is `output_size`): `weight_ih_l{l}` (S, 3H, I),
    `weight_hh_l{l}` (S, 3H, H), `bias_ih_l{l}` and `bias_hh_l{l}` (S, 3H), the two being added: as many as a GRU has.
    `torch.nn` has no such cell.
    """

    gates = 3
    states = ("h", "c")
    forget_gate = (0, 1.0)

    def gate_values(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> dict[str, Tensor]:
        """Computes f, g and o, (S, H, N) each."""
        f, g, o = (weights.from_input(x) + weights.from_state(state[0])).chunk(3, dim=1)
        return {"f": f.sigmoid(), "g": g.tanh(), "o": o.sigmoid()}

    def step(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
        """Computes h_t and c_t."""
        f, g, o = self.gate_values(x, state, weights).values()
        c = torch.lerp(g, state[1], f)
        return o * c.tanh(), c
