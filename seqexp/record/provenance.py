"""Where a result comes from: what ran, on what, and a fingerprint of what defines it."""

from __future__ import annotations

import copy
import hashlib
import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import seqexp
from seqexp.config import EMBEDDING_SIZE, SOURCE_SEEDS
from seqexp.record.own import digest as own_digest
from seqexp.record.record import INERT_SETTINGS

if TYPE_CHECKING:
    import torch

NUMERICS = "0.1.0"
"""The version since which the same settings give the same bits: raised only when some settings do not any more."""

NEUTRAL_SETTINGS: dict[str, Any] = {
    "embedding_size": EMBEDDING_SIZE,
    **dict.fromkeys(SOURCE_SEEDS),
    "scheduler": {},
    "callback": {},
    "data.score": None,
    "data.fresh": False,
    "data.steps_per_epoch": None,
    "data.gap": 0,
    "data.folds": 1,
    "data.stratified": None,
    "data.rows": None,
    "data.shift": 0,
    "cell.weights": None,
    "cell.residual": False,
    "cell.reset": "after",
    "cell.init": "torch",
    "cell.init_scale": 1.0,
    "cell.forget_bias": None,
    "cell.t_max": None,
}
"""Dotted keys that are younger than `NUMERICS`, each with the value at which a run is what it was without the key.

So a key that is added retrains nothing, and whoever trains with another value of it has another run.
"""

OLDER_SETTINGS = {"cell.forget_bias": "seqexp.cell.lstm.LSTM"}
"""Keys of `NEUTRAL_SETTINGS` that one class, named by its `_target_`, had at `NUMERICS` already: of it, they count."""

CHANGED_SETTINGS: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    # A split by class; without the key, as older settings are, it is drawn without regard to them.
    "data.stratified": lambda data: data.get("label") is not None and data.get("stratified", False) is None,
    "trainer.overfit_batches": lambda trainer: trainer.get("overfit_batches") not in (None, 0),
    "trainer.accumulate_grad_batches": lambda trainer: trainer.get("accumulate_grad_batches") not in (None, 1),
    # Null was taken for 1. Where the interval is null as well, both validate at the end of each epoch.
    "trainer.check_val_every_n_epoch": lambda trainer: (
        trainer.get("check_val_every_n_epoch", 1) is None and trainer.get("val_check_interval") is not None
    ),
    # What these leave of the validation and test splits depended on the number of seeds.
    "trainer.limit_val_batches": lambda trainer: _is_limit(trainer.get("limit_val_batches")),
    "trainer.limit_test_batches": lambda trainer: _is_limit(trainer.get("limit_test_batches")),
    "trainer.fast_dev_run": lambda trainer: bool(trainer.get("fast_dev_run")),
}
"""Dotted keys that can mean other numbers than at `NUMERICS`; each with whether they do, in its group's settings."""

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
        # An installed copy may lie in somebody else's checkout.
        ask("ls-files", "--error-unmatch", "record/provenance.py")
        return {"commit": ask("rev-parse", "HEAD"), "dirty": bool(ask("status", "--porcelain", "--", *SOURCES))}
    except (OSError, subprocess.CalledProcessError):
        return None


def device_name(device: torch.device) -> str:
    """`cpu`, or the accelerator with its model."""
    if device.type == "cuda":
        import torch  # a comparison, which asks for neutral settings, starts without

        return f"{device.type} ({torch.cuda.get_device_name(device)})"
    return str(device.type)


def fingerprint(settings: Mapping[str, Any], own: str | None = None) -> str:
    """Hash of what defines a run's numbers: its configuration, and the user's own code and files that this names.

    Settings that change no bit are left out, and so are keys at their neutral value.

    Args:
        settings: the configuration, checked and resolved.
        own: digest of the user's own code and files; None takes that of today's.

    Returns:
        32 letters for the configuration; where something of the user's own is named, a dash and its digest as well.
    """
    kept = defining(settings)
    text = json.dumps([NUMERICS, kept, *changed_settings(settings)], sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    own = own_digest(settings) if own is None else own
    return f"{digest}-{own}" if own else digest


def changed_settings(settings: Mapping[str, Any]) -> list[str]:
    """The keys of a configuration that mean other numbers than at `NUMERICS`; see `CHANGED_SETTINGS`."""
    groups = {key: _value(settings, key.partition(".")[0]) for key in CHANGED_SETTINGS}
    return [
        key for key, is_other in CHANGED_SETTINGS.items() if isinstance(groups[key], dict) and is_other(groups[key])
    ]


def defining(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a configuration that can change a number; see `INERT_SETTINGS` and `NEUTRAL_SETTINGS`."""
    kept = copy.deepcopy(dict(settings))
    # The deepest first: a group of nothing but neutral keys can be neutral, too.
    for key in sorted((*INERT_SETTINGS, *NEUTRAL_SETTINGS), key=lambda key: -key.count(".")):
        path, _, name = key.rpartition(".")
        node = _value(kept, path) if path else kept
        if not isinstance(node, dict) or name not in node:
            continue
        if key in OLDER_SETTINGS and node.get("_target_") == OLDER_SETTINGS[key]:
            continue
        if key in INERT_SETTINGS or json.dumps(node[name]) == json.dumps(NEUTRAL_SETTINGS[key]):
            del node[name]
    return kept


def _is_limit(limit: int | float | None) -> bool:
    """Whether it leaves some of the batches, and not all: 1.0 is all of them, and 1 is one."""
    return limit not in (None, 0) and not (isinstance(limit, float) and limit == 1)


def _value(settings: Any, key: str) -> Any:
    """What stands at a dotted key; None where there is nothing."""
    for part in key.split("."):
        settings = settings.get(part) if isinstance(settings, dict) else None
    return settings
