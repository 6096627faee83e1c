"""Schedules of the learning rate: torch's own numbers, the same for every seed, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.optim.lr_scheduler import LinearLR, MultiStepLR

from seqexp.config.compose import compose_config
from seqexp.config.mistakes import ConfigError
from seqexp.record import provenance
from seqexp.run.build import build, claim_of

SMALL = (
    "num_seeds=2", "data.length=100", "data.batch_size=24", "trainer.max_epochs=4", "cell.hidden_size=3",
    "trainer.enable_progress_bar=false", "data.val_fraction=0", "optimizer.lr=0.05",
)  # fmt: skip
TORCH = "scheduler._target_=torch.optim.lr_scheduler."


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["scheduler=warmup", "scheduler.total_iters=3"], lambda o: LinearLR(o, 0.01, 1.0, 3)),
        (["scheduler=step", f"{TORCH}MultiStepLR", "~scheduler.step_size", "+scheduler.milestones=[2,5]",
          "scheduler.interval=step"], lambda o: MultiStepLR(o, [2, 5], 0.1)),
    ],
)  # fmt: skip
def test_training_is_a_plain_loop_with_torchs_scheduler(
    train: Callable[..., Any], settings: list[str], expected: Callable[..., Any]
) -> None:
    made = train(*settings, tiny=SMALL)
    parts = build(compose_config([*SMALL, *settings]))
    parts.make_data()
    parts.data.setup()
    training, optimizer = parts.training, parts.training.pack()
    scheduler = expected(optimizer)
    for _ in range(4):
        for batch in parts.data.train_dataloader():
            training.learn(batch)
            training.configure_gradient_clipping(optimizer, 1.0, "norm")
            optimizer.step()
            if "scheduler.interval=step" in settings:
                scheduler.step()
        if "scheduler.interval=step" not in settings:
            scheduler.step()
    state = torch.load(made.folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    for name, parameter in training.named_parameters():
        assert torch.equal(state[name], parameter), name


def test_a_seed_alone_has_the_bits_that_it_has_in_a_population(train: Callable[..., Any]) -> None:
    settings = ("scheduler=cosine", "scheduler.interval=step", "scheduler.T_max=10", "cell=lstm")
    together = train(*settings, "num_seeds=3", tiny=SMALL).record
    for index in range(3):
        assert train(*settings, f"seed={index}", "num_seeds=1", tiny=SMALL).record.test_mse == [
            together.test_mse[index]
        ]


def test_the_rate_is_shown_where_a_schedule_changes_it(train: Callable[..., Any]) -> None:
    shown = {}
    for name in ("none", "cosine"):
        board = EventAccumulator(str(train(f"scheduler={name}", tiny=SMALL).folder))
        board.Reload()
        tags = sorted(board.Tags()["scalars"])
        rates = [tag for tag in tags if "learning_rate" in tag]
        shown[name] = [each.value for each in board.Scalars(rates[0])] if rates else None
        assert all(tag > "val/mse" for tag in rates)
    # eta(e) = lr (1 + cos(pi e / 4)) / 2
    assert shown == {"none": None, "cosine": pytest.approx([0.05, 0.04267767, 0.025, 0.00732233])}


def test_no_schedule_is_the_run_that_it_was_before_there_were_any() -> None:
    config = compose_config([*SMALL])
    with_none = claim_of(config)
    del config.scheduler
    assert claim_of(config) == with_none
    assert claim_of(compose_config([*SMALL, "scheduler=step"])) != with_none
    assert "scheduler" not in provenance.defining(build(compose_config([*SMALL])).settings)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ([f"{TORCH}ReduceLROnPlateau"], "would couple the seeds"),
        (["scheduler.interval=day"], "scheduler.interval must be epoch or step, got day"),
        (["scheduler.step_size=0"], "scheduler.step_size must be >= 1, got 0"),
        (["scheduler.step_size=1", "scheduler.gamma=-1"], "makes the learning rate -0.05 after 1 intervals (epoch)"),
        (["scheduler.gama=1"], "Did you mean scheduler.gamma?"),
        (["+scheduler.last_epoch=3"], "scheduler.last_epoch is set by seqexp itself"),
        (["scheduler.gamma=high"], "scheduler.gamma must be a number, got 'high'"),
        (["scheduler._target_=torch.optim.SGD"], "must be a class derived from torch.optim.lr_scheduler.LRScheduler"),
        ([f"{TORCH}OneCycleLR", "~scheduler.step_size", "~scheduler.gamma", "+scheduler.max_lr=0.1",
          "+scheduler.total_steps=3"], "must cover the whole training, 4 intervals (epoch), got 3"),
        ([f"{TORCH}LambdaLR", "~scheduler.step_size", "~scheduler.gamma", "+scheduler.lr_lambda=abs"], "lr_lambda"),
    ],
)  # fmt: skip
def test_what_is_refused(settings: list[str], said: str) -> None:
    given = [each if "gama" not in each else "+scheduler.gama=1" for each in settings]
    with pytest.raises(ConfigError) as error:
        build(compose_config([*SMALL, "scheduler=step", *given]))
    assert said in str(error.value)


def test_a_schedule_over_an_endless_training_says_what_is_missing() -> None:
    endless = ["trainer.max_epochs=-1", "trainer.max_steps=9"]
    said = r"T_max must be >= 1, got -1; where trainer.max_epochs is -1, give scheduler.T_max itself"
    with pytest.raises(ConfigError, match=said):
        build(compose_config([*SMALL, "scheduler=cosine", *endless]))
    assert build(compose_config([*SMALL, "scheduler=cosine", *endless, "scheduler.T_max=9"])).training.schedule


@pytest.mark.parametrize("name", ["cosine", "step", "warmup"])
@pytest.mark.parametrize("interval", ["epoch", "step"])
def test_every_file_builds(name: str, interval: str) -> None:
    parts = build(compose_config([*SMALL, f"scheduler={name}", f"scheduler.interval={interval}"]))
    assert parts.training.schedule is not None
    assert parts.training.schedule.interval == interval
