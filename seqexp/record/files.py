"""How a file is written whole or not at all, and what is read of one."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

CONTROL = re.compile(r"\\u00[0189]|\\u007f|\\[bfr]|[\x7f-\x9f]", re.IGNORECASE)
"""Where a JSON text may hold a character that commands a terminal."""


def is_plain(path: Path) -> bool:
    """Whether there is an ordinary file: no link, which may lead anywhere, and no pipe, which may never end."""
    return path.is_file() and not path.is_symlink()


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file so that a reader, or a crash, sees the old one or the new one and nothing between."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        put(part, path)
    finally:
        part.unlink(missing_ok=True)


def put(part: Path, path: Path) -> None:
    """Puts a complete file in its place: its content is on the disk before its name is, should the power fail."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)


def null_for_nan(value: Any) -> Any:
    """Plain values with None for every number that is not finite, as JSON knows no other way to say it."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: null_for_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [null_for_nan(item) for item in value]
    return value


def printable(value: Any) -> Any:
    """Plain values without characters that command a terminal; lines and tabs stay."""
    if isinstance(value, str):
        return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in value)
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    return [printable(item) for item in value] if isinstance(value, list) else value
