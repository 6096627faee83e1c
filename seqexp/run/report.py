"""What a run says of itself in one line."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from seqexp.compare.meetings import rounding_at
from seqexp.compare.text import NOTHING
from seqexp.record.files import printable
from seqexp.record.record import Record
from seqexp.statistics import mean_interval


def report(record: Record, folder: Path | None = None) -> str:
    """Says in one line what came out of a run."""
    scores = record.score("test") or []
    interval = mean_interval(scores)
    margin = "" if math.isnan(interval.half_width) else f" ± {interval.half_width:.2g}"
    all_seeds, finite = len(record.seeds), int(np.isfinite(scores).sum())
    seeds = f"{finite} of {all_seeds}" if finite < all_seeds else str(all_seeds)
    score = f"test {record.metric_label} {interval.mean:.4g}{margin}" if finite else f"no test {record.metric_label}"
    parts = [f"{record.cell} on {record.data}", f"{score} ({seeds} seed{'s' * (all_seeds > 1)})"]
    guesses = {name: float(np.mean(row)) for name, row in record.baselines.items() if row is not None}
    rounding = rounding_at(record.metric, guesses.get("constant", 0.0))
    for name, mean in guesses.items():
        parts.append(f"{name} {NOTHING if 0 < mean <= rounding else f'{mean:.4g}'}")
    if record.matched is not None:
        count = record.config["cell"].get("hidden_size")  # a cell may call its size otherwise
        units = "" if count is None else f"{count} unit{'s' * (count != 1)}, "
        size = f"{units}{record.num_parameters:,} parameters"
        parts.append(f"{size} (asked for {record.matched:,}, {record.num_parameters / record.matched - 1:+.1%})")
    if record.diverged:
        parts.append("diverged: seed " + ", ".join(str(seed) for seed in record.diverged))
    parts.append(f"{record.train_seconds:.1f} s")
    return str(printable(" · ".join(parts) + (f" → {folder}" if folder is not None else "")))
