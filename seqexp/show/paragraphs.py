"""Text on a console: broken between words only, and not at all where nobody looks at a screen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

_HELD = "\N{NO-BREAK SPACE}"
_INSIDE = re.compile(r" (?=%(?!\w))|(?<=[±=<]) | (?=[±=<] )|(?<=\d) (?=seeds?\b|pair)|(?<=tensorboard) |(?<=--logdir) ")
"""The spaces inside of `5 %`, `0.0122 ± 0.0008`, `p = 0.02`, `20 seeds`, `6 pairs`, and of a command to copy."""


def room(console: Console) -> int | None:
    """The columns of a terminal; None where the output goes into a file or a pipe, whose lines have no end."""
    return console.width if console.is_terminal else None


def wrap(text: str, width: int | None, indent: int = 0) -> list[str]:
    """Breaks a text into lines between its words. A word that is longer than a line stays whole.

    What belongs to a number stays with it: `5 %`, `0.0122 ± 0.0008`, `p = 0.02`, `20 seeds`.

    Args:
        text: in one line; spaces at its start stay.
        width: columns of a line; None breaks nothing.
        indent: columns before every line but the first.

    Returns:
        The lines, at least one.
    """
    if width is None:
        return [text]
    start = len(text) - len(text.lstrip(" "))
    held = _INSIDE.sub(_HELD, text[start:])
    lines: list[str] = []
    line = " " * start
    for index, word in enumerate(held.split(" ")):
        longer = f"{line} {word}" if index else line + word
        if index and cell_len(longer) > width:
            lines.append(line)
            longer = " " * indent + word
        line = longer
    return [each.replace(_HELD, " ") for each in [*lines, line]]


def put(console: Console, text: str, style: str = "", indent: int = 0) -> None:
    """Prints a text, as broad as the terminal is; its letters are never read as mark-up.

    Args:
        console: where to.
        text: in one line.
        style: as Rich spells it, such as `bold`.
        indent: columns before every line but the first.
    """
    for line in wrap(text, room(console), indent):
        console.print(Text(line, style=style), soft_wrap=True)
