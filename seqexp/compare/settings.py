"""A run's configuration as flat settings: dotted keys, plain values, and how they are shown."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

from seqexp.config import SOURCE_SEEDS
from seqexp.config.leaves import leaves
from seqexp.record.provenance import NEUTRAL_SETTINGS
from seqexp.record.record import INERT_SETTINGS

Setting = str | int | float | bool | None

NO_SETTING = "\N{EN DASH}"
"""Stands where a run's configuration lacks a key that others have."""

EMPTY = "none"
"""Stands for a group without settings, and is the name of the file that is empty."""

MOST_SETTINGS = 1_000
LONGEST_KEY = 200
LONGEST_VALUE = 100_000
LONGEST_SHOWN = 100
"""Letters of a value that a label shows; of a longer one it shows the start, and a hash of the whole."""

_TRAINING_KEYS = {"data.batch_size", "data.steps_per_epoch"}
"""Keys under `data.` that say how to train, not what is to be learnt; so does `_SCALING`."""

_SCALING = "data.scaling"


def flatten(config: dict[str, Any]) -> tuple[dict[str, Setting], dict[str, str]]:
    """The settings of a configuration, and the targets of its groups.

    Args:
        config: the resolved configuration, of plain values.

    Returns:
        Dotted key -> value, where the last word of a group's `_target_` is the group's own value as well, as in
        `optimizer` = `adam`; and group -> `_target_` in full.

    Raises:
        ValueError: it is larger than any configuration.
    """
    settings: dict[str, Setting] = {}
    targets: dict[str, str] = {}
    for key, value in _settings(config):
        group, _, last = key.rpartition(".")
        if group and last == "_target_":
            targets[sys.intern(group)] = target = sys.intern(str(value))
            settings[sys.intern(group)] = sys.intern(target.rpartition(".")[2].lower())
        settings[sys.intern(key)] = value
        if len(settings) > MOST_SETTINGS:
            raise ValueError(f"config has more than {MOST_SETTINGS:,} keys")
    return settings, targets


@cache
def neutral() -> dict[str, Setting]:
    """The settings of a run that is older than these keys."""
    config: dict[str, Any] = {}
    for key, value in NEUTRAL_SETTINGS.items():
        *path, name = key.split(".")
        node = config
        for part in path:
            node = node.setdefault(part, {})
        node[name] = value
    return flatten(config)[0]


def show(value: Setting) -> str:
    """A setting as Hydra's command line spells it, in one line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = f"{value:g}" if isinstance(value, float) else re.sub(r"\s", " ", str(value))
    if len(text) <= LONGEST_SHOWN:
        return text
    return f"{text[:LONGEST_SHOWN]}… {hashlib.sha256(text.encode()).hexdigest()[:8]}"


@lru_cache(4096)
def is_inert(key: str) -> bool:
    """Whether runs that differ in this key alone are one: their seeds are pooled."""
    return any(f"{key}.".startswith(f"{inert}.") for inert in ("seed", "num_seeds", *INERT_SETTINGS))


def scales(key: str) -> bool:
    """Whether `key` says how a network's numbers are scaled; scores are in the data's own units all the same."""
    return f"{key}.".startswith(f"{_SCALING}.")


def defines_data(key: str) -> bool:
    """Whether runs that differ in `key` learnt different things."""
    of_data = key == "data" or key.startswith("data.") or key in SOURCE_SEEDS
    return of_data and key not in _TRAINING_KEYS and not scales(key)


def _settings(config: dict[str, Any]) -> Iterator[tuple[str, Setting]]:
    """Yields (dotted key, value) of what no reader need fear; lists are texts."""
    for key, value in leaves(config, into_lists=False):
        if len(key) > LONGEST_KEY or not key.isprintable():
            raise ValueError(f"config has a key that is no name: {key[:40]!r}")
        if value == {}:
            yield key, EMPTY
            continue
        plain = value if value is None or isinstance(value, str | int | float | bool) else json.dumps(value)
        if isinstance(plain, str) and len(plain) > LONGEST_VALUE:
            raise ValueError(f"config.{key} has more than {LONGEST_VALUE:,} letters")
        yield key, sys.intern(plain) if isinstance(plain, str) else plain
