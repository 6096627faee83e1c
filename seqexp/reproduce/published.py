"""What is published: a file of `conf/published` for each table, with its protocol and what counts as agreement."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

from seqexp.config import CONF
from seqexp.config.choices import PUBLISHED
from seqexp.config.mistakes import ConfigError, closest

FOLDER = CONF / PUBLISHED

SOLVED = "solved"
DIAGNOSTICS = "diagnostics"
"""Of what is measured: the share of seeds that solve the task, and the numbers of instruments."""


@dataclass
class Row:
    """One published number.

    Attributes:
        name: of the model, as the paper has it.
        held_against: what the number is of, where the paper has none for this model: a bound, chance, another model.
        run: settings of the run, as on a command line, beside those of all rows.
        measure: `solved`, the share of seeds that solve the task; `test` or `test@40`, the score, or another that is
            shown beside it, `test/accuracy`; or the number of an instrument, `diagnostics/memory/end_capacity`.
        published: the number.
        trials: how many made the published share, where it is one and the paper says so.
        margin: ours agrees if its whole interval is nearer than this to the published number.
        higher_is_better: of the number.
        scale: on what is measured, such as 100 for per cent.
        over: a guess by whose score that of each seed is divided, such as `constant`.
        root: whether the square root is taken, of a mean squared error.
    """

    name: str = MISSING
    held_against: str | None = None
    run: list[str] = field(default_factory=list)
    measure: str = MISSING
    published: float = MISSING
    trials: int | None = None
    margin: float = MISSING
    higher_is_better: bool = False
    scale: float = 1.0
    over: str | None = None
    root: bool = False

    @property
    def folder(self) -> str:
        """The name of its run's folder."""
        return re.sub(r"[^A-Za-z0-9.]+", "_", self.name).strip("_")


@dataclass
class Published:
    """A table.

    Attributes:
        paper: authors, title, where and when.
        read: where the numbers were read.
        protocol: how the paper came to them, and in what ours differs.
        unit: of the numbers.
        minutes: that the table takes of one core, measured; its shorter form takes less.
        run: settings of all rows.
        short: settings that make the shorter form.
        rows: the numbers.
    """

    paper: str = MISSING
    read: str = MISSING
    protocol: str = MISSING
    unit: str = MISSING
    minutes: float | None = None
    run: list[str] = field(default_factory=list)
    short: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


def names() -> list[str]:
    """All tables, such as `hs1997/table1`."""
    return [path.relative_to(FOLDER).with_suffix("").as_posix() for path in sorted(FOLDER.glob("*/*.yaml"))]


def title(name: str) -> str:
    """The first line of a table's file."""
    return _path(name).read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def load(name: str) -> Published:
    """Reads a table.

    Raises:
        ConfigError: there is no such table, or its file is not one.
    """
    path = _path(name)
    try:
        found = OmegaConf.merge(OmegaConf.structured(Published), OmegaConf.load(path))
        table = OmegaConf.to_object(found)
        if not isinstance(table, Published) or not table.rows:
            raise ValueError("rows: there are none")
        if table.minutes is not None and not table.minutes > 0:
            raise ValueError(f"minutes: are above 0, got {table.minutes:g}")
        for row in table.rows:
            _check(row)
        if len({row.folder for row in table.rows}) < len(table.rows):
            raise ValueError("rows: two have one name")
    except (OmegaConfBaseException, ValueError, YAMLError) as error:
        raise ConfigError(f"{path}: is no published table: {error}") from None
    return table


def _check(row: Row) -> None:
    """Refuses a row whose numbers cannot be judged.

    Raises:
        ValueError: see there.
    """
    what = row.measure.partition("/")[0]
    if what not in (SOLVED, DIAGNOSTICS, "test", "train", "val") and not what.startswith("test@"):
        raise ValueError(f"measure of {row.name}: is solved, test, test@40 or diagnostics/..., got {row.measure}")
    if not (math.isfinite(row.published) and math.isfinite(row.scale) and row.scale):
        raise ValueError(f"published and scale of {row.name}: are finite numbers, got {row.published:g}, {row.scale:g}")
    if not 0 < row.margin < math.inf:
        raise ValueError(f"margin of {row.name}: is above 0, got {row.margin:g}")
    if row.trials is not None and (what != SOLVED or row.trials < 1 or not 0 <= row.published / row.scale <= 1):
        raise ValueError(
            f"trials of {row.name}: are 1 or more, of which published is the share (measure: solved), got {row.trials}"
        )
    if not row.folder.strip(".") or "|" in row.name:
        raise ValueError(f"name of {row.name}: has a letter or digit, as its folder is called after it, and no |")


def _path(name: str) -> Path:
    known = names()
    if name not in known:
        hint = "".join(f" Did you mean {near}?" for near in closest(name, known)[:1])
        raise ConfigError(f"{name}: there is no such published table.{hint} Allowed: {', '.join(known)}")
    return FOLDER / f"{name}.yaml"
