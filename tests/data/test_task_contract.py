"""What every task keeps to. Finds conf/data/*.yaml by itself, so a new task is tested without writing a test."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from seqexp.config.compose import CONF
from seqexp.data.task import Task
from seqexp.run.build import build
from seqexp.seeding import generator

TASKS = sorted(path.stem for path in (CONF / "data").glob("*.yaml"))


def compose_data(name: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", [f"data={name}", "num_seeds=2"])


@pytest.fixture(params=TASKS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def task(name: str) -> Task:
    return build(compose_data(name)).data.task


def test_the_tasks_are_found() -> None:
    assert {"sine", "sum"} <= set(TASKS)


def test_a_sample_has_the_stated_sizes_and_is_float32(task: Task) -> None:
    sample = task.sample(generator(0, "data"))
    N, T, features = sample.inputs.shape
    assert (N, features) == (task.num_sequences, task.input_size)
    assert T >= 1
    assert sample.targets.shape == (N, task.output_size)
    for tensor in sample:
        assert tensor is None or (tensor.dtype == torch.float32 and bool(tensor.isfinite().all()))
    for tensor in (sample.noiseless, sample.persistence):
        assert tensor is None or tensor.shape == sample.targets.shape


def test_the_generator_is_the_only_source_of_chance(task: Task) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index, union-attr]
    first, again = task.sample(generator(0, "data")), task.sample(generator(0, "data"))
    for one, other in zip(first, again, strict=True):
        assert (one is None and other is None) or torch.equal(one, other)
    assert torch.equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])  # type: ignore[index]


def test_seeds_give_different_data_and_0_is_a_seed(task: Task) -> None:
    samples = [task.sample(generator(seed, "data")) for seed in (0, 1, 2)]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not torch.equal(samples[one].targets, samples[other].targets)


def test_targets_are_worth_learning(task: Task) -> None:
    assert task.sample(generator(0, "data")).targets.double().var() > 0


def test_the_docstring_shows_an_example_and_scores_a_constant_guess(task: Task) -> None:
    text = inspect.getdoc(type(task)) or ""
    assert "constant guess" in text
    assert "inputs" in text
    assert "target" in text


def test_file_and_class_share_the_name_and_the_yaml_holds_every_default(name: str, task: Task) -> None:
    node = OmegaConf.load(CONF / "data" / f"{name}.yaml")
    assert node._target_.rpartition(".")[0] == f"seqexp.data.{name}"
    assert type(task).__name__.lower() == name.replace("_", "")
    parameters = inspect.signature(type(task)).parameters
    assert all(each.default is inspect.Parameter.empty for each in parameters.values())
    assert set(parameters) <= set(node)


def test_one_epoch_trains(name: str, train: Callable[..., Any]) -> None:
    record, _ = train(f"data={name}", tiny=("num_seeds=2", "trainer.max_epochs=1", "data.batch_size=null"))
    assert record.status == "done"
    assert record.data == name
    assert record.epochs == 1
    assert all(math.isfinite(value) for value in record.test_mse)
