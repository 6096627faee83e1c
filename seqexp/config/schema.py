"""The typed configuration, the only places where a `_target_` becomes an object, and the errors of a wrong one.

Needs neither torch nor lightning, so that help and completion start quickly.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import importlib
import inspect
import math
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from hydra import compose, initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

# Imported for the resolvers that it registers: conf/hydra/output needs them wherever a configuration is composed.
from seqexp import names

_PACKAGE = Path(__file__).resolve().parent

CONF = next(path for path in (_PACKAGE / "conf", _PACKAGE.parent / "conf") if path.is_dir())
"""The folder of YAML groups: inside the installed package, or at the top of a checkout."""

PACKAGES = ("seqexp", "torch", "lightning")
"""Packages that a `_target_` may always name."""

HYDRAS_OWN = ("seqexp.", "hydra.", "hydra_plugins.")
"""What a class that Hydra itself builds may begin with: its callbacks, sweeper, launcher and logging."""

LOGGING = ("logging.StreamHandler", "logging.FileHandler", "colorlog.ColoredFormatter")
"""What Hydra's own logging is made of."""

T = TypeVar("T")


class ConfigError(ValueError):
    """A configuration that cannot be run; the message is one paragraph: what, where, what is allowed."""


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


@dataclass
class Checkpoint:
    """How often the state of training is written to disk."""

    every_seconds: float


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
    allowed_packages: list[str] = field(default_factory=list)


def check(config: DictConfig) -> DictConfig:
    """Checks everything that needs no other package to be loaded.

    Args:
        config: as Hydra composed it, without its `hydra` node.

    Returns:
        The same values, typed and resolved.

    Raises:
        ConfigError: a key is unknown, or a value has the wrong type or is out of range.
    """
    try:
        plain = OmegaConf.to_container(config, resolve=True)
        for name in ("seed", "num_seeds"):
            _check_type(name, OmegaConf.select(config, name), int)
        if not OmegaConf.is_list(OmegaConf.select(config, "allowed_packages")):
            raise ConfigError(f"allowed_packages must be a list, such as [my_package], got {config.allowed_packages!r}")
        typed = OmegaConf.merge(OmegaConf.structured(Config), plain)
    except ConfigKeyError as error:
        known = list(Config.__dataclass_fields__)
        raise unknown_key(str(error.full_key), known) from None
    except OmegaConfBaseException as error:
        raise ConfigError(f"{error.full_key}: {first_line(error)}") from None
    missing = sorted(OmegaConf.missing_keys(typed))
    if missing:
        raise ConfigError(f"{missing[0]} has no value; give one with {missing[0]}=...")
    if typed.seed < 0:
        raise ConfigError(f"seed must be >= 0, got {typed.seed}")
    if typed.num_seeds < 1:
        raise ConfigError(f"num_seeds must be >= 1, got {typed.num_seeds}")
    patience = typed.early_stopping.patience
    if patience is not None and patience < 1:
        raise ConfigError(f"early_stopping.patience must be >= 1, or null for never, got {patience}")
    if not typed.checkpoint.every_seconds >= 0:
        raise ConfigError(f"checkpoint.every_seconds must be >= 0, got {typed.checkpoint.every_seconds}")
    name = typed.sweep.name
    if name is not None and names.folder_name(name) != name:
        raise ConfigError(
            f"sweep.name must be the name of a folder below outputs: letters, digits and _.,=- only, no dot in front, "
            f"under 100 characters, got {name}"
        )
    return typing.cast(DictConfig, typed)


def find_class(where: str, target: Any, base: type[T], allowed: Sequence[str]) -> type[T]:
    """Imports the class that a `_target_` names.

    Args:
        where: the key that holds the target's node, for messages.
        target: dotted path.
        base: what the class must be or derive from.
        allowed: packages that the user trusts, beside `PACKAGES`. Nothing is imported from any other.

    Raises:
        ConfigError: the path lies elsewhere, does not import, or is not such a class.
    """
    packages = (*PACKAGES, *allowed)
    shown = f"{where}._target_={target}"
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
    return found


def check_hydra(config: DictConfig) -> None:
    """Checks the classes that Hydra builds by itself, before it does, from whatever file they come.

    Args:
        config: the whole configuration, its `hydra` node included.

    Raises:
        ConfigError: a class is not of seqexp, Hydra, a plugin of Hydra or an allowed package.
    """
    packages = config.get("allowed_packages")
    allowed = (*HYDRAS_OWN, *(f"{each}." for each in (packages if isinstance(packages, ListConfig) else ())))
    for key, value in _leaves(OmegaConf.to_container(config.hydra, resolve=False), "hydra"):
        names_class = key.rpartition(".")[2] in ("_target_", "class", "()")
        if names_class and not (str(value).startswith(allowed) or value in LOGGING):
            raise ConfigError(
                f"{key}={value}: only classes of seqexp, Hydra, its plugins and allowed_packages may stand there"
            )


def _leaves(node: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Yields (dotted key, value) of everything in nested dictionaries and lists."""
    if not isinstance(node, dict | list):
        yield key, node
    for name, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from _leaves(value, f"{key}.{name}")


def _checked(load: Callable[..., DictConfig]) -> Callable[..., DictConfig]:
    """Lets Hydra check its node before it uses it: no hook of Hydra's own comes before it has built the callbacks."""

    @functools.wraps(load)
    def load_configuration(*args: Any, **kwargs: Any) -> DictConfig:
        config = load(*args, **kwargs)
        check_hydra(config)
        return config

    return load_configuration


ConfigLoaderImpl.load_configuration = _checked(ConfigLoaderImpl.load_configuration)  # type: ignore[method-assign]


def check_config_dir(folder: str) -> None:
    """Refuses a `--config-dir` that is none of groups, such as a run's `.hydra`: its config.yaml would be seqexp's.

    Raises:
        ConfigError: the folder is not there, or holds a config.yaml.
    """
    if not Path(folder).is_dir():
        raise ConfigError(f"--config-dir {folder}: there is no such folder")
    if (Path(folder) / "config.yaml").exists():
        raise ConfigError(f"--config-dir {folder}: it may hold folders of groups, and no config.yaml")


def _locate(target: str) -> Any:
    """Imports the longest part of a dotted path that is a module, and looks the rest up in it."""
    parts = target.split(".")
    missing = "it has no dot, so it names no class"
    for count in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:count])
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise  # the module is there, and one that it needs is not
            missing = f"there is no module {error.name}"
            continue
        return functools.reduce(getattr, parts[count:], module)
    raise ImportError(missing)


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
    parameters = inspect.signature(made).parameters
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
    hints = typing.get_type_hints(made.__init__)  # type: ignore[misc]
    for name, value in kept.items():
        _check_type(f"{where}.{name}", value, hints.get(name, Any))
    return kept


def make(where: str, made: type[T], values: Mapping[str, Any], errors: tuple[type[Exception], ...] = ()) -> T:
    """Builds an object, and turns what its constructor says of a wrong value into a `ConfigError`.

    Args:
        where: the node's key, put before the message.
        made: the class.
        values: its keyword arguments.
        errors: exceptions, beside ValueError, by which this constructor refuses a value.
    """
    refusals: tuple[type[Exception], ...] = (ValueError, *errors)
    try:
        return made(**values)
    except refusals as error:
        message = str(error)
        named = message.split(" ", 1)[0] in values
        raise ConfigError(f"{where}.{message}" if named else f"{where}: {message}") from error


def unknown_key(key: str, known: Sequence[str], elsewhere: Iterable[str] = ()) -> ConfigError:
    """Words the error of a key that does not exist.

    Args:
        key: in full, as the user typed it.
        known: the names that exist at that place, without the part before the last dot.
        elsewhere: other keys, in full, that may have been meant.
    """
    place, _, name = key.rpartition(".")
    near = [f"{place}{'.' if place else ''}{each}" for each in _closest(name, known)]
    near = near or [each for each in elsewhere if each.rpartition(".")[2] == name]
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    inside = f" in {place}" if place else ""
    return ConfigError(f"{key}: there is no such key.{hint} Allowed{inside}: {', '.join(sorted(known))}.")


def _closest(name: str, known: Sequence[str]) -> list[str]:
    """The most similar of the known names; two of them where they are equally similar."""
    likeness = {each: difflib.SequenceMatcher(None, name, each).ratio() for each in known}
    best = max(likeness.values(), default=0.0)
    return [each for each in known if likeness[each] == best][:2] if best >= 0.6 else []


def first_line(error: BaseException) -> str:
    """The first line of an error's message, which with OmegaConf and Hydra says what is wrong."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].strip()


def explain(error: Exception, known: Callable[[], Iterable[str]]) -> ConfigError | None:
    """Words what Hydra or OmegaConf says of a command line or a YAML file that cannot be composed.

    Args:
        error: what was raised.
        known: gives all dotted keys of the configuration.

    Returns:
        The error to show; None where it is not about the configuration.
    """
    if isinstance(error, ConfigError):
        return error
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        group, _, name = error.missing_cfg_file.rpartition("/")
        near = difflib.get_close_matches(name, error.options, n=1)
        hint = f" Did you mean {group}={near[0]}?" if near else ""
        return ConfigError(f"{group}={name}: there is no such {group}.{hint} Allowed: {', '.join(error.options)}.")
    if found := re.match(r"Could not override '([^']+)'", str(error)):
        key = found[1]
        place, _, name = key.rpartition(".")
        prefix = f"{place}." if place else ""
        keys = list(known())
        inside = sorted({each.removeprefix(prefix).split(".")[0] for each in keys if each.startswith(prefix)})
        if name in inside:  # the key is right, so the value is not
            return ConfigError(f"{key}: {first_line(error.__cause__ or error)}")
        return unknown_key(key, inside, keys)
    if re.match(r"Config group override (deletion value )?must be a string", str(error)):
        return ConfigError(f"a group such as data or cell takes the name of one of its files ({first_line(error)})")
    if found := re.match(r"Ambiguous value for argument '([^']+)'", str(error)):
        return ConfigError(f"{found[1]}: several values at once need --multirun; quote them if they are one text")
    if isinstance(error, OverrideParseException):
        return ConfigError(f"{error.override}: cannot be read as key=value ({first_line(error)})")
    if isinstance(error, HydraException | OmegaConfBaseException | YAMLError):
        return ConfigError(" ".join(str(error).split()))
    return None


def known_keys(overrides: Iterable[str] = ()) -> list[str]:
    """All dotted keys of the configuration, with the files that a command line chooses.

    Args:
        overrides: the command line; what is not a choice of a file is passed over.
    """
    choices = [found[0] for each in overrides if (found := re.match(r"[a-z_]+=[\w-]+", each))]
    try:
        config = _compose(choices)
    except (HydraException, OmegaConfBaseException):
        config = _compose([])
    return list(_dotted(OmegaConf.to_container(config, resolve=False), ""))


def cell_file(name: str) -> dict[str, Any]:
    """The settings of one `conf/cell` file.

    Raises:
        ConfigError: there is no such file.
    """
    try:
        return typing.cast(dict[str, Any], OmegaConf.to_container(_compose([f"cell={name}"]).cell, resolve=True))
    except HydraException as error:
        raise explain(error, known_keys) or error from None


def _compose(overrides: list[str]) -> DictConfig:
    """Composes a configuration from the same folders as the program's own."""
    with contextlib.ExitStack() as stack:
        if not GlobalHydra.instance().is_initialized():
            stack.enter_context(initialize_config_dir(str(CONF), version_base="1.3"))
        return compose("config", overrides)


def _dotted(node: Any, prefix: str) -> Iterator[str]:
    for name, value in node.items() if isinstance(node, dict) else ():
        if name == "_target_":
            continue
        yield f"{prefix}{name}"
        yield from _dotted(value, f"{prefix}{name}.")


_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", type(None): "null"}


def _check_type(key: str, value: Any, hint: Any) -> None:
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
