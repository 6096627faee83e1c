"""A folder is held by one process, and by none that has died; also where the file system knows no locks."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import filelock
import pytest

from seqexp.config.mistakes import ConfigError
from seqexp.record import lock

CHILD = """
import os, sys, time
from pathlib import Path
from seqexp.record import lock

def refuse(file, blocking):
    raise OSError(number, os.strerror(number))

if number := int(sys.argv[2]):
    lock.lock_descriptor = refuse
print(lock.lock(Path(sys.argv[1])) is not None, flush=True)
time.sleep(60)
"""


@pytest.fixture(params=[0, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """A file system with locks, 0, or the error of one without."""
    number: int = request.param

    def refuse(file: int, blocking: bool) -> bool:
        raise OSError(number, os.strerror(number))

    if number:
        monkeypatch.setattr(lock, "lock_descriptor", refuse)
    return number


@pytest.fixture
def other(system: int, tmp_path: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    """Another process, which holds the folder."""
    command = [sys.executable, "-c", CHILD, str(tmp_path), str(system)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    return process


def test_a_process_holds_a_folder_until_it_is_killed(other: subprocess.Popen[str], tmp_path: Path) -> None:
    (tmp_path / ".result.json.456.part").touch()
    try:
        start = time.monotonic()
        assert lock.lock(tmp_path) is None
        assert lock.is_held(tmp_path)
        assert time.monotonic() - start < 5  # nobody waits for it
        with lock.taken(tmp_path) as ours:
            assert not ours
        assert f"process {other.pid} on " in lock.holder(tmp_path)
        assert (tmp_path / ".result.json.456.part").exists()  # not ours, so neither is the file
    finally:
        other.send_signal(signal.SIGKILL)
        other.communicate()
    assert not lock.is_held(tmp_path)
    with lock.taken(tmp_path) as ours:
        assert ours
        assert f"process {os.getpid()} on " in lock.holder(tmp_path)
        assert not (tmp_path / ".result.json.456.part").exists()


def test_a_folder_is_held_once_and_given_back(system: int, tmp_path: Path) -> None:
    with lock.taken(tmp_path) as first, lock.taken(tmp_path) as second:
        assert (first, second) == (True, False)
        assert lock.is_held(tmp_path)
    assert not lock.is_held(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [lock.LOCK]  # looking has left nothing
    with lock.taken(tmp_path) as again:
        assert again


@pytest.mark.parametrize("system", [errno.ENOLCK], indirect=True)
def test_after_a_crash_on_another_machine_it_is_said_what_to_remove(system: int, tmp_path: Path) -> None:
    (tmp_path / lock.MARKER).write_text("123\nanother-machine\n")
    (tmp_path / lock.LOCK).write_text("process 123 on another-machine\n")
    assert lock.lock(tmp_path) is None
    text = lock.holder(tmp_path)
    assert text.startswith("process 123 on another-machine; the file system has no locks, so if no such process ")
    Path(text.rpartition(" remove ")[2]).unlink()
    with lock.taken(tmp_path) as ours:
        assert ours


@pytest.mark.parametrize("system", [errno.ENOLCK], indirect=True)
def test_where_no_marker_can_be_made_nothing_is_held(
    system: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **keywords: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(filelock.SoftFileLock, "acquire", refuse)
    with pytest.raises(ConfigError, match=r"\.lock\.held: cannot be made \(Permission denied\)"):
        lock.lock(tmp_path)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.ELOOP, errno.EISDIR, errno.ENXIO])
def test_a_lock_that_is_not_ours_is_refused(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *arguments: object) -> int:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(lock.os, "open", refuse)
    with pytest.raises(ConfigError, match=os.strerror(number)), lock.taken(tmp_path):
        pass


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_a_lock_that_is_a_pipe_or_a_folder_is_refused(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / lock.LOCK)
    with pytest.raises(ConfigError), lock.taken(tmp_path):
        pass
