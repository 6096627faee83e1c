"""Who is at work in a folder."""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import socket
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import SoftFileLock, Timeout, lock_descriptor

from seqexp.config.mistakes import ConfigError

LOCK = ".lock"

MARKER = ".lock.held"
"""Stands for the lock, by being there, on a file system that knows no locks."""

MARKER_SECONDS = 0.2
"""How long a marker is looked at: one that a killed process has left is found out, and replaced, in two looks."""

GLANCE_SECONDS = 0.02
"""Between two looks at a lock: who looks holds it for a moment, and is no process at work."""

SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""How a file is opened that may be a link or a pipe, where the system can tell."""


@dataclass
class Held:
    """A folder that this process holds until it is released, or the process ends, however it does.

    Attributes:
        file: the descriptor of its lock file.
        marker: where the file system knows no locks.
    """

    file: int
    marker: SoftFileLock | None = None

    def release(self) -> None:
        """Lets others have the folder."""
        os.close(self.file)
        if self.marker is not None:
            atexit.unregister(self.marker.release)
            self.marker.release()


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
            held.release()


def lock(folder: Path) -> Held | None:
    """Locks an existing folder, without waiting.

    Where the file system knows no locks, a marker file stands for the lock. What a killed process of this machine has
    left of it counts for nothing; after one of another machine, or where markers cannot be exchanged safely, the folder
    stays held, and `holder` names the file to remove.

    Returns:
        The lock; None where another process holds the folder.

    Raises:
        ConfigError: there is something else of that name, or it is not ours to write.
    """
    path = folder / LOCK
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | SAFELY, 0o666)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ConfigError(f"{path}: cannot be opened ({error.strerror}), so no process can hold the folder") from None
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, file)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise ConfigError(f"{path}: is no ordinary file, so no process can hold the folder")
        held = Held(file)
        try:
            if not lock_descriptor(file, blocking=False):
                return None
        except OSError:
            if (marker := _mark(folder)) is None:
                return None
            held = Held(file, marker)
        os.ftruncate(file, 0)
        # Windows lets nobody else read the first byte of a locked file.
        os.write(file, f" process {os.getpid()} on {socket.gethostname()}\n".encode())
        stack.pop_all()
    return held


def _mark(folder: Path) -> SoftFileLock | None:
    """Takes a folder by its marker; None where another process has it.

    Raises:
        ConfigError: no marker can be made.
    """
    marker = SoftFileLock(str(folder.absolute() / MARKER), thread_local=False)
    try:
        marker.acquire(timeout=MARKER_SECONDS, poll_interval=MARKER_SECONDS / 4)
    except Timeout:
        return None
    except OSError as error:
        raise ConfigError(f"{folder / MARKER}: cannot be made ({error.strerror}), and the file system has no locks, "
                          "so no process can hold the folder") from None  # fmt: skip
    atexit.register(marker.release)  # also keeps it, whoever forgets it
    return marker


def is_held(folder: Path) -> bool:
    """Whether another process is at work in a folder; looks, and leaves everything as it is."""
    if not _is_locked(folder):
        return False
    time.sleep(GLANCE_SECONDS)
    return _is_locked(folder)


def _is_locked(folder: Path) -> bool:
    for access in (os.O_RDWR, os.O_RDONLY):  # over NFS, what is not open for writing cannot be locked
        try:
            file = os.open(folder / LOCK, access | SAFELY)
        except OSError:
            continue
        try:
            return not lock_descriptor(file, blocking=False)
        except OSError:  # the file system knows no locks
            return _is_marked(folder)
        finally:
            os.close(file)
    return False


def _is_marked(folder: Path) -> bool:
    if not os.path.lexists(folder / MARKER):
        return False
    try:
        marker = _mark(folder)
    except ConfigError:
        return False
    if marker is not None:
        atexit.unregister(marker.release)
        marker.release()
    return marker is None


def holder(folder: Path) -> str:
    """Who holds a folder, as far as its lock file says; where there is a marker, also what to do after a crash."""
    try:
        with (folder / LOCK).open("rb", buffering=0) as file:
            file.seek(1 if os.name == "nt" else 0)
            text = file.read(1000).decode("utf-8", errors="replace").strip() or "unknown"
    except OSError:  # it has just ended
        return "unknown"
    marker = folder / MARKER
    if not os.path.lexists(marker):
        return text
    return f"{text}; the file system has no locks, so if no such process is there any more, remove {marker}"
