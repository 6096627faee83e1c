"""The typed configuration, and what of it can be checked before anything else is loaded.

Needs neither torch nor lightning, so that help and completion start quickly.
"""

from __future__ import annotations

import typing
from dataclasses import dataclass, field, is_dataclass
from typing import Any

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

from seqexp.config import EMBEDDING_SIZE, MOST_SEEDS, MOST_WEIGHTS, SOURCE_SEEDS, names
from seqexp.config.kinds import LARGEST, check_figure, check_plain, check_type, margin_of
from seqexp.config.mistakes import ConfigError, first_line, show, unknown_key


@dataclass
class EarlyStopping:
    """When training may stop before its last epoch."""

    patience: int | None


@dataclass
class Sweep:
    """A multirun that has a name can be gone on with."""

    name: str | None
    dry: bool
    fail_fast: bool
    fresh_seeds: bool = False  # configurations of 0.1 have neither this
    judges: int | None = None  # nor this


@dataclass
class Compare:
    """What a multirun compares."""

    by: Any
    margin: Any = None  # records of 0.1 have neither
    figure: dict[str, Any] = field(default_factory=dict)


@dataclass
class Checkpoint:
    """How often the state of training is written to disk, and at how many steps the weights are."""

    every_seconds: float
    weights: int | None = None  # configurations of 0.1 have none


@dataclass
class Config:
    """The top of the configuration. A group's own keys are those of the class that its `_target_` names."""

    seed: int
    num_seeds: int
    data: dict[str, Any]
    cell: dict[str, Any]
    optimizer: dict[str, Any]
    trainer: dict[str, Any]
    early_stopping: EarlyStopping
    checkpoint: Checkpoint
    sweep: Sweep
    scheduler: dict[str, Any] = field(default_factory=dict)  # a record of 0.1 has none
    diagnostic: dict[str, Any] = field(default_factory=dict)  # nor of these
    logger: dict[str, Any] = field(default_factory=dict)
    callback: dict[str, Any] = field(default_factory=dict)
    embedding_size: int = EMBEDDING_SIZE
    data_seed: int | None = None  # configurations of 0.1 have none of these three
    model_seed: int | None = None
    order_seed: int | None = None
    print_every: int | None = None  # nor this
    compare: Compare = field(default_factory=lambda: Compare(by=None))  # configurations of 0.1 have none
    allowed_packages: list[str] = field(default_factory=list)
    allowed_environment: list[str] = field(default_factory=list)


NUMBERS = (int, int | None, float)
"""Kinds of values that OmegaConf would make numbers of, or refuse without saying what is allowed."""


def check(config: DictConfig) -> DictConfig:
    """Checks everything that needs no other package to be loaded.

    Args:
        config: as Hydra composed it, without its `hydra` node.

    Returns:
        The same values, typed and resolved.

    Raises:
        ConfigError: a key is unknown, or a value has the wrong type or is out of range.
    """
    typed, plain = _typed(config)
    for each in typed.allowed_packages:
        if "." in each:
            raise ConfigError(
                f"allowed_packages names top-level packages, such as [{each.split('.')[0]}], with all that is in them, "
                f"got {each}"
            )
    missing = sorted(OmegaConf.missing_keys(typed))
    if missing:
        raise ConfigError(f"{missing[0]} has no value; give one with {missing[0]}=...")
    _check_numbers(typed)
    by = plain.get("compare", {}).get("by")
    keys = by if isinstance(by, list) else [] if by is None else [by]
    if not all(isinstance(key, str) and key.strip() for key in keys) or len(set(keys)) < len(keys):
        raise ConfigError(
            "compare.by must be a swept key, such as cell.hidden_size, a list of them, each once, such as "
            f"[cell,cell.hidden_size], or null, got {show(by)}"
        )
    margin_of(plain.get("compare", {}).get("margin"))
    check_figure(plain.get("compare", {}).get("figure") or {})
    name = typed.sweep.name
    if name is not None and names.folder_name(name) != name:
        raise ConfigError(
            f"sweep.name must be the name of a folder below outputs: letters, digits and _.,=- only, no dot in front, "
            f"under 100 characters, got {show(name)}"
        )
    return typed


def _typed(config: DictConfig) -> tuple[DictConfig, dict[str, Any]]:
    """The configuration with the types that `Config` says, and the same as plain dictionaries.

    Raises:
        ConfigError: a key is unknown, or a value has the wrong type.
    """
    try:
        plain: Any = OmegaConf.to_container(config, resolve=True)
        check_plain(plain)
        _check_groups(plain, Config)
        for name, example in (("allowed_packages", "my_package"), ("allowed_environment", "HOME")):
            value = OmegaConf.select(config, name, default=[])
            if not (OmegaConf.is_list(value) or value == []):
                raise ConfigError(f"{name} must be a list, such as [{example}], got {value!r}")
        typed = OmegaConf.merge(OmegaConf.structured(Config), plain)
    except ConfigKeyError as error:
        if error.full_key == "experiment":
            raise ConfigError(
                "experiment: the chosen file sets nothing but a key of that name; "
                "it must begin with the line '# @package _global_'"
            ) from None
        known = list(Config.__dataclass_fields__)
        raise unknown_key(str(error.full_key), known) from None
    except OmegaConfBaseException as error:
        raise ConfigError(f"{error.full_key}: {first_line(error)}") from None
    return typing.cast(DictConfig, typed), plain


def _check_groups(plain: dict[str, Any], kind: type, path: str = "") -> None:
    """Refuses a single value where settings have keys of their own, and in a number's place what is none."""
    for name, hint in typing.get_type_hints(kind).items():
        if hint in NUMBERS and plain.get(name, MISSING) != MISSING:
            check_type(f"{path}{name}", plain[name], hint)
        value = plain.get(name, {})
        if value == MISSING or not (is_dataclass(hint) or typing.get_origin(hint) is dict):
            continue
        if not isinstance(value, dict):
            raise ConfigError(f"{path}{name} must be a group of settings, as in conf/config.yaml, got {value!r}")
        if isinstance(hint, type) and is_dataclass(hint):
            _check_groups(value, hint, f"{path}{name}.")


def _check_numbers(typed: DictConfig) -> None:
    """Refuses numbers out of range."""
    if typed.seed < 0:
        raise ConfigError(f"seed must be >= 0, got {typed.seed}")
    if not 1 <= typed.num_seeds <= MOST_SEEDS:
        raise ConfigError(f"num_seeds must be >= 1 and at most {MOST_SEEDS}, got {typed.num_seeds}")
    if typed.seed + typed.num_seeds > LARGEST:
        raise ConfigError(f"seed + num_seeds must be <= {LARGEST}, got {typed.seed} + {typed.num_seeds}")
    fixed = {name: typed[name] for name in SOURCE_SEEDS if typed[name] is not None}
    for name, seed in fixed.items():
        if seed < 0:
            raise ConfigError(f"{name} must be >= 0, or null to follow seed, got {seed}")
    if len(fixed) == len(SOURCE_SEEDS) and typed.num_seeds > 1:
        raise ConfigError(
            f"num_seeds must be 1 where {', '.join(SOURCE_SEEDS)} are all fixed, got {typed.num_seeds}: all seeds "
            "would be copies of one; set one of the three to null, so that it follows the seed"
        )
    if typed.embedding_size < 1:
        raise ConfigError(f"embedding_size must be >= 1, got {typed.embedding_size}")
    if typed.print_every is not None and typed.print_every < 1:
        raise ConfigError(f"print_every must be >= 1, or null for no lines, got {typed.print_every}")
    patience = typed.early_stopping.patience
    if patience is not None and patience < 1:
        raise ConfigError(f"early_stopping.patience must be >= 1, or null for never, got {patience}")
    if not typed.checkpoint.every_seconds >= 0:
        raise ConfigError(f"checkpoint.every_seconds must be >= 0, got {typed.checkpoint.every_seconds}")
    weights = typed.checkpoint.weights
    if weights is not None and not 2 <= weights <= MOST_WEIGHTS:
        raise ConfigError(
            f"checkpoint.weights must be from 2 (the first and the last step) to {MOST_WEIGHTS:,}, or null for none, "
            f"got {weights}"
        )
