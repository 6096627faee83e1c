"""What Hydra and OmegaConf say of a command line or a YAML file that cannot be composed, in seqexp's words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

from seqexp.config import CONF
from seqexp.config.choices import EXPERIMENT
from seqexp.config.mistakes import OPTIONAL, ConfigError, closest, first_line, raised_in, show, unknown_key

READERS = ("hydra", "omegaconf", "antlr4", "yaml")
"""Packages that do nothing but read configurations: whatever they raise is about one."""

INTERVAL = (
    "{line}: an interval is not a list of values that a run or a sweep could go through; "
    "python -m seqexp.search draws from it, and takes the same settings"
)

WORDS = (
    (r"Could not (override|delete) ''", "a setting is given as key=value, and one of them has no key"),
    (
        r"Config group override (deletion value )?must be a string",
        "a group such as data or cell takes the name of one of its files ({said})",
    ),
    (
        r"Ambiguous value for argument '(?P<line>.+)'",
        "{line}: several values at once need --multirun, or sweep() in Python; quote them if they are one text",
    ),
    (r"Sweep parameters '(?P<line>.*\binterval\(.*)' requires --multirun", INTERVAL),
    (
        r"Sweep parameters '(?P<line>.+)' requires --multirun",
        "{line}: several values at once need --multirun, or sweep() in Python",
    ),
    (
        r"Multiple values for (?P<group>\S+)\. To override a value use 'override \S+: (?P<name>.*)'",
        "{group} has a file already: write {group}={name} without a plus, "
        "or 'override /{group}: {name}' among the defaults of a file",
    ),
    (
        r"force-add of config groups is not supported: '\+\+(?P<line>.*)'",
        "++{line}: a group is given without a plus: {line}",
    ),
)
"""How a message of Hydra's begins, and what is said in its place; {said} is its first line."""


def word(error: Exception, known: Callable[[], Iterable[str]]) -> ConfigError | None:
    """See `seqexp.config.mistakes.explain`."""
    for each in (error, error.__cause__):  # a resolver of seqexp's has refused something
        if isinstance(each, ConfigError):
            return each
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        return _no_such_file(error.missing_cfg_file, error.options)
    if isinstance(error, MissingConfigException) and (
        listed := re.search(r"Could not load '(\w+)/([^'/]+)'", str(error))
    ):
        return _no_such_file(f"{listed[1]}/{listed[2]}", _options(listed[1]))
    if isinstance(error, OverrideParseException):
        return ConfigError(_unreadable(str(error.override), first_line(error.__cause__ or error)))
    for pattern, text in WORDS:
        if found := re.match(pattern, str(error).strip()):
            return ConfigError(text.format(said=first_line(error), **found.groupdict()))
    if found := re.match(r"Could not override '([^']+)'", str(error)):
        return _no_such_key(found[1], list(known()), error)
    if isinstance(error, HydraException | OmegaConfBaseException | YAMLError):
        return _as_it_says(error)
    if raised_in(error, READERS) and not isinstance(error, OSError | MemoryError):
        return ConfigError(f"Hydra cannot read the configuration ({type(error).__name__}: {first_line(error)})")
    return None


def _options(group: str) -> list[str]:
    """The files of a group, those of the user's own among them while Hydra knows where they are."""
    hydra = GlobalHydra.instance()
    if hydra.is_initialized():
        return list(hydra.config_loader().get_group_options(group))
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def _no_such_file(path: str, options: Sequence[str]) -> ConfigError:
    group, _, name = path.rpartition("/")
    allowed = list(options)
    if group.startswith(f"{EXPERIMENT}/"):
        group, name = EXPERIMENT, path.removeprefix(f"{EXPERIMENT}/")
    if group == EXPERIMENT:  # of which Hydra names those that lie in no folder
        inside = (CONF / group).glob("*/*.yaml")
        names = (each.relative_to(CONF / group).with_suffix("").as_posix() for each in inside)
        allowed = sorted({*allowed, *names})
    if group == "hydra/launcher":  # what only a package of Hydra's registers may not be chosen, either
        registered = {each.removesuffix(".yaml") for each in ConfigStore.instance().list(group)}
        shipped = {each.stem for each in (CONF / group).glob("*.yaml")}
        allowed = [each for each in options if each not in registered - shipped - {"basic"}]
    hint = "".join(f" Did you mean {group}={near}?" for near in closest(name, allowed)[:1])
    return ConfigError(f"{group}={show(name)}: there is no such {group}.{hint} Allowed: {', '.join(allowed)}.")


def _unreadable(line: str, said: str) -> str:
    if line.startswith(",") or line.endswith(","):
        return (
            f"{line}: begins or ends with a comma; several values are written without a space, as in cell=rnn,lstm, "
            "and what holds a space stands in quotes, as in 'optimizer.betas=[0.9, 0.99]'"
        )
    if "=" not in line:
        return f"{show(line)}: a setting is given as key=value"
    said = re.sub(r" expecting .*", "", said)  # Hydra's own names of whatever could follow
    key, value = line.split("=", 1)
    example = f'{key}="{value}"' if re.fullmatch(r"[^\[\]{}\"'$\\]+", value) else 'data.path="a(b).csv"'
    return (
        f"{line}: cannot be read as key=value ({said}); a text with brackets, quotes, letters such as ä or other signs "
        f"stands in quotes of its own, as in '{example}'"
    )


def _no_such_key(key: str, keys: list[str], error: Exception) -> ConfigError:
    place, _, name = key.rpartition(".")
    prefix = f"{place}." if place else ""
    inside = sorted({each.removeprefix(prefix).split(".")[0] for each in keys if each.startswith(prefix)})
    if name in inside:  # the key is right, so the value is not
        return ConfigError(f"{key}: {first_line(error.__cause__ or error)}")
    if key in OPTIONAL and (added := re.search(r"use (\+\S.*)", str(error))):
        return ConfigError(f"{key}: the chosen file of {place} does not name this key; {added[1]} adds it")
    return unknown_key(key, inside, keys)


def _as_it_says(error: Exception) -> ConfigError:
    said = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    text = re.split(r"\s+full_key:", str(said).strip() or type(said).__name__)[0]  # OmegaConf adds how it saw it
    key = getattr(said, "full_key", None)
    return ConfigError(f"{key}: {text}" if key and key not in text else text)


def unreadable(loader: ConfigLoaderImpl, overrides: Sequence[str]) -> ConfigError | None:
    """The first part of a command line that cannot be read by itself, or gives a group what is no name of a file."""
    parser = OverridesParser.create()
    for text in overrides:
        try:
            override = parser.parse_override(text)
            value = override.value()
        except HydraException:
            continue  # of which Hydra speaks itself
        except Exception as error:
            return ConfigError(f"{text}: cannot be read as key=value ({first_line(error)})")
        names = value if isinstance(value, list) else [value]
        group = override.key_or_group
        if group and loader.get_group_options(group) and not all(isinstance(each, str) for each in names):
            return ConfigError(f"{text}: a group such as data or cell takes the name of one of its files")
    return None
