"""The weights of all seeds at some steps of training, on disk, for instruments that look at the way."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from seqexp.record.files import put

_NAME = re.compile(r"step_(\d{9,15})\.ckpt")


def spread(count: int, last: int) -> list[int]:
    """So many steps from 0 to `last`, both included, evenly on a logarithmic scale from 1 on; fewer where rounding
    makes two of them one.
    """
    if last < 1:
        return [0]
    ends = math.log(last)
    rounded = {round(math.exp(ends * (1 - index / max(1, count - 2)))) for index in range(count - 1)}
    return sorted({0, last, *(min(step, last) for step in rounded)})


def path_of(folder: Path, step: int) -> Path:
    """Where in a run's folder the weights of a step lie."""
    return folder / "checkpoints" / f"step_{step:09}.ckpt"


def steps_of(folder: Path) -> list[int]:
    """The steps whose weights lie in a run's folder, ascending."""
    where = folder / "checkpoints"
    names = [path.name for path in where.iterdir()] if where.is_dir() else []
    return sorted(int(found[1]) for name in names if (found := _NAME.fullmatch(name)))


class StepWeights(Callback):
    """Writes the weights after each of some steps, as they are in training; reads only, and so changes nothing.

    A training that goes on from a checkpoint has the files of all steps before it: each is written at its step, and
    `last.ckpt` after it. Where training ends early, the last step has a file all the same.

    Args:
        folder: the run's.
        steps: numbers of updates of the weights.
    """

    def __init__(self, folder: Path, steps: Sequence[int]) -> None:
        self.folder = folder
        self.steps = frozenset(steps)
        self.written = -1  # the last one, as a step of several batches ends several times

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the weights that training begins with."""
        if trainer.global_step == 0:
            self._write(trainer, pl_module)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Writes the weights of a step that is asked for."""
        if trainer.global_step in self.steps:
            self._write(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the weights of the last step, whichever it is."""
        self._write(trainer, pl_module)

    def _write(self, trainer: Trainer, module: LightningModule) -> None:
        step = trainer.global_step
        if step == self.written:
            return
        path = path_of(self.folder, step)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        torch.save({"state_dict": module.state_dict()}, part)
        put(part, path)
        self.written = step
