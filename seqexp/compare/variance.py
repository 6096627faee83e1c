"""How much of the variance over seeds each source of randomness makes, where some runs vary one source alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from seqexp.compare.rows import Row
from seqexp.compare.section import Section
from seqexp.compare.table import Line, Table
from seqexp.compare.text import DASH, list_text, number_text
from seqexp.config import SOURCE_SEEDS
from seqexp.statistics import Array
from seqexp.statistics.spread import deviation_interval, variance_ratio

SOURCES = {"data_seed": "data", "model_seed": "initial weights", "order_seed": "order of training"}
ALL = "all together"

READING = (
    "Sources of variance: each line is of seeds that differ in that source alone, the others being fixed "
    "(Bouthillier et al. 2021); sd and its share of the variance of all together, with 95 % intervals (Bonett 2006) "
    "that take the two for independent. Shares need not add up to 100 %: sources interact, and each is measured at one "
    "value of the others."
)


@dataclass(frozen=True, kw_only=True)
class Part:
    """The scores of seeds that differ in some sources only.

    Attributes:
        source: which.
        num_seeds: seeds with a score.
        deviation: standard deviation of the test score.
        low: lower end of its 95 % interval.
        high: upper end.
        share: of the variance of all sources together; NaN where that is 0 or unknown.
        share_low: lower end of its 95 % interval.
        share_high: upper end.
    """

    source: str
    num_seeds: int
    deviation: float
    low: float
    high: float
    share: float
    share_low: float
    share_high: float


@dataclass(frozen=True)
class Variance:
    """Of one row: the data set and the row as tables call them, what is scored, and the parts, `ALL` last."""

    data: str
    row: str
    score: str
    parts: list[Part]

    @property
    def sentence(self) -> str:
        """What makes the scores differ from seed to seed."""
        texts = [
            f"{part.source} {_percent(part.share)} % ({_percent(part.share_low)}{DASH}{_percent(part.share_high)} %)"
            for part in self.parts[:-1]
            if not math.isnan(part.share)
        ]
        if not texts:
            return f"{self.row} on {self.data}: too few seeds to say how much of the variance each source makes."
        return (
            f"Of the variance of {self.row}'s test {self.score} on {self.data} over seeds, single sources make: "
            f"{list_text(texts)}, each alone against all together."
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def variances(sections: Sequence[Section]) -> list[Variance]:
    """Of each row that was run with all sources varying, and with one or more varying alone.

    Args:
        sections: of a comparison; runs of which other sources are fixed are data sets of their own. Rows belong
            together that differ in the seeds of the sources only.
    """
    found: dict[object, dict[tuple[str, str], Row]] = {}
    names: dict[object, tuple[str, str, str]] = {}
    for section in sections:
        name = _bare(section.data_set.name)
        for row in section.data_set.rows:
            settings = dict(row.runs[0].settings)
            fixed = {key: value for key in SOURCE_SEEDS if (value := settings.pop(key, None)) is not None}
            free = [key for key in SOURCE_SEEDS if key not in fixed]
            source = ALL if not fixed else SOURCES[free[0]] if len(free) == 1 else None
            if source is not None:
                key = (name, row.label, tuple(sorted(settings.items(), key=lambda item: item[0])))
                found.setdefault(key, {})[source, " ".join(f"{each}={fixed[each]}" for each in fixed)] = row
                names[key] = (name, row.label, section.data_set.metric.label)
    return [Variance(*names[key], _parts(rows)) for key, rows in found.items() if (ALL, "") in rows and len(rows) > 1]


def _bare(name: str) -> str:
    """A data set's name without the seeds that are fixed."""
    return " ".join(word for word in name.split(" ") if word.split("=")[0] not in SOURCE_SEEDS)


def _parts(rows: dict[tuple[str, str], Row]) -> list[Part]:
    """One part for each source, or for each value at which its others are fixed, where there are several."""
    whole = _scores(rows[ALL, ""])
    parts = []
    for source in (*SOURCES.values(), ALL):
        values = [fixed for name, fixed in rows if name == source]
        for fixed in values:
            label = f"{source} ({fixed})" if len(values) > 1 else source
            parts.append(_part(label, _scores(rows[source, fixed]), whole if source != ALL else None))
    return parts


def _part(label: str, scores: Array, whole: Array | None) -> Part:
    """The spread of some scores, and its share of that of `whole`; None where they are the whole."""
    low, high = deviation_interval(scores)
    share = (1.0, math.nan, math.nan) if whole is None else variance_ratio(scores, whole)
    deviation = float(scores.std(ddof=1)) if len(scores) > 1 else math.nan
    return Part(
        source=label,
        num_seeds=len(scores),
        deviation=deviation,
        low=low,
        high=high,
        share=share[0],
        share_low=share[1],
        share_high=share[2],
    )


def _scores(row: Row) -> Array:
    values = row.test.values
    return values[np.isfinite(values)]


def table(variance: Variance) -> Table:
    """The parts as a table is printed."""
    lines = [
        Line(
            [
                part.source,
                str(part.num_seeds),
                number_text(part.deviation, math.nan),
                f"{number_text(part.low, math.nan)}{DASH}{number_text(part.high, math.nan)}",
                f"{_percent(part.share)} %",
                DASH
                if math.isnan(part.share_low)
                else f"{_percent(part.share_low)}{DASH}{_percent(part.share_high)} %",
            ]
        )
        for part in variance.parts
    ]
    return Table(["varies", "seeds", "sd", "its 95 % interval", "share of variance", "95 % interval"], lines, words=1)


def _percent(share: float) -> str:
    return DASH if math.isnan(share) else f"{100 * share:.2g}" if share < 0.995 else f"{100 * share:.0f}"
