"""The SQLite file of a search: made whole, locked by one process, and readable by others."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import optuna
from optuna.storages import RDBStorage

from seqexp.config.mistakes import ConfigError, first_line
from seqexp.record.files import put

DATABASE, LOCK = "search.db", "search.lock"


class SearchError(RuntimeError):
    """The search cannot go on now; the message is one paragraph. What had finished is in the database."""


@contextlib.contextmanager
def storage(folder: Path) -> Iterator[RDBStorage]:
    """Opens the search's database, for this process alone.

    A lock on a database of SQLite is gone with its process, however that ended.

    Raises:
        ConfigError: the folder is something else's, another process has it, or the file is damaged.
        SearchError: while it was open, the file could not be written any more.
    """
    path, part = folder / DATABASE, folder / f".{DATABASE}.part"
    ours = {LOCK, f"{LOCK}-journal", "search.log", part.name, f"{part.name}-journal"}  # of one that was killed at once
    if folder.is_dir() and {each.name for each in folder.iterdir()} - ours and not path.is_file():
        raise ConfigError(f"{folder}: the folder is not empty and holds no search; choose another search.name")
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(folder / LOCK, timeout=0, isolation_level=None)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                raise ConfigError(f"{folder}: another process is at work on this search") from None
            raise ConfigError(f"{folder / LOCK}: cannot be locked ({error})") from None
        try:
            if not path.exists():  # there it is whole or not at all
                part.unlink(missing_ok=True)
                _close(_open(part))
                put(part, path)
            opened = _open(path)
        except Exception as error:
            raise ConfigError(f"{path}: is no record of a search ({first_line(error)})") from None
        try:
            yield opened
        except optuna.exceptions.StorageInternalError as error:
            raise SearchError(f"{path}: cannot be written ({first_line(error.__cause__ or error)})") from error
        finally:
            _close(opened)


def _open(path: Path) -> RDBStorage:
    """Others may look on, so this waits for them."""
    return RDBStorage(f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": 60}})


def _close(opened: RDBStorage) -> None:
    opened.remove_session()
    opened.engine.dispose()
