"""run() in a folder that holds something already."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from seqexp.compare import compare
from seqexp.config.mistakes import ConfigError
from seqexp.record.record import RESULT, Record
from seqexp.run import run

TINY = ["num_seeds=2", "trainer.max_epochs=1", "data.length=120", "trainer.enable_progress_bar=false"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("again") / "run"
    assert run(TINY, folder).folder == folder
    return folder


def test_the_same_run_again_is_the_record_that_is_there(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    record = run([*TINY, "print_every=1"], folder)  # which changes no number
    assert record == Record.read(folder)
    assert record.folder == folder
    assert "folder" not in record.values()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_another_run_is_refused_with_what_differs(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds another run.*num_seeds is 2 there, and 3 is asked for"):
        run([*TINY, "num_seeds=3"], folder)
    with pytest.raises(ConfigError, match=r"cell is rnn there, and lstm is asked for"):
        run([*TINY, "cell=lstm"], folder)
    with pytest.raises(ConfigError, match=r"no scores at loud: seqexp\.evaluate\.evaluate\(\) adds them"):
        run([*TINY, "+data.evaluations.loud.noise=0.3"], folder)


def test_an_unfinished_attempt_goes_on(folder: Path, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    done = run(TINY, begun)
    os.remove(begun / RESULT)
    assert run(TINY, begun).score("test") == done.score("test")
    os.remove(begun / RESULT)
    with pytest.raises(ConfigError, match="holds a run already"):
        run([*TINY, "cell=lstm"], begun)


def test_a_notebook_shows_table_verdict_and_picture(folder: Path) -> None:
    record, compared = Record.read(folder), compare(folder)
    assert repr(record).startswith("Record(rnn on sine, 2 seeds, mean test MSE ")
    assert max(repr(record).count("\n"), repr(compared).count("\n")) <= 1
    shown = compared._repr_html_()
    assert ">rnn</td>" in shown
    assert "data:image/png;base64," in shown
    assert len(shown) < 120_000
    assert ">linear</td>" in record._repr_html_()
    halved = replace(record, scores={"test": {"mse": [0.25, float("nan")]}})
    assert ">0.25</td>" in halved._repr_html_()  # a seed that diverged has no part in a mean
    assert "<b>" not in replace(record, cell="<b>", data="<b>")._repr_html_()
