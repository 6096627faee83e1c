"""The norm of each seed's gradient, epoch by epoch, as a file."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from seqexp.record.files import write_atomically

FOLDER = "callbacks"


class GradientNorm(Callback):
    """Notes the norm of each seed's gradient before it is clipped, shows it, and writes `callbacks/gradient_norm.csv`.

    It says whether `trainer.gradient_clip_val` ever acts, and which seed is about to diverge. No number is changed.

    Attributes:
        rows: for each epoch the mean and the largest norm over its updates, (S,) each.
    """

    def __init__(self) -> None:
        self.rows: list[tuple[Tensor, Tensor]] = []
        self.norms: list[Tensor] = []

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Starts an epoch."""
        self.norms = []

    @torch.no_grad()
    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Notes the norms of an update, which Lightning clips after this."""
        gradients = [each.grad.flatten(1) for each in pl_module.model.parameters() if each.grad is not None]  # type: ignore[union-attr]
        norms = torch.stack([torch.linalg.vector_norm(each, dim=1) for each in gradients], dim=1)  # (S, parameters)
        self.norms.append(torch.linalg.vector_norm(norms, dim=1))  # (S,)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Ends an epoch."""
        if self.norms:
            norms = torch.stack(self.norms).double().cpu()  # (updates, S)
            self.rows.append((norms.mean(0), norms.amax(0)))

    def numbers(self, epoch: int) -> dict[str, float]:
        """What TensorBoard and the loggers show of an epoch: its mean norm over seeds, and the largest of any seed."""
        mean, largest = (each[each.isfinite()] for each in self.rows[epoch])
        found = {"mean": mean.mean(), "largest": largest.amax()} if len(mean) and len(largest) else {}
        return {f"work/gradient_norm_{name}": float(value) for name, value in found.items()}

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the file: one row per epoch and seed."""
        seeds = trainer.datamodule.seeds  # type: ignore[attr-defined]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["epoch", "seed", "mean", "largest"])
        for epoch, (mean, largest) in enumerate(self.rows):
            for index, seed in enumerate(seeds):
                writer.writerow([epoch, seed, repr(float(mean[index])), repr(float(largest[index]))])
        folder = Path(trainer.default_root_dir) / FOLDER
        folder.mkdir(exist_ok=True)
        write_atomically(folder / "gradient_norm.csv", text.getvalue().encode())

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds of this."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from a checkpoint."""
        self.rows = state_dict["rows"]
