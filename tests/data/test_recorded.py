"""The recorded series against statsmodels' own reading of them, and what their guesses score."""

from __future__ import annotations

import csv
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqexp import baselines
from seqexp.data import installed
from seqexp.data.module import PopulationData
from seqexp.data.recorded import Co2, ElecEquip, ElNino, Nile, Recorded, Sunspots
from seqexp.data.task import Sequences
from seqexp.score import SquaredError
from seqexp.seeding import generator

SERIES: dict[str, tuple[Callable[..., Recorded], int]] = {
    "sunspots": (Sunspots, 309),
    "co2": (lambda *given: Co2(*given, "interpolate"), 2284),
    "elnino": (ElNino, 732),
    "nile": (Nile, 100),
    "elec_equip": (ElecEquip, 257),
}


def made(name: str, window: int = 5, horizon: int = 1, season: int | None = None, scaling: str = "none") -> Recorded:
    return SERIES[name][0](window, horizon, season, scaling)


def sampled(task: Recorded, seed: int = 0) -> Sequences:
    return task.sample(generator(seed, "data"), task.num_sequences, None)


def read_by_statsmodels(name: str) -> np.ndarray:
    table = importlib.import_module(f"statsmodels.datasets.{name}").load_pandas().data
    if name == "elnino":
        return table.drop(columns="YEAR").to_numpy().ravel()
    return table[table.columns[-1]].astype(float).interpolate().to_numpy()


@pytest.mark.parametrize("name", SERIES)
def test_values_are_those_that_statsmodels_reads(name: str) -> None:
    series = read_by_statsmodels(name)
    assert len(series) == SERIES[name][1]
    sample = sampled(made(name, window=7, horizon=3), seed=4)
    np.testing.assert_allclose(sample.inputs[:, 0, 0], series[: len(series) - 9], rtol=1e-6)
    np.testing.assert_allclose(sample.inputs[:, -1, 0], series[6 : len(series) - 3], rtol=1e-6)
    np.testing.assert_allclose(sample.targets[:, 0], series[9:], rtol=1e-6)


def test_gaps_of_co2_are_filled_as_the_note_says() -> None:
    path = installed.find("statsmodels", "statsmodels", f"datasets/{Co2.file}")
    with path.open(encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    gaps = [index for index, (_, value) in enumerate(rows) if not value]
    assert len(gaps) == 59
    assert rows[gaps[-1]][0] == "19850803"
    forward, between = (Co2(5, 1, None, "none", fill) for fill in ("forward", "interpolate"))
    last = 0.0
    for index, (_, value) in enumerate(rows):
        last = float(value) if value else last
        assert forward.table[index, 0].item() == pytest.approx(last)
        if value:
            assert between.table[index, 0].item() == pytest.approx(last)
    assert between.table[6, 0].item() == pytest.approx((float(rows[5][1]) + float(rows[7][1])) / 2)
    bounds = {"train": (0, 1500), "val": (1500, 1800), "test": (1900, 2279)}
    assert forward.notes(bounds)[-1] == (
        "59 of 2,284 weeks have no value, the last in August 1985; each is filled by the value before."
    )
    assert "a straight line between the values before and after" in between.notes(bounds)[-1]


def test_with_one_split_all_gaps_of_co2_are_trained_on() -> None:
    data = PopulationData(lambda changes: made("co2", 60), range(1), None, 0.7, 0.15, 0.15)
    assert data.bounds["train"][1] > 1427


def guessed(name: str, folds: int, *given: Any) -> dict[str, np.ndarray]:
    data = PopulationData(lambda changes: made(name, *given), range(folds), None, 0.7, 0.15, 0.15, folds=folds)
    data.make()
    test = data.splits["test"]
    scores = baselines.score(baselines.guess(data.task, data.splits["train"], test), test, SquaredError())
    return {guess: row.numpy() for guess, row in scores.items() if row is not None}


def test_a_season_is_that_long_ago() -> None:
    series = read_by_statsmodels("elnino")
    found = guessed("elnino", 1, 24, 1, 12)
    start = 24 + PopulationData(lambda changes: made("elnino", 24), [0], None, 0.7, 0.15, 0.15).bounds["test"][0]
    targets, before = series[start:], series[start - 12 : len(series) - 12]
    assert found["seasonal"][0] == pytest.approx(np.square(targets - before).mean(), rel=1e-5)
    assert found["seasonal"][0] < found["constant"][0]
    assert found["ar"][0] < found["persistence"][0]


def test_on_the_nile_no_guess_beats_the_mean() -> None:
    found = guessed("nile", 5, 10)
    means = {name: row.mean() for name, row in found.items()}
    assert min(means, key=lambda name: means[name]) == "constant"


def test_seeds_differ_in_their_test_period_only_where_there_are_folds() -> None:
    data = PopulationData(lambda changes: made("nile", 10), range(4), None, 0.7, 0.15, 0.15, folds=2)
    data.make()
    assert data.data_hash[0] == data.data_hash[2] != data.data_hash[1] == data.data_hash[3]
    guesses = baselines.guess(data.task, data.splits["train"], data.splits["test"])
    scores = baselines.score(guesses, data.splits["test"], SquaredError())["ar"]
    assert scores is not None
    assert scores[0] == scores[2] != scores[1] == scores[3]


def test_what_is_wrong_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^fill must be forward or interpolate, got 'drop'"):
        Co2(5, 1, None, "none", "drop")
    with pytest.raises(ValueError, match=r"^window must be <= length - horizon = 99, got 100"):
        made("nile", 100)
    with pytest.raises(ValueError, match=r"^scaling must be one of none, standard"):
        made("nile", scaling="robust")
    with pytest.raises(ValueError, match=r"scaling must not be log for the column sunspots: its row 12 holds 0"):
        made("sunspots", scaling="log")
    (tmp_path / "short.csv").write_text("year,volume\n1871,1120\n1872,1160\n")
    monkeypatch.setattr(installed, "find", lambda *given: tmp_path / "short.csv")
    with pytest.raises(ValueError, match=r"nile/nile\.csv of statsmodels has 2 values, and not 100"):
        made("nile")
