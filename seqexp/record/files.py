"""How a file is written whole or not at all, and what is read of one."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

MOST_JSON = 2**26
"""Bytes of a JSON file that is read: a record of 100,000 seeds is smaller."""

_LONGEST_NUMBER = 300

_COMMANDS = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
"""Characters that command a terminal or turn the direction in which a text is read; lines and tabs are none."""

COMMAND = re.compile(f"[{_COMMANDS}]")
_HALF = re.compile("[\ud800-\udfff]")


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
    with part.open("r+b") as file:  # Windows brings to the disk only what may be written
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
    """Plain values without characters that command a terminal, and without halves of characters."""
    if isinstance(value, str):
        return COMMAND.sub("\ufffd", _HALF.sub("\ufffd", value))
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    return [printable(item) for item in value] if isinstance(value, list) else value


def walk(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Yields every folder at or below `root`, however deep, with the names of its folders and of all else in it.

    Both are in order of name. Links are not followed, and folders that cannot be read are passed over.
    """
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                found = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
        except OSError:
            continue
        folders = [name for name, is_folder in found if is_folder]
        yield folder, folders, [name for name, is_folder in found if not is_folder]
        waiting += [folder / name for name in reversed(folders)]


def check_plain(path: Path, most: int) -> None:
    """Refuses what is not to be read, whoever put it there.

    Args:
        path: which file.
        most: bytes beyond which it is not read.

    Raises:
        ValueError: there is no such file, or no ordinary one, or a larger one.
    """
    if not os.path.lexists(path):
        raise ValueError("no such file")
    if not is_plain(path):
        raise ValueError("is a link, or no ordinary file, and is not read")
    if path.stat().st_size > most:
        raise ValueError(f"is larger than {most / 2**20:.0f} MiB, and is not read")


def read_json(content: bytes) -> Any:
    """Reads JSON, whoever wrote it: its numbers are finite, and its texts can be printed and written.

    Raises:
        ValueError: it is no such JSON.
        RecursionError: it is nested too deeply.
    """
    text = content.decode("utf-8")
    value = json.loads(text, parse_float=_finite, parse_int=_whole, parse_constant=_no_number)
    if text.isascii() and "\\" not in text and "\x7f" not in text:
        return value  # nothing else can be in it
    if _HALF.search(json.dumps(value, ensure_ascii=False)):
        raise ValueError("a text holds half of a character")
    return printable(value)


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)


def _whole(text: str) -> int:
    return int(text) if len(text) <= _LONGEST_NUMBER else _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is beyond what a number holds")
