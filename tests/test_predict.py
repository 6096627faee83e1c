"""The classes of new sequences: those of the model, whatever else the files hold and wherever its own have gone."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqexp.config.mistakes import ConfigError
from seqexp.data.csv import classifies
from seqexp.forecast import forecast
from seqexp.predict import predict
from seqexp.program import predict as verb
from seqexp.record import tidy
from seqexp.record.fields import check_sizes
from seqexp.record.record import RESULT, RecordError
from seqexp.run.execute import run
from seqexp.run.load import load

LABEL = ("data=csv", "data.path=f.csv", "data.label=kind", "data.group=id", "data.inputs=[x]")
TINY = ("cell=rnn", "cell.hidden_size=3", "num_seeds=2", "trainer.max_epochs=1")
NEW = {"a": [0.5], "b": [1.0, -2.0, 0.25]}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("predict")
    rows = [f"{name},{name}.5,{'up' if name % 2 else 'down'}" for name in range(20) for _ in range(1 + name % 3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        Path("f.csv").write_text("\n".join(["id,x,kind", *rows, ""]))
        run([*LABEL, *TINY], folder=place / "run")
        Path("f.csv").unlink()  # what is learnt from is not needed any more
    return place / "run"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{name},{value}" for name, values in NEW.items() for value in values]
    Path("new.csv").write_text("\n".join(["id,x", *rows, ""]))
    Path("data.csv").write_text("\n".join(["id,x,kind", *(f"{row},up" for row in rows), ""]))


def test_each_sequence_has_the_probabilities_of_the_seeds(trained: Path) -> None:
    found = predict(trained, "new.csv")
    model = load(trained)
    for place, values in enumerate(NEW.values()):  # alone, and so without padding
        alone = model(torch.tensor(values)[:, None]).softmax(-1)
        np.testing.assert_allclose(found.shares[:, place], alone.detach(), rtol=1e-5)
    assert (found.classes, found.groups, found.given, found.right) == (["down", "up"], ["a", "b"], None, None)
    np.testing.assert_array_equal(found.chosen, found.shares.mean(0).argmax(1))


def test_a_table_is_kept_beside_the_run_which_stays_what_it_is(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (trained / RESULT).read_bytes()
    assert verb.main([str(trained), "--data", "data.csv", "data.fill=drop"]) == 0
    out = capsys.readouterr().out
    found = predict(trained, "data.csv")
    assert found.right == int((found.chosen == 1).sum())
    assert f" · {found.right} of 2 are as the files name them → {trained / 'predicted'}" in out
    (path,) = (trained / "predicted").iterdir()
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [(row["file"], row["line"], row["rows"], row["group"]) for row in rows] == [
        ("data.csv", "2", "1", "a"),
        ("data.csv", "3", "3", "b"),
    ]
    assert [row["given"] for row in rows] == ["up", "up"]
    np.testing.assert_allclose([float(row["p(up)"]) for row in rows], found.mean[:, 1], rtol=1e-5)
    assert (trained / RESULT).read_bytes() == before
    tidy.refuse_strange(trained)


def test_files_may_be_sequences_and_be_written_otherwise(trained: Path) -> None:
    Path("one.csv").write_text("x;kind\n1,5;\n2,5;\n")
    found = predict(trained, ["one.csv"], {"group": None, "label": None, "decimal": "comma"})
    assert [each.stop - each.start for each in found.pieces] == [2]
    assert found.pieces[0].table.values.tolist() == [[1.5], [2.5]]


@pytest.mark.parametrize(
    ("data", "settings", "words"),
    [
        ("nothing.csv", {}, "^data names nothing.csv, and there is no such file"),
        ("new.csv", {"window": 3}, "^data.window cannot be given: of new files only data.delimiter"),
        ("data.csv", {"label": "x"}, "^data.label must be kind, as in training, or null, got x"),
        ("new.csv", {"missing": "NA"}, "^data.missing must be a list of texts, got 'NA'"),
        ("new.csv", {"fill": "forward"}, "^data.fill must be null where one file holds several sequences"),
        ("new.csv", {"group": "name"}, "there is no column name, which data.group names"),
    ],
)
def test_what_cannot_be_predicted_is_refused(trained: Path, data: str, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        predict(trained, data, settings)


def test_forecast_says_what_does_it(trained: Path) -> None:
    with pytest.raises(ConfigError, match=r"no series but sequences with a class; predict tells the classes"):
        forecast(trained, 1)
    assert not classifies({"_target_": "mine.Tides", "label": "Brest"})  # a series of one's own may have such a setting


def test_a_record_without_the_names_needs_the_runs_own_files(trained: Path, tmp_path: Path) -> None:
    raw = json.loads((trained / RESULT).read_text())
    assert raw["sizes"]["classes"] == ["down", "up"]
    del raw["sizes"]["classes"]
    older = tmp_path / "older"
    (older / "checkpoints").mkdir(parents=True)
    (older / RESULT).write_text(json.dumps(raw))
    (older / "checkpoints" / "best.ckpt").write_bytes((trained / "checkpoints" / "best.ckpt").read_bytes())
    with pytest.raises(RecordError, match=r"does not say what the classes are called, so that its own files are"):
        predict(older, "new.csv")
    rows = [f"{name},1,{'odd' if name % 2 else 'even'}" for name in range(20)]
    Path("f.csv").write_text("\n".join(["id,x,kind", *rows, ""]))
    with pytest.raises(RecordError, match=r"as they were; data.path=f.csv is not what the run was trained on"):
        predict(older, "new.csv")


@pytest.mark.parametrize("classes", ["down", [1, 2], ["down"]])
def test_names_that_are_none_are_refused(classes: Any) -> None:
    sizes = {"input_size": 1, "num_tokens": 0, "output_size": 2, "reads": "last"}
    check_sizes({**sizes, "classes": ["down", "up"]})
    with pytest.raises(ValueError, match="sizes: classes must"):
        check_sizes({**sizes, "classes": classes})


def test_another_task_is_refused(train: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    _, folder = train("data=sum", "data.num_sequences=60", "cell=rnn", "num_seeds=1", "trainer.max_epochs=1", tiny=())
    with pytest.raises(SystemExit):
        verb.main([str(folder), "--data", "new.csv"])
    assert "sum does not classify whole sequences of files, as data=csv with data.label does" in capsys.readouterr().err
