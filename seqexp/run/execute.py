"""run(): one configuration becomes one folder and one Record."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import numpy.typing as npt
import torch
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from rich.console import Console
from rich.logging import RichHandler
from torch import Tensor

from seqexp import figures, provenance, resume
from seqexp.baselines import baselines
from seqexp.board import Board
from seqexp.build import Parts, build
from seqexp.data.module import Split
from seqexp.groups import Groups, threads
from seqexp.model import Model
from seqexp.record import RESULT, Record, RecordError, is_plain, write_curves, write_predictions
from seqexp.schema import CONF, ConfigError, explain, known_keys
from seqexp.statistics import mean_interval
from seqexp.training import BoardWriter, Checkpoints, EpochBar, Selection

log = logging.getLogger(__name__)


def run(overrides: Sequence[str] = (), folder: Path | str | None = None) -> Record:
    """Runs one configuration from Python, as the command line would.

    Args:
        overrides: as on the command line, such as `["cell=lstm", "data=sine", "num_seeds=5"]`.
        folder: where the results go; a fresh folder under `outputs/` where None.

    Returns:
        What is also in the folder's `result.json`.

    Raises:
        ConfigError: the configuration cannot be run; nothing was written.
    """
    with initialize_config_dir(str(CONF), version_base="1.3"):
        try:
            config = compose("config", list(overrides), return_hydra_config=True)
        except Exception as error:
            raise explain(error, known_keys) or error from None
    place = Path(folder if folder is not None else config.hydra.run.dir)
    hydra = config.hydra
    with open_dict(config):
        del config["hydra"]
    build(config)
    check_folder(place)
    for name, node in (("config", config), ("hydra", hydra), ("overrides", hydra.overrides.task)):
        (place / ".hydra").mkdir(parents=True, exist_ok=True)
        OmegaConf.save(node, place / ".hydra" / f"{name}.yaml")
    return execute(config, hydra, place)


def run_in_hydra(config: DictConfig) -> Record:
    """Runs the configuration of the present Hydra job, in that job's folder."""
    hydra = HydraConfig.get()
    return execute(config, OmegaConf.structured(hydra), Path(hydra.runtime.output_dir))


def run_in_sweep(config: DictConfig) -> Record | None:
    """Runs what is missing of the present job of a multirun, from its last checkpoint where there is one.

    Returns:
        The record; None where finished runs have all its seeds already.

    Raises:
        ConfigError: another process is at work in the folder.
    """
    hydra = HydraConfig.get()
    folder = Path(hydra.runtime.output_dir)
    with resume.taken(folder) as ours:
        if not ours:
            raise ConfigError(f"{folder}: another process is at work on this run ({resume.holder(folder)})")
        wanted = resume.Claim.of(config)
        left = resume.missing(Path(hydra.sweep.dir), wanted)
        if not left:
            if {path.name for path in folder.iterdir()} <= {".hydra", resume.LOCK}:
                shutil.rmtree(folder)  # another folder has the seeds; Hydra has just made this one
            return None
        with open_dict(config):
            config.seed, config.num_seeds = left.start, len(left)
        return execute(config, OmegaConf.structured(hydra), folder, go_on=True)


def is_elsewhere(hydra: DictConfig) -> bool:
    """Whether a multirun's runs are done by other processes than the one that was started; `hydra` is that node."""
    return hydra.mode is RunMode.MULTIRUN and not str(hydra.launcher._target_).endswith("BasicLauncher")


def execute(config: DictConfig, hydra: DictConfig, folder: Path, go_on: bool = False) -> Record:
    """Trains, scores and records one configuration.

    Args:
        config: the composed configuration, without its `hydra` node.
        hydra: that node: which files were chosen, and by what command line.
        folder: an existing folder that holds no run.
        go_on: the folder may hold an unfinished or failed attempt; training goes on from its last checkpoint.

    Returns:
        The record, which has been written.

    Raises:
        ConfigError: the configuration cannot be run, or the folder is taken.
    """
    parts = build(config)
    claim = resume.Claim.of(config)
    choices = {group: str(hydra.runtime.choices[group]) for group in ("data", "cell", "optimizer")}
    record = Record(
        status="failed",
        data=choices["data"],
        cell=choices["cell"],
        seeds=list(parts.data.seeds),
        num_parameters=parts.training.model.num_parameters,
        matched=parts.matched,
        config=parts.settings,
        overrides=list(hydra.overrides.task),
        fingerprint=provenance.fingerprint(parts.settings),
        versions=provenance.versions(),
        git=provenance.git(),
        device="",  # not known before training
    )
    # Bars of runs side by side would overwrite each other.
    console = Console(stderr=True, force_terminal=False if is_elsewhere(hydra) else None)
    if go_on and resume.Claim.read(folder) != claim:
        resume.clear(folder)
    with _logging(folder, console, go_on):
        claim.write(folder)
        try:
            record = _train(parts, record, claim, choices["optimizer"], folder, console)
        except Exception as error:
            log.info("failed", exc_info=True)
            failed = {"type": type(error).__name__, "message": str(error)}
            replace(record, error=failed).write(folder)
            raise
        record.write(folder)
        log.info(report(record))
    return record


def _train(parts: Parts, record: Record, claim: resume.Claim, optimizer: str, folder: Path, console: Console) -> Record:
    """Fits, selects and tests; writes everything but `result.json`, and returns what belongs there."""
    data, training = parts.data, parts.training
    selection = Selection(training, data.seeds, parts.settings["early_stopping"]["patience"])
    checkpoints = Checkpoints(folder / "checkpoints", parts.settings["checkpoint"]["every_seconds"], asdict(claim))
    start = checkpoints.usable()
    if start is None:
        resume.clear(folder)
    resume.forget_events(folder)
    with Board(folder) as board:
        callbacks: list[pl.Callback] = [selection, BoardWriter(board, selection), checkpoints]
        if parts.settings["trainer"].get("enable_progress_bar"):
            callbacks.append(EpochBar(f"{record.cell} on {record.data}", console, selection))
        trainer = parts.make_trainer(callbacks, str(folder))
        data.trainer = trainer
        data.setup()
        board.start(_hparams(parts, record, optimizer))
        with limit_threads(parts), interruptible():
            checkpoints.start = time.perf_counter()
            trainer.fit(training, datamodule=data, ckpt_path=start, weights_only=True)
            seconds = checkpoints.seconds
            trainer.test(training, datamodule=data, verbose=False)
        predictions = torch.cat(training.predictions, dim=1)  # (S, N, O)
        test = data.splits["test"].first(predictions.shape[1])
        test_mse = (predictions.double() - test.targets.double()).square().mean((1, 2))  # (S, N, O) -> (S,)
        scores = {name: _list(row) for name, row in baselines(data.splits["train"], test, data.task.forecasts).items()}
        final = {"test/mse": _array(test_mse)}
        if selection.validated:
            final["selected/val_mse"] = _array(selection.best_mse)
        board.scores(final, trainer.current_epoch)
        _draw(board, training.groups, data.task.forecasts, test, predictions)
    history = {name: _array(torch.stack(rows)) for name, rows in selection.history.items()}  # (E, S)
    write_curves(folder, data.seeds, history)
    write_predictions(folder, seeds=np.array(data.seeds), targets=_array(test.targets), predictions=_array(predictions))
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
    """Lightning answers Ctrl-C by leaving the program, deaf to a second one; this makes it an ordinary Ctrl-C again."""
    try:
        yield
    except SystemExit as end:
        if not isinstance(end.__context__, KeyboardInterrupt):  # a launcher that queues the run again, say
            raise
        signal.signal(signal.SIGINT, signal.default_int_handler)
        raise KeyboardInterrupt from None


def _hparams(parts: Parts, record: Record, optimizer: str) -> dict[str, bool | str | float]:
    """The run's row in TensorBoard's HPARAMS: the same keys in every run."""
    cell, data = parts.training.model.cell, parts.data
    return {
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


def _draw(board: Board, groups: Groups, forecasts: bool, test: Split, predictions: Tensor) -> None:
    """Shows what the population predicts: on the first seed's series if it is a forecast, else for all seeds."""
    finite = predictions.isfinite().flatten(1).all(1)  # (S,): a seed that diverged has no picture
    if not finite.any():
        return
    if not forecasts:
        targets = _array(test.targets[finite, :, 0])
        board.picture("predictions", figures.agreement(targets, _array(predictions[finite, :, 0])))
        return
    num_seeds, parameter = groups.model.num_seeds, next(groups.model.parameters())
    series = Split(test.inputs[:1].to(parameter), test.targets[:1], None).evaluation_batches(num_seeds)
    pieces = [groups.predict(inputs.expand(num_seeds, -1, -1, -1)) for inputs, _ in series]  # all read the same series
    forecast = _array(torch.cat(pieces, dim=1)[finite, :, 0])  # (S, N)
    low, high = np.percentile(forecast, [2.5, 97.5], axis=0)
    board.picture(
        "forecast",
        figures.forecast(
            target=_array(test.targets[0, :, 0]),
            mean=np.mean(forecast, axis=0),
            low=low,
            high=high,
            persistence=_array(test.inputs[0, :, -1, 0]),
            title=f"test split of the first seed's series, {len(forecast)} seed{'s' * (len(forecast) > 1)}",
        ),
    )


def report(record: Record, folder: Path | None = None) -> str:
    """Says in one line what came out of a run."""
    interval = mean_interval(record.test_mse)
    margin = "" if math.isnan(interval.half_width) else f" ± {interval.half_width:.2g}"
    all_seeds, finite = len(record.seeds), int(np.isfinite(record.test_mse).sum())
    count = f"{finite} of {all_seeds}" if finite < all_seeds else str(all_seeds)
    score = f"test MSE {interval.mean:.4g}{margin}" if finite else "no test MSE"
    parts = [f"{record.cell} on {record.data}", f"{score} ({count} seed{'s' * (all_seeds > 1)})"]
    for name, row in record.baselines.items():
        if row is not None:
            parts.append(f"{name} {np.mean(row):.4g}")
    if record.matched is not None:
        size = f"{record.config['cell']['hidden_size']} units, {record.num_parameters:,} parameters"
        parts.append(f"{size} (asked for {record.matched:,}, {record.num_parameters / record.matched - 1:+.1%})")
    if record.diverged:
        parts.append("diverged: seed " + ", ".join(str(seed) for seed in record.diverged))
    parts.append(f"{record.train_seconds:.1f} s")
    return " · ".join(parts) + (f" → {folder}" if folder is not None else "")


def check_folder(folder: Path) -> None:
    """Refuses a folder that belongs to another run, that links lead out of, or that cannot be written to.

    Raises:
        ConfigError: which of these it is.
    """
    resume.refuse_links(folder)
    if (folder / RESULT).exists() or (folder / "seqexp.log").exists():
        raise ConfigError(f"{folder}: belongs to another run; choose another folder")
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise ConfigError(f"{folder}: no results can be written there ({error.strerror or error})") from None


@contextlib.contextmanager
def _logging(folder: Path, console: Console, go_on: bool) -> Iterator[None]:
    """Sends all logging and all warnings to `seqexp.log`, and seqexp's own warnings to the console as well.

    Creating that file is also how a run claims its folder: where it exists, another run has been. A run that goes on
    adds to it; then a lock is the claim.
    """
    if not go_on:
        check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        file = logging.FileHandler(folder / "seqexp.log", mode="a" if go_on else "x", encoding="utf-8")
    except FileExistsError:
        raise ConfigError(f"{folder}: belongs to another run; choose another folder") from None
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    screen = RichHandler(logging.WARNING, console, show_time=False, show_path=False, markup=False)
    logging.raiseExceptions = False  # a full disk shall end the run, not fill the console
    root, own = logging.getLogger(), logging.getLogger("seqexp")
    level = root.level
    root.addHandler(file)
    own.addHandler(screen)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.setLevel(level)
        own.removeHandler(screen)
        root.removeHandler(file)
        file.close()


def load(folder: Path | str, allowed_packages: Sequence[str] = ()) -> Model:
    """Loads the trained population of a run, with each seed's kept weights.

    Args:
        folder: the run's folder.
        allowed_packages: packages whose code you trust to be imported, beside seqexp, torch and lightning.
            What the run's own configuration says of that is not believed.

    Returns:
        The model; `to_torch(0)` is its first seed as ordinary torch modules.

    Raises:
        RecordError: there is no readable record, or no checkpoint of plain tensors.
        ConfigError: the recorded configuration names other code.
    """
    record = Record.read(Path(folder))
    if record.status != "done":
        raise RecordError(f"{folder}: the run failed, and left no model")
    if "${" in json.dumps(record.config):  # what was recorded had been resolved
        raise RecordError(f"{folder}: the recorded configuration refers to something outside it")
    config = OmegaConf.create({**record.config, "allowed_packages": list(allowed_packages)})
    config.trainer.accelerator = "cpu"  # wherever it was trained
    training = build(config).training
    path = Path(folder) / "checkpoints" / "best.ckpt"
    if not is_plain(path):
        raise RecordError(f"{path}: there is no such file, or a link")
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")["state_dict"]
        training.to(next(iter(state.values())).dtype).load_state_dict(state)
    except Exception as error:  # whatever a damaged file, or one that holds more than tensors, makes torch say
        raise RecordError(f"{path}: is not this run's checkpoint ({type(error).__name__})") from error
    return training.model


def _array(tensor: Tensor) -> npt.NDArray[Any]:
    values = tensor.detach().cpu()
    return (values.float() if values.dtype in (torch.bfloat16, torch.float16) else values).numpy()


def _list(row: Tensor | None) -> Any:
    return None if row is None else [float(value) for value in row.double().cpu()]
