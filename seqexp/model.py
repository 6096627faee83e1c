"""A model: a cell over the sequence, then a linear readout, for every seed at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from seqexp.cell.cell import Cell, members
from seqexp.score import mean_square


class Model(nn.Module):
    """Reads a sequence with `cell` and its final state with one linear layer per seed.

    Args:
        cell: the recurrent part, for S seeds.
        output_size: O, features of a target.
    """

    def __init__(self, cell: Cell, output_size: int) -> None:
        super().__init__()
        self.cell = cell
        self.output_size = output_size
        self.weight = nn.Parameter(torch.empty(cell.num_seeds, output_size, cell.output_size))
        self.bias = nn.Parameter(torch.empty(cell.num_seeds, output_size))

    @property
    def num_seeds(self) -> int:
        """S, members of the population."""
        return self.cell.num_seeds

    @property
    def num_parameters(self) -> int:
        """Parameters of one seed's model."""
        return sum(parameter[0].numel() for parameter in self.parameters())

    @torch.no_grad()
    def reset_parameters(self, generators: Sequence[torch.Generator]) -> None:
        """Draws every seed's weights from that seed's generator, as torch.nn would.

        Args:
            generators: S CPU generators.
        """
        self.cell.reset_parameters(generators)
        bound = self.cell.output_size**-0.5
        for index, generator in enumerate(generators):
            self.weight[index].uniform_(-bound, bound, generator=generator)
            self.bias[index].uniform_(-bound, bound, generator=generator)

    def members(self, seeds: slice) -> Model:
        """A model of some of the seeds alone, whose parameters are views of this one's."""
        return members(self, seeds)

    def forward(self, inputs: Tensor) -> Tensor:
        """Maps sequences (S, B, T, I) to predictions (S, B, O)."""
        return self._read(self.cell.last(inputs).transpose(1, 2))  # (S, B, T, I) -> (S, B, H) -> (S, H, B)

    def _read(self, state: Tensor) -> Tensor:
        """The readout, (S, H, B) -> (S, B, O)."""
        # Not a matrix product: for so few columns its rounding depends on how many seeds ride along.
        products = state[:, None] * self.weight[..., None]  # (S, 1, H, B) * (S, O, H, 1)
        return products.sum(2).transpose(1, 2) + self.bias[:, None]  # (S, O, H, B) -> (S, B, O)

    @torch.no_grad()
    def differentiate(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Scores a batch and differentiates each seed's score, without a graph where the cell needs none.

        With the error e = prediction - target, the score is the mean of e^2 over B and O, so that its gradient by a
        prediction is 2 e / (B O). The prediction is weight · state + bias.

        Args:
            inputs: (S, B, T, I).
            targets: (S, B, O).

        Returns:
            Each seed's MSE, (S,), and its gradient by each of `parameters()`.
        """
        state, back = self.cell.pull(inputs, last=True, with_input=False)  # (S, H, B)
        error = self._read(state) - targets
        slope = error.transpose(1, 2)[:, :, None] * (2 / error[0].numel())  # (S, O, 1, B)
        weight = (slope * state[:, None]).sum(3)  # (S, O, H, B) -> (S, O, H)
        bias = slope.sum(3)[..., 0]
        _, rest = back((slope * self.weight[..., None]).sum(1))  # (S, O, H, B) -> (S, H, B)
        return mean_square(error), [weight, bias, *rest]

    @torch.no_grad()
    def to_torch(self, index: int) -> nn.ModuleDict:
        """Exports one member of the population as ordinary torch modules.

        Args:
            index: which member, from 0.

        Returns:
            `cell`, a torch.nn.RNN, LSTM or GRU (batch_first) with that member's weights, and `readout`, a
            torch.nn.Linear for the cell's final state. Its `state_dict()` is what plain PyTorch code loads.

        Raises:
            ValueError: there is no such member.
        """
        cell = self.cell.to_module(index)
        readout = nn.Linear(self.cell.output_size, self.output_size, dtype=self.weight.dtype)
        readout.weight.copy_(self.weight[index])
        readout.bias.copy_(self.bias[index])
        return nn.ModuleDict({"cell": cell, "readout": readout})
