"""A run on disk: what goes in comes out, a crash leaves the old file, and a damaged one is called that."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqexp.record.arrays import write_curves
from seqexp.record.files import write_atomically
from seqexp.record.record import RESULT, Record, RecordError, find

RECORD = Record(
    status="done",
    data="sine",
    cell="lstm",
    seeds=[3, 4],
    data_hash=[["ab" * 16, "cd" * 16], ["ef" * 16, "01" * 16]],
    scores={"train": {"mse": [0.5, 0.25]}, "val": {"mse": [0.1, 0.2]}, "test": {"mse": [0.3, 1e-30]}},
    baselines={"constant": [1.0, 2.0], "persistence": None, "linear": [0.1, 0.2], "noise": None},
    diverged=[],
    best_epoch=[1, 0],
    num_parameters=337,
    epochs=2,
    steps=44,
    train_seconds=1.5,
    config={"seed": 3, "data": {"noise": 0.1, "batch_size": None}, "deep": [[1], {"a": True}]},
    overrides=["cell=lstm"],
    fingerprint="ab" * 16,
    versions={"torch": "2"},
    git={"commit": "c" * 40, "dirty": False},
    device="cpu",
)
FAILED = Record(status="failed", data="sine", cell="rnn", seeds=[0], error={"type": "ValueError", "message": "no"})


def scored(**parts: Any) -> Record:
    """The record with other scores on some parts; None takes a part out."""
    scores = {name: rows["mse"] for name, rows in RECORD.scores.items()} | parts
    return replace(RECORD, scores={name: {"mse": row} for name, row in scores.items() if row is not None})


SCORES = RECORD.scores
BROKEN = replace(scored(test=[math.nan, 0.3], val=[math.inf, 0.1]), diverged=[3])
OTHER = replace(
    RECORD,
    metric="cross_entropy",
    metric_label="cross-entropy",
    metric_unit="bits",
    scores={
        part: {"cross_entropy": [0.5, 0.25], "accuracy": [0.75, 1.0]} for part in ("train", "val", "test", "test@40")
    },
    validation_baselines={"constant": [2.0, 1.0], "noise": None},
    evaluation_baselines={"test@40": {"constant": [1.0, 1.0], "noise": None}},
    left_out={"test@40/linear": "it is another length"},
    solved=[12, None],
)


def stored(folder: Path) -> Any:
    return json.loads((folder / RESULT).read_text())


@pytest.mark.parametrize("record", [RECORD, FAILED, replace(scored(val=None), git=None, data_hash=None), OTHER])
def test_what_is_written_is_read(tmp_path: Path, record: Record) -> None:
    assert record.write(tmp_path) == tmp_path / RESULT
    assert Record.read(tmp_path) == record
    assert [path.name for path in tmp_path.iterdir()] == [RESULT]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, min_value=0), min_size=2, max_size=2))
def test_every_score_survives_to_the_last_bit(tmp_path_factory: pytest.TempPathFactory, scores: list[float]) -> None:
    folder = tmp_path_factory.mktemp("record")
    scored(test=scores).write(folder)
    assert Record.read(folder).test_mse == scores


def test_a_score_that_is_not_finite_is_null_in_the_file_and_nan_when_read(tmp_path: Path) -> None:
    BROKEN.write(tmp_path)
    assert "NaN" not in (tmp_path / RESULT).read_text()
    assert "Infinity" not in (tmp_path / RESULT).read_text()
    assert stored(tmp_path)["test_mse"] == [None, 0.3]
    assert stored(tmp_path)["val_mse"] == [None, 0.1]
    again = Record.read(tmp_path)
    assert math.isnan(again.test_mse[0])
    assert again.val_mse is not None
    assert math.isnan(again.val_mse[0])
    assert (again.test_mse[1], again.val_mse[1], again.diverged) == (0.3, 0.1, [3])


def test_a_run_without_validation_has_null_there(tmp_path: Path) -> None:
    scored(val=None).write(tmp_path)
    assert stored(tmp_path)["val_mse"] is None


def test_the_contracts_fields_are_in_the_file(tmp_path: Path, train: Callable[..., Any]) -> None:
    _, folder = train()
    raw = stored(folder)
    kinds: dict[str, Any] = {
        "status": str, "data": str, "cell": str, "seeds": list, "data_hash": list,
        "train_mse": list, "val_mse": list, "test_mse": list,
        "baselines": dict, "num_parameters": int, "epochs": int, "steps": int, "train_seconds": float,
        "config": dict, "overrides": list, "fingerprint": str, "versions": dict, "device": str,
    }  # fmt: skip
    for name, kind in kinds.items():
        assert type(raw[name]) is kind, name
    assert raw["git"] is None or set(raw["git"]) == {"commit", "dirty"}
    assert set(raw["baselines"]) == {"constant", "persistence", "linear", "ar", "polynomial", "noise"}
    assert raw["left_out"] == {}
    assert raw["error"] is None
    assert raw["status"] == "done"
    for row in (raw["train_mse"], raw["val_mse"], raw["test_mse"], *raw["baselines"].values()):
        assert len(row) == len(raw["seeds"])
        assert all(type(value) is float for value in row)


# ---------------------------------------------------------------- crashes


def crash(*arguments: Any, **more: Any) -> None:
    raise OSError("the disk is gone")


@pytest.mark.parametrize(("owner", "name"), [(Path, "replace"), (os, "fsync")])
def test_a_crash_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    RECORD.write(tmp_path)
    before = (tmp_path / RESULT).read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, crash)
        with pytest.raises(OSError, match="the disk is gone"):
            replace(RECORD, epochs=99).write(tmp_path)
    assert (tmp_path / RESULT).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [RESULT]


def test_the_file_is_complete_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    right = Path.replace

    def replace_(self: Path, target: Path) -> Path:
        seen.append((self.read_bytes(), Path(target).exists(), self.parent == Path(target).parent))
        return right(self, target)

    monkeypatch.setattr(Path, "replace", replace_)
    write_atomically(tmp_path / "a.bin", b"all of it")
    assert seen == [(b"all of it", False, True)]  # in the same folder: a rename over file systems is a copy


# ---------------------------------------------------------------- damage


def damage(tmp_path: Path, text: str | bytes) -> RecordError:
    (tmp_path / RESULT).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RecordError) as caught:
        Record.read(tmp_path)
    assert str(tmp_path / RESULT) in str(caught.value)
    return caught.value


def test_a_missing_file_is_called_that(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no such file"):
        Record.read(tmp_path)


def test_a_folder_in_the_files_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / RESULT).mkdir()
    with pytest.raises(RecordError):
        Record.read(tmp_path)


def test_a_link_or_a_pipe_in_the_files_place_is_not_read(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / RESULT).symlink_to(RECORD.write(elsewhere))
    with pytest.raises(RecordError, match="is a link"):
        Record.read(tmp_path)
    (tmp_path / RESULT).unlink()
    os.mkfifo(tmp_path / RESULT)
    with pytest.raises(RecordError, match="no ordinary file"):
        Record.read(tmp_path)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"3", b"\xff\xfe", b"{}", b"[" * 100_000, b'{"a": NaN}'])
def test_what_is_no_record_at_all_is_refused(tmp_path: Path, text: bytes) -> None:
    damage(tmp_path, text)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"status": "running"}, "status"),
        ({"seeds": None}, "seeds"),
        ({"seeds": [0.5, 1]}, "seeds"),
        ({"data_hash": 3}, "data_hash"),
        ({"data_hash": []}, "data_hash"),
        ({"data_hash": [["a", "b"]]}, "data_hash"),
        ({"data_hash": [["a", "b"], ["a"]]}, "data_hash"),
        ({"data_hash": [["a", "b"], ["a", 1]]}, "data_hash"),
        ({"data_hash": ["ab", "cd"]}, "data_hash"),
        ({"seeds": [True, False]}, "seeds"),
        ({"scores": {**SCORES, "test": {"mse": [0.1]}}}, "test_mse"),
        ({"scores": {**SCORES, "test": {"mse": ["a", 0.1]}}}, "test_mse"),
        ({"scores": {**SCORES, "test": {"mse": [True, 0.1]}}}, "test_mse"),
        ({"scores": {**SCORES, "test": {"mse": None}}}, "test_mse"),
        ({"scores": {**SCORES, "train": {"mse": 3}}}, "train_mse"),
        ({"scores": {**SCORES, "val": {"mse": [1, 2, 3]}}}, "val_mse"),
        ({"scores": {**SCORES, "test": {"accuracy": [1.0, 1.0]}}}, "scores.test must hold the metric mse"),
        ({"scores": {"test": SCORES["test"]}}, "scores.train must hold the metric mse"),
        ({"scores": {**SCORES, "test@40": 3}}, "test@40"),
        ({"scores": []}, "scores"),
        ({"metric": 3}, "metric"),
        ({"evaluation_baselines": {"test@40": {"linear": [0.1]}}}, "evaluation_baselines.test@40.linear"),
        ({"baselines": {"linear": [0.1]}}, "baselines.linear"),
        ({"validation_baselines": {"linear": [0.1]}}, "validation_baselines.linear"),
        ({"validation_baselines": None}, "validation_baselines"),
        ({"left_out": ["linear"]}, "left_out"),
        ({"left_out": {"linear": None}}, "left_out"),
        ({"baselines": 3}, ""),
        ({"baselines": ["ab", "cd"]}, ""),
        ({"data": None}, "data"),
        ({"config": []}, "config"),
        ({"epochs": "3"}, "epochs"),
        ({"train_seconds": None}, "train_seconds"),
        ({"diverged": 3}, "diverged"),
        ({"diverged": ["3"]}, "diverged"),
        ({"seeds": [3, 3]}, "twice"),
        ({"seeds": [-1, 4]}, "2^63"),
        ({"seeds": [3, 2**63]}, "2^63"),
        ({"data_hash": [["a", "b"], ["c"]]}, "data_hash"),
        ({"data_hash": [["a", "b"], ["c", None]]}, "data_hash"),
        ({"matched": "337"}, "matched"),
    ],
)
def test_a_field_of_the_wrong_kind_is_named(tmp_path: Path, changes: dict[str, Any], word: str) -> None:
    RECORD.write(tmp_path)
    assert word in str(damage(tmp_path, json.dumps({**stored(tmp_path), **changes})))


@pytest.mark.parametrize("name", ["status", "data", "cell", "seeds"])
def test_a_missing_field_is_named(tmp_path: Path, name: str) -> None:
    RECORD.write(tmp_path)
    raw = stored(tmp_path)
    del raw[name]
    assert name in str(damage(tmp_path, json.dumps(raw)))


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" + "0" * 400, "7" * 5_000, "NaN", "Infinity"])
@pytest.mark.parametrize("place", ['{"epochs": %s}', '{"config": {"a": [{"b": %s}]}}', "[[%s]]"])
def test_a_number_that_is_none_is_refused_wherever_it_stands(tmp_path: Path, place: str, number: str) -> None:
    assert "is beyond what a number holds" in str(damage(tmp_path, place % number))


def test_the_largest_numbers_and_any_letter_are_read(tmp_path: Path) -> None:
    values = {"a": [1.7976931348623157e308, 5e-324, -(10**298), "é \u6a21 \U0001f600 \u200d \xa0"]}
    replace(RECORD, config=values).write(tmp_path)
    assert Record.read(tmp_path).config == values


@pytest.mark.parametrize("text", ['"\\ud800"', '{"a\\udfff": 1}', '[{"b": ["x\\ud83d"]}]'])
def test_half_a_character_is_refused(tmp_path: Path, text: str) -> None:
    assert "half of a character" in str(damage(tmp_path, text))


def test_a_file_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    RECORD.write(tmp_path)
    os.truncate(tmp_path / RESULT, 20 * 2**30)
    with pytest.raises(RecordError, match="larger than 64 MiB"):
        Record.read(tmp_path)


def test_records_of_0_1_are_read(tmp_path: Path) -> None:
    RECORD.write(tmp_path)
    raw = stored(tmp_path)
    later = (
        "data_hash",
        "scores",
        "metric",
        "metric_label",
        "metric_unit",
        "evaluation_baselines",
        "left_out",
        "solved",
    )
    for name in later:
        del raw[name]
    (tmp_path / RESULT).write_text(json.dumps(raw))
    assert Record.read(tmp_path) == replace(RECORD, data_hash=None)
    for name in ("test_mse", "train_mse"):
        assert name in str(damage(tmp_path, json.dumps({**raw, name: None})))


def test_fields_of_a_later_version_are_passed_over(tmp_path: Path) -> None:
    RECORD.write(tmp_path)
    (tmp_path / RESULT).write_text(json.dumps({**stored(tmp_path), "later": [1]}))
    assert Record.read(tmp_path) == RECORD


def well_formed(record: Record) -> bool:
    """Everything that a reader of records relies on."""
    count = len(record.seeds)
    rows = [
        *(row for part in record.scores.values() for row in part.values()),
        *filter(None, record.baselines.values()),
    ]
    scored = record.status == "failed" or all(len(row) == count and all(type(x) is float for x in row) for row in rows)
    texts = isinstance(record.data, str) and isinstance(record.cell, str) and isinstance(record.device, str)
    return scored and texts and isinstance(record.config, dict) and isinstance(record.epochs, int)


WHOLE = json.dumps({item.name: getattr(RECORD, item.name) for item in fields(Record)})


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(WHOLE)), st.integers(0, 12), st.binary(max_size=4))
def test_a_mutilated_file_is_refused_or_still_a_record(
    tmp_path_factory: pytest.TempPathFactory, place: int, removed: int, inserted: bytes
) -> None:
    folder = tmp_path_factory.mktemp("record")
    text = WHOLE.encode()
    (folder / RESULT).write_bytes(text[:place] + inserted + text[place + removed :])
    try:
        record = Record.read(folder)
    except RecordError:
        return
    assert well_formed(record)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(WHOLE) - 1))
def test_a_truncated_file_is_refused(tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    folder = tmp_path_factory.mktemp("record")
    (folder / RESULT).write_text(WHOLE[:length])
    with pytest.raises(RecordError):
        Record.read(folder)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(0, 1) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([item.name for item in fields(Record)]), JSON)
def test_any_value_in_any_field_is_refused_or_still_a_record(
    tmp_path_factory: pytest.TempPathFactory, name: str, value: Any
) -> None:
    folder = tmp_path_factory.mktemp("record")
    (folder / RESULT).write_text(json.dumps({**json.loads(WHOLE), name: value}))
    try:
        record = Record.read(folder)
    except RecordError:
        return
    assert well_formed(record)


# ---------------------------------------------------------------- what lies beside it


def test_find_yields_every_run_below_a_folder_in_order(tmp_path: Path) -> None:
    for name in ("b", "a/inner", "c/x"):
        (tmp_path / name).mkdir(parents=True)
        RECORD.write(tmp_path / name)
    (tmp_path / "empty").mkdir()
    assert list(find(tmp_path)) == [tmp_path / name for name in ("a/inner", "b", "c/x")]
    assert list(find(tmp_path / "b")) == [tmp_path / "b"]
    assert list(find(tmp_path / "nowhere")) == []


def test_find_goes_as_deep_as_folders_do(tmp_path: Path) -> None:
    folders = [tmp_path / "a"]
    while len(folders) < 1_200:
        folders.append(folders[-1] / "a")
    for folder in folders:
        folder.mkdir()
    RECORD.write(folders[-1])
    try:
        assert list(find(tmp_path)) == folders[-1:]
    finally:  # nobody else removes so deep a folder
        (folders[-1] / RESULT).unlink()
        for folder in reversed(folders):
            folder.rmdir()


def test_find_follows_no_links(tmp_path: Path) -> None:
    (tmp_path / "in" / "run").mkdir(parents=True)
    RECORD.write(tmp_path / "in" / "run")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "other").symlink_to(tmp_path / "in")
    assert list(find(tmp_path)) == [tmp_path / "in" / "run"]


def test_curves_have_a_row_for_each_epoch_and_seed(tmp_path: Path) -> None:
    train = np.array([[0.1, 0.2], [0.3, 1 / 3]])
    val = np.array([[np.nan, np.nan], [0.5, np.nan]])
    write_curves(tmp_path, [3, 4], {"train_mse": train, "val_mse": val})
    with (tmp_path / "curves.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    places = [(row["epoch"], row["seed"]) for row in rows]
    assert places == [("0", "3"), ("0", "4"), ("0", "mean"), ("1", "3"), ("1", "4"), ("1", "mean")]
    assert [float(row["train_mse"]) for row in rows] == [0.1, 0.2, np.mean([0.1, 0.2]), 0.3, 1 / 3, train[1].mean()]
    assert [row["val_mse"] for row in rows] == ["", "", "", "0.5", "", "0.5"]  # over the seeds that have a score


def test_a_seed_that_diverged_is_in_no_mean_and_rows_of_seeds_are_those_of_each_alone(tmp_path: Path) -> None:
    scores = np.array([[0.1, np.inf, 0.3], [0.1, np.nan, np.inf]], dtype=np.float32)
    write_curves(tmp_path, [7, 8, 9], {"val_mse": scores})
    together = (tmp_path / "curves.csv").read_text().splitlines()
    assert [float(together[line].split(",")[2]) for line in (4, 8)] == pytest.approx([0.2, 0.1], rel=1e-7)
    for index, seed in enumerate([7, 8, 9]):
        write_curves(tmp_path, [seed], {"val_mse": scores[:, [index]]})
        alone = (tmp_path / "curves.csv").read_text().splitlines()
        assert [line for line in alone if f",{seed}," in line] == [line for line in together if f",{seed}," in line]


@pytest.mark.parametrize("bad", ["\x1b[2J", "\r", "\x7f", "\x9b2J", "\x07", "\u202e", "\u2066", "\u2028", "\u200f"])
def test_no_record_commands_a_terminal(tmp_path: Path, bad: str) -> None:
    replace(RECORD, cell=f"ls{bad}tm", error={"type": "E", "message": f"two\nlines{bad}"}).write(tmp_path)
    found = Record.read(tmp_path)
    assert found.cell.replace("\ufffd", "").isprintable()
    assert found.error is not None
    assert found.error["message"].startswith("two\nlines\ufffd")
    assert replace(found, cell="lstm", error=None) == RECORD
