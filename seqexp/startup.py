"""Imports torch, Lightning and the rest of seqexp in about two thirds of the time that they take by themselves.

Two things cost much and give nothing. The garbage collector goes through millions of new objects again and again, none
of which can go, and once more when the program ends. And torchmetrics, which Lightning imports, loads all of
`scipy.signal` to see whether it has one function that old programs want.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

SIGNAL = "scipy.signal"


class Later(ModuleType):
    """Stands in for a module while others are imported, and makes way for it as soon as anything of it is wanted."""

    hamming = None  # what torchmetrics looks for; it would be put there otherwise

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # inspect asks every module where it comes from
            raise AttributeError(name)
        sys.modules.pop(self.__name__, None)
        return getattr(importlib.import_module(self.__name__), name)


def prepare(folder: str) -> None:
    """Prepares this process for work, before anything is imported for it.

    Args:
        folder: the current one, so that the console script finds what `python -m seqexp` finds there.
    """
    if folder not in sys.path and "" not in sys.path:
        sys.path.insert(0, folder)
    # Threads that wait by spinning slow a small model down tenfold as soon as another program wants the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@contextlib.contextmanager
def interruptible(tidy: Callable[[], None] = lambda: None) -> Iterator[None]:
    """While the program is imported, has Ctrl-C end it in one line, with status 130 and no traceback.

    An exception would not do: what is imported may swallow it, and Python gives another status after some.

    Args:
        tidy: called before that line is written.
    """

    def end(*_: object) -> None:
        tidy()
        with contextlib.suppress(OSError):
            os.write(2, b"seqexp: interrupted\n")
        os._exit(130)

    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # ignored, or somebody else's
        yield
        return
    signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def load() -> None:
    """Imports everything that a run needs; a second call does nothing."""
    if "seqexp.run" in sys.modules:
        return
    with _uncollected(), _without_signal():
        importlib.import_module("seqexp.run")
    atexit.register(gc.freeze)  # or the end of the program would take a second


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # what the imports made stays: it need not be looked at again
        if collecting:
            gc.enable()


@contextlib.contextmanager
def _without_signal() -> Iterator[None]:
    if SIGNAL not in sys.modules:
        sys.modules[SIGNAL] = Later(SIGNAL)
    try:
        yield
    finally:
        if isinstance(sys.modules.get(SIGNAL), Later):
            del sys.modules[SIGNAL]
