"""Text on a console: broken between words only, and not at all where nobody looks at a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from seqexp.terminal import spelt, wrap

if TYPE_CHECKING:
    from rich.console import Console


def room(console: Console) -> int | None:
    """The columns of a terminal; None where the output goes into a file or a pipe, whose lines have no end."""
    return console.width if console.is_terminal else None


def put(console: Console, text: str, style: str = "", indent: int = 0) -> None:
    """Prints a text, as broad as the terminal is; its letters are never read as mark-up.

    Args:
        console: where to.
        text: in one line.
        style: as Rich spells it, such as `bold`.
        indent: columns before every line but the first.
    """
    for line in wrap(spelt(text, console.file), room(console), indent):
        console.print(Text(line, style=style), soft_wrap=True)
