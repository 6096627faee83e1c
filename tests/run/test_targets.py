"""Several targets of a series, each scored by itself beside their mean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seqexp.compare import compare
from seqexp.compare.predicted import predictions
from seqexp.data.series import Series
from seqexp.run.targets import MOST_TARGETS, places
from tests.conftest import TINY


def series(*names: str) -> Any:
    """A task of these targets."""
    found = object.__new__(type("Named", (Series,), {"record": None}))
    found.names, found.predicted = list(names), tuple(range(len(names)))
    return found


def test_each_target_has_a_name_of_its_own_that_files_and_loggers_take() -> None:
    assert places(series("price", "a b/c", "a_b c", "40")) == {
        "test@target=price": 0, "test@target=a_b_c": 1, "test@target=a_b_c_3": 2, "test@target=40": 3
    }  # fmt: skip
    assert places(series("price", "x"), ["test@target=x"]) == {"test@target=price": 0, "test@target=x_2": 1}
    assert list(places(series("a_b_3", "a b", "a_b")).values()) == [0, 1, 2]
    assert len(places(series(*map(str, range(30))))) == MOST_TARGETS
    assert places(series("price")) == {}
    assert places(SimpleNamespace()) == {}  # type: ignore[arg-type]


def test_the_score_and_the_guesses_are_the_means_of_those_of_each_target(
    train: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("f.csv").write_text("a,b\n" + "\n".join(f"{place % 7},{1000 * (place % 5)}" for place in range(60)))
    record, folder = train("data=csv", "data.path=f.csv", "data.target=[a,b]", "data.window=3", "cell=rnn", tiny=TINY)
    names = ["test@target=a", "test@target=b"]
    np.testing.assert_allclose(np.mean([record.score(name) for name in names], 0), record.test_mse, rtol=1e-6)
    for guess, scores in record.baselines.items():
        if scores is not None:
            alone = [record.evaluation_baselines[name][guess] for name in names]
            np.testing.assert_allclose(np.mean(alone, 0), scores, rtol=1e-6, err_msg=guess)
    assert any("and b has more than 99.9% of their variance in training" in note for note in record.data_notes)
    comparison = compare(folder)
    (panel,), _ = predictions(comparison.sections)
    assert panel.value == "a"
    assert "MSE test@target=b" in comparison.to_markdown()
    paths = comparison.write(tmp_path)
    assert not [path for path in paths if path.name.startswith("evaluations")]  # no line joins one unit to another
