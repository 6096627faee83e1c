"""One member of a population as an ordinary torch module."""

from __future__ import annotations

import copy
from typing import Any, Literal

import torch
from torch import Tensor, nn

from seqexp.cell.cell import Cell
from seqexp.cell.recipe import first_tensor, last_state


class Member(nn.Module):
    """One member of a cell that torch.nn does not have: (B, T, I) to (B, T, H).

    Args:
        cell: the cell of the population; its weights are copied.
        index: which member, from 0.

    Raises:
        ValueError: there is no such member.
    """

    def __init__(self, cell: Cell, index: int) -> None:
        super().__init__()
        cell.check_member(index)
        alone = cell.members(slice(index, index + 1))
        for part in alone.modules():
            if isinstance(part, Cell):
                part.forget_work_space()
                part._generators = ()  # which cannot be copied; only dropout in training draws from them
        self.cell = copy.deepcopy(alone)
        self.train(cell.training)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Computes the states of every step, (B, T, I) -> (B, T, H)."""
        states: Tensor = self.cell(x[None], _seeds(lengths))
        return states[0]

    def last(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Computes the state after each sequence's last step, (B, T, I) -> (B, H)."""
        return self.cell.last(x[None], _seeds(lengths))[0]


class Exported(nn.ModuleDict):
    """One member of a trained population, called as any torch module: sequences to outputs in the data's units.

    Its parts are `cell`, `readout`, where inputs are tokens `embedding`, and where numbers are scaled `scaling`.

    Args:
        parts: by these names; the cell is a torch module that maps (B, T, I) to (B, T, H) or (B, H), alone or as the
            first part of what it gives, or a `Member`.
        reads: whether the last step is predicted from, or every step.
    """

    def __init__(self, parts: dict[str, nn.Module], reads: Literal["last", "steps"]) -> None:
        super().__init__(parts)
        self.reads = reads

    def forward(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Predicts.

        Args:
            inputs: sequences (B, T, I), or tokens (B, T).
            lengths: (B,) how many steps of each count; None for all.

        Returns:
            (B, O), or (B, T, O) where every step is read. Classes are predicted by logits.
        """
        x = self["embedding"](inputs) if "embedding" in self else inputs
        if "scaling" not in self:
            return self._read(x, lengths)
        scaling: Any = self["scaling"]  # of one seed
        read = self._read(scaling(inputs[None])[0], lengths)
        return scaling.restore(read[None], inputs[None], _seeds(lengths))[0] if scaling.known.numel() else read

    def _read(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        read: Tensor = self["readout"](self._states(x, lengths))
        return read

    def _states(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """What the readout reads, (B, H) or (B, T, H)."""
        cell = self["cell"]
        if isinstance(cell, Member):
            return cell.last(x, lengths) if self.reads == "last" else cell(x, lengths)
        states: Tensor = first_tensor(cell(x))
        if self.reads == "steps":
            return states
        if lengths is None or states.dim() == 2 or getattr(cell, "bidirectional", False):
            return last_state(cell, states)
        return states[torch.arange(len(states), device=states.device), lengths - 1]


def _seeds(lengths: Tensor | None) -> Tensor | None:
    """The lengths of a population of one."""
    return None if lengths is None else lengths[None]
