"""The base of cells that compute all steps of a layer at once, as matrix products, for S seeds at once.

Shapes inside: (S, features, T, N), the batch N last and padded with columns of zeros to a multiple of `ALIGNMENT`, so
that one product (S, out, in) x (S, in, T * N) serves all steps, and the numbers of one seed are, bit for bit, those
that it gets alone; see "Bits" in `seqexp.cell.scan`. A weight's gradient is a sum over T * N columns, and is rounded
differently where T differs: a padded sequence has the gradient that it has alone up to rounding only.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.autograd.function import once_differentiable

from seqexp.cell.cell import Cost
from seqexp.cell.stack import Stack
from seqexp.cell.threads import one_thread
from seqexp.cell.workspace import ALIGNMENT


class Layer(nn.Module, ABC):
    """One layer of a `Parallel` cell. Every parameter, its own or a child's, has the seed axis first.

    Attributes:
        each_step_alone: whether the state of a step depends on that step's input alone.
    """

    each_step_alone: bool = False

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Maps all steps, (S, F, T, N) -> (S, H, T, N)."""

    def at(self, x: Tensor, ends: Tensor) -> Tensor:
        """Maps all steps to the state of one step of each column; a layer that saves work so overrides this.

        Args:
            x: (S, F, T, N).
            ends: which step, (S, N).

        Returns:
            (S, H, 1, N).
        """
        return pick(self(x), ends)

    @abstractmethod
    def draw(self, index: int, generator: Generator) -> None:
        """Draws the parameters of one member, from the generator alone."""


def pick(x: Tensor, ends: Tensor) -> Tensor:
    """Picks one step of each column, (S, F, T, N) and (S, N) -> (S, F, 1, N)."""
    return x.gather(2, ends[:, None, None].expand(-1, x.shape[1], 1, -1))


class Product(torch.autograd.Function):
    """W z of every seed, (S, out, in) x (S, in, L).

    W's gradient is a sum over columns, which the library shares out between threads where a seed is alone, and then
    rounds differently: one thread computes it.
    """

    @staticmethod
    def forward(ctx: Any, weight: Tensor, z: Tensor) -> Tensor:
        """Computes (S, out, L)."""
        ctx.save_for_backward(weight, z)
        return torch.bmm(weight, z)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Computes the gradients of weight and z."""
        weight, z = ctx.saved_tensors
        dz = torch.bmm(weight.transpose(1, 2), gradient) if ctx.needs_input_grad[1] else None
        if not ctx.needs_input_grad[0]:
            return None, dz
        with one_thread():
            return torch.bmm(gradient, z.transpose(1, 2)), dz


def product(weight: Tensor, x: Tensor) -> Tensor:
    """Computes W x at every step, (S, out, in) and (S, in, …) to (S, out, …)."""
    if weight.shape[2] == 1:  # a product of vectors, which torch rounds by another rule where S is 1
        return weight.view(*weight.shape[:2], *(1,) * (x.dim() - 2)) * x
    columns: Tensor = Product.apply(weight, x.flatten(2))  # type: ignore[no-untyped-call]
    return columns.view(*weight.shape[:2], *x.shape[2:])


def affine(weight: Tensor, bias: Tensor, x: Tensor) -> Tensor:
    """Computes W x + b at every step, (S, out, in), (S, out) and (S, in, …) to (S, out, …)."""
    return product(weight, x) + bias.view(*bias.shape, *(1,) * (x.dim() - 2))


class Dense(Layer):
    """A linear map of every step: `weight` (S, out, in), `bias` (S, out), drawn as `torch.nn.Linear` draws.

    Args:
        num_seeds: S.
        fan_in: features of the input.
        fan_out: features of the output.
    """

    def __init__(self, num_seeds: int, fan_in: int, fan_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_seeds, fan_out, fan_in))
        self.bias = nn.Parameter(torch.empty(num_seeds, fan_out))

    def forward(self, x: Tensor) -> Tensor:
        """W x + b, (S, in, T, N) -> (S, out, T, N)."""
        return affine(self.weight, self.bias, x)

    def draw(self, index: int, generator: Generator) -> None:
        """Draws U(-1/sqrt(in), 1/sqrt(in)), the weight first."""
        bound = 1 / math.sqrt(self.weight.shape[2])
        for parameter in (self.weight, self.bias):
            values = torch.empty(parameter[index].shape, dtype=parameter.dtype)
            parameter[index] = values.uniform_(-bound, bound, generator=generator)


class Parallel(Stack):
    """A cell without a loop over time, for S independent members of a population at once.

    To add a cell, derive from this class and write `make_layer`; a `Layer` holds the equations. Sizes and settings
    are those of `Stack`; a cell with settings of its own takes them by name and hands `**settings` on.

    Attributes:
        layers: from the bottom.
        kept_per_state: numbers that a layer leaves in memory for backward, for each of its states; about.
    """

    kept_per_state: int = 8

    def __init__(self, *sizes: Any, **settings: Any) -> None:
        """Allocates the parameters.

        Args:
            sizes: see `Stack`, as are `settings`.
            settings: by name.

        Raises:
            ValueError: if an argument is out of range.
        """
        super().__init__(*sizes, **settings)
        self.layers = nn.ModuleList(
            self.make_layer(self.hidden_size if layer else self.input_size, layer) for layer in range(self.num_layers)
        )

    @abstractmethod
    def make_layer(self, fan_in: int, layer: int) -> Layer:
        """Makes one layer.

        Args:
            fan_in: F, features of its input.
            layer: which one, from 0 at the bottom.
        """

    def draw(self, index: int, generator: Generator) -> None:
        """Draws layer after layer, from the bottom."""
        for layer in self.layers:
            layer.draw(index, generator)  # type: ignore[operator]

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Computes the top layer's states, (S, B, T, I) -> (S, B, T, H)."""
        self.check(x, lengths)
        return self._run(x, None).permute(0, 3, 2, 1)  # (S, H, T, B) -> (S, B, T, H)

    def last(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Computes the top layer's state after each sequence's last step alone, (S, B, T, I) -> (S, B, H)."""
        self.check(x, lengths)
        S, B, T, _ = x.shape
        ends = x.new_full((S, B), T - 1, dtype=torch.int64) if lengths is None else lengths - 1
        return self._run(x, nn.functional.pad(ends, (0, -B % ALIGNMENT))).squeeze(2).transpose(1, 2)

    def _run(self, x: Tensor, ends: Tensor | None) -> Tensor:
        """Runs all layers, (S, B, T, I) -> (S, H, T, B), or the top one at one step of each column (S, H, 1, B)."""
        B = x.shape[1]
        # (S, B, T, I) -> (S, I, T, N)
        y = nn.functional.pad(x.permute(0, 3, 2, 1), (0, -B % ALIGNMENT)).contiguous()
        top = self._top()
        for index, layer in enumerate(self.layers):
            only_end = ends is not None and index == top
            own = layer.at(y, ends) if only_end else layer(y)  # type: ignore[operator]
            if self.drops(index):
                S, F, T = own.shape[:3]
                mask = self.dropout_mask(own, S, F, T, B)
                own = own * nn.functional.pad(mask, (0, -B % ALIGNMENT))
            if self.adds(index):
                own = own + (pick(y, ends) if only_end and ends is not None else y)
            y = own
        return y[..., :B]

    def _top(self) -> int:
        """The highest layer that sees more than one step: what lies above it is needed at the steps that are read."""
        return max((index for index, layer in enumerate(self.layers) if not layer.each_step_alone), default=0)

    def cost(self, rows: int, steps: int) -> Cost:
        """Returns what a pass takes: every operation works on all steps."""
        wide = -(-rows // ALIGNMENT) * ALIGNMENT
        state = wide * steps * self.hidden_size
        return Cost(state, state * self.num_layers * self.kept_per_state)
