"""Tables and pictures as a notebook shows them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

MOST_BYTES = 200_000
"""A picture that takes more in the page is left out: notebooks keep what they show. A run's forecast takes 150 kB."""


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A table; every text is escaped.

    Args:
        columns: their names.
        rows: a text for each column.
        words: so many columns, the first ones, hold words and stand left; numbers stand right.
    """
    lines = [("th", columns), *(("td", row) for row in rows)]
    sides = ["left" if index < words else "right" for index in range(len(columns))]
    cells = (
        "".join(
            f'<{tag} style="text-align: {side}">{escape(each)}</{tag}>' for side, each in zip(sides, row, strict=True)
        )
        for tag, row in lines
    )
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"


def paragraphs(texts: Sequence[str], tag: str = "p") -> str:
    """Each text as a paragraph, escaped; `h4` for what stands out."""
    return "".join(f"<{tag}>{escape(each)}</{tag}>" for each in texts)


def picture(content: bytes, title: str) -> str:
    """A PNG within the page; nothing where it is too large."""
    data = base64.b64encode(content).decode()
    if len(data) > MOST_BYTES:
        return ""
    return f'<img alt="{escape(title)}" src="data:image/png;base64,{data}" style="max-width: 100%">'
