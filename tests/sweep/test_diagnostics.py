"""Diagnostics of a sweep: measured later where they are asked for later, and drawn together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seqexp.compare import compare
from seqexp.diagnostic import kept
from seqexp.record.record import find

pytestmark = pytest.mark.drawn

JOBS = (
    "cell=rnn,gru", "num_seeds=2", "data.length=80", "data.window=8", "trainer.max_epochs=2", "cell.hidden_size=3",
    "trainer.enable_progress_bar=false",
)  # fmt: skip
WANTED = "diagnostic=[gradient_lag]"
PNG = b"\x89PNG"


def images(folder: Path) -> list[str]:
    board = EventAccumulator(str(folder))
    board.Reload()
    return list(board.Tags()["images"])


def test_a_sweep_that_is_run_again_measures_what_is_missing(sweep: Callable[..., Any]) -> None:
    assert sweep(*JOBS).status == 0
    top = Path("outputs/mine")
    before = {folder: (folder / "result.json").read_bytes() for folder in find(top)}
    assert "comparison pictures, diagnostics/gradient_lag" not in images(top / "comparison")
    again = sweep(*JOBS, WANTED)
    assert again.status == 0, again.err
    assert again.out.count("measured gradient_lag") == 2
    assert {folder: (folder / "result.json").read_bytes() for folder in find(top)} == before
    assert (top / "diagnostics" / "gradient_lag.png").read_bytes().startswith(PNG)
    assert "comparison pictures, diagnostics/gradient_lag" in images(top / "comparison")
    another = sweep(*JOBS, "diagnostic=[gradient_lag,spectrum]")
    assert another.status == 0, another.err
    assert another.out.count("measured spectrum") == 2
    assert "measured gradient_lag" not in another.out

    # What was measured with other settings is not drawn beside it.
    folder, other = before
    own = kept.read(kept.path_of(other, "gradient_lag"))
    kept.write(other, "gradient_lag", own._replace(settings={**own.settings, "jacobians": 1}))
    comparison = compare(top)
    comparison.write(top)
    assert "was measured with another jacobians" in (top / "comparison.md").read_text()

    # A file that is no measurement spoils its own line alone.
    kept.write(other, "gradient_lag", own)
    kept.path_of(folder, "gradient_lag").write_bytes(b"PK\x03\x04 nothing")
    comparison = compare(top)
    comparison.write(top)
    assert "npz, so it is not in that picture" in (top / "comparison.md").read_text()
    assert "comparison pictures, diagnostics/gradient_lag" in images(top / "comparison")
