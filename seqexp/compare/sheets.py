"""The tables and verdicts of a comparison as numbers, one line each: `table.csv` and `verdicts.csv`."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from seqexp.compare.pairs import Pair
from seqexp.compare.rows import Scores
from seqexp.compare.section import Section
from seqexp.compare.table import needed_of, ratio_to_baseline
from seqexp.show.text import spreadsheet
from seqexp.statistics import mean_interval


def as_csv(rows: Iterable[dict[str, Any]]) -> str:
    """CSV with a head; what is not known is an empty cell, and no text is a formula."""
    found = list(rows)
    names = list(dict.fromkeys(name for row in found for name in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if names:
        writer.writerow(map(spreadsheet, names))
    for row in found:
        writer.writerow(_cell(row.get(name)) for name in names)
    return text.getvalue()


def _cell(value: Any) -> Any:
    unknown = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if unknown else spreadsheet(value)


def table_rows(sections: Sequence[Section]) -> Iterator[dict[str, Any]]:
    """Yields a line for each row and each baseline; a setting's column is called as its key."""
    for section in sections:
        data = section.data_set
        for index, row in enumerate(data.rows):
            yield {
                "data": data.name,
                "name": row.label,
                "kind": "row",
                "picked": index in section.picked,
                "metric": data.metric.name,
                "num_parameters": row.num_parameters,
                "state_size": row.state_size,
                "seconds_per_seed": row.seconds_per_seed,
                "validation": mean_interval(row.val.values).mean if row.val else math.nan,
                **_scores(section, row.test),
                **({} if row.solved is None else {"num_solved": int(np.isfinite(row.solved.values).sum())}),
                **{f"test {name}": mean_interval(values).mean for name, values in row.shown.items()},
                **{part: mean_interval(values).mean for part, values in row.evaluations.items()},
                **{name: mean_interval(values).mean for name, values in row.shown_elsewhere.items()},
                "against_guesses": needed_of(section, row, index in section.picked) if section.needed else None,
                **{f"setting {key}": value for key, value in {**row.compared, **row.settings}.items()},
            }
        for name, scores in data.baselines.items():
            known = {"data": data.name, "name": name, "kind": "baseline", "metric": data.metric.name}
            yield {**known, **_scores(section, scores)}


def _scores(section: Section, scores: Scores) -> dict[str, Any]:
    found = mean_interval(scores.values)
    return {
        "num_seeds": len(scores.seeds),
        "num_diverged": scores.num_diverged,
        "test": found.mean,
        "test_low": found.low,
        "test_high": found.high,
        "baseline": section.baseline,
        "ratio_to_baseline": ratio_to_baseline(section, scores),
    }


def verdict_rows(sections: Sequence[Section]) -> Iterator[dict[str, Any]]:
    """Yields a line for each pair, those with baselines after those of rows; open ends of intervals are infinite."""
    for section in sections:
        for pair in (*section.pairs, *section.baseline_pairs):
            yield {"data": section.data_set.name, **_flat(pair), "sentence": section.sentence(pair)}


def _flat(pair: Pair) -> dict[str, Any]:
    values = asdict(pair)
    difference, share = values.pop("difference"), values.pop("share")
    lost = difference.pop("num_lost")
    both = {name: values.pop(name) for name in ("num_seeds", "num_diverged")} | {"num_lost": lost}
    split = {f"{name}_{which}": each[i] for name, each in both.items() for i, which in enumerate(("first", "second"))}
    named = {"share_lower": pair.share.share, "share_low": share[1], "share_high": share[2]} if pair.share else {}
    return {**values, "alike": pair.alike, "unqualified": pair.unqualified, **difference, **split, **named}
