"""What of a sweep is there already: which runs its folder holds, which seeds are missing, and who is at work.

A run is recognised by its *family*, the fingerprint of what defines its result but for the seeds, never by its
folder's name or depth. As seed k is the same training whoever rides along, a run of more seeds than before needs only
the missing ones. Each run's folder says in `claim.json` which family and seeds it is for, from its first moment on. A
folder with the record of a finished run is never given to another one.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from seqexp.config.mistakes import ConfigError
from seqexp.config.names import folder_name, path_name
from seqexp.record import lock
from seqexp.record.files import is_plain, write_atomically
from seqexp.record.provenance import fingerprint
from seqexp.record.record import RESULT, Record, RecordError

CLAIM = "claim.json"

BEGUN = {CLAIM, "seqexp.log", "checkpoints"}
"""What an attempt leaves, beside hidden files, in a folder whose claim cannot be read."""

Runs = list[tuple[Path, "Claim"]]

_AT_REST: ContextVar[dict[Path, Runs] | None] = ContextVar("at_rest", default=None)


@dataclass(frozen=True)
class Claim:
    """Which training a folder is for.

    Attributes:
        family: fingerprint of what defines the result but for the seeds; after a dash, the part of the user's own code.
        seed: the first seed.
        num_seeds: how many follow each other.
        former: the family as 0.1 would have it, without the user's own code, if that is another: it hashed a size such
            as `match:lstm-64` as it was spelt. Never written.
    """

    family: str
    seed: int
    num_seeds: int
    former: str = field(default="", compare=False)

    @property
    def seeds(self) -> range:
        """The seeds themselves."""
        return range(self.seed, self.seed + self.num_seeds)

    @property
    def settings(self) -> str:
        """The family without the user's own code and files."""
        return self.family.partition("-")[0]

    def part(self, seeds: range) -> Claim:
        """The claim of some of the seeds."""
        return replace(self, seed=seeds.start, num_seeds=len(seeds))

    def renamed(self, found: Claim) -> Claim:
        """A claim that was found; one of this family's former name under the present one."""
        if not self.former or found.settings != self.former:
            return found
        return replace(found, family=found.family.replace(self.former, self.settings, 1))

    @classmethod
    def of(cls, settings: Mapping[str, Any], own: str | None = None) -> Claim:
        """The claim of a configuration, checked and resolved, its size a number; `own` as for `fingerprint`."""
        others = {**settings, "seed": None, "num_seeds": None}
        return cls(fingerprint(others, own), settings["seed"], settings["num_seeds"])

    @classmethod
    def find(cls, folder: Path) -> Claim | None:
        """The claim of a run's folder; where it cannot be read, that of the record. None where neither is to be had."""
        if (claim := cls.read(folder)) is not None:
            return claim
        try:
            record = Record.read(folder)
            own = record.fingerprint.partition("-")[2]
            if fingerprint(record.config, own) != record.fingerprint:  # masked, of another time, or not what ran
                return None
            claim = cls.of(record.config, own)
        except (RecordError, KeyError, TypeError, ValueError, RecursionError):
            return None
        return claim if list(claim.seeds[: len(record.seeds) + 1]) == record.seeds else None

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

    def values(self) -> dict[str, Any]:
        """What `claim.json` and a checkpoint hold of it."""
        return {"family": self.family, "seed": self.seed, "num_seeds": self.num_seeds}

    def write(self, folder: Path) -> None:
        """Writes the claim into an existing folder."""
        write_atomically(folder / CLAIM, (json.dumps(self.values()) + "\n").encode())


def done(folder: Path) -> Record | None:
    """The record of a run that is done, whatever it was; None where there is none that can be read."""
    try:
        record = Record.read(folder)
    except RecordError:
        return None
    return record if record.status == "done" else None


def finished(folder: Path, claim: Claim) -> Record | None:
    """The record of a run that is done, if it has the seeds that were claimed."""
    record = done(folder)
    claimed = list(claim.seeds[: len(record.seeds) + 1]) if record else []  # a damaged claim may name any number
    return record if record is not None and record.seeds == claimed else None


def find(sweep: Path) -> Runs:
    """Every run below a sweep's folder, at any depth, finished or not, with its claim, in order of name."""
    if sweep in (known := _AT_REST.get() or {}):
        return known[sweep]
    found = []
    for folder, subfolders, names in os.walk(sweep):
        subfolders[:] = sorted(each for each in subfolders if not each.startswith(".") and each not in BEGUN)
        if (CLAIM in names or RESULT in names) and (claim := Claim.find(Path(folder))) is not None:
            found.append((Path(folder), claim))
    return found


def _found(sweep: Path, wanted: Claim) -> Runs:
    """What `find` gives; a claim under the former name of the wanted family has its present name."""
    return [(folder, wanted.renamed(claim)) for folder, claim in find(sweep)]


@contextlib.contextmanager
def at_rest(sweep: Path) -> Iterator[None]:
    """Reads a sweep's claims once for all questions while this lasts: to be used where none of its runs changes."""
    token = _AT_REST.set({sweep: find(sweep)})
    try:
        yield
    finally:
        _AT_REST.reset(token)


def present(sweep: Path, wanted: Claim) -> list[tuple[Path, Record]]:
    """The finished runs of the same family that have any of the seeds."""
    same = [each for each in _found(sweep, wanted) if each[1].family == wanted.family]
    near = [each for each in same if each[1].seed < wanted.seeds.stop and wanted.seed < each[1].seeds.stop]
    return [(folder, record) for folder, claim in near if (record := finished(folder, claim)) is not None]


def missing(sweep: Path, wanted: Claim) -> list[range]:
    """The seeds that no finished run of the same family has, as ranges; empty where nothing is missing."""
    there = {seed for _, record in present(sweep, wanted) for seed in record.seeds}
    return list(_neighbours(seed for seed in wanted.seeds if seed not in there))


def parts(sweep: Path, name: str, wanted: Claim) -> Iterator[tuple[Path, Claim]]:
    """What is left to train of a run, and where each part belongs.

    The seeds of one run follow each other, so those around finished ones are as many runs.

    Args:
        sweep: the sweep's folder.
        name: what a new folder would be called.
        wanted: what is to be there in the end.

    Yields:
        (folder, claim), the next one when the one before has been trained, so that its folder is known.
    """
    for seeds in missing(sweep, wanted):
        part = wanted.part(seeds)
        yield sweep / place(sweep, name, part), part


def place(sweep: Path, name: str, wanted: Claim, longer: str = "") -> str:
    """The name, below the sweep's folder, of the folder in which a run belongs.

    Args:
        sweep: the sweep's folder.
        name: what a new folder would be called.
        wanted: what is to be trained.
        longer: a name that says more, for where another run has the first.

    Returns:
        Where a run of the same family and seeds was begun, wherever that is; or one that nobody goes on with, as all
        its seeds are wanted here or finished. Else `name`; where other seeds of the same family have that folder, the
        name with these seeds; where something else has it, the longer name, or one with a part of the family and a
        number.

    Raises:
        ConfigError: there are too many folders of that name.
    """
    same = [(folder, claim) for folder, claim in _found(sweep, wanted) if claim.family == wanted.family]
    begun = [(folder, claim) for folder, claim in same if done(folder) is None]
    for folder, claim in begun:
        if claim == wanted:
            return folder.relative_to(sweep).as_posix()
    there = {seed for folder, claim in same if (record := finished(folder, claim)) for seed in record.seeds}
    for folder, claim in begun:
        if all(seed in wanted.seeds or seed in there for seed in claim.seeds) and not lock.is_held(folder):
            return folder.relative_to(sweep).as_posix()
    above = [sweep / each for each in Path(name).parents[:-1]]
    if any(each.is_file() or (each / CLAIM).exists() or (each / RESULT).exists() for each in above):
        name = folder_name(name)  # not into another run's folder
    for candidate in _names(sweep, name, wanted, longer):
        if _is_free(sweep / candidate):
            return candidate
    raise ConfigError(f"{sweep / name}: there are too many folders of that name")


def _names(sweep: Path, name: str, wanted: Claim, longer: str) -> Iterator[str]:
    """The names that a new folder may have, the best one first; the arguments are those of `place`."""
    name, seeds = re.sub(r",seeds=\d+(-\d+)?$", "", name), wanted.seeds
    part = f",seeds={seeds[0]}" + (f"-{seeds[-1]}" if len(seeds) > 1 else "")
    for each in dict.fromkeys(filter(None, (name, longer))):
        yield path_name(each)
        found = Claim.find(sweep / path_name(each))
        if found is not None and wanted.renamed(found).family == wanted.family:
            yield path_name(each + part)
    own = wanted.family.rpartition("-")[2][:8]
    yield path_name(f"{name}-{own}")
    yield from (path_name(f"{name}-{own}-{number}") for number in range(3, 10_000))


def outdated(sweep: Path, wanted: Claim) -> Path | None:
    """A finished run with the same settings and one of the seeds, and other code or files of the user's own."""
    for folder, claim in _found(sweep, wanted):
        if claim.settings == wanted.settings and claim.family != wanted.family:
            record = finished(folder, claim)
            if record is not None and any(seed in wanted.seeds for seed in record.seeds):
                return folder
    return None


def _is_free(folder: Path) -> bool:
    """Whether a new run may have the folder: nothing is there, or an attempt of which nothing can be read."""
    if not folder.is_dir():
        return not os.path.lexists(folder)
    names = os.listdir(folder)
    if RESULT in names or Claim.read(folder) is not None:
        return False
    return not names or any(name.startswith(".") or name in BEGUN for name in names)


def _neighbours(seeds: Iterable[int]) -> Iterator[range]:
    """Cuts ascending numbers into ranges."""
    for _, group in itertools.groupby(enumerate(seeds), key=lambda each: each[1] - each[0]):
        run = [seed for _, seed in group]
        yield range(run[0], run[-1] + 1)
