"""Who is at work in a folder."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import logging
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from seqexp.config.mistakes import ConfigError

log = logging.getLogger(__name__)

LOCK = ".lock"


@contextlib.contextmanager
def taken(folder: Path) -> Iterator[bool]:
    """Holds a folder for this process as long as the context lasts, or until the process dies.

    Yields:
        Whether it could be had; False where another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    held = lock(folder)
    if held is not None:
        for part in folder.glob(".*.part"):  # a file that a killed process was writing
            part.unlink()
    try:
        yield held is not None
    finally:
        if held is not None:
            os.close(held)


def lock(folder: Path) -> int | None:
    """Locks an existing folder; the lock ends when the file descriptor that this returns is closed.

    Returns:
        The file descriptor; None where another process holds the folder. Where the file system knows no locks, nothing
        is held, and a warning says so.

    Raises:
        ConfigError: there is something else of that name, or it is not ours to write.
    """
    path = folder / LOCK
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ConfigError(f"{path}: cannot be opened ({error.strerror}), so no process can hold the folder") from None
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, file)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise ConfigError(f"{path}: is no ordinary file, so no process can hold the folder")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        except OSError as error:
            _warn_once(error.strerror)
        os.ftruncate(file, 0)
        os.write(file, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        stack.pop_all()
    return file


def is_held(folder: Path) -> bool:
    """Whether another process is at work in a folder; looks, and leaves everything as it is."""
    try:
        file = os.open(folder / LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # the file system knows no locks
        return False
    finally:
        os.close(file)
    return False


@functools.cache
def _warn_once(reason: str) -> None:
    log.warning("the file system gives no locks (%s): nothing keeps two processes out of one folder", reason)


def holder(folder: Path) -> str:
    """Who holds a folder, as far as its lock file says."""
    try:
        return (folder / LOCK).read_text(encoding="utf-8", errors="replace").strip() or "unknown"
    except OSError:  # it has just ended
        return "unknown"
