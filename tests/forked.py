"""Starts programs from a process that has made their imports: `python -m seqexp` without the seconds they take.

`python tests/forked.py SOCKET` is that process: it imports what the programs import, and forks for each that is asked
for. The fork gets the arguments, environment, folder and streams that a new Python would get, runs the program as
`python -m` or `-c` does, and ends as Python ends.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

IMPORTED = ("seqexp.program.run", "seqexp.compare.__main__", "seqexp.search.__main__", "seqexp.search.study")
"""What whole programs import, as far as it is installed."""


class Ended(NamedTuple):
    """How a program ended."""

    returncode: int
    stdout: str
    stderr: str


class Forked:
    """A program that runs, with the methods of `subprocess.Popen` that the tests need; what it writes goes to files."""

    def __init__(self, answers: socket.socket, said: Sequence[Path]) -> None:
        self._answers, self._said = answers, said
        self._file = answers.makefile("r")
        self.pid = int(self._file.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        status = self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return status

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        self.wait(timeout)
        out, err = (each.read_text(encoding="utf-8") for each in self._said)
        return out, err

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._answers], [], [], timeout)[0]:
            self.returncode = int(self._file.readline())
            self.close()
        return self.returncode

    def close(self) -> None:
        """Hears of the program no more."""
        self._file.close()
        self._answers.close()


class Starter:
    """Starts programs; the first one takes as long as it ever did.

    Args:
        folder: an empty one, for the socket and what the forking process says.
        environment: that of a program; each start may have another.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder, self._environment = folder, environment
        self._server: subprocess.Popen[bytes] | None = None
        self._started: list[Forked] = []

    def start(self, *arguments: str, cwd: Path, env: Mapping[str, str]) -> Forked:
        """Starts Python with these arguments, `-m MODULE ...` or `-c CODE ...`."""
        place = self._serving()
        said = [self._folder / f"{len(self._started)}.{name}" for name in ("out", "err")]
        request = {"arguments": arguments, "cwd": str(cwd), "env": dict(env), "said": [str(each) for each in said]}
        answers = socket.socket(socket.AF_UNIX)
        answers.connect(place)
        answers.sendall(json.dumps(request).encode() + b"\n")
        self._started.append(Forked(answers, said))
        return self._started[-1]

    def run(self, *arguments: str, cwd: Path, env: Mapping[str, str]) -> Ended:
        """Runs Python with these arguments to its end."""
        process = self.start(*arguments, cwd=cwd, env=env)
        out, err = process.communicate()
        return Ended(process.wait(), out, err)

    def close(self) -> None:
        """Ends the process that forks."""
        for each in self._started:
            each.close()
        if self._server is not None:
            self._server.communicate()

    def _serving(self) -> str:
        place = str(self._folder / "socket")
        if self._server is None:
            command, pipe = [sys.executable, str(Path(__file__).resolve()), place], subprocess.PIPE
            self._server = subprocess.Popen(command, env=dict(self._environment), stdin=pipe, stdout=pipe)
            assert self._server.stdout is not None
            assert self._server.stdout.readline() == b"ready\n"
        return place


# ---------------------------------------------------------------- the process that forks


def serve(place: str) -> dict[str, Any] | None:
    """Forks for each request; gives it to the fork, and nothing once nobody asks any more."""
    waiting: dict[int, socket.socket] = {}
    reader, writer = os.pipe()
    for number in (reader, writer):
        os.set_blocking(number, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writer)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(place)
        door.listen()
        os.write(1, b"ready\n")
        while True:
            ready = select.select([door, reader, 0], [], [])[0]
            if 0 in ready:
                return None
            if reader in ready:
                os.read(reader, 1000)
                with contextlib.suppress(ChildProcessError):
                    while (found := os.waitpid(-1, os.WNOHANG))[0]:
                        with waiting.pop(found[0]) as client, contextlib.suppress(OSError):
                            client.sendall(b"%d\n" % os.waitstatus_to_exitcode(found[1]))
            if door in ready:
                client, _ = door.accept()
                with client.makefile("rb") as file:
                    request: dict[str, Any] = json.loads(file.readline())
                if pid := os.fork():
                    waiting[pid] = client
                    client.sendall(b"%d\n" % pid)
                    continue
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for each in (client, *waiting.values()):
                    each.close()
                os.close(reader)
                os.close(writer)
                return request


def become(request: dict[str, Any], kept: Mapping[str, str]) -> None:
    """Gives this process the streams, folder and environment of a new one; `kept` is what imports set."""
    for own, (name, flags) in enumerate(
        [(os.devnull, os.O_RDONLY), *((each, os.O_WRONLY | os.O_CREAT) for each in request["said"])]
    ):
        number = os.open(name, flags, 0o600)
        os.dup2(number, own)
        os.close(number)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update({**kept, **request["env"]})
    time.tzset()


def main(place: str) -> None:
    """Imports, forks, and in the fork runs the program."""
    sys.path.remove(str(Path(__file__).parent))
    before = dict(os.environ)
    importlib.import_module("seqexp.startup").load()
    for module in IMPORTED:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
        if module.endswith(".__main__"):  # which `-m` runs, and finds to be imported already
            sys.modules.pop(module, None)
    kept = {name: value for name, value in os.environ.items() if before.get(name) != value}
    request = serve(place)
    if request is None:
        return
    become(request, kept)
    flag, what, *rest = request["arguments"]
    program = sys.modules["__main__"] = ModuleType("__main__")
    if flag == "-m":
        sys.path.insert(0, os.getcwd())
        sys.argv = ["-m", *rest]
        runpy._run_module_as_main(what)
    else:
        sys.path.insert(0, "")
        sys.argv = ["-c", *rest]
        exec(compile(what, "<string>", "exec"), program.__dict__)


if __name__ == "__main__":
    main(sys.argv[1])
