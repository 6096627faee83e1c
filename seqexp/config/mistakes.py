"""Errors of a wrong configuration, and how the program ends over them."""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NoReturn

from seqexp import terminal
from seqexp.config import CONF, LISTED, hints

NAMELESS = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG),
    *(errno.ESTALE, errno.ENOLCK, errno.EMFILE, errno.ENFILE),
}
"""What the system says of a disk, or of files at large, without naming one."""

OURS = {
    "data": ("make_task", "seeds", "data_seed", "order_seed"),
    "cell": ("input_size", "num_seeds"),
    "optimizer": ("params",),
    "scheduler": ("optimizer", "last_epoch"),
    "trainer": (
        *("logger", "callbacks", "default_root_dir", "enable_checkpointing", "enable_model_summary"),
        "model_registry",  # would send the weights to Lightning's servers
    ),
}
"""What seqexp gives a group's constructor itself, or leaves out."""

OPTIONAL = (
    *("data.score", "data.fresh", "data.steps_per_epoch", "data.test_lengths", "data.evaluations", "data.gap"),
    "data.folds",
)
"""Keys that a file may leave out, as files of 0.1 do; they are then added with a plus."""

LONGEST = 1500
LONGEST_WORD = 200


class ConfigError(ValueError):
    """A configuration that cannot be run; the message is one paragraph: what, where, what is allowed."""

    def __init__(self, message: str) -> None:
        super().__init__(paragraph(message))


def paragraph(text: str) -> str:
    """Any text in one line of bearable length, with letters only that can be shown."""
    words = []
    for word in text.split():
        shown = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in word)
        long = len(shown) > LONGEST_WORD
        words.append(f"{shown[:60]}…{shown[-20:]} ({len(word)} characters)" if long else shown)
    line = " ".join(words)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 300]} … {line[-250:]}"


def show(value: object) -> str:
    """A value in a message; what would not be seen there stands in quotes."""
    return str(value) if str(value).strip() else repr(value)


def unknown_key(key: str, known: Sequence[str], elsewhere: Iterable[str] = ()) -> ConfigError:
    """Words the error of a key that does not exist.

    Args:
        key: in full, as the user typed it.
        known: the names that exist at that place, without the part before the last dot.
        elsewhere: other keys, in full, that may have been meant.
    """
    place, _, name = key.rpartition(".")
    if name in OURS.get(place, ()):
        return ConfigError(f"{key} is set by seqexp itself and cannot be given")
    if files := _files_with(key):
        *others, last = files
        hint = f" It is a key of {', '.join(others)}{' and ' if others else ''}{last}."
    elif meant := hints.find(name, keys := list(elsewhere)):
        hint = f" Did you mean {meant.meant}? {meant.note}".rstrip()
    else:
        near = [f"{place}{'.' if place else ''}{each}" for each in closest(name, known)]
        near = near or [each for each in keys if each.rpartition(".")[2] == name]
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
    inside = f" in {place}" if place else ""
    allowed = f" Allowed{inside}: {', '.join(sorted(known))}." if known else ""
    return ConfigError(f"{key}: there is no such key.{hint}{allowed}")


def _files_with(key: str) -> list[str]:
    """Which files of conf/ have a key, as they are chosen: `cell=lstm` has cell.forget_bias."""
    from omegaconf import OmegaConf  # a comparison starts without

    parts, found = key.split("."), []
    for count in range(1, len(parts) if all(each.isidentifier() for each in parts) else 0):
        for path in sorted(CONF.joinpath(*parts[:count]).glob("*.yaml")):
            listed = parts[0] in LISTED
            content: Any = OmegaConf.to_container(OmegaConf.load(path))
            node = {path.stem: content} if listed else content
            for name in parts[count:]:
                node = node.get(name, {}) if isinstance(node, dict) else {}
            if node != {}:
                found.append(f"{'/'.join(parts[:count])}={f'[{path.stem}]' if listed else path.stem}")
    return found


def closest(name: str, known: Sequence[str]) -> list[str]:
    """The most similar of the known names, capitals aside; two of them where they are equally similar."""
    likeness = {each: difflib.SequenceMatcher(None, name.lower(), each.lower()).ratio() for each in known}
    best = max(likeness.values(), default=0.0)
    return [each for each in known if likeness[each] == best][:2] if best >= 0.6 else []


def first_line(error: BaseException) -> str:
    """The first line of an error's message, which with OmegaConf and Hydra says what is wrong."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].strip()


def raised_in(error: BaseException, packages: Iterable[str]) -> bool:
    """Whether an error was raised in one of these packages, or in what they call of Python's own."""
    found = ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        package = str(frame.f_globals.get("__name__")).split(".")[0]
        found = found if package in sys.stdlib_module_names else package
    return found in packages


@contextlib.contextmanager
def refusing_too_large(where: str) -> Iterator[None]:
    """Turns what Python or torch says of a number that is too large for what is made with it into a `ConfigError`."""
    try:
        yield
    except (OverflowError, MemoryError, RuntimeError, ValueError, TypeError) as error:
        words = r"overflow|can't allocate|not enough memory|out of memory|Exceeds the limit \(\d+ digits\)"
        if not isinstance(error, OverflowError | MemoryError) and not re.search(words, str(error), re.IGNORECASE):
            raise
        raise ConfigError(f"{where}: too large for what is made with it ({first_line(error)})") from error


def explain(error: Exception, known: Callable[[], Iterable[str]]) -> ConfigError | None:
    """Words what Hydra or OmegaConf says of a command line or a YAML file that cannot be composed.

    Args:
        error: what was raised.
        known: gives all dotted keys of the configuration.

    Returns:
        The error to show; None where it is not about the configuration.
    """
    from seqexp.config.explanations import word  # a comparison starts without Hydra

    return word(error, known)


def trouble(error: BaseException) -> str | None:
    """Words what the system says of a file or folder, or of the disk; None for any other error."""
    if not isinstance(error, OSError) or (error.filename is None and error.errno not in NAMELESS):
        return None
    where = "a file could not be written" if error.filename is None else os.fsdecode(error.filename)
    return f"{where}: {error.strerror}"


@contextlib.contextmanager
def refusing_paths() -> Iterator[None]:
    """Before work has begun, what the system says of a path is an error of the configuration that named it.

    Raises:
        ConfigError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        if (text := trouble(error)) is None:
            raise
        raise ConfigError(text) from None


def current_folder() -> str:
    """The folder that the program was started in.

    Raises:
        ConfigError: it has been removed, or is not to be entered.
    """
    try:
        return os.getcwd()
    except OSError as error:
        raise ConfigError(f"the current folder cannot be used ({error.strerror}); change into another") from None


def exit_if_trouble(error: Exception) -> None:
    """Ends the program with one line if the error is the machine's, not the program's: no space, a killed worker."""
    text = trouble(error)
    if type(error).__name__ in ("TerminatedWorkerError", "BrokenProcessPool", "WorkerCrashedError"):
        text = "a worker process was killed, perhaps for want of memory"
    elif text is None and isinstance(error, ConnectionError):  # Ray's
        text = str(error).rstrip(".")
    if text is not None:
        say_error(f"{text}. Finished runs stay; the same command with sweep.name=... goes on")
        sys.exit(1)


def refuse(error: ConfigError) -> NoReturn:
    """Ends the program over a wrong configuration: one paragraph, exit status 2."""
    say_error(str(error))
    sys.exit(2)


def say_error(text: str) -> None:
    """Writes a paragraph to standard error; what would command a terminal is spelt out."""
    words = " ".join(text.split())
    line = f"seqexp: {''.join(each if each.isprintable() else ascii(each)[1:-1] for each in words)}"
    sys.stderr.write(terminal.broken(line, sys.stderr))
