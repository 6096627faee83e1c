"""The sLSTM of Beck et al. (2024): an LSTM whose input gate is an exponential, with a normaliser and a stabiliser."""

from typing import Any, Literal

import torch
from torch import Tensor

from seqexp.cell.gated import Gated
from seqexp.cell.weights import Weights


class SLSTM(Gated):
    """The scalar LSTM of xLSTM.

        (i~, f~, g~, o~) = W_i x_t + b_i + W_h h_{t-1} + b_h
        i_t = exp(i~),   f_t = sigmoid(f~) or exp(f~),   g_t = tanh(g~),   o_t = sigmoid(o~)
        c_t = f_t c_{t-1} + i_t g_t
        n_t = f_t n_{t-1} + i_t
        h_t = o_t c_t / n_t

    What is computed are c_t and n_t times exp(-m_t), so that no exponential overflows; h_t is the same:

        m_t = max(log f_t + m_{t-1}, i~),   at the first step i~
        i'_t = exp(i~ - m_t),   f'_t = exp(log f_t + m_{t-1} - m_t)

    Source: M. Beck et al., "xLSTM: extended long short-term memory", NeurIPS (2024), arXiv:2405.04517, equations 8 to
    17. The variant is that of the authors' package `xlstm`, `blocks/slstm/src/vanilla/slstm.py`, with
    `forget_activation` sigmoid; the paper allows the exponential as well. Differences: one head, so that all units see
    all states; the cell alone, without the block's convolution, norms and projections; torch's initial values; m_t
    counts as a constant on the way back, as h_t does not depend on it; and f'_t is at most 1, which it is anyway but at
    the first step, where it multiplies zeros and could be infinite.

    Weights of layer l, rows i, f, g, o (from l = 1 on, I is `output_size`): `weight_ih_l{l}` (S, 4H, I),
    `weight_hh_l{l}` (S, 4H, H), `bias_ih_l{l}` and `bias_hh_l{l}` (S, 4H), the two being added: as many as an LSTM has.
    `torch.nn` has no such cell.
    """

    gates = 4
    states = ("h", "c", "n", "m")
    forget_gate = (1, 1.0)
    input_gate = 0

    def __init__(self, *sizes: Any, forget_activation: Literal["sigmoid", "exp"], **settings: Any) -> None:
        """Allocates the parameters.

        Args:
            sizes: see `Recurrent`, as are `settings`.
            forget_activation: what makes f_t, "sigmoid" or "exp".
            settings: by name.

        Raises:
            ValueError: if an argument is out of range.
        """
        if forget_activation not in ("sigmoid", "exp"):
            raise ValueError(f"forget_activation must be one of 'sigmoid', 'exp', got {forget_activation!r}")
        super().__init__(*sizes, **settings)
        self.forget_activation = forget_activation

    def gate_values(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> dict[str, Tensor]:
        """Computes i' and f' (named i and f), g and o, (S, H, N) each."""
        return dict(zip("ifgo", self._gates_and_m(x, state, weights), strict=False))

    def step(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
        """Computes h_t, and c_t, n_t and m_t."""
        i, f, g, o, m = self._gates_and_m(x, state, weights)
        c, n = f * state[1] + i * g, f * state[2] + i
        return o * (c / n), c, n, m

    def _gates_and_m(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
        i, f, g, o = (weights.from_input(x) + weights.from_state(state[0])).chunk(4, dim=1)
        _, _, n, m = state
        kept = m.detach() + (torch.nn.functional.logsigmoid(f) if self.forget_activation == "sigmoid" else f)
        with torch.no_grad():
            m = torch.where(n == 0, i, torch.maximum(i, kept))  # n is 0 before the first step only
        return (i - m).exp(), (kept - m).clamp(max=0).exp(), g.tanh(), o.sigmoid(), m
