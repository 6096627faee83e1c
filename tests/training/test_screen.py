"""The lines that a run prints of its epochs: which, with what numbers, and where to."""

from __future__ import annotations

import csv
import io
import logging
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rich.console import Console

from seqexp.record.record import Record
from seqexp.run.execute import run
from seqexp.training.screen import EpochBar, EpochLines, on_screen

SMALL = ("num_seeds=3", "data.length=120", "trainer.max_epochs=5")
NAN, INF = float("nan"), float("inf")


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, Path, list[str]]:
    """A run that prints every second epoch: its record, its folder, and what was printed."""
    folder = tmp_path_factory.mktemp("lines") / "run"
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        patch.chdir(folder.parent)
        record = run([*SMALL, "print_every=2"], folder=folder)
    return record, folder, out.getvalue().splitlines()


def test_every_second_epoch_and_the_last_one_are_lines_with_the_means_of_the_curves(
    printed: tuple[Record, Path, list[str]],
) -> None:
    _, folder, (head, *lines) = printed
    assert head == "rnn on sine · MSE, means over 3 seeds → run"
    found = [re.fullmatch(r"epoch (\d+) · train (\S+) · val (\S+)", line) for line in lines]
    with (folder / "curves.csv").open(newline="") as file:
        means = {row["epoch"]: row for row in csv.DictReader(file) if row["seed"] == "mean"}
    assert [each[1] for each in found if each] == ["2", "4", "5"]
    for each in found:
        assert each
        row = means[str(int(each[1]) - 1)]  # the file counts from 0
        assert (each[2], each[3]) == (f"{float(row['train_mse_running']):.4g}", f"{float(row['val_mse']):.4g}")


def test_the_log_has_the_same_lines_and_no_number_changes(
    printed: tuple[Record, Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record, folder, lines = printed
    log = (folder / "seqexp.log").read_text(encoding="utf-8")
    assert [log.count(line) for line in lines] == [1] * 4
    silent = run(SMALL, folder=tmp_path / "silent")
    assert (silent.score("test"), silent.fingerprint) == (record.score("test"), record.fingerprint)
    assert capsys.readouterr().out == ""
    assert "epoch 2" not in (tmp_path / "silent" / "seqexp.log").read_text(encoding="utf-8")


def test_without_validation_and_with_one_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["num_seeds=1", "seed=7", *SMALL[1:], "print_every=3", "data.val_fraction=0"], folder=tmp_path / "run")
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith("rnn on sine · MSE, seed 7 → ")
    assert [re.sub(r"[\d.]+$", "?", line) for line in lines] == ["epoch 3 · train ?", "epoch 5 · train ?"]


def lines(train: list[list[float]], val: list[list[float]], name: str = "", every: int = 2) -> EpochLines:
    """Those of a training of two seeds that has such scores so far."""
    history = {"train": [torch.tensor(row) for row in train], "val": [torch.tensor(row) for row in val]}
    training = SimpleNamespace(score=SimpleNamespace(label="MSE"))
    selection: Any = SimpleNamespace(seeds=(0, 1), history=history, training=training)
    return EpochLines("rnn on sine", Path("x"), name, every, selection)


NOBODY: Any = None


def test_a_training_that_goes_on_says_so_and_ends_with_its_last_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    found = lines([[1.0, 3.0]] * 3, [[1.0, 2.0]] * 3)
    found.on_fit_start(NOBODY, NOBODY)
    found.on_train_epoch_end(NOBODY, NOBODY)  # of the third epoch, whose turn it is not
    for _ in range(2):
        found.on_fit_end(NOBODY, NOBODY)
    assert capsys.readouterr().out.splitlines() == [
        "rnn on sine · MSE, means over 2 seeds, going on after epoch 3 → x",
        "epoch 3 · train 2 · val 1.5",
    ]


@pytest.mark.parametrize(
    ("train", "val", "said"),
    [
        ([1.0, NAN], [2.0, NAN], "epoch 1 · train 1 (1 of 2 seeds) · val 2 (1 of 2 seeds)"),
        ([1.0, INF], [2.0, 4.0], "epoch 1 · train 1 (1 of 2 seeds) · val 3"),
        ([NAN, INF], [NAN, NAN], "epoch 1 · train not finite"),
        ([INF, INF], [INF, NAN], "epoch 1 · train not finite · val not finite"),
        ([1.0, 2.0], [NAN, NAN], "epoch 1 · train 1.5"),
    ],
)
def test_seeds_that_diverged_are_in_no_mean(
    train: list[float], val: list[float], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines([train], [val], every=1).on_train_epoch_end(NOBODY, NOBODY)
    assert capsys.readouterr().out == f"{said}\n"


def test_lines_of_runs_side_by_side_say_of_which_they_are(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        lines([[1.0, 3.0]], [[1.0, 2.0]], "cell=rnn").on_train_end(NOBODY, NOBODY)
    assert capsys.readouterr().out == "cell=rnn · epoch 1 · train 2 · val 1.5\n"
    assert caplog.messages == ["epoch 1 · train 2 · val 1.5"]
    selection: Any = lines([], []).selection
    settings = {"print_every": 1, "trainer": {}}
    (beside,) = on_screen("rnn on sine", Path("s/cell=rnn"), selection, Console(), settings, True)
    assert isinstance(beside, EpochLines)
    assert beside.name == "cell=rnn"


class Terminal(io.StringIO):
    """A stream that is one."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """The terminal on which a bar is drawn."""
    monkeypatch.setenv("COLUMNS", "80")
    return Terminal()


@pytest.mark.parametrize("piped", [True, False], ids=["pipe", "terminal"])
def test_beside_the_bar_lines_go_where_standard_output_goes(
    piped: bool, screen: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO() if piped else Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    found = lines([[1.0, 3.0]], [[1.0, 2.0]])
    bar = EpochBar("rnn on sine", Console(file=screen, force_terminal=True, width=80), found.selection)
    trainer: Any = SimpleNamespace(max_epochs=5, current_epoch=0)
    bar.on_train_start(trainer, NOBODY)
    found.on_train_end(trainer, NOBODY)
    bar.on_train_end(trainer, NOBODY)
    line = "epoch 1 · train 2 · val 1.5\n"
    assert (out.getvalue() == line) is piped
    assert (line.strip() in screen.getvalue()) is not piped  # there Rich writes it above the bar
