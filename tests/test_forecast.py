"""What comes after a series: exact where the model is, in the data's units, with an interval that is measured."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import seqexp.forecast
from seqexp.config.mistakes import ConfigError
from seqexp.evaluate import evaluate
from seqexp.forecast import forecast
from seqexp.forecasts import Forecast
from seqexp.program import forecast as verb
from seqexp.record import tidy
from seqexp.record.record import RESULT, RecordError
from seqexp.run.load import load_run
from tests.test_closed_loop import recurrence

Train = Callable[..., Any]
SINE = ("data=sine", "data.length=400", "data.time_range=40", "cell=rnn", "num_seeds=2", "trainer.max_epochs=1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from seqexp.run.execute import run

    found = tmp_path_factory.mktemp("forecast") / "run"
    run([*SINE, "data.noise=0"], folder=found)
    return found


def lines(place: Path) -> list[dict[str, str]]:
    with (place / "forecast.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_linear_recurrence_forecasts_a_noiseless_sine_exactly(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def loaded(*arguments: Any) -> Any:
        record, parts = load_run(*arguments)
        parts.training.model = recurrence("last", torch.full((2,), 40 / 399, dtype=torch.float64))
        return record, parts

    monkeypatch.setattr(seqexp.forecast, "load_run", loaded)
    found = forecast(folder, 30)
    exact = np.sin(np.arange(400, 430) * 40 / 399)
    assert found.is_closed
    np.testing.assert_allclose(found.paths[:, :, 0], [exact, exact], atol=1e-3)  # the data are of 32 bits
    assert np.all(found.half_widths < 1e-3)


def test_a_forecast_is_kept_beside_the_run_and_in_the_datas_units(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (folder / RESULT).read_bytes()
    assert verb.main([str(folder), "--steps", "3"]) == 0
    said = capsys.readouterr().out
    place = folder / "forecasts" / "level=0.9,steps=3"
    assert said.startswith("rnn on sine · 3 steps after row 400 (closed loop, predictions are fed back) · mean of 2 s")
    assert said.strip().endswith(f"→ {place}")
    assert {path.name for path in place.iterdir()} == {f"forecast.{kind}" for kind in ("csv", "json", "png", "svg")}
    rows, kept = lines(place), json.loads((place / "forecast.json").read_text())
    assert [(row["step"], row["row"], row["column"]) for row in rows] == [
        (str(k), str(400 + k), "value") for k in (1, 2, 3)
    ]
    for index, row in enumerate(rows):
        mean, half = (float(row["seed_0"]) + float(row["seed_1"])) / 2, kept["half_widths"][index][0]
        assert math.isclose(float(row["mean"]), mean, rel_tol=1e-6)
        assert math.isclose(float(row["high"]) - float(row["low"]), 2 * half, rel_tol=1e-6)
    assert kept["residuals"] == [57, 55]
    tidy.refuse_strange(folder)
    assert (folder / RESULT).read_bytes() == before


def test_the_first_step_is_the_models_prediction_and_the_interval_is_of_validation(folder: Path) -> None:
    found = forecast(folder, 2, level=0.8)
    _, parts = load_run(folder, [], [], {})
    parts.make_data()
    model, val = parts.training.model.eval(), parts.data.splits["val"].of(slice(0, 1))
    with torch.no_grad():
        series = parts.data.task.record(torch.Generator()).values  # without noise
        first = model(series[None, None, -20:].expand(2, -1, -1, -1))
        mean = model(val.inputs.expand(2, -1, -1, -1)).mean(0)
    np.testing.assert_allclose(found.paths[:, 0], first[:, 0], rtol=1e-5)
    sizes = np.sort(np.abs((val.targets[0] - mean).numpy()[:, 0]))
    assert math.isclose(found.half_widths[0, 0], sizes[math.ceil((len(sizes) + 1) * 0.8) - 1], rel_tol=1e-4)


def test_a_longer_horizon_is_forecast_directly_and_no_further(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    _, folder = train(*SINE, "data.horizon=4", tiny=())
    found = forecast(folder, 4)
    assert not found.is_closed
    assert found.paths.shape == (2, 4, 1)
    assert " by step" not in verb.said(found, folder)  # each is as wide
    with pytest.raises(SystemExit) as end:
        verb.main([str(folder), "--steps", "5"])
    assert end.value.code == 2
    assert "steps must be <= 4, data.horizon: it predicts 4 steps on, so that predictions" in capsys.readouterr().err


def test_with_folds_those_forecast_that_were_trained_last(train: Train) -> None:
    _, folder = train(*SINE, "data.folds=2", "num_seeds=3", tiny=())
    found = forecast(folder, 1)
    assert found.seeds == [1]
    both = replace(found, names=["a", "b"], coverage=np.array([[0.9, 0.5]]))  # of several targets each has its own
    assert "the 90% interval held 90% of the test values of a and 50% of the test values of b →" in verb.said(
        both, folder
    )
    assert f"mean of 1 seed of the latest fold, trained on rows up to {found.trained_rows} · " in verb.said(
        found, folder
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"steps": 0}, "steps must be >= 1"),
        ({"steps": 10**9}, "steps must be <= 100,000, got 1,000,000,000"),
        ({"steps": 90_000}, "steps must be <= 49"),  # at once: no such path is made
        ({"steps": 1, "level": 1.0}, "level must be between 0 and 1"),
        ({"steps": 60}, r"needs 68 windows of validation, and there are 57: steps must be <= 49"),
        ({"steps": 1, "level": 0.999}, "--level must be lower"),
        ({"steps": 1, "data": "x.csv"}, "sine reads no file"),
    ],
)
def test_what_cannot_be_forecast_is_refused(folder: Path, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        forecast(folder, **settings)


def written(place: Path, start: str, count: int = 120) -> None:
    days = np.datetime64(start) + np.arange(count)
    rows = [f"{day},{math.sin(k / 2):.4f}" for k, day in enumerate(days)]
    place.write_text("\n".join(["day,v", *rows, ""]))


def test_own_files_are_found_from_elsewhere_and_dates_go_on(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        written(tmp_path / f"s_{name}.csv", "2020-01-01")
    monkeypatch.chdir(tmp_path)
    own = ("data=csv", "data.target=v", "data.time=day", "data.window=12", *SINE[3:])
    _, one = train(*own, "data.path=s_a.csv", tiny=())
    _, two = train(*own, "data.path=s_*.csv", tiny=())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    one, two = (Path(os.path.relpath(tmp_path / each)) for each in (one, two))
    found = forecast(one, 3)
    assert found.times is not None
    assert (found.times[0], found.times[1][-1], found.times[2][-1]) == ("day", "2020-04-29", "2020-05-02")
    found.write(elsewhere)
    assert [row["time"] for row in lines(elsewhere)] == ["2020-04-30", "2020-05-01", "2020-05-02"]
    with pytest.raises(
        ConfigError, match=r"its data: several series, and a forecast goes on from one, which --data FI"
    ):
        forecast(two, 3)
    direct = forecast(two, 3, data="../s_b.csv")
    assert direct.rows == 120
    assert direct.num_residuals[0] > direct.num_residuals[1] >= 9
    with pytest.raises(
        ConfigError, match=r"validation is too short for this forecast: step 13 has \d residuals, and lev"
    ):
        forecast(two, 14, data="../s_b.csv")  # as many windows as it takes, but paths end with their file


def test_a_changed_file_is_refused_and_another_may_be_short_and_constant(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "s.csv", "2020-01-01")
    _, folder = train("data=csv", "data.path=s.csv", "data.target=v", "data.window=12", *SINE[3:], tiny=())
    (tmp_path / "new.csv").write_text("v\n" + "1\n" * 12)
    found = forecast(folder, 2, data="new.csv")
    assert found.rows == 12
    (tmp_path / "few.csv").write_text("v\n" + "1\n" * 11)
    with pytest.raises(ConfigError, match=r"few.csv: has 11 rows, and the first step of a forecast needs data.wi"):
        forecast(folder, 2, data="few.csv")
    found.write(tmp_path / "new")
    kept = json.loads((tmp_path / "new" / "forecast.json").read_text())
    digest = hashlib.sha256((tmp_path / "new.csv").read_bytes()).hexdigest()
    assert kept["files"] == [{"path": "new.csv", "sha256": digest}]
    assert kept["trained_rows"] == 12 + int(108 * 0.7)
    whole = forecast(folder, 2)
    written(tmp_path / "s.csv", "2020-01-01", 123)
    for grown in (forecast(folder, 2), forecast(folder, 2, data="s.csv")):  # from its new end, by its old errors
        assert (grown.rows, grown.trained_rows, grown.no_interval) == (123, whole.trained_rows, None)
        np.testing.assert_array_equal(grown.half_widths, whole.half_widths)
        assert not np.array_equal(grown.paths, whole.paths)
    rows = (tmp_path / "s.csv").read_text().splitlines()[:122]
    (tmp_path / "s.csv").write_text("\n".join([*rows[:40], f"{rows[40]}1", *rows[41:]]))
    changed = r"data.path=s.csv is not what the run was trained on"
    then = r"Before: The data are 120 rows of s.csv; SHA-256 \w+\. Now: The data are 121 rows of s.csv; SHA-256"
    with pytest.raises(RecordError, match=rf"{changed}\. {then} .*--data FILE goes on from another file, without an"):
        forecast(folder, 2)
    with pytest.raises(RecordError, match=rf"{changed}\. {then}"):
        evaluate(folder, evaluations={"filled": {"fill": "forward"}})
    assert_no_interval(folder, found, changed)
    (tmp_path / "s.csv").write_text("v\n1\n")
    with pytest.raises(ConfigError, match=r"s.csv: has 1 row,"):
        forecast(folder, 2)
    assert_no_interval(folder, found, "s.csv: has 1 row,")
    (tmp_path / "s.csv").unlink()
    gone = "the data that the run was trained on are not there: data.path names s.csv, and there is no such file"
    with pytest.raises(RecordError, match=rf"{gone}\. Put the file back as it was: The data are 120 rows of s.csv;"):
        forecast(folder, 2)
    again = assert_no_interval(folder, found, gone)
    again.write(tmp_path / "again")
    assert {(each["low"], each["high"]) for each in lines(tmp_path / "again")} == {("", "")}
    kept = json.loads((tmp_path / "again" / "forecast.json").read_text())
    assert (kept["half_widths"], kept["no_interval"]) == ([[None]] * 2, again.no_interval)
    assert f"no interval, which is made of errors on validation: {gone}" in verb.said(again, folder)


def assert_no_interval(folder: Path, before: Forecast, reason: str) -> Forecast:
    """The same paths from a file that is still there."""
    found = forecast(folder, 2, data="new.csv")
    np.testing.assert_array_equal(found.paths, before.paths)
    assert np.isnan(found.half_widths).all()
    assert found.no_interval is not None
    assert reason in found.no_interval
    return found


def test_another_file_may_be_written_in_another_way(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "s.csv", "2020-01-01")
    _, folder = train("data=csv", "data.path=s.csv", "data.target=v", "data.window=12", *SINE[3:], tiny=())
    rows = (tmp_path / "s.csv").read_text().replace(",", ";").replace(".", ",").replace("v", "w", 1).split("\n")
    (tmp_path / "new.csv").write_text("\n".join([*rows[:50], f"{rows[50][:11]}", *rows[51:]]))
    how = ["data.fill=forward", "data.decimal=comma", "data.target=w", "data.delimiter=semicolon"]
    assert verb.main([str(folder), "--steps", "2", "--data", "new.csv", *how]) == 0
    assert "2 steps after row 120 " in capsys.readouterr().out
    (place,) = (folder / "forecasts").iterdir()
    kept = json.loads((place / "forecast.json").read_text())
    assert kept["settings"] == {"fill": "forward", "decimal": "comma", "target": "w", "delimiter": "semicolon"}
    found = [float(row["mean"]) for row in lines(place)]
    np.testing.assert_allclose(found, forecast(folder, 2).mean[:, 0], rtol=1e-6)
    for settings, words in (
        (["data.fill=drop"], "data.fill: says how another file is written, which --data FILE names"),
        (["--data", "new.csv", "data.window=3"], "data.window: is what the networks were trained with"),
        (["--data", "new.csv", *how[:3], "data.inputs=[day,w]"], "day"),
        (["data.path=new.csv"], "data.path: --data FILE names another file"),
    ):
        with pytest.raises(SystemExit):
            verb.main([str(folder), "--steps", "2", *settings])
        assert words in capsys.readouterr().err


def test_seeds_that_diverged_do_not_forecast(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    diverged: list[int] = []

    def loaded(*arguments: Any) -> Any:
        record, parts = load_run(*arguments)
        return dataclasses.replace(record, diverged=diverged), parts

    monkeypatch.setattr(seqexp.forecast, "load_run", loaded)
    whole = forecast(folder, 1)
    diverged.append(0)
    found = forecast(folder, 1)
    assert (found.seeds, found.left_out) == ([1], [0])
    np.testing.assert_array_equal(found.paths, whole.paths[1:])
    assert "mean of 1 seed, without seed 0, which diverged" in verb.said(found, folder)
    endless = replace(found, left_out=[0, 1])
    assert ", without seed 0, which diverged, without seed 1, whose path is no number ·" in verb.said(endless, folder)
    diverged.append(1)
    with pytest.raises(ConfigError, match="all of its seeds diverged"):
        forecast(folder, 1)


def test_a_folder_of_runs_names_one_of_them(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(
        RecordError, match=rf"is no run's folder, but one above 1 run; give one of them, such as .*/{folder.name}$"
    ):
        forecast(folder.parent, 1)
    with pytest.raises(RecordError, match=r"holds no run$"):
        forecast(tmp_path, 1)
    with pytest.raises(RecordError, match=r"there is no such folder$"):
        forecast(tmp_path / "nowhere", 1)


def test_a_task_that_is_no_series_is_refused(train: Train) -> None:
    _, folder = train("data=sum", "data.num_sequences=60", "cell=rnn", "num_seeds=2", "trainer.max_epochs=1", tiny=())
    with pytest.raises(ConfigError, match="sum is no series"):
        forecast(folder, 1)
