"""Tables and pictures as a notebook shows them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

MOST_BYTES = 100_000
"""A larger picture is left out: notebooks keep what they show."""


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; every text is escaped."""
    lines = [("th", columns), *(("td", row) for row in rows)]
    cells = ("".join(f"<{tag}>{escape(each)}</{tag}>" for each in row) for tag, row in lines)
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"


def paragraphs(texts: Sequence[str]) -> str:
    """Each text as a paragraph, escaped."""
    return "".join(f"<p>{escape(each)}</p>" for each in texts)


def picture(content: bytes, title: str) -> str:
    """A PNG within the page; nothing where it is too large."""
    data = base64.b64encode(content).decode()
    if len(data) > MOST_BYTES:
        return ""
    return f'<img alt="{escape(title)}" src="data:image/png;base64,{data}" style="max-width: 100%">'
