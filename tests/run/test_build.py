"""Every file of conf/ builds and trains by itself, and what cannot be built is refused with a reason."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from seqexp.cell.recurrent import Recurrent
from seqexp.config.compose import CONF
from seqexp.config.mistakes import ConfigError
from seqexp.run.build import Parts, build
from seqexp.run.optimizer import COUPLING_OPTIMIZERS
from seqexp.run.task import LOADER_KEYS

GROUPS = {
    group: sorted(path.relative_to(CONF / group).with_suffix("").as_posix() for path in (CONF / group).rglob("*.yaml"))
    for group in ("data", "cell", "optimizer", "trainer", "experiment")
}
FILES = [(group, name) for group, files in GROUPS.items() for name in files]
GPU = torch.cuda.is_available()


def composed(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", list(overrides))


def made(*overrides: str) -> Parts:
    return build(composed("num_seeds=2", *overrides))


# ---------------------------------------------------------------- contract of conf/


def test_the_groups_are_found() -> None:
    for group, expected in {
        "cell": {"rnn", "lstm", "gru", "mgu"},
        "optimizer": {"adam", "adamw", "sgd", "rmsprop"},
        "trainer": {"default", "cpu", "gpu", "debug"},
        "experiment": {"lab_sine", "lab_sum"},
    }.items():
        assert expected <= set(GROUPS[group])


@pytest.mark.parametrize(("group", "name"), FILES)
def test_every_file_says_on_its_first_lines_what_it_is(group: str, name: str) -> None:
    lines = (CONF / group / f"{name}.yaml").read_text().splitlines()
    first = next(line for line in lines if not line.startswith("# @package"))
    assert re.match(r"# \w.{15,}", first), first


OBVIOUS = {
    # the words of torch and lightning themselves, or said by the file's own first lines
    "num_layers", "bidirectional", "amplitude", "num_sequences", "test_fraction", "train_fraction", "lr", "betas",
    "eps", "weight_decay", "momentum", "alpha", "nesterov", "defaults", "_target_",
}  # fmt: skip


@pytest.mark.parametrize("group", ["data", "cell"])
def test_every_key_has_a_comment_or_needs_none(group: str) -> None:
    for name in GROUPS[group]:
        for line in (CONF / group / f"{name}.yaml").read_text().splitlines():
            found = re.match(r"\s*([a-z_]+):", line)
            assert not found or "  # " in line or found[1] in OBVIOUS, f"{group}/{name}.yaml: {line}"


@pytest.mark.parametrize("name", [name for name in GROUPS["trainer"] if name != "gpu"])
def test_every_trainer_trains(train: Callable[..., Any], name: str) -> None:
    record, _ = train(f"trainer={name}")
    assert record.status == "done"
    assert record.config["trainer"]["accelerator"] in ("cpu", "auto")


@pytest.mark.skipif(GPU, reason="there is a GPU here")
def test_a_gpu_is_refused_where_there_is_none(command: Callable[..., Any]) -> None:
    done = command("trainer=gpu")
    assert done.status == 2
    assert re.fullmatch(r"seqexp: trainer.*gpu.*\n", done.err)
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize("name", GROUPS["cell"])
def test_every_cell_trains_under_its_own_name(train: Callable[..., Any], name: str) -> None:
    record, _ = train(f"cell={name}")
    assert record.cell == name
    assert all(math.isfinite(value) for value in record.test_mse)
    target = record.config["cell"]["_target_"]
    assert target.split(".")[:3] == ["seqexp", "cell", name]
    assert target.rpartition(".")[2].lower() == name.replace("_", "")


@pytest.mark.parametrize("name", GROUPS["optimizer"])
def test_every_optimizer_lowers_the_training_error(train: Callable[..., Any], name: str) -> None:
    record, folder = train(f"optimizer={name}", "trainer.max_epochs=6", "data.length=200")
    curve = (folder / "curves.csv").read_text().splitlines()
    first, last = (float(curve[row].split(",")[2]) for row in (1, -2))
    assert last < 0.8 * first
    assert record.config["optimizer"]["_target_"].startswith("torch.optim.")


SMALL = {"num_sequences": ["data.num_sequences=60"], "time_range": ["data.length=120"]}
"""What makes the data of a preset small, by a key that they have; of recorded ones nothing does."""


@pytest.mark.parametrize("name", GROUPS["experiment"])
def test_every_experiment_trains(train: Callable[..., Any], name: str) -> None:
    node = composed(f"experiment={name}")
    less = next((settings for key, settings in SMALL.items() if key in node.data), [])
    hidden = ["cell.hidden_size=4"] if not isinstance(node.cell.hidden_size, str) else []
    small = [f"experiment={name}", "num_seeds=2", "trainer.max_epochs=1", *less, *hidden]
    if "sweeper" in (OmegaConf.load(CONF / f"experiment/{name}.yaml").get("hydra") or {}):
        with pytest.raises(ConfigError, match=r"is a sweep over .*cell.*python -m seqexp --multirun"):
            train(*small, tiny=())
        return
    record, _ = train(*small, tiny=())
    assert record.status == "done"
    assert all(math.isfinite(value) for value in record.test_mse)


@pytest.mark.parametrize(("name", "data"), [("lab_sine", "sine"), ("lab_sum", "sum")])
@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_the_lab_presets_are_the_sheets_settings(name: str, data: str, cell: str) -> None:
    node = composed(f"experiment={name}", f"cell={cell}")
    task = {
        "sine": {
            "length": 1000,
            "time_range": 40.0,
            "frequency": 1.0,
            "amplitude": 1.0,
            "noise": 0.1,
            "window": 20,
            "horizon": 1,
        },
        "sum": {"num_sequences": 1000, "length": 20, "distribution": "normal"},
    }[data]
    split = {"batch_size": None, "train_fraction": 0.8, "val_fraction": 0.0, "test_fraction": 0.2}
    neutral = {
        "score": None,
        "fresh": False,
        "steps_per_epoch": None,
        "test_lengths": [],
        "evaluations": None,
        "gap": 0,
        "folds": 1,
    }
    assert {**neutral, **node.data, "_target_": None} == {**neutral, **task, **split, "_target_": None}
    assert (node.cell.hidden_size, node.cell.num_layers, node.cell.dropout) == (16, 1, 0)
    assert node.cell.bidirectional is False
    assert (node.optimizer._target_, node.optimizer.weight_decay) == ("torch.optim.Adam", 0)
    expected = (0.01, 100) if data == "sine" else (0.001, 20)
    assert (node.optimizer.lr, node.trainer.max_epochs) == expected
    assert node.trainer.gradient_clip_val is None
    assert node.early_stopping.patience is None


def test_an_experiments_seed_is_not_lost(tmp_path: Path) -> None:
    """`_self_` comes before `experiment` in the defaults list, or config.yaml would have the last word."""
    order = [
        next(iter(each)) if not isinstance(each, str) else each
        for each in OmegaConf.load(CONF / "config.yaml").defaults
    ]
    assert order.index("_self_") < order.index("experiment")
    preset = next(
        name for name in GROUPS["experiment"] if "num_seeds" in OmegaConf.load(CONF / f"experiment/{name}.yaml")
    )
    stated = OmegaConf.load(CONF / f"experiment/{preset}.yaml").num_seeds
    assert stated != OmegaConf.load(CONF / "config.yaml").num_seeds
    assert composed(f"experiment={preset}").num_seeds == stated


def test_ten_seeds_from_0_are_the_default() -> None:
    parts = build(composed())
    assert tuple(parts.data.seeds) == tuple(range(10))
    assert parts.training.model.num_seeds == 10


# ---------------------------------------------------------------- what is built


def test_sizes_flow_from_the_data_to_the_cell() -> None:
    parts = made("cell.hidden_size=5", "cell.bidirectional=true", "cell.num_layers=2")
    model = parts.training.model
    assert model.cell.input_size == 1
    assert (model.cell.hidden_size, model.cell.output_size, model.output_size) == (5, 10, 1)


def test_every_setting_reaches_what_it_is_for() -> None:
    parts = made("data.noise=0.3", "data.batch_size=7", "optimizer=sgd", "optimizer.lr=0.125", "optimizer.momentum=0.5",
                 "trainer.max_epochs=9", "trainer.precision=64-true")  # fmt: skip
    assert parts.data.task.noise == 0.3  # type: ignore[attr-defined]
    assert parts.data.batch_size == 7
    optimizer = parts.training.configure_optimizers()
    assert isinstance(optimizer, torch.optim.SGD)
    assert (optimizer.defaults["lr"], optimizer.defaults["momentum"]) == (0.125, 0.5)
    trainer = parts.make_trainer([], ".")
    assert trainer.max_epochs == 9
    assert trainer.precision == "64-true"


def test_the_loaders_keys_are_those_of_the_data_module() -> None:
    assert set(LOADER_KEYS) == {
        *("batch_size", "train_fraction", "val_fraction", "test_fraction"),
        *("fresh", "steps_per_epoch", "test_lengths", "evaluations", "gap", "folds"),
    }


def test_building_twice_gives_the_same_weights_and_touches_nothing_global() -> None:
    before = torch.get_rng_state()
    one, other = made("cell=lstm"), made("cell=lstm")
    for a, b in zip(one.training.parameters(), other.training.parameters(), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(before, torch.get_rng_state())


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize("name", COUPLING_OPTIMIZERS)
def test_an_optimizer_that_would_mix_the_seeds_is_refused(name: str) -> None:
    if not hasattr(torch.optim, name):
        pytest.skip("this torch has none")
    with pytest.raises(ConfigError, match="mix the seeds"):
        made(f"optimizer._target_=torch.optim.{name}")


def test_every_optimizer_that_is_left_treats_each_number_by_itself() -> None:
    """Two members with different gradients against each alone: whatever of torch.optim is not refused."""
    skipped = {"Optimizer", *COUPLING_OPTIMIZERS}
    kinds = [
        kind
        for name, kind in vars(torch.optim).items()
        if isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer) and name not in skipped
    ]
    assert len(kinds) > 8

    def steps(kind: Any, start: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
        parameter = torch.nn.Parameter(start.clone())
        optimizer = kind([parameter], lr=0.1)
        for slope in slopes:
            parameter.grad = slope.clone()
            optimizer.step()
        return parameter.detach()

    rng = torch.Generator().manual_seed(0)
    start = torch.randn(2, 3, 4, generator=rng, dtype=torch.float64)
    slopes = torch.randn(5, 2, 3, 4, generator=rng, dtype=torch.float64) * torch.tensor([1.0, 50.0])[:, None, None]
    for kind in kinds:
        together = steps(kind, start, slopes)
        for index in range(2):
            alone = steps(kind, start[index : index + 1], slopes[:, index : index + 1])
            torch.testing.assert_close(together[index], alone[0], msg=kind.__name__)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["early_stopping.patience=2", "data.val_fraction=0"], r"^early_stopping.patience must be null where"),
        (["trainer.devices=2"], r"^trainer.devices must be 1: .*, got 2$"),
        (["trainer.precision=16-mixed"], r"^trainer.precision must be .*, got 16-mixed$"),
        (["trainer.max_epochs=0"], r"^trainer.max_epochs must be >= 1.*, got 0$"),
        (["trainer.limit_train_batches=0"], r"^trainer.limit_train_batches must leave one of the \d+ batches, got 0$"),
        (
            ["trainer.limit_train_batches=0.01"],
            r"^trainer.limit_train_batches must leave one of the 22 batches, got 0.01$",
        ),
        (["trainer.max_steps=0"], r"^trainer.max_steps must be >= 1, or -1 for no limit, got 0$"),
        (["trainer.max_epochs=-1"], r"^trainer.max_epochs=-1 would train for ever"),
        (["trainer.limit_test_batches=0"], r"^trainer.limit_test_batches must leave one of the \d+ batches, got 0$"),
        (["trainer.gradient_clip_val=-1"], r"^trainer.gradient_clip_val must be > 0.*, got -1$"),
        (["trainer.gradient_clip_val=0"], r"^trainer.gradient_clip_val must be > 0.*, got 0$"),
        (["optimizer.lr=0"], r"^optimizer.lr must be > 0, got 0$"),
        (["data=parity", "data.score=mae"], r"^data.score=mae: scores values, .* are classes \(Classes"),
        (["data.score=error_rate"], r"^data.score=error_rate: scores classes, and .* are values \(Values\(size=1\)\)$"),
        (["data.score=rmse"], r"^data.score must be one of mse, mae, cross_entropy, .*, got rmse$"),
        (["data.score=[mse]"], r"^data.score must be one of mse, mae, .*, got \['mse'\]$"),
        (["data.score=0"], r"^data.score must be one of mse, mae, .*, got 0$"),
        (["data.score=torch.nn.MSELoss"], r"torch.nn.MSELoss: must be a class derived from seqexp.score"),
        (["data.score=mine.Quartic"], r"mine.Quartic: only classes from seqexp, torch, lightning may"),
        (["data=copy", "data.score=seqexp.score.CrossEntropy"], r"must be built without arguments, and .* needs unit$"),
        (["+trainer.logger=true"], r"^trainer.logger is set by seqexp itself"),
    ],
)
def test_what_a_run_cannot_do_is_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        made(*overrides)


# ---------------------------------------------------------------- sizes matched by parameters


@pytest.mark.parametrize(
    ("cell", "asked", "width", "count"),
    [
        ("lstm", "17217", 64, 17_217),
        ("gru", "17217", 74, 17_169),
        ("rnn", "17217", 129, 17_158),
        ("rnn", "lstm-64", 129, 17_158),
        ("gru", "lstm-64", 74, 17_169),
        ("lstm", "lstm-64", 64, 17_217),
        ("lstm", "1", 1, 18),  # none is so small: the smallest
    ],
)
def test_a_hidden_size_can_be_matched_to_a_number_of_parameters(cell: str, asked: str, width: int, count: int) -> None:
    parts = made(f"cell={cell}", f"cell.hidden_size=match:{asked}", "num_seeds=1")
    model = parts.training.model
    assert isinstance(model.cell, Recurrent)
    assert (model.cell.hidden_size, model.num_parameters) == (width, count)
    assert parts.settings["cell"]["hidden_size"] == width
    assert parts.matched == (17_217 if "64" in asked else int(asked))


@pytest.mark.parametrize("asked", ["match:", "match:-3", "match:lstm", "match:nosuch-16", "matched:3"])
def test_another_spelling_is_refused(asked: str) -> None:
    with pytest.raises(ConfigError, match=r"cell"):
        made(f"cell.hidden_size={asked}")
