"""A whole run from Python: its folder, its record, its one line, and what is left when it fails."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import re
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from scipy import stats

import seqexp.run
from seqexp.config.mistakes import ConfigError
from seqexp.record import arrays, claim, record
from seqexp.record.files import write_atomically
from seqexp.record.record import Record, RecordError
from seqexp.run.execute import run
from seqexp.run.load import load
from seqexp.run.report import report

Train = Callable[..., Any]
TINY = ["num_seeds=2", "trainer.max_epochs=1", "data.length=120", "trainer.enable_progress_bar=false"]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ---------------------------------------------------------------- sources of randomness


def test_fixed_seeds_leave_a_member_the_bits_of_its_run_alone(tmp_path: Path) -> None:
    fixed = [*TINY, "data_seed=5", "model_seed=3"]
    whole = run(fixed, tmp_path / "whole")
    alone = run([*fixed, "num_seeds=1", "seed=1"], tmp_path / "alone")
    assert whole.score("test")[1:] == alone.score("test")  # type: ignore[index]
    assert whole.score("test")[0] != whole.score("test")[1]  # type: ignore[index]  # another order
    assert whole.varies == {"order": "a new order of training"}
    assert whole.data_hash is not None
    assert whole.data_hash[0] == whole.data_hash[1]
    with pytest.raises(ConfigError, match="num_seeds must be 1 where data_seed, model_seed, order_seed are all fixed"):
        run([*fixed, "order_seed=0"], tmp_path / "copies")
    with pytest.raises(ConfigError, match="model_seed must be >= 0, or null to follow seed, got -1"):
        run([*TINY, "model_seed=-1"], tmp_path / "wrong")


# ---------------------------------------------------------------- one run, and no sweep


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["experiment=equal_parameters"], r"a sweep over data, cell.*--multirun experiment=equal_parameters$"),
        (["experiment=rnn_vs_lstm"], r"a sweep over data, cell, optimizer.lr.*--multirun experiment=rnn_vs_lstm$"),
        (["experiment=rnn_vs_lstm", "cell=rnn", "data=sine"], r"a sweep over data, cell, optimizer.lr"),
        (["cell=rnn,lstm"], r"cell=rnn,lstm: several values at once need --multirun, or sweep\(\) in Python"),
        (["optimizer.lr=interval(1e-4,1e-1)"], r"python -m seqexp.search"),
        (["sweep.name=mine"], r"sweep.name=mine: is for a sweep of many runs"),
        (["sweep.dry=true"], r"sweep.dry=True: is for a sweep"),
        (["compare.by=cell"], r"compare.by=cell: is for a sweep"),
        (["sweep.fail_fast=true"], r"sweep.fail_fast=True: is for a sweep"),
        (["sweep.judges=0"], r"sweep.judges=0: is for a sweep"),
        (["hydra.mode=MULTIRUN"], r"this is a sweep"),
        (["sweep=x"], r"^sweep"),
        (["sweep=null"], r"^sweep"),
        (["hydra/launcher=joblib"], r"takes no hydra/launcher=joblib"),
        (["hydra.sweep.dir=here"], r"takes no hydra.sweep.dir=here"),
    ],
    ids=str,
)
def test_what_only_a_sweep_could_do_is_refused_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=message):
        run(overrides)
    assert list(tmp_path.iterdir()) == []


def test_a_run_has_one_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"takes no hydra.run.dir=there beside it"):
        run([*TINY, "hydra.run.dir=there"], tmp_path / "here")
    assert list(tmp_path.iterdir()) == []
    run([*TINY, f"hydra.run.dir={tmp_path / 'there'}"])
    assert Record.read(tmp_path / "there").status == "done"


# ---------------------------------------------------------------- what a run leaves


def test_the_folder_holds_what_the_contract_says(train: Train) -> None:
    record, folder = train()
    names = {re.sub(r"tfevents.*", "tfevents", name) for name in contents(folder)}
    assert names == {
        "result.json", ".hydra/config.yaml", ".hydra/hydra.yaml", ".hydra/overrides.yaml", "events.out.tfevents",
        "checkpoints/last.ckpt", "checkpoints/best.ckpt", "curves.csv", "predictions.npz", "seqexp.log",
        "claim.json", ".lock", "forecast.png", "forecast.svg", "curves.png", "curves.svg",
    }  # fmt: skip
    assert Record.read(folder) == record
    assert OmegaConf.load(folder / ".hydra/config.yaml").data.length == 120
    assert "data.length=120" in OmegaConf.load(folder / ".hydra/overrides.yaml")
    assert all(re.fullmatch(r"[A-Za-z0-9_.,=-]{1,99}", path.name) for path in folder.rglob("*"))
    assert not any("=" in path.name for path in folder.rglob("*.ckpt"))


def test_the_record_says_how_it_came_about(train: Train) -> None:
    record, _ = train("cell=gru", "seed=0", "trainer.max_epochs=3")
    assert (record.status, record.data, record.cell, record.seeds) == ("done", "sine", "gru", [0, 1])
    assert record.num_parameters == 3 * (16 + 16**2 + 32) + 17
    assert record.epochs == 3
    assert record.steps == 3 * -(-70 // 32)  # 100 windows, 70 of them trained on, 32 in a batch
    assert "cell=gru" in record.overrides
    assert record.config["cell"]["hidden_size"] == 16
    assert record.device == "cpu"
    assert re.fullmatch(r"[0-9a-f]{32}", record.fingerprint)
    assert record.train_seconds > 0


def test_scores_are_those_of_the_predictions(train: Train) -> None:
    record, folder = train("num_seeds=3")
    with np.load(folder / "predictions.npz") as arrays:
        targets, predictions, seeds = (arrays[name].astype(float) for name in ("targets", "predictions", "seeds"))
    assert seeds.tolist() == record.seeds
    assert targets.shape == predictions.shape == (3, 15, 1)
    np.testing.assert_allclose(((predictions - targets) ** 2).mean((1, 2)), record.test_mse, rtol=1e-12)
    t = np.linspace(0, 40, 120)
    clean = np.sin(t)[105:, None]
    np.testing.assert_allclose(((clean - targets) ** 2).mean((1, 2)), record.baselines["noise"], rtol=1e-4)


@pytest.mark.parametrize("precision", ["32-true", "64-true"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_loaded_model_is_the_one_that_was_scored(train: Train, cell: str, precision: str) -> None:
    record, folder = train(f"cell={cell}", f"trainer.precision={precision}", "optimizer.lr=0.1", "trainer.max_epochs=4")
    model = load(folder)
    with np.load(folder / "predictions.npz") as arrays:
        expected = arrays["predictions"]
    from seqexp.data.module import PopulationData
    from seqexp.data.sine import Sine

    data = PopulationData(lambda changes: Sine(120, 40.0, 1.0, 1.0, 0.1, 20, 1), record.seeds, 32, 0.7, 0.15, 0.15)
    data.setup()
    inputs = data.splits["test"].inputs
    with torch.no_grad():
        np.testing.assert_allclose(model(inputs.to(model.weight.dtype)).numpy(), expected, atol=1e-5)
        for index in range(2):  # and as plain torch
            module = model.to_torch(index)
            outputs, _ = module["cell"](inputs[index].to(model.weight.dtype))
            np.testing.assert_allclose(module["readout"](outputs[:, -1]).numpy(), expected[index], atol=1e-5)


def test_loading_believes_nothing_that_the_folder_says_of_whose_code_to_trust(train: Train) -> None:
    record, folder = train()
    hostile = {**record.config, "cell": {"_target_": "strangers.Cell"}, "allowed_packages": ["strangers"]}
    replace(record, config=hostile).write(folder)
    with pytest.raises(ConfigError, match="allowed_packages"):
        load(folder)


def test_loading_looks_up_nothing_that_the_folder_refers_to(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    record, folder = train()
    replace(record, config={**record.config, "seed": "${oc.env:HOME}"}).write(folder)
    with pytest.raises(RecordError, match="refers to something outside"):
        load(folder)


def test_loading_follows_no_link(train: Train, tmp_path: Path) -> None:
    _, folder = train()
    path = folder / "checkpoints" / "best.ckpt"
    path.rename(tmp_path / "elsewhere.ckpt")
    path.symlink_to(tmp_path / "elsewhere.ckpt")
    with pytest.raises(RecordError, match="or a link"):
        load(folder)


@pytest.mark.parametrize(("name", "words"), [("", "an empty text for a folder"), ("x" * 300, "may have 255 bytes")])
def test_what_names_no_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=words):
        run(["cell=rnn"], folder=name)
    assert not list(tmp_path.iterdir())


def test_a_folder_with_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".hydra").symlink_to(tmp_path / "outside")
    with pytest.raises(ConfigError, match="symbolic link"):
        run(TINY, folder=tmp_path / "run")
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_a_wrong_configuration(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="Not a directory"):
        run(TINY, folder=tmp_path / "file" / "run")


def test_a_model_that_a_gpu_trained_loads_anywhere(train: Train) -> None:
    record, folder = train()
    trainer = record.config["trainer"] | {"accelerator": "gpu"}
    replace(record, config=record.config | {"trainer": trainer}).write(folder)
    assert load(folder).num_seeds == 2


def test_the_line_counts_the_seeds_that_it_speaks_of(train: Train) -> None:
    record, _ = train()
    exact = {"constant": [19.0, 19.0], "linear": [1e-13, 1e-13], "noise": [0.0, 0.0]}
    assert " · constant 19 · linear 0 (up to rounding) · noise 0 · " in report(replace(record, baselines=exact))
    for scores, said in (([0.5, math.nan], "(1 of 2 seeds)"), ([math.nan, math.nan], "no test MSE (0 of 2 seeds)")):
        assert said in report(replace(record, scores=record.scores | {"test": {"mse": scores}}))


def test_loading_what_is_no_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="holds no run"):
        load(tmp_path)


# ---------------------------------------------------------------- folders


def test_two_runs_that_start_together_have_two_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(3):
        run(TINY)
    folders = list((tmp_path / "outputs").iterdir())
    assert len(folders) == 3
    for folder in folders:
        assert re.fullmatch(r"[A-Za-z0-9_.,=-]{1,99}", folder.name)
        assert "rnn_sine" in folder.name
        assert Record.read(folder).status == "done"
    without_time = {folder.name.partition("_rnn_")[2] for folder in folders}
    assert len(without_time) == 3  # apart even within one second


@pytest.mark.parametrize("name", ["checkpoints/mine.ckpt", "curves.csv", "predictions.npz", "events.out.tfevents.1.me"])
def test_a_new_run_replaces_no_file_that_is_there(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(ConfigError, match="is there already"):
        run(TINY, folder=tmp_path)
    assert contents(tmp_path) == {name: b"mine"}


def test_a_folder_that_is_taken_is_refused_and_loses_nothing(train: Train) -> None:
    _, folder = train()
    before = contents(folder)
    with pytest.raises(ConfigError, match=re.escape(str(folder))):
        run([*TINY, "seed=5"], folder=folder)
    assert contents(folder) == before
    (folder / "result.json").unlink()  # a run that was interrupted has its folder, too
    del before["result.json"]
    with pytest.raises(ConfigError, match=r"unfinished attempt at another run .*seed is 0 there, and 5 is asked for"):
        run([*TINY, "seed=5"], folder=folder)
    assert contents(folder) == before


@pytest.mark.parametrize("overrides", [["cell=lsmt"], ["data.noise=-1"], ["+typo=1"], ["optimizer.betas=[2,3]"]])
def test_a_wrong_configuration_writes_nothing(tmp_path: Path, overrides: list[str]) -> None:
    with pytest.raises(ConfigError):
        run(overrides, folder=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- failure


def explode(*arguments: Any, **more: Any) -> None:
    raise RuntimeError("the roof is on fire")


@pytest.mark.parametrize("place", ["limit_threads", "baselines.score", "write_predictions"])
def test_an_error_of_the_program_leaves_a_failed_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(f"seqexp.run.fit.{place}", explode)
    with pytest.raises(RuntimeError, match="the roof is on fire"):
        run(TINY, folder=tmp_path / "run")
    record = Record.read(tmp_path / "run")
    assert record.status == "failed"
    assert record.error == {"type": "RuntimeError", "message": "the roof is on fire"}
    assert (record.seeds, record.scores) == ([0, 1], {})
    log = (tmp_path / "run" / "seqexp.log").read_text()
    assert "Traceback" in log
    assert "the roof is on fire" in log


def test_an_interrupted_run_leaves_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(seqexp.run.fit, "limit_threads", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(TINY, folder=tmp_path / "run")
    assert not (tmp_path / "run" / "result.json").exists()


@pytest.mark.parametrize("fails", [False, True])
def test_logging_is_as_before_when_a_run_has_ended(train: Train, monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    def settings() -> tuple[object, ...]:
        root, own = logging.getLogger(), logging.getLogger("seqexp")
        return root.level, [*root.handlers], [*own.handlers], logging.raiseExceptions, warnings.showwarning

    if fails:
        monkeypatch.setattr("seqexp.run.fit.limit_threads", explode)
    before = settings()
    with pytest.raises(RuntimeError) if fails else contextlib.nullcontext():
        train()
    assert settings() == before


def test_the_result_is_written_last(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    order = []
    right = write_atomically

    def write(path: Path, content: bytes) -> None:
        order.append((path.name, sorted(each.name for each in path.parent.rglob("*") if each.is_file())))
        right(path, content)

    for module in (arrays, claim, record):
        monkeypatch.setattr(module, "write_atomically", write)
    train()
    assert order[-1][0] == "result.json"
    assert {"best.ckpt", "last.ckpt", "curves.csv", "predictions.npz"} <= set(order[-1][1])
    assert [name for name, _ in order].count("result.json") == 1


# ---------------------------------------------------------------- the log and the console


def test_nothing_but_the_log_hears_lightning(train: Train, capfd: pytest.CaptureFixture[str]) -> None:
    _, folder = train("trainer.enable_progress_bar=true")
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == ""
    assert "max_epochs" in (folder / "seqexp.log").read_text()


def test_logging_is_as_it_was_before(train: Train) -> None:
    root, own = logging.getLogger(), logging.getLogger("seqexp")
    before = list(root.handlers), list(own.handlers), root.level
    train()
    assert (list(root.handlers), list(own.handlers), root.level) == before


def test_threads_are_as_they_were_before(train: Train) -> None:
    before = torch.get_num_threads()
    train()
    assert torch.get_num_threads() == before


def test_the_line_has_the_mean_its_interval_the_baselines_and_the_time() -> None:
    scores = [0.012, 0.014, 0.0125, 0.0131]
    record = Record(
        status="done", data="sine", cell="lstm", seeds=[0, 1, 2, 3], train_seconds=4.08,
        scores={"train": {"mse": scores}, "test": {"mse": scores}},
        baselines={"constant": [0.5] * 4, "persistence": None, "linear": [0.01, 0.02, 0.01, 0.02], "noise": None},
    )  # fmt: skip
    half = stats.t.ppf(0.975, 3) * stats.sem(scores)
    line = report(record, Path("outputs/x"))
    assert line.startswith(f"lstm on sine · test MSE {np.mean(scores):.4g} ± {half:.2g} (4 seeds) · constant 0.5 ")
    assert "linear 0.015" in line
    assert "persistence" not in line
    assert line.endswith("4.1 s · too few seeds to tell from constant, num_seeds=7 or more could → outputs/x")
    assert "\n" not in line
    one = {part: {"mse": [0.012]} for part in ("train", "test")}
    alone = report(replace(record, seeds=[3], scores=one, diverged=[3], baselines={}))
    assert "test MSE 0.012 (1 seed)" in alone
    assert "±" not in alone
    assert "diverged: seed 3" in alone
    for size, said in ((1, "1 unit, 321 parameters (asked for 300, +7.0%)"), (16, "16 units, ")):
        sized = replace(record, config={"cell": {"hidden_size": size}}, matched=300, num_parameters=321)
        assert f" · {said}" in report(sized)


def test_what_is_recorded_is_plain_json(train: Train) -> None:
    _, folder = train("data.batch_size=null")
    raw = json.loads((folder / "result.json").read_text(), parse_constant=pytest.fail)
    assert raw["config"]["data"]["batch_size"] is None


def test_a_launcher_may_end_the_process_in_the_midst_of_training() -> None:
    with pytest.raises(SystemExit) as end, seqexp.run.fit.interruptible():
        sys.exit(-1)
    assert end.value.code == -1
