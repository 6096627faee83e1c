"""Names where their letters could be read as something else: in Markdown, in a table's cell, in a figure."""

from __future__ import annotations

import re
from typing import Any

_MARKS = str.maketrans(
    {mark: f"\\{mark}" for mark in "\\*_[]`"}
    | {"<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;", "$": "&#36;", "~": "&#126;"}
)
"""As entities those that not every reader of Markdown lets a backslash escape."""


def markdown(text: str) -> str:
    """A text in one line of Markdown: no mark-up, HTML, link or formula, and no border of a table."""
    line = re.sub(r"\s", " ", text).translate(_MARKS)
    line = line.replace("://", "&#58;//")
    line = re.sub(r"(?i)\b(www)\.", r"\1&#46;", line)
    return re.sub(r"^(\d*)(#|[-+=.)](?=[-+=\s]|$))", r"\1\\\2", line)  # a heading, a rule, a list of its own


def spreadsheet(value: Any) -> Any:
    """A value in a cell of CSV: a text that a spreadsheet would compute gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def label(text: str, most: int) -> str:
    """A text in one line of a figure, of `most` letters at most, and never read as a formula."""
    line = re.sub(r"\s", " ", text)
    short = line if len(line) <= most else f"{line[: most - 1]}…"
    return short.replace("$", r"\$")
