"""The weights along training: where they are kept, that keeping changes no bit, and that they survive a kill."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqexp.config.mistakes import ConfigError
from seqexp.diagnostic.diagnostic import join
from seqexp.record.record import Record, RecordError
from seqexp.run import kept_steps, load
from seqexp.run.diagnose import measure_later
from seqexp.run.way import steps_kept
from seqexp.training.steps import path_of, spread
from tests.training.test_checkpoints import composed, content, disturb, train

ENDS = ("trainer.max_epochs=4", "cell=rnn")
"""Of 5 steps each."""

WEIGHTS = "checkpoint.weights=6"


def bits(path: Path) -> dict[str, bytes]:
    saved = torch.load(path, weights_only=True)["state_dict"]
    return {name: value.numpy().tobytes() for name, value in saved.items()}


def all_bits(folder: Path) -> dict[int, dict[str, bytes]]:
    return {step: bits(path_of(folder, step)) for step in kept_steps(folder)}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("steps") / "kept"
    train(folder, *ENDS, WEIGHTS)
    return folder


def test_steps_are_spread_by_their_logarithm_from_the_start_to_the_end() -> None:
    assert spread(6, 10_000) == [0, 1, 10, 100, 1000, 10_000]
    assert spread(2, 17) == [0, 17]
    assert spread(40, 3) == [0, 1, 2, 3]
    assert spread(5, 0) == [0]
    many = spread(40, 123_457)
    assert many[0] == 0
    assert many[-1] == 123_457
    assert 30 < len(many) <= 40


def test_nobody_knows_the_last_of_endless_steps_and_what_is_solved_has_none() -> None:
    assert steps_kept(None, float("inf"), False) == []
    assert steps_kept(40, 100.0, True) == []
    with pytest.raises(ConfigError, match=r"checkpoint\.weights=40: .* trainer\.max_epochs or trainer\.max_steps"):
        steps_kept(40, float("inf"), False)


def test_keeping_weights_changes_no_bit_and_is_no_other_run(tmp_path: Path, kept: Path) -> None:
    train(tmp_path, *ENDS)
    assert content(tmp_path) == content(kept)
    assert Record.read(tmp_path).fingerprint == Record.read(kept).fingerprint
    assert kept_steps(tmp_path) == []
    assert kept_steps(kept) == spread(6, 20)


def test_a_step_can_be_loaded_and_one_that_is_missing_says_which_there_are(kept: Path) -> None:
    first, last = load(kept, step=0), load(kept, step=20)
    trained = torch.load(kept / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    for name, values in last.state_dict().items():
        torch.testing.assert_close(values, trained[f"model.{name}"], rtol=0, atol=0)
    assert not torch.equal(first.weight, last.weight)
    assert first(torch.zeros(3, 8, 1)).shape == (2, 3, 1)
    with pytest.raises(RecordError, match=r"no weights of step 7, but those of steps 0, 1, 2, 4, 9, 20$"):
        load(kept, step=7)


def test_a_run_that_kept_none_says_how_to(tmp_path: Path) -> None:
    record = train(tmp_path, "trainer.max_epochs=1", "early_stopping.patience=1", WEIGHTS)
    assert kept_steps(tmp_path)[-1] == record.steps  # of 5
    for step in kept_steps(tmp_path):
        path_of(tmp_path, step).unlink()
    with pytest.raises(RecordError, match=r"but none; checkpoint\.weights=40 keeps some"):
        load(tmp_path, step=0)


def test_a_training_that_was_killed_keeps_them_all(tmp_path: Path, kept: Path) -> None:
    disturb(tmp_path, 2, *ENDS, WEIGHTS)  # at the end of the second epoch, of 10 steps
    assert kept_steps(tmp_path) == [0, 1, 2, 4, 9]
    before = {step: path_of(tmp_path, step).stat().st_mtime_ns for step in kept_steps(tmp_path)}
    train(tmp_path, *ENDS, WEIGHTS)
    assert all_bits(tmp_path) == all_bits(kept)
    assert {step: path_of(tmp_path, step).stat().st_mtime_ns for step in before} == before


def test_the_size_is_said_before_training_and_refused_where_there_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Nothing:
        free = 100

    monkeypatch.setattr("shutil.disk_usage", lambda folder: Nothing)
    with pytest.raises(ConfigError, match=r"checkpoint\.weights=6: .* KiB in .*, and 100 bytes are free there"):
        train(tmp_path, *ENDS, WEIGHTS)
    Nothing.free = 10**9
    train(tmp_path, "trainer.max_epochs=1", WEIGHTS, "cell.hidden_size=5")
    (said,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("checkpoint.weights: ")]
    start, size, end = re.split(r"([\d.]+) KiB", said)
    assert start == "checkpoint.weights: the weights of 2 seeds at 5 steps from 0 to 5 take about "
    assert end == ", in checkpoints/"
    sizes = [path_of(tmp_path, step).stat().st_size for step in kept_steps(tmp_path)]
    assert sum(sizes) == pytest.approx(1024 * float(size), rel=0.05)


def test_seeds_that_stopped_at_other_steps_have_no_common_way() -> None:
    one = {"steps": np.array([[0, 5]]), "steps_capacity": np.ones((1, 2)), "end_capacity": np.ones(1)}
    other = {"steps": np.array([[0, 1, 4]]), "steps_capacity": np.ones((1, 3)), "end_capacity": np.ones(1)}
    assert set(join([(one, 0), (one, 0)])) == set(one)
    for parts in ([(one, 0), (other, 0)], [(one, 0), ({"end_capacity": np.ones(1)}, 0)]):
        assert set(join(parts)) == {"end_capacity"}


@pytest.mark.drawn
def test_instruments_are_measured_and_drawn_along_the_way(kept: Path) -> None:
    from seqexp.diagnostic.kept import path_of as measured_at
    from seqexp.diagnostic.kept import read

    names = "[spectrum,memory,gradient_lag]"
    config: Any = composed(*ENDS, WEIGHTS, f"diagnostic={names}", "diagnostic.memory.sequences=4").copy()
    del config.hydra
    times = ["start", "end", "along training"]
    assert measure_later(config, "rnn", kept) == dict.fromkeys(("spectrum", "memory", "gradient_lag"), times)
    for name, number, start in (
        ("spectrum", "steps_hh_radius", "hh_l0_eigenvalues"),
        ("memory", "steps_capacity", None),
        ("gradient_lag", "steps_h_factor", None),
    ):
        found = read(measured_at(kept, name))
        np.testing.assert_array_equal(found.arrays["steps"], [spread(6, 20)] * 2)
        assert found.arrays[number].shape == (2, 6)
        if name == "gradient_lag":
            norms = found.arrays["start_h"]
            before = (norms[:, -1] / norms[:, 0]) ** (1 / (norms.shape[1] - 1))
        else:
            before = np.abs(found.arrays[f"start_{start}"][:, 0]) if start else found.arrays["start_capacity"]
        np.testing.assert_allclose(found.arrays[number][:, 0], before, rtol=1e-9)  # step 0 is the start
        assert not np.allclose(found.arrays[number][:, -1], before)
        assert set(found.seconds) == {"start", "end", "steps"}


@pytest.mark.drawn
def test_a_step_that_cannot_be_read_costs_the_way_alone(kept: Path, tmp_path: Path, caplog: Any) -> None:
    own = shutil.copytree(kept, tmp_path / "own", ignore=shutil.ignore_patterns("diagnostics"))
    damaged = path_of(own, kept_steps(own)[2])
    damaged.write_bytes(damaged.read_bytes()[:100])
    config: Any = composed(*ENDS, WEIGHTS, "diagnostic=[spectrum]").copy()
    del config.hydra
    assert measure_later(config, "rnn", own) == {"spectrum": ["start", "end"]}
    assert f"spectrum: not measured along training: {damaged}: is not this run's checkpoint" in caplog.text
