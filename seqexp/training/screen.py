"""Training as it goes on, on the console: a bar, or lines."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from seqexp.show.console import say
from seqexp.statistics import mean_interval
from seqexp.training.keeper import Selection

log = logging.getLogger(__name__)


class EpochLines(Callback):
    """Prints a line with the mean scores after each so many epochs and after the last one, and logs it.

    Args:
        run: what is trained.
        folder: the run's folder.
        name: stands before each line, where other runs print theirs in between; empty where none does.
        every: epochs from one line to the next.
        selection: has the scores.
    """

    def __init__(self, run: str, folder: Path, name: str, every: int, selection: Selection) -> None:
        self.run = run
        self.folder = folder
        self.name = name
        self.every = every
        self.selection = selection
        self.last: int | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Says whose scores the lines show, and where training goes on."""
        seeds, done = self.selection.seeds, len(self.selection.history["train"])
        of = f"means over {len(seeds)} seeds" if len(seeds) > 1 else f"seed {seeds[0]}"
        on = f", going on after epoch {done}" if done else ""
        score = self.selection.training.score.label
        self._say(f"{self.run} · {score}, {of}{on} → {os.path.relpath(self.folder)}", "")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Prints the epoch that has just ended, if it is its turn."""
        if len(self.selection.history["train"]) % self.every == 0:
            self._print()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Prints the last epoch, if it has not been."""
        self.on_fit_end(trainer, pl_module)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The same of a training that goes on from a checkpoint and has no epoch left."""
        if self.last != len(self.selection.history["train"]):
            self._print()

    def _print(self) -> None:
        history, size = self.selection.history, len(self.selection.seeds)
        self.last = len(history["train"])
        if not self.last:
            return
        parts = [f"epoch {self.last}"]
        for name, rows in history.items():
            row = rows[-1].double().cpu().numpy()
            finite = int(np.isfinite(row).sum())
            if finite:
                parts.append(
                    f"{name} {mean_interval(row).mean:.4g}" + (f" ({finite} of {size} seeds)" if finite < size else "")
                )
            elif not np.isnan(row).all() or name == "train":
                parts.append(f"{name} not finite")
        self._say(" · ".join(parts), f"{self.name} · " if self.name else "")

    def _say(self, line: str, before: str) -> None:
        log.info(line)
        say(sys.stdout, f"{before}{line}")


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
            redirect_stdout=sys.stdout.isatty(),  # what goes into a file or a pipe belongs there, bar or not
            refresh_per_second=4,
            disable=not console.is_terminal or console.is_dumb_terminal,
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


def on_screen(
    run: str, folder: Path, selection: Selection, console: Console, settings: Mapping[str, Any], beside: bool
) -> list[Callback]:
    """What shows training as it goes on, as far as it is wanted.

    Args:
        run: what is trained.
        folder: the run's folder.
        selection: has the scores.
        console: where a bar is drawn.
        settings: the configuration.
        beside: whether other runs print beside this one; then each line says of which it is.
    """
    callbacks: list[Callback] = []
    if every := settings["print_every"]:
        name = folder.name if beside else ""
        callbacks.append(EpochLines(run, folder, name, every, selection))
    if settings["trainer"].get("enable_progress_bar"):
        callbacks.append(EpochBar(run, console, selection))
    return callbacks
