"""Tasks that are windows of a series, and the guesses that only such tasks have."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from seqexp.data.guesses import Guess
from seqexp.data.lags import autoregression, polynomial, seasonal
from seqexp.data.shape import Values
from seqexp.data.split import Split
from seqexp.data.task import Sequences, Task
from seqexp.data.unseen import Laid

KNOWN = "past values, as any forecast reads them, and no test target"
"""What test windows share with earlier ones: a target comes after all that earlier windows hold."""


class Recording(NamedTuple):
    """One seed's series.

    Attributes:
        values: (L, columns) float32, what was measured.
        clean: (L, columns) the same without noise, None where that is not known.
    """

    values: Tensor
    clean: Tensor | None


class Series(Task):
    """Windows of `window` values predict the value `horizon` steps after their last.

    With window 3 and horizon 1:

        series   y0  y1  y2  y3  y4  y5 ...
        inputs  [y0  y1  y2]         target y3
                    [y1  y2  y3]     target y4

    The split into train, val and test is chronological. Neighbouring windows share values, so the first windows of a
    split hold values of the one before; `data.gap` leaves them out.

    Attributes:
        season: steps after which the series about repeats itself; None where nobody says so.
        names: of the columns that are predicted.
        interleaved: neighbouring windows are of several series, so that their targets are no curve.
        may_be_short: a series without a window and its target can be made, but nothing is learnt from it.
        known: of the inputs those columns that are the targets; fewer where a target is not read.

    Args:
        length: L, values in the series.
        window: T, values that a prediction may read.
        horizon: how many steps after the window the target lies; 1 is the next value.
        columns: of the series.
        predicted: which of them are the targets, counted from 0.
        read: which of them are the inputs; None for all.

    Raises:
        ValueError: a setting is out of range.
    """

    chronological = True
    season: int | None = None
    interleaved: bool = False
    may_be_short: ClassVar[bool] = False

    def __init__(
        self,
        length: int,
        window: int,
        horizon: int,
        columns: int,
        predicted: tuple[int, ...],
        read: tuple[int, ...] | None = None,
    ) -> None:
        if window < 1:
            raise ValueError(f"window must be >= 1, got {window}")
        if horizon < 1:
            raise ValueError(f"horizon must be >= 1, got {horizon}")
        if length < window + horizon and not self.may_be_short:
            raise ValueError(
                f"window must be <= length - horizon = {length - horizon}, got {window}: "
                "the series must hold at least one window and its target"
            )
        self.length = length
        self.window = window
        self.horizon = horizon
        self.predicted = predicted
        self.columns = columns
        self.names = ["value"] if len(predicted) == 1 else [f"column {each + 1}" for each in predicted]
        self.read = tuple(range(columns)) if read is None else read
        self.known = tuple(self.read.index(each) for each in predicted if each in self.read)
        self.inputs = Values(len(self.read))
        self.targets = Values(len(predicted))
        self.ahead = horizon if self.read == tuple(predicted) else None
        self.num_sequences = max(0, length - window - horizon + 1)

    @property
    def numbers(self) -> int:
        """The series, and its windows once they are cut into splits."""
        columns = len(self.read) + (0 if self.is_past_read else len(self.predicted))
        return max(self.length, self.num_sequences * (self.window * columns + len(self.predicted)))

    @property
    def is_past_read(self) -> bool:
        """Whether the inputs hold the past of every target."""
        return len(self.known) == len(self.predicted)

    def in_time(self, start: int, stop: int) -> Tensor | None:
        """Where of some windows those are that follow each other; None where they stand so, as by default.

        Args:
            start: the first of the windows, in the order in which they are split.
            stop: behind the last of them.

        Returns:
            Places from `start` on, in the order of time, one series after another.
        """
        return None

    def times(self, count: int) -> tuple[str, list[str], list[str]] | None:
        """When rows were measured, where that is known.

        Args:
            count: how many rows are to come.

        Returns:
            What says the time, such as the name of a column; the L times of the rows; and those of the rows to come.
            None where times are not known, or have no one step, as by default.
        """
        return None

    def laid(self, generator: torch.Generator) -> Laid:
        """Where the windows lie among the rows of the predicted columns."""
        values = self.record(generator).values[:, list(self.predicted)]
        return Laid(values, torch.arange(self.num_sequences), torch.tensor([self.window + self.horizon - 1]))

    @abstractmethod
    def record(self, generator: torch.Generator) -> Recording:
        """Makes one seed's series."""

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        """Cuts one seed's series into N = length - window - horizon + 1 windows: inputs (N, window, I), targets (N, O).

        Raises:
            ValueError: another number or length of windows is asked for.
        """
        if count != self.num_sequences or length is not None:
            raise ValueError(f"a series of {self.length} values makes {self.num_sequences} windows of {self.window}")
        values, clean = self.record(generator)
        first_target = self.window + self.horizon - 1
        columns = list(self.predicted)
        read = values if self.read == tuple(range(values.shape[1])) else values[:, list(self.read)]
        windows = read.unfold(0, self.window, 1).transpose(1, 2)  # (L, I) -> (L - window + 1, window, I), a view
        return Sequences(
            inputs=windows[:count],  # (N, T, I)
            targets=values[first_target:, columns],  # (N, O)
            best=None if clean is None else clean[first_target:, columns],  # (N, O)
            past=None if self.is_past_read else self._windows(values)[:count],
        )

    def _windows(self, values: Tensor) -> Tensor:
        """What the targets' columns hold in each window: (L, columns) -> (L - window + 1, window, O), a view."""
        return values[:, list(self.predicted)].unfold(0, self.window, 1).transpose(1, 2)

    def guesses(self, train: Split, test: Split) -> dict[str, Guess]:
        """Adds those of a series to the guesses of any task.

        `persistence` is the last value of the window, `seasonal` (where there is a `season`) the value of one season
        before the target, `ar` least squares on the last p values, and `polynomial` on the last few with their squares
        and products; see `seqexp/data/lags.py`. The first three read the past of the targets also where no input is it.
        """
        others = super().guesses(train, test)
        guesses: dict[str, Guess] = {"constant": others.pop("constant")}
        known, asked = self._past(train), self._past(test)
        if known is None or asked is None:
            reason = "it needs the past of every target, and not all of them are inputs"
            names = ("persistence", *(() if self.season is None else ("seasonal",)), "ar")
            return {**guesses, **others, **dict.fromkeys(names, reason), "polynomial": polynomial(train, test)}
        columns = range(len(self.predicted))
        guesses["persistence"] = asked.inputs[:, :, -1]  # (S, N, T, O) -> (S, N, O)
        if self.season is not None:
            guesses["seasonal"] = seasonal(asked, columns, self.season, self.horizon)
        ar = autoregression(known, asked, columns)
        return {**guesses, **others, "ar": ar, "polynomial": polynomial(train, test)}

    def _past(self, split: Split) -> Split | None:
        """A split whose inputs are the past of the targets, and nothing else; None where it does not hold it."""
        if split.past is not None:
            return split._replace(inputs=split.past)
        return split._replace(inputs=split.inputs[..., list(self.known)]) if self.is_past_read else None

    def rows(self, train: Split) -> Tensor:
        """The values that the training windows read, each once: (S, 1, M, I)."""
        whole = torch.cat([train.inputs[:, 0], train.inputs[:, 1:, -1]], dim=1)  # (S, T, I), (S, N - 1, I)
        return whole[:, None]

    def notes(self, bounds: Mapping[str, tuple[int, int]]) -> list[str]:
        """Counts the test windows of which a value, read or predicted, is one that training or validation held."""
        reach = self.window + self.horizon - 1  # from a window's first value to its target
        held = torch.zeros(self.length, dtype=torch.bool)
        for name in ("train", "val"):
            start, stop = bounds[name]
            if start < stop:
                held[start : stop + self.window - 1] = held[start + reach : stop + reach] = True
        (_, trained), (start_val, stop_val), (start, stop) = (bounds[name] for name in ("train", "val", "test"))
        counts = torch.nn.functional.pad(held.cumsum(0), (1, 0))  # counts[i]: of the first i values
        read = counts[start + self.window : stop + self.window] > counts[start:stop]
        shared = int((read | held[start + reach : stop + reach]).sum())
        if not shared:
            return []
        gap = start - max(trained, stop_val)
        has_val, num_val = stop_val > start_val, stop_val - start_val
        earlier = "training or validation held" if has_val else "training ended with"
        earlier = "validation ended with" if num_val >= reach else earlier
        possible = reach > gap and stop - start + gap > reach and (num_val + gap > reach or not has_val)
        remedy = f" (data.gap={reach} leaves them out)" if possible else ""
        return [f"{shared} of {stop - start} test windows hold values that {earlier}{remedy}: {KNOWN}."]
