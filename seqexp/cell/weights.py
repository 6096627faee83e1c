"""The parameters of one layer of a recurrent cell in one direction, and the products that they are for."""

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor


class Weights(tuple[Tensor, ...]):
    """The parameters of one layer in one direction, in the order of `Recurrent.shapes` and by its names.

    Torch's four, below, where `rows` is gates * H; what a cell has beside them is an attribute as well. A cell whose
    `shapes` leave one of the four out, or give it another shape, says so.
    """

    weight_ih: Tensor  # (S, rows, I)
    weight_hh: Tensor  # (S, rows, H)
    bias_ih: Tensor  # (S, rows)
    bias_hh: Tensor  # (S, rows)

    def __new__(cls, parameters: Mapping[str, Tensor]) -> Self:
        """Holds parameters by name."""
        self = super().__new__(cls, parameters.values())
        vars(self).update(parameters)
        return self

    def __getattr__(self, name: str) -> Tensor:
        """Is asked for what is not there; it tells the type of what a cell adds."""
        raise AttributeError(f"a layer has no parameter {name}, it has {', '.join(vars(self))}")

    def from_input(self, x: Tensor) -> Tensor:
        """Computes W_ih x + b_ih, (S, I, N) -> (S, rows, N)."""
        return multiply_add(self.weight_ih, x, self.bias_ih)

    def from_state(self, h: Tensor) -> Tensor:
        """Computes W_hh h + b_hh, (S, H, N) -> (S, rows, N)."""
        return multiply_add(self.weight_hh, h, self.bias_hh)


def multiply_add(weight: Tensor, z: Tensor, bias: Tensor) -> Tensor:
    """Computes W z + b for every seed, (S, rows, K), (S, K, N) and (S, rows) to (S, rows, N)."""
    return add_product(bias.unsqueeze(2), weight, z)


def add_product(start: Tensor, weight: Tensor, z: Tensor) -> Tensor:
    """Computes W z + a for every seed, (S, rows, K), (S, K, N) and (S, rows, N or 1) to (S, rows, N)."""
    if z.shape[1] == 1:  # a product of vectors, which torch rounds by another rule where S is 1
        return torch.addcmul(start, weight, z)
    return torch.baddbmm(start, weight, z)


def multiply(weight: Tensor, z: Tensor) -> Tensor:
    """Computes W z for every seed, (S, rows, K) and (S, K, N) to (S, rows, N)."""
    return weight * z if z.shape[1] == 1 else torch.bmm(weight, z)
