"""`checkpoint.weights`: at which steps the weights are kept, and how much that is."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from seqexp.config.mistakes import ConfigError
from seqexp.run.memory import readable
from seqexp.training.steps import StepWeights, spread

if TYPE_CHECKING:
    from seqexp.run.build import Parts

FILE_BYTES, TENSOR_BYTES = 1_600, 110
"""What a file holds beside numbers, of a run of `data=delay cell=lstm`: 6 tensors, 2,244 bytes."""


def steps_kept(count: int | None, steps: float, solves: bool) -> list[int]:
    """The steps whose weights are kept.

    Args:
        count: how many are asked for.
        steps: how many training has at most.
        solves: whether nothing is trained.

    Raises:
        ConfigError: training has no last step.
    """
    if count is None or solves:
        return []
    if math.isinf(steps):
        raise ConfigError(
            f"checkpoint.weights={count}: the steps are spread up to the last one, so trainer.max_epochs or "
            "trainer.max_steps must say which that is"
        )
    return spread(count, int(steps))


def keepers(parts: Parts, folder: Path) -> tuple[list[StepWeights], str | None]:
    """What keeps the weights of a run, where that is asked for, and a sentence on how much that takes.

    Raises:
        ConfigError: there is no room for it.
    """
    if not parts.weights_at:
        return [], None
    count, itemsize = len(parts.weights_at), 8 if "64" in str(parts.settings["trainer"].get("precision")) else 4
    tensors = parts.training.state_dict().values()
    numbers = sum(values.numel() for values in tensors)
    size = count * (itemsize * numbers + TENSOR_BYTES * len(tensors) + FILE_BYTES)
    steps = f"{count} steps from 0 to {parts.weights_at[-1]:,}"
    seeds = f"{len(parts.data.seeds)} seed{'s' * (len(parts.data.seeds) > 1)}"
    what = f"the weights of {seeds} at {steps} take about {readable(size)}"
    if size > (free := shutil.disk_usage(folder).free):
        asked = parts.settings["checkpoint"]["weights"]
        raise ConfigError(f"checkpoint.weights={asked}: {what} in {folder}, and {readable(free)} are free there")
    return [StepWeights(folder, parts.weights_at)], f"checkpoint.weights: {what}, in checkpoints/"
