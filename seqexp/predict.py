"""predict(): which class a trained population gives to whole sequences of other files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from seqexp.config.mistakes import ConfigError
from seqexp.config.targets import arguments
from seqexp.data import delimited, files
from seqexp.data.csv import Csv, classifies
from seqexp.data.labelled import Piece, padded, read_pieces
from seqexp.data.split import evaluation_rows
from seqexp.data.tables import Writing, listed
from seqexp.record.files import write_atomically
from seqexp.record.record import Record, RecordError
from seqexp.run.load import load, load_run, record_of, settings_of
from seqexp.run.size import check_lengths
from seqexp.run.task import LOADER_KEYS, SCORE
from seqexp.run.unchanged import OtherDataError, check_unchanged
from seqexp.show.text import spreadsheet
from seqexp.statistics import Array

WRITTEN = (*Writing._fields, "group", "label")
"""Settings of the data that may be others for other files."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The classes of N sequences.

    Attributes:
        record: of the run.
        classes: names of the C classes.
        pieces: where each sequence stands.
        groups: what each is called in its file; None where a file, or rows with one label, are a sequence.
        seeds: E seeds that predict: those that did not diverge.
        shares: (E, N, C) the probability that each of them gives to each class.
        given: the class that the file names, of each sequence; None where the files name none.
    """

    record: Record
    classes: list[str]
    pieces: list[Piece]
    groups: list[str] | None
    seeds: list[int]
    shares: Array
    given: list[str] | None

    @property
    def mean(self) -> Array:
        """The mean of the seeds' probabilities, (N, C)."""
        found: Array = self.shares.mean(0)
        return found

    @property
    def chosen(self) -> Array:
        """The class of each sequence that is the most probable by that mean, (N,)."""
        found: Array = self.mean.argmax(1)
        return found

    @property
    def agreement(self) -> Array:
        """The share of the seeds to whom that class is the most probable, too, (N,)."""
        found: Array = (self.shares.argmax(2) == self.chosen).mean(0)
        return found

    @property
    def right(self) -> int | None:
        """How many of the classes that files name these are; None where they name none."""
        if self.given is None:
            return None
        return sum(self.classes[int(index)] == name for index, name in zip(self.chosen, self.given, strict=True))

    def write(self, path: Path) -> None:
        """Writes a table with a line for each sequence."""
        path.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.StringIO()
        table = csv.writer(buffer, lineterminator="\n")
        named = {"group": self.groups, "given": self.given}
        there = {name: values for name, values in named.items() if values is not None}
        shares = [f"p({name})" for name in self.classes]
        head = ["file", "line", "rows", *there, "class", "probability", "agreement", *shares]
        table.writerow(map(spreadsheet, head))
        mean, agreement = self.mean, self.agreement
        for place, (piece, index) in enumerate(zip(self.pieces, self.chosen, strict=True)):
            where = [piece.table.path, piece.table.lines[piece.start], piece.stop - piece.start]
            numbers = [mean[place, index], agreement[place], *mean[place]]
            texts = [*where, *(values[place] for values in there.values()), self.classes[index]]
            table.writerow([*map(spreadsheet, texts), *(f"{float(each):.6g}" for each in numbers)])
        write_atomically(path, buffer.getvalue().encode())


def predict(
    folder: Path | str,
    data: str | Sequence[str],
    settings: Mapping[str, Any] | None = None,
    allowed_packages: Sequence[str] = (),
    allowed_environment: Sequence[str] = (),
) -> Prediction:
    """Classifies whole sequences of other files by a run that was trained on such ones (`data.label`).

    Their rows are read, and scaled, as in training. Where all files have the column of classes, it tells how often the
    prediction is right; it need not be there.

    Args:
        folder: the run's folder.
        data: of the files, as `data.path`.
        settings: of the data that are others for these files, such as `{"decimal": "comma"}`; of `WRITTEN`.
        allowed_packages: as for `seqexp.run.load`.
        allowed_environment: as for `seqexp.run.load`.

    Raises:
        ConfigError: the run classifies no sequences of files, or these cannot be read so.
        RecordError: there is no readable run; or an older version recorded it, and its own files are not there any more
            to say what the classes are called.
    """
    path, trust = Path(folder), (allowed_packages, allowed_environment)
    record, model = record_of(path), load(path, *trust)
    known = settings_of(path, record, *trust)
    if not classifies(known):
        raise ConfigError(
            f"{path}: {record.data} does not classify whole sequences of files, as data=csv with data.label does, and "
            "predict needs that; forecast goes on from a series"
        )
    changes = dict(settings or {})
    if strange := next((name for name in changes if name not in WRITTEN), None):
        raise ConfigError(
            f"data.{strange} cannot be given: of new files only data.{', data.'.join(WRITTEN)} may be others than in "
            "training"
        )
    if changes.get("label") not in (None, known["label"]):
        raise ConfigError(f"data.label must be {known['label']}, as in training, or null, got {changes['label']}")
    own = {name: value for name, value in (known | changes).items() if name not in (*LOADER_KEYS, SCORE)}
    read = arguments("data", own, Csv, given=())
    classes = _classes(path, record, trust)
    try:
        pieces = _pieces(data, read)
        values, lengths = padded(pieces, model.cell.input_size)
    except ValueError as error:
        named = re.sub(rf"^({'|'.join(WRITTEN)}) ", r"data.\1 ", str(error))
        raise ConfigError(re.sub("^path ", "data ", named)) from None
    if not (kept := [place for place, seed in enumerate(record.seeds) if seed not in record.diverged]):
        raise ConfigError(f"{path}: all of its seeds diverged, and none is left to predict")
    check_lengths(model.cell, lengths, values.shape[1])
    size = evaluation_rows(model.num_seeds)
    with torch.no_grad():
        parts = [model(*each) for each in zip(values.split(size), lengths.split(size), strict=True)]
    shares = torch.cat(parts, 1)[kept].double().softmax(-1)
    group, label = read["group"], pieces[0].label
    return Prediction(
        record=record,
        classes=classes,
        pieces=pieces,
        groups=[each.table.texts[group][each.start] for each in pieces] if group else None,
        seeds=[record.seeds[place] for place in kept],
        shares=shares.numpy(),
        given=[each.label for each in pieces] if label else None,
    )


def _pieces(data: str | Sequence[str], settings: Mapping[str, Any]) -> list[Piece]:
    """The sequences of files, with their classes where all files have the column."""
    missing = tuple(map(str, settings["missing"]))
    how = Writing(**{name: settings[name] for name in Writing._fields} | {"missing": missing})
    label = settings["label"]
    for each in files.find(data):
        if label is not None and label not in delimited.read(each, how.encoding, how.delimiter).names:
            label = None
    return read_pieces(data, listed("inputs", settings["inputs"]), label, settings["group"], how)


def _classes(path: Path, record: Record, trust: tuple[Sequence[str], Sequence[str]]) -> list[str]:
    """What the classes of a run are called.

    Raises:
        RecordError: neither the record nor the files that it was trained on say it.
    """
    if record.sizes is not None and record.sizes.get("classes") is not None:
        return list(record.sizes["classes"])
    try:
        _, parts = load_run(path, *trust, {})
        parts.make_data(guessed=False)
        check_unchanged(path, record, parts.data)
    except (ConfigError, OtherDataError) as error:
        reason = error.reason if isinstance(error, OtherDataError) else str(error)
        raise RecordError(
            f"{path}: its record, of an older version, does not say what the classes are called, so that its own files "
            f"are needed as they were; {reason}"
        ) from None
    return list(parts.data.task.class_names or ())
