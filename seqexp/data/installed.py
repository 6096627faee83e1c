"""Data files that installed packages bring along: found without importing the package, and without any download."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def find(package: str, distribution: str, file: str) -> Path:
    """Finds a data file of a package; nothing of the package is imported, which would take a second.

    Args:
        package: by which name it is imported.
        distribution: by which name it is installed.
        file: path below the package's folder.

    Raises:
        ValueError: the package is not installed, or has no such file.
    """
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):  # what is half there has no spec
        spec = None
    folders = [Path(each) for each in (spec.submodule_search_locations or ())] if spec is not None else []
    if not folders:
        raise ValueError(
            f"this data set comes with {distribution}, which is not installed: pip install 'seqexp[real]', or "
            f"pip install {distribution}"
        )
    for folder in folders:
        if (folder / file).is_file():
            return folder / file
    raise ValueError(f"the installed {distribution} has no file {file} in {folders[0]}: another version may have it")
