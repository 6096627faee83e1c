"""What a forecast is: K steps after the end of a series, and the files that hold them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqexp.record.files import null_for_nan, write_atomically
from seqexp.record.record import Record
from seqexp.show import figures
from seqexp.show.future import draw_future
from seqexp.show.text import spreadsheet
from seqexp.statistics import Array


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """K steps after the last row of a series, of O columns.

    Attributes:
        record: of the run.
        is_closed: predictions were fed back; else each step is predicted at once, from rows that are known.
        level: of the interval.
        names: of the columns.
        rows: how many rows of the series are known.
        history: (L, O) the last of them.
        times: what says when rows were measured, the L times of `history` and the K of the steps; None where they are
            not known, or have no one step.
        seeds: E seeds whose paths these are: those that did not diverge, and with folds those of the last one.
        paths: (E, K, O).
        half_widths: (K, O) of the split-conformal interval around the mean path; NaN where there is none.
        coverage: (K, O) the share of test values that such an interval held.
        num_residuals: of validation, at the first step and at the last.
        left_out: seeds that diverged, or whose path is no number.
        trained_rows: rows of the series up to the last one that these seeds were trained on; None where several series
            are split each by itself, or the run's own data are others by now.
        sources: paths of the files that the series is read from, each with its SHA-256.
        settings: of the data that are others for that file.
        no_interval: why there is no interval; None where there is one.
    """

    record: Record
    is_closed: bool
    level: float
    names: list[str]
    rows: int
    history: Array
    seeds: list[int]
    paths: Array
    half_widths: Array
    coverage: Array
    num_residuals: tuple[int, int]
    times: tuple[str, list[str], list[str]] | None = None
    left_out: list[int]
    trained_rows: int | None
    sources: list[tuple[str, str]]
    settings: Mapping[str, Any]
    no_interval: str | None

    @property
    def mean(self) -> Array:
        """The mean path, (K, O)."""
        found: Array = self.paths.mean(0)
        return found

    @property
    def spread(self) -> Array:
        """Between what the middle share of the seeds lies, as large as the level: (2, K, O)."""
        rest = 50 * (1 - self.level)
        found: Array = np.percentile(self.paths, [rest, 100 - rest], axis=0)
        return found

    @property
    def interval(self) -> Array:
        """The split-conformal interval, (2, K, O)."""
        return np.stack([self.mean - self.half_widths, self.mean + self.half_widths])

    def write(self, folder: Path) -> None:
        """Writes `forecast.csv`, `forecast.json` and a picture of each column."""
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / "forecast.csv", self._table().encode())
        write_atomically(folder / "forecast.json", (json.dumps(null_for_nan(self._said()), indent=2) + "\n").encode())
        title = f"{self.record.cell} on {self.record.data}: {self.steps_text} after row {self.rows:,}"
        for place, name in enumerate(self.names):
            bands = self.interval[..., place], self.spread[..., place]
            lines = self.history[:, place], self.mean[:, place], *bands
            figure = figures.laid_out(draw_future(*lines, self.level, title, name, self.times))
            stem = "forecast" if len(self.names) == 1 else f"forecast_{place + 1}"
            for kind in figures.DEFAULT.kinds:
                write_atomically(folder / f"{stem}.{kind}", figures.encode(figure, kind))

    @property
    def steps_text(self) -> str:
        """Such as `12 steps`."""
        return f"{len(self.mean)} step{'s' * (len(self.mean) != 1)}"

    def _table(self) -> str:
        """A line for each step and column."""
        buffer = io.StringIO()
        table = csv.writer(buffer, lineterminator="\n")
        edges = ("low", "high", "seeds_low", "seeds_high")
        dated = ["time"] if self.times else []
        table.writerow(["step", "row", *dated, "column", "mean", *edges, *(f"seed_{seed}" for seed in self.seeds)])
        ends = np.concatenate([self.interval, self.spread])  # (4, K, O)
        for step in range(len(self.mean)):
            for place, name in enumerate(self.names):
                numbers = [self.mean[step, place], *ends[:, step, place], *self.paths[:, step, place]]
                when = [spreadsheet(self.times[2][step])] if self.times else []
                place_of = [step + 1, self.rows + step + 1, *when, name]
                table.writerow([*place_of, *("" if np.isnan(each) else f"{float(each):.9g}" for each in numbers)])
        return buffer.getvalue()

    def _said(self) -> dict[str, object]:
        return {
            "mode": "closed loop" if self.is_closed else "direct",
            "steps": len(self.mean),
            "rows": self.rows,
            "times": self.times and self.times[2],
            "columns": self.names,
            "seeds": self.seeds,
            "left_out": self.left_out,
            "trained_rows": self.trained_rows,
            "files": [{"path": path, "sha256": digest} for path, digest in self.sources],
            "settings": dict(self.settings),
            "no_interval": self.no_interval,
            "level": self.level,
            "coverage": self.coverage.tolist(),
            "half_widths": self.half_widths.tolist(),
            "residuals": list(self.num_residuals),
            "fingerprint": self.record.fingerprint,
        }
