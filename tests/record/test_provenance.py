"""Where a result comes from: what the fingerprint covers, and what git says in a checkout and outside."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import seqexp
from seqexp.record import provenance
from seqexp.run import run


def settings() -> dict[str, Any]:
    return {
        "seed": 0,
        "num_seeds": 2,
        "data": {"noise": 0.1},
        "cell": {"hidden_size": 16},
        "trainer": {"max_epochs": 3, "enable_progress_bar": True, "profiler": None},
        "allowed_packages": [],
    }


def changed(group: str | None, key: str, value: Any) -> dict[str, Any]:
    made = settings()
    (made if group is None else made[group])[key] = value
    return made


@pytest.mark.parametrize(
    ("group", "key", "value"),
    [(None, "seed", 1), (None, "num_seeds", 3), ("data", "noise", 0.2), ("cell", "hidden_size", 17),
     ("trainer", "max_epochs", 4), ("trainer", "precision", "64-true")],
)  # fmt: skip
def test_what_changes_the_result_changes_the_fingerprint(group: str | None, key: str, value: Any) -> None:
    assert provenance.fingerprint(changed(group, key, value)) != provenance.fingerprint(settings())


@pytest.mark.parametrize(
    ("group", "key", "value"),
    [
        ("trainer", "enable_progress_bar", False),
        ("trainer", "profiler", "simple"),
        (None, "allowed_packages", ["x"]),
        (None, "diagnostic", ["gates"]),
        (None, "print_every", 10),
        (None, "logger", {"_target_": "x"}),
        (None, "allowed_environment", ["HOME"]),
    ],
)
def test_what_does_not_change_the_result_leaves_the_fingerprint(group: str | None, key: str, value: Any) -> None:
    assert provenance.fingerprint(changed(group, key, value)) == provenance.fingerprint(settings())


def test_the_order_of_keys_and_the_version_do_not_matter_and_numerics_does(monkeypatch: pytest.MonkeyPatch) -> None:
    before = provenance.fingerprint(settings())
    assert provenance.fingerprint(dict(reversed(settings().items()))) == before
    monkeypatch.setattr(seqexp, "__version__", "999")
    assert provenance.fingerprint(settings()) == before
    monkeypatch.setattr(provenance, "NUMERICS", "999")
    assert provenance.fingerprint(settings()) != before


UNCHANGED: list[dict[str, Any]] = [
    *({}, {"overfit_batches": None}, {"overfit_batches": 0.0}),
    *({"accumulate_grad_batches": None}, {"accumulate_grad_batches": 1}),
    *({"check_val_every_n_epoch": 1}, {"check_val_every_n_epoch": 2, "val_check_interval": 3}),
    *({"val_check_interval": 3}, {"check_val_every_n_epoch": None, "val_check_interval": None}),
    *({"limit_val_batches": None, "limit_test_batches": None}, {"limit_val_batches": 1.0, "limit_test_batches": 1.0}),
    *({"limit_val_batches": 0}, {"limit_val_batches": 0.0}, {"fast_dev_run": False}, {"fast_dev_run": 0}),
]
CHANGED: list[dict[str, Any]] = [
    *({"overfit_batches": 2}, {"accumulate_grad_batches": 2}),
    {"check_val_every_n_epoch": None, "val_check_interval": 3},
    *({"limit_val_batches": 1}, {"limit_val_batches": 0.5}, {"limit_test_batches": 1}, {"limit_test_batches": 0.5}),
    *({"fast_dev_run": True}, {"fast_dev_run": 3}),
]


@pytest.mark.parametrize(
    ("given", "is_changed"), [*((each, False) for each in UNCHANGED), *((each, True) for each in CHANGED)]
)
def test_what_means_other_numbers_than_before_is_another_run(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], is_changed: bool
) -> None:
    made = settings()
    made["trainer"] |= given
    now = provenance.fingerprint(made)
    monkeypatch.setattr(provenance, "CHANGED_SETTINGS", {})
    assert (provenance.fingerprint(made) != now) == is_changed


def test_null_and_one_validate_at_the_same_batches_where_there_is_no_interval(tmp_path: Path) -> None:
    small = ("num_seeds=2", "data.length=60", "data.batch_size=8", "trainer.max_epochs=3", "cell.hidden_size=2")
    found = [
        run([*small, f"trainer.check_val_every_n_epoch={every}"], tmp_path / every).val_mse for every in ("null", "1")
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("key", "neutral", "other"),
    [("data.score", "mse", "mae"), ("scheduler", None, {"_target_": "x"}), ("cell.readout.bias", True, False),
     ("trainer.more", 0, False), ("model", {"tied": False}, {"tied": True})],
)  # fmt: skip
def test_a_key_at_its_neutral_value_is_as_good_as_none(
    monkeypatch: pytest.MonkeyPatch, key: str, neutral: Any, other: Any
) -> None:
    before = provenance.fingerprint(settings())

    def added(value: Any) -> str:
        made = settings()
        node, *path = made, *key.split(".")
        for name in path[:-1]:
            node = node.setdefault(name, {})
        node[path[-1]] = value
        if key.startswith("cell.readout"):  # the group is as new as the key
            monkeypatch.setitem(provenance.NEUTRAL_SETTINGS, "cell.readout", {})
        return provenance.fingerprint(made)

    assert added(neutral) != before  # unless it is said to be neutral
    monkeypatch.setitem(provenance.NEUTRAL_SETTINGS, key, neutral)
    assert added(neutral) == before
    assert added(other) != before


def test_the_fingerprints_of_0_1_are_those_of_today() -> None:
    text = json.dumps(["0.1.0", {k: v for k, v in settings().items() if k != "allowed_packages"}], sort_keys=True)
    text = text.replace('"enable_progress_bar": true, ', "").replace(', "profiler": null', "")
    assert provenance.fingerprint(settings()) == hashlib.sha256(text.encode()).hexdigest()[:32]


def test_a_fingerprint_is_the_same_in_another_process(environment: dict[str, str]) -> None:
    code = (
        f"from seqexp.record.provenance import fingerprint; import sys; sys.stdout.write(fingerprint({settings()!r}))"
    )
    environment["PYTHONHASHSEED"] = "12345"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == provenance.fingerprint(settings())


def test_versions_are_those_that_are_installed() -> None:
    found = provenance.versions()
    assert found["seqexp"] == seqexp.__version__
    assert found["python"] == platform.python_version()
    for name in ("torch", "lightning", "hydra-core", "omegaconf", "numpy"):
        assert found[name] == importlib.metadata.version(name)


def in_git(folder: Path, *command: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    done = subprocess.run(["git", *identity, *command], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_git_names_the_commit_and_whether_files_have_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "repository" / "seqexp"
    (package / "record").mkdir(parents=True)
    source = shutil.copy(provenance.__file__, package / "record")
    monkeypatch.setattr(provenance, "__file__", str(source))
    assert provenance.git() is None  # not a checkout
    in_git(package, "init", "-q")
    assert provenance.git() is None  # somebody's checkout, but this file is not part of it
    in_git(package, "add", "record/provenance.py")
    in_git(package, "commit", "-q", "-m", "first")
    assert provenance.git() == {"commit": in_git(package, "rev-parse", "HEAD"), "dirty": False}
    (package / "new_cell.py").touch()
    assert provenance.git() == {"commit": in_git(package, "rev-parse", "HEAD"), "dirty": True}
    (package / "new_cell.py").unlink()
    with Path(source).open("a") as file:
        file.write("# changed\n")
    assert provenance.git() == {"commit": in_git(package, "rev-parse", "HEAD"), "dirty": True}


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert provenance.git() is None


def test_the_cpu_is_called_cpu() -> None:
    assert provenance.device_name(torch.device("cpu")) == "cpu"
