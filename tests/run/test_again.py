"""run() in a folder that holds something already."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqexp.compare import compare
from seqexp.config.compose import compose_config
from seqexp.config.mistakes import ConfigError
from seqexp.diagnostic import kept
from seqexp.diagnostic.gates import Gates
from seqexp.record import lock
from seqexp.record.record import RESULT, Record
from seqexp.run import run
from seqexp.run.diagnose import measure_later

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
    with pytest.raises(ConfigError, match=r"unfinished attempt at another run \(cell is rnn there, and lstm is asked"):
        run([*TINY, "cell=lstm"], begun)


def test_what_is_said_of_an_attempt_is_true(tmp_path: Path, command: Callable[..., Any]) -> None:
    begun = tmp_path / "begun"
    run(TINY, begun)
    os.remove(begun / RESULT)
    files = {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()}
    done = command(*TINY, "optimizer.lr=0.5", f"hydra.run.dir={begun}")
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert re.search(
        r"another run \(optimizer.lr is [\d.]+ there, and 0.5 is asked for\); seqexp.run.run\(\)", done.err
    )
    done = command(*TINY, f"hydra.run.dir={begun}")
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert "holds an unfinished attempt at a run, which no other run replaces; seqexp.run.run()" in done.err
    with lock.taken(begun), pytest.raises(ConfigError, match=r"at work there on another run \(process \d+ on .*\)"):
        run([*TINY, "seed=3"], begun)
    with lock.taken(begun), pytest.raises(ConfigError, match=r"another process is at work on this run \(process \d+"):
        run(TINY, begun)
    (begun / ".hydra" / "config.yaml").write_text("a: &a [1]\nb: *a\n")
    with pytest.raises(ConfigError, match=r"another run \(what of its settings differs cannot be read\)"):
        run([*TINY, "seed=3"], begun)
    files[begun / ".hydra" / "config.yaml"] = (begun / ".hydra" / "config.yaml").read_bytes()
    assert {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()} == files


def test_a_diagnostic_asked_for_later_is_measured_from_the_kept_weights(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later = [*TINY, "diagnostic=[gradient_lag]"]
    at_once = tmp_path / "at_once"
    run(later, at_once)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    record = run(later, folder)
    assert record == Record.read(folder)
    expected, found = (kept.read(kept.path_of(each, "gradient_lag")) for each in (at_once, folder))
    assert found.settings == expected.settings
    for name, values in expected.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], values)
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    measured = kept.path_of(folder, "gradient_lag")
    time = measured.stat().st_mtime_ns
    assert run(later, folder) == record
    assert measured.stat().st_mtime_ns == time
    measured.unlink()
    (folder / "checkpoints" / "best.ckpt").rename(folder / "moved.ckpt")
    assert run(later, folder) == record  # what cannot be measured is said, and the run is what it was
    assert "not measured: " in capsys.readouterr().err
    assert not measured.exists()
    (folder / "moved.ckpt").rename(folder / "checkpoints" / "best.ckpt")


@pytest.mark.drawn
def test_the_command_line_measures_later_too_and_trains_nothing(
    folder: Path, tmp_path: Path, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = shutil.copytree(folder, tmp_path / "own")
    shutil.rmtree(own / "diagnostics", ignore_errors=True)
    before = {path: path.read_bytes() for path in own.rglob("*") if path.is_file()}
    monkeypatch.setattr("seqexp.run.fit.fit", lambda *given: 1 / 0)
    again = (*TINY, f"hydra.run.dir={own}", "diagnostic=[spectrum]")
    done = command(*again, "checkpoint.weights=9")
    assert (done.status, done.out.count("\n")) == (0, 2)
    assert "measured spectrum (start, end): " in done.out
    assert "rnn on sine · test MSE " in done.out
    assert "not measured along training: " in done.err
    assert all(path.read_bytes() == content for path, content in before.items())
    new = {path for path in own.rglob("*") if path.is_file()} - before.keys()
    assert {path.name.partition(".")[0] for path in new} == {"spectrum", "events"}
    done = command(*again)
    assert (done.status, done.out.count("\n"), done.err) == (0, 1, "")
    for wrong, said in (
        ("optimizer.lr=0.5", "holds another run, which is never trained again"),
        ("diagnostic=[automaton]", "needs a task that a finite automaton solves"),
        ("diagnostic=[]", "holds a run already, and no run replaces another"),
    ):
        done = command(*again, wrong)
        assert (done.status, done.out) == (2, "")
        assert said in done.err


@pytest.mark.drawn
def test_what_was_measured_otherwise_or_is_damaged_is_measured_again_and_said(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = shutil.copytree(folder, tmp_path / "own")
    path = kept.path_of(own, "gates")

    def said(*wanted: str) -> str:
        run([*TINY, "diagnostic=[gates]", *wanted], own)
        return capsys.readouterr().err.replace(os.path.relpath(path), "gates.npz")

    assert said() == ""
    whole = kept.read(path)
    assert said("diagnostic.gates.max_sequences=3") == "measured again: gates.npz: max_sequences was 64\n"
    assert kept.read(path).settings["max_sequences"] == 3
    path.write_bytes(path.read_bytes()[:100])
    assert said() == "measured again: gates.npz: is not a diagnostic's (BadZipFile)\n"
    assert kept.read(path).settings == whole.settings
    np.testing.assert_array_equal(kept.read(path).arrays["end_h"], whole.arrays["end_h"])
    assert said() == ""
    monkeypatch.setattr(Gates, "measure", lambda *given: 1 / 0)  # nothing is lost, nor said to be measured
    before = path.read_bytes()
    config = compose_config([*TINY, "diagnostic=[gates]", "diagnostic.gates.max_sequences=3"])
    assert measure_later(config, "rnn", own) == {}
    assert "measured again" not in capsys.readouterr().err
    assert path.read_bytes() == before


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
