"""Between a task's numbers and those that a network learns from: fitted on training rows, undone in predictions."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from seqexp.data.scales import Scales
from seqexp.data.split import Split


class Scaling(nn.Module):
    """Scales the inputs of each seed, and turns what its network predicts into the data's units.

    A column x is scaled as (x - offset) / scale:

        none        0 and 1
        standard    mean and standard deviation
        minmax      minimum, and maximum - minimum
        log         log x in place of x, then as `standard`; x must be > 0
        difference  the change since the step before in place of x, then as `standard`; the first step's is not known,
                    and taken for the mean one. Of a target, the change since the last value that is read

    The numbers are those of each seed's training rows alone. A column that never changes there has the scale 1.
    Buffers hold all there is to know, so that a checkpoint needs no other file.

    Args:
        num_seeds: S.
        input_size: I.
        output_size: O, targets that are values; 0 where they are classes.
    """

    input_offset: Tensor
    input_scale: Tensor
    target_offset: Tensor
    target_scale: Tensor
    input_is_log: Tensor
    input_is_change: Tensor
    target_is_log: Tensor
    target_is_change: Tensor
    known: Tensor

    def __init__(self, num_seeds: int, input_size: int, output_size: int) -> None:
        super().__init__()
        for name, size in (("input", input_size), ("target", output_size)):
            self.register_buffer(f"{name}_offset", torch.zeros(num_seeds, size))
            self.register_buffer(f"{name}_scale", torch.ones(num_seeds, size))
            self.register_buffer(f"{name}_is_log", torch.zeros(size, dtype=torch.bool))
            self.register_buffer(f"{name}_is_change", torch.zeros(size, dtype=torch.bool))
        self.register_buffer("known", torch.zeros(output_size, dtype=torch.long))

    @torch.no_grad()
    def fit(self, scales: Scales, rows: Tensor, train: Split) -> None:
        """Sets the numbers.

        Args:
            scales: what is asked for.
            rows: (S, K, M, I), the input rows of training: K pieces of M steps that follow each other, NaN where a
                piece has fewer.
            train: the training split, whose targets fix their own numbers.
        """
        known = [place or 0 for place in scales.known]
        for name, kinds in (("input", scales.inputs), ("target", scales.targets)):
            getattr(self, f"{name}_is_log").copy_(torch.tensor([kind == "log" for kind in kinds]))
            getattr(self, f"{name}_is_change").copy_(torch.tensor([kind == "difference" for kind in kinds]))
        self.known.copy_(torch.tensor(known, dtype=torch.long))
        values = _log(rows.double(), self.input_is_log)
        self._set("input", scales.inputs, values.flatten(1, 2), values.diff(dim=2).flatten(1, 2))
        if scales.targets:
            targets = _log(train.targets.double(), self.target_is_log)
            change = targets - self._last(train.inputs.double(), train.lengths, targets.dim())
            if train.weight is not None:
                targets, change = (
                    each.masked_fill(train.weight[..., None] == 0, torch.nan) for each in (targets, change)
                )
            self._set("target", scales.targets, targets.flatten(1, -2), change.flatten(1, -2))

    def _set(self, name: str, kinds: tuple[str, ...], values: Tensor, changes: Tensor) -> None:
        """Sets the offset and the scale of each column of rows, (S, M, columns), passing over what is NaN."""
        offsets, scales = getattr(self, f"{name}_offset"), getattr(self, f"{name}_scale")
        for place, kind in enumerate(kinds):
            for seed, column in enumerate((changes if kind == "difference" else values)[..., place]):
                column = column[~column.isnan()]
                if kind == "none" or not len(column):
                    continue
                low, high = column.min(), column.max()
                offsets[seed, place] = low if kind == "minmax" or low == high else column.mean()
                if low < high:
                    scales[seed, place] = high - low if kind == "minmax" else column.std(correction=0)

    def members(self, seeds: slice) -> Scaling:
        """The scaling of some of the seeds alone."""
        part = copy.copy(self)
        part._buffers = {
            name: values[seeds] if values is not None and name.endswith(("_offset", "_scale")) else values
            for name, values in self._buffers.items()
        }
        return part

    def forward(self, inputs: Tensor) -> Tensor:
        """Scales inputs (S, B, T, I)."""
        x = _log(inputs, self.input_is_log)
        if self.input_is_change.any():
            change = nn.functional.pad(x.diff(dim=2), (0, 0, 1, 0))
            # Nothing is known of the change at the first step: it is taken for the mean one.
            change[:, :, 0] = self.input_offset[:, None]
            x = torch.where(self.input_is_change, change, x)
        return (x - self.input_offset[:, None, None]) / self.input_scale[:, None, None]

    def hide(self, targets: Tensor, inputs: Tensor, lengths: Tensor | None) -> Tensor:
        """What a network is to predict of targets: the inverse of `restore`.

        Args:
            targets: (S, B, O), or of every step (S, B, T, O), in the data's units.
            inputs: (S, B, T, I), from which they are predicted.
            lengths: (S, B) how many steps of each count; None for all.
        """
        values = _log(targets, self.target_is_log) - self._base(inputs, lengths, targets.dim())
        return (values - self._along(self.target_offset, values)) / self._along(self.target_scale, values)

    def restore(self, prediction: Tensor, inputs: Tensor, lengths: Tensor | None) -> Tensor:
        """Turns what a network predicts, in the shape of `hide`'s targets, into the data's units."""
        values = prediction * self._along(self.target_scale, prediction) + self._along(self.target_offset, prediction)
        values = values + self._base(inputs, lengths, values.dim())
        if not self.target_is_log.any():
            return values
        return torch.where(self.target_is_log, torch.where(self.target_is_log, values, 0).exp(), values)

    def _base(self, inputs: Tensor, lengths: Tensor | None, axes: int) -> Tensor | float:
        """What the changes are counted from, in the shape of targets; 0 for targets that are no changes."""
        if not self.target_is_change.any():
            return 0.0
        return torch.where(self.target_is_change, self._last(inputs, lengths, axes), 0)

    def _last(self, inputs: Tensor, lengths: Tensor | None, axes: int) -> Tensor:
        """The last value that is read of each target: (S, B, O), of every step (S, B, T, O)."""
        past = inputs[..., self.known]
        if axes == 4:
            return past
        if lengths is None:
            return past[:, :, -1]
        index = (lengths - 1)[..., None, None].expand(*lengths.shape, 1, past.shape[-1])
        return past.gather(2, index)[:, :, 0]

    @staticmethod
    def _along(numbers: Tensor, values: Tensor) -> Tensor:
        """(S, O) beside (S, B, O) or (S, B, T, O)."""
        return numbers.reshape(len(numbers), *[1] * (values.dim() - 2), -1)


def _log(values: Tensor, is_log: Tensor) -> Tensor:
    """The logarithm of some columns."""
    return torch.where(is_log, values.log(), values) if is_log.any() else values
