"""Runs of changed code or files: which of them a comparison counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqexp.compare.data_sets import DataSet, group
from seqexp.compare.newest import newest
from seqexp.compare.runs import Run

Make = Callable[..., Run]


@pytest.fixture
def own(run: Make) -> Make:
    """A run with the digest of its own files, and data that are that digest's."""

    def own(cell: str, digest: str, written: float, score: float = 0.1, folder: str = "", **changes: Any) -> Run:
        hashes = [[f"{digest} {seed}", f"{digest} {seed} test"] for seed in range(2)]
        place = Path(folder or f"{cell} {digest}")
        fields: dict[str, Any] = {
            "own": digest,
            "written": written,
            "data_hash": hashes,
            "folder": place,
            "name": place.name,
        }
        return run("csv", cell, [score, score], baselines={"constant": np.full(2, score)}, **fields | changes)

    return own


def only(runs: list[Run], now: tuple[Path, ...] = ()) -> DataSet:
    (found,) = group(runs, now=now)
    return found


@pytest.mark.parametrize("first", ["a", "b"])
def test_of_two_states_of_a_file_the_one_written_last_counts(own: Make, first: str) -> None:
    late = "b" if first == "a" else "a"
    runs = [own(cell, state, state == late, {"a": 0.1, "b": 0.2}[state]) for state in "ab" for cell in ("gru", "rnn")]
    found = only(runs)
    assert {row.test.values[0] for row in found.rows} == {{"a": 0.1, "b": 0.2}[late]}
    assert {float(found.baselines["constant"].values[0])} == {{"a": 0.1, "b": 0.2}[late]}
    assert found.notes == [
        f"Own code or files have changed: gru {first}; rnn {first} are left out, and the run of the same settings that "
        "was written last counts."
    ]


def test_what_is_known_to_be_of_today_goes_before_what_is_later(own: Make) -> None:
    runs = [own("rnn", "a", 1.0), own("rnn", "b", 2.0)]
    kept, (said,) = newest(runs, (Path("rnn a"),))
    assert kept == runs[:1]
    assert said.endswith("that was asked for last counts.")


def test_a_cell_that_was_not_trained_on_todays_data_is_left_out_by_name(own: Make) -> None:
    found = only([own("rnn", "a", 1.0), own("gru", "b", 2.0)])
    assert [row.cell for row in found.rows] == ["gru"]
    assert found.notes[0].startswith("Left out: rnn a, trained on other data than a later run")


def test_other_code_of_a_cell_on_the_same_data_leaves_the_others(own: Make) -> None:
    same = {"data_hash": [["train", "test"]] * 2}
    runs = [own("mine", "a", 1.0, **same), own("mine", "b", 2.0, **same), own("rnn", "", 0.0, **same)]
    assert newest(runs)[0] == runs[1:]


def test_more_seeds_of_one_state_all_count(own: Make, run: Make) -> None:
    runs = [own("rnn", "a", 1.0), own("rnn", "a", 2.0, folder="more", seeds=[2, 3])]
    assert newest(runs) == (runs, [])
    without = [run("sine", "rnn", [0.1]), run("sine", "rnn", [0.2], written=2.0)]  # nothing of one's own
    assert newest(without) == (without, [])
