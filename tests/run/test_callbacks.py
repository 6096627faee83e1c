"""Callbacks of the user's choice: what they measure, that they define a run, and which are refused."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch.callbacks
import numpy as np
import pytest
from lightning.pytorch import Callback, LightningModule, Trainer
from omegaconf import OmegaConf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seqexp.config.compose import compose_config
from seqexp.config.mistakes import ConfigError
from seqexp.run.build import build, claim_of

SMALL = (
    "num_seeds=2", "data.length=100", "data.batch_size=24", "trainer.max_epochs=3", "cell.hidden_size=3",
    "trainer.enable_progress_bar=false", "data.val_fraction=0",
)  # fmt: skip
NORM = "callback=[gradient_norm]"


def table(folder: Path) -> Any:
    return np.genfromtxt(folder / "callbacks" / "gradient_norm.csv", delimiter=",", names=True)


def logged_numbers(folder: Path) -> dict[str, list[float]]:
    with (folder / "loggers" / "csv" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["0", "1", "2", "3"]  # one for each epoch and one for the result
    return {tag: [float(row[tag]) for row in rows if row[tag]] for tag in rows[0]}


def shown_numbers(folder: Path) -> dict[str, list[float]]:
    board = EventAccumulator(str(folder))
    board.Reload()
    return {tag: [each.value for each in board.Scalars(tag)] for tag in board.Tags()["scalars"]}


@pytest.mark.parametrize("clip", ["0.01", "null"])
def test_gradient_norm_is_that_of_a_plain_loop_before_clipping(train: Callable[..., Any], clip: str) -> None:
    settings = (NORM, f"trainer.gradient_clip_val={clip}")
    made, without = train(*settings, tiny=SMALL), train(settings[1], tiny=SMALL)
    assert made.record.test_mse == without.record.test_mse
    parts = build(compose_config([*SMALL, *settings]))
    parts.make_data()
    parts.data.setup()
    training, optimizer = parts.training, parts.training.pack()
    found = table(made.folder)
    for epoch in range(3):
        norms = []
        for batch in parts.data.train_dataloader():
            training.learn(batch)
            squares = [each.grad.double().square().flatten(1).sum(1) for each in training.model.parameters()]
            norms.append(sum(squares).sqrt().numpy())
            if clip != "null":
                training.configure_gradient_clipping(optimizer, float(clip), "norm")
            optimizer.step()
        of_epoch = found[found["epoch"] == epoch]
        np.testing.assert_allclose(of_epoch["mean"], np.mean(norms, 0), rtol=1e-5)
        np.testing.assert_allclose(of_epoch["largest"], np.max(norms, 0), rtol=1e-5)


def test_gradient_norm_is_shown_by_tensorboard_and_loggers(train: Callable[..., Any]) -> None:
    made = train(NORM, "logger=[csv]", tiny=SMALL)
    found, (logged, shown) = table(made.folder), (logged_numbers(made.folder), shown_numbers(made.folder))
    for name, over_seeds in (("mean", np.mean), ("largest", np.max)):
        tag = f"work/gradient_norm_{name}"
        expected = [over_seeds(found[name][found["epoch"] == epoch]) for epoch in range(3)]
        np.testing.assert_allclose(logged[tag], expected)
        np.testing.assert_allclose(shown[tag], expected, rtol=1e-6)


def test_a_seed_alone_has_the_same_norms(train: Callable[..., Any]) -> None:
    together, alone = (
        table(train(NORM, tiny=SMALL).folder),
        table(train(NORM, "seed=1", "num_seeds=1", tiny=SMALL).folder),
    )
    for name in ("mean", "largest"):
        np.testing.assert_array_equal(together[together["seed"] == 1][name], alone[name])


def test_lightnings_timer_ends_training(train: Callable[..., Any]) -> None:
    timer = ("callback=[timer,gradient_norm]", "callback.timer.duration={milliseconds:200}")
    made = train(*timer, "trainer.max_epochs=100000", tiny=SMALL)
    assert 1 <= made.record.epochs < 100_000
    assert len(table(made.folder)) == 2 * made.record.epochs


class Impatient(Callback):
    """Stops before anything has been learnt."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.fit_loop.max_epochs = 0


def test_a_training_that_a_callback_ends_before_its_first_epoch_is_refused(train: Callable[..., Any]) -> None:
    own = ("+callback.own._target_=tests.run.test_callbacks.Impatient", "allowed_packages=[tests]")
    with pytest.raises(ConfigError, match="training ended before its first epoch"):
        train(*own, tiny=SMALL)


def test_callbacks_define_a_run_and_none_is_the_run_that_it_was() -> None:
    config = compose_config([*SMALL])
    without = claim_of(config)
    assert "callback" not in config
    OmegaConf.update(config, "callback", {}, force_add=True)
    assert claim_of(config) == without
    with_timer = [claim_of(compose_config([*SMALL, "callback=[timer]", *more])) for more in
                  ((), ("callback.timer.interval=step",))]  # fmt: skip
    assert len({without.family, *(each.family for each in with_timer)}) == 3


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("EarlyStopping", "early_stopping.patience is for each seed by itself"),
        ("ModelCheckpoint", "are saved in any case"),
        ("StochasticWeightAveraging", "its own best epoch"),
        ("EMAWeightAveraging", "its own best epoch"),
        ("LearningRateMonitor", "which has none here"),
        ("RichProgressBar", "trainer.enable_progress_bar"),
        ("Callback", "does nothing"),
    ],
)
def test_what_would_break_the_promise_is_refused(command: Callable[..., Any], target: str, said: str) -> None:
    done = command(NORM, f"callback.gradient_norm._target_=lightning.pytorch.callbacks.{target}", "num_seeds=1")
    assert done.status == 2
    assert f"callbacks.{target}: " in done.err
    assert said in done.err
    assert not Path("outputs").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("callback=[timers]", "Did you mean callback=timer?"),
        ("callback=[timer] callback.timer.duration=soon", "callback.timer: "),
        (
            "callback=[timer] callback.timer.duration=00:00:00:00",
            "callback.timer.duration must be > 0, got 00:00:00:00",
        ),
        ("callback=[timer] callback.timer.verbose=5", "callback.timer.verbose must be true or false, got 5"),
        ("callback.timer.duration=null", "It is a key of callback=[timer]"),
        (f"{NORM} callback.gradient_norm._target_=os.system", "only classes from seqexp, torch, lightning"),
        ("+callback.k=3", "a file of callback/ begins with the line '# @package callback.NAME'"),
    ],
)
def test_wrong_settings_are_one_paragraph(command: Callable[..., Any], given: str, said: str) -> None:
    done = command(*given.split(), "num_seeds=1")
    assert done.status == 2
    assert said in done.err


def test_every_callback_of_lightning_has_been_looked_at() -> None:
    """A new one in a later version is to be judged: whether it couples the seeds, or acts at all."""
    from seqexp.run.callbacks import REFUSED

    names = {getattr(lightning.pytorch.callbacks, name) for name in lightning.pytorch.callbacks.__all__}
    left = {each.__name__ for each in names if not issubclass(each, tuple(REFUSED))}
    assert left == {"Callback", "Timer"}
