"""Training as it goes on: the console's bar and TensorBoard's curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy.typing as npt
from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from seqexp.show.board import Board
from seqexp.training.keeper import Selection

RATE = "work/learning_rate"
"""Its tag, which sorts behind all scores."""


class Scores(Protocol):
    """Whatever takes scores: TensorBoard's side of a run, or its loggers."""

    def scores(self, scores: Mapping[str, npt.ArrayLike], step: int) -> None:
        """Takes one score per seed, (S,), by tag, and the epoch."""


class BoardWriter(Callback):
    """Writes each epoch's scores to TensorBoard, or to whatever else takes them."""

    def __init__(self, board: Scores, selection: Selection) -> None:
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
    """Writes the learning rate that each epoch begins with to TensorBoard, where a schedule changes it."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.rates: list[float] = []

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the epochs of a training that goes on from a checkpoint."""
        for epoch, rate in enumerate(self.rates):
            self.board.value(RATE, rate, epoch)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the rate of the epoch that begins."""
        self.rates.append(float(trainer.optimizers[0].param_groups[0]["lr"]))
        self.board.value(RATE, self.rates[-1], trainer.current_epoch)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds of this."""
        return {"rates": self.rates}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from a checkpoint."""
        self.rates = state_dict["rates"]


class EpochBar(Callback):
    """A progress bar that counts epochs and shows the mean score over seeds; gone when training ends.

    Args:
        label: what is trained.
        console: where the bar is drawn; not a terminal, nothing is.
        selection: has the scores.
    """

    def __init__(self, label: str, console: Console, selection: Selection) -> None:
        self.history = selection.history
        self.score = selection.training.score.label
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[score]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            refresh_per_second=4,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task(label, total=None, score="")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Shows the bar."""
        epochs = trainer.max_epochs if trainer.max_epochs is not None and trainer.max_epochs > 0 else None
        self.bar.update(self.task, total=epochs)
        self.bar.start()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Counts the epoch."""
        val, train = self.history["val"][-1], self.history["train"][-1]
        name, score = ("train", train) if val.isnan().all() else ("validation", val)
        self.bar.update(
            self.task, completed=trainer.current_epoch + 1, score=f"{name} {self.score} {score.nanmean().item():.4g}"
        )

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Takes the bar away."""
        self.bar.stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Takes the bar away, so that what follows is readable."""
        self.bar.stop()
