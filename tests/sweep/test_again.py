"""What a sweep is gone on with: the bits of a resumed run, what is trained again and what is not, and who may not."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import seqexp.run
from seqexp.compare import compare
from seqexp.config.compose import CONF
from seqexp.record import lock as locking
from seqexp.record import provenance
from seqexp.record.claim import CLAIM
from seqexp.record.lock import LOCK
from seqexp.record.record import RESULT, Record, RecordError, find
from seqexp.training.checkpoints import Checkpoints
from tests.forked import Starter

Command = Callable[..., Any]

TINY = ("num_seeds=2", "trainer.max_epochs=2", "data.length=120", "trainer.enable_progress_bar=false")
HARD = (
    *(
        "num_seeds=2",
        "data.length=120",
        "data.batch_size=16",
        "trainer.max_epochs=12",
        "trainer.enable_progress_bar=false",
    ),
    *("cell.num_layers=2", "cell.dropout=0.3", "cell.hidden_size=6", "optimizer.lr=0.05", "early_stopping.patience=3"),
    "checkpoint.every_seconds=0",
)


class Killed(BaseException):
    """Ends the program as a signal would: nothing in seqexp catches it."""


def folder(name: str = "mine") -> Path:
    return Path("outputs") / name


def runs(name: str = "mine") -> dict[str, Path]:
    """The finished runs' folders, by cell and seeds, such as `rnn 0 1`."""
    found = {}
    for path in find(folder(name)):
        record = Record.read(path)
        if record.status == "done":
            key = " ".join(map(str, (record.cell, *record.seeds)))
            assert key not in found, f"trained twice: {key}"
            found[key] = path
    return found


def content(path: Path) -> dict[str, Any]:
    """Everything of a run that must not depend on an interruption."""
    record = json.loads((path / RESULT).read_text())
    for name in ("train_seconds", "git", "overrides"):
        del record[name]
    del record["config"]["sweep"]
    with np.load(path / "predictions.npz") as arrays:
        predictions = {name: (arrays[name].shape, arrays[name].tobytes()) for name in arrays.files}
    board = EventAccumulator(str(path))
    board.Reload()
    scalars = {tag: [(e.step, e.value) for e in board.Scalars(tag)] for tag in board.Tags()["scalars"]}
    return {
        "record": record,
        "curves": (path / "curves.csv").read_bytes(),
        "predictions": predictions,
        "scalars": scalars,
    }


def weights(path: Path) -> dict[str, torch.Tensor]:
    kept: dict[str, torch.Tensor] = torch.load(path / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    return kept


def kill_at_save(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    """Lets the program die just after a checkpoint of that name has been saved for the nth time."""
    right, count = Checkpoints._save, iter(range(1, 1000))

    def save(self: Checkpoints, trainer: Any, saved: str, weights_only: bool = False) -> None:
        right(self, trainer, saved, weights_only)
        if saved == name and next(count) == number:
            raise Killed

    monkeypatch.setattr(Checkpoints, "_save", save)


# What a resumed run ends with


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_a_resumed_run_has_the_bits_of_one_that_nobody_disturbed(
    sweep: Command, monkeypatch: pytest.MonkeyPatch, cell: str
) -> None:
    assert sweep(f"cell={cell}", *HARD, name="undisturbed").status == 0
    (original,) = runs("undisturbed").values()
    epochs = Record.read(original).epochs
    assert epochs > 4
    # Killed again and again: after the first epochs, as training has just ended, and with the kept weights saved.
    for number, (name, nth) in enumerate([("last.ckpt", 1), ("last.ckpt", 3), ("best.ckpt", 1)]):
        with monkeypatch.context() as patch:
            kill_at_save(patch, name, nth)
            with pytest.raises(Killed):
                sweep(f"cell={cell}", *HARD)
        assert runs() == {}, number
    assert sweep(f"cell={cell}", *HARD).status == 0
    (resumed,) = runs().values()
    assert content(resumed) == content(original)
    for key, value in weights(original).items():
        assert torch.equal(value, weights(resumed)[key]), key
    steps = [step for step, _ in content(resumed)["scalars"]["train/mse"]]
    assert steps == list(range(epochs))


@pytest.mark.parametrize("back", [0, 1, 2])
def test_training_that_had_stopped_early_does_not_begin_again(
    sweep: Command, finished: Command, monkeypatch: pytest.MonkeyPatch, back: int
) -> None:
    settings = ("cell=rnn", *HARD, "early_stopping.patience=1")
    finished(*settings, name="undisturbed")
    (original,) = runs("undisturbed").values()
    epochs = Record.read(original).epochs
    assert epochs < 12
    with monkeypatch.context() as patch:
        kill_at_save(patch, "last.ckpt", epochs + 1 - back)  # a save for each epoch, and one at the end
        with pytest.raises(Killed):
            sweep(*settings)
    assert sweep(*settings).status == 0
    (resumed,) = runs().values()
    assert content(resumed) == content(original)


def test_training_that_had_come_to_its_end_does_not_begin_again(
    sweep: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ("cell=rnn", *TINY, "trainer.max_epochs=4")
    assert sweep(*settings, name="undisturbed").status == 0
    with monkeypatch.context() as patch:
        kill_at_save(patch, "best.ckpt", 1)
        with pytest.raises(Killed):
            sweep(*settings)
    assert sweep(*settings).status == 0
    (original,), (resumed,) = runs("undisturbed").values(), runs().values()
    assert content(resumed) == content(original)


def test_a_process_that_is_killed_loses_nothing(sweep: Command, starter: Starter, environment: dict[str, str]) -> None:
    settings = (
        "cell=lstm",
        "num_seeds=2",
        "data.length=120",
        "trainer.max_epochs=15",
        "trainer.enable_progress_bar=false",
    )
    assert sweep(*settings, name="undisturbed").status == 0
    code = (
        "import os, signal\n"
        "from seqexp.training.checkpoints import Checkpoints\n"
        "right = Checkpoints._save\n"
        "def save(self, trainer, name, weights_only=False):\n"
        "    right(self, trainer, name, weights_only)\n"
        "    trainer.current_epoch == 6 and os.kill(os.getpid(), signal.SIGKILL)\n"
        "Checkpoints._save = save\n"
        "from seqexp.__main__ import main\n"
        "main()\n"
    )
    arguments = ["--multirun", "sweep.name=mine", "checkpoint.every_seconds=0", *settings]
    done = starter.run("-c", code, *arguments, cwd=Path.cwd(), env=environment)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert runs() == {}
    done = sweep(*settings)
    assert done.status == 0
    (original,), (resumed,) = runs("undisturbed").values(), runs().values()
    first, second = content(original), content(resumed)
    assert first == second


def test_checkpoints_hold_plain_values_only(sweep: Command) -> None:
    assert sweep("cell=lstm", *HARD, "trainer.max_epochs=2").status == 0
    (run,) = runs().values()
    for name in ("last.ckpt", "best.ckpt"):
        assert torch.load(run / "checkpoints" / name, weights_only=True)["state_dict"]


# What is trained again, and what is not


def test_the_same_command_again_trains_nothing(sweep: Command) -> None:
    assert sweep("cell=rnn,lstm", *TINY).status == 0
    before = {
        path: (path.stat().st_mtime_ns, path.read_bytes()) for run in runs().values() for path in run.glob("[!.]*.*")
    }
    done = sweep("cell=rnn,lstm", *TINY)
    assert (done.status, done.err) == (0, "")
    assert done.out.count("there already: ") == 2
    assert " · test MSE " not in done.out
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in before} == before
    assert set(runs()) == {"rnn 0 1", "lstm 0 1"}


def test_more_seeds_train_only_the_missing_ones(sweep: Command, finished: Command) -> None:
    finished("cell=rnn", *TINY)
    assert sweep("cell=rnn", *TINY[1:], "num_seeds=5").status == 0
    assert set(runs()) == {"rnn 0 1", "rnn 2 3 4"}
    assert sweep("cell=rnn", *TINY[1:], "num_seeds=5", name="undisturbed").status == 0
    (together,) = runs("undisturbed").values()
    original = Record.read(together)
    rows = {row["seed"]: row["test_mse"] for row in compare(folder()).rows()}
    assert rows == dict(zip(original.seeds, original.test_mse, strict=True))
    for narrower in ("num_seeds=5", "num_seeds=1", "num_seeds=3"):
        done = sweep("cell=rnn", *TINY[1:], narrower)
        assert (done.status, done.out.count("there already")) == (0, 1)
    assert set(runs()) == {"rnn 0 1", "rnn 2 3 4"}


def test_seeds_around_those_that_are_there_count_once(sweep: Command) -> None:
    assert sweep("cell=rnn", "seed=1", *TINY).status == 0
    assert sweep("cell=rnn", *TINY[1:], "num_seeds=4").status == 0
    rows = [row["seed"] for row in compare(folder()).rows()]
    assert sorted(rows) == [0, 1, 2, 3]
    assert sweep("cell=rnn", *TINY[1:], "num_seeds=4").out.count("there already") == 1


def test_a_new_cell_is_added(sweep: Command, finished: Command) -> None:
    finished("cell=rnn", *TINY)
    before = (runs()["rnn 0 1"] / RESULT).read_bytes()
    done = sweep("cell=rnn,gru", *TINY)
    assert (done.status, done.out.count("there already"), done.out.count("gru on sine · test MSE")) == (0, 1, 1)
    assert (runs()["rnn 0 1"] / RESULT).read_bytes() == before
    assert {row["cell"] for row in compare(folder()).rows()} == {"rnn", "gru"}


def test_a_changed_setting_is_another_run(sweep: Command, finished: Command) -> None:
    finished("cell=rnn", *TINY)
    assert sweep("cell=rnn", *TINY, "cell.hidden_size=5").status == 0
    sizes = [Record.read(path).config["cell"]["hidden_size"] for path in find(folder())]
    assert len(sizes) == len(set(sizes)) == 2


@pytest.mark.parametrize("what", ["default", "numerics"])
def test_what_changed_outside_the_command_line_is_another_run_in_another_folder(
    sweep: Command, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    Path("conf/cell").mkdir(parents=True)
    text = (CONF / "cell" / "rnn.yaml").read_text()
    Path("conf/cell/mine.yaml").write_text(text)
    settings = (f"hydra.searchpath=[file://{Path('conf').absolute()}]", "cell=mine", *TINY)
    assert sweep(*settings).status == 0
    (first,) = find(folder())
    before = (first / RESULT).read_bytes()
    if what == "default":
        Path("conf/cell/mine.yaml").write_text(text.replace("hidden_size: 16", "hidden_size: 5"))
        assert "hidden_size: 5" in Path("conf/cell/mine.yaml").read_text()
    else:
        monkeypatch.setattr(provenance, "NUMERICS", "99.0.0")
    done = sweep(*settings)
    assert (done.status, done.out.count("there already")) == (0, 0)
    found = list(find(folder()))
    assert len(found) == 2
    assert (first / RESULT).read_bytes() == before
    assert len({Record.read(path).fingerprint for path in found}) == 2
    done = sweep(*settings)
    assert (done.status, done.out.count("there already")) == (0, 1)
    assert len(list(find(folder()))) == 2


def break_cell(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Lets every run of one cell fail."""
    right = seqexp.run.fit.limit_threads

    def threads(parts: Any) -> Any:
        if type(parts.training.model.cell).__name__.lower() == name:
            raise RuntimeError("the roof is on fire")
        return right(parts)

    monkeypatch.setattr(seqexp.run.fit, "limit_threads", threads)


def test_failed_runs_are_run_again(sweep: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        break_cell(patch, "lstm")
        done = sweep("cell=rnn,lstm,gru", *TINY)
    assert done.status == 1
    assert set(runs()) == {"rnn 0 1", "gru 0 1"}
    done = sweep("cell=rnn,lstm,gru", *TINY)
    assert (done.status, done.out.count("there already")) == (0, 2)
    assert set(runs()) == {"rnn 0 1", "lstm 0 1", "gru 0 1"}
    assert all(Record.read(path).status == "done" for path in find(folder()))


def test_fail_fast_starts_no_other_run(sweep: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ("cell=rnn,lstm,gru", *TINY, "sweep.fail_fast=true")
    with monkeypatch.context() as patch:
        break_cell(patch, "lstm")
        done = sweep(*settings)
    assert done.status == 1
    assert set(runs()) == {"rnn 0 1"}
    assert "not run: " in done.err
    assert sweep(*settings).status == 0
    assert set(runs()) == {"rnn 0 1", "lstm 0 1", "gru 0 1"}


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"family": 1, "seed": 0, "num_seeds": 2}', b"\xff\xfe", b"[" * 100_000]
)
def test_a_damaged_claim_is_trained_again(sweep: Command, finished: Command, content: bytes) -> None:
    finished("cell=rnn", *TINY)
    (run,) = runs().values()
    scores = Record.read(run).test_mse
    (run / CLAIM).write_bytes(content)
    assert sweep("cell=rnn", *TINY).status == 0
    assert list(runs()) == ["rnn 0 1"]
    assert Record.read(runs()["rnn 0 1"]).test_mse == scores


@pytest.mark.parametrize("damage", ["empty", "cut", "noise", "other"])
@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
def test_a_damaged_checkpoint_is_trained_anew(sweep: Command, finished: Command, damage: str, name: str) -> None:
    finished("cell=rnn", *TINY)
    (run,) = runs().values()
    scores = Record.read(run).test_mse
    path = run / "checkpoints" / name
    whole = path.read_bytes()
    changed = {"empty": b"", "cut": whole[: len(whole) // 2], "noise": os.urandom(len(whole)), "other": None}[damage]
    if changed is None:
        torch.save({"state_dict": {}, "callbacks": {}}, path)
    else:
        path.write_bytes(changed)
    (run / RESULT).unlink()
    assert sweep("cell=rnn", *TINY).status == 0
    assert Record.read(runs()["rnn 0 1"]).test_mse == scores


# What a dry run says


def test_dry_lists_everything_and_writes_nothing(sweep: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    done = sweep("cell=rnn,lstm", *TINY, "sweep.dry=true")
    assert done.status == 0
    assert sum(line.startswith("to run ") for line in done.out.splitlines()) == 2
    assert not Path("outputs").exists()
    assert sweep("cell=rnn", *TINY).status == 0
    kill_at_save(monkeypatch, "last.ckpt", 1)
    with pytest.raises(Killed):
        sweep("cell=lstm", *TINY, "checkpoint.every_seconds=0")
    before = {path: path.stat().st_mtime_ns for path in folder().rglob("*")}
    done = sweep("cell=rnn,lstm,gru", *TINY, "sweep.dry=true")
    assert (done.status, done.err) == (0, "")
    first, second, third, total = done.out.splitlines()
    assert first.startswith("there already")
    assert "cell=rnn" in first
    assert second.startswith("to go on with")
    assert "cell=lstm" in second
    assert third.startswith("to run")
    assert "cell=gru" in third
    assert total.startswith("outputs/mine: 2 of 3 to run, about ")
    assert {path: path.stat().st_mtime_ns for path in folder().rglob("*")} == before
    wider, _ = sweep("cell=rnn", *TINY[1:], "num_seeds=4", "sweep.dry=true").out.splitlines()
    assert "seeds 2 to 3" in wider


def test_dry_tells_of_runs_that_would_fail_and_goes_on(sweep: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def estimate(parts: Any) -> float:
        raise RuntimeError("a cell\nof the user's own")

    monkeypatch.setattr("seqexp.run.estimate.estimate", estimate)
    done = sweep("cell=rnn,lstm", *TINY, "sweep.dry=true")
    assert (done.status, done.err) == (0, "")
    first, second, total = done.out.splitlines()
    assert first.startswith("would fail: cell=rnn")
    assert second.endswith("RuntimeError: a cell of the user's own")
    assert total.startswith("outputs/mine: 0 of 2 to run")


# Who is refused


def test_a_sweep_that_another_process_is_at_is_refused(sweep: Command) -> None:
    folder().mkdir(parents=True)
    with (folder() / LOCK).open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("process 1 on there\n")
        file.flush()
        done = sweep("cell=rnn", *TINY)
    assert (done.status, done.out) == (2, "")
    assert done.err == "seqexp: outputs/mine: another process is at work on this sweep (process 1 on there)\n"
    assert [path.name for path in folder().iterdir()] == [LOCK]
    assert sweep("cell=rnn", *TINY).status == 0


def test_a_run_that_another_process_is_at_is_not_trained(sweep: Command, finished: Command) -> None:
    finished("cell=rnn", *TINY)
    (run,) = runs().values()
    (run / RESULT).unlink()
    with locking.taken(run) as ours:
        assert ours
        done = sweep("cell=rnn", *TINY)
    assert done.status == 1
    assert "another process is at work on this run" in done.err
    assert not (run / RESULT).exists()


@pytest.mark.parametrize("name", ["../out", "/tmp/out", ".hidden", "a/b", "n" * 200, "..", "'a b'"])
def test_names_that_lead_elsewhere_are_refused(sweep: Command, name: str, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    done = sweep("cell=rnn", *TINY, name=name)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("seqexp: sweep.name must be ")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_subdir_that_leads_out_is_refused(sweep: Command, tmp_path: Path) -> None:
    for subdir in ("../x", "/" + str(tmp_path / "x").lstrip("/")):
        done = sweep("cell=rnn", *TINY, f"hydra.sweep.subdir={subdir}")
        assert done.status == 2
        assert "hydra.sweep.subdir" in done.err
        assert not (Path("outputs") / "x").exists()
        assert not (tmp_path / "x").exists()


def test_a_run_folder_that_is_a_link_is_refused(sweep: Command, finished: Command, tmp_path: Path) -> None:
    finished("cell=rnn", *TINY)
    (run,) = runs().values()
    shutil.rmtree(run)
    outside = tmp_path / "outside"
    outside.mkdir()
    run.symlink_to(outside, target_is_directory=True)
    done = sweep("cell=rnn", *TINY)
    assert done.status == 2
    assert "symbolic link" in done.err
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    "link",
    [
        *("", LOCK, "multirun.yaml", "comparison", "run", "run/.hydra", "run/.hydra/config.yaml", "run/seqexp.log"),
        *("run/checkpoints", "run/checkpoints/.last.ckpt.part", f"run/{LOCK}", "run/.result.json.1.part"),
    ],
)
def test_a_link_that_leads_out_of_the_folder_is_refused(sweep: Command, tmp_path: Path, link: str) -> None:
    outside = tmp_path / "outside"
    (outside / "folder").mkdir(parents=True)
    (outside / "file").write_text("precious")
    is_folder = link in ("", "comparison", "run") or link.endswith(("hydra", "checkpoints"))
    (folder() / link).parent.mkdir(parents=True)
    (folder() / link).symlink_to(outside / ("folder" if is_folder else "file"))
    (folder() / LOCK).touch()  # as in every sweep's folder
    before = sorted(tmp_path.rglob("*"))
    done = sweep("cell=rnn", *TINY, "hydra.sweep.subdir=run")
    assert (done.status, done.out) == (2, "")
    assert "is a symbolic link" in done.err
    assert sorted(tmp_path.rglob("*")) == before
    assert (outside / "file").read_text() == "precious"


class Hostile:
    """Makes a folder when it is read from a pickle."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("pwned",)


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
def test_code_in_a_checkpoint_is_not_run(sweep: Command, finished: Command, name: str) -> None:
    finished("cell=rnn", *TINY)
    (run,) = runs().values()
    scores = Record.read(run).test_mse
    torch.save({"state_dict": Hostile(), "callbacks": {}}, run / "checkpoints" / name)
    if name == "best.ckpt":
        with pytest.raises(RecordError, match="is not this run's checkpoint"):
            seqexp.run.load(run)
    (run / RESULT).unlink()
    assert sweep("cell=rnn", *TINY).status == 0
    assert Record.read(runs()["rnn 0 1"]).test_mse == scores
    assert torch.load(run / "checkpoints" / name, weights_only=True)["state_dict"]  # in its place is an honest one
    assert not Path("pwned").exists()


def test_a_finished_run_stays_even_without_its_log(sweep: Command, finished: Command) -> None:
    finished("cell=rnn", *TINY)
    (run,) = runs().values()
    (run / "seqexp.log").unlink()
    done = sweep("cell=rnn", *TINY)
    assert (done.status, done.out.count("there already")) == (0, 1)
    assert list(runs().values()) == [run]
