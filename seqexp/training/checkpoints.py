"""The state of training on disk, and the weights that were kept."""

from __future__ import annotations

import hashlib
import json
import logging
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

import seqexp
from seqexp.record.files import is_plain, put
from seqexp.signals import Ending

log = logging.getLogger(__name__)

LONG_EPOCH_SECONDS = 5.0
"""An epoch that takes so long is saved at its end, so that a signal need not wait for the end of the next one."""

GRACE_SECONDS = 10.0
"""How long a signal waits at most for the end of an epoch whose predecessor is not saved; Slurm waits 30."""

VERSIONS = {"seqexp": seqexp.__version__, "torch": torch.__version__, "lightning": lightning.__version__}


class Checkpoints(Callback):
    """Leaves `last.ckpt`, the state of training, now and then and at the end, and `best.ckpt`, the kept weights.

    Training that goes on from `last.ckpt`, by Lightning's own `ckpt_path`, ends with the bits it would have had.
    A file is complete or not there.

    Where the program is told to end, training goes on to the end of the epoch and is saved. It ends at the next batch
    if the last epoch is saved already, as it is where epochs are long.

    Args:
        folder: where; it need not exist.
        every_seconds: how often the state is saved, at the end of an epoch.
        identity: what the training is and what it learns from, plain values; a checkpoint of another one is of no use.
        ending: knows whether the program is told to end.

    Attributes:
        seconds: that fit has taken so far, those before the checkpoint included.
    """

    def __init__(self, folder: Path, every_seconds: float, identity: dict[str, Any], ending: Ending) -> None:
        self.folder = folder
        self.every_seconds = every_seconds
        self.identity = identity
        self.ending = ending
        self.seconds_before = 0.0
        self.start = self.saved = self.epoch_end = time.perf_counter()
        self.up_to_date = True  # no epoch has ended that is not saved

    @property
    def seconds(self) -> float:
        """See the class."""
        return self.seconds_before + time.perf_counter() - self.start

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begins with a whole epoch, and listens to signals, which Lightning has just taken for itself."""
        # With max_steps, Lightning takes every checkpoint for one amid an epoch, and would go through its end again.
        trainer.fit_loop._restarting = trainer.fit_loop.epoch_loop.restarting = False
        self.ending.listen()
        self.epoch_end = time.perf_counter()

    def on_train_batch_end(self, *args: Any) -> None:
        """Ends training if it has been told to, and the last epoch is saved or the present one takes too long."""
        if self.ending.received is not None and (self.up_to_date or self.ending.seconds > GRACE_SECONDS):
            self.ending.check()

    def on_validation_batch_end(self, *args: Any) -> None:
        """The same."""
        self.on_train_batch_end()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves the state of training if it is time; to stand after all callbacks that have a state."""
        now = time.perf_counter()
        long, self.epoch_end = now - self.epoch_end >= LONG_EPOCH_SECONDS, now
        self.up_to_date = long or now - self.saved >= self.every_seconds or self.ending.received is not None
        if self.up_to_date:
            self._save(trainer, "last.ckpt")
            self.saved = time.perf_counter()
        self.ending.check()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves the state of training."""
        self._save(trainer, "last.ckpt")

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves the kept weights, which the model holds by now."""
        self._save(trainer, "best.ckpt", weights_only=True)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds of this."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from a checkpoint."""
        self.seconds_before = state_dict["seconds"]

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Notes that the checkpoint's epoch is complete, which Lightning does only after it has been saved."""
        for count in checkpoint["loops"]["fit_loop"]["epoch_progress"].values():
            count["completed"] = count["processed"]

    def usable(self) -> Path | None:
        """The folder's `last.ckpt`, if every byte is what these versions have written for this training."""
        path = self.folder / "last.ckpt"
        if not path.exists():
            return None
        try:
            if not is_plain(path):
                raise ValueError("it is no ordinary file")
            with zipfile.ZipFile(path) as archive:
                if broken := archive.testzip():  # torch itself does not look whether the bytes are still those
                    raise ValueError(f"{broken} is damaged")
                if archive.comment != self._seal(archive):
                    raise ValueError(
                        "another training, one on other data, other versions or another program has written it"
                    )
        except Exception as error:  # whatever a damaged file makes zipfile say
            log.warning("%s cannot be gone on from, so training begins anew: %s", path, error)
            return None
        return path

    def keep(self, module: LightningModule) -> None:
        """Saves the weights of a module that no Trainer has fitted, where `on_fit_end` saves those of one."""
        self._write("best.ckpt", lambda part: torch.save({"state_dict": module.state_dict()}, part))

    def _save(self, trainer: Trainer, name: str, weights_only: bool = False) -> None:
        self._write(name, lambda part: trainer.save_checkpoint(part, weights_only=weights_only))

    def _write(self, name: str, save: Callable[[Path], None]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f".{name}.part"
        save(part)
        with zipfile.ZipFile(part, "a") as archive:
            archive.comment = self._seal(archive)
        put(part, self.folder / name)

    def _seal(self, archive: zipfile.ZipFile) -> bytes:
        """A digest of what the training is, of the versions, and of the archive's content by its checksums."""
        content = [(each.filename, each.file_size, each.CRC) for each in archive.infolist()]
        known = json.dumps([self.identity, VERSIONS, content], sort_keys=True)
        return hashlib.sha256(known.encode()).hexdigest().encode()
