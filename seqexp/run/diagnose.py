"""The diagnostics of a run: measured before and after training, kept in its folder, and drawn."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from omegaconf import MISSING, DictConfig, OmegaConf, open_dict

from seqexp.config.environment import masked
from seqexp.config.mistakes import ConfigError, refusing_too_large
from seqexp.data.module import VAL, PopulationData
from seqexp.data.split import Split
from seqexp.data.task import Task
from seqexp.diagnostic import kept
from seqexp.diagnostic.diagnostic import STEPS, Array, Diagnostic, When
from seqexp.model import Model
from seqexp.record.files import write_atomically
from seqexp.record.record import Record, RecordError
from seqexp.run import memory
from seqexp.score import Score
from seqexp.show.board import Board
from seqexp.show.console import say
from seqexp.show.figures import Kind, encode
from seqexp.show.stacked import stacked
from seqexp.training.steps import steps_of

if TYPE_CHECKING:
    from seqexp.show.figures import Figure

log = logging.getLogger(__name__)

ALONG = "along training"


def find_diagnostics(
    node: Mapping[str, Any], allowed: Sequence[str], model: Model, task: Task
) -> dict[str, Diagnostic]:
    """Builds what the group `diagnostic` names.

    Args:
        node: name -> settings.
        allowed: packages that the user trusts.
        model: what they are to measure.
        task: what it is trained on.

    Raises:
        ConfigError: a setting is wrong, or one cannot measure this model.
    """
    found = {name: kept.build(name, settings, allowed) for name, settings in node.items()}
    for name, each in found.items():
        where = f"diagnostic.{name}"
        try:
            each.check(model)
            _check_memory(where, each, *each.numbers_made(model, task))
            with refusing_too_large(where):
                found[name] = each.of(task)
        except ConfigError:
            raise
        except ValueError as error:
            raise ConfigError(f"{where}: {error}") from None
    return found


def _check_memory(where: str, diagnostic: Diagnostic, numbers: int, settings: Sequence[str]) -> None:
    """Refuses settings of which no measurement could fit, before anything is trained."""
    needed, free = numbers * torch.float64.itemsize, memory.available(torch.device("cpu"))
    if needed > free:
        said = " or ".join(f"{name} ({getattr(diagnostic, name)})" for name in settings)
        raise ConfigError(
            f"{where} needs at least {memory.readable(needed)} of memory and {memory.readable(free)} are free: {said} "
            "must be smaller"
        )


class Measurements:
    """What the diagnostics of one run have measured so far.

    Args:
        diagnostics: by name.
        settings: of the group `diagnostic`, name -> settings.
        data: the run's; made, and set up.
    """

    def __init__(
        self, diagnostics: Mapping[str, Diagnostic], settings: Mapping[str, Any], data: PopulationData
    ) -> None:
        self.diagnostics = {name: each.beside(data.splits["train"]) for name, each in diagnostics.items()}
        self.settings = settings
        self.data = data
        self.found: dict[str, dict[str, Array]] = {name: {} for name in diagnostics}
        self.took: dict[str, dict[str, float]] = {name: {} for name in diagnostics}

    def measure(self, when: When, model: Model, score: Score) -> None:
        """Has those measure that do so at this time; what fails after training is left out, and said."""
        due = {name: self.diagnostics[name] for name in self.found if when in self.diagnostics[name].when}
        if not due:
            return
        copied = model.members(slice(None)).to(device="cpu", dtype=torch.float64).eval()
        copied.cell.forget_work_space()  # the model's own stays with the model
        splits = self._splits(due)
        for name, each in due.items():
            start = time.perf_counter()
            try:
                with refusing_too_large(f"diagnostic.{name}"):
                    measured = each.measure(copied, score, splits[each.reads])
            except Exception:
                if when == "start":
                    raise
                log.warning("diagnostic %s: could not measure", name, exc_info=True)
                del self.found[name]
                continue
            self.found[name] |= {f"{when}_{part}": values for part, values in measured.items()}
            self.took[name][when] = time.perf_counter() - start

    def measure_steps(self, folder: Path, model: Model, score: Score) -> None:
        """Has those measure that draw the way, at each step whose weights the run has kept.

        Args:
            folder: the run's.
            model: a population of its settings, which stays as it is.
            score: what it was trained by.
        """
        from seqexp.run.load import load_kept  # which builds diagnostics by this file

        steps = steps_of(folder)
        due = {name: self.diagnostics[name] for name in self.found if self.diagnostics[name].along}
        if not steps or not due:
            return
        splits = self._splits(due)
        copied = model.members(slice(None)).to(device="cpu").eval()
        copied.cell.forget_work_space()
        rows: dict[str, list[dict[str, Array]]] = {name: [] for name in due}
        took = dict.fromkeys(due, 0.0)
        for step in steps:
            try:
                load_kept(copied, folder, "model.", step)
            except RecordError as error:
                log.warning("diagnostic %s: not measured along training: %s", ", ".join(due), error)
                return
            copied.double()
            for name, each in due.items():
                start = time.perf_counter()
                try:
                    rows[name].append(each.numbers(each.measure(copied, score, splits[each.reads])))
                except Exception:
                    log.warning("diagnostic %s: could not measure step %d", name, step, exc_info=True)
                took[name] += time.perf_counter() - start
        for name, found in rows.items():
            if len(found) == len(steps):
                every = np.tile(np.array(steps), (len(self.data.seeds), 1))  # (S, K)
                numbers = {each: np.stack([row[each] for row in found], axis=1) for each in found[0]}
                self.found[name] |= {f"{STEPS}_{each}": values for each, values in numbers.items()} | {STEPS: every}
                self.took[name][STEPS] = took[name]

    def _splits(self, due: Mapping[str, Diagnostic]) -> dict[str, Split]:
        """What those that are due read, as they get it."""
        found: dict[str, Split] = {}
        for name in {each.reads for each in due.values()}:
            split = self.data.splits["train" if name == VAL and not self.data.has_val else name]
            found[name] = split.to(torch.device("cpu"), torch.float64)
        return found

    @property
    def seconds(self) -> dict[str, float]:
        """How long each diagnostic has measured, without its picture."""
        return {name: sum(self.took[name].values()) for name in self.found}

    def write(self, folder: Path, label: str, board: Board | None) -> None:
        """Writes and draws what was measured; a run that is done is not lost over a picture."""
        for name, arrays in self.found.items():
            made = kept.Kept(self.settings[name], list(self.data.seeds), arrays, self.took[name])
            kept.write(folder, name, made)
            try:
                figure = self.diagnostics[name].draw({label: arrays})
            except Exception:
                log.warning("diagnostic %s: its picture could not be drawn", name, exc_info=True)
                continue
            write_picture(folder, name, figure, self.diagnostics[name].kinds)
            if board is not None:
                board.picture(f"view/{name}", stacked(self.diagnostics[name].draw({label: arrays})))


def write_picture(folder: Path, name: str, figure: Figure, kinds: Sequence[Kind]) -> None:
    """Puts a diagnostic's picture beside its measurement."""
    for kind in kinds:
        write_atomically(folder / kept.FOLDER / f"{name}.{kind}", encode(figure, kind))


Times = Mapping[str, Sequence[str]]
"""Diagnostic -> when it has measured: "start", "end", "along training"."""


def measure_missing(config: DictConfig, label: str, folder: Path) -> Times:
    """Adds to a finished run what its diagnostics have not measured yet, from the weights that it has kept.

    What was measured with other settings, or cannot be read, is measured again, which a line says. Nothing but
    `diagnostics/` and TensorBoard is written to. The weights that training began with are drawn again.

    Args:
        config: that of the run, with its seeds, and the diagnostics that are wanted.
        label: what the run is called in pictures.
        folder: the run's.

    Returns:
        What was measured, and when.

    Raises:
        ConfigError: a diagnostic cannot measure this model, or a setting is wrong.
        RecordError: the run's task makes other data here, or its weights cannot be read.
    """
    from seqexp.run.build import build  # which builds diagnostics by this file
    from seqexp.run.load import load_kept

    missing = _missing(config, folder)
    if not missing:
        return {}
    config = config.copy()
    with open_dict(config):
        config.diagnostic = {name: config.diagnostic[name] for name in missing}
        config.trainer.accelerator = "cpu"  # wherever it was trained
    parts = build(config)
    parts.make_data(guessed=False)
    if (known := Record.read(folder).data_hash) not in (None, parts.data.data_hash):
        raise RecordError(f"its task makes other data here than those that it was trained on ({known[0][0]})")
    parts.data.setup()
    training = parts.training
    measurements = Measurements(parts.diagnostics, parts.shown["diagnostic"], parts.data)
    measurements.measure("start", training.model, training.score)
    load_kept(training, folder)
    measurements.measure("end", training.model, training.score)
    measurements.measure_steps(folder, training.model, training.score)
    if measurements.found:
        with Board(folder) as board:
            measurements.write(folder, label, board)
    for name in measurements.found:
        if reason := missing[name]:
            say(sys.stderr, f"measured again: {os.path.relpath(kept.path_of(folder, name))}: {reason}")
    if (
        parts.weights_at
        and not steps_of(folder)
        and (ways := [each for each in missing if parts.diagnostics[each].along])
    ):
        what = "no weights were kept on the way, and the run is not trained again for them"
        say(sys.stderr, f"not measured along training: {os.path.relpath(folder)}: {', '.join(ways)} ({what})")
    return {
        name: [ALONG if each == STEPS else each for each in took]
        for name, took in measurements.took.items()
        if name in measurements.found
    }


def measure_later(config: DictConfig, label: str, folder: Path) -> Times:
    """As `measure_missing`, but where that fails, a line says why, and the run is what it was."""
    try:
        return measure_missing(config, label, folder)
    except Exception as error:
        say(sys.stderr, f"not measured: {os.path.relpath(folder)}: {type(error).__name__}: {error}")
        return {}


def _missing(config: DictConfig, folder: Path) -> dict[str, str]:
    """What is to be measured in a finished run, each with the reason why what is there is not what is asked for."""
    found: dict[str, str] = {}
    plain: Any = OmegaConf.to_container(config, resolve=True)
    asked = masked(config, {"allowed_environment": plain["allowed_environment"], "diagnostic": plain["diagnostic"]})
    for name, settings in asked["diagnostic"].items():
        path = kept.path_of(folder, name)
        if not os.path.lexists(path):
            found[name] = ""
            continue
        try:
            before = kept.read(path).settings
        except ValueError as error:
            found[name] = str(error)
            continue
        if before != settings:
            keys = [key for key in {**before, **settings} if before.get(key, MISSING) != settings.get(key, MISSING)]
            found[name] = ", ".join(f"{key} was {before.get(key, 'not set')}" for key in keys)
    return found


def tell(measured: Times, folder: Path) -> None:
    """Says what was measured in a finished run."""
    where = os.path.relpath(folder)
    for name, times in measured.items():
        say(sys.stdout, f"measured {name} ({', '.join(times)}): {where}")
