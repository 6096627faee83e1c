"""What all command lines have in common: how the program was called, and how its parsers refuse."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from pathlib import Path
from typing import Any, NoReturn

import seqexp
from seqexp import terminal
from seqexp.config import hints
from seqexp.config.mistakes import ConfigError, closest, refuse

SETTINGS = "overrides"
"""How a parser's argument for settings, such as `cell=lstm`, is called; Hydra calls it so."""


def called(verb: str = "") -> str:
    """How the program was called, so that what it says of itself can be typed again.

    Args:
        verb: the verb that is at work; empty for a run or a sweep.

    Returns:
        Such as `seqexp compare`, `python -m seqexp compare`, `python -m seqexp.compare` or `seqexp-compare`.
    """
    path = Path(sys.argv[0] if sys.argv else "")
    script = re.sub(r"(-script)?\.(exe|pyw?)$", "", path.name)
    if verb and script == f"seqexp-{verb}":
        return script
    if verb and path.name == "__main__.py" and path.parts[-3:-1] == ("seqexp", verb):
        return f"python -m seqexp.{verb}"
    return f"{'seqexp' if script == 'seqexp' else 'python -m seqexp'} {verb}".strip()


def typed(verb: str, *arguments: str) -> str:
    """A verb's command line, so that it can be typed again."""
    return shlex.join([*called(verb).split(), *arguments])


class _Lines(argparse.HelpFormatter):
    """Keeps a description's lines, but for those that a terminal has no room for."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return terminal.hang(text, terminal.columns(sys.stdout))


def parser(verb: str, description: str) -> argparse.ArgumentParser:
    """The parser of a verb, still without its arguments; `strict` belongs behind them.

    Args:
        verb: as it is typed.
        description: what it does, in lines as they are to be shown.
    """
    made = argparse.ArgumentParser(
        prog=called(verb),
        description=description,
        formatter_class=_Lines,
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=f"seqexp {seqexp.__version__}", help="show the version")
    return made


def add_config_dir(parser: argparse.ArgumentParser) -> None:
    """Adds the option for a folder of the user's own groups."""
    parser.add_argument("--config-dir", "-cd", metavar="FOLDER", help="a folder with groups of your own")


class _Once(argparse._StoreAction):
    """An option of which there is one; argparse would take the last."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *rest: Any) -> None:
        if getattr(namespace, self.dest) != self.default:
            parser.error(f"argument {'/'.join(self.option_strings)}: given twice")
        super().__call__(parser, namespace, *rest)


def strict(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Has a parser refuse in one paragraph, with exit status 2, and also an option that stands twice.

    Args:
        parser: with all of its arguments.
    """

    def error(message: str) -> NoReturn:
        refuse(ConfigError(f"{message}{_hint(parser, message)}; {parser.prog} --help shows what there is"))

    parser.error = error  # type: ignore[method-assign]
    for action in parser._actions:
        if type(action) is argparse._StoreAction and action.option_strings:
            action.__class__ = _Once
    return parser


def _hint(parser: argparse.ArgumentParser, message: str) -> str:
    """What may be meant by an option that is none: another one, or a setting."""
    found = re.match(r"unrecognized arguments: (--?([\w-]+))", message)
    if not found:
        return ""
    options = [each for action in parser._actions for each in action.option_strings if each.startswith("--")]
    near = [each for each in options if each.startswith(found[1])] or closest(found[1], options)
    settings = any(action.dest == SETTINGS for action in parser._actions)
    hint = hints.find(found[2]) if settings else None
    if hint is not None:
        setting = hint.meant if "=" in hint.meant else f"{hint.meant}=..."
        return f"; a setting stands without dashes: did you mean {setting}?"
    if near and len(found[1]) > 2:
        return f"; did you mean {' or '.join(near)}?"
    return "; a setting stands without dashes, as in cell=lstm" if settings else ""
