"""What of a sweep is there already: which runs its folder holds, which seeds are missing, and who is at work.

A run is recognised by its *family*, the fingerprint of what defines its result but for the seeds, never by its
folder's name. As seed k is the same training whoever rides along, a run of more seeds than before needs only the
missing ones. Each run's folder says in `claim.json` which family and seeds it is for, from its first moment on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from seqexp.config.mistakes import ConfigError
from seqexp.config.names import folder_name
from seqexp.config.schema import check
from seqexp.record.files import is_plain, write_atomically
from seqexp.record.provenance import fingerprint
from seqexp.record.record import RESULT, Record, RecordError

CLAIM = "claim.json"


@dataclass(frozen=True)
class Claim:
    """Which training a folder is for.

    Attributes:
        family: fingerprint of what defines the result but for the seeds.
        seed: the first seed.
        num_seeds: how many follow each other.
    """

    family: str
    seed: int
    num_seeds: int

    @property
    def seeds(self) -> range:
        """The seeds themselves."""
        return range(self.seed, self.seed + self.num_seeds)

    @classmethod
    def of(cls, config: DictConfig) -> Claim:
        """The claim of a configuration as Hydra composed it; its `hydra` node does not count.

        Raises:
            ConfigError: the configuration is wrong.
        """
        plain = config.copy()
        with open_dict(plain):
            plain.pop("hydra", None)
        settings: dict[str, Any] = OmegaConf.to_container(check(plain), resolve=True)  # type: ignore[assignment]
        return cls.from_settings(settings)

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Claim:
        """The claim of a checked and resolved configuration."""
        others = {**settings, "seed": None, "num_seeds": None}
        return cls(fingerprint(others), settings["seed"], settings["num_seeds"])

    @classmethod
    def read(cls, folder: Path) -> Claim | None:
        """The claim of a run's folder; None where there is none that can be read."""
        if not is_plain(folder / CLAIM):
            return None
        try:
            values = json.loads((folder / CLAIM).read_text(encoding="utf-8"))
            found = cls(**values)
        except (OSError, ValueError, TypeError, RecursionError):
            return None
        numbers = (found.seed, found.num_seeds)
        return found if isinstance(found.family, str) and all(type(each) is int for each in numbers) else None

    def write(self, folder: Path) -> None:
        """Writes the claim into an existing folder."""
        write_atomically(folder / CLAIM, (json.dumps(asdict(self)) + "\n").encode())


def finished(folder: Path) -> Record | None:
    """The record of a run that is done; None where it failed, is unfinished, damaged, or not what was claimed."""
    claim = Claim.read(folder)
    if claim is None:
        return None
    try:
        record = Record.read(folder)
    except RecordError:
        return None
    claimed = list(claim.seeds[: len(record.seeds) + 1])  # not all of them: a damaged claim may name any number
    return record if record.status == "done" and record.seeds == claimed else None


def missing(sweep: Path, wanted: Claim) -> range:
    """The seeds that no finished run of the same family has, as one range; empty where nothing is missing."""
    left = set(wanted.seeds)
    for folder in _folders(sweep):
        claim = Claim.read(folder)
        if claim is not None and claim.family == wanted.family and any(seed in claim.seeds for seed in left):
            record = finished(folder)
            left -= set(record.seeds if record else ())
    return range(min(left), max(left) + 1) if left else range(wanted.seed, wanted.seed)


def place(sweep: Path, name: str, wanted: Claim) -> str:
    """The name of the folder in which a run belongs.

    Args:
        sweep: the sweep's folder.
        name: what the folder would be called.
        wanted: what is to be trained.

    Returns:
        `name`, or, where another training has that folder, a name with the family's first letters and a number.
    """
    everything_there = not missing(sweep, wanted)
    for number in range(1, 10_000):
        suffix = "" if number == 1 else f"-{wanted.family[:8]}" + (f"-{number}" if number > 2 else "")
        candidate = folder_name(name + suffix)
        claim = Claim.read(sweep / candidate)
        if claim is None:
            if (sweep / candidate / RESULT).exists() and not (sweep / candidate / CLAIM).exists():
                continue  # a run of whatever kind, which is not to be touched
            return candidate
        if claim.family == wanted.family and (everything_there or finished(sweep / candidate) is None):
            return candidate
    raise ConfigError(f"{sweep / name}: there are too many folders of that name")


def _folders(sweep: Path) -> Iterator[Path]:
    """The runs' folders of a sweep, in order of name."""
    try:
        entries = sorted(os.scandir(sweep), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield Path(entry.path)
