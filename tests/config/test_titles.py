"""What sweeps and runs are called: what is compared, and what varies."""

from __future__ import annotations

import re

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from seqexp.config import CONF, foreign, titles


def composed(*overrides: str) -> DictConfig:
    with foreign.changed(), initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", [], return_hydra_config=True)
    config.hydra.overrides.task = [*overrides]
    return config


@pytest.fixture(scope="module")
def config() -> DictConfig:
    return composed()


def named(
    config: DictConfig, *overrides: str, params: dict[str, str] | None = None, by: list[str] | None = None
) -> str:
    own = config.copy()
    own.hydra.overrides.task, own.compare.by = [*overrides], by
    own.hydra.sweeper.params = params
    name = titles.sweep_name(None, "2026-11-25_14-03_51ce28", _root_=own)
    assert re.fullmatch(r"[A-Za-z0-9_.,=-]{1,99}", name)
    return name.removesuffix("_2026-11-25_14-03_51ce28")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("cell=rnn,lstm", "rnn-lstm_sine"),
        ("cell=rnn,lstm data=sine,sum num_seeds=3", "rnn-lstm_sine-sum"),
        ("cell=rnn,lstm optimizer.lr=0.1,0.01", "rnn-lstm_sine"),
        ("optimizer.lr=0.1,0.01", "rnn_lr=0.1-0.01_sine"),
        ("num_seeds=3 seed=0,100", "rnn_sine"),
        ("cell=rnn,lstm +data.noise='range(0.1,0.5,0.2)'", "rnn-lstm_sine"),
        ("cell.hidden_size=range(1,40)", "rnn_39-hidden_size_sine"),
        ("cell=rnn,lstm,gru,mgu,mine_one,mine_two,mine_three", "7-cells_sine"),
        ("+cell.path=/a/b,/c/d", "rnn_path=-a-b--c-d_sine"),
        ("cell=choice(rnn,gru)", "rnn-gru_sine"),
        ("cell=glob(*)", "rnn_sine"),
        ("optimizer.lr=interval(0.1,0.2)", "rnn_sine"),
        ("optimizer.lr=range(0,1000000000)", "rnn_1000-lr_sine"),
        ("seed=range(0,5,0)", "rnn_sine"),
        ("optimizer.lr=[1", "rnn_sine"),
        ("cell=" + "x" * 200, "x" * 75),
    ],
)
def test_a_sweep_is_called_after_what_it_compares(config: DictConfig, typed: str, name: str) -> None:
    if "xxx" in typed:
        config = config.copy()
        config.hydra.runtime.choices.cell = "x" * 200
    assert named(config, *typed.split()) == name


def test_an_experiments_own_lists_and_asked_keys_count(config: DictConfig) -> None:
    assert named(config, params={"cell": "rnn,gru", "data": "sine,sum"}) == "rnn-gru_sine-sum"
    swept = ("cell=rnn,lstm", "cell.hidden_size=8,16")
    assert named(config, *swept, by=["cell", "cell.hidden_size"]) == "rnn-lstm_hidden_size=8-16_sine"


def test_a_name_that_was_given_is_the_name_and_a_configuration_keeps_the_one_that_it_has(config: DictConfig) -> None:
    own = config.copy()
    assert titles.sweep_name("mine", "now", _root_=own) == "mine"
    first = titles.sweep_name(None, "now", _root_=own)
    own.hydra.overrides.task = ["cell=rnn,gru"]
    assert titles.sweep_name(None, "now", _root_=own) == first == "rnn_sine_now"


def test_a_run_has_the_keys_that_vary_cell_and_task_first(config: DictConfig) -> None:
    own = config.copy()
    own.hydra.overrides.task = ["++cell.hidden_size=8", "cell=lstm", "num_seeds=3", "data='sum'", "sweep.name=x"]
    own.hydra.job.config.override_dirname.exclude_keys = ["num_seeds", "sweep.name"]
    assert titles.run_name(own.hydra) == "cell=lstm,data=sum,hidden_size=8"
    assert titles.long_name(own.hydra, ["sweep", "cell.hidden_size"]) == "cell=lstm,data=sum,num_seeds=3"
    own.hydra.overrides.task = ["optimizer.lr=0.01", "cell=lstm"]
    assert titles.run_name(own.hydra) == "cell=lstm,optimizer.lr=0.01"
    own.hydra.overrides.task += ["+a.noise=1", "data.noise=0.3", "+x.cell=2"]  # what is not the same stays two keys
    assert titles.run_name(own.hydra) == "cell=lstm,a.noise=1,data.noise=0.3,lr=0.01,x.cell=2"
    own.hydra.overrides.task = ["num_seeds=3"]
    assert titles.run_name(own.hydra) == "rnn_sine"


def test_what_varies_differs_or_is_missing_somewhere() -> None:
    jobs = [titles.typed(["cell=rnn", "seed=1", "+x=1"]), titles.typed(["cell=rnn", "seed=2", "seed=3"])]
    assert titles.varied(jobs) == {"seed", "x"}
    assert titles.varied([]) == set()
