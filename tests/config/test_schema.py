"""Every wrong input gets one paragraph that names key, value and what is allowed; status 2; and nothing is written."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from omegaconf import OmegaConf

from seqexp.config.compose import CONF, compose_run, configuration_folders, known_keys
from seqexp.config.mistakes import ConfigError, unknown_key
from seqexp.config.schema import check
from seqexp.config.targets import arguments, find_class, make

Command = Callable[..., Any]


def assert_refused(done: Any, *words: str) -> None:
    assert done.status == 2
    assert done.out == ""
    assert re.fullmatch(r"seqexp: [^\n]+\n", done.err), done.err
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err, done.err
    assert list(Path.cwd().iterdir()) == []  # nothing half-written


BAD: dict[str, tuple[str, ...]] = {
    # an option that a group does not have
    "data=sinus": ("data=sinus", "Did you mean data=sine?", "sine, sum"),
    "cell=lsmt": ("cell=lsmt", "Did you mean cell=lstm?", "cifg, "),
    "optimizer=adamm": ("optimizer=adamm", "Did you mean optimizer=adam?", "sgd"),
    "trainer=gup": ("trainer=gup", "Did you mean trainer=gpu?", "default"),
    "experiment=lab_sin": ("experiment=lab_sin", "Did you mean experiment=lab_sine?", "lab_sum"),
    "experiment=lab/gate": ("experiment=lab/gate", "Did you mean experiment=lab/gates?", "lab_sum"),
    "data=null": ("data", "takes the name of one of its files"),
    "cell=rnn,lstm": ("cell=rnn,lstm", "--multirun"),
    # a key that does not exist
    "typo=3": ("typo", "num_seeds"),
    "+typo=3": ("typo", "num_seeds"),
    "num_seed=3": ("num_seed", "Did you mean num_seeds?"),
    "+num_seed=3": ("num_seed", "Did you mean num_seeds?"),
    "cell.hiden_size=3": ("cell.hiden_size", "Did you mean cell.hidden_size?", "num_layers"),
    "+cell.hiden_size=3": ("cell.hiden_size", "Did you mean cell.hidden_size?", "num_layers"),
    "cell.forget_bias=1": ("cell.forget_bias", "num_layers"),  # the default cell is no LSTM
    "data.nois=1": ("data.nois", "Did you mean data.noise?", "window"),
    "+data.nois=1": ("data.nois", "Did you mean data.noise?", "window"),
    "+optimizer.learning_rate=1": ("optimizer.learning_rate", "lr"),
    "trainer.max_epoch=3": ("trainer.max_epoch", "Did you mean trainer.max_epochs?"),
    "+trainer.max_epoch=3": ("trainer.max_epoch", "Did you mean trainer.max_epochs?"),
    "+early_stopping.patient=3": ("early_stopping.patient",),
    # a value of the wrong type
    "embedding_size=null": ("embedding_size", "a whole number", "None"),
    "embedding_size=match:100": ("embedding_size", "a whole number", "match:100"),
    "num_seeds=many": ("num_seeds", "a whole number", "many"),
    "num_seeds=1.5": ("num_seeds", "a whole number", "1.5"),
    "seed=true": ("seed", "a whole number", "True"),
    "cell.hidden_size=big": ("cell.hidden_size", "a whole number", "big"),
    "cell.hidden_size=1.5": ("cell.hidden_size", "a whole number", "1.5"),
    "cell.hidden_size=null": ("cell.hidden_size", "a whole number", "None"),
    "cell.bidirectional=3": ("cell.bidirectional", "true or false", "3"),
    "cell.nonlinearity=sine": ("cell.nonlinearity", "tanh or relu", "sine"),
    "data.noise=loud": ("data.noise", "a number", "loud"),
    "data.noise=nan": ("data.noise", "nan"),
    "optimizer.lr=fast": ("optimizer.lr", "a number", "fast"),
    "optimizer.lr=inf": ("optimizer.lr", "inf"),
    "optimizer.betas=3": ("optimizer.betas", "a list", "3"),
    "trainer.max_epochs=ten": ("trainer.max_epochs", "a whole number", "ten"),
    "early_stopping.patience=soon": ("early_stopping.patience must be a whole number or null", "soon"),
    "checkpoint.weights=2.5": ("checkpoint.weights must be a whole number or null", "2.5"),
    "checkpoint.weights=true": ("checkpoint.weights must be a whole number or null", "True"),
    "checkpoint.every_seconds=abc": ("checkpoint.every_seconds must be a number", "abc"),
    "allowed_packages=3": ("allowed_packages",),
    "cell.hidden_size=???": ("cell.hidden_size", "no value"),
    "cell.hidden_size=${nope}": ("cell.hidden_size", "nope"),
    "~cell.hidden_size": ("cell.hidden_size", "no value"),
    "~cell": ("cell", "no value"),
    # a value out of range
    "num_seeds=0": ("num_seeds", ">= 1", "0"),
    "seed=-1": ("seed", ">= 0", "-1"),
    "cell.hidden_size=0": ("cell.hidden_size", ">= 1", "0"),
    "cell.num_layers=0": ("cell.num_layers", ">= 1", "0"),
    "cell.dropout=1.0": ("cell.dropout", "< 1", "1"),
    "cell.dropout=0.5": ("cell.dropout", "num_layers", "0.5"),
    "data.noise=-1": ("data.noise", ">= 0", "-1"),
    "data.window=2000": ("data.window", "999", "2000"),
    "data.window=0": ("data.window", ">= 1", "0"),
    "data.horizon=0": ("data.horizon", ">= 1", "0"),
    "data.batch_size=0": ("data.batch_size", ">= 1", "null", "0"),
    "data.train_fraction=0.9": ("train_fraction + val_fraction + test_fraction", "<= 1", "0.9 + 0.15 + 0.15"),
    "data.train_fraction=1.2": ("data.train_fraction", "between 0 and 1", "1.2"),
    "data.val_fraction=-0.1": ("data.val_fraction", "between 0 and 1", "-0.1"),
    "data.test_fraction=0": ("data.test_fraction", "at least one", "0"),
    "optimizer.lr=0": ("optimizer.lr", "> 0", "0"),
    "optimizer.lr=-1": ("optimizer.lr", "> 0", "-1"),
    "optimizer.weight_decay=-1": ("optimizer", "weight_decay", "-1"),
    "optimizer.betas=[2,3]": ("optimizer", "beta", "2"),
    "trainer.max_epochs=0": ("trainer.max_epochs", ">= 1", "0"),
    "trainer.max_epochs=-5": ("trainer", "max_epochs", "-5"),
    "trainer.devices=2": ("trainer.devices", "1", "2"),
    "trainer.strategy=ddp": ("trainer.strategy", "auto", "ddp"),  # it would open a port
    "trainer.accelerator=quantum": ("trainer", "accelerator", "quantum", "cpu"),
    "trainer.precision=8": ("trainer.precision", "32-true", "8"),
    "trainer.gradient_clip_val=-1": ("trainer.gradient_clip_val", "> 0", "-1"),
    "early_stopping.patience=0": ("early_stopping.patience", ">= 1", "null", "0"),
    # a _target_ that does not import, is not what it should be, or lies elsewhere
    "cell._target_=seqexp.cell.nosuch.Thing": ("cell._target_=seqexp.cell.nosuch.Thing", "cannot be imported"),
    "cell._target_=seqexp.cell.rnn.RNNN": ("cell._target_=seqexp.cell.rnn.RNNN", "cannot be imported"),
    "cell._target_=seqexp": ("cell._target_=seqexp", "cannot be imported"),
    "cell._target_=torch.nn.RNN": ("cell._target_=torch.nn.RNN", "seqexp.cell.cell.Cell"),
    "cell._target_=torch.os.system": ("cell._target_=torch.os.system", "a module that torch uses"),
    "cell._target_=subprocess.Popen": ("subprocess.Popen", "seqexp, torch, lightning", "allowed_packages"),
    "cell._target_=nosuchpackage.Thing": ("nosuchpackage.Thing", "allowed_packages=[nosuchpackage]"),
    "cell._target_=torchevil.Thing": ("torchevil.Thing", "allowed_packages=[torchevil]"),
    "cell._target_=null": ("cell._target_", "dotted path"),
    "cell._target_=3": ("cell._target_", "dotted path"),
    "data._target_=seqexp.cell.rnn.RNN": ("data._target_=seqexp.cell.rnn.RNN", "seqexp.data.task.Task"),
    "optimizer._target_=torch.nn.Linear": ("optimizer._target_=torch.nn.Linear", "Optimizer"),
    "trainer._target_=torch.nn.Linear": ("trainer._target_=torch.nn.Linear", "Trainer"),
    "hydra.callbacks.seqexp._target_=strangers.Cell": ("hydra.callbacks.seqexp", "seqexp's own"),
    "+hydra.callbacks.mine={_target_:os.system,command:ls}": ("hydra.callbacks.mine", "seqexp's own"),
    "+hydra.launcher.deep=[{_target_:strangers.Cell}]": ("hydra.launcher.deep.0._target_=strangers.Cell",),
    "+hydra.job_logging.filters={a:{class:strangers.Cell}}": ("hydra/job_logging", "none"),
    # an output folder that is left, or cannot be written
    "hydra.output_subdir=../../escape": ("hydra.output_subdir", ".hydra", "../../escape"),
    "hydra.output_subdir=/tmp/escape": ("hydra.output_subdir", ".hydra", "/tmp/escape"),
    "hydra/job_logging=default": ("hydra/job_logging", "none"),
    "hydra.job.chdir=true": ("hydra.job.chdir", "false"),
    "hydra.run.dir=/proc/nope": ("/proc/nope",),
    "hydra.run.dir=/dev/null/x": ("/dev/null/x",),
    # numbers that are too large for what is made with them
    "seed=9223372036854775807": ("seed + num_seeds", "<= 9223372036854775807", "got 9223372036854775807 + 10"),
    "seed=9223372036854775808": ("seed", "64 bits"),
    "num_seeds=100001": ("num_seeds", "at most 100000", "100001"),
    "num_seeds=1000000000000": ("num_seeds", "at most 100000"),
    "optimizer.eps=-9223372036854775809": ("optimizer.eps", "64 bits"),
    f"seed={'9' * 5000}": ("seed=999", "(5006 characters)", "4300 digits"),
    f"trainer.benchmark={'9' * 5000}": ("trainer.benchmark=999", "4300 digits"),
    "cell.hidden_size=4000000000000": ("cell", "too large"),
    "cell.hidden_size=9223372036854775807": ("cell", "too large"),
    "cell.hidden_size=1000000": ("TiB", "cell.hidden_size (1000000)"),
    "cell.hidden_size=match:99999999999999999999": ("match:99999999999999999999", "18 digits"),
    f"cell.hidden_size=match:lstm-{'9' * 5000}": ("match:lstm-999", "18 digits"),
    "cell.hidden_size=match:lstm-999999999999999": ("match:lstm-999999999999999", "too large"),
    "cell.hidden_size=match:9999999999999999": ("TiB", "cell.hidden_size"),
    "cell.num_layers=100000000000": ("cell.num_layers", "<= 1000", "100000000000"),
    "data.length=100000000000": ("TiB", "are free"),
    "data.length=9223372036854775807": ("TiB", "are free"),
    "data.window=1e400": ("data.window", "a whole number", "inf"),
    "optimizer.lr=1e400": ("optimizer.lr", "a number", "inf"),
    "checkpoint.every_seconds=nan": ("checkpoint.every_seconds must be a number", "nan"),
    "checkpoint.weights=1": ("checkpoint.weights", "from 2 (the first and the last step) to 10,000", "got 1"),
    # a node of the wrong kind
    "optimizer=[1e308]": ("optimizer=[1e308]", "takes the name of one of its files"),
    "experiment=[1e308]": ("experiment=[1e308]", "takes the name of one of its files"),
    "sweep=.inf": ("sweep",),
    "sweep=inf": ("sweep", "a group of settings", "inf"),
    "early_stopping=5": ("early_stopping", "a group of settings", "5"),
    "checkpoint=[1]": ("checkpoint", "Cannot merge"),
    "sweep=null": ("sweep", "a group of settings", "None"),
    "compare.figure=null": ("compare.figure", "a group of settings", "None"),
    "cell=null": ("cell",),
    "trainer=5": ("trainer=5",),
    "allowed_packages={}": ("allowed_packages", "Cannot merge"),
    "num_seeds=[3]": ("num_seeds", "a whole number", "[3]"),
    "num_seeds={a:1}": ("num_seeds", "a whole number"),
    "num_seeds=${num_seeds}": ("num_seeds", "Recursive"),
    "seed.x=1": ("seed.x", "no such key"),
    "~sweep": ("sweep", "no value"),
    "~seed": ("seed has no value",),
    "~trainer": ("trainer", "no value"),
    "~optimizer": ("optimizer", "no value"),
    "~early_stopping": ("early_stopping", "no value"),
    "~hydra/output": ("hydra.run.dir",),
    "hydra=5": ("hydra",),
    "hydra.verbose={a:1}": ("Hydra cannot read",),
    "hydra.job=???": ("Hydra",),
    "hydra.job.config=${nope}": ("hydra.job.config", "interpolation"),
    "hydra.sweeper.params={a:1}": ("Hydra cannot read",),
    # what torch refuses only at the first step
    "+optimizer.differentiable=true": ("optimizer", "differentiable"),
    "+optimizer.foreach=true": ("optimizer", "foreach"),
    # ranges, where one value is wanted
    "optimizer.lr=interval(1e-4,1e-1)": ("optimizer.lr=interval(1e-4,1e-1)", "python -m seqexp.search"),
    "seed=range(1,3)": ("seed=range(1,3)", "--multirun"),
    # what is no override at all
    "": ("key=value",),
    "=": ("=", "key=value"),
    "=3": ("takes the name of one of its files",),
    "~": ("key=value", "no key"),
    "seed=": ("seed", "a whole number"),
    "cell=": ("cell", "cifg, "),
    "-": ("-", "key=value"),
    "seed=int(a)": ("seed=int(a)",),
    "s\udcffed=1": ("UTF-8",),
    "cell": ("cell", "key=value"),
    "cell=[rnn": ("cell=[rnn", "key=value"),
}  # fmt: skip


@pytest.mark.parametrize("argument", BAD)
def test_a_wrong_input_is_refused_in_one_paragraph(command: Command, argument: str) -> None:
    assert_refused(command(argument), *BAD[argument])


def test_patience_without_validation_is_refused(command: Command) -> None:
    assert_refused(
        command("early_stopping.patience=2", "data.val_fraction=0"), "early_stopping.patience", "val_fraction"
    )


def test_the_keys_that_are_allowed_are_those_of_the_chosen_file(command: Command) -> None:
    assert_refused(command("cell=lstm", "cell.forget_bia=1"), "Did you mean cell.forget_bias?")
    assert_refused(command("data=sum", "data.noise=1"), "data.noise", "distribution")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cell=rnn,lstmm"], ["cell=lstmm", "Did you mean cell=lstm?"]),
        (["cell=rnn,lstm", "cell.hidden_size=4,0"], ["cell.hidden_size", ">= 1", "cell=rnn cell.hidden_size=0"]),
        (["data.noise=0.1,-1"], ["data.noise", "-1"]),
        (["cell=rnn,rnn"], ["twice", "cell=rnn"]),
        (["cell=rnn,lstm", "seed=1,1"], ["twice", "seed=1"]),
        (["cell=rnn,lstm", "typo=1"], ["typo"]),
        (["cell=rnn,lstm", "cell.forget_bias=1"], ["cell.forget_bias"]),
        (["cell=rnn,lstm", "hydra.sweep.dir=/proc/nope"], ["/proc/nope"]),
        (["cell=rnn,subprocess.Popen"], ["subprocess.Popen"]),
        (["optimizer.lr=interval(1e-4,1e-1)"], ["python -m seqexp.search"]),
        (["optimizer.lr=tag(log,interval(1e-4,1e-1))"], ["python -m seqexp.search"]),
        (["seed=range(0)"], ["seed=range(0)", "at least 1"]),
        (["seed=range(5,0)"], ["seed=range(5,0)", "at least 1"]),
        (["seed=range(0,1000000000000)"], ["seed=range(0,1000000000000)", "at most"]),
        (["seed=range(0,2000)", "num_seeds=range(1,2000)"], ["at most"]),
        (["seed=range(0,1e400)"], ["seed=range(0,1e400)", "an end"]),
        (["seed=range(0,5,0)"], ["seed=range(0,5,0)"]),
        (["cell=glob(nosuch)"], ["names no run", "cell=glob(nosuch)"]),
        (["cell=choice()"], ["cell=choice()"]),
        (["cell=[]"], ["cell"]),
        (["seed="], ["seed", "a whole number"]),
        ([""], ["key=value"]),
    ],
)
def test_a_sweep_with_a_wrong_member_is_refused_whole(command: Command, arguments: list[str], words: list[str]) -> None:
    assert_refused(command("--multirun", *arguments), *words)


# ---------------------------------------------------------------- files that cannot be read, and whose file wins


FILES: dict[str, tuple[str, str | bytes, tuple[str, ...]]] = {
    "a list": ("cell", "- 1\n", ("cell/mine.yaml", "no list")),
    "a number": ("cell", "5\n", ("cell/mine.yaml",)),
    "a tab": ("cell", "_target_: seqexp.cell.rnn.RNN\n\thidden_size: 3\n", ("cell/mine.yaml", "line 2")),
    "a key twice": ("cell", "hidden_size: 1\nhidden_size: 2\n", ("cell/mine.yaml", "duplicate key hidden_size")),
    "two documents": ("cell", "hidden_size: 1\n---\nhidden_size: 2\n", ("cell/mine.yaml", "single document")),
    "Latin-1": ("cell", "# caf\xe9\nhidden_size: 3\n".encode("latin-1"), ("cell/mine.yaml", "UTF-8")),
    "an anchor in itself": ("cell", "a: &a\n  b: *a\n", ("cell/mine.yaml", "refers to itself")),
    "depth": ("cell", "[" * 2000, ("cell/mine.yaml", "too deeply")),
    "5000 digits": ("cell", f"hidden_size: {'9' * 5000}\n", ("cell/mine.yaml", "4300 digits")),
    "9000 hexadecimal digits": ("cell", f"hidden_size: 0x{'F' * 9000}\n", ("cell.hidden_size", "64 bits")),
    "bytes": ("cell", "hidden_size: !!binary aGk=\n", ("cell.hidden_size", "bytes")),
    "half a letter": ("cell", '_target_: "\\ud800"\n', ("cell._target_", "ud800")),
    "a zero byte": ("cell", '_target_: "a\\0"\n', ("cell._target_", "zero bytes")),
    "keys that refer to each other": ("cell", "a: ${cell.b}\nb: ${cell.a}\n", ("cell.a", "Recursive")),
    "defaults of itself": ("cell", "defaults: [mine]\n", ("leads back to it",)),
    "defaults of a wrong kind": ("cell", "defaults: 5\n", ("cell/mine", "list")),
    "no package line": ("experiment", "num_seeds: 3\n", ("experiment", "# @package _global_")),
    "no package line, a group": ("experiment", "data: {length: 60}\n", ("experiment", "# @package _global_")),
    "a sweep that is no sweep": (
        "experiment",
        "# @package _global_\nhydra: {mode: MULTIRUN, sweeper: {params: 5}}\n",
        ("experiment/mine", "Dict[str, str]"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_cannot_be_used_is_named_in_one_paragraph(command: Command, tmp_path: Path, kind: str) -> None:
    group, text, words = FILES[kind]
    (tmp_path / "conf" / group).mkdir(parents=True)
    (tmp_path / "conf" / group / "mine.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert_refused(command(f"--config-dir={tmp_path / 'conf'}", f"{group}=mine"), *words)


def test_a_directory_is_no_file_of_a_group(command: Command, tmp_path: Path) -> None:
    (tmp_path / "conf" / "cell" / "mine.yaml").mkdir(parents=True)
    assert_refused(command(f"--config-dir={tmp_path / 'conf'}", "cell=mine"), "cell=mine", "cifg, ")


def test_an_experiment_that_sweeps_is_no_single_run(command: Command, tmp_path: Path) -> None:
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    text = "# @package _global_\nhydra: {sweeper: {params: {cell: 'rnn,lstm'}}}\n"
    (tmp_path / "conf" / "experiment" / "mine.yaml").write_text(text)
    done = command(f"--config-dir={tmp_path / 'conf'}", "experiment=mine", "seed=1")
    assert_refused(done, "a sweep over cell", "python -m seqexp --multirun experiment=mine seed=1")


@pytest.fixture
def wider(tmp_path: Path) -> str:
    """A user's folder with an lstm.yaml of his own, and files that replace nothing."""
    (tmp_path / "my_conf" / "cell").mkdir(parents=True)
    shipped = (CONF / "cell" / "lstm.yaml").read_text()
    (tmp_path / "my_conf" / "cell" / "lstm.yaml").write_text(shipped.replace("hidden_size: 16", "hidden_size: 3"))
    (tmp_path / "my_conf" / "cell" / "gru.yaml").write_text((CONF / "cell" / "gru.yaml").read_text())
    (tmp_path / "my_conf" / "cell" / "mine.yaml").write_text(shipped)
    return str(tmp_path / "my_conf")


@pytest.mark.parametrize("flags", [[], ["--multirun"]])
def test_a_users_file_wins_over_a_shipped_one_of_its_name_and_that_is_said_once(
    command: Command, wider: str, flags: list[str]
) -> None:
    tiny = ("num_seeds=1", "trainer.max_epochs=1", "data.length=60", "trainer.enable_progress_bar=false")
    cells = "cell=lstm,rnn" if flags else "cell=lstm"
    done = command(*flags, f"--config-dir={wider}", cells, *tiny)
    assert done.status == 0
    assert done.err == f"seqexp: {wider} replaces seqexp's own cell/lstm.yaml\n"
    found = [json.loads(path.read_text()) for path in Path.cwd().rglob("result.json")]
    config = next(each["config"] for each in found if each["cell"] == "lstm")
    assert (config["cell"]["hidden_size"], config["cell"]["_target_"]) == (3, "seqexp.cell.lstm.LSTM")


def test_a_users_file_wins_in_a_search(wider: str, capsys: pytest.CaptureFixture[str]) -> None:
    with configuration_folders(wider):
        assert compose_run(["cell=lstm"])[0].cell.hidden_size == 3
    assert capsys.readouterr().err == f"seqexp: {wider} replaces seqexp's own cell/lstm.yaml\n"


@pytest.mark.parametrize("name", ["config.yaml", "search.yaml"])
def test_what_is_read_from_seqexp_alone_cannot_be_replaced(command: Command, wider: str, name: str) -> None:
    (Path(wider) / name).write_text("seed: 3\n")
    assert_refused(command(f"--config-dir={wider}"), wider, f"no {name}")


@pytest.mark.parametrize(
    "flags", [["--nosuch"], ["--info", "x"], ["--cfg", "x"], ["-sp"], ["--config-dir"], ["--shell-completion"]]
)
def test_wrong_flags_are_answered_without_a_traceback(command: Command, flags: list[str]) -> None:
    done = command(*flags)
    assert done.status == 2
    assert "Traceback" not in done.err
    assert list(Path.cwd().iterdir()) == []


def test_resolve_belongs_to_cfg(command: Command) -> None:
    assert_refused(command("--resolve"), "--resolve", "--cfg job")


def test_an_interpolation_on_the_command_line_is_recorded_as_typed(command: Command) -> None:
    done = command("num_seeds=2", "seed=${num_seeds}", "trainer.max_epochs=1", "data.length=60")
    assert (done.status, done.err) == (0, "")
    found = json.loads(next(Path.cwd().rglob("result.json")).read_text())
    assert (found["seeds"], found["overrides"][1]) == ([2, 3], "seed=${num_seeds}")


# ---------------------------------------------------------------- whose code may be loaded


CELL = """
import pathlib
from seqexp.cell.rnn import RNN
pathlib.Path({mark!r}).touch()
class Mine(RNN):
    pass
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's package `strangers`, and the file that comes into being when it is imported."""
    mark = tmp_path / "imported"
    (tmp_path / "code" / "strangers").mkdir(parents=True)
    (tmp_path / "code" / "strangers" / "__init__.py").touch()
    (tmp_path / "code" / "strangers" / "cells.py").write_text(CELL.format(mark=str(mark)))
    monkeypatch.syspath_prepend(tmp_path / "code")
    yield mark
    for name in [name for name in sys.modules if name.split(".")[0] == "strangers"]:
        del sys.modules[name]


def test_a_package_that_the_user_has_not_allowed_is_never_imported(command: Command, package: Path) -> None:
    done = command("cell._target_=strangers.cells.Mine")
    assert_refused(done, "cell._target_=strangers.cells.Mine", "allowed_packages=[strangers]")
    assert not package.exists()
    assert "strangers" not in sys.modules
    assert_refused(command("cell._target_=strangers.cells.Mine", "allowed_packages=[stranger]"), "allowed_packages")
    assert "strangers" not in sys.modules


def test_a_package_that_the_user_allows_is_built_and_trained(train: Callable[..., Any], package: Path) -> None:
    record, _ = train("cell._target_=strangers.cells.Mine", "allowed_packages=[strangers]")
    assert package.exists()
    assert record.config["cell"]["_target_"] == "strangers.cells.Mine"
    plain, _ = train()
    assert record.test_mse == plain.test_mse  # it is an RNN, after all


@pytest.mark.parametrize(
    "target", ["torch.os.system", "torch.hub.load", "subprocess.Popen", "builtins.eval", "os.system"]
)
@pytest.mark.parametrize("group", ["data", "cell", "optimizer", "trainer"])
def test_no_target_calls_anything_but_a_class_of_its_kind(
    command: Command, monkeypatch: pytest.MonkeyPatch, group: str, target: str
) -> None:
    called = []
    monkeypatch.setattr(os, "system", lambda *arguments: called.append(arguments))
    monkeypatch.setattr(subprocess, "Popen", lambda *arguments, **more: called.append(arguments))
    assert_refused(command(f"{group}._target_={target}", f"+{group}.command=true"), f"{group}._target_={target}")
    assert called == []


HOSTILE = """
allowed_packages: [strangers]
cell: {_target_: strangers.cells.Mine}
hydra: {callbacks: {mine: {_target_: strangers.cells.Mine}}}
"""


@pytest.mark.parametrize(
    "flags",
    [
        ["--config-path=RUN/.hydra", "--config-name=config"],
        ["--config-name=config", "--config-dir=RUN/.hydra"],
        ["--config-dir=RUN/.hydra"],
        ["--experimental-rerun=RUN/.hydra/config.pickle"],
        ["--experimental-re=RUN/.hydra/config.pickle"],
    ],
)
def test_the_configuration_in_a_runs_folder_is_data(command: Command, package: Path, flags: list[str]) -> None:
    hidden = package.parent / "run" / ".hydra"
    hidden.mkdir(parents=True)
    (hidden / "config.yaml").write_text(HOSTILE)
    (hidden / "config.pickle").write_bytes(pickle.dumps(Hostile(package)))
    assert_refused(command(*(flag.replace("RUN", str(hidden.parent)) for flag in flags)), flags[0].split("=")[0][:12])
    assert not package.exists()
    assert "strangers" not in sys.modules


class Hostile:
    """Makes a folder when it is read from a pickle."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize(
    ("group", "text", "word"),
    [
        ("cell", "_target_: !!python/object/apply:pathlib.Path.touch [MARK]", "python/object"),
        ("cell", "_target_: !!python/name:strangers.cells.Mine", "python/name"),
        ("cell", "_target_: strangers.cells.Mine", "allowed_packages"),
        (
            "experiment",
            "# @package _global_\nhydra: {callbacks: {a: {_target_: strangers.cells.Mine}}}",
            "hydra.callbacks.a",
        ),
    ],
)
def test_a_file_of_a_group_can_name_no_code_by_itself(
    command: Command, package: Path, group: str, text: str, word: str
) -> None:
    place = package.parent / "conf" / group
    place.mkdir(parents=True)
    (place / "mine.yaml").write_text(text.replace("MARK", str(package)))
    assert_refused(command(f"--config-dir={place.parent}", f"{group}=mine"), word)
    assert not package.exists()
    assert "strangers" not in sys.modules


def test_a_module_that_lacks_something_itself_says_what(tmp_path: Path, package: Path) -> None:
    (tmp_path / "code" / "strangers" / "broken.py").write_text("import no_such_thing_at_all\n")
    with pytest.raises(ConfigError, match="no_such_thing_at_all"):
        find_class("cell", "strangers.broken.Thing", object, ["strangers"])


def test_a_module_that_is_imported_while_sizes_are_found_has_its_tensors(tmp_path: Path, package: Path) -> None:
    """A model is first built without memory, and what that imports stays imported."""
    source = "import torch\nANGLES = torch.arange(3.0)\n\n\nclass Thing:\n    pass\n"
    (tmp_path / "code" / "strangers" / "constants.py").write_text(source)
    with torch.device("meta"):
        found = find_class("cell", "strangers.constants.Thing", object, ["strangers"])
    assert sys.modules[found.__module__].ANGLES.tolist() == [0, 1, 2]


# ---------------------------------------------------------------- the parts by themselves


class Made:
    def __init__(
        self, size: int, rate: float, name: Literal["a", "b"], shape: list[int] | None, given: int, free: str = "x"
    ) -> None:
        if size < 1:
            raise ValueError(f"size must be >= 1, got {size}")
        if rate > 9:
            raise ValueError("too fast")
        if name == "b":
            raise RuntimeError("b is broken")
        self.size = size


GOOD = {"_target_": "x.Made", "size": 1, "rate": 1, "name": "a", "shape": [1]}


def test_arguments_that_fit_are_passed_on() -> None:
    assert arguments("made", GOOD, Made, given=["given"]) == {"size": 1, "rate": 1, "name": "a", "shape": [1]}
    assert arguments("made", {**GOOD, "shape": None, "free": "y"}, Made, ["given"])["free"] == "y"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": True}, r"^made.size must be a whole number, got True$"),
        ({"size": 1.0}, r"^made.size must be a whole number, got 1.0$"),
        ({"rate": "1"}, r"^made.rate must be a number, got '1'$"),
        ({"rate": False}, r"^made.rate must be a number, got False$"),
        ({"rate": float("nan")}, r"^made.rate must be a number, got nan$"),
        ({"name": "c"}, r"^made.name must be a or b, got 'c'$"),
        ({"shape": 3}, r"^made.shape must be null"),
        ({"given": 3}, r"^made.given is set by seqexp itself and cannot be given$"),
        (
            {"fre": "y"},
            r"^made.fre: there is no such key. Did you mean made.free\? Allowed in made: beside, free, name",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        arguments("made", {**GOOD, **changes}, Made, given=["given"], beside=["beside"])


class Derived(Made):
    """Takes the settings of the class above by name."""

    def __init__(self, *sizes: Any, own: float, **settings: Any) -> None:
        super().__init__(*sizes, **settings)
        self.own = own


def test_settings_that_are_handed_on_are_those_of_the_class_above() -> None:
    kept = arguments("made", {**GOOD, "own": 0.5}, Derived, given=["given"])
    assert kept == {"size": 1, "rate": 1, "name": "a", "shape": [1], "own": 0.5}
    with pytest.raises(ConfigError, match=r"made\.own has no value"):
        arguments("made", GOOD, Derived, given=["given"])
    with pytest.raises(ConfigError, match=r"made\.size"):
        arguments("made", {**GOOD, "own": 0.5, "size": "a"}, Derived, given=["given"])
    with pytest.raises(ConfigError, match=r"made\.sizes"):
        arguments("made", {**GOOD, "own": 0.5, "sizes": 1}, Derived, given=["given"])


def test_an_argument_that_is_missing_is_named() -> None:
    without = {key: value for key, value in GOOD.items() if key != "rate"}
    with pytest.raises(ConfigError, match=r"^made.rate has no value; give one with made.rate=...$"):
        arguments("made", without, Made, given=["given"])


def test_what_a_constructor_says_gets_the_key_before_it() -> None:
    values: dict[str, Any] = {"size": 1, "rate": 1, "name": "a", "shape": None, "given": 1}
    assert make("made", Made, values).size == 1
    with pytest.raises(ConfigError, match=r"^made.size must be >= 1, got 0$"):
        make("made", Made, {**values, "size": 0})
    with pytest.raises(ConfigError, match=r"^made: too fast$"):
        make("made", Made, {**values, "rate": 10})
    with pytest.raises(RuntimeError, match="b is broken"):  # an error of the program is no wrong configuration
        make("made", Made, {**values, "name": "b"})


class Large:
    def __init__(self, error: Exception) -> None:
        raise error


@pytest.mark.parametrize(
    "error",
    [
        OverflowError("int too large to convert to float"),
        MemoryError("Unable to allocate 745. GiB for an array"),
        RuntimeError("Storage size calculation overflowed with sizes=[1, 9223372036854775807]"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 800000000000 bytes."),
        RuntimeError("not enough memory: you tried to allocate 8 bytes"),
        ValueError("Overflow when unpacking long"),
    ],
    ids=str,
)
def test_a_number_too_large_is_a_wrong_configuration_whoever_says_so(error: Exception) -> None:
    with pytest.raises(ConfigError, match=r"^large: too large"):
        make("large", Large, {"error": error})


@pytest.mark.parametrize(
    "error", [RuntimeError("broken"), TypeError("no"), AttributeError("no"), KeyError("x")], ids=str
)
def test_a_bug_of_a_constructor_keeps_its_kind(error: Exception) -> None:
    with pytest.raises(type(error)):
        make("large", Large, {"error": error})


def test_whatever_a_library_says_in_a_constructor_is_about_its_values() -> None:
    with pytest.raises(ConfigError, match=r"^layer: "):
        make("layer", torch.nn.Linear, {"in_features": "a", "out_features": 3})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\n  b\tc", "a b c"),
        ("9" * 5000, f"{'9' * 60}…{'9' * 20} (5000 characters)"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("half \udcff", r"half \udcff"),
    ],
)
def test_a_message_is_one_line_of_letters_that_can_be_shown(text: str, shown: str) -> None:
    assert str(ConfigError(text)) == shown
    assert len(str(ConfigError(" ".join([text] * 99)))) <= 1500


def test_check_gives_the_values_back_typed_and_resolved() -> None:
    node = OmegaConf.create(
        {
            "seed": 0, "num_seeds": 2, "data": {"a": "${seed}"}, "cell": {}, "optimizer": {}, "trainer": {},
            "early_stopping": {"patience": None}, "checkpoint": {"every_seconds": 1.0},
            "sweep": {"name": None, "dry": False, "fail_fast": False}, "allowed_packages": ["x"],
        }
    )  # fmt: skip
    checked = check(node)
    assert checked.data.a == 0
    assert checked.seed == 0
    assert list(checked.allowed_packages) == ["x"]


def test_known_keys_are_those_of_the_files_that_a_command_line_chooses() -> None:
    assert {"seed", "cell.hidden_size", "cell.nonlinearity", "early_stopping.patience"} <= set(known_keys())
    assert "cell.forget_bias" in known_keys(["cell=lstm"])
    assert "cell.forget_bias" not in known_keys(["cell=nosuch"])
    assert "cell._target_" not in known_keys()


def test_a_suggestion_is_made_only_where_one_is_near() -> None:
    assert "Did you mean" not in str(unknown_key("cell.zzz", ["hidden_size"]))
    assert "Did you mean a.hidden_size?" in str(unknown_key("a.hiddensize", ["hidden_size"]))


def test_conf_is_found() -> None:
    assert (CONF / "config.yaml").is_file()
