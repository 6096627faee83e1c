"""A run's log file, and whether its folder can be had."""

from __future__ import annotations

import contextlib
import logging
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from seqexp.config.environment import hide
from seqexp.config.foreign import log_to
from seqexp.config.mistakes import ConfigError, refusing_paths
from seqexp.config.names import check_place
from seqexp.record import tidy
from seqexp.record.claim import done
from seqexp.record.files import printable
from seqexp.record.record import RESULT
from seqexp.show.console import say

LONGEST = 143
"""Letters in the name of a file, for TensorBoard's are long; no file system in use allows fewer."""


def check_run_folder(folder: Path) -> None:
    """As `check_folder`, and refuses the folder of a sweep or a search: those would not be known as such any more.

    Raises:
        ConfigError: which of these it is.
    """
    check_folder(folder)
    for name in ("multirun.yaml", "comparison.json", "search.db"):
        if (folder / name).exists():
            raise ConfigError(f"{folder}: is the folder of a sweep or a search (it has {name}); choose another folder")


@refusing_paths()
def check_folder(folder: Path, sweep: bool = False) -> None:
    """Refuses a folder that holds a run, or what is not ours, or that cannot be written to.

    Args:
        folder: of what is about to start.
        sweep: it is a sweep, which goes on with the stores of its loggers, and draws its diagnostics anew.

    Raises:
        ConfigError: which of these it is.
    """
    check_place(folder)
    tidy.refuse_strange(folder)
    (folder.absolute() / ".hydra" / ("x" * LONGEST)).exists()  # too long a path is found out
    if done(folder) is None and (folder / "seqexp.log").exists():
        raise ConfigError(
            f"{folder}: holds an unfinished attempt at a run, which no other run replaces; seqexp.run.run() with the "
            "same settings goes on with it; else choose another folder, or remove this one"
        )
    if (folder / RESULT).exists():
        raise ConfigError(f"{folder}: holds a run already, and no run replaces another; choose another folder")
    own = {folder / tidy.LOGGERS, folder / tidy.DIAGNOSTICS} if sweep else set()
    if kept := next((path for path in tidy.leftovers(folder) if path not in own), None):
        raise ConfigError(f"{kept}: is there already, and a new run would replace it; choose another folder")
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise ConfigError(f"{folder}: no results can be written there ({error.strerror or error})") from None


class LogLines(logging.Formatter):
    """Lines of a log that may be passed on, and be shown on a terminal, whatever names are in them."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The record's lines, its traceback included."""
        return str(printable(hide(super().format(record))))


class Screen(logging.Handler):
    """Says what is logged on standard error, above a bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Says the message, after its level."""
        say(sys.stderr, f"{record.levelname.lower()}: {hide(record.getMessage())}")


@contextlib.contextmanager
def log_file(folder: Path, go_on: bool) -> Iterator[None]:
    """Sends all logging and all warnings to `seqexp.log`, and seqexp's own warnings to the console as well.

    Creating that file is also how a run claims its folder: where it exists, another run has been. A run that goes on
    adds to it; then a lock is the claim.
    """
    if not go_on:
        check_run_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        file = logging.FileHandler(folder / "seqexp.log", mode="a" if go_on else "x", encoding="utf-8")
    except FileExistsError:
        raise ConfigError(f"{folder}: a run has just begun there; choose another folder") from None
    file.setFormatter(LogLines())
    with log_to(file, Screen(logging.WARNING)):
        yield
