"""White noise and its delays: what counts, and the memory capacity of a delay line, of a leaky unit and of nothing."""

from __future__ import annotations

import inspect
import re

import pytest
import torch

from seqexp import baselines
from seqexp.data.delay import Delay, correlations
from seqexp.data.module import PopulationData
from seqexp.seeding import generator


@pytest.mark.parametrize("asked", [None, 31])
def test_targets_are_the_values_before_and_count_once_they_are_all_there(asked: int | None) -> None:
    made = Delay(400, 20, 6).sample(generator(0, "data"), 400, asked)
    steps = asked or 20
    values = made.inputs[..., 0]
    assert made.targets.shape == (400, steps, 6)
    for delay in range(1, 7):
        assert torch.equal(made.targets[:, delay:, delay - 1], values[:, :-delay])
    assert made.weight is not None
    assert made.weight.tolist() == [[0.0] * 6 + [1.0] * (steps - 6)] * 400
    assert made.best is made.targets
    assert values.mean().item() == pytest.approx(0, abs=0.05)
    assert values.var().item() == pytest.approx(1, abs=0.05)
    assert values.abs().max() <= 3**0.5


@pytest.mark.parametrize("shift", [1, 3, 6])
def test_shifted_targets_are_later_and_count_while_they_are_all_there(shift: int) -> None:
    made = Delay(50, 20, 6, shift).sample(generator(0, "data"), 50, None)
    assert made.weight is not None
    counted = [step for step in range(20) if step + shift - 6 >= 0 and step + shift - 1 < 20]
    assert made.weight[0].nonzero().flatten().tolist() == counted
    for step in counted:
        known = made.inputs[:, step + shift - 6 : step + shift, 0]
        assert torch.equal(made.targets[:, step], known.flip(1))
    assert Delay(50, 20, 6, 0).sample(generator(0, "data"), 50, None).inputs.equal(made.inputs)


def test_the_docstring_shows_such_targets() -> None:
    text = inspect.getdoc(Delay) or ""
    rows = [re.search(rf"{name} +(.*)", text) for name in ("inputs   u", "targets  1", " 2", " 3")]
    assert all(rows)
    inputs, *targets = ([] if row is None else row[1].split() for row in rows)
    for delay, row in enumerate(targets, 1):
        assert row == [*["."] * 3, *inputs[3 - delay : -delay]]


def test_guesses_score_what_the_docstring_says_and_hold_no_memory() -> None:
    data = PopulationData(lambda changes: Delay(600, 40, 5), range(2), None, 0.5, 0.1, 0.4)
    data.make()
    test = data.splits["test"]
    guesses = baselines.guess(data.task, data.splits["train"], test)
    mse = baselines.score(guesses, test, data.task.score)
    for name, score in {"constant": 1, "linear": 1, "noise": 0}.items():
        assert mse[name] is not None
        assert mse[name].tolist() == pytest.approx([score] * 2, abs=0.02)  # type: ignore[union-attr]
    linear = guesses["linear"]
    assert isinstance(linear, torch.Tensor)
    shown = data.task.score.shown(linear, test.targets.double(), test.weight)
    assert shown["memory_capacity"].tolist() == pytest.approx([0, 0], abs=0.01)


def test_capacity_is_what_theory_says_of_a_delay_line_and_of_one_leaky_unit() -> None:
    K, H, leak = 12, 4, 0.8
    made = Delay(800, 60, K).sample(generator(0, "data"), 800, None)
    target, weight = made.targets[None].double(), made.weight
    assert weight is not None
    line = target.clone()
    line[..., H:] = 0  # a delay line of H units knows H values, and nothing of earlier ones
    found = correlations(line, target, weight[None])
    assert found[0].tolist() == pytest.approx([1.0] * H + [0.0] * (K - H))
    state, states = torch.zeros(800), []
    for value in made.inputs[..., 0].unbind(1):
        states.append(state)
        state = leak * state + value  # of the value k steps ago a share leak^(k - 1) is left
    unit = torch.stack(states, 1)[None, ..., None].expand(-1, -1, -1, K).double()
    theory = [(1 - leak**2) * leak ** (2 * (delay - 1)) for delay in range(1, K + 1)]
    assert correlations(unit, target, weight[None])[0].tolist() == pytest.approx(theory, abs=0.02)
    assert sum(theory) < 1  # one unit


def test_wrong_settings_are_refused() -> None:
    for settings, said in (
        ((0, 20, 5), "num_sequences must be >= 1, got 0"),
        ((5, 20, 0), "delays must be >= 1, got 0"),
        ((5, 20, 5, 6), r"shift must be >= 0 and <= delays \(5\), got 6"),
        ((5, 5, 5), r"length must be > delays \(5\), got 5"),
    ):
        with pytest.raises(ValueError, match=said):
            Delay(*settings)
    with pytest.raises(ValueError, match=r"length must be > delays \(5\), got 4"):
        Delay(5, 20, 5).sample(generator(0, "data"), 5, 4)
