"""What an earlier attempt left in a folder, and what may not be there."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from seqexp.config.mistakes import ConfigError, refusing_paths
from seqexp.record.claim import CLAIM, done
from seqexp.record.evaluations import EVALUATIONS
from seqexp.record.lock import LOCK, MARKER
from seqexp.record.record import RESULT

DIAGNOSTICS = "diagnostics"
"""Below a run's folder, what its diagnostics measured; below a sweep's, what they measured in all its runs, drawn."""
LOGGERS = "loggers"
"""Below a run's folder, or for a store that all runs of a sweep share, the sweep's; each logger has one of its own."""
FUTURES, PREDICTED = "forecasts", "predicted"
"""Below a run's folder, what was forecast with it, and the classes that it gave to other sequences."""
SUBFOLDERS = (
    *(".hydra", "callbacks", "checkpoints", "comparison", DIAGNOSTICS, EVALUATIONS, FUTURES, LOGGERS, PREDICTED),
)
"""Folders into which a run or a sweep writes, inside its own."""
PICTURES = ("forecast", "predictions", "curves")
"""A run's own, each as PNG and SVG."""
LEFTOVERS = (
    *(RESULT, "callbacks", "checkpoints", "curves.csv", "predictions.npz", DIAGNOSTICS, LOGGERS),
    *(f"{name}.{kind}" for name in PICTURES[:2] for kind in ("png", "svg")),  # a sweep has curves, too
)
EVENTS = "events.out.tfevents.*"
FILES = (
    *(RESULT, CLAIM, LOCK, MARKER, "seqexp.log", "curves.csv", "predictions.npz"),
    *("comparison.md", "comparison.csv", "comparison.json", "comparison.tex", "table.csv", "verdicts.csv"),
    *(
        f"{name}.{kind}"
        for name in (*PICTURES, "forecasts", "comparison", "differences", "evaluations", "success", "tasks")
        for kind in ("png", "svg", "pdf")
    ),
)
"""Files that a run or a sweep writes, directly into its own folder."""

OWN_NAMES = {".", *FILES, *SUBFOLDERS, "multirun.yaml"}
"""What no folder of a run below a sweep's may be called."""


@refusing_paths()
def refuse_strange(folder: Path) -> None:
    """Refuses a run's or a sweep's folder in which something stands that cannot be what seqexp has put there.

    What is written through a symbolic link could lead out of the folder, a pipe never ends, and what cannot be read
    may be worth keeping. Opens nothing.

    Raises:
        ConfigError: which path it is, and what is wrong with it; also if the folder itself is not to be looked into.
    """
    for path, is_folder in _expected(folder):
        in_place = path.name in ("seqexp.log", LOCK) or path.parent.name == ".hydra"  # other files are replaced
        needed = os.R_OK | os.W_OK | os.X_OK if is_folder else os.R_OK | os.W_OK if in_place else os.R_OK
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            continue
        if stat.S_ISLNK(mode):
            wrong = "is a symbolic link, and so could lead out of the folder; put the thing itself there"
        elif not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            wrong = "is neither a file nor a folder, and is not opened; move it away"
        elif is_folder is not None and is_folder is not stat.S_ISDIR(mode):
            wrong = f"is a {'file' if is_folder else 'folder'}, where a {'folder' if is_folder else 'file'} belongs"
        elif not os.access(path, needed):
            wrong = "is not ours to read and write (Permission denied)"
        else:
            continue
        raise ConfigError(f"{path}: {wrong}")


def _expected(folder: Path) -> Iterator[tuple[Path, bool | None]]:
    """Yields a folder, and everything in it and in those subfolders that seqexp writes to.

    Beside each path stands whether it has to be a folder (True), a file (False), or may be either (None).
    """
    yield folder, True
    kinds = {**dict.fromkeys(FILES, False), **dict.fromkeys(SUBFOLDERS, True)}
    for path in folder.iterdir() if folder.is_dir() else ():
        yield path, kinds.get(path.name)
    for name in SUBFOLDERS:
        for path in (folder / name).iterdir() if (folder / name).is_dir() else ():
            yield path, True if name == FUTURES else None if name in ("comparison", LOGGERS) else False


def refuse_finished(folder: Path) -> None:
    """Refuses to touch the folder of a finished run, whatever is to be trained there.

    Raises:
        ConfigError: the folder has the record of a finished run.
    """
    if done(folder) is not None:
        raise ConfigError(f"{folder}: holds a finished run, which is never trained again or cleared; move it away")


def clear(folder: Path) -> None:
    """Removes what an earlier, unfinished attempt left in a run's folder, but for its log.

    Raises:
        ConfigError: the run is finished.
    """
    refuse_finished(folder)
    for path in leftovers(folder):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def leftovers(folder: Path) -> Iterator[Path]:
    """Yields what a run would replace in its folder."""
    yield from (folder / name for name in LEFTOVERS if os.path.lexists(folder / name))
    yield from sorted(folder.glob(EVENTS))


def forget_events(folder: Path) -> None:
    """Removes the TensorBoard files of an earlier attempt; what they showed is written again."""
    for path in folder.glob(EVENTS):
        path.unlink()
