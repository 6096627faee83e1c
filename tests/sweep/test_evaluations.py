"""What is asked of a finished run afterwards is measured from its kept weights, and kept in files of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqexp.compare import compare
from seqexp.config.mistakes import ConfigError
from seqexp.evaluate import evaluate
from seqexp.record.evaluations import joined
from seqexp.record.record import RESULT, Record, RecordError

Command = Callable[..., Any]
TINY = ("data=sum", "data.num_sequences=60", "cell=rnn", "num_seeds=2", "trainer.max_epochs=1")
ASKED = ("data.test_lengths=[30,4]", "data.evaluations={flat: {distribution: uniform}}")
NAMES = ("test@4", "test@30", "test@flat")


def only(name: str = "mine") -> Path:
    (found,) = (path.parent for path in (Path("outputs") / name).rglob(RESULT))
    return found


def test_asked_for_later_is_asked_for_before(sweep: Command) -> None:
    assert sweep(*TINY, *ASKED, name="before").status == 0
    before = Record.read(only("before"))
    assert {*NAMES} == before.scores.keys() - {"train", "val", "test"}

    assert sweep(*TINY).status == 0
    result = (only() / RESULT).read_bytes()
    done = sweep(*TINY, *ASKED)
    assert (done.status, done.err, done.out.count("evaluated where it had not been")) == (0, "", 1)
    assert (only() / RESULT).read_bytes() == result
    files = {path.stem: json.loads(path.read_text()) for path in (only() / "evaluations").iterdir()}
    assert files.keys() == {*NAMES}
    for name, values in files.items():
        assert values["scores"] == before.scores[name], name
        assert values["baselines"] == before.evaluation_baselines[name], name

    reasons = {f"test@{n}/linear": f"it is fitted to sequences of 20 steps, and these have {n}" for n in (4, 30)}
    assert before.left_out == joined(Record.read(only()), only()).left_out == reasons

    rows = [{row["test@30_mse"] for row in compare(Path("outputs") / each).rows()} for each in ("before", "mine")]
    assert rows[0] == rows[1] == set(before.scores["test@30"]["mse"])
    again = sweep(*TINY, *ASKED)
    assert (again.status, again.out.count("evaluated where it had not been")) == (0, 0)
    with pytest.raises(ConfigError, match=r"test@flat was evaluated already and means .*uniform.*, not .*normal"):
        evaluate(only(), evaluations={"flat": {"distribution": "normal"}})


def test_python_evaluates_a_runs_folder(train: Callable[..., Any]) -> None:
    _, folder = train(*TINY, tiny=())
    found = evaluate(folder, test_lengths=[20])
    assert found.score("test@20") != found.score("test")  # other sequences of the same length
    assert found.evaluation_baselines["test@20"]["constant"] is not None
    with pytest.raises(ConfigError, match=r"evaluations\.loud: data\.noise: there is no such key"):
        evaluate(folder, evaluations={"loud": {"noise": 3}})
    (folder / "evaluations" / "test@20.json").write_text('{"name": "test@20"}')
    with pytest.raises(RecordError, match=r"test@20.json: the field 'meaning' is missing"):
        evaluate(folder, test_lengths=[20])


def test_seeds_that_were_there_are_evaluated_beside_new_ones(sweep: Command) -> None:
    assert sweep(*TINY).status == 0
    wider = [each for each in TINY if not each.startswith("num_seeds")]
    done = sweep(*wider, "num_seeds=3", "data.test_lengths=[4]")
    assert (done.status, done.out.count("evaluated where it had not been")) == (0, 1)
    rows = [row["test@4_mse"] for row in compare(Path("outputs/mine")).rows()]
    assert len(rows) == 3
    assert all(row == row for row in rows)  # no NaN


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "test@../../x"}, "name must be that of the file"),
        ({"scores": {"mse": [-1.0, 1.0]}}, "scores must be >= 0"),
        ({"scores": [1.0, 1.0]}, "must be objects"),
        ({"seeds": [5, 6]}, "must be those of the run"),
    ],
)
def test_a_damaged_evaluation_is_named_and_its_run_stays_in_the_comparison(
    train: Callable[..., Any], changes: dict[str, Any], said: str
) -> None:
    record, folder = train(*TINY, tiny=())
    evaluate(folder, test_lengths=[20])
    path = folder / "evaluations" / "test@20.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    found = compare(folder)
    assert [row["test_mse"] for row in found.rows()] == record.test_mse
    (problem,) = found.broken
    assert "test@20.json: " in problem.reason
    assert said in problem.reason


def test_other_data_than_those_that_were_trained_on_are_noticed(train: Callable[..., Any]) -> None:
    _, folder = train(*TINY, tiny=())
    raw = json.loads((folder / RESULT).read_text())
    raw["data_hash"][0][0] = "0" * 32
    (folder / RESULT).write_text(json.dumps(raw))
    with pytest.raises(RecordError, match="makes other data here"):
        evaluate(folder, test_lengths=[20])
    assert not (folder / "evaluations").exists()
