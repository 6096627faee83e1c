"""The verb `board`: TensorBoard over a folder of runs, for this machine alone."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from seqexp.config import options
from seqexp.config.mistakes import ConfigError, current_folder, refuse, refusing_paths
from seqexp.record.tidy import EVENTS
from seqexp.show.console import prepare_output, say
from seqexp.signals import Ending, Terminated

USAGE = """\
Shows runs in TensorBoard, at an address that only this machine can reach; Ctrl-C ends it.

  {program}                   everything below outputs/
  {program} outputs/mine      a sweep, a run, or any folder of runs
  {program} --port 7000       at another port than 6006"""

HOST = "127.0.0.1"
FIRST_PORT = 6006
NEXT_PORTS = 20
"""If the first port is taken one of so many behind it is used; of all of them, any that is free."""

READY = re.compile(r"TensorBoard \S+ at (http://\S+)")
"""What TensorBoard says when it can be looked at."""

NOISE = re.compile(
    r"\s*$|TensorFlow installation not found|NOTE: Using experimental fast data loading"
    r'|\s+"--load_fast=false" and report|\s+https://github.com/tensorflow/tensorboard/issues/4784'
    r"|.*pkg_resources is deprecated|\s+import pkg_resources$"
)
"""What TensorBoard says at each start, whatever it shows; everything else is handed on."""

ENDING_SECONDS = 5.0
"""How long TensorBoard may take to end before it is killed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Starts TensorBoard, says where it is, and waits until it ends or is ended.

    Args:
        arguments: the command line without the program's name and the verb, None for that of this process.

    Returns:
        The exit status: 0 after Ctrl-C, 128 + the number of another signal, or 1 where TensorBoard ends by itself.

    Raises:
        SystemExit: with status 2, where there is nothing to show or the port cannot be had.
    """
    prepare_output()
    parser = options.parser("board", USAGE.format(program=options.called("board")))
    parser.add_argument("folder", metavar="FOLDER", nargs="?", type=Path, default=Path("outputs"), help="of runs")
    parser.add_argument("--port", type=int, help=f"of the address (default: {FIRST_PORT}, or the next that is free)")
    given = options.strict(parser).parse_args(arguments)
    try:
        current_folder()
        check(given.folder)
        port = free_port(given.port)
    except ConfigError as error:
        refuse(error)
    try:
        with Ending(at_once=True), _started(given.folder, port) as server:
            _hand_on(server, given.folder)
            server.wait()
    except Terminated as end:
        return 128 + int(end.args[0])
    except KeyboardInterrupt:
        return 0
    say(sys.stderr, f"TensorBoard has ended by itself, with status {server.returncode}")
    return 1


def check(folder: Path) -> None:
    """Refuses a folder in which TensorBoard would find nothing.

    Raises:
        ConfigError: it is not there, is no folder, cannot be read, or has no event file at any depth.
    """
    run = f"a run writes there, as {options.called()} cell=lstm does"
    with refusing_paths():
        if not folder.exists():
            raise ConfigError(f"{folder}: there is no such folder" + (f"; {run}" if folder == Path("outputs") else ""))
        if not folder.is_dir():
            raise ConfigError(f"{folder}: is no folder; TensorBoard shows a folder of runs")
        os.listdir(folder)
    found = (path for place, _, _ in os.walk(folder, followlinks=True) for path in Path(place).glob(EVENTS))
    if next(found, None) is None:
        raise ConfigError(f"{folder}: holds no run that TensorBoard could show, at no depth (no {EVENTS})")


def free_port(asked: int | None) -> int:
    """The port that was asked for; or the first of some that is free; or any.

    Raises:
        ConfigError: the one that was asked for is none, or is taken.
    """
    if asked is not None:
        if not 1 <= asked <= 65535:
            raise ConfigError(f"--port must be from 1 to 65535, got {asked}")
        if (wrong := _bind(asked)) is not None:
            raise ConfigError(f"--port {asked}: cannot be had ({wrong}); leave it out to get one that is free")
        return asked
    for port in range(FIRST_PORT, FIRST_PORT + NEXT_PORTS):
        if _bind(port) is None:
            return port
    with socket.socket() as own:
        own.bind((HOST, 0))
        return int(own.getsockname()[1])


def _bind(port: int) -> str | None:
    """What keeps a port from being used; None if nothing does."""
    with socket.socket() as own:
        if os.name == "posix":  # elsewhere it would let two have one port
            own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            own.bind((HOST, port))
        except OSError as error:
            return error.strerror or str(error)
    return None


@contextlib.contextmanager
def _started(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """TensorBoard in a process of its own, which ends with the context."""
    command = [sys.executable, "-P", "-m", "tensorboard.main", "--logdir", str(folder.absolute())]
    server = subprocess.Popen(
        [*command, "--host", HOST, "--port", str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # Ctrl-C is for this program, which ends it
    )
    try:
        yield server
    finally:
        server.terminate()
        try:
            server.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _hand_on(server: subprocess.Popen[str], folder: Path) -> None:
    """Says the address as soon as there is something at it, and what TensorBoard says of trouble, until it ends."""
    for line in server.stderr or ():
        if found := READY.match(line):
            say(sys.stdout, f"{folder}: {found[1]} · Ctrl-C ends it")
        elif not NOISE.match(line):
            say(sys.stderr, f"TensorBoard: {line}")
