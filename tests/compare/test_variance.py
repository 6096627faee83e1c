"""The variance of scores, split into its sources."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from seqexp.compare.comparison import Comparison
from seqexp.compare.variance import ALL, table, variances

KEYS = ("data_seed", "model_seed", "order_seed")
RNG = np.random.default_rng(0)
SCORES = {"data": RNG.normal(1, 0.2, 12), "initial weights": RNG.normal(1, 0.1, 12), ALL: RNG.normal(1, 0.22, 12)}


def settings(source: str) -> dict[str, Any]:
    free = {"data": KEYS[:1], "initial weights": KEYS[1:2], "order of training": KEYS[2:], ALL: KEYS}[source]
    return {key: None if key in free else 0 for key in KEYS}


@pytest.fixture
def sections(run: Any, sections_of: Any) -> Any:
    return sections_of([run("sine", "lstm", SCORES[source], settings=settings(source)) for source in SCORES])


def test_parts_are_those_of_the_seeds(sections: Any) -> None:
    (found,) = variances(sections)
    assert (found.data, found.row, found.score) == ("sine", "lstm", "MSE")
    assert [part.source for part in found.parts] == ["data", "initial weights", ALL]
    for part in found.parts:
        assert part.deviation == pytest.approx(SCORES[part.source].std(ddof=1))
    assert found.parts[1].share == pytest.approx(SCORES["initial weights"].var(ddof=1) / SCORES[ALL].var(ddof=1))
    assert found.parts[1].share_low < found.parts[1].share < found.parts[1].share_high
    assert found.sentence.startswith(
        "Of the variance of lstm's test MSE on sine over seeds, single sources make: data "
    )
    assert [line.texts[0] for line in table(found).lines] == ["data", "initial weights", ALL]


def test_it_is_shown_and_kept(sections: Any) -> None:
    comparison = Comparison(sections, [], [])
    assert "## Sources of variance: lstm on sine" in comparison.to_markdown()
    (kept,) = comparison.to_dict()["variance"]
    assert kept["parts"][-1]["share_low"] is None


def test_nothing_without_all_together_or_a_single_source(run: Any, sections_of: Any) -> None:
    two = {"data_seed": None, "model_seed": None, "order_seed": 0}
    every = run("sine", "lstm", SCORES[ALL], settings=settings(ALL))
    assert variances(sections_of([every])) == []
    assert variances(sections_of([every, run("sine", "lstm", SCORES["data"], settings=two)])) == []
    assert variances(sections_of([run("sine", "lstm", SCORES["data"], settings=settings("data"))])) == []


def test_diverged_seeds_have_no_part_and_what_does_not_vary_has_no_share(run: Any, sections_of: Any) -> None:
    lost = np.where(np.arange(12) < 3, math.nan, 1.0)
    runs = [run("sine", "lstm", lost, settings=settings(source)) for source in ("data", ALL)]
    (found,) = variances(sections_of(runs))
    assert found.parts[0].num_seeds == 9
    assert math.isnan(found.parts[0].share)


def test_a_second_value_of_what_is_fixed_has_a_line_of_its_own(run: Any, sections_of: Any) -> None:
    runs = [run("sine", "lstm", SCORES[ALL], settings=settings(ALL))]
    for value, scale in ((1, 1.0), (2, 5.0)):
        fixed = {"data_seed": None, "model_seed": value, "order_seed": value}
        runs.append(run("sine", "lstm", scale * SCORES["data"], settings=fixed))
    (found,) = variances(sections_of(runs))
    labels = [f"data (model_seed={value} order_seed={value})" for value in (1, 2)]
    assert [part.source for part in found.parts] == [*labels, ALL]
    assert found.parts[1].deviation == pytest.approx(5 * found.parts[0].deviation)


def test_rows_of_other_budgets_do_not_meet(run: Any, sections_of: Any) -> None:
    runs = [
        run("sine", "lstm", SCORES[source], settings={**settings(source), "trainer.max_epochs": epochs})
        for source, epochs in ((ALL, 10), ("data", 5))
    ]
    assert variances(sections_of(runs)) == []


def test_too_few_seeds_are_said_to_be_too_few(run: Any, sections_of: Any) -> None:
    runs = [run("sine", "lstm", SCORES[source][:3], settings=settings(source)) for source in (ALL, "data")]
    (found,) = variances(sections_of(runs))
    assert found.sentence == "lstm on sine: too few seeds to say how much of the variance each source makes."
