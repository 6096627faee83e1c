"""The user's own series, from CSV files."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqexp.data import delimited, files, tables, usable
from seqexp.data.fixed import FixedSeries
from seqexp.data.labelled import Labelled
from seqexp.data.onward import onward
from seqexp.data.series import KNOWN
from seqexp.data.split import Split
from seqexp.data.tables import Table, Writing
from seqexp.data.task import Sequences, Task
from seqexp.data.unseen import Laid

MOST_NOTES = 4
"""So many files are described one by one."""


class _ByLabel(FixedSeries):
    """With `label` given, whole sequences have a class, and that is another task.

    It stands in a class of its own so that the settings of `Csv` are those of its constructor.
    """

    def __new__(cls, **settings: Any) -> Any:
        """Makes the task that the settings ask for."""
        if settings.get("label") is None:
            return super().__new__(cls)
        if settings.get("rows") is not None:
            raise ValueError(f"rows must be null where data.label names the classes, got {settings['rows']}")
        of_windows = ("horizon", "together", "rows")
        return Labelled(**{name: value for name, value in settings.items() if name not in of_windows})


class Csv(_ByLabel):
    """Windows of columns of a CSV file predict a later value of one of them, or of several.

    With `target=price inputs=[price,volume] window=3 horizon=1`:

        date        price  volume
        2024-01-01   10.0     120    inputs  (3, 2): the rows of 1, 2 and 3 January
        2024-01-02   10.5     130    target  (1,): 11.2
        2024-01-03   10.4      90
        2024-01-04   11.2     150

    All seeds have the same data. The split is chronological; with `data.folds` seeds have test periods that follow each
    other. Of several files each is a series of its own, and no window reaches from one into another: by default each
    is split by itself, its beginning for training and its end for the test; with `together` they are one series in the
    order of their names. Columns are scaled for the network by the training rows alone, predictions are scaled back,
    and scores are in the column's own unit, squared.

    Nothing is guessed where a file can be read in two ways, and nothing is repaired unasked: `seqexp.data.tables` has
    what is refused. With `label` the task is another one: `seqexp.data.labelled.Labelled`.

    A constant guess scores about the variance of the target, or more where it rises or falls; `persistence` is hard to
    beat one step ahead in whatever changes slowly. Read a network's score beside the best of the guesses.

    Args:
        path: of a file, or a pattern such as `folder/*.csv`, or several of them.
        target: the column that is predicted, or several of them.
        inputs: the columns that are read; None: those that are predicted.
        window: T, rows that a prediction may read.
        horizon: how many rows after the window the target lies; 1 is the next.
        time: the column that says when a row was measured, by which order and steps are checked.
        date_format: as `datetime.strptime` has it, or "number"; None: ISO dates, or plain numbers.
        sort: whether rows are put into the order of time.
        fill: where there is no value: forward, interpolate or drop; None refuses.
        missing: texts that stand for no value.
        delimiter: one character, or comma, semicolon, tab, pipe or space; None: the one that splits all lines alike.
        encoding: such as latin-1; None: UTF-8, or what a byte order mark says.
        decimal: comma or dot; None: what all numbers agree on.
        thousands: comma, dot, space, apostrophe or none; None likewise.
        scaling: none, standard, minmax, log or difference for all columns, or one for each that is named.
        season: rows after which the series about repeats itself; None where nobody says so.
        together: whether several files are one series that goes on, by name.
        label: the column that names each sequence's class; None predicts values.
        group: of `label` alone.
        stratified: of `label` alone.
        rows: of one file so many are read, from the first on; None: all.

    Raises:
        ValueError: a setting is wrong, or a file is damaged.
    """

    may_be_short = True  # a forecast goes on from fewer rows than training takes
    is_learnt = True

    def __init__(
        self,
        path: str | Sequence[str] | None,
        target: str | Sequence[str] | None,
        inputs: str | Sequence[str] | None,
        window: int,
        horizon: int,
        time: str | None,
        date_format: str | None,
        sort: bool,
        fill: str | None,
        missing: Sequence[str],
        delimiter: str | None,
        encoding: str | None,
        decimal: str | None,
        thousands: str | None,
        scaling: str | Mapping[str, str],
        season: int | None,
        together: bool,
        label: str | None,
        group: str | None,
        stratified: bool | None = None,  # settings may be from before there were
        rows: int | None = None,  # such keys
    ) -> None:
        for name, value in (("group", group), ("stratified", stratified)):
            if value is not None:
                raise ValueError(f"{name} must be null unless data.label names the column of classes")
        how = Writing(delimiter, encoding, decimal, thousands, tuple(map(str, missing)), time, date_format, sort, fill)
        targets = tables.listed("target", target)
        if not path or not any(targets):
            raise ValueError(_lacking(path or None, how))
        read = tables.listed("inputs", inputs) or targets
        asked = {**dict.fromkeys(read, "inputs"), **dict.fromkeys(targets, "target")}
        self.files = usable.first_rows(tables.read(path, asked, {}, how), rows)
        self.how, self.together = how, together
        self.sources = [each.path for each in self.files]
        self.ordered_by = "their rows (no data.time tells whether it is that of time)" if time is None else "time"
        names = list(asked)
        if together and time is not None:
            usable.check_following(self.files)
        table = np.concatenate([each.values for each in self.files])
        usable.check_scaled(self.files, names, scaling)
        super().__init__(table, names, read, targets, window, horizon, scaling, season)
        self.interleaved = len(self.files) > 1 and not together
        counts = [max(0, len(each.lines) - window - horizon + 1) for each in self.files]
        self.num_sequences = sum(counts)
        self.starts = _starts(counts, [len(each.lines) for each in self.files], together)

    def follow(self, trained: Task) -> None:
        """Nothing is learnt from what a trained model is scored on: its targets may stay as they are."""
        self.is_learnt = False

    def check_enough(self) -> None:
        """Refuses a file that holds no window and its target."""
        usable.check_rows(self.files, self.window + self.horizon)

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        """Cuts the windows of all files: inputs (N, window, I), targets (N, O).

        Raises:
            ValueError: another number or length of windows is asked for, or a target never changes.
        """
        if self.is_learnt:
            usable.check_targets(self.files, self.names)
        if len(self.files) == 1:
            return super().sample(generator, count, length)
        if count != self.num_sequences or length is not None:
            raise ValueError(f"these files make {self.num_sequences} windows of {self.window}")
        windows = self.table[:, list(self.read)].unfold(0, self.window, 1).transpose(1, 2)  # (L - T + 1, T, I), a view
        reach = self.window + self.horizon - 1
        past = None if self.is_past_read else self._windows(self.table)[self.starts]
        return Sequences(windows[self.starts], self.table[self.starts + reach][:, list(self.predicted)], past=past)

    def laid(self, generator: torch.Generator) -> Laid:
        """Where the windows lie among the rows of all files."""
        return super().laid(generator)._replace(starts=self.starts)

    def in_time(self, start: int, stop: int) -> Tensor | None:
        """The windows of each file one after another, where files are split each by itself."""
        return self.starts[start:stop].argsort() if self.interleaved else None

    def times(self, count: int) -> tuple[str, list[str], list[str]] | None:
        """The times of a file's rows, and how they go on; None without `time`, and where their steps differ."""
        known = [each.times for each in self.files if each.times is not None]
        if self.how.time is None or len(known) < len(self.files) or self.interleaved:
            return None
        texts = [text for each in known for text in each]
        later = onward(texts, self.how.date_format, count)
        return None if later is None else (self.how.time, texts, later)

    def rows(self, train: Split) -> Tensor:
        """The values that the training windows read: of several files each window is a piece of its own."""
        return super().rows(train) if len(self.files) == 1 else Task.rows(self, train)

    def notes(self, bounds: Mapping[str, tuple[int, int]]) -> list[str]:
        """Says what was read, what was filled, and what test windows share with earlier ones."""
        found = super().notes(bounds) if len(self.files) == 1 else self._shared(bounds)
        found += [*self._origin(), *self.uneven(bounds)]
        if not self.is_past_read:
            what, whose = ("The target is not", "its") if len(self.predicted) == 1 else ("Not all targets are", "their")
            found.append(
                f"{what} among data.inputs: guesses such as persistence and ar read {whose} past all the same, a "
                "network does not."
            )
        for table in self.files[:MOST_NOTES]:
            found += [textwrap.shorten(_printable(each, 300), 199, placeholder=" ...") for each in table.notes]
            found += self._gaps(table)
        return found

    def _shared(self, bounds: Mapping[str, tuple[int, int]]) -> list[str]:
        """Counts the test windows of several files that hold a value which training or validation held."""
        steps = torch.tensor([*range(self.window), self.window + self.horizon - 1])
        held = torch.zeros(self.length, dtype=torch.bool)
        for name in ("train", "val"):
            held[(self.starts[slice(*bounds[name])][:, None] + steps).flatten()] = True
        tested = self.starts[slice(*bounds["test"])]
        shared = int(held[tested[:, None] + steps].any(1).sum())
        hold = f"{shared} of {len(tested)} test windows hold values that training or validation held"
        said = [f"{hold}: {KNOWN}."] if shared else []
        how = (
            "follow each other as one series, by name"
            if self.together
            else "are split each by itself: its beginning trains, its end is tested"
        )
        return [*said, f"{len(self.files)} files {how}; no window reaches from one into another."]

    def _origin(self) -> list[str]:
        """Which files were read, by their contents."""
        return [f"The data are {self.length:,} rows of {files.origin(self.sources)}."]

    def _gaps(self, table: Table) -> list[str]:
        """What was filled or left out, columns that never change, and digits that are lost."""
        name = _printable(Path(table.path).name)
        found = []
        if table.dropped:
            found.append(f"{name}: {_without_value(table.dropped)} left out; windows reach across.")
        if count := int(table.filled.any(1).sum()):
            ways = {"forward": "the value before", "interpolate": "a line to the next value, which comes later"}
            found.append(
                f"{name}: {_without_value(count)} filled by {ways[str(self.how.fill)]}; what is filled is scored "
                "as if it had been measured."
            )
        for place, column in enumerate(table.names):
            values = table.values[:, place]
            if (values == values[0]).all():
                found.append(f"{name}: the column {_printable(column)} is {values[0]:g} in every row.")
            elif len(np.unique(values)) > 2 * len(np.unique(values.astype(np.float32))):
                found.append(
                    f"{name}: most values of {_printable(column)} are alike in the 24 bits of a network's numbers; "
                    "subtract a constant from it."
                )
        return found


def classifies(data: Mapping[str, Any]) -> bool:
    """Whether settings of the data, as recorded, are those of whole sequences of files, each of which has a class."""
    return data.get("_target_") == f"{Csv.__module__}.{Csv.__name__}" and data.get("label") is not None


def _lacking(path: str | Sequence[str] | None, how: Writing) -> str:
    """What settings without a path or a target lack, and what there is to choose from."""
    if path is None:
        return "path must name a CSV file, such as data.path=prices.csv; data.target then names its column"
    first = files.find(path)[0]
    names = [each for each in delimited.read(first, how.encoding, how.delimiter).names if each]
    return f"target must name the column that is predicted; {first} has {', '.join(names)}"


def _starts(counts: Sequence[int], lengths: Sequence[int], together: bool) -> Tensor:
    """Where each window begins among the rows of all files, (N,), in the order in which they are split.

    Files that are split each by itself have their windows side by side: the windows that are the same share of their
    files on are neighbours, so that wherever the order is cut, every file is cut at about that share.
    """
    first = np.cumsum([0, *lengths[:-1]])
    starts = np.concatenate([start + np.arange(count) for start, count in zip(first, counts, strict=True)])
    if not together:
        shares = np.concatenate([(np.arange(count) + 0.5) / count for count in counts])
        starts = starts[np.argsort(shares, kind="stable")]
    return torch.from_numpy(starts)


def _without_value(count: int) -> str:
    return f"{count} rows without a value are" if count > 1 else "1 row without a value is"


def _printable(text: str, most: int = 60) -> str:
    """What a note says of a file, without what could not be shown; of a long name the end."""
    return "".join(each if each.isprintable() else "?" for each in text[-most:])
