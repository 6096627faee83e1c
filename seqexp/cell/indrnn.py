"""The independently recurrent network of Li et al. (2018): each unit sees its own past alone."""

import math
from typing import Any, Literal

import torch
from torch import Generator, Tensor

from seqexp.cell.recurrent import Recurrent, Weights


class IndRNN(Recurrent):
    """The independently recurrent network.

        h_t = f(W_ih x_t + b_ih + u h_{t-1}),   f = ReLU or tanh, u a number for each unit

    Source: S. Li, W. Li, C. Cook, C. Zhu, Y. Gao, "Independently recurrent neural network (IndRNN): building a longer
    and deeper RNN", CVPR (2018), arXiv:1803.04831. Units mix from layer to layer only, so that two layers and more are
    what it is meant for. The paper keeps |u| <= 2^(1/T) during training, too; here `recurrent_max` bounds the start.

    Weights of layer l (from l = 1 on, I is `output_size`): `weight_ih_l{l}` (S, H, I), `weight_hh_l{l}` (S, H), which
    is u, and `bias_ih_l{l}` (S, H). W_ih and b_ih are drawn from U(-1/sqrt(H), 1/sqrt(H)) as in `torch.nn.RNN`, then u
    from U(0, recurrent_max). `torch.nn` has no such cell.
    """

    gates = 1

    def __init__(
        self, *sizes: Any, nonlinearity: Literal["tanh", "relu"], recurrent_max: float, **settings: Any
    ) -> None:
        """Allocates the parameters.

        Args:
            sizes: see `Recurrent`, as are `settings`.
            nonlinearity: f, "tanh" or "relu".
            recurrent_max: u begins between 0 and this.
            settings: by name.

        Raises:
            ValueError: if an argument is out of range.
        """
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"nonlinearity must be one of 'tanh', 'relu', got {nonlinearity!r}")
        if not 0 <= recurrent_max < math.inf:
            raise ValueError(f"recurrent_max must be >= 0 and finite, got {recurrent_max}")
        super().__init__(*sizes, **settings)
        self.nonlinearity = nonlinearity
        self.recurrent_max = recurrent_max

    def shapes(self, fan_in: int) -> dict[str, tuple[int, ...]]:
        """W_ih, u and b_ih."""
        H = self.hidden_size
        return {"weight_ih": (H, fan_in), "weight_hh": (H,), "bias_ih": (H,)}

    def draw(self, index: int, generator: Generator) -> None:
        """Draws W_ih, b_ih and u, layer after layer."""
        bound = 1 / math.sqrt(self.hidden_size)
        for weights in self.all_weights():
            drawn = ((weights.weight_ih, -bound, bound), (weights.bias_ih, -bound, bound))
            for parameter, low, high in (*drawn, (weights.weight_hh, 0.0, self.recurrent_max)):
                values = torch.empty(parameter[index].shape, dtype=parameter.dtype)
                parameter[index] = values.uniform_(low, high, generator=generator)

    def step(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
        """Computes h_t."""
        a = torch.addcmul(weights.from_input(x), weights.weight_hh.unsqueeze(2), state[0])
        return (a.tanh() if self.nonlinearity == "tanh" else a.relu(),)
