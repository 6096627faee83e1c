"""What can be chosen, read from the YAML files as they stand: groups, their files, the keys and comments of a file.

Needs no Hydra, as nothing is composed: a file is shown, and not what comes of it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml  # type: ignore[import-untyped]

from seqexp.config import CONF
from seqexp.config.mistakes import ConfigError

MOST_BYTES = 100_000
"""More than any configuration has."""

LAUNCHER = "hydra/launcher"

HIDDEN = ("hydra/output",)
"""Groups of files that seqexp chooses itself."""

PUBLISHED = "published"
"""Above the files that `reproduce` takes, and no run."""

EXPERIMENT = "experiment"
"""The group whose files may lie in folders, as `experiment=lab/sine`."""

SWEPT = "hydra.sweeper.params."
"""Below this an experiment names what it goes through."""

PACKAGE = "# @package"
"""How a file begins that writes elsewhere than into its group."""

BASIC = "# One run after another. Hydra's own, without settings."
"""What stands for the launcher `basic`, which has no file."""


class Setting(NamedTuple):
    """One key: as it is typed, its value as it stands in the file, and the comment of its line."""

    key: str
    value: str
    comment: str


@dataclass(frozen=True)
class Choice:
    """A file of a group.

    Attributes:
        group: such as `cell` or `hydra/launcher`; empty for the files at the top.
        name: without `.yaml`.
        path: where it lies; None for what Hydra brings along.
    """

    group: str
    name: str
    path: Path | None

    @property
    def title(self) -> str:
        """As it is chosen."""
        return f"{self.group}={self.name}" if self.group else self.name

    @property
    def text(self) -> str:
        """What it holds.

        Raises:
            ConfigError: the file cannot be read.
        """
        return BASIC if self.path is None else _read(self.path)

    @property
    def prefix(self) -> str:
        """What stands before its keys on the command line."""
        found = re.match(rf"{PACKAGE} (\S+)", self.text)
        place = found[1] if found else self.group.replace("/", ".")
        if self.title == "search":
            place = "search"
        return "" if place in ("", "_global_") else f"{place}."

    @property
    def lines(self) -> list[str]:
        """The comment at its top, without what it says to Hydra."""
        head = itertools.takewhile(lambda line: line.startswith("#"), self.text.lstrip("\ufeff").splitlines())
        return [line.lstrip("#").strip() for line in head if not line.startswith(PACKAGE)]

    @property
    def summary(self) -> str:
        """The first line of that comment, as far as its sentences are whole; what it builds where there is none."""
        if not self.lines:
            target = re.search(r"^_target_:\s*(\S+)", self.text, re.MULTILINE)
            return f"Builds {target[1]}." if target else ""
        first = self.lines[0]
        whole = re.match(r".*[.?!](?=\s|$)", first)
        return whole[0] if whole else first if len(self.lines) == 1 else f"{first.rstrip(',;:')} …"


def groups(config_dir: str | None = None) -> dict[str, dict[str, Choice]]:
    """All groups with all of their files, in order of name.

    Args:
        config_dir: the user's own folder of groups, whose files stand before shipped ones of the same name.
    """
    found = {LAUNCHER: {"basic": Choice(LAUNCHER, "basic", None)}}
    for folder in (CONF, *(() if config_dir is None else (Path(config_dir),))):
        for path in sorted((*folder.glob("*/*.yaml"), *folder.glob("*/*/*.yaml"))):
            group, name = path.parent.relative_to(folder).as_posix(), path.stem
            if group.startswith(f"{EXPERIMENT}/"):
                group, name = EXPERIMENT, f"{group.removeprefix(f'{EXPERIMENT}/')}/{name}"
            if group not in HIDDEN and not group.startswith((".", f"{PUBLISHED}/")) and path.is_file():
                found.setdefault(group, {})[name] = Choice(group, name, path)
    return {group: dict(sorted(found[group].items())) for group in sorted(found)}


def top() -> dict[str, Choice]:
    """The files that belong to no group: the settings of a run, and of a search."""
    return {path.stem: Choice("", path.stem, path) for path in sorted(CONF.glob("*.yaml"))}


def defaults() -> dict[str, str]:
    """Which file a group takes unless another one is named."""
    listed = yaml.safe_load(_read(CONF / "config.yaml"))["defaults"]
    chosen = [pair for each in listed if isinstance(each, dict) for pair in each.items()]
    return {LAUNCHER: "basic", **{group: name for group, name in chosen if name is not None and " " not in group}}


def _read(path: Path) -> str:
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise ConfigError(f"{path}: is no configuration: it has {size:,} bytes, over {MOST_BYTES:,}")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: cannot be read as YAML in UTF-8 ({error})") from None


def settings(choice: Choice) -> list[Setting | str]:
    """The keys of a file, in its order; a text is a comment that has lines of its own.

    Raises:
        ConfigError: the file cannot be read, or holds no keys with values.
    """
    text = choice.text
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None and not isinstance(node, yaml.MappingNode):
            raise ConfigError(f"{choice.path}: must hold keys with values, as in `hidden_size: 16`, and no list")
        return [] if node is None else list(_Reader(text, choice).settings(node, choice.prefix))
    except RecursionError:
        raise ConfigError(f"{choice.path}: is nested too deeply, or refers to itself") from None
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{choice.path}: cannot be read as YAML in UTF-8 ({error})") from None


class _Reader:
    """Goes through the nodes of a file with its text beside it, as YAML forgets the comments."""

    def __init__(self, text: str, choice: Choice) -> None:
        self.text = text
        self.lines = text.splitlines()
        self.group = choice.group
        self.seen = len(choice.lines) + text.startswith(PACKAGE)  # lines that are behind
        self.left = 10 * MOST_BYTES  # aliases of aliases could stand for more than anybody reads

    def settings(self, node: Any, prefix: str) -> Iterator[Setting | str]:
        """Yields what a mapping holds, and each comment that has lines of its own."""
        for key, value in node.value:
            yield from self._heading(key.start_mark.line)
            if key.value == "defaults":
                yield from self._defaults(value)
            elif isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
                name = f"{prefix}{key.value}"
                if comment := self._comment(key.end_mark):
                    yield f"{name}: {comment}"
                self.seen = key.end_mark.line + 1
                yield from self.settings(value, f"{name}.")
            elif key.value != "_target_":
                yield self._setting(f"{prefix}{key.value}", key, value)
            self.seen = max(self.seen, key.end_mark.line + 1)

    def _setting(self, name: str, key: Any, value: Any) -> Setting:
        block = isinstance(value, yaml.CollectionNode) and not value.flow_style and bool(value.value)
        if block:
            items = [each.value if isinstance(each, yaml.ScalarNode) else "…" for each in value.value]
            written = f"[{', '.join(items)}]"
        else:
            written = " ".join(self.text[value.start_mark.index : value.end_mark.index].split()) or "null"
        self.left -= len(name) + len(written)
        if self.left < 0:
            raise ValueError("its aliases stand for more than any configuration has")
        return Setting(name.removeprefix(SWEPT), written, self._comment(key.end_mark if block else value.end_mark))

    def _defaults(self, node: Any) -> Iterator[Setting | str]:
        """Yields which file each group takes, and what a file takes over from another of its own group."""
        for each in node.value if isinstance(node, yaml.SequenceNode) else ():
            if isinstance(each, yaml.MappingNode):
                for key, value in each.value:
                    group = str(key.value).removeprefix("override").strip().lstrip("/")
                    yield self._setting(group, key, value)  # a file, or a list of them
            elif each.value != "_self_":
                yield f"All that is not said here is as in {self.group}={each.value}."
            self.seen = each.end_mark.line + 1

    def _heading(self, line: int) -> Iterator[str]:
        lines = [each.strip() for each in self.lines[self.seen : line]]
        found = [each.lstrip("#").strip() for each in lines if each.startswith("#")]
        if found:
            yield " ".join(found)

    def _comment(self, mark: Any) -> str:
        """What stands behind a `#` on the line, after a place in it."""
        rest = self.lines[mark.line][mark.column :] if mark.line < len(self.lines) else ""
        found = re.match(r":?\s*#\s*(.*)", rest)
        return found[1].strip() if found else ""
