"""A process that takes cases, one a line, and answers each with its outcome: `python -m fuzzing.worker ROOT`.

The program under test is whatever `seqexp` this process imports, so that one fuzz program tries any checkout. Cases run
in this process one after another, as in a notebook that never ends; what one leaves behind is noted and taken back.
"""

from __future__ import annotations

import contextlib
import csv
import faulthandler
import hashlib
import importlib
import io
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fuzzing import files, privileges, promises, spoil, state
from fuzzing.case import HOME, Case, Outcome

SECRET = "xyzzy-4711-plugh"
"""A value of the environment that no record may hold."""

MEMORY = 6 * 2**30
"""Bytes of address space that the process may have."""

SPOKEN = 100_000
"""So many characters of what is said on the console are kept."""

WHOLE_SECONDS = 120
"""After so long a process of its own is given up."""

PROCESSES = ("git", "lscpu", "uname", "ldconfig", "ldconfig.real", "gcc", "cc", "ld", "objdump", "nvidia-smi")
"""What seqexp and its libraries start by themselves."""

BESIDE = Path("outputs/beside")
TINY = ("num_seeds=2", "data.length=60", "trainer.max_epochs=1", "trainer.enable_progress_bar=false")


class Watch:
    """Notes by Python's audit hooks what the program does to the world outside its home."""

    def __init__(self, root: Path) -> None:
        self.own = (str(root), os.environ["TMPDIR"], os.environ["MPLCONFIGDIR"], "/dev/", "/proc/")
        self.noted: list[str] = []
        self.watching = False
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.watching:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes) and isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR):
                place = os.path.abspath(os.fsdecode(path))
                if not f"{place}/".startswith(self.own) and "__pycache__" not in place:
                    self.noted.append(f"wrote {place}")
        elif event in ("subprocess.Popen", "os.posix_spawn", "os.exec"):
            command = arguments[0]
            name = os.path.basename(os.fsdecode(command)) if isinstance(command, str | bytes) else str(command)
            if name not in PROCESSES and name != os.path.basename(sys.executable):
                self.noted.append(f"started {name}")
        elif event == "os.system":
            self.noted.append("started a shell")
        elif event == "socket.connect" and isinstance(arguments[1], tuple):
            self.noted.append("opened a network connection")


class Worker:
    """Runs cases.

    Args:
        root: an empty folder; homes, and what is said on the console, lie in it.
        ready: a home with a finished sweep, which every case gets a copy of.
    """

    def __init__(self, root: Path, ready: Path) -> None:
        self.root, self.ready = root.resolve(), ready
        self.watch = Watch(self.root)
        self.count = 0

    def run(self, case: Case) -> Outcome:
        """Runs one case in a new home."""
        self.count += 1
        place = self.root / f"case{self.count}"
        home = place / "a" / "home"  # so that `..` is still the case's own
        home.mkdir(parents=True)
        shutil.copytree(self.ready / BESIDE, home / BESIDE, symlinks=True)
        outcome = Outcome(case)
        for path, text in ({**files.THEIRS, **case.files} if case.files else {}).items():
            files.write(home, path, text)
        touched = [spoil.damage(home, *each) for each in case.damage]
        safe = list(_content(home, [path for path in touched if path is not None]))
        before = dict(_stats(place))
        arguments = [each.replace(HOME, str(home)) for each in case.arguments]
        start = time.monotonic()
        if case.whole:
            self._whole(case, arguments, home, outcome)
        else:
            self._here(case, arguments, home, outcome)
        outcome.seconds = time.monotonic() - start
        after = dict(_stats(place))
        outcome.written = sorted(
            path
            for path in before.keys() | after.keys()
            if before.get(path) != after.get(path) and not path.endswith(f"/{files.RAN}")
        )
        outcome.hurt = sorted(path for path, digest in safe if _digest(home / path) != digest)
        outcome.ran += ["code of a stranger's file"] * (home / files.RAN).exists()
        outcome.secret = [path for path in outcome.written if SECRET in path or _holds(place / path, SECRET.encode())]
        outcome.missed = promises.broken(case, outcome, place, self.ready)
        _remove(place)
        return outcome

    def _here(self, case: Case, arguments: list[str], home: Path, outcome: Outcome) -> None:
        module = importlib.import_module("seqexp.run" if case.is_call else f"{case.program}.__main__")
        os.chdir(home)
        sys.argv, sys.path[0] = [case.program, *arguments], str(home)
        with state.kept() as leaked, self._captured(outcome):
            self.watch.noted, self.watch.watching = [], True
            try:
                if case.is_call:
                    _call(module, case.program, arguments)
                    outcome.status = 0
                else:
                    outcome.status = module.main() or 0
            except SystemExit as end:
                outcome.status = end.code if isinstance(end.code, int) else int(end.code is not None)
                if isinstance(end.code, str):
                    sys.stderr.write(end.code + "\n")
            except BaseException:
                outcome.status, outcome.raised = 1, traceback.format_exc()[-SPOKEN:]
            finally:
                self.watch.watching = False
        outcome.leaked, outcome.ran = leaked, list(dict.fromkeys(self.watch.noted))
        os.chdir(self.root)
        state.forget(home)

    def _whole(self, case: Case, arguments: list[str], home: Path, outcome: Outcome) -> None:
        command = [sys.executable, "-m", case.program, *arguments]
        with (self.root / "out").open("wb") as out, (self.root / "err").open("wb") as err:
            process = subprocess.Popen(command, cwd=home, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            try:
                status = process.wait(WHOLE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                outcome.hung = f"after {WHOLE_SECONDS} s"
            else:
                outcome.status = status if status >= 0 else None
                outcome.died = "" if status >= 0 else signal.Signals(-status).name
        outcome.out, outcome.err = _read(self.root / "out"), _read(self.root / "err")

    @contextlib.contextmanager
    def _captured(self, outcome: Outcome) -> Iterator[None]:
        """Sends both streams to files, what C code writes as well."""
        kept = [os.dup(number) for number in (1, 2)]
        streams = sys.stdout, sys.stderr
        for number, name in ((1, "out"), (2, "err")):
            file = os.open(self.root / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, number)
            os.close(file)
        sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb", closefd=False), encoding="utf-8", write_through=True)
        sys.stderr = io.TextIOWrapper(
            os.fdopen(2, "wb", closefd=False), encoding="utf-8", errors="backslashreplace", write_through=True
        )
        try:
            yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
            sys.stdout, sys.stderr = streams
            for number, file in zip((1, 2), kept, strict=True):
                os.dup2(file, number)
                os.close(file)
            outcome.out, outcome.err = _read(self.root / "out"), _read(self.root / "err")


def _call(module: Any, name: str, arguments: list[str]) -> None:
    """`run` or `load`, whose refusals are two kinds of ValueError, known by their names in every version."""
    try:
        if name == "run":
            module.run(arguments, folder="outputs/mine")
        else:
            module.load(next(Path().glob(arguments[0]), arguments[0]))
    except Exception as error:
        if type(error).__name__ not in ("ConfigError", "RecordError"):
            raise
        sys.stderr.write(f"seqexp: {error}\n")
        sys.exit(2)


def _stats(place: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What is there: path -> kind, size and time of change."""
    for folder, names, others in os.walk(os.fsencode(place)):
        for name in (*names, *others):
            path = os.path.join(folder, name)
            try:
                found = os.lstat(path)
            except OSError:
                continue
            is_folder = stat.S_ISDIR(found.st_mode)
            times = () if is_folder else (found.st_size, found.st_mtime_ns, found.st_ino)
            yield os.path.relpath(path, os.fsencode(place)).decode("utf-8", "backslashreplace"), (found.st_mode, *times)


def _content(home: Path, touched: list[Path]) -> Iterator[tuple[str, str]]:
    """The files of the finished runs beside, but for those of runs that were damaged: path -> digest."""
    for folder in sorted((home / BESIDE).glob("cell=*")):
        if any(path == folder or folder in path.parents for path in touched):
            continue
        for path in sorted(folder.rglob("*")):
            if path.name != ".lock" and (digest := _digest(path)):
                yield str(path.relative_to(home)), digest


def _digest(path: Path) -> str:
    """Of an ordinary file; nothing of another."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(path.lstat().st_mode) else ""
    except OSError:
        return ""


def _holds(path: Path, text: bytes) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode) and path.stat().st_size < 2**22 and text in path.read_bytes()
    except OSError:
        return False


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(SPOKEN).decode("utf-8", "backslashreplace")


def _remove(place: Path) -> None:
    """Removes a folder, whatever its permissions have become."""

    def again(function: Callable[..., Any], path: str, _: Any) -> None:
        for each in (os.path.dirname(path), path):
            with contextlib.suppress(OSError):
                if not os.path.islink(each):
                    os.chmod(each, 0o700)
        if function is not os.open:  # rmtree cannot enter the folder, and does in the next round
            with contextlib.suppress(OSError):
                function(path)

    for _ in range(3):
        shutil.rmtree(os.fsencode(place), onerror=again)
        if not place.exists():
            return


def make(ready: Path) -> None:
    """Makes the finished sweep that every case gets a copy of, and beside it `wanted.json`: rows of its comparison."""
    ready.mkdir(parents=True)
    os.chdir(ready)
    sys.argv = ["seqexp", "--multirun", "sweep.name=beside", "cell=rnn,lstm,gru", *TINY]
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        importlib.import_module("seqexp.__main__").main()
    state.forget(ready)
    table = ready / BESIDE / "comparison.csv"
    rows = [[row["cell"], row["seed"], row["test_mse"]] for row in csv.DictReader(table.read_text().splitlines())]
    (ready / "wanted.json").write_text(json.dumps([row for row in rows if row[0] != "rnn"]))
    for path in (*table.parent.glob("comparison.*"), *table.parent.glob("curves.*")):
        path.unlink()


def main() -> None:
    """Answers cases until the input ends."""
    root, ready = Path(sys.argv[1]), Path(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    stack = (root / "stack").open("w")  # kept open for as long as the process lives
    faulthandler.register(signal.SIGUSR1, file=stack, all_threads=True)
    privileges.drop()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.environ["SEQEXP_FUZZ_SECRET"] = SECRET
    sys.path.insert(0, str(root))
    for name in ("seqexp.__main__", "seqexp.run", "seqexp.compare.__main__"):
        importlib.import_module(name)
    if not ready.exists():
        make(ready)
    worker = Worker(root, ready)
    answers.write(f"ready {importlib.import_module('seqexp').__file__}\n")
    answers.flush()
    for line in sys.stdin:
        answers.write(worker.run(Case.from_json(line)).to_json() + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
