"""The minimal LSTM of Feng et al. (2024), which has no state in its gates: all steps at once, by a linear scan."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from seqexp.cell.mingru import MinGRU, MinGRULayer, candidate


class MinLSTMLayer(MinGRULayer):
    """One layer; `gates` is a `Dense` with rows f, i, h."""

    blocks = 3

    def coefficients(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z_t and n_t; i / (f + i) is the sigmoid of log i - log f, which has no 0 / 0 where both gates are closed."""
        f, i, new = self.parts(x)
        return (softplus(-f) - softplus(-i)).sigmoid_(), candidate(new, self.form)  # logarithms of the sigmoids


class MinLSTM(MinGRU):
    """The minimal long short-term memory, its two gates scaled to the sum 1.

        f_t = sigmoid(W_f x_t + b_f),  i_t = sigmoid(W_i x_t + b_i)
        h_t = f_t / (f_t + i_t) h_{t-1} + i_t / (f_t + i_t) n_t,  h_0 = 0
        n_t = W_h x_t + b_h                 form plain
        n_t = g(W_h x_t + b_h)              form log; g(x) = x + 1/2 if x >= 0, else sigmoid(x)

    Source and form: see `seqexp.cell.mingru`. It has no separate cell state and no output gate.

    Weights of layer l, rows f, i, h: `layers.{l}.gates.weight` (S, 3H, F) and `.bias` (S, 3H), drawn as
    `torch.nn.Linear` draws. Carries H numbers per layer from step to step.
    """

    kept_per_state = 9
    layer = MinLSTMLayer
