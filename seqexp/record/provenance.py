"""Where a result comes from: what ran, on what, and a fingerprint of what defines it."""

from __future__ import annotations

import copy
import functools
import hashlib
import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

import seqexp
from seqexp.record.record import INERT_SETTINGS

PACKAGES = ("torch", "lightning", "hydra-core", "omegaconf", "numpy")


SOURCES = (".", ":/conf")
"""What a result depends on, seen from the package's folder; a new file there makes a checkout dirty."""


def versions() -> dict[str, str]:
    """Versions of seqexp, Python and the packages that a result depends on."""
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"seqexp": seqexp.__version__, "python": platform.python_version(), **found}


def git() -> dict[str, Any] | None:
    """Commit and dirty flag of the checkout that this package runs from; None if it does not run from one."""
    package = Path(__file__).resolve().parent.parent

    def ask(*command: str) -> str:
        done = subprocess.run(["git", "-C", package, *command], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        ask(
            "ls-files", "--error-unmatch", "record/provenance.py"
        )  # an installed copy may lie in somebody else's checkout
        return {"commit": ask("rev-parse", "HEAD"), "dirty": bool(ask("status", "--porcelain", "--", *SOURCES))}
    except (OSError, subprocess.CalledProcessError):
        return None


def device_name(device: torch.device) -> str:
    """`cpu`, or the accelerator with its model."""
    if device.type == "cuda":
        return f"{device.type} ({torch.cuda.get_device_name(device)})"
    return str(device.type)


def fingerprint(settings: Mapping[str, Any]) -> str:
    """Hash of what defines a result: the resolved configuration, and this package's version.

    Settings that cannot change a result are left out.
    """
    kept = copy.deepcopy(dict(settings))
    for key in INERT_SETTINGS:
        *path, name = key.split(".")
        functools.reduce(lambda node, part: node[part], path, kept).pop(name, None)
    text = json.dumps([seqexp.__version__, kept], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
