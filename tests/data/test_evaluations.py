"""Tests elsewhere than where a run was trained: other lengths, other settings, each with its own data and guesses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqexp.data.adding import Adding
from seqexp.data.fixed import FixedSeries
from seqexp.data.module import PopulationData
from seqexp.data.sine import Sine
from seqexp.data.task import Task
from seqexp.seeding import generator

Command = Callable[..., Any]
Train = Callable[..., Any]

SINE: dict[str, Any] = {
    "length": 200, "time_range": 8.0, "frequency": 1.0, "amplitude": 1.0, "noise": 0.1, "window": 20, "horizon": 1,
}  # fmt: skip


def adding(changes: Mapping[str, Any]) -> Task:
    return Adding(**{"num_sequences": 40, "length": 6, "markers": "halves", **changes})


def population(
    make_task: Callable[[Mapping[str, Any]], Task],
    seeds: Any = range(3),
    fractions: tuple[float, ...] = (0.5, 0.2, 0.3),
    **settings: Any,
) -> PopulationData:
    data = PopulationData(make_task, seeds, 4, *fractions, **settings)
    data.make()
    return data


def test_each_evaluation_is_the_seeds_own_sample_whoever_rides_along_and_whatever_else_is_asked() -> None:
    many = population(adding, test_lengths=[6, 9], evaluations={"any": {"markers": "anywhere", "length": 7}})
    alone = population(adding, seeds=(1,), test_lengths=[9])
    assert list(many.evaluations) == ["test@6", "test@9", "test@any"]
    assert [split.steps for split in many.evaluations.values()] == [6, 9, 7]
    assert {split.num_sequences for split in many.evaluations.values()} == {12}  # as many as are tested on
    assert torch.equal(many.evaluations["test@9"].inputs[1:2], alone.evaluations["test@9"].inputs)
    expected = Adding(40, 7, "anywhere").sample(generator(2, "test@any"), 12, None)
    assert torch.equal(many.evaluations["test@any"].inputs[2], expected.inputs)
    seen = [row for split in (*many.splits.values(), many.evaluations["test@6"]) for row in split.inputs[0].tolist()]
    assert len({str(row) for row in seen}) == 40 + 12  # at the length of training, too, they are new
    assert many.data_hash == population(adding).data_hash


def test_a_series_is_tested_on_the_end_of_another_series() -> None:
    data = population(lambda changes: Sine(**{**SINE, **changes}), evaluations={"noisy": {"noise": 0.5}, "same": {}})
    test, noisy, same = data.splits["test"], data.evaluations["test@noisy"], data.evaluations["test@same"]
    assert test.inputs.shape == noisy.inputs.shape == same.inputs.shape
    assert test.best is not None
    for split, noise in ((noisy, 0.5), (same, 0.1)):
        assert split.best is not None
        torch.testing.assert_close(split.best, test.best)  # the same times of the same sine
        assert (split.targets - split.best).std().item() == pytest.approx(noise, rel=0.15)
        assert not torch.equal(split.targets, test.targets)


# ---------------------------------------------------------------- through the whole program

TINY = (
    "num_seeds=2", "data.num_sequences=90", "data.steps_per_epoch=2", "trainer.max_epochs=1", "cell.hidden_size=3",
    "trainer.enable_progress_bar=false",
)  # fmt: skip


def test_evaluations_stand_in_the_record_with_guesses_of_their_own(train: Train) -> None:
    changes = ("data=adding", "data.length=8", "data.test_lengths=[40,80]")
    record, _ = train(*changes, "data.evaluations={any:{markers:anywhere}}", tiny=TINY)
    assert list(record.scores) == ["train", "val", "test", "test@40", "test@80", "test@any"]
    assert list(record.evaluation_baselines) == ["test@40", "test@80", "test@any"]
    data = population(lambda changes: Adding(90, 8, "halves"), (0, 1), (0.34, 0.33, 0.33), test_lengths=[40])
    means = data.splits["train"].targets.double().mean(1, keepdim=True)
    errors = data.evaluations["test@40"].targets.double() - means
    assert record.evaluation_baselines["test@40"]["constant"] == pytest.approx(errors.square().mean((1, 2)).tolist())
    without, _ = train("data=adding", "data.length=8", tiny=TINY)
    for part in ("train", "val", "test"):
        assert without.scores[part] == record.scores[part]
    assert without.fingerprint == record.fingerprint  # they decide nothing of a training


REFUSED = {
    "data=adding +data.evaluations.a.lenght=3": "evaluations.a: data.lenght: there is no such key. Did you mean",
    "data=adding +data.evaluations.a.length=x": "evaluations.a: data.length must be a whole number, got 'x'",
    "data=adding +data.evaluations.a.markers=both": "evaluations.a: data.markers must be",
    "data=adding data.evaluations={a:3}": "evaluations.a must be settings of the same task, got 3",
    "data=adding data.evaluations=[a]": "evaluations must be settings of the task by name, got",
    "data=adding 'data.evaluations={a b:{length:9}}'": "evaluations must have names of at most 40 letters",
    "data=adding data.test_lengths=[9] +data.evaluations.9.length=9": "each once and no test length, got",
    "data=adding data.test_lengths=[1]": "data: length must be >= 2, got 1",
    "data=adding data.test_lengths=[0]": "data.test_lengths must be whole numbers >= 1, each once, got [0]",
    "data=adding data.test_lengths=[9,9]": "must be whole numbers >= 1, each once, got [9, 9]",
    "data=adding data.test_lengths=40": "data.test_lengths must be a list",
    "data=adding data.test_lengths=[4.5]": "data.test_lengths must be a list of whole numbers, got [4.5]",
    "data=copy data.test_lengths=[20]": "length must be > 20, to hold the symbols twice and a pause, got 20",
    "data=sine +data.test_lengths=[30]": "data.test_lengths must be [] for this task: its sequences have one length",
    "data=adding +data.evaluations.a._target_=seqexp.data.sum.Sum": "evaluations.a must be settings of the same task",
}


@pytest.mark.parametrize("line", REFUSED)
def test_a_wrong_evaluation_is_refused_before_anything_is_written(command: Command, line: str) -> None:
    arguments = [line.partition(" ")[0], *line.partition(" ")[2].split(" " if "'" not in line else "'")]
    done = command(*filter(str.strip, arguments), "num_seeds=1", "trainer.max_epochs=1")
    assert done.status == 2, done
    assert done.out == ""
    assert done.err.startswith("seqexp: ")
    assert done.err.count("\n") == 1
    assert REFUSED[line] in done.err
    assert list(Path.cwd().iterdir()) == []


class Wider(Adding):
    """Its sizes depend on a setting."""

    def __init__(self, num_sequences: int, length: int, markers: Any) -> None:
        super().__init__(num_sequences, length, "halves")
        if markers == "anywhere":
            self.reads = "steps"


def test_an_evaluation_must_fit_the_model() -> None:
    def make_task(changes: Mapping[str, Any]) -> Task:
        return Wider(**{"num_sequences": 40, "length": 6, "markers": "halves", **changes})

    with pytest.raises(ValueError, match=r"^evaluations.wide must leave inputs and targets of the size that the model"):
        population(make_task, evaluations={"wide": {"markers": "anywhere"}})


def test_of_another_recording_only_what_nobody_learnt_from_is_tested() -> None:
    table = np.random.default_rng(0).standard_normal((130, 1)).cumsum(0)

    def make(changes: Mapping[str, Any]) -> Task:
        settings: dict[str, Any] = {"length": 100, "window": 5, **changes}
        rows = table[: settings.pop("length")]
        return FixedSeries(rows, "a", "a", "a", horizon=1, scaling="standard", **settings)

    data = population(make, evaluations={"longer": {"length": 130}, "wider": {"window": 8}})
    learnt = round(0.7 * 95)
    for name, window in (("longer", 5), ("wider", 8)):
        targets = data.evaluations[f"test@{name}"].targets
        last = 130 if name == "longer" else 100
        assert torch.equal(targets[0, :, 0], torch.from_numpy(table[learnt + 5 : last, 0]).float())
        assert data.evaluations[f"test@{name}"].steps == window
    with pytest.raises(ValueError, match="all of its 45 windows were trained or selected on"):
        population(make, evaluations={"old": {"length": 50}})
