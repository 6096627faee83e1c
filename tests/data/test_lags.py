"""A series' guesses against statsmodels and NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.tsa.ar_model import AutoReg

from seqexp.data import guesses
from seqexp.data.lags import ORDERS, autoregression, polynomial
from seqexp.data.module import PopulationData
from seqexp.data.series import Recording, Series
from seqexp.data.split import Split


class Table(Series):
    """Columns of noise that remembers its last two values; the last one is predicted."""

    def __init__(self, columns: int = 1, horizon: int = 1, window: int = 20, season: Any = None) -> None:
        super().__init__(200, window, horizon, columns, predicted=(columns - 1,))
        self.season = season

    def record(self, generator: torch.Generator) -> Recording:
        noise = torch.randn(self.length, self.columns, generator=generator, dtype=torch.float64)
        values = noise.clone()
        for t in range(2, self.length):
            values[t] += 1.2 * values[t - 1] - 0.6 * values[t - 2] + 0.5
        return Recording(values.float(), None)


def test_least_squares_do_not_depend_on_units() -> None:
    """Columns of 1e-15 stand beside the constant of 1."""
    train, test = made(Table(columns=2))
    small = [each._replace(inputs=each.inputs.double() * 1e-15) for each in (train, test)]
    for guess in (guesses.linear, lambda one, other: autoregression(one, other, [1])):
        expected, found = guess(train, test), guess(*small)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def made(task: Series) -> tuple[Split, Split]:
    data = PopulationData(lambda changes: task, range(3), None, 0.7, 0.15, 0.15)
    data.make()
    return data.splits["train"], data.splits["test"]


def series_of(split: Split, index: int) -> np.ndarray:
    """The values of the one column that the windows were cut from, the last target included."""
    inputs, targets = split.inputs[index, :, :, -1].double(), split.targets[index].double()
    return torch.cat([inputs[0], targets[:, 0]]).numpy()


def oracle(values: np.ndarray, order: int, window: int) -> np.ndarray:
    """Coefficients of statsmodels' AR(p), of the same rows: a constant, then the lags from the last one on."""
    return np.asarray(AutoReg(values, order, trend="c", hold_back=window).fit().params)


def one_step(parameters: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """(N, T) -> (N,)."""
    return parameters[0] + inputs[:, ::-1][:, : len(parameters) - 1] @ parameters[1:]


def test_ar_is_statsmodels_with_the_p_that_the_last_fifth_of_training_prefers() -> None:
    train, test = made(Table())
    found = autoregression(train, test, [0])
    assert isinstance(found, torch.Tensor)
    chosen = []
    for index in range(3):
        values, held = series_of(train, index), train.num_sequences // 5
        windows, target = train.inputs[index, -held:, :, 0].double().numpy(), values[-held:]
        orders = [order for order in ORDERS if order < 20] + [20]
        errors = [np.mean((one_step(oracle(values[:-held], p, 20), windows) - target) ** 2) for p in orders]
        chosen.append(orders[int(np.argmin(errors))])
        expected = one_step(oracle(values, chosen[-1], 20), test.inputs[index, :, :, 0].double().numpy())
        np.testing.assert_allclose(found[index, :, 0].numpy(), expected, rtol=1e-8, atol=1e-10)
    assert set(chosen) < {2, 4, 8}  # the series remembers two values


def test_ar_looks_at_its_own_column_only_and_predicts_the_horizon_at_once() -> None:
    train, test = made(Table(columns=2, horizon=3))
    found = autoregression(train, test, [1])
    alone = [Split(split.inputs[..., 1:], split.targets) for split in (train, test)]
    assert torch.equal(found, autoregression(*alone, [0]))  # type: ignore[arg-type]
    short = [Split(split.inputs[:, :, -1:], split.targets) for split in alone]  # p is 1: a line through all points
    one = autoregression(*short, [0])
    assert isinstance(one, torch.Tensor)
    for index in range(3):
        slope, level = np.polyfit(short[0].inputs[index, :, 0, 0].double(), train.targets[index, :, 0].double(), 1)
        expected = slope * test.inputs[index, :, -1, 1].double().numpy() + level
        np.testing.assert_allclose(one[index, :, 0].numpy(), expected, rtol=1e-9)


def test_validation_and_test_targets_are_not_looked_at() -> None:
    task = Table(season=7)
    train, test = made(task)
    other = test._replace(targets=test.targets + 100)
    before, after = task.guesses(train, test), task.guesses(train, other)
    assert list(before) == ["constant", "persistence", "seasonal", "linear", "ar", "polynomial"]
    for name, found in before.items():
        assert torch.equal(found, after[name]), name  # type: ignore[arg-type]


def test_the_polynomial_finds_what_is_one_and_is_least_squares_in_numpy() -> None:
    rng = torch.Generator().manual_seed(1)
    inputs = 1000 + torch.randn(2, 90, 6, 2, generator=rng)
    a, b = (inputs[:, :, -2:] - 1000).double().unbind(2)  # (S, N, 2)
    targets = (3 + a[..., 0] * b[..., 1] - 2 * a[..., 1] ** 2 + b[..., 0]).float()[..., None]
    both = Split(inputs, targets)
    train, test = (both.map(lambda each, part=part: each[:, part]) for part in (slice(60), slice(60, None)))  # type: ignore[misc]
    found = polynomial(train, test)
    torch.testing.assert_close(found, test.targets.double(), atol=1e-3, rtol=0)  # 1000 + x has lost digits
    noisy = train._replace(targets=torch.randn(2, 60, 1, generator=rng))
    found = polynomial(noisy, test)
    assert isinstance(found, torch.Tensor)
    for index in range(2):
        tables = []
        for split in (train, test):
            x = split.inputs[index, :, -4:].double().numpy().reshape(-1, 8) - 1000
            products = [x[:, i] * x[:, j] for i in range(8) for j in range(i, 8)]
            tables.append(np.column_stack([np.ones(len(x)), x, *products]))
        solution = np.linalg.lstsq(tables[0], noisy.targets[index].double().numpy())[0]
        np.testing.assert_allclose(found[index].numpy(), tables[1] @ solution, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("season", "horizon", "back"), [(7, 1, 6), (7, 7, 0), (3, 7, 2), (1, 5, 0), (20, 1, 19)])
def test_the_seasonal_guess_is_the_value_one_season_before_the_target(season: int, horizon: int, back: int) -> None:
    task = Table(horizon=horizon, season=season)
    train, test = made(task)
    found = task.guesses(train, test)["seasonal"]
    assert torch.equal(found, test.inputs[:, :, 19 - back])  # type: ignore[arg-type]
    seasons = -(-horizon // season)
    if season * seasons < test.num_sequences:  # the target itself, so many windows earlier
        assert torch.equal(found[:, season * seasons :], test.targets[:, : -season * seasons])  # type: ignore[index]


def test_what_is_left_out_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def reasons(task: Series, count: int | None = None) -> dict[str, Any]:
        train, test = made(task)
        found = task.guesses(train.first(count) if count else train, test)
        return {name: text for name, text in found.items() if isinstance(text, str)}

    assert reasons(Table()) == {}
    assert "seasonal" not in Table().guesses(*made(Table()))
    assert reasons(Table(season=21)) == {"seasonal": "a season of 21 steps begins before the window of 20"}
    assert list(reasons(Table(columns=9))) == ["polynomial"]
    assert list(reasons(Table(), 1)) == ["ar"]
    monkeypatch.setattr(guesses, "MOST_WORK", 1000)
    assert list(reasons(Table())) == ["linear", "ar", "polynomial"]
    with pytest.raises(ValueError, match=r"season must be a whole number >= 1, or None, got 2\.5"):
        reasons(Table(season=2.5))


NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(st.lists(NUMBERS, min_size=4, max_size=4), min_size=2, max_size=9), st.integers(1, 4))
def test_every_finite_table_has_finite_guesses(rows: list[list[float]], times: int) -> None:
    table = torch.tensor(rows).repeat(times, 1)[None]  # rows that repeat fix nothing
    one = Split(table[:, :, :3, None], table[:, :, 3:])
    two = Split(one.inputs.flip(1) / 2, one.targets)
    for found in (autoregression(one, two, [0]), polynomial(one, two)):
        assert isinstance(found, torch.Tensor)
        assert bool(found.isfinite().all())
