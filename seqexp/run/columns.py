"""A run's row in TensorBoard's HPARAMS: cell, task and learning rate, and what was chosen on the command line."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from seqexp.record.record import INERT_SETTINGS, Record
from seqexp.run.build import Parts

Value = bool | str | float

RATE = "optimizer.lr"
BATCH, EPOCHS = "data.batch_size", "trainer.max_epochs"

HIDDEN = ("hydra", "sweep", "compare", "diagnostic", "logger", "callback")
"""Keys and groups that have no column of what was typed: no score depends on them."""

SPARED = (EPOCHS, "seed", "num_seeds")
"""Keys that have no column in a sweep that does not vary them: the page has room for three beside the scores."""


def columns(parts: Parts, record: Record, alike: Collection[str]) -> dict[str, Value]:
    """Column -> value. Names are short, as the axes of parallel coordinates have no room for more.

    Args:
        parts: of the run.
        record: the same, before its training.
        alike: keys that have one value in all of the run's sweep.
    """
    shown, size = parts.shown, f"cell.{parts.training.model.cell.size_key}"
    found: dict[str, Any] = {"data": record.data, "cell": record.cell, "lr": _at(shown, RATE)}
    known = {*found, RATE, *(key for key in SPARED if key in alike)}
    others = {
        size: ("hidden_size", _at(shown, size)),
        BATCH: ("batch_size", _at(shown, BATCH) or parts.data.splits["train"].inputs.shape[1]),
        EPOCHS: ("max_epochs", _at(shown, EPOCHS) or 1000),  # which is Lightning's own
    }
    for key, typed in _typed(record.overrides).items():
        if key in known or key in INERT_SETTINGS or key.partition(".")[0] in HIDDEN:
            continue
        if key in others:
            found |= [others[key]]
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
