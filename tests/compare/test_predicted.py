"""What is read of `predictions.npz`: one series for all seeds, each seed's own values, classes, and damaged files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqexp.compare.predicted import NUM_BINS, predictions, read_predictions
from seqexp.record.arrays import write_predictions

RNG = np.random.default_rng(0)
SERIES = np.sin(np.arange(50) / 5)


def of_a_run(**arrays: Any) -> dict[str, Any]:
    targets = RNG.normal(size=(3, 50, 1))
    return {"targets": targets, "predictions": targets + 0.5, "seeds": np.arange(3), **arrays}


@pytest.fixture
def drawn(tmp_path: Path, run: Callable[..., Any], sections_of: Callable[..., Any]) -> Callable[..., Any]:
    """Two runs with such arrays as a figure shows them, and what was damaged."""

    def draw(**cells: dict[str, Any] | bytes) -> Any:
        runs = []
        for name, content in cells.items():
            folder = tmp_path / name
            folder.mkdir()
            if isinstance(content, bytes):
                (folder / "predictions.npz").write_bytes(content)
            else:
                write_predictions(folder, **content)
            runs.append(run("sine", name, [0.1, 0.2, 0.3], folder=folder))
        return predictions(sections_of(runs))

    return draw


def test_a_forecast_is_of_one_series(drawn: Callable[..., Any]) -> None:
    forecast = SERIES + np.array([[-0.1], [0.0], [0.4]])
    forecast[2, 3] = np.nan  # of a seed that diverged
    (panel,), damaged = drawn(
        rnn=of_a_run(series=SERIES, forecast=forecast), lstm=of_a_run(series=SERIES, forecast=forecast + 1)
    )
    assert not damaged
    assert panel.is_forecast
    assert panel.actual == pytest.approx(SERIES)
    rows = {row.label: row for row in panel.rows}
    assert rows["rnn"].mean == pytest.approx(SERIES - 0.05)
    assert rows["rnn"].low == pytest.approx(SERIES - 0.0975)
    assert rows["lstm"].mean == pytest.approx(SERIES + 0.95)
    assert list(panel.left_out) == ["lstm 2 of 3 seeds", "rnn 2 of 3 seeds"]


@pytest.mark.parametrize("old", [False, True])
def test_each_test_period_is_predicted_by_the_seeds_of_its_own_fold(
    tmp_path: Path, run: Callable[..., Any], sections_of: Callable[..., Any], old: bool
) -> None:
    fold = np.array([0, 1, 0])
    targets = SERIES[:3] + 10.0 * fold[:, None]
    predicted = targets + np.array([[0.1], [0.2], [0.3]])
    in_sample = {"series": targets[0], "forecast": np.stack([targets[0]] * 3)}  # what an older file has of fold 0
    write_predictions(
        tmp_path,
        targets=targets[..., None],
        predictions=predicted[..., None],
        seeds=np.arange(3),
        **(in_sample if old else {"fold": fold}),
    )
    rnn = run("sine", "rnn", [0.1, 0.2, 0.3], folder=tmp_path, settings={"data.folds": 2})
    (panel,), _ = predictions(sections_of([rnn]))
    assert (panel.is_forecast, panel.folds, list(panel.left_out)) == (True, 2, [""])
    np.testing.assert_allclose(panel.actual, [*SERIES[:3], np.nan, *(SERIES[:3] + 10)])
    np.testing.assert_allclose(panel.rows[0].mean - panel.actual, [0.2, 0.2, 0.2, np.nan, 0.2, 0.2, 0.2])
    np.testing.assert_allclose(panel.rows[0].low - panel.actual, [0.105, 0.105, 0.105, np.nan, 0.2, 0.2, 0.2])


def test_other_tasks_and_old_files_show_means_by_actual_value(drawn: Callable[..., Any]) -> None:
    (panel,), damaged = drawn(rnn=of_a_run(), lstm=of_a_run())
    assert not damaged
    assert not panel.is_forecast
    assert len(panel.actual) == NUM_BINS
    assert (np.diff(panel.actual) > 0).all()
    distances = panel.rows[0].mean - panel.actual
    assert np.nanmean(distances) == pytest.approx(0.5, abs=0.1)


def test_steps_that_no_score_counts_are_not_shown(drawn: Callable[..., Any]) -> None:
    targets = RNG.normal(size=(3, 200, 6, 1))
    shown = targets + 0.5
    shown[:, :, :2] = 1e6  # of a network that has not seen enough yet
    counts = np.ones((3, 200, 6)) * (np.arange(6) >= 2)
    (panel,), _ = drawn(rnn=of_a_run(targets=targets, predictions=shown, weight=counts))
    assert panel.rows[0].mean == pytest.approx(panel.actual + 0.5, abs=1.0)
    (panel,), _ = drawn(lstm=of_a_run(targets=targets, predictions=shown))
    assert panel.rows[0].mean.max() > 1e5


def test_another_series_is_left_out_and_what_is_damaged_is_named(drawn: Callable[..., Any]) -> None:
    own = of_a_run(series=SERIES, forecast=np.stack([SERIES] * 3))
    other = of_a_run(series=SERIES + 1, forecast=np.stack([SERIES] * 3))
    (panel,), damaged = drawn(gru=own, lstm=other, rnn=b"PK no archive")
    assert len(panel.rows) == 1
    assert list(panel.left_out) == ["", "lstm 0 of 3 seeds", "rnn 0 of 3 seeds"]
    (problem,) = damaged
    assert problem.folder == "sine/rnn"
    assert problem.reason.startswith("predictions.npz, so it is not in the figure of forecasts: ")


def test_classes_and_missing_files_have_no_picture(tmp_path: Path) -> None:
    assert read_predictions(tmp_path) is None
    write_predictions(tmp_path, targets=np.zeros((3, 5), dtype=np.int64), predictions=np.zeros((3, 5, 4)))
    assert read_predictions(tmp_path) is None
    classes = np.zeros((3, 5, 2), dtype=np.uint8)  # at every step
    write_predictions(tmp_path, targets=classes, predicted=classes, log_probability=classes.astype(np.float16))
    assert read_predictions(tmp_path) is None
    write_predictions(tmp_path, targets=np.zeros((3, 5, 1)), predictions=np.zeros((3, 5, 1)), series=SERIES)
    assert read_predictions(tmp_path) is not None
    write_predictions(tmp_path, series=SERIES, forecast=np.zeros((3, 7)))
    with pytest.raises(ValueError, match=r"its arrays are of shapes \(50,\) and \(3, 7\)"):
        read_predictions(tmp_path)
