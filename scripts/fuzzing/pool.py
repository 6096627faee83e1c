"""Worker processes that are fed with cases, watched, and replaced where a case hangs or kills them."""

from __future__ import annotations

import contextlib
import os
import queue
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from fuzzing.case import Case, Outcome

STILL_SECONDS = 12
"""A process that has done nothing at all for so long waits for something that does not come."""

BUSY_SECONDS = 40
"""A case that has computed for so long, all of them being tiny, would not end."""

WALL_SECONDS = 240
"""The longest that any case may take."""

CASES = 300
"""After so many cases a worker makes way for a fresh one."""


class Pool:
    """Workers on a checkout.

    Args:
        tree: the checkout whose `seqexp` is tried.
        root: an empty folder.
        count: how many workers.
    """

    def __init__(self, tree: Path, root: Path, count: int) -> None:
        self.tree, self.root = tree.resolve(), root.resolve()
        self.ready = self.root / "ready"
        self.feeders = [Feeder(self, self.root / f"worker{number}") for number in range(count)]

    def environment(self) -> dict[str, str]:
        """The checkout's package first, one thread, and a place for temporary files that nobody looks at."""
        (self.root / "tmp").mkdir(exist_ok=True)
        (self.root / "cache").mkdir(exist_ok=True)
        scripts = Path(__file__).resolve().parents[1]
        own = {"PYTHONPATH": f"{self.tree}{os.pathsep}{scripts}", "TMPDIR": str(self.root / "tmp")}
        own |= {"MPLCONFIGDIR": str(self.root / "cache"), "XDG_CACHE_HOME": str(self.root / "cache")}
        quiet = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200", "HYDRA_FULL_ERROR": "1"}
        return {**os.environ, **own, **quiet, "SEQEXP_FUZZ_SECRET": "unset"}

    def __enter__(self) -> Pool:
        """Starts the first worker, which makes the finished sweep that every case gets a copy of.

        Raises:
            RuntimeError: the checkout cannot even do that.
        """
        self.feeders[0].begin()
        return self

    def __exit__(self, *_: object) -> None:
        """Lets all workers end."""
        for feeder in self.feeders:
            feeder.end()

    @property
    def package(self) -> str:
        """The path of the package under test, as the first worker has found it."""
        return self.feeders[0].package

    def run(self, cases: Sequence[Case], report: Callable[[Outcome], None]) -> list[Outcome]:
        """Runs cases on all workers; the outcomes in the order of the cases.

        Args:
            cases: what to try.
            report: is told of each outcome as it comes.
        """
        waiting: queue.SimpleQueue[tuple[int, Case]] = queue.SimpleQueue()
        for index, case in enumerate(cases):
            waiting.put((index, case))
        outcomes: dict[int, Outcome] = {}
        lock = threading.Lock()

        def work(feeder: Feeder) -> None:
            with contextlib.suppress(queue.Empty):
                while True:
                    index, case = waiting.get_nowait()
                    outcome = feeder.run(case)
                    with lock:
                        outcomes[index] = outcome
                        report(outcome)

        threads = [threading.Thread(target=work, args=(each,)) for each in self.feeders[: len(cases)]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [outcomes[index] for index in sorted(outcomes)]


class Feeder:
    """One worker process after another, each fed with one case at a time."""

    def __init__(self, pool: Pool, root: Path) -> None:
        self.pool, self.root = pool, root
        self.process: subprocess.Popen[str] | None = None
        self.left, self.package = 0, ""

    def run(self, case: Case) -> Outcome:
        """Runs one case; if the worker hangs or dies over it, that is the outcome."""
        if self.left == 0:
            self.end()
        if self.process is None:
            self.begin()
        process, given, answers = self._pipes()
        self.left -= 1
        start = time.monotonic()
        with contextlib.suppress(BrokenPipeError):
            given.write(case.to_json() + "\n")
            given.flush()
        hung = self._wait(process, answers, start, case.whole)
        answer = "" if hung else answers.readline()
        if answer:
            return Outcome.from_json(case, answer)
        outcome = Outcome(case, seconds=time.monotonic() - start, hung=hung)
        if not hung:
            outcome.died = f"{_end_of(process.wait())} {(self.root / 'said').read_text(errors='replace')[-500:]}"
        self._kill()
        return outcome

    def begin(self) -> None:
        """Starts a worker, and waits until it is ready.

        Raises:
            RuntimeError: it does not start.
        """
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        command = [sys.executable, "-m", "fuzzing.worker", str(self.root), str(self.pool.ready)]
        with (self.root / "said").open("w") as said:
            self.process = subprocess.Popen(
                command, cwd=self.root, env=self.pool.environment(), text=True, encoding="utf-8",
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, start_new_session=True,
            )  # fmt: skip
        self.left = CASES
        self.package = self._pipes()[2].readline().removeprefix("ready ").strip()
        if not self.package:
            raise RuntimeError(f"the worker does not start: {(self.root / 'said').read_text()}")

    def _pipes(self) -> tuple[subprocess.Popen[str], IO[str], IO[str]]:
        process = self.process
        if process is None or process.stdin is None or process.stdout is None:
            raise RuntimeError("there is no worker")
        return process, process.stdin, process.stdout

    def _wait(self, process: subprocess.Popen[str], answers: IO[str], start: float, whole: bool) -> str:
        """Waits for an answer; says where the program stands if none comes."""
        first = last = _cpu_seconds(process.pid)
        moved = start
        while not select.select([answers], [], [], 0.5)[0]:
            now, cpu = time.monotonic(), _cpu_seconds(process.pid)
            if cpu > last:
                last, moved = cpu, now
            still = now - moved > STILL_SECONDS and not whole
            if still or cpu - first > BUSY_SECONDS or now - start > WALL_SECONDS:
                why = "waits" if still else "computes"
                return f"{why}, after {now - start:.0f} s, {self._stack(process)}"
        return ""

    def _stack(self, process: subprocess.Popen[str]) -> str:
        """The innermost frames of the program that hangs."""
        with contextlib.suppress(OSError):
            process.send_signal(signal.SIGUSR1)
            time.sleep(0.5)
            lines = (self.root / "stack").read_text(errors="replace").splitlines()
            main = next(
                (index for index, line in enumerate(lines) if "(most recent call first)" in line and "Current" in line),
                0,
            )
            frames = [line.strip().removeprefix("File ") for line in lines[main:] if line.strip().startswith("File ")]
            own = [each for each in frames if "/seqexp/" in each][:2]
            return "in " + " < ".join([*frames[:1], *own])
        return "no one knows where"

    def end(self) -> None:
        """Lets the worker end."""
        if self.process is None:
            return
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        self._kill()

    def _kill(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            for pipe in self._pipes()[1:]:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self.process, self.left = None, 0


def _end_of(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"exit {status}"


def _cpu_seconds(pid: int) -> float:
    """Seconds that a process and its ended children have computed."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(each) for each in fields[11:15]) / os.sysconf("SC_CLK_TCK")
