"""What a terminal can show: how wide it is, which letters it has, and where longer lines break: between words."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator
from typing import IO

USUAL = 80
"""Columns of a terminal that does not say."""

_HELD = "\N{NO-BREAK SPACE}"
_INSIDE = re.compile(
    r" (?=%(?!\w))|(?<=[±=<→]) | (?=[±=<] )|(?<=\d) (?=seeds?\b|pair)|(?<=tensorboard) |(?<=--logdir) "
    r"|(?<=->) |(?<=\+/-) | (?=\+/-)|(?<=train) (?=\d)|(?<=val) (?=\d)"
)
"""The spaces inside of `5 %`, `0.0122 ± 0.0008`, `p = 0.02`, `20 seeds`, `6 pairs`, `→ outputs`, `val 0.04`, and of a
command to copy."""


ERRORS = "seqexp"
"""The name under which Python's codecs know `_respell`."""

PLAIN = {
    **{"→": "->", "←": "<-", "×": "x", "±": "+/-", "·": "|", "–": "-", "—": "-", "…": "...", "−": "-"},
    **dict.fromkeys("─━╸╺╴╶", "-"),
    **dict.fromkeys("│┃", "|"),
    "✓": "*",
}
"""How a character is written where the encoding lacks it: those of seqexp's own texts and of Rich's lines."""


def _respell(error: UnicodeError) -> tuple[str, int]:
    """Python's codecs ask this for what stands in place of characters that cannot be encoded."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(PLAIN.get(each) or ascii(each)[1:-1] for each in lacking), error.end


codecs.register_error(ERRORS, _respell)


def is_smart(stream: IO[str]) -> bool:
    """Whether a stream leads to a terminal that takes a line back."""
    return stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def columns(stream: IO[str]) -> int | None:
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
    """Breaks a text into lines between its words.

    What belongs to a number stays with it: `5 %`, `0.0122 ± 0.0008`, `p = 0.02`, `20 seeds`. A word that is too long
    for an indented line, such as a folder's name, has a line of its own, from the first column on: there it can be
    copied whole, even where the terminal has to go on below.

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
    for index, word in enumerate(_words(held, width - indent)):
        longer = f"{line} {word}" if index else line + word
        if index and cell_len(longer) > width:
            lines.append(line.rstrip(" "))
            longer = " " * (indent if indent + cell_len(word) <= width else 0) + word
        line = longer
    return [each.replace(_HELD, " ") for each in [*lines, line]]


def _words(held: str, room: int) -> Iterator[str]:
    """Yields what stays in one line; what a long name makes too long for one is let go."""
    from rich.cells import cell_len

    for word in held.split(" "):
        parts = word.split(_HELD)
        long = cell_len(word) > room and 2 * max(map(cell_len, parts)) > room
        yield from parts if long else [word]


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


def spelt(text: str, stream: IO[str]) -> str:
    """A text as a stream writes it, with what its encoding lacks in other letters: those have a width, too."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text if text.isascii() else text.encode(encoding, ERRORS).decode(encoding)


def broken(text: str, stream: IO[str], indent: int = 2) -> str:
    """A text in one line as it is written to a stream: broken between words on a terminal, whole elsewhere.

    Args:
        text: in one line.
        stream: where to.
        indent: columns before every line but the first.

    Returns:
        Lines, with an end.
    """
    return "\n".join(wrap(spelt(text, stream), columns(stream), indent)) + "\n"
