"""One trial: trains a population and returns its validation score, unless it is pruned or a seed diverges."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

import lightning.pytorch as pl
import optuna
from torch import Tensor

from seqexp.run.build import Parts
from seqexp.run.fit import interruptible, limit_threads
from seqexp.run.trainer import settings_of_the_process_kept
from seqexp.training.keeper import Selection
from seqexp.training.solve import Solved, solve_readout

REPORTS = 50
"""How often a trial tells Optuna how it stands, at most: each time costs some milliseconds."""


class DivergedError(Exception):
    """A seed's loss became NaN or infinite."""


@dataclass(frozen=True)
class Outcome:
    """What a trial was for: the mean over seeds of the validation score, each at its own best epoch.

    Attributes:
        val: (S,) those scores.
        metric: what they are.
        label: the same as a table shows it.
        epochs: that were trained.
        seconds: that this took.
    """

    val: list[float]
    metric: str
    label: str
    epochs: int
    seconds: float

    @property
    def value(self) -> float:
        """The number that is minimised."""
        return math.fsum(self.val) / len(self.val)


class Watch(pl.Callback):
    """Tells Optuna now and then what the trial would be worth if it ended here, and ends it if it is told to.

    Args:
        trial: Optuna's side of this trial.
        selection: has each seed's best validation score so far.
        known_epochs: the epochs of which Optuna knows already, if the trial was broken off before.
    """

    def __init__(self, trial: optuna.Trial, selection: Selection, known_epochs: int) -> None:
        self.trial = trial
        self.selection = selection
        self.known_epochs = known_epochs

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Reports, and raises what ends the trial."""
        epoch, selection = trainer.current_epoch, self.selection
        _refuse_diverged(selection.seeds, selection.diverged, f"in epoch {epoch + 1}")
        every = max(1, (trainer.max_epochs or 0) // REPORTS)
        if not selection.validated or (epoch + 1) % every or epoch + 1 < self.known_epochs:
            return
        if epoch + 1 > self.known_epochs:
            self.trial.report(selection.best.double().mean().item(), epoch)
        if self.trial.should_prune():
            raise optuna.TrialPruned(f"pruned in epoch {epoch + 1}")


def _refuse_diverged(seeds: Sequence[int], diverged: Tensor, when: str) -> None:
    """Raises DivergedError where a seed, (S,) bool, has diverged."""
    if which := [seed for seed, flag in zip(seeds, diverged.tolist(), strict=True) if flag]:
        raise DivergedError(f"seed {', '.join(map(str, which))} diverged {when}")


def train(parts: Parts, trial: optuna.Trial, known_epochs: int) -> Outcome:
    """Trains once. Neither baselines nor the test split are looked at, and no file is written.

    Args:
        parts: what the trial's configuration describes.
        trial: Optuna's side of it.
        known_epochs: see `Watch`.

    Raises:
        optuna.TrialPruned: the pruner has seen enough.
        DivergedError: some seed's loss is not finite any more.
    """
    data, training = parts.data, parts.training
    learnt: Selection | Solved
    learnt = selection = Selection(training, data.seeds, parts.settings["early_stopping"]["patience"])
    with settings_of_the_process_kept(), tempfile.TemporaryDirectory() as folder:  # for what callbacks may write
        watch = Watch(trial, selection, known_epochs)
        solves = bool(training.model.cell.penalties)
        callbacks = [] if solves else [selection, *parts.callbacks.values(), watch]
        trainer = parts.make_trainer(callbacks, folder)
        data.trainer = trainer
        data.setup()
        with limit_threads(parts), interruptible():
            if solves:
                learnt, seconds = solve_readout(training, data)
                _refuse_diverged(data.seeds, learnt.diverged, "in its reservoir")
            else:
                start = time.perf_counter()
                trainer.fit(training, datamodule=data)
                seconds = time.perf_counter() - start
    if not learnt.validated:
        raise RuntimeError("nothing was validated; see trainer.limit_val_batches and trainer.check_val_every_n_epoch")
    score, epochs = training.score, len(learnt.history["train"])
    return Outcome(learnt.best.double().tolist(), score.name, score.label, epochs, seconds)
