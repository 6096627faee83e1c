"""The files that a setting names: which there are, and which are none."""

from __future__ import annotations

import difflib
import glob
import hashlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path


def find(path: str | Sequence[str]) -> list[str]:
    """The files that a path names, in the order of their names.

    Args:
        path: a file, a pattern such as `folder/*.csv`, or several of them, which stay in their order.

    Raises:
        ValueError: there is no such file, or it is a link to nowhere, a device or a pipe.
    """
    found: list[str] = []
    for each in [path] if isinstance(path, str) else path:
        whole = os.path.expanduser(each)
        if os.path.lexists(whole) or not glob.has_magic(whole):
            if not os.path.lexists(whole):
                raise ValueError(f"path names {each}, and there is no such file{_near(whole)}")
            found.append(whole)
            continue
        files = [match for match in sorted(glob.glob(whole, recursive=True)) if not os.path.isdir(match)]
        if not files:
            folder = whole[: whole.index(next(filter(glob.has_magic, whole)))].rpartition("/")[0] or "."
            gone = "" if os.path.isdir(folder) else f", for there is no folder {folder}"
            raise ValueError(f"path names {each}, and no file is called like this{gone}")
        found += files
    if not found:
        raise ValueError("path must name at least one file, got []")
    if twice := next((each for each in found if found.count(each) > 1), None):
        raise ValueError(f"path names {twice} twice")
    for each in found:
        state(each)
    return found


def state(path: str) -> os.stat_result:
    """What the system says of a file that is to be read whole.

    Raises:
        ValueError: it is not there any more, or a link to nowhere, or has no end, as a device or a pipe.
    """
    try:
        found = os.stat(path)
    except OSError as error:
        if os.path.islink(path):
            raise ValueError(f"{path}: is a link to nowhere") from None
        raise ValueError(f"{path}: cannot be read ({error.strerror or error})") from None
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise ValueError(f"{path}: is a device or a pipe, and must be a file, which has an end and can be read again")
    return found


def origin(paths: Sequence[str]) -> str:
    """Says which files were read, by the name of the first and the contents of all."""
    digest = hashlib.sha256()
    for each in paths:
        digest.update(Path(each).read_bytes())
    name = "".join(each if each.isprintable() else "?" for each in Path(paths[0]).name[-60:])
    more = len(paths) - 1
    what = name if not more else f"{name} and {more} more files"
    return f"{what}; SHA-256 {digest.hexdigest()[:16]}"


def _near(path: str) -> str:
    """A file beside it that may be meant."""
    folder, name = os.path.split(path)
    if not os.path.isdir(folder or "."):
        return f", nor a folder {folder}"
    meant = difflib.get_close_matches(name, os.listdir(folder or "."), 1)
    seen = "" if os.path.isabs(path) else f", seen from {os.getcwd()}"
    return f"; did you mean {os.path.join(folder, meant[0])}?" if meant else seen
