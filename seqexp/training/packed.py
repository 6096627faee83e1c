"""All parameters of a population in one tensor."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqexp.cell.workspace import ALIGNMENT
from seqexp.model import Model


class Packed:
    """All parameters of a model in one tensor, of which they become views; their gradients likewise.

    One tensor is one update instead of many. It is padded with zeros to whole vectors, because a vectorised update
    rounds the odd numbers at a tensor's end differently: without it, a seed's last bits would depend on how many
    others ride along.

    Args:
        model: whose parameters, already on their device and in their precision.

    Attributes:
        values: (P,), what an optimizer updates.
        gradients: (P,), which is also `values.grad`; backward adds to it.
    """

    def __init__(self, model: Model) -> None:
        parameters = list(model.parameters())
        sizes = [parameter.numel() for parameter in parameters]
        self.shapes = [parameter.shape for parameter in parameters]
        length = -(-sum(sizes) // ALIGNMENT) * ALIGNMENT
        self.values = nn.Parameter(parameters[0].new_zeros(length))
        self.gradients = self.values.grad = torch.zeros_like(self.values)
        places = zip(parameters, self.views(self.values.detach()), self.views(self.gradients), strict=True)
        for parameter, value, gradient in places:
            parameter.data = value.copy_(parameter.detach())
            parameter.grad = gradient

    def views(self, packed: Tensor) -> list[Tensor]:
        """The part of each parameter in a tensor (P,) that is packed like `values`, in the parameter's shape."""
        sizes = [shape.numel() for shape in self.shapes]
        parts = packed[: sum(sizes)].split(sizes)
        return [part.view(shape) for part, shape in zip(parts, self.shapes, strict=True)]
