"""Everything that seqexp changes in other libraries, each with its reason; what it is in Hydra stands in `hooks.py`.

Importing it changes nothing. Who starts work enters `changed` (the program, a search, `run()` from Python), who writes
a log enters `log_to`, who writes TensorBoard's files enters `endings_logged`, and all is as before when they leave. The
worker of a launcher, which does nothing else, begins with `change_for_good`. Elsewhere are the standard streams
(`show/console.py`), signals (`signals.py`), and what a Trainer switches on (`run/trainer.py`).
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

IGNORED = (
    # conf/hydra/launcher has files with the names that the launchers' packages register: ours set what theirs describe.
    r"\s*'hydra/launcher/",
    # --multirun was typed, and a hydra.mode=RUN beside it says no more than that.
    r"\s*Running Hydra app with --multirun",
    # Lightning wonders why a run is not one of Slurm's steps wherever Slurm is installed; a run is one process.
    "The `srun` command is available on your system but is not used",
)
"""Beginnings of warnings that say nothing to anybody."""

ADVERTISEMENT = "\N{ELECTRIC LIGHT BULB} Tip:"
"""Beginning of what Lightning logs to have other products installed."""

DEPRECATIONS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)
"""What Lightning's own code is warned of, such as a way to ask torch: nobody but Lightning can change it."""

TALKATIVE = ("lightning", "lightning.pytorch", "lightning.fabric", "optuna", "py.warnings")
"""Loggers that print by handlers of their own; what they say belongs to the log."""

_depth = 0
_for_good = contextlib.ExitStack()


@contextlib.contextmanager
def changed(resolvers: Mapping[str, Callable[..., Any]] | None = None) -> Iterator[None]:
    """Hydra, OmegaConf and warnings are as seqexp needs them, as long as the context lasts; contexts may be nested.

    Args:
        resolvers: those of OmegaConf that the caller needs beside those of `hooks.py`, by name.
    """
    from seqexp.config import hooks  # a comparison starts without Hydra

    global _depth
    with contextlib.ExitStack() as undo:
        undo.enter_context(warnings.catch_warnings())
        for text in IGNORED:
            warnings.filterwarnings("ignore", text)
        for name, function in (resolvers or {}).items():
            _resolve(undo, name, function, False)
        if _depth == 0:
            for name, (function, cached) in hooks.RESOLVERS.items():
                _resolve(undo, name, function, cached)
            for owner, name, change in hooks.METHODS:
                undo.callback(setattr, owner, name, owner.__dict__[name])
                setattr(owner, name, change(getattr(owner, name)))
        _depth += 1
        try:
            yield
        finally:
            _depth -= 1


def change_for_good(resolvers: Mapping[str, Callable[..., Any]]) -> None:
    """As `changed`, until the process ends; where something is changed already, whoever did that decides."""
    if _depth == 0:
        _for_good.enter_context(changed(resolvers))
        atexit.register(_for_good.close)  # later, when modules are taken apart, it could not be undone


def _resolve(undo: contextlib.ExitStack, name: str, function: Callable[..., Any], cached: bool) -> None:
    from omegaconf import OmegaConf
    from omegaconf.basecontainer import BaseContainer

    before = BaseContainer._resolvers.get(name)
    if before is None:
        undo.callback(OmegaConf.clear_resolver, name)
    else:
        undo.callback(BaseContainer._resolvers.__setitem__, name, before)
    OmegaConf.register_new_resolver(name, function, replace=True, use_cache=cached)


@contextlib.contextmanager
def log_to(file: logging.Handler, screen: logging.Handler | None = None) -> Iterator[None]:
    """Sends all logging and all warnings to a handler as long as the context lasts, and then closes it.

    Left out are Lightning's advertisements, and deprecations in its own code.

    Args:
        file: gets everything.
        screen: gets what seqexp itself has to say.
    """
    root, own = logging.getLogger(), logging.getLogger("seqexp")
    with contextlib.ExitStack() as undo:
        undo.callback(file.close)
        undo.callback(setattr, logging, "raiseExceptions", logging.raiseExceptions)
        logging.raiseExceptions = False  # a full disk shall end the run, not fill the console
        undo.enter_context(handed_on())
        undo.enter_context(warnings.catch_warnings())
        for category in DEPRECATIONS:
            warnings.filterwarnings("ignore", category=category, module=r"lightning\.")
        file.addFilter(_is_no_advertisement)
        undo.callback(root.setLevel, root.level)
        root.setLevel(logging.INFO)
        for logger, handler in ((root, file), (own, screen)):
            if handler is not None:
                undo.callback(logger.removeHandler, handler)
                logger.addHandler(handler)
        shown = warnings.showwarning
        logging.captureWarnings(True)
        if warnings.showwarning is not shown:  # else somebody else has them captured
            undo.callback(logging.captureWarnings, False)
        yield


def _is_no_advertisement(record: logging.LogRecord) -> bool:
    return not (record.name.startswith("lightning") and record.getMessage().startswith(ADVERTISEMENT))


@contextlib.contextmanager
def handed_on() -> Iterator[None]:
    """What talkative libraries log goes to whoever has a log, as long as the context lasts, and nowhere else."""
    with contextlib.ExitStack() as undo:
        for logger in map(logging.getLogger, TALKATIVE):
            undo.callback(setattr, logger, "propagate", logger.propagate)
            undo.callback(setattr, logger, "handlers", logger.handlers)
            logger.handlers, logger.propagate = [], True
        yield


@contextlib.contextmanager
def endings_logged(package: str, log: logging.Logger) -> Iterator[None]:
    """Logs what ends a package's threads, as long as the context lasts, in place of a traceback.

    Such as a full disk, which ends TensorBoard's writing thread, and which the next write raises in any case.
    """
    before = threading.excepthook

    def excepthook(args: threading.ExceptHookArgs) -> Any:
        if type(args.thread).__module__.split(".")[0] == package:
            log.info("a thread of %s ended: %s", package, args.exc_value)
        else:
            before(args)

    threading.excepthook = excepthook
    try:
        yield
    finally:
        threading.excepthook = before
