"""Tasks on one table of measurements, the same for every seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch

from seqexp.data.scales import scales_of
from seqexp.data.series import Recording, Series

UNEVEN = 10
"""A target's variance is so many times another's: a mean over both is hardly the other's score."""


class FixedSeries(Series):
    """Windows of a table of measurements predict later values of some of its columns.

    All seeds have the same data; with `data.folds` each has another test period. Columns are scaled for the network by
    what its training rows say (`seqexp.scaling.Scaling`), and predictions are scaled back: scores are in the column's
    own unit.

    Args:
        table: (L, columns), finite numbers.
        names: of the columns.
        inputs: names of those that are read.
        targets: names of those that are predicted.
        window: T, rows that a prediction may read.
        horizon: how many rows after the window the target lies; 1 is the next.
        scaling: one of "none", "standard", "minmax", "log" and "difference" for all columns, or one for each that is
            named, the others being "standard".
        season: rows after which the series about repeats itself; None where nobody says so.

    Raises:
        ValueError: a setting is out of range, or a column that is to be scaled by its logarithm is not above 0.
    """

    fixed = True

    def __init__(
        self,
        table: npt.NDArray[np.float64],
        names: Sequence[str],
        inputs: Sequence[str],
        targets: Sequence[str],
        window: int,
        horizon: int,
        scaling: str | Mapping[str, str],
        season: int | None = None,
    ) -> None:
        read, predicted = (tuple(names.index(each) for each in some) for some in (inputs, targets))
        super().__init__(len(table), window, horizon, len(names), predicted, read)
        if season is not None and season < 1:
            raise ValueError(f"season must be >= 1, or null, got {season}")
        self.season = season
        self.names = list(targets)
        self.scales = scales_of(scaling, names, read, predicted)
        used = zip((*read, *predicted), (*self.scales.inputs, *self.scales.targets), strict=True)
        for column, kind in used:
            low = int(table[:, column].argmin())
            if kind == "log" and table[low, column] <= 0:
                raise ValueError(
                    f"scaling must not be log for the column {names[column]}: its row {low + 1} holds "
                    f"{table[low, column]:g}, and there is no logarithm of that"
                )
        self.table = torch.from_numpy(np.ascontiguousarray(table)).float()

    def uneven(self, bounds: Mapping[str, tuple[int, int]]) -> list[str]:
        """Says which of several targets decides a mean over all of them, as it varies far more than the others.

        Args:
            bounds: the first of the windows of each split, and the one behind the last.
        """
        first = self.window + self.horizon - 1
        trained = self.laid(torch.Generator()).starts[slice(*bounds["train"])] + first
        spread = self.table[trained][:, list(self.predicted)].double().var(0, correction=0)
        if len(spread) < 2 or spread.max() < UNEVEN * spread.min():
            return []
        largest = int(spread.argmax())
        share = float(spread[largest] / spread.sum())
        most = "more than 99.9%" if share > 0.999 else f"{share:.1%}"
        name = "".join(each if each.isprintable() else "?" for each in self.names[largest][-60:])
        return [
            f"The score is a mean over {len(spread)} targets, each in its own unit, and {name} has "
            f"{most} of their variance in training: look at each target's own score, or train "
            "a run for each."
        ]

    def record(self, generator: torch.Generator) -> Recording:
        """The table, (L, columns), whatever the seed."""
        return Recording(self.table, None)
