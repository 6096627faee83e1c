"""The temporal convolutional network of Bai, Kolter and Koltun (2018), as padded matrix products."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor, nn

from seqexp.cell.parallel import Dense, Layer, Parallel


class Convolution(Dense):
    """A causal dilated convolution: y_t = b + sum_j W_j x_{t - (K - 1 - j) d}, x before the first step being 0.

    The K inputs of every step are stacked, and one matrix product serves all steps. `weight[k].view(out, in, K)` is the
    weight of a `torch.nn.Conv1d`, drawn as that draws.
    """

    def __init__(self, num_seeds: int, fan_in: int, fan_out: int, kernel_size: int, dilation: int) -> None:
        """Allocates the parameters."""
        super().__init__(num_seeds, fan_in * kernel_size, fan_out)
        self.kernel_size = kernel_size
        self.dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        """Convolves along time, (S, in, T, N) -> (S, out, T, N)."""
        T = x.shape[2]
        taps = [self._later(x, min(j * self.dilation, T)) for j in reversed(range(self.kernel_size))]
        return super().forward(torch.stack(taps, dim=2).flatten(1, 2))  # (S, in, K, T, N) -> (S, in * K, T, N)

    def at(self, x: Tensor, ends: Tensor) -> Tensor:
        """Convolves at one step of each column, (S, in, T, N) and (S, N) -> (S, out, 1, N)."""
        before = torch.arange(self.kernel_size - 1, -1, -1, device=ends.device) * self.dilation
        steps = ends[:, None] - before[:, None]  # (S, N) -> (S, K, N)
        taps = x.gather(2, steps.clamp(min=0)[:, None].expand(-1, x.shape[1], -1, -1))  # (S, in, K, N)
        taps = taps.masked_fill((steps < 0)[:, None], 0)
        return super().forward(taps.flatten(1, 2)[:, :, None])  # (S, in, K, N) -> (S, in * K, 1, N)

    @staticmethod
    def _later(x: Tensor, steps: int) -> Tensor:
        return nn.functional.pad(x[:, :, : x.shape[2] - steps], (0, 0, steps, 0))


class Block(Layer):
    """A residual block: two convolutions of one dilation, and beside them the block's input."""

    def __init__(self, num_seeds: int, fan_in: int, hidden_size: int, kernel_size: int, dilation: int) -> None:
        """Allocates the parameters."""
        super().__init__()
        self.first = Convolution(num_seeds, fan_in, hidden_size, kernel_size, dilation)
        self.second = Convolution(num_seeds, hidden_size, hidden_size, kernel_size, dilation)
        self.beside = Dense(num_seeds, fan_in, hidden_size) if fan_in != hidden_size else None

    def forward(self, x: Tensor) -> Tensor:
        """Maps all steps, (S, F, T, N) -> (S, H, T, N)."""
        own: Tensor = self.second(self.first(x).relu()).relu()
        beside: Tensor = x if self.beside is None else self.beside(x)
        return (own + beside).relu()

    def draw(self, index: int, generator: Generator) -> None:
        """Draws as `torch.nn.Conv1d` does: the two convolutions, then the map beside them."""
        for layer in (self.first, self.second, self.beside):
            if layer is not None:
                layer.draw(index, generator)


class TCN(Parallel):
    """The temporal convolutional network: causal convolutions that reach back twice as far in each layer.

    Layer l, d = 2^l, K the kernel size, x_t = 0 before the first step:

        u_t = relu(b_1 + sum_{j<K} W_1j x_{t - (K-1-j) d})
        v_t = relu(b_2 + sum_{j<K} W_2j u_{t - (K-1-j) d})
        h_t = relu(v_t + P x_t), P = 1 where x has H features, else a learned map with bias

    Each layer is one residual block with two convolutions. Its output at t depends on the last R inputs, x_{t-R+1} to
    x_t, and on nothing earlier:

        R = 1 + 2 (K - 1) (2^num_layers - 1)

    Source: S. Bai, J. Z. Kolter, V. Koltun, "An Empirical Evaluation of Generic Convolutional and Recurrent Networks
    for Sequence Modeling" (2018), arXiv:1803.01271. There are, beside this, weight normalisation and, within the
    blocks, dropout of whole channels; here `dropout` acts between layers, each step by itself, as in every cell.
    `residual` adds a layer's input once more, outside of the block's last relu.

    Weights of layer l, F its input features: `layers.{l}.first.weight` (S, H, F K), `layers.{l}.second.weight`
    (S, H, H K), both views of (S, H, F, K) and (S, H, H, K) as in `torch.nn.Conv1d`; `layers.{l}.beside.weight`
    (S, H, F) where F is not H; a `bias` (S, H) each. Drawn as `torch.nn.Conv1d` draws.
    """

    def __init__(self, *sizes: Any, kernel_size: int, **settings: Any) -> None:
        """Allocates the parameters.

        Args:
            sizes: see `Parallel`, as are `settings`.
            kernel_size: K, inputs that each convolution sees.
            settings: by name.

        Raises:
            ValueError: if an argument is out of range.
        """
        if kernel_size < 2:
            raise ValueError(f"kernel_size must be >= 2 (with 1 no step sees another), got {kernel_size}")
        self.kernel_size = kernel_size
        self.kept_per_state = 2 * kernel_size + 3  # stacked inputs of two convolutions, and three outputs of relu
        super().__init__(*sizes, **settings)

    @property
    def receptive_field(self) -> int:
        """R, how many inputs an output depends on: those of its own step and of the R - 1 steps before."""
        return 1 + 2 * (self.kernel_size - 1) * ((1 << self.num_layers) - 1)

    @property
    def state_size(self) -> int:
        """Numbers that an evaluation step by step carries: the earlier inputs of every convolution."""
        earlier = self.kernel_size - 1
        sizes = [self.input_size] + [self.hidden_size] * (self.num_layers - 1)
        return sum((earlier << layer) * (size + self.hidden_size) for layer, size in enumerate(sizes))

    def make_layer(self, fan_in: int, layer: int) -> Layer:
        """Makes one residual block."""
        return Block(self.num_seeds, fan_in, self.hidden_size, self.kernel_size, 2**layer)
