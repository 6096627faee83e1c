"""The verb `evaluate`: a trained run on other settings of its data, kept beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqexp.program import evaluate
from seqexp.record.record import RESULT

Train = Callable[..., Any]
SINE = ("data=sine", "data.length=200", "cell=rnn", "num_seeds=2", "trainer.max_epochs=1")


@pytest.fixture
def folder(train: Train) -> Path:
    found: Path = train(*SINE, tiny=())[1]
    return found


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert evaluate.main(arguments) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as end:
        evaluate.main(arguments)
    assert end.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_a_run_is_scored_elsewhere_once_and_stays_what_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / RESULT).read_bytes()
    first = said(capsys, str(folder), "data.noise=0.3")
    assert first.startswith("rnn on sine · test MSE ")
    assert " · test@noise=0.3 MSE " in first
    assert " · linear 0.1" in first
    assert first.strip().endswith(
        f" · too few seeds to tell from constant, num_seeds=6 or more could → {folder}/evaluations"
    )
    (path,) = (folder / "evaluations").iterdir()
    kept, time = json.loads(path.read_text()), path.stat().st_mtime_ns
    assert (path.name, kept["meaning"]) == ("test@noise=0.3.json", {"noise": 0.3})
    assert said(capsys, str(folder.parent), "data.noise=0.3") == first  # a folder of runs; nothing is measured again
    assert path.stat().st_mtime_ns == time
    assert (folder / RESULT).read_bytes() == before


def test_a_series_of_another_length_is_scored_on_all_of_its_windows_and_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "test@mine MSE" in said(capsys, str(folder), "data.length=300", "--name", "mine")
    assert "must have names of at most 40 letters" in refused(capsys, str(folder), "data.noise=2", "--name", "a b")
    assert "test@mine was evaluated already" in refused(capsys, str(folder), "data.noise=2", "--name", "mine")


def test_the_test_again_is_no_evaluation(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    _, folder = train(*SINE, "data.noise=0", tiny=())
    assert ": amplitude=1 leaves the test data as they are, and would be" in refused(
        capsys, str(folder), "data.amplitude=1"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "evaluate needs a setting of the data"),
        (["cell=lstm"], "cell=lstm: takes settings of the data, such as data.noise=0.3"),
        (["data.noise"], "data.noise: takes settings of the data"),
        (["data.noise=1", "data.noise=2"], "data.noise is given twice"),
        (["data.noise=${seed}"], "takes a value, and no interpolation"),
        (["data.noise=[1"], "[1 is no value"),
        (["data.noise=1,2"], "takes one value, and 1,2 is several"),
        (["data.noise=a=b"], """in quotes within quotes it is a text as it stands, 'data.noise="a=b"'"""),
        (["data.nose=1"], "Did you mean data.noise?"),
        (["data.noise=x"], "data.noise must be a number, got 'x'"),
        (["data.noise=-1"], "noise must be >= 0, got -1"),
        (["data.batch_size=3"], "there is no such key"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    error = refused(capsys, str(folder), *arguments)
    assert words in error
    assert "evaluations." not in error
    assert not (folder / "evaluations").exists()


@pytest.mark.parametrize(("name", "words"), [("nowhere", "there is no such folder"), (".", "holds no finished run")])
def test_a_folder_without_a_finished_run_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    assert words in refused(capsys, str(tmp_path / name), "data.noise=1")


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"noise": 0.3, "length": 20}, "length=20,noise=0.3"),
        ({"path": "a/b.csv"}, r"path=a-b.csv-\w{6}"),
        ({"key" * 9: "value" * 9}, r"[key]{27}=value-\w{6}"),
    ],
)
def test_an_evaluation_is_called_after_its_settings(changes: dict[str, Any], name: str) -> None:
    found = evaluate.name_of(changes)
    assert re.fullmatch(name, found)
    assert len(found) <= evaluate.LONGEST
    assert evaluate.name_of({**changes, "other": 1}) != found


def test_settings_are_read_as_those_of_a_run() -> None:
    given = ["data.date_format=%d.%m.%Y", "data.noise=1e-3", "data.scaling={price:log}", "data.time=2024-01-31"]
    read = {"date_format": "%d.%m.%Y", "noise": 0.001, "scaling": {"price": "log"}, "time": "2024-01-31"}
    assert evaluate.settings(given) == (read, {})


def test_settings_may_trust_packages() -> None:
    given = ["data.x=[1, 2]", "allowed_packages=[mine]"]
    assert evaluate.settings(given) == ({"x": [1, 2]}, {"allowed_packages": ["mine"]})
    assert evaluate.settings(["allowed_packages=[mine]"]) == ({}, {"allowed_packages": ["mine"]})
