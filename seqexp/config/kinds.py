"""Whether a value of a configuration is of the kind that an annotation asks for."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Iterator
from typing import Any, Literal

# Imported for the resolvers that it registers: conf/hydra/output needs them wherever a configuration is composed.
from seqexp.config.mistakes import ConfigError

_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", type(None): "null"}


def check_type(key: str, value: Any, hint: Any) -> None:
    """Checks a value against an annotation, as far as YAML can say: what is not plain is the constructor's business."""
    options = list(_options(hint))
    if any(_fits(value, option) for option in options):
        return
    plain = [_NAMES[option] for option in options if option in _NAMES]
    literals = [option for option in options if typing.get_origin(option) is Literal]
    allowed = [*plain, *(str(item) for option in literals for item in typing.get_args(option))] or ["a list"]
    raise ConfigError(f"{key} must be {' or '.join(allowed)}, got {value!r}")


def _options(hint: Any) -> Iterator[Any]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        for option in typing.get_args(hint):
            yield from _options(option)
    else:
        yield hint


def _fits(value: Any, option: Any) -> bool:
    origin = typing.get_origin(option)
    if origin is Literal:
        return value in typing.get_args(option)
    if origin is not None:  # a container
        return isinstance(value, list | dict)
    if option is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if option in _NAMES:
        return type(value) is option
    return option is Any or not isinstance(option, type) or isinstance(value, option)
