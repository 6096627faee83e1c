"""Every flag of Lightning's Trainer is obeyed, or refused up front in one paragraph."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.profilers import SimpleProfiler
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import Tensor

from seqexp.config.mistakes import OURS, ConfigError
from seqexp.data.module import PopulationData
from seqexp.data.split import Batches
from seqexp.record.record import Record
from seqexp.run.execute import run
from seqexp.training.keeper import Selection
from seqexp.training.module import Training
from seqexp.training.screen import EpochBar

SETTINGS = ("num_seeds=2", "data.length=130", "data.batch_size=16", "cell.hidden_size=4", "data.noise=0.1")
"""Five training batches an epoch, the last of 13; two each for validation and test, of 10 at most, or 16 if limited."""


GPU = torch.cuda.is_available() or torch.backends.mps.is_available()


class Seen:
    """What a run did, seen from inside."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, *overrides: str) -> None:
        self.batches: list[Tensor] = []
        self.validated: list[int] = []  # batches before each validation
        self.sanity = self.loaded = 0
        self.weights: list[Tensor] = []  # of all seeds and parameters, before each batch
        step, validated = Training.training_step, Selection.on_validation_epoch_end
        clip, test, load = Training.configure_gradient_clipping, Training.test_step, PopulationData.train_dataloader

        def training_step(module: Training, batch: Any, index: int) -> Tensor:
            self.trainer: Any = module.trainer
            self.batches.append(batch[0].clone())
            self.weights.append(module.packed.values.detach().clone())
            self.switched = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
            self.anomaly = torch.is_anomaly_enabled()
            return step(module, batch, index)

        def configure_gradient_clipping(module: Training, *arguments: Any, **more: Any) -> None:
            clip(module, *arguments, **more)
            self.gradients = module.packed.gradients.clone()

        def test_step(module: Training, batch: Any, index: int) -> None:
            self.inference = torch.is_inference_mode_enabled()
            test(module, batch, index)

        def train_dataloader(data: PopulationData) -> Batches:
            self.loaded += 1
            return load(data)

        def on_validation_epoch_end(selection: Selection, trainer: Trainer, module: Any) -> None:
            if trainer.sanity_checking:
                self.sanity += 1
            else:
                self.validated.append(len(self.batches))
            validated(selection, trainer, module)

        with monkeypatch.context() as patch:
            patch.setattr(Training, "training_step", training_step)
            patch.setattr(Training, "configure_gradient_clipping", configure_gradient_clipping)
            patch.setattr(Training, "test_step", test_step)
            patch.setattr(PopulationData, "train_dataloader", train_dataloader)
            for name, value in (("EVALUATION_ROWS", 20), ("ROWS_STEP", 1)):
                patch.setattr(f"seqexp.data.split.{name}", value)
            patch.setattr(Selection, "on_validation_epoch_end", on_validation_epoch_end)
            given = {each.split("=")[0] for each in overrides}
            rest = [each for each in ("trainer.max_epochs=4",) if each.split("=")[0] not in given]
            self.record: Record = run([*SETTINGS, *rest, *overrides], folder / "run")
        with np.load(folder / "run" / "predictions.npz") as arrays:
            self.tested = arrays["predictions"].shape[1]
        saved = torch.load(folder / "run" / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
        self.precisions = {each.dtype for each in saved.values()}


NO_PATIENCE = ("early_stopping.patience=1", "optimizer.lr=1e-30")
"""Nothing improves, so training would stop after its second epoch."""

OBEYED: dict[str, tuple[list[str], Callable[[Seen], Any]]] = {
    "accelerator": (["accelerator=auto"], lambda seen: (seen.record.device != "cpu") == GPU),
    "strategy": (["strategy=auto"], lambda seen: isinstance(seen.trainer.strategy, SingleDeviceStrategy)),
    "devices": (["devices=1"], lambda seen: seen.trainer.num_devices == 1),
    "num_nodes": (["num_nodes=1"], lambda seen: seen.trainer.num_nodes == 1),
    "precision": (["precision=64-true"], lambda seen: seen.precisions == {torch.float64}),
    "fast_dev_run": (["fast_dev_run=3"], lambda seen: (len(seen.batches), seen.validated) == (3, [3])),
    "fast_dev_run alone": (["fast_dev_run=true"], lambda seen: (len(seen.batches), seen.tested) == (1, 16)),
    "max_epochs": (["max_epochs=2"], lambda seen: seen.record.epochs == 2),
    "min_epochs": (["min_epochs=3", *NO_PATIENCE], lambda seen: seen.record.epochs == 3),
    "max_steps": (["max_steps=7"], lambda seen: (seen.record.steps, seen.record.epochs) == (7, 2)),
    "min_steps": (["min_steps=13", *NO_PATIENCE], lambda seen: seen.record.steps == 13),
    "max_time": (["max_time=00:00:00:01", "max_epochs=-1"], lambda seen: seen.record.epochs > 4),
    "limit_train_batches": (["limit_train_batches=3"], lambda seen: seen.record.steps == 12),
    "limit_train_batches as a share": (["limit_train_batches=0.4"], lambda seen: seen.record.steps == 8),
    "limit_val_batches": (["limit_val_batches=0"], lambda seen: seen.record.val_mse is None and not seen.validated),
    "limit_test_batches": (["limit_test_batches=1"], lambda seen: seen.tested == 16),
    "overfit_batches": (["overfit_batches=2"], lambda seen: same_batches(seen.batches, 2)),
    "overfit_batches as a whole float": (["overfit_batches=2.0"], lambda seen: same_batches(seen.batches, 2)),
    "overfit_batches as a share": (["overfit_batches=1.0"], lambda seen: same_batches(seen.batches, 5)),
    "val_check_interval": (["val_check_interval=0.5"], lambda seen: seen.validated == [2, 4, 7, 9, 12, 14, 17, 19]),
    "val_check_interval in batches": (["val_check_interval=3"], lambda seen: seen.validated == [3, 8, 13, 18]),
    "check_val_every_n_epoch": (["check_val_every_n_epoch=2"], lambda seen: seen.validated == [10, 20]),
    "check_val_every_n_epoch, null": (
        ["check_val_every_n_epoch=null", "val_check_interval=7"], lambda seen: seen.validated == [7, 14]
    ),
    "num_sanity_val_steps": (["num_sanity_val_steps=-1"], lambda seen: (seen.sanity, len(seen.validated)) == (1, 4)),
    "enable_progress_bar": (
        ["enable_progress_bar=false"],
        lambda seen: not any(isinstance(each, EpochBar) for each in seen.trainer.callbacks),
    ),
    "accumulate_grad_batches": (["accumulate_grad_batches=2"], lambda seen: seen.record.steps == 12),
    "gradient_clip_val": (["gradient_clip_val=1e-12"], lambda seen: still(seen)),
    "gradient_clip_algorithm": (
        ["gradient_clip_algorithm=value", "gradient_clip_val=1e-6"],
        lambda seen: len(seen.gradients.abs().unique()) == 2,  # the limit, and 0 between the packed parameters
    ),
    "deterministic": (["deterministic=true"], lambda seen: seen.switched == (True, False)),
    "benchmark": (["benchmark=true"], lambda seen: seen.switched == (False, True)),
    "inference_mode": (["inference_mode=false"], lambda seen: not seen.inference),
    "profiler": (["profiler=simple"], lambda seen: isinstance(seen.trainer.profiler, SimpleProfiler)),
    "detect_anomaly": (["detect_anomaly=true"], lambda seen: seen.anomaly),
    "reload_dataloaders_every_n_epochs": (["reload_dataloaders_every_n_epochs=1"], lambda seen: seen.loaded == 4),
    # On one device these have nothing to do; that the Trainer has them is all that can be seen.
    "use_distributed_sampler": (
        ["use_distributed_sampler=false"],
        lambda seen: not seen.trainer._accelerator_connector.use_distributed_sampler,
    ),
    "sync_batchnorm": (["sync_batchnorm=true"], lambda seen: seen.trainer._accelerator_connector._layer_sync),
    "enable_autolog_hparams": (["enable_autolog_hparams=false"], lambda seen: not seen.trainer.enable_autolog_hparams),
}  # fmt: skip

ONE_VALUE = {"strategy", "devices", "num_nodes", "accelerator"}
"""Flags that have only one allowed value, the last of them on a machine without a GPU."""

REFUSED = {
    "limit_predict_batches": ["trainer.limit_predict_batches=1"],
    "log_every_n_steps": ["trainer.log_every_n_steps=1"],
    "barebones": ["trainer.barebones=true"],
    "plugins": ["trainer.plugins=[fsdp]"],
    "model_registry": ["trainer.model_registry=mine"],
    "accelerator": ["trainer.accelerator=tpu"],
    "strategy": ["trainer.strategy=fsdp"],
    "devices": ["trainer.devices=3"],
    "precision": ["trainer.precision=bf16-mixed"],
    "profiler": ["trainer.profiler=xla"],
    "max_time": ["trainer.max_time=soon"],
    "max_time ": ["trainer.max_time=00:00:00:00"],
    "max_epochs": ["trainer.max_epochs=-2"],
    "max_steps": ["trainer.max_steps=-2"],
    "min_epochs": ["trainer.min_epochs=-1"],
    "num_sanity_val_steps": ["trainer.num_sanity_val_steps=-2"],
    "accumulate_grad_batches": ["trainer.accumulate_grad_batches=0"],
    "reload_dataloaders_every_n_epochs": ["trainer.reload_dataloaders_every_n_epochs=-1"],
    "overfit_batches": ["trainer.overfit_batches=0.001"],
    "overfit_batches ": ["trainer.overfit_batches=1.5"],
    "overfit_batches  ": ["trainer.overfit_batches=-1"],
    "limit_train_batches": ["trainer.limit_train_batches=0.1"],
    "limit_val_batches": ["trainer.limit_val_batches=0.1"],
    "limit_test_batches": ["trainer.limit_test_batches=-1"],
    "early_stopping.patience": ["early_stopping.patience=2", "trainer.limit_val_batches=0"],
    "early_stopping.patience ": ["early_stopping.patience=2", "data.val_fraction=0"],
    "check_val_every_n_epoch": ["trainer.check_val_every_n_epoch=5"],
    "check_val_every_n_epoch ": ["trainer.check_val_every_n_epoch=3", "trainer.max_steps=14"],
    "check_val_every_n_epoch  ": ["trainer.check_val_every_n_epoch=0"],
    "val_check_interval": ["trainer.val_check_interval=6"],
    "val_check_interval ": ["trainer.val_check_interval=4", "trainer.limit_train_batches=3"],
    "val_check_interval  ": ["trainer.check_val_every_n_epoch=null", "trainer.val_check_interval=21"],
    "val_check_interval   ": ["trainer.check_val_every_n_epoch=null", "trainer.val_check_interval=0.5"],
    "val_check_interval    ": ["trainer.val_check_interval=0"],
    "val_check_interval     ": ["trainer.val_check_interval='00:00:00:01'"],
    "val_check_interval      ": ["trainer.val_check_interval=1.5"],
    "val_check_interval and steps": [
        "trainer.val_check_interval=3", "trainer.max_steps=1", "trainer.accumulate_grad_batches=2"
    ],
}  # fmt: skip


def same_batches(batches: list[Tensor], count: int) -> bool:
    """Whether all epochs of so many batches are the same, in the order of the data."""
    in_order = batches[0][:, 0, 1:].allclose(batches[0][:, 1, :-1])  # windows one step apart
    return in_order and all(torch.equal(batch, batches[index % count]) for index, batch in enumerate(batches))


def still(seen: Seen) -> bool:
    """Whether the weights are the first ones: Adam's steps are small where gradients are far below its epsilon."""
    return bool((seen.weights[-1] - seen.weights[0]).abs().max() < 1e-5)


def test_all_flags_of_lightning_are_in_the_tables() -> None:
    flags = set(inspect.signature(Trainer.__init__).parameters) - {"self", *OURS["trainer"]}
    named = {each.split("=")[0] for settings, _ in OBEYED.values() for each in settings}
    refused = {each.strip() for each in REFUSED}
    assert flags <= named | refused


@pytest.mark.parametrize("flag", OBEYED)
@pytest.mark.filterwarnings("ignore:.*enable_autolog", "ignore:Detected call of")
def test_a_flag_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str) -> None:
    settings, holds = OBEYED[flag]
    overrides = [each if "." in each.split("=")[0] else f"trainer.{each}" for each in settings]
    assert holds(Seen(monkeypatch, tmp_path, *overrides))


def test_what_a_flag_does_is_not_seen_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Seen(monkeypatch, tmp_path)
    assert {flag for flag, (_, holds) in OBEYED.items() if holds(plain)} <= ONE_VALUE


@pytest.mark.parametrize("kind", REFUSED)
def test_a_flag_that_cannot_do_it_is_refused(tmp_path: Path, kind: str) -> None:
    settings = REFUSED[kind]
    rest = [] if any("max_epochs" in each for each in settings) else ["trainer.max_epochs=4"]
    with pytest.raises(ConfigError) as refusal:
        run([*SETTINGS, *rest, *settings], tmp_path / "run")
    text = str(refusal.value)
    assert kind.split()[0] in text
    assert "\n" not in text.strip()
    assert list(tmp_path.iterdir()) == []


LIMITS = {
    "batches": ["trainer.limit_val_batches=1", "trainer.limit_test_batches=2"],
    "shares": ["trainer.limit_val_batches=0.4", "trainer.limit_test_batches=0.7"],
    "full batch": ["data.batch_size=null", "trainer.limit_val_batches=1", "trainer.limit_test_batches=1"],
    "overfit_batches": ["trainer.overfit_batches=2"],
    "fast_dev_run": ["trainer.fast_dev_run=1"],
}


@pytest.mark.parametrize("kind", LIMITS)
def test_limits_leave_a_seed_the_same_sequences_whoever_else_is_in_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    # Without a limit, batches are then of 30 sequences of one seed, or of 5 of six.
    for name, value in (("EVALUATION_ROWS", 30), ("ROWS_STEP", 1)):
        monkeypatch.setattr(f"seqexp.data.split.{name}", value)
    settings = [*SETTINGS, "data.batch_size=7", "trainer.max_epochs=3", *LIMITS[kind]]
    many = run([*settings, "num_seeds=6"], tmp_path / "many")
    for index in (0, 5):
        alone = run([*settings, f"seed={index}", "num_seeds=1"], tmp_path / f"alone{index}")
        for name in ("val_mse", "test_mse", "best_epoch", "data_hash"):
            assert getattr(alone, name) == getattr(many, name)[index : index + 1], name
        for name, scores in alone.baselines.items():
            assert scores is None or scores == many.baselines[name][index : index + 1], name


@pytest.mark.parametrize("settings", [["trainer.limit_val_batches=0"], ["data.val_fraction=0"]])
def test_where_nothing_is_validated_no_rule_of_validation_holds(tmp_path: Path, settings: list[str]) -> None:
    record = run([*SETTINGS, *settings, "trainer.max_epochs=1", "trainer.check_val_every_n_epoch=5"], tmp_path / "run")
    assert record.val_mse is None


@pytest.mark.parametrize("every", [1, 2, 3, 5, 9])
def test_an_update_is_the_mean_of_the_batches_that_are_there(tmp_path: Path, every: int) -> None:
    """Against plain torch: the gradient of an update is the mean over its batches', also where they are fewer."""
    settings = [
        "num_seeds=1", "data.length=117", "data.batch_size=14", "data.val_fraction=0", "data.train_fraction=0.7",
        "cell.hidden_size=3", "optimizer=sgd", "optimizer.lr=0.1", "optimizer.momentum=0",
        "trainer.gradient_clip_val=null", "trainer.precision=64-true", "trainer.max_epochs=2",
        "trainer.overfit_batches=1.0",
    ]  # fmt: skip
    record = run([*settings, f"trainer.accumulate_grad_batches={every}"], tmp_path / "run")
    assert record.steps == 2 * -(-5 // every)
    assert record.train_mse == pytest.approx([plain(settings, every)], rel=1e-9)


def plain(settings: list[str], every: int) -> float:
    from hydra import compose, initialize_config_dir

    from seqexp.config.compose import CONF
    from seqexp.run.build import build

    with initialize_config_dir(str(CONF), version_base="1.3"):
        parts = build(compose("config", settings))
    parts.data.setup()
    model = parts.training.model.double()
    inputs, targets, *_ = (each.double() if each is not None else each for each in parts.data.splits["train"])
    batches = list(zip(inputs.split(14, 1), targets.split(14, 1), strict=True))
    assert len(batches) == 5
    names = model.to_torch(0)
    optimizer = torch.optim.SGD(names.parameters(), lr=0.1)
    for _ in range(2):
        for first in range(0, 5, every):
            group = batches[first : first + every]
            optimizer.zero_grad()
            for x, y in group:
                loss = (names["readout"](names["cell"](x[0])[0][:, -1]) - y[0]).square().mean()
                (loss / len(group)).backward()
            optimizer.step()
    with torch.no_grad():
        return float((names["readout"](names["cell"](inputs[0])[0][:, -1]) - targets[0]).square().mean())


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_anomaly_detection_ends_a_run_at_its_first_nan(tmp_path: Path, cell: str) -> None:
    wild = [*SETTINGS, f"cell={cell}", "optimizer=sgd", "optimizer.lr=1e30", "trainer.gradient_clip_val=null"]
    with pytest.raises(RuntimeError, match=r"(?i)nan"):
        run([*wild, "trainer.max_epochs=3", "trainer.detect_anomaly=true"], tmp_path / "run")


@pytest.mark.parametrize("setting", ["deterministic=true", "deterministic=warn", "benchmark=true"])
def test_what_a_trainer_sets_for_the_whole_process_ends_with_the_run(tmp_path: Path, setting: str) -> None:
    def settings() -> tuple[object, ...]:
        return (
            torch.backends.cudnn.benchmark,
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
        )

    before = settings()
    run([*SETTINGS, "trainer.max_epochs=1", f"trainer.{setting}"], tmp_path / "run")
    assert settings() == before
