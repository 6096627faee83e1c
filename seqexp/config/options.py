"""What the three command lines have in common: how their parsers refuse, and that an option is given once."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from seqexp.config.mistakes import ConfigError, refuse


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
        refuse(ConfigError(f"{message}; --help shows what there is"))

    parser.error = error  # type: ignore[method-assign]
    for action in parser._actions:
        if type(action) is argparse._StoreAction and action.option_strings:
            action.__class__ = _Once
    return parser
