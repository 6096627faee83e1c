"""A trained population to use: it is called on sequences of one's own, and shows what is inside."""

from __future__ import annotations

import copy
import re
from typing import Any, overload

import numpy as np
import torch
from torch import Tensor

from seqexp.model import Model

Array = np.ndarray[Any, Any]

PLACE = re.compile(r"_l\d+(_reverse)?$")
"""What stands behind the name of a state or gate: its layer and direction."""


class Trained(Model):
    """The model of a finished run, with each seed's kept weights and without dropout.

    Sequences are (B, T, I), the same for every seed, or (T, I) for one alone; or (S, B, T, I), each seed's own. Of a
    task with tokens they lack the last axis. What is given as NumPy arrays is answered in NumPy arrays.

    Args:
        model: as it was trained; its cell is shared.
    """

    def __init__(self, model: Model) -> None:
        super().__init__(model.cell, model.output_size, model.reads, model.num_tokens, copy.deepcopy(model.scaling))
        self.to(device=model.weight.device, dtype=model.weight.dtype).load_state_dict(model.state_dict())
        self.eval()

    @overload
    def forward(self, inputs: Array, lengths: Array | None = None) -> Array: ...

    @overload
    def forward(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor: ...

    def forward(self, inputs: Tensor | Array, lengths: Tensor | Array | None = None) -> Tensor | Array:
        """Predicts with every seed, in the data's units; classes by logits.

        Args:
            inputs: sequences (B, T, I), (T, I) or (S, B, T, I); tokens without the last axis.
            lengths: (B,) how many steps of each sequence count, or (S, B); None for all.

        Returns:
            (S, B, O), or (S, B, T, O) where every step is read; without B for one sequence.

        Raises:
            ValueError: the inputs have another shape or kind than the model reads.
        """
        x, alone = self._sequences(inputs)
        counts = None if lengths is None else torch.as_tensor(lengths).long().expand(x.shape[:2])
        return _answer(super().forward(x, counts), inputs, alone)

    def states(self, inputs: Tensor | Array) -> dict[str, Any]:
        """Computes the states of every step.

        Args:
            inputs: as for a prediction.

        Returns:
            Name -> (S, B, T, H), without B for one sequence. Names are those of the cell's equations with the layer,
            and `_reverse` for a scan from the end: `h_l0`, of an LSTM `c_l0` as well.

        Raises:
            ValueError: the inputs have another shape or kind than the model reads.
        """
        return {name: values for name, values in self._traces(inputs).items() if self._is_state(name)}

    def gates(self, inputs: Tensor | Array) -> dict[str, Any]:
        """Computes the gates of every step, between 0 and 1 (a candidate such as the LSTM's g: between -1 and 1).

        Args:
            inputs: as for a prediction.

        Returns:
            Name -> (S, B, T, H), without B for one sequence, as `f_l0`.

        Raises:
            ValueError: the cell has no gates, or the inputs have another shape or kind than the model reads.
        """
        found = {name: values for name, values in self._traces(inputs).items() if not self._is_state(name)}
        if not found:
            raise ValueError(f"{type(self.cell).__name__} has no gates; states(x) gives its states")
        return found

    def _traces(self, inputs: Tensor | Array) -> dict[str, Any]:
        x, alone = self._sequences(inputs)
        with torch.no_grad():
            found = self.cell.traces(self.embed(x))
        return {name: _answer(values, inputs, alone) for name, values in found.items()}

    def _is_state(self, name: str) -> bool:
        return PLACE.sub("", name) in getattr(self.cell, "states", ("h",))

    def _sequences(self, inputs: Tensor | Array) -> tuple[Tensor, bool]:
        """The inputs for each seed, (S, B, T, I) or (S, B, T), and whether they are one sequence alone."""
        x = torch.as_tensor(inputs, device=self.weight.device)
        axes = 1 if self.num_tokens else 2
        shape = "T" if self.num_tokens else f"T, I={self.cell.input_size}"
        wanted = f"({shape}), (B, {shape}) or (S={self.num_seeds}, B, {shape})".replace("(T)", "(T,)")
        fits = axes <= x.dim() <= axes + 2 and 0 not in x.shape
        fits = fits and (bool(self.num_tokens) or x.shape[-1] == self.cell.input_size)
        if not fits or (x.dim() == axes + 2 and len(x) != self.num_seeds):
            least = ", and none of these may be 0" if 0 in x.shape else ""
            raise ValueError(f"inputs must have shape {wanted}{least}, got {tuple(x.shape)}")
        if self.num_tokens:
            if x.is_floating_point() or x.is_complex() or x.min() < 0 or x.max() >= self.num_tokens:
                raise ValueError(f"inputs must be whole numbers from 0 to {self.num_tokens - 1}, which are the tokens")
            x = x.long()
        else:
            x = x.to(self.weight.dtype)
        alone = x.dim() == axes
        x = x[None] if alone else x
        return (x.expand(self.num_seeds, *x.shape) if x.dim() == axes + 1 else x), alone


def _answer(values: Tensor, inputs: Tensor | Array, alone: bool) -> Tensor | Array:
    """Values (S, B, ...) in the kind of the inputs, without B for one sequence."""
    values = values[:, 0] if alone else values
    return values if isinstance(inputs, Tensor) else values.detach().cpu().numpy()
