"""Folders of groups beside conf/: what they may hold, and what of it stands in for a shipped file."""

from __future__ import annotations

from pathlib import Path

from seqexp.config import CONF
from seqexp.config.mistakes import ConfigError, say_error

KNOWN = (
    *("callback", "cell", "data", "diagnostic", "experiment", "hydra", "logger", "optimizer", "scheduler", "trainer"),
    "vary",
)
"""The groups that there are."""


def check_config_dir(folder: str) -> None:
    """Refuses a `--config-dir` that is none of groups, such as a run's `.hydra`: its config.yaml would be seqexp's.

    Raises:
        ConfigError: the folder is not there, or holds a config.yaml.
    """
    if not Path(folder).is_dir():
        raise ConfigError(f"--config-dir {folder}: there is no such folder")
    for name in ("config.yaml", "search.yaml"):
        if (Path(folder) / name).exists():
            raise ConfigError(f"--config-dir {folder}: it may hold folders of groups, and no {name}")
    if not any((Path(folder) / name).is_dir() for name in KNOWN):
        raise ConfigError(f"--config-dir {folder}: has no folder of a group, such as {', '.join(KNOWN)}")


def say_replaced(folder: str) -> None:
    """Says in one line which files of a `--config-dir` stand in for shipped ones of the same name."""
    if found := replaced(folder):
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        say_error(f"{folder} replaces seqexp's own {', '.join(found[:5])}{more}")


def replaced(folder: str) -> list[str]:
    """The files of a folder that differ from shipped ones of the same name."""
    shipped = [path.relative_to(CONF) for path in CONF.rglob("*.yaml")]
    return sorted(str(path) for path in shipped if _differs(Path(folder) / path, CONF / path))


def _differs(path: Path, shipped: Path) -> bool:
    if not path.is_file():
        return False
    return path.stat().st_size != shipped.stat().st_size or path.read_bytes() != shipped.read_bytes()
