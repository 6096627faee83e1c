"""The user's own code and files, by digest: they define a run's numbers as much as its settings do.

Nothing is imported for it. The code is the module that a dotted path names, with all that it imports of the user's own;
of a package that pip installed, the version speaks for the code.
"""

from __future__ import annotations

import ast
import functools
import glob
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seqexp.config.targets import PACKAGES

GROUPS = ("data", "cell")
"""Where a text may name files that are read."""

BESIDE = ("diagnostic", "logger", "data.evaluations")
"""Groups, and a key, whose code and files change no number of a training, whoever wrote them."""

READING = {"seqexp.data.text.Text": "data.path", "seqexp.data.csv.Csv": "data.path"}
"""Tasks of seqexp's own that read a file, and the key that names it."""

GUEST = {"seqexp.cell.module.Module": "path"}
"""Classes of seqexp's own that hold a class of somebody else's, and the key that names it."""

SHIPPED = {"seqexp.data.text.Text": "pydoc_data.topics"}
"""Those of them that, where that key is null, read a module that is another one in each version of Python."""

WEIGHTS = "cell.weights"
"""The key that names weights to start from: a file, or the folder of a run."""

INSTALLED = {"site-packages", "dist-packages"}
"""Folders of packages, wherever they are: of this environment, the one around it, the user, or Debian."""

WRITTEN = {"claim.json", "result.json", "multirun.yaml"}
"""What only seqexp's own folders hold: no data, though a folder of data may hold such a folder."""


def digest(settings: Mapping[str, Any]) -> str:
    """Digest of the user's own code and files that a configuration names.

    Own code is whatever lies in one of its `allowed_packages`. Own files are those that a text below `data` or `cell`
    names, if the class there is the user's own, or the one key of a task that reads a file (`READING`): a file, a
    folder with all that is in it, or a pattern such as `texts/*.txt`. So are the weights that `cell.weights` names.

    Args:
        settings: the configuration, checked and resolved.

    Returns:
        Sixteen letters; empty where the configuration names nothing of the user's own, nor of `SHIPPED`.
    """
    own = tuple(f"{each}." for each in settings["allowed_packages"] if each not in PACKAGES)
    reading = tuple(f"{group}." for group in GROUPS if not _is_shipped(settings.get(group)))
    found = _shipped(settings.get("data"))
    for key, text in _texts(settings, ""):
        if f"{key}.".startswith(tuple(f"{each}." for each in BESIDE)):
            continue
        if text.startswith(own):
            found |= _code(text)
        by_task = f"{key}.".startswith(f"{_read_by_task(settings)}.")  # a list of files has numbers behind its key
        if (key.startswith(reading) and not key.endswith("._target_")) or by_task:
            for name, path in _files(text):
                place = f"{key} {name}"
                alike = sum(each == place or each.startswith(f"{place} (") for each in found) if by_task else 0
                found[place if not alike else f"{place} ({alike + 1})"] = _read(*_state(path))[0]
        if key == WEIGHTS and weights_file(text).is_file():
            found[key] = _read(*_state(weights_file(text)))[0]
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16] if found else ""


def weights_file(text: str) -> Path:
    """The file that holds the weights which `cell.weights` names: of a run's folder, its kept ones."""
    path = Path(text).expanduser()
    return path / "checkpoints" / "best.ckpt" if path.is_dir() else path


def _is_shipped(node: Any) -> bool:
    """Whether a group's class is one of seqexp's own: but for `READING`, none of their words names a file."""
    if not isinstance(node, Mapping):
        return False
    target = str(node.get("_target_"))
    guest = node.get(GUEST[target]) if target in GUEST else None
    return target.startswith("seqexp.") and (guest is None or str(guest).split(".")[0] in PACKAGES)


def _shipped(data: Any) -> dict[str, str]:
    """Module -> digest, of a text that comes with Python and is this task's data."""
    name = SHIPPED.get(str(data.get("_target_"))) if isinstance(data, Mapping) and data.get("path") is None else None
    spec = None if name is None else importlib.util.find_spec(name)
    return {} if spec is None or spec.origin is None else {str(name): _read(*_state(Path(spec.origin)))[0]}


def _read_by_task(settings: Mapping[str, Any]) -> str | None:
    """The key below which one of seqexp's own tasks is told of a file."""
    data = settings.get("data")
    return READING.get(str(data.get("_target_"))) if isinstance(data, Mapping) else None


def _texts(node: Any, key: str) -> Iterator[tuple[str, str]]:
    """Yields (dotted key, text) of every text in nested dictionaries and lists."""
    if isinstance(node, str):
        yield key, node
    for name, value in node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ():
        yield from _texts(value, f"{key}.{name}" if key else str(name))


def _code(dotted: str) -> dict[str, str]:
    """Module -> digest, of all of the user's own that a dotted path needs; for an installed package, its version."""
    top = dotted.split(".")[0]
    if _is_installed(top):
        names = importlib.metadata.packages_distributions().get(top, ())
        return {top: " ".join([platform.python_version(), *map(importlib.metadata.version, names)])}
    found: dict[str, str] = {}
    waiting = [dotted]
    while waiting:
        parts = waiting.pop().split(".")
        for module in (".".join(parts[: count + 1]) for count in range(len(parts))):
            if module not in found and (path := _source(module)) is not None:
                found[module], imports = _read(*_state(path))
                package = module if path.name == "__init__.py" else module.rpartition(".")[0]
                waiting += [_absolute(name, package) for name in imports]
    return found


def _absolute(name: str, package: str) -> str:
    """The full name of a module that is imported from a package."""
    try:
        return importlib.util.resolve_name(name, package)
    except ImportError:  # beyond the top, as Python will say
        return ""


def _source(module: str) -> Path | None:
    """The file of a module of the user's own; None for all others, and for what is no module."""
    top, *rest = module.split(".")
    spec = None if _is_installed(top) else _spec(top)
    if spec is None:
        return None
    bases = [Path(place, *rest) for place in spec.submodule_search_locations or ()]
    files = [file for base in bases for file in (base / "__init__.py", base.with_name(f"{base.name}.py"))]
    return next((file for file in (files if rest else [Path(spec.origin or "")]) if file.is_file()), None)


def _is_installed(top: str) -> bool:
    """Whether a package comes with Python, from pip, or with seqexp."""
    if top in PACKAGES or top in sys.stdlib_module_names:
        return True
    spec = _spec(top)
    places = [spec.origin, *(spec.submodule_search_locations or ())] if spec is not None else []
    installed = tuple(sysconfig.get_paths()[name] + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    return any(str(place).startswith(installed) or INSTALLED & {*Path(str(place)).parts} for place in places)


def _spec(top: str) -> Any:
    try:
        return importlib.util.find_spec(top)
    except (ImportError, ValueError):  # no name of a module, or one that was made without a file
        return None


def _files(text: str) -> Iterator[tuple[str, Path]]:
    """Yields (name, path) of the files that a text names, in a fixed order; the name does not tell where they are."""
    text = os.path.expanduser(text)
    if "\0" in text:
        return
    for top in [text] if os.path.exists(text) else sorted(glob.glob(text)) if glob.has_magic(text) else []:
        if os.path.isfile(top):
            yield os.path.basename(top), Path(top)
        for folder, subfolders, names in os.walk(top):
            subfolders[:] = sorted(each for each in subfolders if not each.startswith((".", "__pycache__")))
            if WRITTEN & {*names}:
                subfolders.clear()
                continue
            for path in (Path(folder, name) for name in sorted(names)):
                if path.is_file():
                    yield path.relative_to(top).as_posix(), path


def _state(path: Path) -> tuple[Path, int, int]:
    """What changes when a file does."""
    found = path.stat()
    return path.absolute(), found.st_mtime_ns, found.st_size


@functools.lru_cache(maxsize=10_000)
def _read(path: Path, time_ns: int, size: int) -> tuple[str, tuple[str, ...]]:
    """Digest of a file, and what it imports if it is Python's; read once for each state that it is in."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        return found, tuple(_imports(path.read_bytes())) if path.suffix == ".py" else ()
    except (OSError, SyntaxError, ValueError):  # whoever reads it next says why it cannot be
        return "unreadable", ()


def _imports(source: bytes) -> Iterator[str]:
    """Yields what a source imports, wherever the statement stands; relative names keep their dots."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            yield from (f"{start}{'' if start.endswith('.') else '.'}{each.name}" for each in node.names)
