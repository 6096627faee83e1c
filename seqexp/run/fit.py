"""Trains, selects and tests one population."""

from __future__ import annotations

import contextlib
import math
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import numpy.typing as npt
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.utilities.exceptions import SIGTERMException
from rich.console import Console
from torch import Tensor

from seqexp import baselines
from seqexp.config.mistakes import ConfigError
from seqexp.data.split import Split
from seqexp.record import claim, provenance, tidy
from seqexp.record.arrays import write_curves, write_predictions
from seqexp.record.record import Record
from seqexp.run.build import Parts
from seqexp.run.trainer import settings_of_the_process_kept
from seqexp.show import figures
from seqexp.show.board import Board
from seqexp.signals import Ending, Terminated
from seqexp.training.checkpoints import Checkpoints
from seqexp.training.groups import Groups, threads
from seqexp.training.keeper import Selection
from seqexp.training.screen import BoardWriter, EpochBar

CURVES = {"train_mse": "train_mse_running", "val_mse": "val_mse"}
"""Columns of `curves.csv`. The training MSE there is the mean over an epoch's batches, each at the weights of its turn
and with dropout; the record's `train_mse` is at the kept weights and without."""


def fit(
    parts: Parts,
    guesses: Mapping[str, Tensor | None],
    record: Record,
    claim: claim.Claim,
    optimizer: str,
    folder: Path,
    console: Console,
) -> Record:
    """Fits, selects and tests; writes everything but `result.json`, and returns what belongs there."""
    data, training = parts.data, parts.training
    selection = Selection(training, data.seeds, parts.settings["early_stopping"]["patience"])
    every, ending = parts.settings["checkpoint"]["every_seconds"], Ending(at_once=False)
    identity = {**claim.values(), "data": [learnt for learnt, _ in data.data_hash]}
    checkpoints = Checkpoints(folder / "checkpoints", every, identity, ending)
    start = checkpoints.usable()
    if start is None:
        tidy.clear(folder)
    tidy.forget_events(folder)
    with settings_of_the_process_kept(), Board(folder) as board:
        callbacks: list[pl.Callback] = [selection, BoardWriter(board, selection), checkpoints]
        if parts.settings["trainer"].get("enable_progress_bar"):
            callbacks.append(EpochBar(f"{record.cell} on {record.data}", console, selection))
        trainer = parts.make_trainer(callbacks, str(folder))
        data.trainer = trainer
        data.setup()
        board.start(_hparams(parts, record, optimizer))
        with limit_threads(parts), interruptible():
            checkpoints.start = time.perf_counter()
            try:
                with ending:
                    trainer.fit(training, datamodule=data, ckpt_path=start, weights_only=True)
            except MisconfigurationException as error:  # of which nothing was to be seen before
                raise ConfigError(f"trainer: {error}") from error
            seconds = checkpoints.seconds
            trainer.test(training, datamodule=data, verbose=False)
        predictions = torch.cat(training.predictions, dim=1)  # (S, N, O)
        test = data.splits["test"].first(predictions.shape[1])
        test_mse = (predictions.double() - test.targets.double()).square().mean((1, 2))  # (S, N, O) -> (S,)
        scores = {name: _list(row) for name, row in baselines.score(guesses, test).items()}
        final = {"test/mse": as_array(test_mse)}
        if selection.validated:
            final["selected/val_mse"] = as_array(selection.best_mse)
        board.scores(final, trainer.current_epoch)
        _draw(board, training.groups, data.task.forecasts, test, predictions)
    curves = {CURVES[name]: as_array(torch.stack(rows)) for name, rows in selection.history.items()}  # (E, S)
    write_curves(folder, data.seeds, curves)
    write_predictions(
        folder, seeds=np.array(data.seeds), targets=as_array(test.targets), predictions=as_array(predictions)
    )
    return replace(
        record,
        status="done",
        train_mse=_list(selection.train_mse),
        val_mse=_list(selection.best_mse) if selection.validated else None,
        test_mse=_list(test_mse),
        baselines=scores,
        diverged=[seed for seed, flag in zip(data.seeds, selection.diverged.tolist(), strict=True) if flag],
        best_epoch=selection.best_epoch.tolist(),
        epochs=len(selection.history["train_mse"]),
        steps=trainer.global_step,
        train_seconds=seconds,
        device=provenance.device_name(trainer.strategy.root_device),
    )


@contextlib.contextmanager
def limit_threads(parts: Parts) -> Iterator[None]:
    """Takes as many threads as the work of one step is worth."""
    data, before = parts.data, torch.get_num_threads()
    state = max(data.batch_rows("train")) * parts.training.model.cell.output_size
    parts.training.groups.workers, shared = threads(len(data.seeds), state, before)
    torch.set_num_threads(shared)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Lightning answers Ctrl-C by leaving the program, deaf to a second one; this makes it an ordinary Ctrl-C again.

    SIGTERM it answers by leaving with status 0, wherever nobody else listens; this gives it the right one.
    """
    before = signal.getsignal(signal.SIGINT) or signal.default_int_handler
    try:
        yield
    except SIGTERMException:
        raise Terminated(signal.SIGTERM) from None
    except SystemExit as end:
        if not isinstance(end.__context__, KeyboardInterrupt):  # a launcher that queues the run again, say
            raise
        signal.signal(signal.SIGINT, before)
        raise KeyboardInterrupt from None


def _hparams(parts: Parts, record: Record, optimizer: str) -> dict[str, bool | str | float]:
    """The run's row in TensorBoard's HPARAMS: the same keys in every run."""
    cell, data = parts.training.model.cell, parts.data
    columns: dict[str, Any] = {
        "data": record.data,
        "cell": record.cell,
        "optimizer": optimizer,
        "hidden_size": cell.hidden_size,
        "num_layers": cell.num_layers,
        "lr": float(parts.settings["optimizer"].get("lr", math.nan)),
        "batch_size": data.batch_size or data.splits["train"].inputs.shape[1],
        "max_epochs": int(parts.settings["trainer"].get("max_epochs") or 1000),
        "seed": record.seeds[0],
        "num_seeds": len(record.seeds),
        "num_parameters": record.num_parameters,
    }
    groups = {"cell": ("hidden_size", "num_layers"), "optimizer": ("lr",), "data": ("batch_size",)}
    for group, names in {**groups, "trainer": ("max_epochs",)}.items():
        shown, true = parts.shown[group], parts.settings[group]
        columns |= {name: shown[name] for name in names if shown.get(name) != true.get(name)}
    return columns


def _draw(board: Board, groups: Groups, forecasts: bool, test: Split, predictions: Tensor) -> None:
    """Shows what the population predicts: on the first seed's series if it is a forecast, else for all seeds."""
    finite = predictions.isfinite().flatten(1).all(1)  # (S,): a seed that diverged has no picture
    if not finite.any():
        return
    if not forecasts:
        targets = as_array(test.targets[finite, :, 0])
        board.picture("predictions", figures.agreement(targets, as_array(predictions[finite, :, 0])))
        return
    num_seeds, parameter = groups.model.num_seeds, next(groups.model.parameters())
    series = Split(test.inputs[:1].to(parameter), test.targets[:1], None).evaluation_batches(num_seeds)
    pieces = [groups.predict(inputs.expand(num_seeds, -1, -1, -1)) for inputs, _ in series]  # all read the same series
    forecast = as_array(torch.cat(pieces, dim=1)[finite, :, 0])  # (S, N)
    low, high = np.percentile(forecast, [2.5, 97.5], axis=0)
    board.picture(
        "forecast",
        figures.forecast(
            target=as_array(test.targets[0, :, 0]),
            mean=np.mean(forecast, axis=0),
            low=low,
            high=high,
            persistence=None if test.persistence is None else as_array(test.persistence[0, :, 0]),
            title=f"test split of the first seed's series, {len(forecast)} seed{'s' * (len(forecast) > 1)}",
        ),
    )


def as_array(tensor: Tensor) -> npt.NDArray[Any]:
    """A tensor's values where NumPy can hold them."""
    values = tensor.detach().cpu()
    return (values.float() if values.dtype in (torch.bfloat16, torch.float16) else values).numpy()


def _list(row: Tensor | None) -> Any:
    return None if row is None else [float(value) for value in row.double().cpu()]
