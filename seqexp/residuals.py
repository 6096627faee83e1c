"""How wrong a population's mean prediction was on one split, step by step: what an interval is made of."""

from __future__ import annotations

import torch
from torch import Tensor

from seqexp.closed_loop import roll_out
from seqexp.config.mistakes import ConfigError
from seqexp.data.module import PopulationData
from seqexp.data.series import Series
from seqexp.data.split import Split, evaluation_rows
from seqexp.model import Model
from seqexp.statistics import Array, conformal

MOST_STARTS = 400
"""Windows, the latest ones, from which paths are made to see how wrong they are."""


def in_time(data: PopulationData, name: str, first: int) -> Split:
    """One seed's split, the windows of each of several series one after another."""
    split, task = data.splits[name].of(slice(first, first + 1)), data.task
    start, stop = (each + data.folds.shift(data.seeds[first]) for each in data.bounds[name])
    order = task.in_time(start, stop) if isinstance(task, Series) else None
    return split if order is None else split._replace(inputs=split.inputs[:, order], targets=split.targets[:, order])


def paths_from(model: Model, windows: Tensor, steps: int) -> Tensor:
    """What every seed makes of windows (N, T, I): (S, N, K, O), predictions being fed back from the second step on."""
    size = evaluation_rows(model.num_seeds)
    found = []
    with torch.no_grad():
        for piece in windows.to(model.weight).split(size):
            every = piece.expand(model.num_seeds, *piece.shape)
            found.append(model(every)[:, :, None] if steps == 1 else roll_out(model, every, steps))
    return torch.cat(found, 1).cpu()


def check_enough(count: int, steps: int, level: float) -> None:
    """Refuses paths of more steps than so many windows of validation make an interval for.

    Raises:
        ConfigError: they are too few.
    """
    needed = conformal.least(level)
    if count < steps - 1 + needed:
        allowed = max(0, count - needed + 1)
        raise ConfigError(
            f"an interval of level {level:g} for {steps} steps needs {steps - 1 + needed} windows of validation, and "
            f"there are {count}: "
            + (f"steps must be <= {allowed}, or --level lower" if allowed else "--level must be lower")
        )


def residuals(model: Model, split: Split, kept: list[int], steps: int) -> Array:
    """What came minus what the mean of the seeds predicted from each window, (N, K, O); NaN beyond the split's end."""
    first = max(0, split.num_sequences - MOST_STARTS - steps + 1)
    windows, targets = split.inputs[0, first:], split.targets[0, first:].double()  # (N, T, I), (N, O)
    predicted = paths_from(model, windows, steps)[kept].double().mean(0)  # (N, K, O)
    ahead = torch.arange(len(targets))[:, None] + torch.arange(steps)  # (N, K)
    follows = (windows[1:, -1] == split.targets[0, first:-1]).flatten(1).all(1) if steps > 1 else None
    whole = ahead < len(targets)
    if follows is not None:  # windows of several files stand behind each other
        breaks = torch.nn.functional.pad((~follows).cumsum(0), (1, 0))
        whole &= breaks[ahead.clamp(max=len(targets) - 1)] == breaks[:, None]
    truth = targets[ahead.clamp(max=len(targets) - 1)]  # (N, K, O)
    wrong = torch.where(whole[..., None], truth - predicted, torch.nan)
    found: Array = wrong.numpy()
    return found
