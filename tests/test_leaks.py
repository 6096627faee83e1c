"""Leaks are found in tasks that have them, and not in those that are shipped."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seqexp import leaks
from seqexp.config.choices import groups
from seqexp.data.fixed import FixedSeries
from seqexp.data.module import PopulationData
from seqexp.data.series import Recording, Series
from seqexp.data.shape import Classes, Values
from seqexp.data.task import Sequences, Task
from seqexp.program import check
from seqexp.score import SquaredError

Make = Callable[[torch.Generator, int], tuple[Tensor, Tensor]]


class Made(Task):
    """Sequences of six steps and two inputs, as a function makes them."""

    inputs = Values(2)
    num_sequences = 200

    def __init__(self, make: Make, targets: Values | Classes = Values(1)) -> None:  # noqa: B008
        self.make = make
        self.targets = targets

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        return Sequences(*self.make(generator, count))


def noise(generator: torch.Generator, count: int) -> Tensor:
    return torch.randn(count, 6, 2, generator=generator)


def clean(generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
    x = noise(generator, count)
    return x, (x[:, :, 0] * x[:, :, 1]).sum(1, keepdim=True).tanh()


def found(task: Task, *weights: str, **settings: Any) -> str:
    data = PopulationData(lambda changes: task, range(2), None, 0.6, 0.2, 0.2, **settings)
    data.make()
    return " ".join(each.text for each in leaks.findings(data) if each.weight in (weights or ("fault", "doubt")))


def test_nothing_is_found_where_nothing_is() -> None:
    assert found(Made(clean)) == ""


def with_target(target: Callable[[Tensor], Tensor]) -> Made:
    def make(generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
        x = noise(generator, count)
        return x, target(x)

    return Made(make)


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (with_target(lambda x: torch.full_like(x[:, 0, :1], 3)), "The targets are constant: every one is 3."),
        (with_target(lambda x: x[:, 3, 1:]), "Target 1 is the value of input 2, 2 steps before the last, exactly"),
        (with_target(lambda x: x.sum((1, 2))[:, None]), "The target is a linear function of the inputs"),
        (
            with_target(lambda x: x[:, 4, :1] + 0.01 * x[:, 2, :1].sin()),
            "Input 1, 1 step before the last, alone gives the target",
        ),
    ],
)
def test_a_target_that_gives_itself_away_is_found(task: Task, words: str) -> None:
    assert words in found(task)


def test_an_input_that_names_the_class_is_found() -> None:
    def make(generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
        x = noise(generator, count)
        classes = torch.randint(3, (count,), generator=generator)
        x[:, 2, 0] = classes * 10.0
        return x, classes

    assert "Input 1, 3 steps before the last, alone gives the target away: it explains 100.00% of the classes" in found(
        Made(make, Classes(3))
    )


def test_test_sequences_that_were_trained_on_are_counted() -> None:
    def make(generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
        x, y = clean(generator, count // 2)
        return torch.cat([x, x]), torch.cat([y, y])

    assert "of 40 test sequences are in training as well, to the last number" in found(Made(make))


class Scaled(Series):
    """A walk, scaled by all of its rows or by the first of them."""

    def __init__(self, rows: int) -> None:
        super().__init__(300, 8, 1, 1, (0,))
        self.rows = rows

    def record(self, generator: torch.Generator) -> Recording:
        walk = torch.randn(300, 1, generator=generator, dtype=torch.float64).cumsum(0)
        return Recording(((walk - walk[: self.rows].mean()) / walk[: self.rows].std()).float(), None)


def test_a_scaling_by_all_rows_is_a_fault() -> None:
    assert "Column 1 has mean 0 and deviation 1 over training and test together" in found(Scaled(300), "fault")
    assert found(Scaled(180), "fault") == ""


def test_notes_say_what_splits_and_seeds_share() -> None:
    table = np.random.default_rng(0).standard_normal((200, 1)).cumsum(0)
    said = found(FixedSeries(table, "a", "a", "a", 20, 1, "standard"), "note")
    assert "20 of 36 test windows hold values that validation ended with" in said
    assert "The 2 seeds have one data set." in said
    assert "Another seed has new data." in found(Made(clean), "note")


def test_order_that_least_squares_need_not_know_is_said() -> None:
    task = with_target(lambda x: x.sum((1, 2))[:, None])
    assert "The order of the steps does not matter to least squares" in found(task, "note")


SLOW = {"mackey_glass", "fitzhugh_nagumo", "text", "digits", "csv"}
"""They take seconds to make, or need a file."""


@pytest.mark.parametrize("name", sorted(set(groups()["data"]) - SLOW))
def test_no_shipped_task_has_a_fault(name: str) -> None:
    small = ["data.num_sequences=120"] if "\nnum_sequences:" in groups()["data"][name].text else []
    what, said = check.looked([f"data={name}", "num_seeds=2", *small], None)
    assert re.fullmatch(
        r"[\d,]+ (windows in the order of time|sequences) of .*; predicts .*; beside networks stand .*\.", what
    )
    assert not [each for each in said if each.weight == "fault"]
    assert any(each.text.startswith("The best guess on test is ") for each in said)


def test_the_verb_says_it_and_its_status_is_1_for_a_fault_where_that_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check.main(["data=sine", "num_seeds=2", "--strict"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        "980 windows in the order of time of 20 steps; 1 number at each; predicts 1 number after the last "
    )
    assert "note: Another seed has new noise on the same wave and the same test period.\n" in out
    assert out.endswith("No leak was found; that none is there cannot be shown.\n")
    monkeypatch.setattr(check, "looked", lambda *given: ("What.", [leaks.Finding("fault", "Bad.")]))
    assert (check.main([]), check.main(["--strict"])) == (0, 1)
    assert capsys.readouterr().out == "What.\nFAULT: Bad.\n" * 2


def test_a_guess_that_there_is_not_is_said_with_the_reason() -> None:
    _, said = check.looked(["data=nile", "num_seeds=1", "data.season=40"], None)
    texts = [each.text for each in said]
    assert "There is no guess seasonal: a season of 40 steps begins before the window of 10." in texts


def test_what_cannot_be_made_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        check.main(["data.nose=3"])
    assert end.value.code == 2
    assert "Did you mean data.noise?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("noise", "floor"),
    [
        (None, "."),
        (0.01, ", 2.00 times the noise."),
        (1e-12, "; it could be 0, as the targets have no noise."),
        (0.0, "; it could be 0, as the targets have no noise."),
    ],
)
def test_a_noise_that_is_rounding_is_no_measure(noise: float | None, floor: str) -> None:
    rows = {"constant": torch.tensor([0.02]), "noise": None if noise is None else torch.tensor([noise])}
    found = leaks.best_guess(SquaredError(), rows)
    assert found is not None
    assert found.text == f"The best guess on test is constant: MSE 0.02{floor}"
