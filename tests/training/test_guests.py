"""Tokens, classes, every step, unequal lengths, fresh batches and evaluations, trained by the whole program."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor

from seqexp.cell.gru import GRU
from seqexp.data.adding import Adding
from seqexp.data.split import Split
from seqexp.data.sum import Sum
from seqexp.model import Model
from seqexp.record.record import Record
from seqexp.run.build import build
from seqexp.run.load import load
from seqexp.run.pictures import classes_of_steps
from seqexp.score import CrossEntropy, error_rate
from seqexp.seeding import generator
from seqexp.training.keeper import Selection
from seqexp.training.module import Training

Train = Callable[..., Any]

TINY = (
    "num_seeds=3", "data.num_sequences=90", "data.steps_per_epoch=3", "data.batch_size=9", "trainer.max_epochs=2",
    "optimizer.lr=0.02", "cell.hidden_size=7", "trainer.enable_progress_bar=false",
)  # fmt: skip
COPY = ("data=copy", "data.pause=3", "data.test_lengths=[27]", "embedding_size=5")
PARITY = ("data=parity", "data.length=9", "data.test_lengths=[14]")
ADDING = ("data=adding", "data.length=9", "+data.evaluations.any.markers=anywhere")

CASES = {
    "copy rnn": (*COPY, "cell=rnn"),
    "copy gru in bits": (*COPY, "cell=gru", "data.score=cross_entropy_bits"),
    "copy lstm with dropout": (*COPY, "cell=lstm", "cell.num_layers=2", "cell.dropout=0.3"),
    "adding mgu": (*ADDING, "cell=mgu"),
    "adding lstm mae": (*ADDING, "cell=lstm", "data.score=mae"),
    "parity lstm": (*PARITY, "cell=lstm"),
    "parity rnn error rate": (*PARITY, "cell=rnn", "data.score=error_rate"),
}


def numbers(record: Record, folder: Path, index: int) -> dict[str, Any]:
    """All that a run says of one of its seeds, to the last bit."""
    found: dict[str, Any] = {
        f"{part} {metric}": row[index] for part, rows in record.scores.items() for metric, row in rows.items()
    }
    found["best_epoch"], found["solved"] = record.best_epoch[index], record.solved and record.solved[index]
    found["data"] = (record.data_hash or [])[index]
    with np.load(folder / "predictions.npz") as arrays:
        of_seeds = sorted({*arrays.files} - {"seeds", "series"})
        found["predictions"] = [arrays[name][index].tobytes() for name in of_seeds]
    curves = np.genfromtxt(folder / "curves.csv", delimiter=",", names=True)
    found["curves"] = curves[curves["seed"] == record.seeds[index]].tobytes()
    return found


@pytest.mark.parametrize("name", CASES)
def test_a_seed_alone_gets_the_same_bits(train: Train, name: str) -> None:
    together = train(*CASES[name], "seed=4", tiny=TINY)
    alone = train(*CASES[name], "seed=5", "num_seeds=1", tiny=TINY)
    assert numbers(*alone, 0) == numbers(*together, 1)
    record = together.record
    for part, rows in {"": record.baselines, **record.evaluation_baselines}.items():  # least squares may round
        others = alone.record.evaluation_baselines[part] if part else alone.record.baselines
        for guess, row in rows.items():
            assert others[guess] == (None if row is None else pytest.approx(row[1:2], rel=1e-9))
    (elsewhere,) = record.evaluation_baselines
    assert list(record.scores) == ["train", "val", "test", elsewhere]
    assert record.steps == 6
    assert all(math.isfinite(score) for part in record.scores for score in record.score(part) or [math.nan])
    assert len(set(record.score("test") or [])) == 3
    assert record.evaluation_baselines[elsewhere].keys() == record.baselines.keys()
    assert record.evaluation_baselines[elsewhere] != record.baselines


@pytest.mark.parametrize("changes", [(*COPY, "cell=lstm"), (*PARITY, "cell=gru")], ids=["copy", "parity"])
def test_a_kept_model_and_its_export_predict_what_was_recorded(train: Train, changes: Sequence[str]) -> None:
    record, folder = train(*changes, tiny=TINY)
    data = build(OmegaConf.create(record.config)).data  # the test data are made again
    data.make()
    test = data.splits["test"]
    with np.load(folder / "predictions.npz") as arrays:
        kept = dict(arrays)
    assert np.array_equal(kept["targets"], test.targets.numpy())
    model = load(folder)
    with torch.no_grad():
        predicted = model(test.inputs, test.lengths)
        recorded = torch.from_numpy(kept["predictions"]) if "predictions" in kept else predicted
        torch.testing.assert_close(predicted, recorded, rtol=0, atol=1e-6)
        for name, values in classes_of_steps(test.targets, predicted).items() if "predicted" in kept else ():
            np.testing.assert_allclose(kept[name], values, rtol=2e-3)
        module = model.to_torch(1)
        for row in range(3):
            length = test.steps if test.lengths is None else int(test.lengths[1, row])
            inputs = test.inputs[1, row : row + 1, :length]
            states = module["cell"](module["embedding"](inputs) if "embedding" in module else inputs)[0]
            expected = module["readout"](states)[0]
            found = recorded[1, row]
            torch.testing.assert_close(found, expected if found.dim() == 2 else expected[-1], rtol=0, atol=1e-5)
    logits, targets = recorded.double().flatten(1, -2), test.targets.flatten(1)
    for index in range(3):
        score = torch.nn.functional.cross_entropy(logits[index], targets[index])
        assert (record.score("test") or [])[index] == pytest.approx(
            score.item(), rel=1e-9 if recorded is not predicted else 1e-6
        )


def test_a_score_that_only_counts_is_selected_on_and_trained_by_another(train: Train) -> None:
    record, _ = train(*PARITY, "data.score=error_rate", tiny=TINY)
    trained, _ = train(*PARITY, tiny=TINY)
    assert record.metric == "error_rate"
    for part, rows in record.scores.items():
        assert all((30 * value) % 1 == pytest.approx(0, abs=1e-6) or part != "test" for value in rows["error_rate"])
        if record.best_epoch == trained.best_epoch:
            assert rows["cross_entropy"] == pytest.approx(trained.score(part), rel=1e-6)
        accuracy = trained.score(part, "accuracy")
        assert accuracy is not None or part == "val"
    assert record.score("test", "accuracy") == pytest.approx([1 - each for each in record.score("test") or []])


def test_scores_of_weighted_steps_do_not_depend_on_how_they_are_cut_into_batches() -> None:
    rng = torch.Generator().manual_seed(0)
    cell = GRU(input_size=2, num_seeds=3, hidden_size=4, num_layers=1, dropout=0.0, bidirectional=False)
    model = Model(cell, 5, "steps", 0)
    model.reset_parameters([generator(seed, "model") for seed in range(3)])
    training = Training(model.double(), CrossEntropy("nats"), Sum(1, 1, "normal"), torch.optim.Adam)
    training.configure_optimizers()
    weight = torch.rand(3, 7, 6, generator=rng, dtype=torch.float64) * torch.tensor([9.0, 1, 1, 1, 0, 2, 1])[:, None]
    inputs = torch.randn(3, 7, 6, 2, generator=rng, dtype=torch.float64)
    split = Split(inputs, torch.randint(5, (3, 7, 6), generator=rng), weight)
    with torch.no_grad():
        expected = training.score.value(model(split.inputs), split.targets, weight)
    accuracy = 1 - error_rate(model(split.inputs).detach(), split.targets, weight)
    for index, batch in enumerate(split.batches(2)):
        training.training_step(batch, index)
        training.validation_step(batch, index)
    training.end_validation()
    measured = training.measure(split.batches(2))
    for found in (training.train_score.mean(), training.val_score.mean(), measured["cross_entropy"]):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(measured["accuracy"], accuracy, rtol=0, atol=1e-12)


def test_a_seed_has_its_bits_however_the_others_cut_its_evaluation(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three seeds are evaluated in two pieces, one seed in a single one."""
    monkeypatch.setattr("seqexp.data.split.EVALUATION_ROWS", 100)
    asked = ("data=sum", "data.num_sequences=240", "data.train_fraction=0.4", "data.val_fraction=0.3", "cell=gru")
    tiny = ("trainer.max_epochs=3", "data.batch_size=null", "trainer.enable_progress_bar=false", "num_seeds=3")
    together, _ = train(*asked, "data.test_lengths=[7]", tiny=tiny)
    alone, _ = train(*asked, "data.test_lengths=[7]", "seed=2", "num_seeds=1", tiny=tiny)
    for part in ("train", "val", "test", "test@7"):
        assert (together.score(part) or [])[2:] == alone.score(part), part


# ---------------------------------------------------------------- a criterion of success


def test_the_criterion_is_asked_of_the_whole_validation_however_it_is_cut(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[int] = set()

    def solved(self: Adding, prediction: Tensor, batch: Split) -> Tensor:
        assert prediction.shape == batch.targets.shape
        assert batch.steps == 9
        seen.add(batch.num_sequences)
        return torch.full((3,), batch.num_sequences == 30)

    monkeypatch.setattr(Adding, "solved", solved)
    for name, value in (("EVALUATION_ROWS", 24), ("ROWS_STEP", 1)):  # eight sequences of each of the three seeds
        monkeypatch.setattr(f"seqexp.data.split.{name}", value)
    record, _ = train(*ADDING, tiny=TINY)
    assert record.solved == [3, 3, 3]
    assert seen == {30}


def test_the_step_is_the_first_and_not_of_a_seed_that_would_have_stopped_alone() -> None:
    scores = iter([[3.0, 3.0, 3.0], [2.0, 4.0, 2.0], [1.0, 4.0, 4.0], [0.5, 1.0, 1.0]])
    verdicts = iter([[False] * 3, [True, False, False], [False, False, True], [True, True, True]])
    training: Any = SimpleNamespace(
        model=torch.nn.Linear(1, 3),
        val_score=SimpleNamespace(mean=lambda: torch.tensor(next(scores))),
        end_validation=lambda: torch.tensor(next(verdicts)),
    )
    trainer: Any = SimpleNamespace(strategy=SimpleNamespace(root_device=torch.device("cpu")), sanity_checking=False)
    selection = Selection(training, range(3), patience=1)
    selection.setup(trainer, training, "fit")
    assert selection.solved is None
    for epoch in range(4):
        trainer.current_epoch, trainer.global_step = epoch, 10 * (epoch + 1)
        selection.on_validation_epoch_end(trainer, training)
    assert selection.solved is not None
    assert selection.solved.tolist() == [20, -1, 30]  # the second seed stops at 20, the third at 30
    assert selection.best_epoch.tolist() == [3, 0, 1]
