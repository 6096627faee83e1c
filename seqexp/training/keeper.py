"""Which weights each seed keeps, and when it may stop."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from seqexp.training.module import Training

log = logging.getLogger(__name__)


class Selection(Callback):
    """Watches every seed: its curves, its best epoch and the weights of that epoch, and whether it diverged.

    Each seed keeps the weights of its own best validation epoch, or its last ones where nothing validates.
    With patience, a seed that has not improved for so many validations keeps what it has for good, as it would
    if it were trained alone; training stops when that is true of all. After `fit` the model holds the kept weights.

    Args:
        training: what is watched.
        seeds: the S seeds, to name them in messages.
        patience: validations without improvement that a seed is granted; None grants all.

    Attributes:
        history: scores of `train` and `val`, a tensor (S,) for each epoch; NaN where there was no validation.
        best: (S,) validation score of the kept weights; infinite where there is none.
        best_epoch: (S,) the epoch of the kept weights.
        diverged: (S,) whether a seed's loss was ever NaN or infinite.
        validated: whether there was any validation.
        solved: (S,) the step at which the task's criterion was first met, -1 where it was not yet; None where the task
            has none.
        train: name -> (S,) training score of the kept weights, and what is shown beside it, once `fit` has ended.
    """

    def __init__(self, training: Training, seeds: Sequence[int], patience: int | None) -> None:
        self.training = training
        self.seeds = tuple(seeds)
        self.patience = patience
        self.history: dict[str, list[Tensor]] = {"train": [], "val": []}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Starts with nothing kept, on the model's device."""
        if stage != "fit":
            return
        size, device = len(self.seeds), trainer.strategy.root_device
        self.kept = [each.detach().clone() for each in self.training.model.parameters()]
        self.best = torch.full((size,), torch.inf, device=device)
        self.best_epoch = torch.full((size,), -1, device=device)
        self.solved: Tensor | None = None
        self.waited = torch.zeros(size, dtype=torch.long, device=device)
        self.validated = False
        self.diverged = torch.zeros(size, dtype=torch.bool, device=device)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Follows the model to the device and precision that it has by now."""
        self.kept = [kept.to(each) for kept, each in zip(self.kept, self.training.model.parameters(), strict=True)]
        self.best = self.best.to(self.kept[0])

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stops at once what had stopped before its checkpoint: Lightning's checkpoints do not know of that."""
        self._stop_if_all_have_waited(trainer)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lets every seed that has improved keep its present weights, unless its patience is at an end."""
        if trainer.sanity_checking:
            return
        self.validated = True
        solved = self.training.end_validation()
        score = self.training.val_score.mean()
        better = score < self.best
        going = torch.ones_like(better) if self.patience is None else self.waited < self.patience
        better &= going
        self.best = torch.where(better, score, self.best)
        self.best_epoch = torch.where(better, trainer.current_epoch, self.best_epoch)
        self.waited = torch.where(better, 0, self.waited + 1)
        self._keep(better)
        if solved is not None:
            self._note_solved(solved & going, trainer.global_step)
        self._stop_if_all_have_waited(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Notes the epoch's scores and names the seeds that have just diverged."""
        train, val = self.training.train_score.mean(), self.training.val_score
        self.history["train"].append(train)
        self.history["val"].append(torch.full_like(train, torch.nan) if val.is_empty else val.mean())
        broken = ~train.isfinite()
        if not val.is_empty:
            broken |= ~self.history["val"][-1].isfinite()
        if self.patience is not None:
            broken &= self.waited <= self.patience  # alone, the seed would have stopped by now
        for index in (broken & ~self.diverged).nonzero().flatten().tolist():
            seed, epoch = self.seeds[index], trainer.current_epoch + 1  # whoever reads counts from 1
            log.warning("seed %d: the loss became NaN or infinite in epoch %d", seed, epoch)
        self.diverged |= broken

    @torch.no_grad()
    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Puts the kept weights into the model and scores them on the training split."""
        never = self.best_epoch < 0  # nothing was validated, or no validation score was finite
        self._keep(never)
        self.best_epoch = torch.where(never, len(self.history["train"]) - 1, self.best_epoch)
        for parameter, kept in zip(self.training.model.parameters(), self.kept, strict=True):
            parameter.copy_(kept)
        self.training.eval()  # scores are the model's own, without dropout
        splits = trainer.datamodule.splits  # type: ignore[attr-defined]
        self.train = self.training.measure(splits["train"].evaluation_batches())

    def _note_solved(self, solved: Tensor, step: int) -> None:
        """Notes the step for those of some seeds, a mask (S,), that meet the task's criterion for the first time."""
        before = torch.full_like(self.waited, -1) if self.solved is None else self.solved
        self.solved = torch.where(solved & (before < 0), step, before)

    def _stop_if_all_have_waited(self, trainer: Trainer) -> None:
        if self.patience is not None and bool((self.waited >= self.patience).all()):
            trainer.should_stop = True

    @torch.no_grad()
    def _keep(self, which: Tensor) -> None:
        """Copies the present weights of some seeds, given as a mask (S,), to the kept ones."""
        for kept, parameter in zip(self.kept, self.training.model.parameters(), strict=True):
            mask = which.reshape(-1, *(1 for _ in parameter.shape[1:]))  # (S,) -> (S, 1, ...)
            torch.where(mask, parameter, kept, out=kept)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds of this."""
        return {
            "kept": self.kept,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "solved": self.solved,
            "waited": self.waited,
            "validated": self.validated,
            "diverged": self.diverged,
            "history": self.history,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from a checkpoint."""
        self.history.update(state_dict["history"])  # in place: the board and the bar hold it, too
        for name in self.state_dict().keys() - {"history"}:
            setattr(self, name, state_dict[name])
