"""Which baseline is the one to beat: the best on validation, or every one of them; never the best on test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqexp.compare.data_sets import group
from seqexp.compare.export import as_dict
from seqexp.compare.rival import best_baseline, reference
from seqexp.compare.runs import Metric, Run
from seqexp.compare.section import Section, build

NOISE = np.exp(np.random.default_rng(11).normal(0, 0.1, (4, 10)))
SEEDS = list(range(10))


def run(cell: str, level: float, **changes: Any) -> Run:
    """Ten seeds of one cell."""
    scores = level * NOISE[len(cell) % 4]
    fields: dict[str, Any] = {
        **{"folder": Path(cell), "name": cell, "data": "sine", "cell": cell, "settings": {}, "seeds": SEEDS},
        **{"data_hash": [[f"train {seed}", f"test {seed}"] for seed in SEEDS]},
        **{"metric": Metric("mse", "MSE", "squared units of the data"), "train": scores, "val": scores},
        **{"test": scores, "baselines": {}, "diverged": frozenset(), "num_parameters": 1, "epochs": 1, "steps": 1},
        **{"train_seconds": 1.0},
    }
    return Run(**fields | changes)


def guesses(**levels: float) -> dict[str, Any]:
    return {name: np.full(10, level) for name, level in levels.items()}


def section(*runs: Run) -> Section:
    (data_set,) = group(runs)
    (found,) = build([data_set])
    return found


TEST = guesses(constant=1.0, linear=0.3, ar=0.2, noise=0.01)
VALIDATION = guesses(constant=1.0, linear=0.2, ar=0.3, noise=0.01)


def test_the_rival_is_the_best_on_validation_not_the_best_on_test() -> None:
    found = section(*(run(cell, 0.1, baselines=TEST, validation_baselines=VALIDATION) for cell in ("rnn", "lstm")))
    assert (found.rivals, found.baseline) == (["linear"], "linear")  # on test ar is lower, and the floor lower still
    assert [pair.second for pair in found.baseline_pairs] == ["the linear baseline"] * 2
    assert {pair.num_tests for pair in found.baseline_pairs} == {3}


def test_the_choice_does_not_change_with_test_scores() -> None:
    (data_set,) = group([run("rnn", 0.1, baselines=TEST, validation_baselines=VALIDATION)])
    moved = guesses(constant=0.1, linear=9.0, ar=0.1)
    (other,) = group([run("rnn", 0.1, baselines=moved, validation_baselines=VALIDATION)])
    assert best_baseline(data_set) == best_baseline(other) == ["linear"]


@pytest.mark.parametrize("validation", [{}, guesses(constant=1.0), guesses(constant=1.0, linear=0.2, noise=0.01)])
def test_without_all_validation_scores_every_baseline_is_a_rival_and_in_the_family(validation: Any) -> None:
    runs = [run(cell, 0.1, baselines=TEST, validation_baselines=validation) for cell in ("rnn", "lstm")]
    found = section(*runs)
    assert found.rivals == ["constant", "linear", "ar"]
    assert found.baseline == "constant"  # what tables show ratios to is no choice among scores
    assert len(found.baseline_pairs) == 6
    assert {pair.num_tests for pair in (*found.pairs, *found.baseline_pairs)} == {7}
    assert any("cannot be chosen without test scores" in note for note in found.notes)
    for name in found.rivals:
        assert any(f"beats the {name} baseline" in text for text in found.sentences)


def test_one_baseline_needs_no_choice() -> None:
    found = section(run("rnn", 0.1, baselines=guesses(constant=1.0, noise=0.01)))
    assert found.rivals == ["constant"]
    assert not any("cannot be chosen" in note for note in found.notes)


def test_no_baseline() -> None:
    found = section(run("rnn", 0.1), run("lstm", 0.2))
    assert (found.rivals, found.baseline, found.baseline_pairs) == ([], None, [])
    assert reference(["linear", "ar"]) == "linear"


def test_json_names_a_best_baseline_only_where_one_was_chosen() -> None:
    chosen = section(run("rnn", 0.1, baselines=TEST, validation_baselines=VALIDATION))
    several = section(run("rnn", 0.1, baselines=TEST))
    first, second = as_dict([chosen, several], [], [])["data"]
    assert (first["best_baseline"], first["rivals"]) == ("linear", ["linear"])
    assert first["rows"][0]["ratio_to_best_baseline"] == pytest.approx(np.exp(np.log(0.1 * NOISE[3] / 0.3).mean()))
    assert (second["best_baseline"], second["rivals"]) == (None, ["constant", "linear", "ar"])
    assert second["rows"][0]["ratio_to_best_baseline"] is None
