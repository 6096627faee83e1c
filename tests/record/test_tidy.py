"""What may be cleared of a run's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqexp.config.mistakes import ConfigError
from seqexp.record import tidy
from seqexp.record.record import RESULT, Record


def test_clear_leaves_the_log(tmp_path: Path) -> None:
    for name in (RESULT, "curves.csv", "predictions.npz", "seqexp.log", "events.out.tfevents.1.a.1.0"):
        (tmp_path / name).touch()
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").touch()
    tidy.clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["seqexp.log"]


def test_a_finished_run_is_never_cleared(tmp_path: Path) -> None:
    Record(
        status="done", data="sine", cell="rnn", seeds=[0], scores={"train": {"mse": [0.5]}, "test": {"mse": [0.5]}}
    ).write(tmp_path)
    (tmp_path / "curves.csv").touch()
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ConfigError, match="holds a finished run"):
        tidy.clear(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
