"""One case: a command line, the files it meets, and what came of it."""

from __future__ import annotations

import json
import random
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

HOME = "{home}"
"""Stands in arguments and files for the case's own folder, which is the working directory."""

T = TypeVar("T")


class Chance(random.Random):
    """Chance with a seed that can also deal: everything in a table has its turn before anything has its second."""

    def deal(self, table: Sequence[T], name: str) -> T:
        """The next item of a table.

        Args:
            table: the same each time for the same name.
            name: of the table.
        """
        left: dict[str, list[int]] = self.__dict__.setdefault("left", {})
        if not left.get(name):
            left[name] = self.sample(range(len(table)), len(table))
        return table[left[name].pop()]


@dataclass(frozen=True)
class Case:
    """What is tried, in an empty folder that holds one finished sweep, `outputs/beside`.

    Attributes:
        number: its place in the list that a seed gives.
        kind: the rule of the grammar that made it.
        program: the module whose `main` is called; `run` and `load` for those of `seqexp.run`.
        arguments: its command line.
        files: path below the home -> what is written there before; see `files.write`.
        damage: (path below the home, how, a number for chance), applied in this order; see `spoil.damage`.
        whole: whether the program runs as a process of its own.
        rest: whether a comparison must still hold every run that was not damaged.
    """

    number: int
    kind: str
    program: str = "seqexp"
    arguments: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    damage: tuple[tuple[str, str, int], ...] = ()
    whole: bool = False
    rest: bool = False

    @classmethod
    def from_json(cls, text: str) -> Case:
        """Reads what `to_json` gave."""
        values = json.loads(text)
        values["arguments"] = tuple(values["arguments"])
        values["damage"] = tuple((path, how, chance) for path, how, chance in values["damage"])
        return cls(**values)

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @property
    def line(self) -> str:
        """The command line as a shell takes it, with the files before it."""
        before = [f"[{path}: {text!r}]" for path, text in self.files.items()]
        before += [f"[{path.split('/')[-1]}: {how}]" for path, how, _ in self.damage]
        return " ".join([*before, self.program if self.is_call else f"python -m {self.program}", *self.shown])

    @property
    def is_call(self) -> bool:
        """Whether a function is called, and no command line is read."""
        return self.program in ("run", "load")

    @property
    def shown(self) -> list[str]:
        """The arguments, quoted; very long ones with their middle left out."""
        quoted = [shlex.quote(each.encode("utf-8", "backslashreplace").decode()) for each in self.arguments]
        return [each if len(each) <= 200 else f"{each[:60]}…({len(each)} characters)…{each[-20:]}" for each in quoted]


@dataclass
class Outcome:
    """What came of a case.

    Attributes:
        case: what was tried.
        status: the exit status; None where none was reached: hung, or killed by a signal.
        out: what was said on the console.
        err: the errors said there.
        raised: the traceback of what left `main`, if anything but SystemExit did.
        hung: where the program stood when it was given up, if it was.
        died: how the process ended in the midst of the case, if it did.
        written: paths below the home that are new or changed.
        hurt: finished files of `outputs/beside` that changed or went.
        ran: what a stranger's file made the program do: start a process, import, read a pickle, open a network.
        secret: new or changed paths with a value of the environment, in the name or in the file.
        leaked: global state of the process that is not as before.
        missed: other promises that were not kept.
        seconds: how long it took.
    """

    case: Case
    status: int | None = None
    out: str = ""
    err: str = ""
    raised: str = ""
    hung: str = ""
    died: str = ""
    written: list[str] = field(default_factory=list)
    hurt: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    secret: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @classmethod
    def from_json(cls, case: Case, text: str) -> Outcome:
        """Reads what a worker answered."""
        values: dict[str, Any] = json.loads(text)
        return cls(case, **values)

    def to_json(self) -> str:
        """One line, without the case."""
        values = asdict(self)
        del values["case"]
        return json.dumps(values)
