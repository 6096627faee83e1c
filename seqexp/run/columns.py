"""A run's row in TensorBoard's HPARAMS: what was chosen on the command line, and what is asked for most."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from seqexp.record.record import INERT_SETTINGS, Record
from seqexp.run.build import Parts

Value = bool | str | float

LAYERS, RATE = "cell.num_layers", "optimizer.lr"
BATCH, EPOCHS = "data.batch_size", "trainer.max_epochs"

HIDDEN = ("hydra", "sweep", "compare", "seed", "num_seeds", "diagnostic", "logger", "callback")
"""Keys and groups that have no column of what was typed: a column says it already, or no score depends on it."""


def columns(parts: Parts, record: Record, optimizer: str) -> dict[str, Value]:
    """Column -> value. Names are short, as the axes of parallel coordinates have no room for more.

    Args:
        parts: of the run.
        record: the same, before its training.
        optimizer: the name of its file.
    """
    data, shown = parts.data, parts.shown
    size = f"cell.{parts.training.model.cell.size_key}"
    found: dict[str, Any] = {
        "data": record.data,
        "cell": record.cell,
        "optimizer": optimizer,
        "metric": parts.training.score.name,
        "hidden_size": _at(shown, size),
        "num_layers": _at(shown, LAYERS),
        "lr": _at(shown, RATE),
        "batch_size": _at(shown, BATCH) or data.splits["train"].inputs.shape[1],
        "max_epochs": _at(shown, EPOCHS) or 1000,  # which is Lightning's own
        "seed": record.seeds[0],
        "num_seeds": len(record.seeds),
    }
    known = {*found, size, LAYERS, RATE, BATCH, EPOCHS}
    for key, typed in _typed(record.overrides).items():
        if key in known or key in INERT_SETTINGS or key.partition(".")[0] in HIDDEN:
            continue
        short = key.rpartition(".")[2]
        value = _at(shown, key)
        found[key if short in found else short] = typed if value is None or isinstance(value, Mapping) else value
    return {name: _value(each) for name, each in found.items() if each is not None}


def _typed(overrides: list[str]) -> dict[str, str]:
    """Key -> what was typed for it; `+cell@own=lstm` is a choice of the group `cell`."""
    settings = [each.lstrip("+").partition("=") for each in overrides if "=" in each and not each.startswith("~")]
    return {key.partition("@")[0].replace("/", "."): typed for key, _, typed in settings}


def _at(config: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key, None where there is none."""
    found: Any = config
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _value(value: Any) -> Value:
    """A value as HPARAMS takes it; what is not finite would count as a difference between runs, so it is a text."""
    if isinstance(value, bool) or (isinstance(value, int | float) and math.isfinite(value)):
        return value
    return str(value)
