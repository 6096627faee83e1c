"""What each seed of a row learnt, as far as its record says, and which seeds of two rows are the same in that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqexp.compare.runs import Run
from seqexp.statistics import Array

Source = tuple[Run, int]
"""A run and the position of a seed in it."""

Flags = npt.NDArray[np.bool_]

_CLOSE = 1e-3  # baselines of the same data differ by less, whatever computed them


@dataclass(frozen=True)
class Learnt:
    """The data of n seeds.

    Attributes:
        digests: (n, 2) texts: of training with validation data, and of test targets; None where a record has none.
        known: (n,) whether there are digests.
        baselines: name -> (n,) scores on the test targets, NaN where there is none. They speak for the data of
            records without digests.
    """

    digests: npt.NDArray[np.object_]
    known: Flags
    baselines: dict[str, Array]

    @classmethod
    def of(cls, sources: Sequence[Source]) -> Learnt:
        """What the seeds at some positions of some runs learnt."""
        digests = np.full((len(sources), 2), None, dtype=object)
        for at, (run, index) in enumerate(sources):
            if run.data_hash is not None:
                digests[at] = run.data_hash[index]
        names = dict.fromkeys(name for run in {id(run): run for run, _ in sources}.values() for name in run.baselines)
        baselines = {
            name: np.array([run.baselines[name][at] if name in run.baselines else np.nan for run, at in sources])
            for name in names
        }
        return cls(digests, np.array([run.data_hash is not None for run, _ in sources], dtype=bool), baselines)

    def take(self, positions: npt.NDArray[np.intp]) -> Learnt:
        """The same of some of the seeds."""
        baselines = {name: values[positions] for name, values in self.baselines.items()}
        return Learnt(self.digests[positions], self.known[positions], baselines)

    def differ(self, other: Learnt) -> tuple[Flags, Flags]:
        """Where two rows of seeds did not learn the same.

        Returns:
            (n,) other test targets, and (n,) the same test targets but other training or validation data.
            Where a digest is missing, data are the same unless a baseline that both have says otherwise.
        """
        both = self.known & other.known
        unequal = (self.digests != other.digests) & both[:, None]  # (n, 2)
        tested = unequal[:, 1].astype(bool)
        if not both.all():
            for name in self.baselines.keys() & other.baselines.keys():
                first, second = self.baselines[name], other.baselines[name]
                far = np.abs(first - second) > _CLOSE * np.maximum(np.maximum(first, second), 1e-9)  # NaN: no
                tested |= ~both & far
        return tested, unequal[:, 0].astype(bool) & ~tested
