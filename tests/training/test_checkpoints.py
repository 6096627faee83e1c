"""A training that was killed and goes on has the bits of one that nobody disturbed, however it ends."""

from __future__ import annotations

import json
import logging
import random
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from lightning.pytorch import Trainer
from omegaconf import open_dict

from seqexp.config.compose import CONF
from seqexp.record.record import Record
from seqexp.run.execute import execute
from seqexp.training import checkpoints
from seqexp.training.checkpoints import Checkpoints

TINY = (
    "num_seeds=2", "data.length=130", "data.batch_size=16", "trainer.enable_progress_bar=false", "cell.hidden_size=4",
    "optimizer.lr=0.05", "checkpoint.every_seconds=0",
)  # fmt: skip
"""Five batches an epoch, the last of them shorter."""


class Killed(BaseException):
    """Stands for kill -9: nothing in the package may catch it."""


def train(folder: Path, *overrides: str) -> Record:
    """Trains, or goes on with what is in the folder, as a sweep does."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", [*TINY, *overrides], return_hydra_config=True)
    hydra = config.hydra
    with open_dict(config):
        del config["hydra"]
    folder.mkdir(parents=True, exist_ok=True)
    return execute(config, hydra, folder, go_on=True)


def content(folder: Path) -> dict[str, Any]:
    """All that must not depend on an interruption."""
    record = asdict(Record.read(folder))
    with np.load(folder / "predictions.npz") as arrays:
        predictions = {name: arrays[name].tobytes() for name in arrays.files}
    found = {"curves": (folder / "curves.csv").read_text(), "predictions": predictions}
    for name in ("train_mse", "val_mse", "test_mse", "best_epoch", "epochs", "steps", "diverged", "baselines"):
        found[name] = json.dumps(record[name])
    for name in ("best", "last"):
        saved = torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)
        found[name] = {key: value.numpy().tobytes() for key, value in saved["state_dict"].items()}
    return found


def kill(patch: pytest.MonkeyPatch, number: int) -> list[int]:
    """Lets the program die just after the nth save; returns a list that then holds n."""
    right, saves = Checkpoints._save, []

    def save(self: Checkpoints, trainer: Trainer, name: str, weights_only: bool = False) -> None:
        right(self, trainer, name, weights_only)
        saves.append(trainer.current_epoch)
        if len(saves) == number:
            raise Killed

    patch.setattr(Checkpoints, "_save", save)
    return saves


def count_saves(folder: Path, *overrides: str) -> int:
    """Trains undisturbed; returns how often that saved."""
    with pytest.MonkeyPatch.context() as patch:
        saves = kill(patch, -1)
        train(folder, *overrides)
    return len(saves)


def disturb(folder: Path, number: int, *overrides: str) -> None:
    """Trains until the nth save, and no further."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        kill(patch, number)
        train(folder, *overrides)


# ---------------------------------------------------------------- the ends of a training

ENDS = {
    "epochs": ["trainer.max_epochs=4"],
    "steps amid an epoch": ["trainer.max_steps=17"],
    "steps at an epoch's end": ["trainer.max_steps=15"],
    "steps before epochs": ["trainer.max_steps=13", "trainer.max_epochs=5"],
    "epochs before steps": ["trainer.max_steps=1000", "trainer.max_epochs=3"],
    "steps alone": ["trainer.max_steps=12", "trainer.max_epochs=-1"],
    "patience": ["early_stopping.patience=1", "optimizer.lr=0.5", "trainer.max_epochs=9"],
    "patience and steps": ["early_stopping.patience=1", "optimizer.lr=0.5", "trainer.max_steps=31"],
    "a short try": ["trainer.fast_dev_run=3"],
}

ON_THE_WAY = {
    "nothing": [],
    "two validations": ["trainer.val_check_interval=0.5"],
    "a validation each batch": ["trainer.val_check_interval=1"],
    "validations across epochs": ["trainer.check_val_every_n_epoch=null", "trainer.val_check_interval=7"],
    "every other epoch": ["trainer.check_val_every_n_epoch=2"],
    "a first look": ["trainer.num_sanity_val_steps=1"],
    "few batches": ["trainer.limit_train_batches=3"],
    "a share of the batches": ["trainer.limit_train_batches=0.7", "trainer.limit_test_batches=1"],
    "accumulation": ["trainer.accumulate_grad_batches=2"],
    "accumulation over all": ["trainer.accumulate_grad_batches=9"],
    "accumulation and validations": ["trainer.accumulate_grad_batches=3", "trainer.val_check_interval=2"],
    "the same batches": ["trainer.overfit_batches=2"],
    "new loaders": ["trainer.reload_dataloaders_every_n_epochs=2"],
    "at least so many epochs": ["trainer.min_epochs=3"],
    "at least so many steps": ["trainer.min_steps=13"],
    "no validation": ["data.val_fraction=0"],
    "no validation wanted": ["trainer.limit_val_batches=0"],
    "dropout": ["cell.num_layers=2", "cell.dropout=0.3"],
    "momentum": ["optimizer=sgd", "optimizer.momentum=0.9", "trainer.gradient_clip_val=0.1"],
    "double precision": ["trainer.precision=64-true"],
}


def combined(end: str, way: str) -> list[str]:
    """The settings of both, or of the first alone where the two contradict each other."""
    if way in ("no validation", "no validation wanted") and "patience" in end:
        return ENDS[end]
    return [*ENDS[end], *ON_THE_WAY[way]]


PAIRS = [(end, way) for end in ENDS for way in ON_THE_WAY]
CHOSEN = {*random.Random(0).sample(PAIRS, 30), *((end, "nothing") for end in ENDS)}
"""Of all pairs; each case is some tenths of a second. The other seeds have been tried, too."""


@pytest.mark.parametrize(("end", "way"), sorted(CHOSEN))
def test_a_resumed_run_has_the_bits_of_an_undisturbed_one(tmp_path: Path, end: str, way: str) -> None:
    overrides = combined(end, way)
    saves = count_saves(tmp_path / "whole", *overrides)
    assert saves >= 3  # after an epoch, at the end, and the kept weights
    expected = content(tmp_path / "whole")
    chance = random.Random(f"{end} {way}")
    for number in {1, chance.randint(1, saves), saves}:
        folder = tmp_path / f"killed{number}"
        disturb(folder, number, *overrides)
        if number < saves - 2:
            second = chance.randint(1, saves - number - 1)  # and once more
            disturb(folder, second, *overrides)
        train(folder, *overrides)
        assert content(folder) == expected, (number, overrides)
