"""From a configuration to the objects that it describes."""

from __future__ import annotations

import contextlib
import copy
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, Trainer
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seqexp import baselines
from seqexp.config import SOURCE_SEEDS
from seqexp.config.compose import without_hydra
from seqexp.config.environment import masked
from seqexp.config.leaves import leaves
from seqexp.config.mistakes import ConfigError, refusing_too_large
from seqexp.config.schema import check
from seqexp.config.targets import make
from seqexp.data.evaluations import TEST
from seqexp.data.guesses import Guess
from seqexp.data.module import VAL, PopulationData
from seqexp.diagnostic.diagnostic import Diagnostic
from seqexp.record.claim import Claim
from seqexp.run import memory
from seqexp.run.callbacks import find_callbacks
from seqexp.run.diagnose import find_diagnostics
from seqexp.run.loggers import Maker, find_loggers
from seqexp.run.optimizer import find_optimizer
from seqexp.run.schedule import find_schedule, num_intervals
from seqexp.run.scores import find_score
from seqexp.run.size import Sizes, asks_match, check_lengths, make_model, match_size, unset_model
from seqexp.run.solvable import check_solvable
from seqexp.run.storable import check_squares, check_texts
from seqexp.run.task import SCORE, population_data
from seqexp.run.trainer import settings_of_the_process_kept, trainer_maker
from seqexp.run.way import steps_kept
from seqexp.run.weights import start_from
from seqexp.seeding import drawn_from
from seqexp.training.module import Training


@dataclass(frozen=True)
class Parts:
    """What one configuration describes.

    Attributes:
        settings: the configuration, checked, resolved and plain.
        shown: the same as a record shows it, without the values of environment variables.
        data: every seed's data.
        training: the population and its optimiser.
        make_trainer: called with callbacks and a folder; builds the Lightning Trainer.
        sizes: what the task asks of the model.
        matched: the number of parameters that the size of the cell was chosen to come close to, if it was.
        diagnostics: what is measured beside the scores, by name.
        loggers: what makes each logger beside TensorBoard, by name.
        callbacks: what else happens during training, by name.
        weights_at: the steps whose weights are kept, by `checkpoint.weights`; most runs keep none.
    """

    settings: dict[str, Any]
    shown: dict[str, Any]
    data: PopulationData
    training: Training
    make_trainer: Callable[[list[Callback], str], Trainer]
    sizes: Sizes
    matched: int | None
    diagnostics: dict[str, Diagnostic]
    loggers: dict[str, Maker]
    callbacks: dict[str, Callback]
    weights_at: Sequence[int] = ()

    def make_data(self, guessed: bool = True) -> dict[str, dict[str, Guess]]:
        """Makes every seed's data, which `build` leaves alone but for the first seed's, and the task's guesses.

        Args:
            guessed: False leaves the guesses out, of which some take longer than the data.

        Returns:
            What `baselines.guess` gives, for `test`, `val` where there is one, and each evaluation.

        Raises:
            ConfigError: the task does not keep its word, see `seqexp/data/check.py`, or a file cannot be read, or the
                cell cannot take sequences of unequal length.
        """
        with _naming_paths(self.settings):
            make("data", self.data.make, {})
            for split in (*self.data.splits.values(), *self.data.evaluations.values()):
                check_lengths(self.training.model.cell, split.lengths, split.steps)
            task, train, scaling = self.data.task, self.data.splits["train"], self.training.model.scaling
            if scaling is not None and task.scales is not None:
                scaling.fit(task.scales, task.rows(train), train)
            return make("data", self._guesses, {}) if guessed else {}

    def _guesses(self) -> dict[str, dict[str, Guess]]:
        data, train = self.data, self.data.splits["train"]
        names = (TEST, VAL) if data.has_val else (TEST,)
        found = {name: baselines.guess(data.task, train, data.splits[name]) for name in names}
        for name, split in data.evaluations.items():
            found[name] = baselines.guess(data.elsewhere[name][0], train, split)
        return found


class Ready(NamedTuple):
    """What a configuration describes, its data made, and the guesses by part of the data, see `Parts.make_data`."""

    parts: Parts
    guesses: dict[str, dict[str, Guess]]


def prepare(config: DictConfig) -> Ready:
    """Builds everything and makes all data, so that nothing that is wrong with a configuration is left to be found.

    Args:
        config: as for `build`.

    Raises:
        ConfigError: the first thing that is wrong.
    """
    parts = build(config)
    return Ready(parts, parts.make_data())


def build(config: DictConfig) -> Parts:
    """Builds everything that a run needs, and so finds everything that is wrong with its configuration.

    All data but the first seed's are left to `Parts.make_data`: many configurations may share them.

    Args:
        config: as Hydra composed it, without its `hydra` node.

    Raises:
        ConfigError: the first thing that is wrong.
    """
    settings = _resolve(config)
    with _naming_paths(settings):
        return _build(config, settings)


@contextlib.contextmanager
def _naming_paths(settings: dict[str, Any]) -> Iterator[None]:
    """Has what the system says of a file or folder name the setting of the data or the cell that holds its path.

    Raises:
        ConfigError: in place of an OSError about such a path.
    """
    try:
        yield
    except OSError as error:
        # NumPy says the path in its message only.
        path = os.fsdecode(error.filename) if error.filename is not None else str(error).removesuffix(" not found.")
        for group in ("data", "cell"):
            for key, value in leaves(settings[group], group):
                if value == path:
                    raise ConfigError(f"{key}={value}: {error.strerror or 'no such file'}") from error
        raise


def _build(config: DictConfig, settings: dict[str, Any]) -> Parts:
    allowed = settings["allowed_packages"]
    seeds = range(settings["seed"], settings["seed"] + settings["num_seeds"])
    data = population_data(settings, seeds)
    sizes = Sizes.of(data.task, settings["embedding_size"])
    check_texts(settings["data"], sizes.classes)
    score = find_score(settings["data"].get(SCORE), allowed, data.task)
    matched = match_size(settings["cell"], allowed, sizes)
    make_trainer = trainer_maker(settings["trainer"], allowed, data, settings["early_stopping"]["patience"] is not None)
    with settings_of_the_process_kept():
        trainer = make_trainer([], ".")
    for name, count in (("devices", trainer.num_devices), ("num_nodes", trainer.num_nodes)):
        if count != 1:
            asked = settings["trainer"].get(name)
            raise ConfigError(f"trainer.{name} must be 1: a population lives on one device, got {asked}")
    _check_memory(settings, data, sizes, trainer)
    first = make("data", data.first, {})
    check_squares(score, first.targets)
    steps = first.inputs.shape[1]
    model = make_model(settings["cell"], allowed, sizes, drawn_from(seeds, settings["model_seed"]), steps)
    model.cell.first_seed = seeds[0]
    text = settings["cell"].get("weights")
    if text is not None:
        start_from(str(text), model, seeds)
    check_lengths(model.cell, first.lengths, steps)
    check_solvable(settings, model, data)
    make_optimizer = find_optimizer(settings["optimizer"], allowed, trainer.strategy.root_device, text is not None)
    most = num_intervals(data, trainer)
    schedule = find_schedule(settings["scheduler"], allowed, make_optimizer, most)
    training = Training(model, score, data.task, make_optimizer, schedule)
    callbacks = find_callbacks(settings["callback"], allowed)
    loggers = find_loggers(settings["logger"], allowed)
    diagnostics = find_diagnostics(settings["diagnostic"], allowed, model, data.task)
    shown = masked(config, settings)
    weights_at = steps_kept(settings["checkpoint"]["weights"], most["step"], bool(model.cell.penalties))
    return Parts(
        settings, shown, data, training, make_trainer, sizes, matched, diagnostics, loggers, callbacks, weights_at
    )


def claim_of(config: DictConfig) -> Claim:
    """Which training a configuration is for: a size that is matched counts as the number that is found.

    Args:
        config: as Hydra composed it; its `hydra` node does not count.

    Raises:
        ConfigError: the configuration is wrong.
    """
    settings = _resolve(without_hydra(config))
    claim = Claim.of(settings)
    if not asks_match(settings["cell"]):
        return claim
    data = population_data(settings, claim.seeds)
    sizes = Sizes.of(data.task, settings["embedding_size"])
    match_size(settings["cell"], settings["allowed_packages"], sizes)
    return replace(Claim.of(settings), former=claim.settings)


_checked: dict[str, dict[str, Any]] = {}
"""What was found to be right, by what it reads: a sweep asks many times what each of its jobs is."""


def _resolve(config: DictConfig) -> dict[str, Any]:
    """The configuration, checked, resolved and plain."""
    try:
        key = repr(OmegaConf.to_container(config, resolve=True))
    except (OmegaConfBaseException, ValueError):  # what is wrong, or a number of thousands of digits
        return _plain(config)
    if key not in _checked:
        _checked[key] = _plain(config)
    return copy.deepcopy(_checked[key])


def _plain(config: DictConfig) -> dict[str, Any]:
    settings: dict[str, Any] = OmegaConf.to_container(check(config), resolve=True)  # type: ignore[assignment]
    return settings


_predicted: dict[tuple[object, ...], int] = {}
"""Bytes that runs of this process need, by all that decides it; many jobs of a sweep differ in nothing of that."""


def _check_memory(settings: dict[str, Any], data: PopulationData, sizes: Sizes, trainer: Trainer) -> None:
    """Refuses a run that cannot fit, before anything large is made."""
    with torch.device("meta"):
        single = unset_model(settings["cell"], settings["allowed_packages"], sizes, 1)
    device = trainer.strategy.root_device
    itemsize = 8 if "64" in str(trainer.precision) else 4
    free = memory.available(device)
    needed = memory.least(data, itemsize)
    if needed <= free:
        inputs, targets, *_ = make("data", data.first, {})
        shaping = json.dumps(
            {**settings, "optimizer": None, "seed": None, **dict.fromkeys(SOURCE_SEEDS)}, sort_keys=True
        )
        key = (shaping, type(single.cell), inputs.shape, targets.shape, device, torch.get_num_threads())
        if key not in _predicted:
            with refusing_too_large("data or cell"):
                _predicted[key] = memory.predict(single, data, itemsize, max(1, trainer.max_epochs or 1), device)
        needed = _predicted[key]
    if needed > free:
        raise ConfigError(
            f"this run needs about {memory.readable(needed)} of memory and {memory.readable(free)} are free: num_seeds "
            f"({len(data.seeds)}), data.batch_size ({data.batch_size or 'the whole training split'}), the sequences "
            f"or cell.{single.cell.size_key} ({settings['cell'].get(single.cell.size_key)}) must be smaller"
        )
