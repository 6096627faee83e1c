"""Environment variables in a configuration: it may read any, and records show none that it does not name.

A record is passed on, and a password or a path of the home folder is not meant to go with it. What defines a run is
hashed with the true values; what is written down shows `<environment variable NAME>` in their place, unless NAME is in
`allowed_environment`.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from omegaconf import AnyNode, DictConfig, ListConfig
from omegaconf.errors import OmegaConfBaseException
from omegaconf.resolvers import oc

MASK = re.compile(r"<environment variable ([^<>]+?)(, decoded)?>")
"""What stands in a record where a variable's value stood; decoded, if that was no text."""

SHORTEST = 4
"""Letters below which a value is not looked for in a text: it would be found everywhere, and is no secret."""

_listening: list[set[str]] = []

_read_as_masks: set[str] = set()
"""The variables that at present are read as their mask."""

_hidden: dict[str, str] = {}
"""The variables that configurations of this process have read and do not allow to be shown, with their values."""


def read(key: str, *default: Any) -> str | None:
    """OmegaConf's own `oc.env`, which notes what is read."""
    if key in os.environ:
        for each in _listening:
            each.add(key)
    value: str | None = _mask(key) if key in _read_as_masks else oc.env(key, *default)
    return value


def _mask(name: str) -> str:
    return f"<environment variable {name}>"


@contextlib.contextmanager
def variables_read() -> Iterator[set[str]]:
    """Yields a set that fills with the variables that are read as long as the context lasts."""
    names: set[str] = set()
    _listening.append(names)
    try:
        yield names
    finally:
        _listening.pop()


def masked(config: DictConfig, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a record shows of a configuration; from then on `hide` knows the variables, too.

    Args:
        config: as Hydra composed it: interpolations say where a value comes from.
        settings: the same, checked, resolved and plain.

    Returns:
        `settings`, in which no value stands that comes from a variable which is not in `allowed_environment`.
    """
    allowed = set(settings["allowed_environment"])
    return {name: _masked(config, name, value, allowed, set()) for name, value in settings.items()}


def _masked(node: Any, name: Any, value: Any, allowed: set[str], above: set[str]) -> Any:
    """One value of a node, masked where a variable was read on the way to it; `above` are those of its parents."""
    child, read = None, above
    if isinstance(node, DictConfig | ListConfig) and (isinstance(name, int) or name in node):
        with variables_read() as names:
            child = node[name]
        read = above | (names - allowed)
    if isinstance(value, dict):
        return {key: _masked(child, key, part, allowed, read) for key, part in value.items()}
    if isinstance(value, list):
        return [_masked(child, index, part, allowed, read) for index, part in enumerate(value)]
    return _mask_value(node, name, value, read) if read else value


def _mask_value(node: Any, name: Any, value: Any, read: set[str]) -> str:
    """What a value would read if each variable held its own mask; or nothing but the masks, where it is no text."""
    _hidden.update({key: os.environ[key] for key in read})
    _read_as_masks.update(read)
    try:
        text = node[name]
    except (OmegaConfBaseException, TypeError):  # there is no such node, or it can do nothing with a mask
        text = None
    finally:
        _read_as_masks.clear()
    if not isinstance(value, str):
        return " ".join(f"{_mask(key)[:-1]}, decoded>" for key in sorted(read))
    masks = [_mask(key) for key in sorted(read)]
    return text if isinstance(text, str) and all(mask in text for mask in masks) else " ".join(masks)


def hide(text: str) -> str:
    """A text for a file, such as an error's message, without the values that `masked` has put a mask on."""
    for name in sorted(_hidden, key=lambda name: -len(_hidden[name])):  # one may be part of another
        if len(_hidden[name]) >= SHORTEST:
            text = text.replace(_hidden[name], _mask(name))
    return text


def unmasked(settings: Any, allowed: Collection[str], key: str = "") -> Any:
    """The settings of a record with present values in place of the masks.

    Args:
        settings: as recorded.
        allowed: the variables that may be looked up.
        key: where in the configuration they stand, for messages.

    Raises:
        LookupError: a variable is needed that is not allowed, or not set; the message says which, and where.
    """
    if isinstance(settings, dict):
        return {name: unmasked(value, allowed, f"{key}.{name}".lstrip(".")) for name, value in settings.items()}
    if isinstance(settings, list):
        return [unmasked(value, allowed, f"{key}.{index}") for index, value in enumerate(settings)]
    for found in MASK.finditer(settings) if isinstance(settings, str) else ():
        name = found[1]
        if name not in allowed:
            raise LookupError(
                f"{key} comes from the environment variable {name}, whose value was not recorded; "
                f"set it, and allow it to be read: load(..., allowed_environment=[{name!r}])"
            )
        if name not in os.environ:
            raise LookupError(f"{key} comes from the environment variable {name}, which is not set")
        if found[2] and found[0] == settings:
            return oc.decode(os.environ[name], DictConfig({}), AnyNode())
        settings = settings.replace(found[0], os.environ[name])
    return settings
