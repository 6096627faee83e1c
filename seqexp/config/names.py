"""Names of folders: what Hydra's output patterns call. Importing this file registers the resolvers."""

from __future__ import annotations

import hashlib
import re
import secrets

from omegaconf import OmegaConf

LONGEST = 99


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


OmegaConf.register_new_resolver("seqexp.name", folder_name, replace=True)
OmegaConf.register_new_resolver("seqexp.sweep", lambda name, fresh: name or fresh, replace=True)
# Cached, so that one configuration has one token however often it is read.
OmegaConf.register_new_resolver("seqexp.token", lambda: secrets.token_hex(3), replace=True, use_cache=True)
