"""Layers on top of one another: what `num_layers`, `residual` and `dropout` mean, in every cell that has them."""

from __future__ import annotations

import torch
from torch import Tensor

from seqexp.cell.cell import Cell

MOST_LAYERS = 1000
"""More than anybody has trained: each is a few objects, made before their memory can be predicted."""


class Stack(Cell):
    """A cell of layers, each fed with the one below.

    Of layer l, `own` being what it makes of its input `below` (with `num_layers` 1 there is nothing else than `own`):

        dropped = own, in training a share `dropout` of it set to zero and the rest scaled up, but in the top layer
        output = dropped + below if residual and l > 0, else dropped

    The first layer changes the number of features, so that nothing is added to it.

    Attributes:
        hidden_size: H, features of a layer; of a cell that also reads from the end, in each direction.
        num_layers: layers.
        dropout: share of every layer's output, but the top one's, set to zero in training.
        residual: whether each layer's input is added to its output, from the second layer on.
    """

    def __init__(
        self,
        input_size: int,
        num_seeds: int,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        residual: bool,
    ) -> None:
        """Sets the sizes.

        Args:
            input_size: I.
            num_seeds: S.
            hidden_size: H.
            num_layers: layers.
            dropout: share of every layer's output, but the top one's, set to zero in training.
            residual: whether each layer's input is added to its output, from the second layer on.

        Raises:
            ValueError: if an argument is out of range.
        """
        for name, value in (("hidden_size", hidden_size), ("num_layers", num_layers)):
            if value < 1:
                raise ValueError(f"{name} must be >= 1, got {value}")
        if num_layers > MOST_LAYERS:
            raise ValueError(f"num_layers must be <= {MOST_LAYERS}, got {num_layers}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be >= 0 and < 1, got {dropout}")
        if dropout > 0 and num_layers == 1:
            raise ValueError(f"dropout must be 0 where num_layers is 1 (it acts between layers), got {dropout}")
        if residual and num_layers == 1:
            raise ValueError("residual must be false where num_layers is 1 (it adds from the second layer on)")
        super().__init__(input_size, num_seeds, hidden_size, causal=True)
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dropout = dropout
        self.residual = residual

    def drops(self, layer: int) -> bool:
        """Whether a layer's output is thinned out now."""
        return self.training and self.dropout > 0 and layer < self.num_layers - 1

    def adds(self, layer: int) -> bool:
        """Whether a layer's input is added to its output."""
        return self.residual and layer > 0

    def dropout_mask(self, like: Tensor, *shape: int) -> Tensor:
        """Draws 0 or 1/(1-p) in a shape (S, ...), each seed from its own generator.

        Args:
            like: has the dtype and the device.
            shape: S, and what a seed draws at once.

        Raises:
            RuntimeError: if `reset_parameters` has not been called.
        """
        if not self._generators:
            raise RuntimeError("dropout needs the generators that reset_parameters is given: call it before training")
        mask = torch.empty(shape, dtype=like.dtype)
        for member, generator in zip(mask, self._generators, strict=True):
            member.bernoulli_(1 - self.dropout, generator=generator)
        return mask.div_(1 - self.dropout).to(like.device)

    def extra_repr(self) -> str:
        """Returns the sizes, for print(module)."""
        names = ("hidden_size", "num_layers", "dropout", "residual")
        return ", ".join([super().extra_repr(), *(f"{name}={getattr(self, name)}" for name in names)])
