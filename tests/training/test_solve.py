"""Solving a readout: the normal equations, which penalty is taken, bits, and what a run of it leaves and refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqexp.config.mistakes import ConfigError
from seqexp.run.build import prepare
from seqexp.run.estimate import estimate
from seqexp.run.execute import run
from seqexp.run.load import load
from seqexp.search import trial as search_trial
from seqexp.training.solve import Moments, Solved, solve
from tests.run.test_build import composed

TINY = ["cell=esn", "cell.hidden_size=12", "num_seeds=3", "data.length=120"]
MASKED = ["data=narma", "data.num_sequences=60", "data.length=30"]  # whose first steps count nothing


def solved(*overrides: str, dtype: torch.dtype = torch.float32) -> tuple[Any, Solved]:
    """A population that has been solved, and what came out."""
    parts, _ = prepare(composed(*TINY, *overrides))
    splits = parts.data.splits
    parts.training.to(dtype)
    return parts, solve(parts.training, splits["train"], splits["val"], parts.data.seeds)


def rows(parts: Any, name: str, seed: int) -> tuple[Any, Any]:
    """States with a column of ones, and targets, of one seed's steps that count, in the data's order."""
    model, split = parts.training.model, parts.data.splits[name]
    with torch.no_grad():
        states = model.encode(split.inputs.to(model.weight), split.lengths)[seed].double()
    wanted = split.targets[seed].double()
    if wanted.dim() == 3:
        states, counts = states.permute(2, 1, 0), split.weight[seed] > 0  # (H, T, B) -> (B, T, H)
        states, wanted = states[counts], wanted[counts]
    else:
        states = states.t()
    return np.column_stack([states.numpy(), np.ones(len(states))]), wanted.numpy()


@pytest.mark.parametrize("overrides", [[], MASKED], ids=["last", "steps"])
def test_the_readout_is_ridge_regression_with_the_penalty_that_is_best_on_validation(overrides: list[str]) -> None:
    parts, found = solved(*overrides, dtype=torch.float64)
    model = parts.training.model
    for seed in range(3):
        (x, y), (x_val, y_val) = (rows(parts, name, seed) for name in ("train", "val"))
        scores = {}
        for penalty in model.cell.penalties:
            free = len(x) * penalty * np.eye(13)
            free[-1, -1] = 0  # the bias
            readout = np.linalg.solve(x.T @ x + free, x.T @ y)
            scores[penalty] = np.square(x_val @ readout - y_val).mean(), readout
        best = min(scores, key=lambda penalty: scores[penalty][0])
        assert found.penalties[seed] == best
        score, readout = scores[best]
        own = torch.cat([model.weight[seed], model.bias[seed][:, None]], 1).detach().numpy()
        np.testing.assert_allclose(x @ own.T, x @ readout, atol=1e-6)
        np.testing.assert_allclose(found.best[seed], score, rtol=1e-6)
    assert found.validated


def test_moments_count_weights_and_lose_no_digits_to_an_offset() -> None:
    rng = np.random.default_rng(3)
    states, weight = rng.normal(size=(40, 4)) + 1e5, rng.integers(0, 3, 40).astype(float)
    targets = states @ rng.normal(size=(4, 2)) + 0.1 * rng.normal(size=(40, 2))
    given = [torch.tensor(each) for each in (states, targets, weight)]
    given[0][weight == 0] = torch.nan  # what counts nothing may be anything
    moments = Moments.around(*given)
    for piece in (slice(15), slice(15, None)):
        moments.add(*(each[piece] for each in given))
    (found,) = moments.solve([0.01])
    center = np.average(states, axis=0, weights=weight), np.average(targets, axis=0, weights=weight)
    x, y = states - center[0], targets - center[1]
    wanted = np.linalg.solve(x.T * weight @ x + 0.01 * weight.sum() * np.eye(4), x.T * weight @ y)
    np.testing.assert_allclose(found[:, :4].numpy(), wanted.T, rtol=1e-8)
    np.testing.assert_allclose(found[:, 4].numpy(), center[1] - center[0] @ wanted, rtol=1e-8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("overrides", [[], MASKED], ids=["last", "steps"])
def test_a_seed_has_the_bits_that_it_has_alone(overrides: list[str], dtype: torch.dtype) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        parts, together = solved(*overrides, "num_seeds=5", dtype=dtype)
        torch.set_num_threads(1)
        other, alone = solved(*overrides, "num_seeds=1", "seed=3", dtype=dtype)
    finally:
        torch.set_num_threads(before)
    assert together.penalties[3] == alone.penalties[0]
    for mine, own in zip(parts.training.model.parameters(), other.training.model.parameters(), strict=True):
        assert torch.equal(mine[3], own[0])
    assert torch.equal(together.best[3], alone.best[0])
    assert all(torch.equal(together.train[name][3], alone.train[name][0]) for name in together.train)


def test_a_reservoir_that_explodes_has_no_readout_and_leaves_the_others_alone() -> None:
    parts, _ = prepare(composed(*TINY, "cell.linear=true"))
    with torch.no_grad():
        parts.training.model.cell.weight_hh[1] *= 1e6
    splits = parts.data.splits
    found = solve(parts.training, splits["train"], splits["val"], parts.data.seeds)
    assert found.diverged.tolist() == [False, True, False]
    assert [each is None for each in found.penalties] == [False, True, False]
    assert torch.isfinite(found.best).tolist() == [True, False, True]


def test_a_run_leaves_what_a_run_leaves_but_no_epochs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    record = run(TINY, tmp_path / "whole")
    assert (record.status, record.epochs, record.steps, record.best_epoch) == ("done", 0, 0, [])
    assert (record.num_parameters, record.state_size) == (13, 12)
    assert record.penalty is not None
    assert record.varies is not None
    assert "order" not in record.varies
    assert set(record.scores) == {"train", "val", "test"}
    assert json.loads((tmp_path / "whole" / "result.json").read_text())["penalty"] == record.penalty
    assert not (tmp_path / "whole" / "curves.csv").exists()
    with np.load(tmp_path / "whole" / "predictions.npz") as file:
        squared = np.square(file["predictions"] - file["targets"]).mean((1, 2))
    np.testing.assert_allclose(record.score("test"), squared, rtol=1e-6)  # type: ignore[arg-type]
    kept = load(tmp_path / "whole")
    assert kept(np.zeros((2, 20, 1))).shape == (3, 2, 1)
    again = tmp_path / "again"
    started = run([*TINY, f"cell.weights={tmp_path / 'whole'}"], again)
    assert started.scores == record.scores  # the same reservoir, and so the same readout


def test_an_attempt_that_was_broken_off_is_solved_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("seqexp.training.solve.solve", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(TINY, tmp_path / "broken")
    assert run(TINY, tmp_path / "broken").scores == run(TINY, tmp_path / "whole").scores


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["data=digits"], "cell must be another for this task: its targets are classes, and the readout of ESN"),
        (["data=adding"], "data.fresh must be false for this cell: the readout of ESN is solved"),
        (["trainer.limit_train_batches=1", "data.batch_size=8"], "trainer.limit_train_batches and trainer.overfit_"),
        (["trainer.limit_val_batches=0"], "cell.penalties must be a single number in a list where nothing is valid"),
        (["callback=[gradient_norm]"], "callback.gradient_norm must be left out for this cell: it watches training"),
        (["diagnostic=[gradient_lag]"], "diagnostic.gradient_lag: needs a cell that is trained by gradients, and the"),
        (["cell.penalties=[-1]"], "cell.penalties must be a list of numbers > 0, all different, got -1"),
    ],
)
def test_what_needs_training_is_refused(overrides: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        prepare(composed("cell=esn", "num_seeds=2", *overrides))


def test_one_penalty_needs_no_validation_and_the_time_is_estimated() -> None:
    parts, _ = prepare(composed(*TINY, "trainer.limit_val_batches=0", "cell.penalties=[1e-4]"))
    found = solve(parts.training, parts.data.splits["train"], None, parts.data.seeds)
    assert found.penalties == [1e-4] * 3
    assert not found.validated
    assert 0 < estimate(parts) < 60


def test_a_trial_of_a_search_is_solved_too() -> None:
    parts, _ = prepare(composed(*TINY))
    outcome = search_trial.train(parts, None, 0)  # type: ignore[arg-type]  # nothing is reported
    assert outcome.epochs == 0
    assert outcome.val == solved()[1].best.double().tolist()
    parts, _ = prepare(composed(*TINY, "cell.linear=true"))
    with torch.no_grad():
        parts.training.model.cell.weight_hh[1] *= 1e6
    with pytest.raises(search_trial.DivergedError, match="seed 1 diverged in its reservoir"):
        search_trial.train(parts, None, 0)  # type: ignore[arg-type]


def test_a_comparison_says_what_was_not_trained(command: Callable[..., Any]) -> None:
    shared = ["data=adding", "data.fresh=false", "data.steps_per_epoch=null", "data.num_sequences=60", "data.length=4"]
    shared += ["data.batch_size=16"]
    done = command("--multirun", "cell=rnn,esn", *shared, "num_seeds=2", "trainer.max_epochs=1", "sweep.name=mine")
    assert done.status == 0, done.err
    text = Path("outputs/mine/comparison.md").read_text()
    assert "esn: the readout alone is learnt, by least squares, without epochs; parameters are the readout's" in text
    assert "Budgets differ" not in text
    assert re.search(r"in no step of training", text)
    assert "a new order of training (in some rows)" in text
    assert Path("outputs/mine/cell=rnn/curves.csv").exists()
    assert not Path("outputs/mine/cell=esn/curves.csv").exists()
