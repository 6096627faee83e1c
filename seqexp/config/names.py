"""Names of folders: what Hydra's output patterns call, and what is allowed."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import unicodedata
from pathlib import Path

from seqexp.config.mistakes import ConfigError

LONGEST = 99
MOST_BYTES = 255  # that file systems let a name have


def folder_name(text: str) -> str:
    """Turns any text into the name of a folder: `[A-Za-z0-9_.,=-]` only, under 100 characters.

    A text that has to be changed gets a hash of the whole, so that two texts never share a name.
    """
    name = re.sub(r"(?<=\d)e\+(?=\d)", "e", text)  # 1e+30 is not to be read as 1e-30
    name = re.sub(r"[^A-Za-z0-9_.,=-]+", "-", name) or "run"
    if name == text and len(name) <= LONGEST and not name.startswith("."):
        return name
    if not text:
        return name
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{name.lstrip('.')[: LONGEST - 9]}-{digest}"


def path_name(text: str) -> str:
    """The same for folders in folders; what is no way down from where one is stays as it is, to be refused."""
    parts = text.split("/")
    return text if {"", ".", ".."} & {*parts[:-1]} or text in (".", "..") else "/".join(map(folder_name, parts))


def check_place(folder: Path) -> None:
    """Refuses a path that one of those who write there would take for something else.

    Raises:
        ConfigError: it has a `~` that no shell has expanded, a `::`, what is no letter, or a name that is too long.
    """
    whole = os.path.abspath(folder)
    for name in Path(whole).parts:
        if len(os.fsencode(name)) > MOST_BYTES:
            raise ConfigError(f"{name[:40]}...: a folder's name may have {MOST_BYTES} bytes, and this one has more")
    if any(unicodedata.category(each) in ("Cc", "Cs") for each in str(folder)):
        raise ConfigError(f"{str(folder)!a}: the name of a folder holds a control character, or is not UTF-8")
    if str(folder).startswith("~"):
        raise ConfigError(f"{folder}: no shell has expanded the ~ in it; write $HOME, or the folder in full")
    if "::" in whole:  # fsspec, through which Lightning writes, would write to what stands before it
        raise ConfigError(f"{whole}: holds ::, by which fsspec joins protocols; choose another folder")


def token() -> str:
    """A few letters that no other run has."""
    return secrets.token_hex(3)


def quoted(text: str) -> str:
    """A value as Hydra's command line wants it, whatever letters it has."""
    escaped = re.sub(r"(\\*)(')", r"\1\1\\\2", text)  # backslashes count only before a quote
    return "'" + re.sub(r"(\\+)$", r"\1\1", escaped) + "'"
