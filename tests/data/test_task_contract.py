"""What every task keeps to. Finds conf/data/*.yaml by itself, so a new task is tested without writing a test."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from seqexp.config.compose import CONF
from seqexp.data.check import check_sample
from seqexp.data.task import Sequences, Task
from seqexp.record.provenance import NEUTRAL_SETTINGS
from seqexp.run.build import build
from seqexp.seeding import generator

TASKS = sorted(path.stem for path in (CONF / "data").glob("*.yaml"))


SHARED = ("seqexp.data.recorded",)
"""Files with more than one task."""


ASKED = {"csv": (f"data.path={Path(__file__).parent / 'series.csv'}", "data.target=price", "data.time=date")}
"""What a task cannot do without, and has no default for."""


def compose_data(name: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", [f"data={name}", "num_seeds=2", *ASKED.get(name, ())])


@pytest.fixture(params=TASKS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def task(name: str) -> Task:
    return build(compose_data(name)).data.task


def test_the_tasks_are_found() -> None:
    assert {"sine", "sum"} <= set(TASKS)


def sampled(task: Task, seed: int = 0) -> Sequences:
    return task.sample(generator(seed, "data"), task.num_sequences, None)


def test_a_sample_is_what_the_task_states(task: Task) -> None:
    check_sample(task, "it", sampled(task), task.num_sequences)


@pytest.mark.parametrize("length", [24, 33])
def test_a_task_that_chooses_its_length_makes_any_that_its_sequences_may_have(task: Task, length: int) -> None:
    if not task.chooses_length:
        return
    if length == 33 and type(task).__name__ == "AnBn":
        with pytest.raises(ValueError, match="length must be a multiple of 2"):
            task.sample(generator(0, "data"), 7, length)
        return
    sample = task.sample(generator(0, "data"), 7, length)
    check_sample(task, "it", sample, 7)
    assert sample.inputs.shape[1] == length
    assert sample.lengths is None or bool((sample.lengths == length).all())


def test_the_generator_is_the_only_source_of_chance(task: Task) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index, union-attr]
    first, again = sampled(task), sampled(task)
    for one, other in zip(first, again, strict=True):
        assert (one is None and other is None) or torch.equal(one, other)
    assert torch.equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])  # type: ignore[index]


def test_seeds_give_different_data_or_say_that_they_do_not(task: Task) -> None:
    samples = [sampled(task, seed) for seed in (0, 1, 2)]
    if task.fixed:  # one data set for all
        assert all(torch.equal(samples[0].targets, each.targets) for each in samples)
        return
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not torch.equal(samples[one].targets, samples[other].targets)


def test_targets_are_worth_learning(task: Task) -> None:
    assert sampled(task).targets.double().var() > 0


def test_the_docstring_shows_an_example_and_scores_a_constant_guess(task: Task) -> None:
    text = inspect.getdoc(type(task)) or ""
    assert "constant guess" in text
    assert "inputs" in text
    assert "target" in text


def test_file_and_class_share_the_name_and_the_yaml_holds_every_default(name: str, task: Task) -> None:
    node = OmegaConf.load(CONF / "data" / f"{name}.yaml")
    assert node._target_.rpartition(".")[0] in (f"seqexp.data.{name}", *SHARED)
    assert type(task).__name__.lower() == name.replace("_", "")
    parameters = inspect.signature(type(task)).parameters
    defaults = {f"data.{key}": each.default for key, each in parameters.items() if each.default is not each.empty}
    assert defaults.items() <= NEUTRAL_SETTINGS.items(), "a default is for settings from before there was the key"
    assert set(parameters) <= set(node)


def test_one_epoch_trains(name: str, train: Callable[..., Any]) -> None:
    few = ("num_seeds=2", "trainer.max_epochs=1", "trainer.limit_train_batches=3", "data.batch_size=null")
    record, _ = train(f"data={name}", *ASKED.get(name, ()), tiny=few)
    assert record.status == "done"
    assert record.data == name
    assert record.epochs == 1
    assert all(math.isfinite(value) for value in record.score("test"))
    assert ("data" in record.varies) == (len({tuple(each) for each in record.data_hash}) > 1)
