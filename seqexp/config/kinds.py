"""Whether a value of a configuration is of the kind that an annotation asks for."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from seqexp.config.mistakes import ConfigError

_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", type(None): "null"}
_ITEMS = {int: "whole numbers", float: "numbers", str: "texts"}

LARGEST = 2**63 - 1
"""What a whole number can be at most, for torch, NumPy and JSON readers alike."""


def check_plain(node: Any, key: str = "") -> None:
    """Checks what every value of a configuration must be: a number of 64 bits, a text that can be written, or less.

    Args:
        node: a value, or nested dictionaries and lists of them.
        key: where it stands.

    Raises:
        ConfigError: the first value that is something else.
    """
    if isinstance(node, dict | list):
        for name, value in node.items() if isinstance(node, dict) else enumerate(node):
            check_plain(value, f"{key}.{name}" if key else str(name))
    elif isinstance(node, int) and abs(node) > LARGEST:
        raise ConfigError(f"{key} must be a number of 64 bits, between -{LARGEST} and {LARGEST}")
    elif isinstance(node, str) and any("\ud800" <= each <= "\udfff" or each == "\0" for each in node):
        raise ConfigError(f"{key} must be a text without halves of letters or zero bytes, got {node!r}")
    elif not isinstance(node, int | float | str | None):
        raise ConfigError(f"{key} must be a number, a text, true, false or null, got {type(node).__name__}")


def check_type(key: str, value: Any, hint: Any) -> None:
    """Checks a value against an annotation, as far as YAML can say: what is not plain is the constructor's business."""
    options = list(_options(hint))
    if any(_fits(value, option) for option in options):
        return
    plain = [_NAMES[option] for option in options if option in _NAMES]
    literals = [option for option in options if typing.get_origin(option) is Literal]
    lists = [f"a list of {_ITEMS[item]}" for option in options if (item := _item(option)) in _ITEMS]
    allowed = [*plain, *(str(item) for option in literals for item in typing.get_args(option)), *lists] or ["a list"]
    raise ConfigError(f"{key} must be {' or '.join(allowed)}, got {value!r}")


def _options(hint: Any) -> Iterator[Any]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        for option in typing.get_args(hint):
            yield from _options(option)
    else:
        yield hint


def _item(option: Any) -> Any:
    """What a list of this kind holds; None of all that is no list."""
    return typing.get_args(option)[0] if typing.get_origin(option) in (list, Sequence) else None


def _fits(value: Any, option: Any) -> bool:
    origin = typing.get_origin(option)
    if origin is Literal:
        return value in typing.get_args(option)
    if (item := _item(option)) is not None:
        return isinstance(value, list) and all(any(_fits(each, kind) for kind in _options(item)) for each in value)
    if origin is not None:  # another container
        return isinstance(value, list | dict)
    if option is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if option in _NAMES:
        return type(value) is option
    return option is Any or not isinstance(option, type) or isinstance(value, option)


def margin_of(value: Any) -> float | None:
    """The share within which two scores count as alike, as `compare.margin` gives it.

    Args:
        value: a share such as 0.02, the same in words, such as 2%, or None.

    Raises:
        ConfigError: it is something else, or not above 0 and below 1.
    """
    if value is None:
        return None
    try:
        if isinstance(value, str):
            number = value.strip()
            share = float(number[:-1]) / 100 if number.endswith("%") else float(number)
        else:
            share = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        share = math.nan
    if not 0 < share < 1:
        raise ConfigError(f"compare.margin must be above 0 and below 100 %, such as 2% or 0.02, or null, got {value!r}")
    return share


FIGURES = ("png", "svg", "pdf")
"""Formats of a comparison's figures."""

_SIZES = {"width": (2, 20, "inches"), "font": (4, 30, "points")}


def check_figure(node: dict[str, Any]) -> None:
    """Checks `compare.figure`.

    Args:
        node: `width` and `font`, numbers or None, and `format`, a list of formats; any of them may be missing.

    Raises:
        ConfigError: there is another key, a number is out of range, or a format is none.
    """
    for name in node:
        if name not in (*_SIZES, "format"):
            raise ConfigError(f"compare.figure.{name}: unknown; there are width, font and format")
    for name, (least, most, unit) in _SIZES.items():
        value = node.get(name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (is_number and least <= value <= most):
            raise ConfigError(f"compare.figure.{name} must be from {least} to {most} {unit}, or null, got {value!r}")
    kinds = node.get("format")
    if kinds is None:
        return
    known = isinstance(kinds, list) and kinds and all(kind in FIGURES for kind in kinds)
    if not known or len(set(kinds)) < len(kinds):
        raise ConfigError(f"compare.figure.format must be a list of {', '.join(FIGURES)}, each once, got {kinds!r}")


def check_texts(caller: str, example: str, overrides: Sequence[str]) -> None:
    """Refuses what is no list of settings, such as one text.

    Args:
        caller: the function that takes them.
        example: a setting.
        overrides: what it was given.

    Raises:
        ConfigError: it is none.
    """
    if isinstance(overrides, str) or not all(isinstance(each, str) for each in overrides):
        raise ConfigError(f'{caller} takes a list of texts, as ["{example}", "num_seeds=3"], got {overrides!r}')
