"""Guesses that any task can make of its targets, without a network."""

from __future__ import annotations

import torch
from torch import Tensor

from seqexp.data.split import Split


def constant(train: Split) -> Tensor:
    """The mean of each seed's training targets, (S, 1, O) float64."""
    return train.targets.double().mean(1, keepdim=True)


def linear(train: Split, test: Split) -> Tensor:
    """Least squares on all input values and a constant, per seed; the smallest solution where they don't fix it.

    Args:
        train: what is fitted.
        test: whose targets are predicted.

    Returns:
        (S, N, O) float64.
    """
    design = _design(train.inputs)  # (S, N, T * I + 1)
    targets = train.targets.double().cpu()
    # gelsd is the driver that allows inputs of any rank, and it runs on the CPU only.
    weights: Tensor = torch.linalg.lstsq(design, targets, driver="gelsd").solution
    return (_design(test.inputs) @ weights).to(test.targets.device)


def _design(inputs: Tensor) -> Tensor:
    flat = inputs.double().cpu().flatten(2)  # (S, N, T, I) -> (S, N, T * I)
    return torch.cat([flat, torch.ones_like(flat[..., :1])], dim=2)
