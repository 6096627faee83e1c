"""Training as it goes on, epoch by epoch: the curves of TensorBoard and of whatever else takes numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy.typing as npt
from lightning.pytorch import Callback, LightningModule, Trainer

from seqexp.training.keeper import Selection

RATE = "work/learning_rate"
"""Its tag, which sorts behind all scores."""


class Sink(Protocol):
    """Whatever takes scores and other numbers: TensorBoard's side of a run, or its loggers."""

    def scores(self, scores: Mapping[str, npt.ArrayLike], step: int) -> None:
        """Takes one score per seed, (S,), by tag, and the epoch."""

    def value(self, tag: str, value: float, step: int) -> None:
        """Takes one number, and the epoch."""


@runtime_checkable
class Measured(Protocol):
    """A callback that has numbers of each epoch to show.

    Attributes:
        rows: what it has noted, one entry for each epoch so far.
    """

    rows: Sequence[Any]

    def numbers(self, epoch: int) -> Mapping[str, float]:
        """The numbers of an epoch by tag, such as `work/gradient_norm`."""


class BoardWriter(Callback):
    """Writes each epoch's scores to TensorBoard, or to whatever else takes them."""

    def __init__(self, board: Sink, selection: Selection) -> None:
        self.board = board
        self.metric = selection.training.score.name
        self.history = selection.history

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the epochs of a training that goes on from a checkpoint, even if none is left to train."""
        for epoch in range(len(self.history["train"])):
            self._write(epoch)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the epoch that has just ended."""
        self._write(trainer.current_epoch)

    def _write(self, epoch: int) -> None:
        scores = {f"{part}/{self.metric}": rows[epoch].double().cpu().numpy() for part, rows in self.history.items()}
        self.board.scores(scores, epoch)


class RateWriter(Callback):
    """Writes the learning rate that each epoch begins with, where a schedule changes it."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self.sinks = sinks
        self.rates: list[float] = []

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the epochs of a training that goes on from a checkpoint."""
        for epoch, rate in enumerate(self.rates):
            self._write(rate, epoch)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the rate of the epoch that begins."""
        self.rates.append(float(trainer.optimizers[0].param_groups[0]["lr"]))
        self._write(self.rates[-1], trainer.current_epoch)

    def _write(self, rate: float, epoch: int) -> None:
        for sink in self.sinks:
            sink.value(RATE, rate, epoch)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds of this."""
        return {"rates": self.rates}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from a checkpoint."""
        self.rates = state_dict["rates"]


class NumbersWriter(Callback):
    """Writes the numbers that another callback has of each epoch; it comes behind that one.

    Args:
        source: that callback.
        sinks: what takes its numbers; those that are not finite are left out.
    """

    def __init__(self, source: Measured, sinks: Sequence[Sink]) -> None:
        self.source = source
        self.sinks = sinks
        self.written = 0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the epochs of a training that goes on from a checkpoint."""
        self._write()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the epoch that has just ended."""
        self._write()

    def _write(self) -> None:
        for epoch in range(self.written, len(self.source.rows)):
            for tag, value in self.source.numbers(epoch).items():
                if math.isfinite(value):
                    for sink in self.sinks:
                        sink.value(tag, value, epoch)
        self.written = len(self.source.rows)


class Flusher(Callback):
    """Has the loggers write an epoch when all others have added to it what they have; it comes behind them."""

    def __init__(self, flush: Callable[[], None]) -> None:
        self.flush = flush

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the epoch that has just ended."""
        self.flush()
