"""A multirun: one folder for each run, a comparison beside them, and one failure that stops nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import seqexp.run
from seqexp.compare import compare
from seqexp.record.record import Record, find

Command = Callable[..., Any]
TINY = ("num_seeds=2", "trainer.max_epochs=1", "data.length=120")


def sweep_folder() -> Path:
    (folder,) = Path("outputs").iterdir()
    return folder


@pytest.mark.drawn
def test_two_cells_are_trained_and_compared(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    composed, compose = [], ConfigLoaderImpl.load_sweep_config

    def counted(self: Any, master_config: Any, sweep_overrides: list[str]) -> Any:
        composed.append(sweep_overrides[0])
        return compose(self, master_config, sweep_overrides)

    monkeypatch.setattr(ConfigLoaderImpl, "load_sweep_config", counted)
    done = command("--multirun", "cell=rnn,lstm", *TINY)
    assert (done.status, done.err) == (0, "")
    assert sorted(composed) == ["cell=lstm"] * 2 + ["cell=rnn"] * 2  # when it is checked, and when it begins
    folder = sweep_folder()
    runs = list(find(folder))
    assert {Record.read(each).cell for each in runs} == {"rnn", "lstm"}
    for each in (folder, *runs):
        assert re.fullmatch(r"[A-Za-z0-9_.,=-]{1,99}", each.name)
    assert all(f"cell={Record.read(each).cell}" in each.name for each in runs)
    for name in ("comparison.md", "comparison.csv", "comparison.png", "multirun.yaml"):
        assert (folder / name).stat().st_size > 0
    lines = done.out.splitlines()
    for cell in ("rnn", "lstm"):  # each run has its line, and then comes the table
        assert sum(line.startswith(f"{cell} on sine · test MSE") for line in lines) == 1
    assert "rnn" in (folder / "comparison.md").read_text()


def tags(path: Path) -> dict[str, list[str]]:
    board = EventAccumulator(str(path))
    board.Reload()
    return dict(board.Tags())


LAYOUT = "custom_scalars__config__"


@pytest.mark.drawn
def test_the_comparison_is_a_tensorboard_run_of_its_own(command: Command) -> None:
    assert command("--multirun", "cell=rnn,lstm", *TINY).status == 0
    folder = sweep_folder()
    whole, lstm, *runs = (tags(path) for path in (folder / "comparison", folder / "comparison/lstm", *find(folder)))
    assert {"comparison pictures/sine", "comparison pictures/~comparison.png"} <= set(whole["images"])
    assert {"comparison", "comparison/sine", "comparison in full", LAYOUT} <= set(whole["tensors"])
    assert {tag.split("/")[0] for tag in lstm["scalars"]} == {
        *("comparison", "comparison on test", "comparison on train", "~band"),
    }
    for run in runs:  # else their charts would stand before those of the comparison
        assert LAYOUT not in run["tensors"]
        assert min(run["scalars"]).startswith("kept/")
    for run in find(folder):
        assert len(list(run.glob("*tfevents*"))) == 1


def test_each_run_of_a_sweep_is_what_it_would_be_alone(command: Command, train: Callable[..., Any]) -> None:
    assert command("--multirun", "cell=rnn,gru", "data=sine,sum", *TINY[:2]).status == 0
    found = {(each.cell, each.data): each for each in map(Record.read, find(sweep_folder()))}
    assert len(found) == 4
    for cell, data in (("gru", "sum"), ("rnn", "sine")):
        alone, _ = train(f"cell={cell}", f"data={data}", *TINY[:2], tiny=())
        assert found[cell, data].test_mse == alone.test_mse
        assert found[cell, data].fingerprint == alone.fingerprint


def test_long_command_lines_give_names_that_are_short_and_apart(command: Command) -> None:
    long = [
        "data.amplitude=1.0000000001",
        "data.frequency=1.0000000001",
        "data.noise=0.1000000001",
        "optimizer.betas=[0.9,0.999]",
    ]
    assert command("--multirun", "seed=0,1", *long, *TINY).status == 0
    runs = list(find(sweep_folder()))
    assert len(runs) == 2
    for each in runs:
        assert re.fullmatch(r"[A-Za-z0-9_.,=-]{1,99}", each.name)


def test_one_failure_stops_nothing_and_status_is_1(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    right = seqexp.run.fit.limit_threads

    def threads(parts: Any) -> Any:
        if type(parts.training.model.cell).__name__ == "LSTM":
            raise RuntimeError("the roof is on fire")
        return right(parts)

    monkeypatch.setattr(seqexp.run.fit, "limit_threads", threads)
    done = command("--multirun", "cell=rnn,lstm,gru", *TINY)
    assert done.status == 1
    assert re.search(r"^failed: RuntimeError: the roof is on fire → \S+/seqexp.log$", done.err, re.MULTILINE)
    assert "Traceback" not in done.err
    status = {record.cell: record.status for record in map(Record.read, find(sweep_folder()))}
    assert status == {"rnn": "done", "lstm": "failed", "gru": "done"}
    (log,) = [each / "seqexp.log" for each in find(sweep_folder()) if Record.read(each).cell == "lstm"]
    assert "Traceback" in log.read_text()
    table = (sweep_folder() / "comparison.md").read_text()
    assert "roof" in table
    assert "rnn" in table
    assert "gru" in table


def test_a_folder_with_something_in_it_is_refused_and_loses_nothing(command: Command) -> None:
    Path("mine").mkdir()
    (Path("mine") / "thesis.txt").write_text("precious")
    done = command("--multirun", "cell=rnn,lstm", *TINY, "hydra.sweep.dir=mine")
    assert done.status == 2
    assert re.fullmatch(r"seqexp: [^\n]*mine[^\n]*\n", done.err)
    assert [path.name for path in Path("mine").iterdir()] == ["thesis.txt"]


def test_a_bug_in_the_comparison_is_shown_and_status_is_1(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    import seqexp.compare.comparison

    def explode(*folders: Any, **options: Any) -> None:
        raise RuntimeError("the table fell over")

    monkeypatch.setattr(seqexp.compare.comparison, "compare", explode)
    done = command("--multirun", "cell=rnn", *TINY)
    assert done.status == 1
    assert "Traceback" in done.err
    assert "the table fell over" in done.err
    (record,) = map(Record.read, find(sweep_folder()))
    assert record.status == "done"


def test_an_experiment_can_be_a_sweep_by_itself(command: Command) -> None:
    done = command("experiment=rnn_vs_lstm", "cell=rnn,lstm", "data=sine", "optimizer.lr=0.01", *TINY)
    assert (done.status, done.err) == (0, "")
    assert {Record.read(each).cell for each in find(sweep_folder())} == {"rnn", "lstm"}


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["hydra.sweep.subdir=checkpoints/${hydra.job.num}", "cell=rnn,lstm"], "checkpoints"),
        (["hydra.sweep.subdir=comparison.md"], "comparison.md"),
        (["hydra.sweep.subdir=a/result.json"], "result.json"),
        (["hydra.sweep.subdir=."], "hydra.sweep.subdir=."),
        (["hydra.sweeper.max_batch_size=0"], "hydra.sweeper.max_batch_size must be"),
        (["hydra.sweeper.max_batch_size=two"], "hydra.sweeper.max_batch_size"),
        (
            ["experiment=equal_parameters,lab_sine"],
            "equal_parameters: is a sweep by itself, over cell, data",
        ),
    ],
)
def test_what_would_strand_a_sweep_or_is_none_is_refused(command: Command, arguments: list[str], word: str) -> None:
    done = command("--multirun", "sweep.name=mine", *arguments, *TINY)
    assert (done.status, done.err.count("\n")) == (2, 1), done.err
    assert word in done.err
    assert not Path("outputs").exists()


def test_a_run_does_not_take_the_folder_of_a_sweep(command: Command, sweep: Command) -> None:
    assert sweep(*TINY).status == 0
    done = command("hydra.run.dir=outputs/mine", "seed=5", *TINY)
    assert (done.status, "the folder of a sweep" in done.err) == (2, True)
    assert sweep(*TINY).out.startswith("there already")


def test_a_sweep_clears_nothing_that_somebody_else_has_put_where_it_works(command: Command, sweep: Command) -> None:
    assert sweep(*TINY).status == 0
    assert command("hydra.run.dir=outputs/mine/.there/theirs", "seed=5", *TINY).status == 0
    Path("outputs/mine/.there/left/.hydra").mkdir(parents=True)
    assert sweep(*TINY).status == 0
    assert Record.read(Path("outputs/mine/.there/theirs")).seeds == [5, 6]
    assert not Path("outputs/mine/.there/left").exists()


def test_a_mode_beside_multirun_is_not_nagged_about(tmp_path: Path, environment: dict[str, str]) -> None:
    line = [sys.executable, "-m", "seqexp", "--multirun", "hydra.mode=RUN", "sweep.dry=true", *TINY]
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_was_asked_is_compared(sweep: Command) -> None:
    line = ("cell=rnn", "optimizer=adam,sgd", "cell.hidden_size=2,3", *TINY)
    done = sweep(*line, "compare.by=[optimizer]")
    assert (done.status, done.err) == (0, "")
    folder, labels = Path("outputs/mine"), ["optimizer=adam", "optimizer=sgd"]
    numbers = json.loads((folder / "comparison.json").read_text())["data"][0]
    assert [row["name"] for row in numbers["rows"] if row["picked"]] == labels
    assert {path.name for path in (folder / "comparison").iterdir() if path.is_dir()} == set(labels)
    assert not any("compare" in path.name for path in find(folder))
    assert compare(folder).sections[0].data_set.compared == ["optimizer"]  # as the sweep was asked
    again = sweep(*line, "compare.by=cell.hidden_size")  # and nothing is trained again
    assert again.out.count("there already") == 4
    numbers = json.loads((folder / "comparison.json").read_text())["data"][0]
    assert numbers["compared"] == ["cell.hidden_size"]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["data.noise=0.1,0.2", "compare.by=data.noise"], "compare.by=data.noise: the test targets change with it"),
        (["data=sine,sum", "compare.by=data"], "compare.by=data: the test targets change with it"),
        (["compare.by=cell.hiden_size"], "Did you mean cell.hidden_size?"),
        (["compare.by=cell.hidden_size"], "is the same in all runs; what differs: cell"),
        (["compare.by=cell,optimizer"], "several keys stand in a list, such as [cell,cell.hidden_size]"),
        (["compare.by=[cell,cell]"], "compare.by must be a swept key"),
    ],
)
def test_what_could_not_be_compared_is_refused_before_training(
    command: Command, overrides: list[str], words: str
) -> None:
    done = command("--multirun", "cell=rnn,lstm", *overrides, *TINY[:2])
    assert done.status == 2
    assert done.err.startswith("seqexp: compare.by")
    assert words in done.err
    assert done.err.count("\n") == 1
    assert not Path("outputs").exists()


@pytest.mark.parametrize(
    "line",
    [
        ("data=adding,parity", "cell=rnn", "data.steps_per_epoch=2", "data.num_sequences=60"),
        ("scheduler=step,cosine", "scheduler.interval=step", "cell=rnn"),
    ],
)
def test_a_key_that_all_swept_files_have_need_not_be_in_the_default_one(
    command: Command, line: tuple[str, ...]
) -> None:
    done = command("--multirun", *line, *TINY, "sweep.dry=true", "sweep.name=mine")
    assert (done.status, done.err) == (0, "")
    group, files = line[0].split("=")
    assert all(f"{group}={name}" in done.out for name in files.split(","))


def test_a_key_that_one_of_them_has_not_is_refused_with_the_run_and_the_file(command: Command) -> None:
    done = command("--multirun", "data=sine,sum", "cell=rnn", "data.noise=0.3", *TINY)
    assert done.status == 2
    assert "data.noise: there is no such key. It is a key of data=lorenz and data=sine." in done.err
    assert "in the run data=sum" in done.err
    assert list(Path.cwd().iterdir()) == []
