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
import sys
from collections.abc import Iterator
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
