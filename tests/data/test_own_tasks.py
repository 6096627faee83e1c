"""Tasks from outside seqexp, through the whole program: refused before anything is written, or scored as they say."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqexp.config.mistakes import ConfigError
from seqexp.record.record import Record

sys.path.insert(0, str(Path(__file__).parent))
from own_tasks import GUESSES

Command = Callable[..., Any]
SHORT = ("num_seeds=3", "trainer.max_epochs=1", "trainer.enable_progress_bar=false", "data.batch_size=null")
TRUSTED = "allowed_packages=[own_tasks]"


@pytest.fixture
def mine(tmp_path: Path) -> str:
    """The flag for a folder of groups that hold the tasks of `own_tasks.py`."""
    fractions = "\n".join(["batch_size: 32", "train_fraction: 0.6", "val_fraction: 0.2", "test_fraction: 0.2", ""])
    keys = {
        "Wrong": "how: float64\nseed: 2",
        "Ragged": "how: steps\nseed: 2",
        "Chancy": "how: torch\nseed: 0",
        "Drawing": "how: torch\nseed: 0",
        "Raises": "how: refuses\nseed: 0",
        "Guesses": "how: '(S, N)'\nseed: 0",
        "Lacks": "how: inputs\nvalue: null",
        "Columns": "path: table.csv\ncolumns: [day, open, value]\ntarget: value\nwindow: 4\nhorizon: 2",
        "Emptying": "path: table.csv\ncolumns: [day, open, value]\ntarget: value\nwindow: 4\nhorizon: 2",
        "Ahead": "length: 80\nwindow: 6\nahead: 3\nwith_time: true",
        "Older": "",
        "Ends": "second: 3",
        "Scored": "num_sequences: 40\nlength: 5\nkind: quartic",
    }
    (tmp_path / "conf" / "data").mkdir(parents=True)
    for name, text in keys.items():
        path = tmp_path / "conf" / "data" / f"{name.lower()}.yaml"
        path.write_text(f"# own\n_target_: own_tasks.{name}\n{text}\n{fractions}")
    return f"--config-dir={tmp_path / 'conf'}"


def table(path: Path) -> list[tuple[float, float, float]]:
    """Writes 60 rows of day, open and value; a guess by `day` would be off by thousands."""
    rows = [(1000.0 + n, round(50 + np.cos(n), 3), round(10 * np.sin(0.3 * n) + n % 3, 3)) for n in range(60)]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("day", "open", "value"), *rows])
    return rows


# ---------------------------------------------------------------- refused


WRONG = {
    "wrong": "the sample of seed 2 by own_tasks.Wrong: inputs must be an ordinary torch.float32 tensor",
    "ragged": "the sample of seed 2 by own_tasks.Ragged: inputs must have the shape (N, T, I) = (40, 5, 1), got",
    "chancy": "own_tasks.Chancy.sample must draw from the generator that it is given and from nothing else",
    "drawing": "own_tasks.Drawing.sample must draw from the generator that it is given and from nothing else",
    "guesses": "own_tasks.Guesses.guesses: mine must have the shape (S, N, O) = (3, 8, 1), or 1 for N, got (3, 8)",
    "raises": "data: row 7 of the table is empty",
    "older": "input_size is how a task of 0.1 says it, and docs/migrating.md says what a task of 0.1 needs",
    "lacks": "own_tasks.Lacks: inputs must be Values(...) or Tokens(...) of seqexp.data.shape, and there is none",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_run_is_refused_in_one_paragraph_before_anything_is_written(command: Command, mine: str, name: str) -> None:
    done = command(mine, TRUSTED, f"data={name}", *SHORT)
    assert done.status == 2
    assert done.out == ""
    assert done.err.startswith("seqexp: data")
    assert WRONG[name] in done.err
    assert done.err.count("\n") == 1
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize("how", GUESSES)
def test_a_wrong_guess_is_refused_before_anything_is_written(command: Command, mine: str, how: str) -> None:
    done = command(mine, TRUSTED, "data=guesses", f"data.how='{how}'", *SHORT)
    assert done.status == 2
    assert done.err.startswith("seqexp: data: own_tasks.Guesses.guesses")
    assert GUESSES[how][1] in done.err
    assert done.err.count("\n") == 1
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize("name", ["wrong", "chancy", "guesses"])
@pytest.mark.parametrize("flag", [[], ["sweep.dry=true"]])
def test_a_sweep_is_refused_before_any_job_trains(command: Command, mine: str, name: str, flag: list[str]) -> None:
    done = command("--multirun", mine, TRUSTED, f"data=sine,{name}", "cell=rnn,gru", *SHORT, *flag)
    assert done.status == 2
    assert done.out == ""
    assert WRONG[name] in done.err
    assert re.search(rf"\(in the run .*data={name} cell=rnn", done.err)
    assert list(Path.cwd().iterdir()) == []


def test_python_is_refused_too(tmp_path: Path) -> None:
    from seqexp.run import run

    target = ["data=sum", "~data.length", "~data.distribution", "~data.num_sequences", "data._target_=own_tasks.Wrong"]
    own = [TRUSTED, "+data.how=surplus", "+data.seed=1"]
    with pytest.raises(ConfigError, match=r"seed 1 .* \(40, 5, 1\), got \(80, 5, 1\)"):
        run([*target, *own, *SHORT], folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_guess_that_refuses_is_a_refusal(command: Command, mine: str) -> None:
    done = command(mine, TRUSTED, "data=guesses", "data.how=refuses", *SHORT)
    assert (done.status, done.err) == (2, "seqexp: data: test has a gap that nothing is known of\n")
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize(
    ("name", "error"), [("raises", "KeyError: 'column'"), ("guesses", "TypeError: row 7 is no row")]
)
def test_what_breaks_in_a_task_keeps_its_traceback(command: Command, mine: str, name: str, error: str) -> None:
    done = command(mine, TRUSTED, f"data={name}", "data.how=breaks", *SHORT)
    assert done.status == 1
    assert error in done.err
    assert list(Path.cwd().iterdir()) == []


def test_a_sweep_makes_the_data_that_its_jobs_share_once(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from seqexp.data.module import PopulationData
    from seqexp.sweep import again

    made: list[str] = []
    right = PopulationData.make

    def make(self: PopulationData) -> None:
        made.append(type(self.task).__name__)
        right(self)

    monkeypatch.setattr(PopulationData, "make", make)
    monkeypatch.setattr(again, "run_in_sweep", lambda config: None)
    command("--multirun", "cell=rnn,gru", *SHORT)
    assert made == ["Sine"]


# ---------------------------------------------------------------- unequal lengths, and files of 0.1


@pytest.mark.parametrize("second", [3, 5])
def test_a_cell_that_reads_from_the_end_takes_only_sequences_of_one_length(
    command: Command, mine: str, second: int
) -> None:
    done = command(mine, TRUSTED, "data=ends", f"data.second={second}", "cell.bidirectional=true", *SHORT)
    if second == 5:  # as long as all others
        assert done.status == 0
        return
    assert done.status == 2
    assert done.out == ""
    assert done.err.startswith("seqexp: cell.bidirectional must be false for this task: its sequences have unequal")
    assert "from 3 to 5 steps, and this RNN reads" in done.err
    assert done.err.count("\n") == 1
    assert list(Path.cwd().iterdir()) == []


def test_unequal_lengths_are_seen_when_a_run_is_built() -> None:
    from hydra import compose, initialize_config_dir

    from seqexp.config.compose import CONF
    from seqexp.run.build import build

    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", ["data=parity", "cell=gru", "cell.bidirectional=true", "num_seeds=2"])
    with pytest.raises(ConfigError, match=r"^cell.bidirectional must be false .* unequal lengths, from 1 to 20 steps"):
        build(config)
    config.data.shortest = 20
    build(config).make_data()


def test_a_file_of_0_1_takes_the_keys_that_it_lacks_with_a_plus(command: Command, mine: str) -> None:
    path = Path(mine.partition("=")[2]) / "data" / "former.yaml"
    text = "# own\n_target_: seqexp.data.sum.Sum\nnum_sequences: 40\nlength: 5\ndistribution: normal\n"
    path.write_text(f"{text}batch_size: 32\ntrain_fraction: 0.6\nval_fraction: 0.2\ntest_fraction: 0.2\n")
    scores = {}
    for key in ("score=mae", "fresh=true", "test_lengths=[7]"):
        done = command(mine, "data=former", f"data.{key}", *SHORT)
        assert (done.status, done.out) == (2, "")
        said = f"data.{key.partition('=')[0]}: the chosen file of data does not name this key; +data.{key} adds it"
        assert done.err == f"seqexp: {said}\n"
        assert command(mine, "data=former", f"+data.{key}", *SHORT).status == 0
    assert command(mine, "data=former", *SHORT).status == 0
    for folder in Path("outputs").iterdir():
        record = Record.read(folder)
        scores[len(record.scores), record.metric, bool(record.config["data"].get("fresh"))] = record.score("test")
    assert scores.keys() == {(3, "mae", False), (3, "mse", True), (4, "mse", False), (3, "mse", False)}
    assert scores[4, "mse", False] == scores[3, "mse", False] != scores[3, "mse", True]


def test_the_keys_that_a_file_may_lack_are_those_with_a_neutral_value() -> None:
    import inspect

    from seqexp.config.mistakes import OPTIONAL, OURS
    from seqexp.data.module import PopulationData
    from seqexp.run.task import SCORE

    parameters = inspect.signature(PopulationData).parameters.values()
    given = [each for each in parameters if each.name not in OURS["data"]]
    optional = [each.name for each in given if each.default is not inspect.Parameter.empty]
    assert sorted(OPTIONAL) == sorted(f"data.{name}" for name in (SCORE, *optional))


# ---------------------------------------------------------------- scores of one's own


@pytest.mark.parametrize("lines", [("data=scored",), ("data=sum", "data.score=own_tasks.Quartic", "data.length=5")])
def test_a_score_of_ones_own_is_trained_for_recorded_and_shown(
    command: Command, mine: str, lines: tuple[str, ...]
) -> None:
    done = command(mine, TRUSTED, *lines, "data.num_sequences=40", *SHORT)
    assert (done.status, done.err) == (0, "")
    assert " · test quartic error " in done.out
    (folder,) = Path("outputs").iterdir()
    record = Record.read(folder)
    assert (record.metric, record.metric_label) == ("quartic", "quartic error")
    assert record.metric_unit == "fourth powers of the data"
    with np.load(folder / "predictions.npz") as arrays:
        errors = arrays["predictions"].astype(float) - arrays["targets"]
    assert record.score("test") == pytest.approx((errors**4).mean((1, 2)).tolist())
    assert record.test_mse == []
    assert "train_quartic_running" in (folder / "curves.csv").read_text()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("data=sum", "data.score=own_tasks.Nameless"), "data.score=own_tasks.Nameless: label must be a line of text"),
        (("data=scored", "data.kind=text"), "Scored.score must be a seqexp.score.Score, got mse"),
    ],
)
def test_a_wrong_score_is_refused(command: Command, mine: str, lines: tuple[str, ...], said: str) -> None:
    done = command(mine, TRUSTED, *lines, *SHORT)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"seqexp: {said}")
    assert list(Path.cwd().iterdir()) == []


# ---------------------------------------------------------------- scored as they say


@pytest.fixture
def pictured(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the picture of a forecast is drawn from."""
    from seqexp.show import run as drawn

    seen: dict[str, Any] = {}

    def forecast(**values: Any) -> Any:
        seen.update(values)
        return right(**values)

    right = drawn.forecast
    monkeypatch.setattr(drawn, "forecast", forecast)
    return seen


def result(command: Command, *arguments: str) -> Record:
    done = command(*arguments, *SHORT)
    assert (done.status, done.err) == (0, "")
    (folder,) = Path("outputs").iterdir()
    return Record.read(folder)


def test_persistence_of_a_table_is_the_target_columns_last_value(
    command: Command, mine: str, pictured: dict[str, Any]
) -> None:
    rows = table(Path("table.csv"))
    record = result(command, mine, TRUSTED, "data=columns")
    values = np.array([row[2] for row in rows])
    last = np.arange(4 - 1, 60 - 2)[44:]  # the last row of each window, of which there are 55; 11 are tested on
    errors = (values[last + 2] - values[last]) ** 2
    assert 1 < np.mean(errors) < 100
    assert record.baselines["persistence"] == pytest.approx([np.mean(errors)] * 3, rel=1e-5)
    np.testing.assert_allclose(pictured["persistence"], values[last], rtol=1e-6)
    np.testing.assert_allclose(pictured["target"], values[last + 2], rtol=1e-6)
    assert len({json.dumps(pair) for pair in record.data_hash or []}) == 1  # every seed has the same table


def test_a_constructor_may_use_up_what_it_is_given(command: Command, mine: str) -> None:
    table(Path("table.csv"))
    record = result(command, mine, TRUSTED, "data=emptying")
    assert record.config["data"]["columns"] == ["day", "open", "value"]


@pytest.mark.parametrize(("ahead", "with_time"), [(1, True), (2, False), (3, True)])
def test_persistence_of_several_targets_is_the_same_value_for_each(
    command: Command, mine: str, ahead: int, with_time: bool, pictured: dict[str, Any]
) -> None:
    from own_tasks import Ahead

    from seqexp.data.module import PopulationData

    data = PopulationData(lambda changes: Ahead(80, 6, ahead, with_time), range(3), None, 0.6, 0.2, 0.2)
    data.make()
    inputs, targets, *_ = data.splits["test"]
    expected = (inputs[:, :, -1, -1:] - targets).double().square().mean((1, 2))
    record = result(command, mine, TRUSTED, "data=ahead", f"data.ahead={ahead}", f"data.with_time={with_time}")
    assert record.baselines["persistence"] == pytest.approx(expected.tolist(), rel=1e-5)
    assert record.data_hash == data.data_hash
    np.testing.assert_array_equal(pictured["persistence"], inputs[0, :, -1, -1])
