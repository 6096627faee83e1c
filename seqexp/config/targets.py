"""The only places where a `_target_` becomes an object."""

from __future__ import annotations

import collections.abc
import contextlib
import importlib
import inspect
import sys
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any, TypeVar

from seqexp.config.kinds import check_type
from seqexp.config.mistakes import ConfigError, first_line, refusing_too_large, show, unknown_key

PACKAGES = ("seqexp", "torch", "lightning")
"""Packages that a `_target_` may always name."""

LIBRARIES = ("torch", "lightning")
"""Those of them whose constructors refuse a value by any kind of exception."""

T = TypeVar("T")


def find_class(where: str, target: Any, base: type[T], allowed: Sequence[str], key: str = "_target_") -> type[T]:
    """Imports the class that a `_target_` names.

    Args:
        where: the key that holds the target's node, for messages.
        target: dotted path.
        base: what the class must be or derive from.
        allowed: top-level packages that the user trusts, beside `PACKAGES`. Nothing is imported from any other.
        key: the key of that node which holds the path, where it is not `_target_`.

    Raises:
        ConfigError: the path lies elsewhere, does not import, or is not such a class, or lacks a method.
    """
    packages = (*PACKAGES, *allowed)
    shown = f"{where}.{key}={show(target)}"
    if not isinstance(target, str) or not target:
        raise ConfigError(f"{shown}: must be the dotted path of a class")
    if target.split(".")[0] not in packages:
        raise ConfigError(
            f"{shown}: only classes from {', '.join(packages)} may be built. If you trust that package, "
            f"add its name: 'allowed_packages=[{target.split('.')[0]}]'"
        )
    try:
        found = _locate(target)
    except Exception as error:
        raise ConfigError(f"{shown}: cannot be imported ({first_line(error)})") from None
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ConfigError(f"{shown}: must be a class derived from {base.__module__}.{base.__qualname__}")
    if inspect.isabstract(found):
        missing = ", ".join(sorted(getattr(found, "__abstractmethods__", ())))
        raise ConfigError(f"{shown}: every {base.__name__} must have {missing}, and this class has not")
    if found.__module__.split(".")[0] not in packages:
        raise ConfigError(
            f"{shown}: is a class of {found.__module__}; only those of {', '.join(packages)} may be built"
        )
    return found


def find_listed(group: str, name: str, node: Any, base: type[T], allowed: Sequence[str]) -> type[T]:
    """Imports the class that an entry of a group of many names, such as `callback.timer`.

    Args:
        group: such as `callback`.
        name: what the entry is called.
        node: its settings.
        base: as for `find_class`, like the rest.
        allowed: see there.

    Raises:
        ConfigError: the entry is no group of settings, or as `find_class` does.
    """
    where = f"{group}.{name}"
    if not isinstance(node, dict):
        raise ConfigError(
            f"{where} must be a group of settings, got {node!r}; a file of {group}/ begins with the line "
            f"'# @package {group}.NAME', NAME being its own"
        )
    return find_class(where, node.get("_target_"), base, allowed)


def _locate(target: str) -> Any:
    """Imports the longest part of a dotted path that is a module, and looks the class up in it.

    What a run needs of torch and Lightning it has imported by itself; none of their other modules is, for an import
    runs code. And no path leads through a module into what that has imported for itself, such as `torch.os`.
    """
    parts = target.split(".")
    missing = "it has no dot, so it names no class"
    for count in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:count])
        try:
            found: Any = sys.modules[name] if parts[0] in LIBRARIES else _import(name)
        except KeyError:
            missing = f"{name} is no module that a run uses"
            continue
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise  # the module is there, and one that it needs is not
            missing = f"there is no module {error.name}"
            continue
        if parts[0] in LIBRARIES and parts[count] not in vars(found):  # to ask for it could import it
            raise ImportError(f"{name} has no {parts[count]}")
        for part in parts[count:]:
            found = getattr(found, part)
            if isinstance(found, ModuleType):
                raise ImportError(f"{part} is a module that {name} uses")
        return found
    raise ImportError(missing)


def _import(name: str) -> ModuleType:
    """Imports a module; tensors that it makes as it is imported get memory, whatever is built without any just now."""
    torch = sys.modules.get("torch")  # this file is read where nothing needs torch, too
    with contextlib.nullcontext() if torch is None else torch.device("cpu"):
        return importlib.import_module(name)


def arguments(
    where: str, values: Mapping[str, Any], made: type, given: Iterable[str], beside: Iterable[str] = ()
) -> dict[str, Any]:
    """Checks a group's keys and types against the constructor that they are meant for.

    Args:
        where: the group, for messages.
        values: what the group holds for that constructor.
        made: the class to be built.
        given: arguments that seqexp passes itself, which the group may not hold.
        beside: keys of the group that are for something else, to be named among the allowed ones.

    Returns:
        The keyword arguments.

    Raises:
        ConfigError: a key is unknown or missing, or a value has the wrong type.
    """
    parameters, hints = _constructor(made)
    given = set(given)
    keys = [name for name in parameters if name not in given]
    kept = {str(key): value for key, value in values.items() if key != "_target_"}
    for name in kept:
        if name in given:
            raise ConfigError(f"{where}.{name} is set by seqexp itself and cannot be given")
        if name not in keys:
            raise unknown_key(f"{where}.{name}", [*keys, *beside])
    for name in keys:
        if name not in kept and parameters[name].default is inspect.Parameter.empty:
            raise ConfigError(f"{where}.{name} has no value; give one with {where}.{name}=...")
    for name, value in kept.items():
        check_type(f"{where}.{name}", value, hints.get(name, Any))
    return kept


VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _constructor(made: type) -> tuple[dict[str, inspect.Parameter], dict[str, Any]]:
    """The parameters of a constructor and their types; where it hands `**kwargs` on, also those of the class above."""
    parameters, hints = dict(inspect.signature(made).parameters), _hints(made)
    for above in made.__mro__[1:]:
        if not any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values()):
            break
        if "__init__" not in vars(above) or above is object:
            continue
        own = {name: each for name, each in parameters.items() if each.kind not in VARIABLE}
        parameters = dict(inspect.signature(above).parameters) | own
        hints = _hints(above) | hints
    return {name: each for name, each in parameters.items() if each.kind not in VARIABLE}, hints


def _hints(made: type) -> dict[str, Any]:
    """The annotations of a constructor; what was imported for type checkers alone counts as anything."""
    names: dict[str, Any] = dict(vars(collections.abc))
    while True:
        try:
            return typing.get_type_hints(made.__init__, localns=names)  # type: ignore[misc]
        except NameError as error:
            if error.name is None or error.name in names:
                raise
            names[error.name] = Any


def make(where: str, made: Callable[..., T], values: Mapping[str, Any], errors: tuple[type[Exception], ...] = ()) -> T:
    """Builds an object, and turns what its constructor says of a wrong value into a `ConfigError`.

    Of a class from torch or Lightning, all that it says is about the values. Of any other class it is a ValueError, or
    what Python and torch say of numbers that are too large; the rest is a bug of the class, and keeps its traceback.

    Args:
        where: the node's key, put before the message.
        made: the class.
        values: its keyword arguments.
        errors: exceptions, beside ValueError, by which this constructor refuses a value.
    """
    try:
        with refusing_too_large(where):
            return made(**values)
    except ConfigError:
        raise
    except Exception as error:
        if not isinstance(error, (ValueError, *errors)) and made.__module__.split(".")[0] not in LIBRARIES:
            raise
        message = str(error) or type(error).__name__
        named = message.split(" ", 1)[0] in values
        raise ConfigError(f"{where}.{message}" if named else f"{where}: {message}") from error
