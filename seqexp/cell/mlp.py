"""A window of the last inputs through a multilayer perceptron, at every step: what needs no memory at all."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor

from seqexp.cell.parallel import Dense, Layer, Parallel
from seqexp.cell.tcn import Convolution

ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu}


class Hidden(Layer):
    """A linear map and what bends it; the lowest one's map sees a window of steps, the others' one step.

    Args:
        linear: the map.
        nonlinearity: what bends it.
    """

    def __init__(self, linear: Dense, nonlinearity: str) -> None:
        super().__init__()
        self.linear = linear
        self.bend = ACTIVATIONS[nonlinearity]
        self.each_step_alone = not isinstance(linear, Convolution)

    def forward(self, x: Tensor) -> Tensor:
        """Maps all steps, (S, F, T, N) -> (S, H, T, N)."""
        return self.bend(self.linear(x))

    def at(self, x: Tensor, ends: Tensor) -> Tensor:
        """Maps the window that ends at one step of each column, (S, F, T, N) and (S, N) -> (S, H, 1, N)."""
        return self.bend(self.linear.at(x, ends))

    def draw(self, index: int, generator: Generator) -> None:
        """Draws the map."""
        self.linear.draw(index, generator)


class MLP(Parallel):
    """A multilayer perceptron over a causal window of the last w inputs, the same at every step.

    f is tanh or relu, L = num_layers, x_t = 0 before the first step:

        h0_t = f(b_0 + sum_{j<w} W_0j x_{t - (w-1-j)})
        hl_t = f(b_l + W_l h(l-1)_t), l = 1 ... L - 1

    The state of step t depends on the inputs x_{t-w+1} to x_t, and on nothing earlier: the receptive field is w.

    Source: A. Lapedes, R. Farber, "Nonlinear signal processing using neural networks: prediction and system modelling",
    Los Alamos LA-UR-87-2662 (1987), who predict the Mackey-Glass series from a window of past values by two hidden
    layers. Theirs were six steps apart; here they follow each other.

    Weights, I input features: `layers.0.linear.weight` (S, H, I w), a view of (S, H, I, w) as in `torch.nn.Conv1d`, the
    last of the w being the present; `layers.{l}.linear.weight` (S, H, H); a `bias` (S, H) each. Drawn as
    `torch.nn.Linear` draws.
    """

    kept_per_state = 3

    def __init__(self, *sizes: Any, window: int, nonlinearity: str, **settings: Any) -> None:
        """Allocates the parameters.

        Args:
            sizes: see `Parallel`, as are `settings`.
            window: w, inputs that a state sees: the present one and the w - 1 before.
            nonlinearity: tanh or relu.
            settings: by name.

        Raises:
            ValueError: if an argument is out of range.
        """
        if window < 1:
            raise ValueError(f"window must be >= 1, got {window}")
        if nonlinearity not in ACTIVATIONS:
            raise ValueError(f"nonlinearity must be tanh or relu, got {nonlinearity!r}")
        self.window = window
        self.nonlinearity = nonlinearity
        super().__init__(*sizes, **settings)

    @property
    def receptive_field(self) -> int:
        """How many inputs an output depends on: those of its own step and of the w - 1 steps before."""
        return self.window

    @property
    def state_size(self) -> int:
        """Numbers that an evaluation step by step carries: the earlier inputs of the window."""
        return (self.window - 1) * self.input_size

    def make_layer(self, fan_in: int, layer: int) -> Layer:
        """Makes one hidden layer."""
        shape = (self.num_seeds, fan_in, self.hidden_size)
        return Hidden(Dense(*shape) if layer else Convolution(*shape, self.window, dilation=1), self.nonlinearity)
