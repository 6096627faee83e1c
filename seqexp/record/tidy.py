"""What an earlier attempt left in a folder, and what may not be there."""

from __future__ import annotations

import shutil
from pathlib import Path

from seqexp.config.mistakes import ConfigError
from seqexp.record.claim import done
from seqexp.record.record import RESULT

SUBFOLDERS = (".hydra", "checkpoints", "comparison")
"""Folders into which a run or a sweep writes, inside its own."""
LEFTOVERS = (RESULT, "checkpoints", "curves.csv", "predictions.npz")


def refuse_links(folder: Path) -> None:
    """Refuses a run's or a sweep's folder that is a symbolic link, or holds one: what is written could lead out of it.

    Raises:
        ConfigError: which path is a link.
    """
    places = [place for place in (folder, *(folder / name for name in SUBFOLDERS)) if place.is_dir()]
    for path in (folder, *(path for place in places for path in place.iterdir())):
        if path.is_symlink():
            raise ConfigError(
                f"{path}: is a symbolic link, and so could lead out of the folder; put the thing itself there"
            )


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
    for name in LEFTOVERS:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    forget_events(folder)


def forget_events(folder: Path) -> None:
    """Removes the TensorBoard files of an earlier attempt; what they showed is written again."""
    for path in folder.glob("events.out.tfevents.*"):
        path.unlink()
