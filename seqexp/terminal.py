"""What a terminal is, how wide, and where a longer line breaks: between words. A pipe gets lines as they are."""

from __future__ import annotations

import os
import re
from typing import TextIO

USUAL = 80
"""Columns of a terminal that does not say."""

_HELD = "\N{NO-BREAK SPACE}"
_INSIDE = re.compile(
    r" (?=%(?!\w))|(?<=[±=<→]) | (?=[±=<] )|(?<=\d) (?=seeds?\b|pair)|(?<=tensorboard) |(?<=--logdir) "
    r"|(?<=train) (?=\d)|(?<=val) (?=\d)"
)
"""The spaces inside of `5 %`, `0.0122 ± 0.0008`, `p = 0.02`, `20 seeds`, `6 pairs`, `→ outputs`, `val 0.04`, and of a
command to copy."""


def is_smart(stream: TextIO) -> bool:
    """Whether a stream leads to a terminal that takes a line back."""
    return stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def columns(stream: TextIO) -> int | None:
    """The columns of the terminal that a stream leads to; None for a file or a pipe, whose lines have no end."""
    if not stream.isatty():
        return None
    asked = os.environ.get("COLUMNS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    try:
        return os.get_terminal_size(stream.fileno()).columns or USUAL
    except OSError:
        return USUAL


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
    if width is None or (text.isascii() and len(text) <= width):
        return [text]
    from rich.cells import cell_len

    start = len(text) - len(text.lstrip(" "))
    held = _INSIDE.sub(_HELD, text[start:])
    lines: list[str] = []
    line = " " * start
    for index, word in enumerate(held.split(" ")):
        longer = f"{line} {word}" if index else line + word
        if index and cell_len(longer) > width:
            lines.append(line.rstrip(" "))
            longer = " " * indent + word
        line = longer
    return [each.replace(_HELD, " ") for each in [*lines, line]]


def hang(text: str, width: int | None) -> str:
    """Breaks the lines of a page: what stands in a second column goes on below that column, all else where it begins.

    Args:
        text: lines; two spaces or more part the columns.
        width: columns of the terminal; None breaks nothing.
    """
    if width is None:
        return text
    lines: list[str] = []
    for line in text.split("\n"):
        start = len(line) - len(line.lstrip(" "))
        left = re.match(r" *\S+(?: \S+)*  +(?=\S)", line)
        if left is None:
            lines += wrap(line, width, start)
        elif left.end() > 2 * width // 3:
            lines += wrap(line, width, start + 2)
        else:
            own, right = line[: left.end()], wrap(line[left.end() :], width - left.end())
            lines += [own + right[0], *(" " * left.end() + each for each in right[1:])]
    return "\n".join(lines)
