"""The user's own sequences, each of which has a class, from CSV files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seqexp.data import tables
from seqexp.data.files import find, origin
from seqexp.data.scales import scales_of
from seqexp.data.shape import Classes, Values
from seqexp.data.tables import Table, Writing
from seqexp.data.task import Sequences, Task


class Piece(NamedTuple):
    """Rows of one file that are one sequence."""

    table: Table
    start: int
    stop: int
    label: str


class Labelled(Task):
    """Whole sequences, each of which has a class.

    Of several files each is a sequence; with `group` rows that have the same text in that column are one; of one file
    without a group rows that follow each other and have the same label. With `label=kind inputs=[x]`:

        x    kind
        0.1  walk    inputs  (2, 1): 0.1, 0.3, padded to the longest    target  class 1, walk
        0.3  walk
        2.0  run     inputs  (3, 1): 2.0, 4.0, 3.0                      target  class 0, run
        4.0  run
        3.0  run

    All seeds have the same sequences, and one split, which `data_seed` draws: each part of it has each class in about
    its share. Classes are numbered in the order of their names. A constant guess scores the entropy of the classes, in
    nats.

    Args:
        path: as of `seqexp.data.csv.Csv`, like all that is not said here.
        target: must be None, as the class is the target.
        inputs: the columns that are read.
        window: not used, for sequences are whole.
        time: only where each file is a sequence.
        date_format: see there.
        sort: see there.
        fill: see there; forward and interpolate only where each file is a sequence.
        missing: see there.
        delimiter: see there.
        encoding: see there.
        decimal: see there.
        thousands: see there.
        scaling: of the inputs.
        season: must be None.
        label: the column that names the class; the same in all rows of a sequence.
        group: the column that says which rows are one sequence; None as above.
        stratified: None: each part of the split has each class in about its share; False: as it is drawn.

    Raises:
        ValueError: a setting is wrong, or a file is damaged.
    """

    fixed = True
    inputs: Values
    targets: Classes

    def __init__(
        self,
        path: str | Sequence[str] | None,
        target: str | Sequence[str] | None,
        inputs: str | Sequence[str] | None,
        window: int,
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
        label: str,
        group: str | None,
        stratified: bool | None = False,  # settings from before there was such a key
    ) -> None:
        for name, value in (("target", target), ("season", season)):
            if value is not None:
                raise ValueError(f"{name} must be null where data.label names the classes, got {value}")
        if stratified is True:
            raise ValueError("stratified must be null, which spreads classes over the split, or false, got true")
        names = tables.listed("inputs", inputs)
        if path is None or not names:
            raise ValueError(f"{'inputs must name the columns that are read' if path else 'path must name CSV files'}")
        if label in names:
            raise ValueError(f"inputs must not hold {label}, which data.label names: the class is to be predicted")
        how = Writing(delimiter, encoding, decimal, thousands, tuple(map(str, missing)), time, date_format, sort, fill)
        pieces = read_pieces(path, names, label, group, how)
        self.class_names = self.classes = sorted({each.label for each in pieces})
        self.inputs, self.targets = Values(len(names)), Classes(len(self.classes))
        self.stratified = stratified is None
        self.scales = scales_of(scaling, names, range(len(names)), ())
        self.num_sequences = len(pieces)
        self._values, self._lengths = padded(pieces, len(names))
        self._targets = torch.tensor([self.classes.index(each.label) for each in pieces])
        self.sources = list(dict.fromkeys(each.table.path for each in pieces))
        self._label = label
        self._places = [f"{each.table.at(each.start, label)}" for each in pieces]

    @property
    def numbers(self) -> int:
        """Values, padded, and classes."""
        return self._values.numel() + self.num_sequences

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        """All sequences in the order of the files: inputs (N, T, I), classes (N,), lengths where they differ.

        Raises:
            ValueError: another number or length of sequences is asked for.
        """
        if count != self.num_sequences or length is not None:
            raise ValueError(f"these files hold {self.num_sequences} sequences")
        even = bool((self._lengths == self._lengths[0]).all())
        return Sequences(self._values, self._targets, lengths=None if even else self._lengths)

    def follow(self, trained: Task) -> None:
        """Numbers the classes as the model has them."""
        if not isinstance(trained, Labelled) or self.classes == trained.classes:
            return
        for place, index in zip(self._places, self._targets.tolist(), strict=True):
            if self.classes[index] not in trained.classes:
                raise ValueError(
                    f"{place} {self.classes[index]!r} is none of the classes that the model was trained on, "
                    f"{', '.join(trained.classes)}"
                )
        self._targets = torch.tensor([trained.classes.index(each) for each in self.classes])[self._targets]
        self.class_names = self.classes = trained.classes
        self.targets = trained.targets

    def check_enough(self) -> None:
        """Refuses sequences of one class."""
        if len(self.classes) < 2:
            raise ValueError(
                f"label names the column {self._label} of {self.sources[0]}, and it has one class, {self.classes[0]}: "
                "there is nothing to tell apart"
            )

    def notes(self, bounds: Mapping[str, tuple[int, int]]) -> list[str]:
        """Says how many sequences of each class there are, and how long they are."""
        counts = torch.bincount(self._targets).tolist()
        shown = ", ".join(f"{self.class_name(each)} {count}" for each, count in enumerate(counts[:5]))
        more = f" and {len(counts) - 5} more" if len(counts) > 5 else ""
        low, high = int(self._lengths.min()), int(self._lengths.max())
        return [
            f"{self.num_sequences} sequences of {low} to {high} rows in {len(counts)} classes: {shown}{more}."[:199],
            f"The sequences are those of {origin(self.sources)}.",
        ]


def read_pieces(
    path: str | Sequence[str], names: Sequence[str], label: str | None, group: str | None, how: Writing
) -> list[Piece]:
    """Reads the sequences of files.

    Args:
        path: of the files.
        names: of the columns that are read.
        label: the column of classes; None where they are not known: their texts are then empty, and a file without a
            group is one sequence.
        group: the column that says which rows are one sequence.
        how: how the files are written.

    Raises:
        ValueError: a file is damaged, or a sequence has two classes, or goes on after its end.
    """
    by_file = group is None and (label is None or len(find(path)) > 1)
    if not by_file:
        _check_mixing(how)
    texts = {name: key for name, key in ((label, "label"), (group, "group")) if name is not None}
    files = tables.read(path, dict.fromkeys(names, "inputs"), texts, how)
    return [piece for table in files for piece in _pieces(table, label, group, by_file)]


def padded(pieces: Sequence[Piece], columns: int) -> tuple[Tensor, Tensor]:
    """The values of sequences, (N, T, columns), and their lengths, (N,)."""
    lengths = torch.tensor([each.stop - each.start for each in pieces])
    values = torch.zeros(len(pieces), int(lengths.max()), columns)
    for row, each in zip(values, pieces, strict=True):
        row[: each.stop - each.start] = torch.tensor(each.table.values[each.start : each.stop])
    return values, lengths


def _check_mixing(how: Writing) -> None:
    """Refuses what would take the sequences of one file for one."""
    if how.time is not None or how.fill in ("forward", "interpolate"):
        raise ValueError(
            f"{'fill' if how.time is None else 'time'} must be null where one file holds several sequences: it would "
            "mix the end of one with the beginning of the next; a file for each sequence can have it"
        )


def _pieces(table: Table, label: str | None, group: str | None, by_file: bool) -> list[Piece]:
    """The sequences of one file, in its order."""
    labels = [""] * len(table.lines) if label is None else table.texts[label]
    for row, text in enumerate(labels):
        if label is not None and not text:
            raise ValueError(f"{table.at(row, label)} there is no class; each row must name that of its sequence")
    keys = [""] * len(labels) if by_file else labels if group is None else table.texts[group]
    stops = [row for row in range(1, len(keys)) if keys[row] != keys[row - 1]]
    found: list[Piece] = []
    seen: dict[str, int] = {}
    for start, stop in zip([0, *stops], [*stops, len(keys)], strict=True):
        if group is not None and keys[start] in seen:
            raise ValueError(
                f"{table.at(start, group)} the sequence {keys[start]!r} goes on, which ended in line "
                f"{table.lines[seen[keys[start]]]}; the rows of a sequence must follow each other"
            )
        seen[keys[start]] = stop - 1
        for row in range(start, stop):
            if label is not None and labels[row] != labels[start]:
                raise ValueError(
                    f"{table.at(row, label)} {labels[row]!r} is another class than {labels[start]!r} in line "
                    f"{table.lines[start]} of the same sequence"
                )
        found.append(Piece(table, start, stop, labels[start]))
    return found
