"""A training that was killed and goes on has the bits of one that nobody disturbed, however it ends."""

from __future__ import annotations

import functools
import json
import os
import random
import shutil
import signal
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Timer
from omegaconf import DictConfig

from seqexp.config.compose import CONF, without_hydra
from seqexp.data.sine import Sine
from seqexp.data.task import Sequences
from seqexp.record.record import Record
from seqexp.run.execute import execute
from seqexp.signals import Terminated
from seqexp.training import checkpoints
from seqexp.training.checkpoints import VERSIONS, Checkpoints
from seqexp.training.module import Training

TINY = (
    "num_seeds=2", "data.length=130", "data.batch_size=16", "trainer.enable_progress_bar=false", "cell.hidden_size=4",
    "optimizer.lr=0.05", "checkpoint.every_seconds=0",
)  # fmt: skip
"""Five batches an epoch, the last of them shorter."""


class Killed(BaseException):
    """Stands for kill -9: nothing in the package may catch it."""


@functools.cache
def composed(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", [*TINY, *overrides], return_hydra_config=True)


def train(folder: Path, *overrides: str) -> Record:
    """Trains, or goes on with what is in the folder, as a sweep does."""
    config, hydra = without_hydra(composed(*overrides)), composed(*overrides).hydra
    folder.mkdir(parents=True, exist_ok=True)
    return execute(config, hydra, folder, go_on=True)


def content(folder: Path) -> dict[str, Any]:
    """All that must not depend on an interruption."""
    record = asdict(Record.read(folder))
    with np.load(folder / "predictions.npz") as arrays:
        predictions = {name: arrays[name].tobytes() for name in arrays.files}
    found = {"curves": (folder / "curves.csv").read_text(), "predictions": predictions}
    found |= {path.name: path.read_text() for path in folder.glob("callbacks/*")}
    for name in ("scores", "solved", "best_epoch", "epochs", "steps", "diverged", "baselines"):
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
    with pytest.MonkeyPatch.context() as patch:
        kill(patch, number)
        with pytest.raises(Killed):
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
    "the norms of gradients": ["callback=[gradient_norm]"],
    "a schedule of epochs": ["scheduler=step", "scheduler.step_size=1"],
    "a schedule of steps": ["scheduler=cosine", "scheduler.interval=step", "scheduler.T_max=11"],
}


def agree(end: str, way: str) -> bool:
    """Patience needs a validation."""
    return not (way in ("no validation", "no validation wanted") and "patience" in end)


def paired(index: int, way: str) -> str:
    """An end for the way of this number: every end has its turn."""
    ends = [end for end in ENDS if agree(end, way)]
    return ends[index % len(ends)]


CHOSEN = {(paired(index, way), way) for index, way in enumerate(ON_THE_WAY)}
CHOSEN |= {("epochs", "a schedule of epochs"), ("steps amid an epoch", "a schedule of steps")}
CHOSEN |= {("epochs", "the norms of gradients")}
"""Every end and every way, not every pair: each case is more than a second."""


def test_every_end_and_every_way_is_tried() -> None:
    assert {end for end, _ in CHOSEN} == set(ENDS)
    assert {way for _, way in CHOSEN} == set(ON_THE_WAY)


@pytest.mark.parametrize(("end", "way"), sorted(CHOSEN))
def test_a_resumed_run_has_the_bits_of_an_undisturbed_one(tmp_path: Path, end: str, way: str) -> None:
    overrides = [*ENDS[end], *ON_THE_WAY[way]]
    saves = count_saves(tmp_path / "whole", *overrides)
    assert saves >= 3  # after an epoch, at the end, and the kept weights
    expected = content(tmp_path / "whole")
    chance = random.Random(f"{end} {way}")
    for number in {chance.randint(1, saves - 1), saves}:
        folder = tmp_path / f"killed{number}"
        disturb(folder, number, *overrides)
        if number < saves - 2:
            second = chance.randint(1, saves - number - 1)  # and once more
            disturb(folder, second, *overrides)
        train(folder, *overrides)
        assert content(folder) == expected, (number, overrides)


STREAMS = {
    "epochs": ["data=parity", "cell=lstm", "trainer.max_epochs=4"],
    "steps amid an epoch": ["data=adding", "cell=gru", "trainer.max_epochs=9", "trainer.max_steps=13"],
    "few of its batches": ["data=adding", "trainer.max_epochs=4", "trainer.limit_train_batches=2"],
}


@pytest.mark.parametrize("case", STREAMS)
def test_a_stream_goes_on_with_the_batches_that_are_next(tmp_path: Path, case: str) -> None:
    overrides = [*STREAMS[case], "data.length=8", "data.num_sequences=60", "data.steps_per_epoch=5"]
    saves = count_saves(tmp_path / "whole", *overrides)
    for number in (2, saves):  # amid training, and after its last validation
        folder = tmp_path / f"killed{number}"
        disturb(folder, number, *overrides)
        train(folder, *overrides)
        assert content(folder) == content(tmp_path / "whole"), number
    assert "Restored all states" in (folder / "seqexp.log").read_text()


def test_time_that_was_spent_counts(tmp_path: Path) -> None:
    """Nobody can repeat where a clock ends a training, but the epochs that two have in common are the same."""
    settings = ("trainer.max_time=00:00:00:02", "trainer.max_epochs=-1")
    disturb(tmp_path / "killed", 5, *settings)
    path = tmp_path / "killed" / "checkpoints" / "last.ckpt"
    saved = torch.load(path, weights_only=True)
    spent = saved["callbacks"]["Timer"]["time_elapsed"]["train"]
    assert spent > 0
    with pytest.MonkeyPatch.context() as patch:
        offsets: list[float] = []
        right = Timer.on_train_start
        patch.setattr(Timer, "on_train_start", lambda self, *a: (offsets.append(self.time_elapsed()), right(self, *a)))
        resumed = train(tmp_path / "killed", *settings)
    assert offsets == [spent]
    whole = train(tmp_path / "whole", *settings)
    rows = [(tmp_path / name / "curves.csv").read_text().splitlines() for name in ("whole", "killed")]
    common = 1 + 2 * (min(whole.epochs, resumed.epochs) - 1)  # the last epoch may have been cut short
    assert common > 9
    assert rows[0][:common] == rows[1][:common]


# ---------------------------------------------------------------- a checkpoint that does not fit


def change(path: Path, alter: Callable[[dict[str, Any]], object]) -> None:
    saved = torch.load(path, weights_only=True)
    alter(saved)
    torch.save(saved, path)


def other_versions(path: Path) -> None:
    """The file as another version of Lightning would have left it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(VERSIONS, "lightning", "2.0.0")
        shutil.rmtree(path.parent)
        disturb(path.parent.parent, 2, "trainer.max_epochs=3")


def other_data(name: str, sequence: int) -> Callable[[Path], None]:
    """Puts the checkpoint there that the same command leaves where one number of a seed's sample is another."""
    right = Sine.sample

    def sample(self: Sine, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        made = right(self, generator, count, length)
        changed = getattr(made, name).clone()
        changed[sequence] += 1
        return made._replace(**{name: changed})

    def put(path: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Sine, "sample", sample)
            shutil.rmtree(path.parent)
            disturb(path.parent.parent, 2, "trainer.max_epochs=3")

    return put


def parameters(saved: dict[str, Any]) -> dict[str, Any]:
    weights: dict[str, Any] = saved["state_dict"]
    return weights


MISFITS: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "noise": lambda path: path.write_bytes(path.read_bytes()[:2000] + b"?" + path.read_bytes()[2001:]),
    "of version 0.1, which seals nothing": lambda path: change(path, lambda saved: None),
    "no loops": lambda path: change(path, lambda saved: saved.pop("loops")),
    "no optimizer": lambda path: change(path, lambda saved: saved.pop("optimizer_states")),
    "no shuffling": lambda path: change(path, lambda saved: saved.pop("PopulationData")),
    "no selection": lambda path: change(path, lambda saved: saved["callbacks"].pop("Selection")),
    "a key more": lambda path: change(path, lambda saved: saved.update(more=1)),
    "other shapes": lambda path: change(
        path, lambda saved: parameters(saved).update({name: value[:1] for name, value in parameters(saved).items()})
    ),
    "other precision": lambda path: change(
        path, lambda saved: parameters(saved).update({name: value.half() for name, value in parameters(saved).items()})
    ),
    "another cell's": lambda path: (shutil.rmtree(path.parent), foreign(path, "cell=lstm")),
    "other seeds'": lambda path: (shutil.rmtree(path.parent), foreign(path, "seed=5")),
    "other versions'": other_versions,
    "other training inputs'": other_data("inputs", 0),
    "other training targets'": other_data("targets", 0),
    "other validation targets'": other_data("targets", 80),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


def foreign(path: Path, *overrides: str) -> None:
    """Puts the checkpoint of another training there."""
    other = path.parent.parent.with_name("other")
    disturb(other, 2, *overrides)
    path.parent.mkdir()
    shutil.copy(other / "checkpoints" / "last.ckpt", path)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("undisturbed")
    train(folder, "trainer.max_epochs=3")
    return content(folder)


@pytest.mark.parametrize("kind", MISFITS)
def test_a_checkpoint_that_does_not_fit_is_not_used_at_all(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], undisturbed: dict[str, Any], kind: str
) -> None:
    folder = tmp_path / "run"
    disturb(folder, 2, "trainer.max_epochs=3")
    MISFITS[kind](folder / "checkpoints" / "last.ckpt")
    capfd.readouterr()
    train(folder, "trainer.max_epochs=3")
    assert content(folder) == undisturbed
    said = " ".join(capfd.readouterr().err.split())
    assert said.count("training begins anew") == 1, said
    assert "training begins anew" in (folder / "seqexp.log").read_text()


@pytest.mark.parametrize("before", [lambda path: None, other_data("targets", -1)])  # the last is of the test split
def test_a_checkpoint_that_fits_is_used_without_a_word(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], before: Callable[[Path], None]
) -> None:
    disturb(tmp_path, 2, "trainer.max_epochs=3")
    before(tmp_path / "checkpoints" / "last.ckpt")
    capfd.readouterr()
    train(tmp_path, "trainer.max_epochs=3")
    assert capfd.readouterr().err == ""
    assert "Restored all states" in (tmp_path / "seqexp.log").read_text()


# ---------------------------------------------------------------- long epochs


@pytest.mark.parametrize(("threshold", "expected"), [(0.0, 4), (1e9, 1)])
def test_a_long_epoch_is_saved_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threshold: float, expected: int
) -> None:
    monkeypatch.setattr(checkpoints, "LONG_EPOCH_SECONDS", threshold)
    saves = count_saves(tmp_path, "trainer.max_epochs=3", "checkpoint.every_seconds=1000")
    assert saves == expected + 1  # the state and the kept weights at the end


@pytest.mark.parametrize("up_to_date", [True, False])
@pytest.mark.parametrize("late", [True, False])
def test_a_signal_waits_for_the_end_of_an_epoch_only_where_it_gains_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, up_to_date: bool, late: bool
) -> None:
    """The signal comes in the second batch of the third epoch."""
    monkeypatch.setattr(checkpoints, "LONG_EPOCH_SECONDS", 0.0 if up_to_date else 1e9)
    monkeypatch.setattr(checkpoints, "GRACE_SECONDS", -1.0 if late else 1e9)
    right, batches = Training.training_step, iter(range(1000))

    def training_step(self: Training, batch: Any, batch_idx: int) -> torch.Tensor:
        if next(batches) == 11:
            os.kill(os.getpid(), signal.SIGTERM)
        return right(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "training_step", training_step)
        with pytest.raises(Terminated):
            train(tmp_path, "trainer.max_epochs=5", "checkpoint.every_seconds=1000")
    at_once = up_to_date or late
    assert next(batches) == (12 if at_once else 15)
    path = tmp_path / "checkpoints" / "last.ckpt"
    assert path.exists() == (up_to_date or not late)
    if path.exists():
        assert torch.load(path, weights_only=True)["epoch"] == (1 if at_once else 2)
    train(tmp_path, "trainer.max_epochs=5")
    whole = tmp_path.with_name(f"{tmp_path.name}-whole")
    train(whole, "trainer.max_epochs=5")
    assert content(tmp_path) == content(whole)
