"""The global state of a process, and what of it a command line that has ended may not have changed."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import logging
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

OWN = ("HYDRA_FULL_ERROR", "OMP_WAIT_POLICY", "KMP_", "PYTHONWARNINGS", "TORCHINDUCTOR_", "LC_", "HYDRA_MAIN_MODULE")
"""Environment variables that seqexp and its libraries set for good."""


def look() -> dict[str, Any]:
    """The state by name."""
    root, own = logging.getLogger(), logging.getLogger("seqexp")
    numbers = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
    return {
        "environment": {key: value for key, value in os.environ.items() if not key.startswith(OWN)},
        "working directory": _cwd(),
        "sys.path": list(sys.path),
        "signal handlers": {number: signal.getsignal(number) for number in numbers},
        "log handlers": (list(root.handlers), list(own.handlers)),
        "log levels": (root.level, own.level, logging.root.manager.disable),
        "errors of logging": logging.raiseExceptions,
        "warning filters": list(warnings.filters),
        "warnings into the log": warnings.showwarning,
        "threads": sorted(each.name for each in threading.enumerate() if not each.daemon),
        "torch": _torch(),
        "NumPy's random state": repr(np.random.get_state(legacy=True)),
        "random's state": hash(random.getstate()),
        "garbage collector": gc.isenabled(),
        "exception hook": sys.excepthook,
        "open files": _open_files(),
    }


def _torch() -> dict[str, Any]:
    """What torch keeps for the whole process; nothing where the program has not imported it."""
    if "torch" not in sys.modules:
        return {}
    import torch

    return {
        "threads": torch.get_num_threads(),
        "default type": torch.get_default_dtype(),
        "random state": hashlib.sha256(torch.get_rng_state().numpy().tobytes()).hexdigest(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "anomaly": torch.is_anomaly_enabled(),
        "gradients": torch.is_grad_enabled(),
        "benchmark": torch.backends.cudnn.benchmark,
    }


@contextlib.contextmanager
def kept() -> Iterator[list[str]]:
    """Compares the state before and after; yields the list that then names what differs, and takes back what can be."""
    before = look()
    leaked: list[str] = []
    environment, path, filters = dict(os.environ), list(sys.path), list(warnings.filters)
    try:
        yield leaked
    finally:
        after = look()
        for name, value in before.items():
            if name == "open files":
                if after[name] - value:
                    leaked.append(f"open files: {sorted(after[name] - value)[:3]}")
            elif after[name] != value:
                difference = _difference(value, after[name])
                leaked.append(f"{name}: {difference}")
        _restore(before, environment, path, filters)


def _restore(before: dict[str, Any], environment: dict[str, str], path: list[str], filters: list[Any]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = path
    warnings.filters[:] = filters  # type: ignore[index]
    logging.captureWarnings(False)
    warnings.showwarning = before["warnings into the log"]
    for number, handler in before["signal handlers"].items():
        with contextlib.suppress(OSError, TypeError, ValueError):
            signal.signal(number, handler)
    for logger, handlers, level in zip(
        (logging.getLogger(), logging.getLogger("seqexp")), before["log handlers"], before["log levels"], strict=False
    ):
        logger.handlers[:] = handlers
        logger.setLevel(level)
    logging.disable(before["log levels"][2])
    logging.raiseExceptions = before["errors of logging"]
    for each in list(logging.root.manager.loggerDict.values()):
        if isinstance(each, logging.Logger):
            each.disabled = False
    sys.excepthook = before["exception hook"]
    if before["torch"]:
        _restore_torch(before["torch"])


def _restore_torch(before: dict[str, Any]) -> None:
    import torch

    torch.set_num_threads(before["threads"])
    torch.set_default_dtype(before["default type"])
    torch.use_deterministic_algorithms(before["deterministic"])
    torch.autograd.set_detect_anomaly(before["anomaly"])
    torch.set_grad_enabled(before["gradients"])
    torch.backends.cudnn.benchmark = before["benchmark"]


def forget(home: Path) -> None:
    """Hydra keeps one configuration per process; a home's modules go with it."""
    if "hydra" in sys.modules:
        from hydra.core.global_hydra import GlobalHydra
        from hydra.core.hydra_config import HydraConfig

        GlobalHydra.instance().clear()
        HydraConfig.instance().cfg = None
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(home)):
            del sys.modules[name]
    sys.path_importer_cache.clear()


def _cwd() -> str:
    try:
        return os.getcwd()
    except OSError:
        return "gone"


def _open_files() -> set[str]:
    found = set()
    for number in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():
        with contextlib.suppress(OSError):
            name = os.readlink(f"/proc/self/fd/{number}")
            # Of a case, not a library's fonts; a sweep is locked until the program ends.
            if "/home/" in name and not name.endswith("/.lock"):
                found.add(name)
    return found


def _difference(before: Any, after: Any) -> str:
    if isinstance(before, dict):
        keys = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
        return str({key: (before.get(key), after.get(key)) for key in keys})[:300]
    if isinstance(before, list):
        new, gone = [each for each in after if each not in before], [each for each in before if each not in after]
        return f"new {new}, gone {gone}"[:300]
    return f"{before} -> {after}"[:300]
