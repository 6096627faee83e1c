"""How the program ends when SIGTERM or SIGHUP tells it to: in order, in one line, and not with status 0."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

NUMBERS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))

ECHO_SECONDS = 1.0
"""A second signal ends the program at once, but not within this time: `timeout` sends each one twice."""


class Terminated(SystemExit):
    """The program has been told to end; its status is 128 + the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = 128 + number

    def __str__(self) -> str:
        return f"ended by {signal.Signals(self.args[0]).name}"


class Ending:
    """Listens for the signals as long as a context lasts.

    It leaves alone what ignores a signal, as `nohup` does, and what handles it, as some launchers do.

    Args:
        at_once: raise `Terminated` where the program stands; otherwise who works asks for `received`, and `check`s.
        pass_on: tell the processes that this one has started, too.

    Attributes:
        received: the number of the signal that came; None before.
    """

    def __init__(self, at_once: bool, pass_on: bool = False) -> None:
        self.at_once = at_once
        self.pass_on = pass_on
        self.received: int | None = None
        self._since = 0.0
        self._before: dict[int, Any] = {}

    @property
    def seconds(self) -> float:
        """Since the signal came."""
        return time.monotonic() - self._since

    def __enter__(self) -> Ending:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.getsignal(number) for number in NUMBERS}
            self.listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if kind is None:
            self.check()

    def listen(self) -> None:
        """Takes the signals, also back from a library that has taken them meanwhile."""
        for number, handler in self._before.items():
            free = handler is signal.SIG_DFL or self._outer(number) is not None
            signal.signal(number, self._hear if free else handler)

    def check(self) -> None:
        """Raises `Terminated` if the program has been told to end."""
        if self.received is not None:
            raise Terminated(self.received)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None and self.seconds > ECHO_SECONDS:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        if self.received is None:
            self._note(number)
            for child in multiprocessing.active_children() if self.pass_on else ():
                with contextlib.suppress(ProcessLookupError, TypeError):
                    os.kill(child.pid, number)  # type: ignore[arg-type]
            if self.at_once:
                self.check()

    def _note(self, number: int) -> None:
        """Notes the signal, also for those who listened before and will again."""
        self.received, self._since = number, time.monotonic()
        if (outer := self._outer(number)) is not None:
            outer._note(number)

    def _outer(self, number: int) -> Ending | None:
        """Who listened before, if it was one of these."""
        owner = getattr(self._before[number], "__self__", None)
        return owner if isinstance(owner, Ending) else None
