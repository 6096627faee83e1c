"""What is published: a file of `conf/published` for each table, with its protocol and what counts as agreement."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seqexp.config import CONF
from seqexp.config.choices import PUBLISHED
from seqexp.config.mistakes import ConfigError, closest

FOLDER = CONF / PUBLISHED


@dataclass
class Row:
    """One published number.

    Attributes:
        name: of the model, as the paper has it.
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
    run: list[str] = field(default_factory=list)
    measure: str = MISSING
    published: float = MISSING
    trials: int | None = None
    margin: float = MISSING
    higher_is_better: bool = False
    scale: float = 1.0
    over: str | None = None
    root: bool = False


@dataclass
class Published:
    """A table.

    Attributes:
        paper: authors, title, where and when.
        read: where the numbers were read.
        protocol: how the paper came to them, and in what ours differs.
        unit: of the numbers.
        minutes: that the table takes on two cores, measured.
        short_minutes: that its shorter form takes.
        run: settings of all rows.
        short: settings that make the shorter form.
        rows: the numbers.
    """

    paper: str = MISSING
    read: str = MISSING
    protocol: str = MISSING
    unit: str = MISSING
    minutes: float | None = None
    short_minutes: float | None = None
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
        ConfigError: there is no such table.
        ValueError: its file is not one.
    """
    try:
        found = OmegaConf.merge(OmegaConf.structured(Published), OmegaConf.load(_path(name)))
        table = OmegaConf.to_object(found)
    except OmegaConfBaseException as error:
        raise ValueError(f"{name}: {error}") from None
    if not isinstance(table, Published) or not table.rows:
        raise ValueError(f"{name}: has no rows")
    return table


def _path(name: str) -> Path:
    known = names()
    if name not in known:
        hint = "".join(f" Did you mean {near}?" for near in closest(name, known)[:1])
        raise ConfigError(f"{name}: there is no such published table.{hint} Allowed: {', '.join(known)}")
    return FOLDER / f"{name}.yaml"
