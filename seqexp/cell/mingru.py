"""The minimal GRU of Feng et al. (2024), which has no state in its gates: all steps at once, by a linear scan."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Generator, Tensor

from seqexp.cell.linear_scan import at_steps, fold, linear_scan, unfold
from seqexp.cell.parallel import Dense, Layer, Parallel, affine

Form = Literal["plain", "log"]


def candidate(x: Tensor, form: Form) -> Tensor:
    """The new value: x itself, or g(x) > 0, which is x + 1/2 from 0 on and sigmoid(x) below."""
    return x if form == "plain" else torch.where(x >= 0, x + 0.5, x.sigmoid())


class MinGRULayer(Layer):
    """One layer; `gates` is a `Dense` with rows z, h."""

    blocks = 2

    def __init__(self, num_seeds: int, fan_in: int, hidden_size: int, form: Form) -> None:
        """Allocates the parameters."""
        super().__init__()
        self.gates = Dense(num_seeds, fan_in, self.blocks * hidden_size)
        self.form = form

    def parts(self, x: Tensor) -> tuple[Tensor, ...]:
        """Each gate before any sigmoid, in folded time, (S, F, K, C, N) -> (S, H, K, C, N): a product of its own."""
        weights, biases = (each.chunk(self.blocks, dim=1) for each in (self.gates.weight, self.gates.bias))
        return tuple(affine(weight, bias, x) for weight, bias in zip(weights, biases, strict=True))

    def coefficients(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z_t and n_t, from folded inputs."""
        z, new = self.parts(x)
        return z.sigmoid_(), candidate(new, self.form)

    def scan(self, x: Tensor) -> Tensor:
        """All states in folded time, (S, F, T, N) -> (S, H, K, C, N)."""
        return linear_scan(*self.coefficients(fold(x)))

    def forward(self, x: Tensor) -> Tensor:
        """Maps all steps, (S, F, T, N) -> (S, H, T, N)."""
        return unfold(self.scan(x), x.shape[2])

    def at(self, x: Tensor, ends: Tensor) -> Tensor:
        """Picks one step of each column before time is unfolded."""
        return at_steps(self.scan(x), ends)

    def draw(self, index: int, generator: Generator) -> None:
        """Draws as `torch.nn.Linear` does."""
        self.gates.draw(index, generator)


class MinGRU(Parallel):
    """The minimal gated recurrent unit.

        z_t = sigmoid(W_z x_t + b_z)
        h_t = (1 - z_t) h_{t-1} + z_t n_t,  h_0 = 0
        n_t = W_h x_t + b_h                 form plain
        n_t = g(W_h x_t + b_h)              form log; g(x) = x + 1/2 if x >= 0, else sigmoid(x)

    Source: L. Feng, F. Tung, M. O. Ahmed, Y. Bengio, H. Hajimirsadeghi, "Were RNNs All We Needed?" (2024),
    arXiv:2410.01201. There the form log is computed in logarithms, for which n_t must be positive, as its scan divides
    by products of gates; the scan here does not, so that its results are those of the logarithms without taking them.
    The state before the first step is 0 (in logarithms it is usually g(0) = 1/2, as g is applied to it, too).

    Weights of layer l, rows z, h: `layers.{l}.gates.weight` (S, 2H, F) and `.bias` (S, 2H), drawn as `torch.nn.Linear`
    draws. Carries H numbers per layer from step to step.
    """

    kept_per_state = 6
    layer: type[MinGRULayer] = MinGRULayer

    def __init__(self, *sizes: Any, form: Form, **settings: Any) -> None:
        """Allocates the parameters.

        Args:
            sizes: see `Parallel`, as are `settings`.
            form: "plain" or "log".
            settings: by name.

        Raises:
            ValueError: if an argument is out of range.
        """
        if form not in ("plain", "log"):
            raise ValueError(f"form must be plain or log, got {form!r}")
        self.form: Form = form
        super().__init__(*sizes, **settings)

    @property
    def state_size(self) -> int:
        """Numbers that all layers carry from step to step."""
        return self.hidden_size * self.num_layers

    def make_layer(self, fan_in: int, layer: int) -> Layer:
        """Makes one layer."""
        return self.layer(self.num_seeds, fan_in, self.hidden_size, self.form)
