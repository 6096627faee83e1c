"""The runs of a question of the lab: trained where they are not there yet, and looked up by what is swept."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from omegaconf import OmegaConf

from seqexp.config import CONF
from seqexp.config.mistakes import ConfigError
from seqexp.diagnostic import kept
from seqexp.record.record import Record
from seqexp.run import load, run
from seqexp.seeding import generator
from seqexp.show.figures import Figure
from seqexp.statistics import Array

PRESETS = "lab"
"""The folder of `conf/experiment` that holds them."""

SHORT = ("num_seeds=2", "trainer.max_epochs=1", "trainer.limit_train_batches=2")
"""What makes the shorter form, in which next to nothing is learnt."""

Key = tuple[str, ...]


class Runs(dict[Key, Record]):
    """Finished runs, by the preset's name and the values of what it sweeps, in its order."""

    def scores(self, *key: str, part: str = "test") -> Array:
        """A score for each seed.

        Raises:
            ValueError: there is none of this part.
        """
        found = self[key].score(part)
        if found is None:
            raise ValueError(f"part: {' '.join(key)} has no {part}")
        return np.asarray(found, dtype=float)

    def guess(self, *key: str, name: str) -> Array:
        """What needs no network, on the same test targets.

        Raises:
            ValueError: there is no such guess.
        """
        if not (found := self[key].baselines.get(name)):
            raise ValueError(f"name: {' '.join(key)} has no guess {name}")
        return np.asarray(found, dtype=float)

    def solved(self, *key: str) -> list[bool]:
        """Which seeds have solved the task."""
        return [each is not None for each in self[key].solved or []]

    def of(self, preset: str) -> list[Key]:
        """The keys of a preset's runs, without its name."""
        return [key[1:] for key in self if key[0] == preset]

    def arrays(self, *key: str, name: str) -> Mapping[str, Array]:
        """What an instrument measured.

        Raises:
            ValueError: it is not there.
        """
        return self._kept(key, name).arrays

    def from_the_end(self, *key: str) -> tuple[Array, Array]:
        """By how much a scan from the end changes for each seed, RMS, when all inputs but the last do.

        Returns:
            At the last step, where it has read one input, and where it has ended.
        """
        folder = self[key].folder
        if folder is None:
            raise ValueError("a record that is not on disk has no weights")
        model = load(folder)
        x = torch.randn(16, 20, model.cell.input_size, generator=generator(0, "lab"))
        other = torch.cat([x[:, :-1].flip(0), x[:, -1:]], 1)
        change = model.states(other)["h_l0_reverse"] - model.states(x)["h_l0_reverse"]  # (S, B, T, H)
        last, ends = (change[:, :, step].double().square().mean((1, 2)).sqrt().numpy() for step in (-1, 0))
        return last, ends

    def draw(self, name: str, labels: Mapping[str, Key]) -> Figure:
        """An instrument's picture of some runs."""
        built = kept.build(name, self._kept(next(iter(labels.values())), name).settings, ())
        return built.draw({label: self.arrays(*key, name=name) for label, key in labels.items()})

    def _kept(self, key: Key, name: str) -> kept.Kept:
        folder = self[key].folder
        if folder is None:
            raise ValueError("a record that is not on disk has no diagnostics")
        path = kept.path_of(folder, name)
        try:
            return kept.read(path)
        except ValueError as error:  # a line says why it could not be measured again
            raise ConfigError(f"{path}: {error}") from None


def jobs(preset: str, short: bool = False) -> Iterator[tuple[Key, list[str]]]:
    """The runs of a preset: what each is looked up by, and its settings.

    Args:
        preset: its name.
        short: takes the shorter form, with one value of all swept keys but the first.
    """
    node = OmegaConf.load(CONF / "experiment" / PRESETS / f"{preset}.yaml")
    swept = {str(name): str(values).split(",") for name, values in node.hydra.sweeper.params.items()}
    if short:
        swept = {name: values[: None if turn == 0 else 1] for turn, (name, values) in enumerate(swept.items())}
    for values in itertools.product(*swept.values()):
        settings = [f"{name}={value}" for name, value in zip(swept, values, strict=True)]
        yield (preset, *values), [f"experiment={PRESETS}/{preset}", *settings, *(SHORT if short else ())]


def train(preset: str, folder: Path, short: bool) -> Iterator[tuple[Key, Record]]:
    """Runs a preset; what is there already is not trained again.

    Args:
        preset: its name.
        folder: where runs go, a folder for each.
        short: takes the shorter form.

    Raises:
        ConfigError: a run cannot be done.
    """
    for key, settings in jobs(preset, short):
        place = folder / re.sub(r"[^A-Za-z0-9.]+", "_", "-".join(key))
        yield key, run([*settings, "trainer.enable_progress_bar=false"], place)
