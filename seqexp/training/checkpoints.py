"""The state of training on disk, and the weights that were kept."""

from __future__ import annotations

import logging
import time
import zipfile
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from seqexp.record.files import put

log = logging.getLogger(__name__)


class Checkpoints(Callback):
    """Leaves `last.ckpt`, the state of training, now and then and at the end, and `best.ckpt`, the kept weights.

    Training that goes on from `last.ckpt`, by Lightning's own `ckpt_path`, ends with the bits it would have had.
    A file is complete or not there.

    Args:
        folder: where; it need not exist.
        every_seconds: how often the state is saved, at the end of an epoch.
        identity: what the training is, plain values; a checkpoint of another one is of no use.

    Attributes:
        seconds: that fit has taken so far, those before the checkpoint included.
    """

    def __init__(self, folder: Path, every_seconds: float, identity: dict[str, Any]) -> None:
        self.folder = folder
        self.every_seconds = every_seconds
        self.identity = identity
        self.seconds_before = 0.0
        self.start = self.saved = time.perf_counter()

    @property
    def seconds(self) -> float:
        """See the class."""
        return self.seconds_before + time.perf_counter() - self.start

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves the state of training if it is time; to stand after all callbacks that have a state."""
        if time.perf_counter() - self.saved >= self.every_seconds:
            self._save(trainer, "last.ckpt")
            self.saved = time.perf_counter()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves the state of training."""
        self._save(trainer, "last.ckpt")

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves the kept weights, which the model holds by now."""
        self._save(trainer, "best.ckpt", weights_only=True)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds of this."""
        return {"identity": self.identity, "seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from a checkpoint."""
        self.seconds_before = state_dict["seconds"]

    def usable(self) -> Path | None:
        """The folder's `last.ckpt`, if it is whole and of this training."""
        path = self.folder / "last.ckpt"
        try:
            with zipfile.ZipFile(path) as archive:
                if broken := archive.testzip():  # torch itself does not look whether the bytes are still those
                    raise zipfile.BadZipFile(f"{broken} is damaged")
            content = torch.load(path, weights_only=True, map_location="cpu")
            same = content["callbacks"][self.state_key]["identity"] == self.identity
        except Exception as error:  # whatever a damaged file makes torch say
            if path.exists():
                log.warning("%s cannot be read, so training starts anew: %s", path, type(error).__name__)
            return None
        return path if same else None

    def _save(self, trainer: Trainer, name: str, weights_only: bool = False) -> None:
        part = self.folder / f".{name}.part"
        trainer.save_checkpoint(part, weights_only=weights_only)
        put(part, self.folder / name)
