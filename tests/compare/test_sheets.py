"""table.csv and verdicts.csv: numbers that are those of the comparison."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest

from seqexp.compare.sheets import as_csv, table_rows, verdict_rows

NOISE = np.exp(np.random.default_rng(0).normal(0, 0.1, (3, 8)))


def test_numbers_are_those_of_the_comparison(run: Any, sections_of: Any) -> None:
    guess = {"=linear": 0.4 * NOISE[2]}
    settings = [{"optimizer.lr": 0.1}, {"optimizer.lr": 0.2}]
    runs = [
        run("sine", cell, (1 + 2 * i) * NOISE[i], settings=each, baselines=guess)
        for i, (cell, each) in enumerate(zip(("lstm", "rnn"), settings, strict=True))
    ]
    (section,) = sections = sections_of(runs, 0.02)
    table = list(csv.DictReader(io.StringIO(as_csv(table_rows(sections)))))
    assert [(row["name"], row["kind"]) for row in table] == [
        ("lstm", "row"),
        ("rnn", "row"),
        ("'=linear", "baseline"),  # no formula
    ]
    assert float(table[0]["test"]) == pytest.approx(NOISE[0].mean())
    assert float(table[1]["ratio_to_baseline"]) > 1
    assert table[2]["num_parameters"] == ""
    verdicts = list(csv.DictReader(io.StringIO(as_csv(verdict_rows(sections)))))
    assert len(verdicts) == len(section.pairs) + len(section.baseline_pairs)
    first, pair = verdicts[0], section.pairs[0]
    assert float(first["p_corrected"]) == pair.p_corrected
    assert float(first["ratio"]) == pair.difference.ratio
    assert (first["winner"], first["alike"], first["margin"]) == (pair.winner, "False", "0.02")
    assert (float(first["low"]), float(first["student_low"])) == (pair.difference.low, pair.difference.student_low)
    assert (first["num_seeds_first"], first["num_lost_second"]) == ("8", "0")
    assert pair.share is not None
    assert float(first["share_low"]) == pair.share.low
    assert first["sentence"] == section.sentence(pair)


def test_nothing_is_an_empty_file() -> None:
    assert as_csv([]) == ""
