"""One's own series: windows, files, classes; and thirty and more damaged files, each refused in one paragraph."""

from __future__ import annotations

import copy
import functools
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from seqexp.config.compose import CONF
from seqexp.config.mistakes import ConfigError
from seqexp.data.csv import Csv
from seqexp.data.labelled import Labelled
from seqexp.data.module import PopulationData
from seqexp.data.split import Split
from seqexp.program import check
from seqexp.record.own import digest
from seqexp.record.provenance import fingerprint
from seqexp.run.build import build, prepare
from seqexp.seeding import generator

ROWS = [f"2024-{1 + place // 28:02}-{1 + place % 28:02},{place}.25,{place % 7}" for place in range(60)]
TABLE = "date,price,volume\n" + "\n".join(ROWS) + "\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@functools.cache
def base() -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", ["data=csv", "cell=rnn", "num_seeds=2", "data.window=3"])


def composed(*settings: str) -> DictConfig:
    """The configuration with some settings changed: to compose it each time takes longer than all the rest."""
    config = copy.deepcopy(base())
    for each in settings:
        key, _, value = each.partition("=")
        OmegaConf.update(config, key, yaml.safe_load(value))
    return config


def made(*settings: str, content: str | None = TABLE) -> PopulationData:
    """The data of one file, or of those that are there."""
    if content is not None:
        Path("f.csv").write_text(content)
        settings = ("data.path=f.csv", *settings)
    data = build(composed(*settings)).data
    data.make()
    return data


def test_windows_of_some_columns_predict_others() -> None:
    data = made("data.target=price", "data.inputs=[price,volume]", "data.horizon=2")
    assert isinstance(data.task, Csv)
    train = data.splits["train"]
    assert data.task.num_sequences == 56
    np.testing.assert_allclose(train.inputs[0, 4], [[4.25, 4], [5.25, 5], [6.25, 6]])
    assert train.targets[1, 4].tolist() == [8.25]
    assert data.task.known == (0,)


@pytest.mark.parametrize("path", ["f.csv", "[f.csv,g.csv]"])
def test_guesses_read_the_past_of_a_target_that_is_no_input(path: str) -> None:
    Path("f.csv").write_text(TABLE)
    Path("g.csv").write_text(TABLE.replace(".25", ".75"))
    asked = ("data.season=7", "data.target=volume", "data.window=8", f"data.path={path}")
    apart, alike = (made(*asked, f"data.inputs=[{read}]", content=None) for read in ("price", "price,volume"))
    found, expected = (each.task.guesses(each.splits["train"], each.splits["test"]) for each in (apart, alike))
    for name in ("persistence", "seasonal", "ar"):
        torch.testing.assert_close(found[name], expected[name], rtol=0, atol=0)
    assert torch.equal(torch.as_tensor(found["seasonal"]), apart.splits["test"].targets)  # the volume has that season
    assert any("persistence and ar read its past" in each for each in apart.notes)
    assert not any("read its past" in each for each in alike.notes)


def test_several_targets() -> None:
    data = made("data.target=[volume,price]")
    assert data.splits["test"].targets[0, -1].tolist() == [59 % 7, 59.25]


def test_all_seeds_have_one_series_and_folds_several_test_periods() -> None:
    data = made("data.target=price")
    assert torch.equal(data.splits["test"].targets[0], data.splits["test"].targets[1])
    data = made("data.target=price", "data.folds=2")
    one, two = data.splits["test"].targets
    assert one.max() < two.min()


def write(**files: int) -> None:
    """Files of so many rows, whose values begin at 100, 200, 300 ..."""
    for place, (name, count) in enumerate(files.items(), start=1):
        text = "\n".join(f"{100 * place + row}.5" for row in range(count))
        Path(f"{name}.csv").write_text(f"x\n{text}\n")


SEVERAL = ("data.path='*.csv'", "data.target=x")


def test_no_window_reaches_from_one_file_into_another() -> None:
    write(a=20, b=43, c=8)
    data = made(*SEVERAL, content=None)
    found = data.task.sample(generator(0, "data"), data.task.num_sequences, None)
    assert len(found.inputs) == 17 + 40 + 5
    whole = torch.cat([found.inputs[..., 0], found.targets], dim=1)  # (N, window + 1)
    assert bool((whole.diff(dim=1) == 1).all())
    assert len({tuple(row) for row in whole.tolist()}) == len(whole)


def test_each_file_is_split_by_itself() -> None:
    write(a=43, b=43)
    splits = made(*SEVERAL, content=None).splits
    for start in (100, 200):
        of_file = {
            name: [each for each in split.targets[0].flatten().tolist() if start < each < start + 100]
            for name, split in splits.items()
        }
        assert [len(each) for each in of_file.values()] == [28, 6, 6]
        assert max(of_file["train"]) < min(of_file["val"]) <= max(of_file["val"]) < min(of_file["test"])


def test_a_run_on_several_files_draws_no_curve_through_them(train: Callable[..., Any]) -> None:
    write(a=30, b=30)
    tiny = ("data=csv", "data.window=3", "num_seeds=2", "trainer.max_epochs=1", "data.batch_size=null", "cell=rnn")
    _, folder = train(*SEVERAL, tiny=tiny)
    assert (folder / "predictions.png").exists()
    assert not (folder / "forecast.png").exists()


def test_the_first_rows_of_a_file_are_the_file_as_it_was() -> None:
    shorter = "\n".join(TABLE.splitlines()[:41])
    was, now = (
        made("data.target=price", "data.time=date", *settings, content=content)
        for settings, content in (((), shorter), (("data.rows=40",), TABLE))
    )
    assert was.data_hash == now.data_hash
    assert isinstance(now.task, Csv)
    assert now.task.times(1) == was.task.times(1)  # type: ignore[attr-defined]
    for settings in (
        ("data.target=price", "data.rows=61"),
        ("data.target=price", "data.rows=0"),
        (*LABEL, "data.rows=9"),
    ):
        with pytest.raises(ConfigError, match=r"data.rows must be"):
            made(*settings)


def test_another_file_of_as_many_rows_is_tested_whole_but_for_what_was_learnt() -> None:
    for name, by in (("g", "1."), ("h", ".")):
        Path(f"{name}.csv").write_text(TABLE.replace(".", by))
    Path("k.csv").write_text("date,price,volume\n" + "2030-01-01,7,1\n" * 9)  # nothing is learnt from it
    others = "copied: {path: h.csv}, cut: {fill: drop}, flat: {path: k.csv}"
    evaluations = f"data.evaluations={{new: {{path: g.csv}}, {others}}}"
    data = made("data.target=price", "data.batch_size=8", evaluations)
    counts = {name: split.num_sequences for name, split in data.evaluations.items()}
    assert counts == {"test@new": 57, "test@copied": 9, "test@cut": 9, "test@flat": 6}
    assert data.splits["test"].num_sequences == 9


def test_files_together_are_one_series_by_name() -> None:
    write(a=43, b=43)
    splits = made(*SEVERAL, "data.together=true", content=None).splits
    assert splits["test"].targets.min() > 200
    assert splits["train"].targets[0].flatten().diff().min() > 0


def test_what_test_windows_share_is_counted_across_files() -> None:
    write(a=43, b=43)
    notes = made(*SEVERAL, content=None).notes
    held = "6 of 12 test windows hold values that training or validation held: "  # three of each file
    assert f"{held}past values, as any forecast reads them, and no test target." in notes
    assert any("split each by itself" in each for each in notes)


def test_notes_say_what_was_filled_and_what_never_changes() -> None:
    rows = [row if place != 9 else "2024-01-10,,5" for place, row in enumerate(ROWS)]
    notes = " ".join(made("data.target=price", "data.fill=interpolate", content="\n".join(["d,price,v", *rows])).notes)
    assert "1 row without a value is filled by a line to the next value, which comes later" in notes
    flat = "a,b\n" + "\n".join(f"{place}.5,7" for place in range(40))
    assert "the column b is 7 in every row" in " ".join(made("data.target=a", "data.inputs=[a,b]", content=flat).notes)
    large = "a\n" + "\n".join(f"{1_700_000_000 + 10 * place}" for place in range(40))
    assert "subtract a constant" in " ".join(made("data.target=a", content=large).notes)


def test_a_target_that_a_network_sees_as_constant_is_refused() -> None:
    large = "a\n" + "\n".join(f"{1_000_000_000 + place / 10}" for place in range(40))
    with pytest.raises(
        ConfigError, match=r"line 2, column a: is 1e\+09, as in every other row in the 24 bits of a netw"
    ):
        made("data.target=a", content=large)


def test_scaling_is_of_the_training_rows_and_undone() -> None:
    Path("f.csv").write_text(TABLE)
    parts = prepare(composed("data.path=f.csv", "data.target=price", "data.inputs=[volume,price]")).parts
    scaling, train = parts.training.model.scaling, parts.data.splits["train"]
    assert scaling is not None
    rows = parts.data.task.rows(train)[0, 0]  # type: ignore[index]
    np.testing.assert_allclose(scaling.input_offset[0], rows.mean(0), rtol=1e-6)
    np.testing.assert_allclose(scaling.target_scale[0], train.targets[0].std(0, correction=0), rtol=1e-6)


def test_a_changed_file_is_other_data() -> None:
    Path("a").mkdir()
    Path("b").mkdir()
    node: dict[str, Any] = {"_target_": "seqexp.data.csv.Csv", "path": "*/x.csv"}
    settings = {"allowed_packages": [], "data": node, "cell": {"_target_": "seqexp.cell.rnn.RNN"}}
    for name in "ab":
        Path(name, "x.csv").write_text(TABLE)
    before = digest(settings)
    Path("a/x.csv").write_text(TABLE + "\n")
    assert len({before, digest(settings)}) == 2
    node["path"] = ["a/x.csv", "b/x.csv"]
    listed = digest(settings)
    Path("b/x.csv").write_text(TABLE + "\n\n")
    assert len({"", listed, digest(settings)}) == 3


# ---------------------------------------------------------------- sequences that have a class


LABEL = ("data.label=kind", "data.group=id", "data.inputs=x")
GROUPS = "id,x,kind\n" + "".join(
    f"{name},{value},{'up' if name % 2 else 'down'}\n" for name in range(20) for value in range(1, 2 + name % 4)
)


def test_a_class_of_each_group_of_rows() -> None:
    data = made(*LABEL, content=GROUPS)
    task = data.task
    assert isinstance(task, Labelled)
    found = task.sample(generator(0, "data"), task.num_sequences, None)
    assert task.classes == ["down", "up"]
    assert found.lengths is not None
    assert found.lengths.tolist() == [1 + name % 4 for name in range(20)]
    assert found.targets.tolist() == [name % 2 for name in range(20)]
    assert found.inputs[:4, :, 0].tolist() == [[1, 0, 0, 0], [1, 2, 0, 0], [1, 2, 3, 0], [1, 2, 3, 4]]
    assert "20 sequences of 1 to 4 rows in 2 classes: down 10, up 10." in data.notes


def test_a_class_of_each_file_or_of_rows_that_follow_each_other() -> None:
    runs = "x,kind\n" + "".join(f"{row},{'ab'[row // 2 % 2]}\n" for row in range(24))
    data = made("data.label=kind", "data.inputs=x", content=runs)
    assert data.task.num_sequences == 12
    assert data.splits["train"].lengths is None
    Path("f.csv").unlink()
    for name in range(8):
        rows = "".join(f"{row},{row},{'ab'[name % 2]}\n" for row in range(3 + name % 2))
        Path(f"{name}.csv").write_text(f"t,x,kind\n{rows}")
    data = made("data.path='*.csv'", "data.label=kind", "data.inputs=x", "data.time=t", content=None)
    assert data.task.num_sequences == 8


def test_what_it_is_in_a_line_is_true_of_all_sequences_and_rows() -> None:
    Path("f.csv").write_text(GROUPS)
    asked = ["data=csv", "data.path=f.csv", "num_seeds=1"]
    for seed in range(4):  # the shortest may be in any part
        what, _ = check.looked([*asked, *LABEL, f"data_seed={seed}"], None)
        assert what.startswith("20 sequences of 1 to 4 steps;")
    what, _ = check.looked([*asked, "data.target=x", "data.window=3"], None)
    assert " windows in the order of their rows (no data.time tells whether it is that of time) of 3 steps;" in what
    Path("f.csv").write_text(TABLE)
    what, _ = check.looked([*asked, "data.target=price", "data.window=3", "data.time=date"], None)
    assert what.startswith("57 windows in the order of time of 3 steps;")
    assert "; the same for every seed;" in what
    what, _ = check.looked([*asked[:2], "data.target=price", "data.window=3", "num_seeds=4", "data.folds=3"], None)
    assert "; one set for all seeds, split in 3 ways;" in what


def _held(split: Split) -> list[tuple[float, ...]]:
    """The class and the values of each sequence."""
    assert split.lengths is not None
    each = zip(split.targets[0].tolist(), split.inputs[0, ..., 0].tolist(), split.lengths[0].tolist(), strict=True)
    return [(target, *values[:length]) for target, values, length in each]


def test_other_files_have_the_classes_of_the_model_and_nothing_that_was_learnt() -> None:
    learnt = [f"{name},{value},up" for name in "ab" for value in (1, 2)]  # as many sequences of GROUPS are
    evaluations = "data.evaluations={new: {path: g.csv}}"
    Path("g.csv").write_text("\n".join(["id,x,kind", *learnt, "c,5,up", "d,6,up", "d,7,up"]))
    data = made(*LABEL, evaluations, content=GROUPS)
    assert _held(data.evaluations["test@new"]) == [(1, 5), (1, 6, 7)]  # class 0, "down", is not there
    assert (1, 1, 2) in _held(data.splits["train"])
    Path("g.csv").write_text("id,x,kind\na,5,up\nb,6,odd\n")
    with pytest.raises(
        ConfigError, match=r"g\.csv, line 3, column kind: 'odd' is none of the classes that the model wa"
    ):
        made(*LABEL, evaluations, content=GROUPS)


@pytest.mark.parametrize("folds", [1, 3])
def test_each_part_of_a_split_has_each_class_in_its_share(folds: int) -> None:
    few = GROUPS + "".join(f"{name},{name},rare\n" for name in range(20, 28))
    drawn = (made(*LABEL, f"data_seed={seed}", f"data.folds={folds}", "num_seeds=3", content=few) for seed in range(4))
    for data in drawn:
        for name, split in data.splits.items():
            shares = torch.tensor([10, 8, 10]) * split.num_sequences / 28
            for seed in range(3):
                counts = split.targets[seed].bincount(minlength=3)
                assert ((counts - shares).abs() < 1.5).all(), (name, counts)
        assert not any("no sequence" in each for each in data.notes)
    as_drawn = made(*LABEL, "data_seed=0", "data.stratified=false", content=few)
    assert "have no sequence in the test: " in " ".join(as_drawn.notes)


def _before(config: DictConfig) -> DictConfig:
    """Settings from before there was the key."""
    older = OmegaConf.create(OmegaConf.to_container(config))
    del older.data["stratified"]
    return older


def test_settings_without_that_key_are_the_runs_that_they_were() -> None:
    Path("f.csv").write_text(GROUPS)
    for settings, is_other in ((LABEL, True), (("data.target=x", "data.label=null"), False)):
        config = composed("data.path=f.csv", *settings)
        older = _before(config)
        hashes = [fingerprint(OmegaConf.to_container(each)) for each in (config, older)]  # type: ignore[arg-type]
        assert (hashes[0] != hashes[1]) == is_other
    data = build(_before(composed("data.path=f.csv", *LABEL))).data
    data.make()
    apart = made(*LABEL, "data.stratified=false", content=GROUPS)
    assert data.data_hash == apart.data_hash != made(*LABEL, content=GROUPS).data_hash


def test_it_trains(train: Callable[..., Any]) -> None:
    Path("f.csv").write_text(GROUPS)
    tiny = ("num_seeds=2", "trainer.max_epochs=1", "data.batch_size=null", "cell=gru")
    record, _ = train("data=csv", "data.path=f.csv", *LABEL, tiny=tiny)
    assert (record.status, record.metric, record.varies) == ("done", "cross_entropy", record.varies)
    assert "data" not in record.varies


# ---------------------------------------------------------------- damaged files

PRICE = ("data.target=price",)
DATED = (*PRICE, "data.time=date")
SLASHES = re.sub(r"2024-(..)-(..),", r"\1/\2/2024,", "\n".join(TABLE.splitlines()[:13]))
SUMMER = "date,price\n" + "".join(f"2024-10-27T{hour:02}:00,{hour}.5\n" for hour in (0, 1, 2, 2, 3))


def changed(line: int, text: str, table: str = TABLE) -> str:
    """The table with another text on one line, counted from 1."""
    lines = table.splitlines()
    lines[line - 1 : line] = text.split("\n")
    return "\n".join(lines) + "\n"


DAMAGED: dict[str, tuple[str | bytes, tuple[str, ...], str]] = {
    "no value": (changed(9, "2024-01-08,,3"), PRICE, "line 9, column price: there is no value"),
    "no value in words": (changed(9, "2024-01-08,NA,3"), PRICE, "line 9, column price: there is no value"),
    "no first value": (changed(2, "2024-01-01,,3"), (*PRICE, "data.fill=forward"), "line 2, column price:"),
    "no last value": (
        changed(61, ROWS[-1].replace("59.25", "")),
        (*PRICE, "data.fill=interpolate"),
        "line 61, column price:",
    ),
    "a unit": (changed(5, "2024-01-04,3 EUR,3"), PRICE, "line 5, column price: '3 EUR' is a number with other text"),
    "a word": (changed(5, "2024-01-04,closed,3"), PRICE, "line 5, column price: 'closed' is no number"),
    "a percentage": (changed(5, "2024-01-04,3%,3"), PRICE, "line 5, column price: '3%'"),
    "a truth value": (changed(5, "2024-01-04,true,3"), PRICE, "line 5, column price: 'true'"),
    "infinity": (changed(5, "2024-01-04,inf,3"), PRICE, "line 5, column price: 'inf' is not finite"),
    "too large for a number": (changed(5, "2024-01-04,1e400,3"), PRICE, "line 5, column price: '1e400'"),
    "too large for a network": (changed(5, "2024-01-04,1e39,3"), PRICE, "line 5, column price: '1e39'"),
    "a date for a number": (TABLE, ("data.target=date",), "line 2, column date: '2024-01-01' looks like a date"),
    "a sign that may be both": ("price\n" + "1,234\n" * 50, PRICE, "line 2, column price: '1,234' may be"),
    "two decimal signs": (changed(5, '2024-01-04,"3,5",3'), PRICE, "line 5, column price: '3,5' is no number"),
    "a sign that was not told": (TABLE, (*PRICE, "data.decimal=comma"), "line 2, column price: '0.25'"),
    "a row too short": (changed(7, "2024-01-06,5.25"), PRICE, "line 7: has 2 fields"),
    "a row too long": (changed(7, "2024-01-06,5.25,5,1"), PRICE, "line 7: has 4 fields"),
    "an empty row": (changed(7, ""), PRICE, "line 7: is empty"),
    "a quote that does not end": (changed(7, '2024-01-06,"5.25,5'), PRICE, "line 7: a quoted text"),
    "a quote amid a field": (changed(7, '2024-01-06,"5.25"x,5'), PRICE, "line 7: a quoted text"),
    "an empty file": ("", PRICE, "f.csv: the file is empty"),
    "names alone": ("date,price,volume\n", PRICE, "no row below line 1"),
    "no names": ("1,2,3\n4,5,6\n", PRICE, "line 1: holds the numbers 1, 2, 3"),
    "a name twice": (changed(1, "date,price,price"), PRICE, "line 1: the columns 2 and 3 are both called price"),
    "a column without a name": (changed(1, "date,price,"), PRICE, "line 1: column 3 of 3 has no name"),
    "another name": (
        TABLE,
        ("data.target=Price",),
        "line 1: there is no column Price, which data.target names; did you mean price?",
    ),
    "two delimiters": ("a,b;price\n" + "1,2;3\n" * 9, PRICE, "line 1: can be split by comma"),
    "one column that holds two": ("price\n1\n2;3\n", PRICE, "line 3: holds '2;3'"),
    "another encoding": ("date,price,größe\n".encode("latin-1"), PRICE, "line 1: byte 0xf6"),
    "the wrong encoding": (TABLE.encode("utf-16"), (*PRICE, "data.encoding=utf-8"), "byte order mark of utf-16"),
    "no mark": (TABLE.encode("utf-16-le"), PRICE, "line 1: holds the control character"),
    "a workbook": (b"PK\x03\x04\x14\x00", PRICE, "f.csv: is an Excel workbook"),
    "bytes": (b"date,price\n\x00\x01\x02\n", PRICE, "line 2: holds the control character"),
    "a time twice": (changed(6, ROWS[3]), DATED, "line 6, column date: '2024-01-04' is the time of line 5"),
    "times in disorder": (changed(6, "2023-01-04,4.25,4"), DATED, "line 6, column date: '2023-01-04' is earlier"),
    "times backwards": ("\n".join([TABLE.splitlines()[0], *ROWS[::-1]]), DATED, "line 3, column date:"),
    "no time": (changed(6, ",4.25,4"), DATED, "line 6, column date: there is no time"),
    "no such day": (changed(6, "2024-02-30,4.25,4"), DATED, "line 6, column date: '2024-02-30' is no date"),
    "a day or a month": (SLASHES, DATED, "line 2, column date: '01/01/2024' may be several dates"),
    "a date or a number": (TABLE.replace("-", ""), DATED, "line 2, column date: '20240101' may be a date or a number"),
    "some times with offsets": (
        changed(6, "2024-01-05T00:00Z,4.25,4"),
        DATED,
        "line 6, column date: '2024-01-05T00:00Z' is with an offset",
    ),
    "an hour twice": (SUMMER, DATED, "line 5, column date: '2024-10-27T02:00' is the time of line 4"),
    "a target that never changes": ("price\n" + "7\n" * 50, PRICE, "line 2, column price: is 7, as in every other row"),
    "a target too small": (
        "price\n" + "".join(f"{place}e-60\n" for place in range(1, 50)),
        PRICE,
        "f.csv, line 2, column price: is 1e-60, as in every other row in a network's numbers, which is 0; multiply",
    ),
    "no logarithm": (
        TABLE.replace(",3.25,", ",-3.25,"),
        (*PRICE, "data.scaling=log"),
        "line 5, column price: -3.25 has no logarithm",
    ),
    "too few rows": ("price\n1\n2\n4\n", PRICE, "f.csv: has 3 rows"),
    "no room for a split": ("price\n1\n2\n4\n7\n5\n", PRICE, "fraction must leave at least one"),
    "a class that changes": (changed(4, "1,2,down", GROUPS), LABEL, "line 4, column kind: 'down' is another class"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_refused_by_file_line_and_column(name: str) -> None:
    content, settings, words = DAMAGED[name]
    Path("f.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ConfigError) as error:
        prepare(composed("data.path=f.csv", *settings))
    said = str(error.value)
    assert said.startswith("data")
    assert "\n" not in said
    assert words in said
    assert "f.csv" in said or "fraction" in words


def test_there_are_thirty_of_them_and_none_is_right_already() -> None:
    assert len(DAMAGED) >= 30
    made(*PRICE)
    made(*DATED)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ((), "data.path must name a CSV file"),
        (("data.path=''",), "data.path must name a CSV file"),
        (("data.path=f.csv", "data.target=''"), "data.target must name the column that is predicted; f.csv has date"),
        (("data.path=f.csv",), "data.target must name the column that is predicted; f.csv has date, price, volume"),
        (("data.path=g.csv", *PRICE), "data.path names g.csv, and there is no such file; did you mean f.csv?"),
        (("data.path=f.csv", *PRICE, "data.sort=true"), "data.sort needs data.time"),
        (("data.path=f.csv", *PRICE, "data.fill=back"), "data.fill must be one of forward, interpolate, drop"),
        (("data.path=f.csv", *PRICE, "data.decimal=x"), "data.decimal must be one of comma, dot"),
        (("data.path=f.csv", *PRICE, "data.group=date"), "data.group must be null unless data.label"),
        (("data.path=f.csv", "data.label=date", "data.inputs=[price]", "data.time=date"), "data.time must be null"),
        (("data.path=f.csv", "data.label=date"), "data.inputs must name the columns that are read"),
    ],
)
def test_a_setting_that_does_not_fit(settings: tuple[str, ...], words: str) -> None:
    Path("f.csv").write_text(TABLE)
    with pytest.raises(ConfigError, match=f"^{re.escape(words)}"):
        build(composed(*settings))


@pytest.mark.parametrize("name", ["another encoding"])
def test_a_process_says_it_in_one_paragraph(name: str, environment: dict[str, str]) -> None:
    content, settings, words = DAMAGED[name]
    Path("f.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    line = [sys.executable, "-m", "seqexp", "data=csv", "data.path=f.csv", "data.window=3", "cell=rnn", *settings]
    done = subprocess.run(line, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(rf"seqexp: data: f\.csv, {re.escape(words)}.*\n", done.stderr)
    assert [path.name for path in Path.cwd().iterdir()] == ["f.csv"]


def test_the_program_ends_with_status_2_and_one_paragraph(command: Callable[..., Any]) -> None:
    Path("f.csv").write_text(changed(9, "2024-01-08,,3"))
    done = command("data=csv", "data.path=f.csv", *PRICE, "cell=rnn")
    assert done.status == 2
    assert re.fullmatch(r"seqexp: data: f\.csv, line 9, column price: there is no value .*\n", done.err)
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["f.csv"]
