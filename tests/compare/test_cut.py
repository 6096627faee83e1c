"""Which verdicts on validation the last tenth of training has changed, from curves drawn by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqexp.compare.cut import MOST_LISTED, before
from seqexp.compare.data_sets import group
from seqexp.compare.runs import Run
from seqexp.compare.section import build
from seqexp.compare.trained import noted
from tests.compare.test_trained import curves, line, run

LEVELS = np.linspace(1.0, 1.1, 8)
MIXED = np.resize([0.9, 1.05], 8)  # lower on the whole, but not on half of the seeds


def drawn(folder: Path, start: Any, end: Any, **changes: Any) -> Run:
    """A run of 8 seeds and 20 epochs: at `start` times their level until the last tenth of it, then at `end` times."""
    starts, ends = start * LEVELS, end * LEVELS
    lines = [line(*each) for each in zip(starts, ends, strict=True)]
    best = np.where(ends < starts, 19, 1).tolist()
    fields = {"folder": curves(folder, *lines), "epochs": 20, "best_epoch": best}
    return run(folder.name, np.minimum(starts, ends), **fields | changes)


def said(*runs: Run) -> list[str]:
    (data_set,) = group(runs)
    return [note for note in noted(build([data_set])[0]).notes if note.startswith("On validation")]


def test_two_change_places(tmp_path: Path) -> None:
    lstm, rnn = drawn(tmp_path / "lstm", 1.0, 0.5), drawn(tmp_path / "rnn", 0.8, 0.9)
    assert said(lstm, rnn) == ["On validation, lstm and rnn change places in the last tenth of training."]
    first, second = (build(group([lstm, rnn]))[0].shown[index][1] for index in (0, 1))
    assert before(first, "mse").values == pytest.approx(LEVELS)  # type: ignore[union-attr]
    assert before(second, "mse").values == pytest.approx(0.8 * LEVELS)  # type: ignore[union-attr]


def test_nothing_changes(tmp_path: Path) -> None:
    assert said(drawn(tmp_path / "lstm", 1.0, 0.5), drawn(tmp_path / "rnn", 1.2, 1.1)) == []


def test_a_winner_comes_or_goes(tmp_path: Path) -> None:
    rnn = drawn(tmp_path / "rnn", 1.0, 1.0)
    assert said(drawn(tmp_path / "lstm", MIXED, 0.5), rnn) == [
        "On validation, lstm beats rnn only with the last tenth of training: no difference is detected without it."
    ]
    assert said(drawn(tmp_path / "gru", 1.2, 1 / MIXED), drawn(tmp_path / "a", 1.0, 1.0)) == [
        "On validation, a beats gru only without the last tenth of training: no difference is detected with it."
    ]


def test_many_pairs_are_counted(tmp_path: Path) -> None:
    slow = [drawn(tmp_path / f"slow{index}", 1.0, 0.5) for index in range(MOST_LISTED + 2)]
    (note,) = said(drawn(tmp_path / "quick", 0.8, 0.9), *slow)
    assert note.count(";") == MOST_LISTED
    assert note.endswith("; 2 more pairs change places in the last tenth of training.")


def test_seeds_without_a_score_before_take_no_part(tmp_path: Path) -> None:
    lstm = drawn(tmp_path / "lstm", 1.0, np.array([9.0, *[0.5] * 7]))
    late = curves(tmp_path / "late", *([np.nan] * 18 + [0.6, 0.5] for _ in LEVELS))
    assert said(lstm, drawn(tmp_path / "rnn", 0.8, 0.9)) != []
    assert said(replace(lstm, folder=late), drawn(tmp_path / "gru", 0.8, 0.9)) == []


@pytest.mark.parametrize("content", [None, "epoch,seed,val_mse\n0,0\n", "epoch,seed,val_mse\n0,zero,1\n", "\x00", ""])
def test_a_damaged_file_ends_nothing(tmp_path: Path, content: str | None) -> None:
    lstm, rnn = drawn(tmp_path / "lstm", 1.0, 0.5), drawn(tmp_path / "rnn", 0.8, 0.9)
    path = lstm.folder / "curves.csv"
    path.unlink()
    if content is not None:
        path.write_text(content)
    assert said(lstm, rnn) == []


def test_files_are_read_only_where_the_last_tenth_counts(tmp_path: Path) -> None:
    lstm, rnn = drawn(tmp_path / "lstm", 1.0, 1.5), drawn(tmp_path / "rnn", 0.8, 0.9)
    (lstm.folder / "curves.csv").unlink()
    row = build(group([lstm, rnn]))[0].shown[0][1]
    assert before(row, "mse").values.tolist() == row.val.values.tolist()  # type: ignore[union-attr]
    assert said(replace(lstm, best_epoch=None), rnn) == []
