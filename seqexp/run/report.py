"""What a run says of itself in one line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from seqexp.compare.checked import asked_margin
from seqexp.compare.data_sets import group
from seqexp.compare.meetings import rounding_at
from seqexp.compare.runs import run_of
from seqexp.compare.section import build
from seqexp.compare.text import NOTHING
from seqexp.record.evaluations import EVALUATIONS
from seqexp.record.files import printable
from seqexp.record.record import Record
from seqexp.statistics import mean_interval


def report(record: Record, folder: Path | None = None) -> str:
    """Says in one line what came out of a run."""
    parts = [f"{record.cell} on {record.data}", _score(record, "test"), *_guesses(record, record.baselines)]
    if record.matched is not None:
        count = record.config["cell"].get("hidden_size")  # a cell may call its size otherwise
        units = "" if count is None else f"{count} unit{'s' * (count != 1)}, "
        size = f"{units}{record.num_parameters:,} parameters"
        parts.append(f"{size} (asked for {record.matched:,}, {record.num_parameters / record.matched - 1:+.1%})")
    if record.diverged:
        parts.append("diverged: seed " + ", ".join(str(seed) for seed in record.diverged))
    parts += [f"{record.train_seconds:.1f} s", *_needed(record)]
    return str(printable(" · ".join(parts) + (f" → {folder}" if folder is not None else "")))


def report_evaluation(record: Record, name: str, folder: Path) -> str:
    """Says in one line how a run scores elsewhere, `name` being such as `test@40`, and against guesses there."""
    guesses = record.evaluation_baselines.get(name, {})
    there = replace(record, scores={**record.scores, "test": record.scores[name]}, baselines=guesses)
    parts = [f"{record.cell} on {record.data}", _score(record, "test"), _score(record, name)]
    parts += [*_guesses(record, guesses), *_needed(there)]
    return str(printable(" · ".join(parts) + f" → {folder / EVALUATIONS}"))


def _needed(record: Record) -> list[str]:
    """Whether a network was needed, as a comparison of this run alone says it; nothing where nothing is tested."""
    try:
        run = run_of(record, Path(), record.cell)
    except ValueError:  # a comparison refuses such scores, and says why; the run is complete all the same
        return []
    (section,) = build(group([run]), asked_margin(record.config))
    return list(section.needed.values())


def _score(record: Record, part: str) -> str:
    """The mean over seeds and its interval, on one part of the data."""
    scores = record.score(part) or []
    interval = mean_interval(scores)
    margin = "" if math.isnan(interval.half_width) else f" ± {interval.half_width:.2g}"
    all_seeds, finite = len(record.seeds), int(np.isfinite(scores).sum())
    seeds = f"{finite} of {all_seeds}" if finite < all_seeds else str(all_seeds)
    score = (
        f"{part} {record.metric_label} {interval.mean:.4g}{margin}" if finite else f"no {part} {record.metric_label}"
    )
    return f"{score} ({seeds} seed{'s' * (all_seeds > 1)})"


def _guesses(record: Record, baselines: Mapping[str, Sequence[float] | None]) -> list[str]:
    """The mean of what needs no network, each."""
    guesses = {name: float(np.mean(row)) for name, row in baselines.items() if row is not None}
    rounding = rounding_at(record.metric, guesses.get("constant", 0.0))
    return [f"{name} {NOTHING if 0 < mean <= rounding else f'{mean:.4g}'}" for name, mean in guesses.items()]
