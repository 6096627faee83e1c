"""What diagnostics measured, on disk: `diagnostics/<name>.npz` in a run's folder, with what made it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqexp.config.targets import arguments, find_listed, make
from seqexp.diagnostic.diagnostic import Array, Diagnostic
from seqexp.record.files import check_plain, write_atomically

FOLDER = "diagnostics"

MOST_BYTES = 2**28
"""Of a file that is read, packed and unpacked."""

ABOUT = "about"
"""The name among the arrays under which a file says what made it: the settings, as JSON."""

SEEDS = "seeds"

SECONDS = "seconds"
"""The name under which a file says how long each measurement took, as JSON by time; files before 0.2 have none."""


class Kept(NamedTuple):
    """A file: the settings of what made it, the seeds, what was measured, (S, …) by name, and how long that took."""

    settings: dict[str, Any]
    seeds: list[int]
    arrays: dict[str, Array]
    seconds: dict[str, float] = {}  # noqa: RUF012  never changed


def build(name: str, node: Any, allowed: Sequence[str]) -> Diagnostic:
    """Builds a diagnostic.

    Args:
        name: what it is called.
        node: its settings.
        allowed: packages that the user trusts.

    Raises:
        ConfigError: the settings are wrong.
    """
    where = f"diagnostic.{name}"
    found = find_listed("diagnostic", name, node, Diagnostic, allowed)  # type: ignore[type-abstract]
    return make(where, found, arguments(where, node, found, given=()))


def path_of(folder: Path, name: str) -> Path:
    """Where in a run's folder a diagnostic's measurement lies."""
    return folder / FOLDER / f"{name}.npz"


def write(folder: Path, name: str, kept: Kept) -> None:
    """Writes a measurement into a run's folder."""
    buffer = io.BytesIO()
    about = {ABOUT: np.array(json.dumps(kept.settings)), SEEDS: np.array(kept.seeds)}
    about[SECONDS] = np.array(json.dumps(kept.seconds))
    np.savez_compressed(buffer, **about, **kept.arrays)  # type: ignore[arg-type]
    (folder / FOLDER).mkdir(exist_ok=True)
    write_atomically(path_of(folder, name), buffer.getvalue())


def read(path: Path) -> Kept:
    """Reads a measurement, whoever wrote it.

    Raises:
        ValueError: it is not one.
    """
    try:
        check_plain(path, MOST_BYTES)
        content = io.BytesIO(path.read_bytes())  # of a damaged file NumPy leaves what it has opened open
        with zipfile.ZipFile(content) as archive:
            if sum(each.file_size for each in archive.infolist()) > MOST_BYTES:
                raise ValueError(f"holds more than {MOST_BYTES / 2**20:.0f} MiB, and is not read")
        content.seek(0)
        with np.load(content, allow_pickle=False) as file:
            arrays: dict[str, Array] = {name: file[name] for name in file.files}
        settings, seeds = json.loads(str(arrays.pop(ABOUT))), arrays.pop(SEEDS).tolist()
        seconds = json.loads(str(arrays.pop(SECONDS, "{}")))
    except (OSError, KeyError, EOFError, RecursionError, zipfile.BadZipFile) as error:
        raise ValueError(f"is not a diagnostic's ({type(error).__name__})") from None
    if not (isinstance(settings, dict) and isinstance(seeds, list) and isinstance(seconds, dict)):
        raise ValueError("is not a diagnostic's")
    if any(values.ndim and len(values) != len(seeds) for values in arrays.values()):
        raise ValueError(f"does not hold one measurement for each of its {len(seeds)} seeds")
    return Kept(settings, seeds, arrays, seconds)


def found(folder: Path) -> Mapping[str, Path]:
    """The measurements in a run's folder, by name."""
    where = folder / FOLDER
    if not where.is_dir() or where.is_symlink():
        return {}
    return {path.stem: path for path in sorted(where.glob("*.npz")) if not path.name.startswith(".")}
