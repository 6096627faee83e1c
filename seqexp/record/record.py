"""A run on disk: what is written of it, how it is read back, and where runs are found."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from seqexp.record import html
from seqexp.record.fields import check_unchanged, checked_guesses, checked_scores, checked_seeds
from seqexp.record.files import (
    MOST_JSON,
    check_plain,
    is_plain,
    null_for_nan,
    printable,
    read_json,
    walk,
    write_atomically,
)
from seqexp.statistics import Interval, mean_interval

RESULT = "result.json"

INERT_SETTINGS = (
    *("allowed_environment", "allowed_packages", "checkpoint", "compare", "diagnostic", "logger", "progress", "sweep"),
    *("data.test_lengths", "data.evaluations", "print_every"),
    *("trainer.enable_progress_bar", "trainer.profiler"),
)
"""Dotted keys of a configuration that cannot change a result.

Keys that 0.1 had and did not name here may not be added: they are part of its records' fingerprints.
"""

MSE = "mse"
"""The metric of a record that names none; such scores stand in fields of their own as well, where 0.1 had them."""

PARTS = ("train", "val", "test")
"""Parts of the data that a run scores (`val` where there is one), in that order; all others are evaluations."""

_KINDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("data", "cell", "fingerprint", "device", "metric", "metric_label", "metric_unit"), str),
    **dict.fromkeys(("num_parameters", "epochs", "steps"), int),
    **dict.fromkeys(("baselines", "validation_baselines", "evaluation_baselines", "left_out", "scores"), dict),
    **dict.fromkeys(("config", "versions", "diagnostic_seconds"), dict),
    **dict.fromkeys(("diverged", "best_epoch", "overrides", "data_notes"), list),
    **dict.fromkeys(("git", "error", "sizes", "varies"), (dict, type(None))),
    "state_size": (int, type(None)),
    **dict.fromkeys(("data_hash", "penalty", "solved"), (list, type(None))),
    "data_fixed": (bool, type(None)),
    "train_seconds": (int, float),
    "matched": (int, type(None)),
}
"""What JSON must hold in the fields that are not checked one by one."""


class RecordError(ValueError):
    """A `result.json` that is missing, damaged, or not what this version writes."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Record:
    """One run: a configuration, its seeds and what came out.

    Scores are >= 0, lower is better, one per seed, in the order of `seeds`. A score that is not finite (a seed that
    diverged) is NaN here and `null` in the file.

    Attributes:
        status: "done", or "failed" where `error` stands in the place of scores.
        data: name of the chosen `conf/data` file.
        cell: name of the chosen `conf/cell` file.
        seeds: the S seeds.
        data_hash: for each seed two digests: of what train and validation are made of, and of the test targets that
            were scored; None in records of versions that did not make them.
        varies: `data`, `model` and `order`, those in which the seeds differ, in words; None where a record does not
            say.
        data_fixed: whether the task has one data set, whatever the seed; None where a record does not say.
        data_notes: what a reader of scores must know of the splits, a sentence each.
        metric: short name of the score that was trained for and selected by; "mse" in records without it.
        metric_label: the same as figures and tables show it.
        metric_unit: what it is measured in.
        scores: part -> metric -> S scores at the selected weights. Parts are `train`, `val` (where there is one),
            `test`, and each evaluation, such as `test@40`; every part has `metric`, and may have others beside it.
        baselines: name -> S scores on the same test targets, None where it has no meaning.
        validation_baselines: the same on the validation targets; empty where there are none, or the version made none.
        evaluation_baselines: the same for each evaluation, by its name.
        left_out: name -> why there is no such baseline; `test@40/linear` for one of an evaluation that says more than
            the test's.
        solved: for each seed the step at which the task's criterion was first met, or None; None where there is none.
        diverged: the seeds whose loss became NaN or infinite at some time.
        best_epoch: S epochs (from 0) whose weights were kept; empty where nothing was trained.
        penalty: with which each seed's readout was solved, None for one that has none; None where all was trained.
        num_parameters: of one seed's model, those that are learnt.
        state_size: numbers that one seed's cell carries from step to step; None where that grows or is not known.
        sizes: `input_size`, `num_tokens`, `output_size` of the model, and what it `reads`; None in old records.
        matched: the number of parameters that the size of the cell was chosen to come close to, if it was.
        epochs: as trained.
        steps: optimiser steps as trained.
        train_seconds: wall time inside fit.
        diagnostic_seconds: name -> wall time of what each diagnostic measured in this run; what is asked for later
            says it in its own file.
        config: the resolved configuration.
        overrides: the command line's part of it.
        fingerprint: hash of what defines the result; after a dash, that of the user's own code and files.
        versions: package -> version.
        git: commit and dirty flag of the source tree, None outside one.
        device: where it was trained.
        error: type and message of what ended a failed run.
        folder: the run's; None of a record that is not on disk. It is in no file.
    """

    status: Literal["done", "failed"]
    data: str
    cell: str
    seeds: list[int]
    data_hash: list[list[str]] | None = None
    varies: dict[str, str] | None = None
    data_fixed: bool | None = None
    data_notes: list[str] = field(default_factory=list)
    metric: str = MSE
    metric_label: str = "MSE"
    metric_unit: str = "squared units of the data"
    scores: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    baselines: dict[str, list[float] | None] = field(default_factory=dict)
    validation_baselines: dict[str, list[float] | None] = field(default_factory=dict)
    evaluation_baselines: dict[str, dict[str, list[float] | None]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    solved: list[int | None] | None = None
    diverged: list[int] = field(default_factory=list)
    best_epoch: list[int] = field(default_factory=list)
    penalty: list[float | None] | None = None
    num_parameters: int = 0
    state_size: int | None = None
    sizes: dict[str, Any] | None = None
    matched: int | None = None
    epochs: int = 0
    steps: int = 0
    train_seconds: float = 0.0
    diagnostic_seconds: dict[str, float] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    overrides: list[str] = field(default_factory=list)
    fingerprint: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    git: dict[str, Any] | None = None
    device: str = "cpu"
    error: dict[str, str] | None = None
    folder: Path | None = field(default=None, compare=False)

    def score(self, part: str, metric: str | None = None) -> list[float] | None:
        """The scores of one part, (S,); None where there are none.

        Args:
            part: `train`, `val`, `test`, or the name of an evaluation.
            metric: None takes the one that was trained for.
        """
        return self.scores.get(part, {}).get(metric or self.metric)

    def __repr__(self) -> str:
        """The run in one line."""
        scores = self.scores.get("test", {}).get(self.metric) or []
        finite = [each for each in scores if math.isfinite(each)]
        seeds = f"{len(self.seeds)} seed{'s' * (len(self.seeds) != 1)}"
        mean = f", mean test {self.metric_label} {sum(finite) / len(finite):.4g}" if finite else ""
        text = f"{self.cell} on {self.data}, {seeds}{mean}, {self.status}" + (f", {self.folder}" if self.folder else "")
        return f"Record({printable(' '.join(text.split()))})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the mean scores of the run and of what needs no network, and its picture.

        Seeds without a finite score are left out of means and intervals.
        """
        rows = {self.cell: self.score("test"), **self.baselines}
        means = [(name, _shown(mean_interval(row))) for name, row in rows.items() if row]
        shown = html.paragraphs([repr(self)]) + html.table(("", f"test {self.metric_label} ± 95 % interval"), means)
        found = (
            [self.folder / name for name in ("forecast.png", "predictions.png", "curves.png")] if self.folder else []
        )
        pictures = (html.picture(path.read_bytes(), path.stem) for path in found if is_plain(path))
        return shown + next(filter(None, pictures), "")

    @property
    def train_mse(self) -> list[float]:
        """MSE on the training split, (S,); empty where it was not measured."""
        return self.score("train", MSE) or []

    @property
    def val_mse(self) -> list[float] | None:
        """MSE on the validation split, (S,); None where it was not measured."""
        return self.score("val", MSE)

    @property
    def test_mse(self) -> list[float]:
        """MSE on the test split, (S,); empty where it was not measured."""
        return self.score("test", MSE) or []

    def values(self) -> dict[str, Any]:
        """What `result.json` holds."""
        named = ("train_mse", "val_mse", "test_mse") if self.metric == MSE else ()
        values = asdict(self) | {name: getattr(self, name) for name in named}
        del values["folder"]
        return values

    def write(self, folder: Path) -> Path:
        """Writes `result.json` into `folder`, whole or not at all.

        Args:
            folder: the run's folder; it exists.

        Returns:
            The file's path.
        """
        path = folder / RESULT
        text = json.dumps(null_for_nan(self.values()), indent=2, allow_nan=False)
        write_atomically(path, (text + "\n").encode())
        return path

    @classmethod
    def read(cls, folder: Path) -> Record:
        """Reads `result.json` from `folder`.

        Raises:
            RecordError: it is missing, not JSON, or lacks a field; the message says which.
        """
        path = folder / RESULT
        try:
            check_plain(path, MOST_JSON)
            content = path.read_bytes()
        except (OSError, ValueError) as error:
            raise RecordError(f"{path}: {error}") from None
        try:
            raw = read_json(content)
        except (ValueError, RecursionError) as error:
            raise RecordError(f"{path}: not readable as JSON ({error})") from None
        try:
            return replace(cls._from_json(raw), folder=folder)
        except (KeyError, TypeError, ValueError) as error:
            raise RecordError(f"{path}: {error}") from None

    @classmethod
    def _from_json(cls, raw: Any) -> Record:
        """Checks shapes and kinds, and turns nulls among scores back into NaN."""
        if not isinstance(raw, dict):
            raise TypeError(f"expected an object, found {type(raw).__name__}")
        for name in ("status", "data", "cell", "seeds"):
            if name not in raw:
                raise KeyError(f"the field '{name}' is missing")
        if raw["status"] not in ("done", "failed"):
            raise ValueError(f"status must be 'done' or 'failed', got {raw['status']!r}")
        known = {item.name for item in fields(cls)} - {"folder"}
        values = {name: value for name, value in raw.items() if name in known}
        for name, value in values.items():
            if not isinstance(value, _KINDS.get(name, object)) or (isinstance(value, bool) and name != "data_fixed"):
                raise TypeError(f"{name} has the wrong kind: {type(value).__name__}")
        seeds = checked_seeds("seeds", values["seeds"])
        check_unchanged(values, len(seeds))
        if values["status"] == "done":
            values["scores"] = _all_scores(raw, values.get("metric", MSE), len(seeds))
            for name in ("baselines", "validation_baselines"):
                values[name] = checked_guesses(name, values.get(name, {}), len(seeds))
            values["evaluation_baselines"] = {
                name: checked_guesses(f"evaluation_baselines.{name}", rows, len(seeds))
                for name, rows in values.get("evaluation_baselines", {}).items()
            }
        return cls(**values)


def _shown(found: Interval) -> str:
    """A mean with half its interval, where there is one."""
    if math.isnan(found.mean):
        return "\N{EN DASH}"
    return f"{found.mean:.4g}" + ("" if math.isnan(found.low) else f" ± {found.half_width:.2g}")


def find(root: Path) -> Iterator[Path]:
    """Yields the folders at or below `root` that hold a `result.json`, in order of name."""
    for folder, _, names in walk(root):
        if RESULT in names:
            yield folder


def with_reasons(left_out: dict[str, str], evaluation: str, reasons: dict[str, str]) -> dict[str, str]:
    """A record's `left_out` with what an evaluation says beyond it, as `test@40/linear`."""
    more = {f"{evaluation}/{name}": reason for name, reason in reasons.items() if left_out.get(name) != reason}
    return left_out | more


def _all_scores(raw: dict[str, Any], metric: str, count: int) -> dict[str, dict[str, list[float]]]:
    """The scores of all parts, by metric; a record of 0.1 has them in fields of their own."""
    parts = raw.get("scores")
    if parts is None:
        parts = {part: {MSE: raw.get(f"{part}_mse")} for part in PARTS}
        if parts["val"][MSE] is None:
            del parts["val"]
    for part in ("train", "test"):
        if not isinstance(parts.get(part), dict) or metric not in parts[part]:
            raise ValueError(f"scores.{part} must hold the metric {metric}")
    return {part: checked_scores(part, rows, count) for part, rows in parts.items()}
