"""seqexp/config/environment.py: a run may read the environment, and its folder does not tell what it read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from seqexp.compare import compare
from seqexp.config.environment import masked, unmasked
from seqexp.record.record import Record, RecordError, find
from seqexp.run import load
from tests.conftest import TINY_SINE, Done

Command = Callable[..., Done]

NOISE = "0.19283746"
READ = "experiment=mine"
MASK = "<environment variable MY_NOISE, decoded>"


@pytest.fixture(autouse=True)
def variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MY_NOISE", NOISE)
    theirs = tmp_path / "conf" / "experiment" / "mine.yaml"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("# @package _global_\ndata: {noise: '${oc.decode:${oc.env:MY_NOISE}}'}\n")


def tells(folder: Path) -> list[str]:
    """The files in which the value stands."""
    return [path.name for path in folder.rglob("*") if path.is_file() and NOISE.encode() in path.read_bytes()]


def one(command: Command, *arguments: str) -> Path:
    shutil.rmtree("outputs", ignore_errors=True)
    done = command("--config-dir=../conf", *arguments, *TINY_SINE)
    assert (done.status, done.err) == (0, "")
    assert NOISE not in done.out
    (folder,) = find(Path("outputs"))
    return folder


@pytest.mark.parametrize("how", [(), ("--multirun", "sweep.name=mine"), ("--multirun", "hydra/launcher=joblib")])
def test_a_runs_folder_does_not_tell_what_was_read(command: Command, how: tuple[str, ...]) -> None:
    if "hydra/launcher=joblib" in how:
        pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    folder = one(command, *how, READ)
    assert tells(Path("outputs")) == []
    assert Record.read(folder).config["data"]["noise"] == MASK


def test_the_true_value_defines_the_run(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = Record.read(one(command, READ))
    plain = Record.read(one(command, f"data.noise={NOISE}"))
    assert hidden.fingerprint == plain.fingerprint
    assert hidden.test_mse == plain.test_mse
    monkeypatch.setenv("MY_NOISE", "0.5")
    assert Record.read(one(command, READ)).fingerprint != plain.fingerprint


def test_what_is_allowed_is_recorded_as_it_is(command: Command) -> None:
    folder = one(command, READ, "allowed_environment=[MY_NOISE]")
    assert Record.read(folder).config["data"]["noise"] == float(NOISE)
    assert load(folder).num_parameters == Record.read(folder).num_parameters


def test_whoever_loads_is_told_what_is_needed(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SIZE", "7")
    folder = one(command, "cell.hidden_size='${oc.decode:${oc.env:MY_SIZE}}'")
    with pytest.raises(RecordError, match=r"cell.hidden_size.*MY_SIZE.*allowed_environment=\['MY_SIZE'\]"):
        load(folder)
    model = load(folder, allowed_environment=["MY_SIZE"])
    assert model.num_parameters == Record.read(folder).num_parameters
    monkeypatch.delenv("MY_SIZE")
    with pytest.raises(RecordError, match="MY_SIZE, which is not set"):
        load(folder, allowed_environment=["MY_SIZE"])


def test_an_error_of_the_run_does_not_tell_it_either(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def threads(parts: object) -> None:
        raise RuntimeError(f"noise {NOISE} is too loud")

    monkeypatch.setattr("seqexp.run.fit.limit_threads", threads)
    done = command("--config-dir=../conf", "--multirun", READ, *TINY_SINE)
    assert done.status == 1
    (folder,) = find(Path("outputs"))
    assert Record.read(folder).error == {
        "type": "RuntimeError", "message": "noise <environment variable MY_NOISE> is too loud"
    }  # fmt: skip
    assert tells(Path("outputs")) == []


def test_masked_runs_are_compared(command: Command) -> None:
    done = command("--config-dir=../conf", "--multirun", "cell=rnn,lstm", READ, *TINY_SINE)
    assert done.status == 0
    assert {each.cell for each in (Record.read(path) for path in find(Path("outputs")))} == {"rnn", "lstm"}
    assert compare(Path("outputs")).sentences


def test_masks_are_put_in_and_taken_out_wherever_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE", "first-value")
    monkeypatch.setenv("TWO", "second-value")
    monkeypatch.setenv("THREE", "3")
    text = """
        allowed_environment: [TWO]
        plain: [1, {a: x}]
        whole: ${oc.env:ONE}
        part: in ${oc.env:ONE} and ${oc.env:TWO}
        shown: ${oc.env:TWO}
        through: ${whole}
        list: ["${oc.env:ONE}", b]
        node: {deep: {a: "${oc.env:ONE}"}}
        unset: ${oc.env:NO_SUCH_VARIABLE,default}
        digits: ${oc.env:THREE}
        number: ${oc.decode:${oc.env:THREE}}
    """
    config = OmegaConf.create(text)
    assert isinstance(config, DictConfig)
    settings = OmegaConf.to_container(config, resolve=True)
    assert isinstance(settings, dict)
    named = {str(key): value for key, value in settings.items()}
    mask = "<environment variable ONE>"
    found = masked(config, named)
    assert found == {
        **named, "whole": mask, "part": f"in {mask} and second-value", "through": mask, "list": [mask, "b"],
        "node": {"deep": {"a": mask}}, "digits": "<environment variable THREE>",
        "number": "<environment variable THREE, decoded>",
    }  # fmt: skip
    assert unmasked(found, ["ONE", "THREE"]) == named
    assert (named["digits"], named["number"]) == ("3", 3)
    with pytest.raises(LookupError, match=r"whole comes from the environment variable ONE"):
        unmasked(found, ["TWO"])
