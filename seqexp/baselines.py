"""What no training gets: scores to hold every trained one against."""

from __future__ import annotations

import torch
from torch import Tensor

from seqexp.data.split import Split


def baselines(train: Split, test: Split, forecasts: bool) -> dict[str, Tensor | None]:
    """Scores the guesses that need no training, on the same test targets as the trained models.

    Args:
        train: what a guess may be fitted to.
        test: what it is scored on.
        forecasts: whether the targets continue the inputs' series, which gives persistence a meaning.

    Returns:
        Name -> MSE of each seed, (S,) float64, or None where the guess has no meaning:
        `constant`, the mean of the training targets; `persistence`, the last input again;
        `linear`, least squares on all input values and a constant; `noise`, the noiseless targets.
    """
    targets = test.targets.double()  # (S, N, O)
    guesses: dict[str, Tensor | None] = {
        "constant": train.targets.double().mean(1, keepdim=True),  # (S, 1, O)
        "persistence": test.inputs[:, :, -1, : targets.shape[2]] if forecasts else None,
        "linear": _linear(train, test),
        "noise": test.noiseless,
    }
    return {
        name: None if guess is None else (guess.double() - targets).square().mean((1, 2))  # (S, N, O) -> (S,)
        for name, guess in guesses.items()
    }


def _linear(train: Split, test: Split) -> Tensor:
    """Fits and applies least squares per seed; the smallest solution where the inputs don't fix it."""
    design = _design(train.inputs)  # (S, N, T * I + 1)
    targets = train.targets.double().cpu()
    # gelsd is the driver that allows inputs of any rank, and it runs on the CPU only.
    weights: Tensor = torch.linalg.lstsq(design, targets, driver="gelsd").solution
    return (_design(test.inputs) @ weights).to(test.targets.device)


def _design(inputs: Tensor) -> Tensor:
    flat = inputs.double().cpu().flatten(2)  # (S, N, T, I) -> (S, N, T * I)
    return torch.cat([flat, torch.ones_like(flat[..., :1])], dim=2)
