"""Trains, selects and tests one population."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.utilities.exceptions import SIGTERMException
from rich.console import Console
from torch import Tensor

from seqexp import baselines
from seqexp.config.mistakes import ConfigError
from seqexp.data.evaluations import TEST
from seqexp.data.guesses import Guess
from seqexp.data.module import VAL
from seqexp.data.shape import Classes
from seqexp.data.split import Split
from seqexp.record import claim, provenance, tidy
from seqexp.record.arrays import write_curves, write_predictions
from seqexp.record.record import Record, with_reasons
from seqexp.run import pictures, targets
from seqexp.run.build import Parts
from seqexp.run.columns import columns
from seqexp.run.diagnose import Measurements
from seqexp.run.loggers import Loggers, Place
from seqexp.run.pictures import as_array, classes_of_steps
from seqexp.run.trainer import settings_of_the_process_kept
from seqexp.run.way import keepers
from seqexp.show.board import KEPT, SIZES, Board, Curves
from seqexp.show.console import say
from seqexp.signals import Ending, Terminated
from seqexp.training.checkpoints import Checkpoints
from seqexp.training.groups import threads
from seqexp.training.keeper import Selection
from seqexp.training.screen import on_screen
from seqexp.training.solve import Solved, solve_readout
from seqexp.training.writers import BoardWriter, Flusher, Measured, NumbersWriter, RateWriter, Sink

log = logging.getLogger(__name__)

Learnt = Selection | Solved
"""What training leaves behind, or solving."""

CURVES = {"train": "train_{}_running", "val": "val_{}"}
"""Columns of `curves.csv`, by metric. The training score there is the mean over an epoch's batches, each at the weights
of its turn and with dropout; the record's is at the kept weights and without."""


def fit(
    parts: Parts,
    guesses: Mapping[str, Mapping[str, Guess]],
    record: Record,
    claim: claim.Claim,
    optimizer: str,
    place: Place,
    console: Console,
    beside: bool,
) -> Record:
    """Fits, selects and tests; writes everything but `result.json`, and returns what belongs there."""
    folder = place.folder
    data, training = parts.data, parts.training
    _say(training.model.cell.remark())
    checkpoints, start = _checkpoints(parts, claim, folder)
    tidy.forget_events(folder)
    with settings_of_the_process_kept(), Board(folder) as board, Loggers(parts.loggers, place) as loggers:
        measurements = Measurements(parts.diagnostics, parts.shown["diagnostic"], data)
        selection = Selection(training, data.seeds, parts.settings["early_stopping"]["patience"])
        keeps, remark = keepers(parts, folder)
        _say(remark)
        title, solves = f"{record.cell} on {record.data}", bool(training.model.cell.penalties)
        callbacks: list[pl.Callback] = []
        if not solves:
            screen = on_screen(title, folder, selection, console, parts.settings, beside)
            callbacks = _callbacks(parts, selection, screen, [*keeps, checkpoints], board, loggers)
        data.trainer = trainer = parts.make_trainer(callbacks, str(folder))
        data.setup()
        curves = Curves(record.data, training.score.name, training.score.label, data.has_val)
        board.start(columns(parts, record, place.alike), curves, place.sweep is None)
        loggers.start(record, optimizer)
        measurements.measure("start", training.model, training.score)
        seconds, learnt = (
            _solve(parts, checkpoints) if solves else _train(parts, trainer, checkpoints, start, selection)
        )
        predictions = torch.cat(training.predictions, dim=1)  # (S, N, O) or (S, N, T, O)
        test = data.splits["test"].first(predictions.shape[1])
        scores = _scores(parts, learnt, test, predictions)
        epochs, steps = len(learnt.history["train"]), trainer.global_step
        sizes = {"epochs": epochs, "num_parameters": record.num_parameters, "steps": steps}
        _show_kept(board, scores, training.score.name, sizes, trainer.current_epoch)
        forecast = pictures.predicted(board, folder, parts, guesses[TEST], test, predictions, title, record.cell)
        pictures.learnt(folder, parts, learnt.history, title, record.cell)
        measurements.measure("end", training.model, training.score)
        measurements.measure_steps(folder, training.model, training.score)
        measurements.write(folder, record.cell, board)
        record = replace(
            record,
            status="done",
            metric=training.score.name,
            metric_label=training.score.label,
            metric_unit=training.score.unit,
            scores=scores,
            **_baselines(parts, guesses, test),
            solved=_steps(learnt.solved),
            diverged=[seed for seed, flag in zip(data.seeds, learnt.diverged.tolist(), strict=True) if flag],
            best_epoch=learnt.best_epoch.tolist(),
            penalty=learnt.penalties if isinstance(learnt, Solved) else None,
            epochs=epochs,
            steps=steps,
            train_seconds=seconds,
            diagnostic_seconds=measurements.seconds,
            device=provenance.device_name(trainer.strategy.root_device),
        )
        loggers.finish(record)
    _write_arrays(folder, parts, learnt, test, predictions, forecast)
    return record


_said: set[str] = set()
"""What cells have remarked in this process: a sweep says it once on the screen, and in the log of each run."""


def _say(remark: str | None) -> None:
    if remark is None:
        return
    log.info(remark)
    if remark not in _said:
        _said.add(remark)
        say(sys.stderr, remark)


def _write_arrays(
    folder: Path, parts: Parts, learnt: Learnt, test: Split, predictions: Tensor, forecast: Mapping[str, Any]
) -> None:
    """Writes the curves, where there are any, and what was to be predicted with what was."""
    seeds, metric = parts.data.seeds, parts.training.score.name
    if learnt.history["train"]:
        history = {part: as_array(torch.stack(list(rows))) for part, rows in learnt.history.items()}  # (E, S)
        write_curves(folder, seeds, {CURVES[part].format(metric): rows for part, rows in history.items()})
    if parts.data.task.reads == "steps" and isinstance(parts.data.task.targets, Classes):
        arrays = classes_of_steps(test.targets, predictions)
    else:
        arrays = {"targets": as_array(test.targets), "predictions": as_array(predictions)}
        if test.weight is not None:
            arrays["weight"] = as_array(test.weight)
    write_predictions(folder, seeds=np.array(seeds), **arrays, **forecast)


def _callbacks(
    parts: Parts,
    selection: Selection,
    screen: list[pl.Callback],
    checkpoints: list[pl.Callback],
    board: Board,
    loggers: Loggers,
) -> list[pl.Callback]:
    """What watches training; checkpoints come last: they end what has been told to end."""
    sinks: list[Sink] = [board, loggers] if parts.loggers else [board]
    rates = [] if parts.training.schedule is None else [RateWriter(sinks)]
    writers = [BoardWriter(each, selection) for each in sinks]
    numbers = [NumbersWriter(each, sinks) for each in parts.callbacks.values() if isinstance(each, Measured)]
    flusher = Flusher(loggers.flush)
    return [selection, *writers, *rates, *parts.callbacks.values(), *numbers, flusher, *screen, *checkpoints]


def _show_kept(
    board: Board, scores: Mapping[str, Mapping[str, list[float]]], metric: str, sizes: Mapping[str, float], step: int
) -> None:
    """Shows the scores of the kept weights: as the end of the curves, and as what HPARAMS compares runs by."""
    board.scores({f"test/{metric}": scores["test"][metric]}, step)
    board.scores({KEPT[part]: scores[part][metric] for part in KEPT if part in scores}, step)
    for name, tag in SIZES.items():
        board.value(tag, sizes[name], step)


def _checkpoints(parts: Parts, claim: claim.Claim, folder: Path) -> tuple[Checkpoints, Path | None]:
    """What saves the state of training, and the saved one to go on from; without it the folder is cleared."""
    every, ending = parts.settings["checkpoint"]["every_seconds"], Ending(at_once=False)
    identity = {**claim.values(), "data": [learnt for learnt, _ in parts.data.data_hash]}
    checkpoints = Checkpoints(folder / "checkpoints", every, identity, ending)
    start = checkpoints.usable()
    if start is None:
        tidy.clear(folder)
    return checkpoints, start


def _train(
    parts: Parts, trainer: pl.Trainer, checkpoints: Checkpoints, start: Path | None, selection: Selection
) -> tuple[float, Learnt]:
    """Trains, has the test split predicted, and returns the wall time of training in seconds, and what came out."""
    with limit_threads(parts), interruptible():
        checkpoints.start = time.perf_counter()
        try:
            with checkpoints.ending:
                trainer.fit(parts.training, datamodule=parts.data, ckpt_path=start, weights_only=True)
        except MisconfigurationException as error:  # of which nothing was to be seen before
            raise ConfigError(f"trainer: {error}") from error
        seconds = checkpoints.seconds
        trainer.test(parts.training, datamodule=parts.data, verbose=False)
    if not selection.history["train"]:
        raise ConfigError("training ended before its first epoch: a callback stopped it, and nothing can be scored")
    return seconds, selection


def _solve(parts: Parts, checkpoints: Checkpoints) -> tuple[float, Learnt]:
    """The same where the readout is solved, and there is nothing to go on from."""
    training, data = parts.training, parts.data
    with limit_threads(parts):
        solved, seconds = solve_readout(training, data)
        training.predict(data.test_dataloader(), data.batches_left("test"))
    checkpoints.keep(training)
    return seconds, solved


def _steps(solved: Tensor | None) -> list[int | None] | None:
    """The step at which each seed met the task's criterion, as a record has it."""
    return None if solved is None else [step if step >= 0 else None for step in solved.tolist()]


def _baselines(parts: Parts, guesses: Mapping[str, Mapping[str, Guess]], test: Split) -> dict[str, Any]:
    """What a record says of guesses: their scores on each part of the data, and why some were left out."""
    splits = {**parts.data.evaluations, TEST: test} | ({VAL: parts.data.splits[VAL]} if VAL in guesses else {})
    scored = {name: listed(baselines.score(guesses[name], each, parts.training.score)) for name, each in splits.items()}
    left_out = baselines.left_out(guesses[TEST])
    for name in parts.data.evaluations:
        left_out = with_reasons(left_out, name, baselines.left_out(guesses[name]))
    for name, place in targets.places(parts.data.task, list(splits)).items():
        own, guessed = targets.alone(place, test, guesses[TEST])
        scored[name] = listed(baselines.score(guessed, own, parts.training.score))
    found = {"baselines": scored.pop(TEST), "validation_baselines": scored.pop(VAL, {})}
    return {**found, "evaluation_baselines": scored, "left_out": left_out}


def _scores(parts: Parts, learnt: Learnt, test: Split, predictions: Tensor) -> dict[str, dict[str, list[float]]]:
    """The scores of every part of the data at the kept weights, by part and metric, with what is shown beside them."""
    training, score = parts.training, parts.training.score
    found = {"train": learnt.train}
    if learnt.validated:
        shows_more = len(learnt.train) > 1
        beside = training.measure(parts.data.splits["val"].evaluation_batches()) if shows_more else {}
        found["val"] = {**beside, score.name: learnt.best}
    whole = test.to(test.inputs.device, torch.float64)
    given = (predictions.double(), whole.targets, whole.weight)
    found["test"] = {score.name: score.value(*given), **score.shown(*given)}
    for name, split in parts.data.evaluations.items():
        found[name] = training.measure(split.evaluation_batches())
    for name, place in targets.places(parts.data.task, list(found)).items():
        given = (predictions[..., [place]].double(), whole.targets[..., [place]], whole.weight)
        found[name] = {score.name: score.value(*given), **score.shown(*given)}
    return {part: listed(rows) for part, rows in found.items()}


@contextlib.contextmanager
def limit_threads(parts: Parts) -> Iterator[None]:
    """Takes as many threads as the work of one step is worth."""
    data, before = parts.data, torch.get_num_threads()
    cost = parts.training.model.cell.cost(max(data.batch_rows("train")), data.splits["train"].inputs.shape[2])
    parts.training.groups.workers, shared = threads(len(data.seeds), cost.state, before)
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


def listed(rows: Mapping[str, Tensor | None]) -> dict[str, Any]:
    """Scores (S,) by name as a record holds them."""
    return {name: None if row is None else [float(value) for value in row.double().cpu()] for name, row in rows.items()}
