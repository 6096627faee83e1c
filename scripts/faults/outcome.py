"""What is counted of a fault, and the bench on which faults are tried."""

from __future__ import annotations

import importlib.util
import random
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from faults.sweep import PLAIN, Done, Scores, Sweep


class NotHereError(Exception):
    """This machine cannot try the fault."""


@dataclass
class Outcome:
    """A row of the table.

    Attributes:
        how: how the fault is brought about.
        times: how often it was.
        lost: pairs of cell and seed without a finished run, in the end.
        twice: pairs of cell and seed that two runs have, or that were trained again though finished.
        different: values that are not those of the undisturbed sweep.
        wrong: everything else that is not as promised.
    """

    how: str
    times: int = 0
    lost: int = 0
    twice: int = 0
    different: int = 0
    wrong: list[str] = field(default_factory=list)

    def expect(self, right: bool, what: str) -> None:
        """Notes what is not as promised."""
        if not right:
            self.wrong.append(what)
            print(f"WRONG: {what}", file=sys.stderr, flush=True)

    def expect_clear(self, done: Done, when: str) -> None:
        """Notes a traceback on the console."""
        traceback = re.search(r"Traceback|Logging error|Segmentation|core dumped", done.text)
        self.expect(traceback is None, f"{when}: a traceback on the console:\n{done.text[-3000:]}")

    def expect_paragraph(self, done: Done, when: str) -> None:
        """Notes what is not one line and exit status 2."""
        self.expect_clear(done, when)
        right = done.status == 2 and done.text.count("\n") == 1
        self.expect(right, f"{when}: {done.status}, {done.text.count(chr(10))} lines: {done.text[-1000:]}")

    def count_again(self, sweep: Sweep, before: dict[Path, bytes]) -> None:
        """Counts the runs that had finished before and have been trained again, or are gone."""
        now = sweep.finished()
        self.twice += sum(now.get(path) != content for path, content in before.items())

    def settle(self, sweep: Sweep, original: Scores) -> None:
        """Gives the command again, and holds what there is then against the undisturbed sweep."""
        before = sweep.finished()
        done = sweep.run()
        self.expect(done.status == 0, f"the last command ended with {done.status}: {done.text[-2000:]}")
        self.check(sweep, original, before)

    def check(
        self, sweep: Sweep, original: Scores, before: dict[Path, bytes], only: Sequence[str] | None = None
    ) -> None:
        """Holds what there is against the undisturbed sweep, and against the runs that had finished before.

        Args:
            sweep: what there is.
            original: the undisturbed sweep's values.
            before: the finished runs' records as they were.
            only: names of values; None is all. Files of runs hold other seeds where the runs are cut otherwise.
        """
        found, seeds = sweep.scores(), sweep.seeds()
        wanted = {(cell, seed) for cell, seed, _ in original if cell != "comparison"}
        self.lost += len(wanted - set(seeds))
        self.twice += sum(count - 1 for count in seeds.values())
        self.count_again(sweep, before)
        keys = {key for key in original.keys() | found.keys() if only is None or key[2] in only}
        wrong = [key for key in keys if original.get(key) != found.get(key)]
        self.different += len(wrong)
        self.expect(not wrong, f"different: {sorted(wrong, key=str)[:9]} in {sweep.folder}")
        parts = [path.name for path in sweep.folder.glob("*/**/*.part")]
        self.expect(not parts, f"left behind: {parts[:3]}")


def need(package: str, extra: str) -> None:
    """Says that a fault cannot be tried where a package is missing.

    Raises:
        NotHereError: it is.
    """
    if importlib.util.find_spec(package) is None:
        raise NotHereError(f"seqexp[{extra}] is not installed")


class Bench:
    """Where the faults are tried: a folder, chance with a seed, and the undisturbed sweeps."""

    def __init__(self, folder: Path, times: int | None, seed: int) -> None:
        self.folder = folder
        self.times = times
        self.chance = random.Random(seed)
        self.count = 0
        self._undisturbed: dict[tuple[str, ...], tuple[Scores, float]] = {}

    def sweep(self, overrides: Sequence[str] = PLAIN, home: Path | None = None) -> Sweep:
        """A new sweep."""
        self.count += 1
        return Sweep(home or self.folder / f"sweep{self.count}", overrides)

    def original(self, overrides: Sequence[str] = PLAIN) -> Scores:
        """What the sweep gives when nobody disturbs it."""
        return self.undisturbed(overrides)[0]

    def undisturbed(self, overrides: Sequence[str] = PLAIN) -> tuple[Scores, float]:
        """The same, and the seconds that it takes."""
        key = tuple(overrides)
        if key not in self._undisturbed:
            self.sweep(overrides).run()  # the first time, files come from the disk
            sweep, start = self.sweep(overrides), time.monotonic()
            done = sweep.run()
            seconds = time.monotonic() - start
            if done.status:
                raise RuntimeError(f"the undisturbed sweep ended with {done.status}: {done.text}")
            self._undisturbed[key] = sweep.scores(), seconds
        return self._undisturbed[key]
