"""What a network learns from is scaled by training rows alone, and predictions are in the data's units again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seqexp.cell.lstm import LSTM
from seqexp.data.fixed import FixedSeries
from seqexp.data.module import PopulationData
from seqexp.data.scales import KINDS
from seqexp.data.split import Split
from seqexp.model import Model
from seqexp.readout import read_last
from seqexp.scaling import Scaling
from seqexp.score import AbsoluteError, Score, SquaredError
from seqexp.seeding import generator

LENGTH, WINDOW = 120, 6


def table() -> np.ndarray:
    """Three columns of very different sizes, all above 0."""
    noise = np.random.default_rng(0).standard_normal((LENGTH, 3)).cumsum(0)
    return np.exp(0.05 * noise) * [1.0, 4000.0, 0.02]


def series(scaling: Any = "standard", targets: tuple[str, ...] = ("b",), values: Any = None) -> FixedSeries:
    return FixedSeries(table() if values is None else values, "abc", "ab", targets, WINDOW, 1, scaling)


def made(task: FixedSeries, seeds: Any = range(2), folds: int = 2) -> tuple[Scaling, PopulationData]:
    data = PopulationData(lambda changes: task, seeds, None, 0.7, 0.15, 0.15, folds=folds)
    data.make()
    assert task.scales is not None
    scaling = Scaling(len(seeds), 2, len(task.scales.targets))
    scaling.fit(task.scales, task.rows(data.splits["train"]), data.splits["train"])
    return scaling, data


def model_of(task: FixedSeries, seeds: Any = range(2), folds: int = 2) -> tuple[Model, Split]:
    scaling, data = made(task, seeds, folds)
    cell = LSTM(2, len(seeds), hidden_size=4, num_layers=1, dropout=0.0, bidirectional=False, forget_bias=0.0)
    model = Model(cell, scaling.target_scale.shape[1], "last", 0, scaling)
    model.reset_parameters([generator(seed, "model") for seed in seeds])
    return model, data.splits["train"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_numbers_are_those_of_the_training_rows(kind: str) -> None:
    task = series(kind)
    scaling, data = made(task)
    count = data.splits["train"].num_sequences
    for seed in range(2):
        begin = data.folds.shift(seed)
        rows = table()[begin : begin + count + WINDOW - 1, :2]
        known = np.log(rows) if kind == "log" else np.diff(rows, axis=0) if kind == "difference" else rows
        offset = {"none": [0, 0], "minmax": known.min(0)}.get(kind, known.mean(0))
        scale = {"none": [1, 1], "minmax": np.ptp(known, axis=0)}.get(kind, known.std(0))
        np.testing.assert_allclose(scaling.input_offset[seed], offset, rtol=1e-4)
        np.testing.assert_allclose(scaling.input_scale[seed], scale, rtol=1e-4)
        whole = scaling(data.splits["train"].inputs)[seed]
        first = rows[:WINDOW] if kind != "difference" else None
        if first is not None:
            wanted = ((np.log(first) if kind == "log" else first) - offset) / scale
        else:
            wanted = np.vstack([[0, 0], (np.diff(rows[:WINDOW], axis=0) - offset) / scale])
        np.testing.assert_allclose(whole[0], wanted, rtol=1e-3, atol=1e-3)


def test_rows_after_training_change_nothing() -> None:
    later = table()
    later[LENGTH // 2 + 40 :] *= 7
    for one, other in zip(made(series())[0].buffers(), made(series(values=later))[0].buffers(), strict=True):
        assert torch.equal(one[:1] if one.dim() == 2 else one, other[:1] if other.dim() == 2 else other)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("targets", [("b",), ("a", "b")])
def test_what_is_hidden_is_restored(kind: str, targets: tuple[str, ...]) -> None:
    scaling, data = made(series(kind, targets))
    split = data.splits["test"]
    hidden = scaling.hide(split.targets, split.inputs, None)
    assert hidden.abs().max() < (1e4 if kind == "none" else 20)
    torch.testing.assert_close(scaling.restore(hidden, split.inputs, None), split.targets, rtol=1e-4, atol=1e-4)


def test_a_change_is_counted_from_the_last_step_that_counts() -> None:
    scaling, data = made(series("difference"))
    split = data.splits["train"]
    nothing = torch.zeros_like(split.targets) - (scaling.target_offset / scaling.target_scale)[:, None]
    lengths = torch.full(split.targets.shape[:2], 3)
    torch.testing.assert_close(scaling.restore(nothing, split.inputs, None), split.inputs[:, :, -1, 1:])
    torch.testing.assert_close(scaling.restore(nothing, split.inputs, lengths), split.inputs[:, :, 2, 1:])


def test_a_column_that_never_changes_in_training_becomes_0() -> None:
    values = table()
    values[:, 0] = 5.0
    scaling, data = made(series(values=values))
    assert not scaling(data.splits["train"].inputs)[..., 0].any()


@pytest.mark.parametrize("score", [SquaredError(), AbsoluteError()])
@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_is_scored_in_the_datas_units_and_minimised_in_the_networks(kind: str, score: Score) -> None:
    model, batch = model_of(series(kind, ("a", "b")))
    value, gradients = model.differentiate(batch, score)
    torch.testing.assert_close(value, score.value(model(batch.inputs), batch.targets, None))
    assert model.scaling is not None
    hidden = model.scaling.hide(batch.targets, batch.inputs, None)
    states = model.cell.last(model.embed(batch.inputs)).transpose(1, 2)
    score.value(read_last(states, model.weight, model.bias), hidden, None).sum().backward()
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-5)


def test_other_units_change_no_step_of_training() -> None:
    def gradients(values: np.ndarray) -> list[Tensor]:
        model, batch = model_of(series(values=values))
        return model.differentiate(batch, SquaredError())[1]

    for one, other in zip(gradients(table()), gradients(table() * 1024), strict=True):
        assert torch.equal(one, other)  # a power of two changes no mantissa


def test_a_seed_alone_has_the_bits_that_it_has_in_company() -> None:
    together, batch = model_of(series("difference"), range(4))
    alone, own = model_of(series("difference"), [3])
    assert torch.equal(together(batch.inputs)[3], alone(own.inputs)[0])
    part = together.members(slice(3, 4))
    assert torch.equal(part(own.inputs), alone(own.inputs))
    torch.testing.assert_close(together.to_torch(3)(own.inputs[0]), alone(own.inputs)[0])


@pytest.mark.parametrize(
    ("scaling", "targets", "message"),
    [
        ("sigmoid", ("b",), "scaling must be one of none, standard, minmax, log, difference"),
        ({"b": "sigmoid"}, ("b",), "scaling of b must be one of"),
        ({"x": "log"}, ("b",), "names the column 'x'"),
        ("difference", ("c",), "its change is counted from its last value, and it is not among the inputs"),
    ],
)
def test_a_scaling_that_cannot_be_is_refused(scaling: Any, targets: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        series(scaling, targets)


def test_the_logarithm_of_what_is_not_above_0_is_refused() -> None:
    values = table()
    values[7, 1] = -2
    with pytest.raises(ValueError, match=r"scaling must not be log for the column b: its row 8 holds -2"):
        series("log", values=values)
