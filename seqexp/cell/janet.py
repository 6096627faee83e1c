"""JANET of van der Westhuizen and Lasenby (2018): an LSTM with nothing but its forget gate."""

import math
from typing import Any

from torch import Tensor

from seqexp.cell.gated import Gated
from seqexp.cell.weights import Weights


class JANET(Gated):
    """Just another network: the LSTM with the forget gate alone.

        s_t = W_if x_t + b_if + W_hf h_{t-1} + b_hf
        g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
        h_t = sigmoid(s_t) h_{t-1} + (1 - sigmoid(s_t - beta)) g_t

    Source: J. van der Westhuizen, J. Lasenby, "The unreasonable effectiveness of the forget gate" (2018),
    arXiv:1804.04849; beta is 1 there, and biases begin by chrono initialisation. With beta above 0 more comes in than
    is forgotten. Its output is its state, with no gate and no tanh: what an LSTM with coupled gates has beside it is in
    `CIFG`.

    Weights of layer l, rows f, g (from l = 1 on, I is `output_size`): `weight_ih_l{l}` (S, 2H, I), `weight_hh_l{l}`
    (S, 2H, H), `bias_ih_l{l}` and `bias_hh_l{l}` (S, 2H), the two being added. `torch.nn` has no such cell.
    """

    gates = 2
    forget_gate = (0, 1.0)

    def __init__(self, *sizes: Any, beta: float, **settings: Any) -> None:
        """Allocates the parameters.

        Args:
            sizes: see `Recurrent`, as are `settings`.
            beta: by how much more open the gate is to what comes in than to what is kept.
            settings: by name.

        Raises:
            ValueError: if an argument is out of range.
        """
        super().__init__(*sizes, **settings)
        if not math.isfinite(beta):
            raise ValueError(f"beta must be finite, got {beta}")
        self.beta = beta

    def gate_values(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> dict[str, Tensor]:
        """Computes f = sigmoid(s), i = 1 - sigmoid(s - beta) and g, (S, H, N) each."""
        s, g = (weights.from_input(x) + weights.from_state(state[0])).chunk(2, dim=1)
        return {"f": s.sigmoid(), "i": (self.beta - s).sigmoid(), "g": g.tanh()}

    def step(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
        """Computes h_t."""
        f, i, g = self.gate_values(x, state, weights).values()
        return (f * state[0] + i * g,)
