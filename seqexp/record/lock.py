"""Who is at work in a folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

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
        The file descriptor; None where another process holds the folder.
    """
    file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    os.ftruncate(file, 0)
    os.write(file, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
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


def holder(folder: Path) -> str:
    """Who holds a folder, as far as its lock file says."""
    return (folder / LOCK).read_text(encoding="utf-8").strip() or "unknown"
