"""The callbacks that a configuration names, and those of Lightning that cannot be had here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Callback
from lightning.pytorch import callbacks as lightnings

from seqexp.config.mistakes import ConfigError
from seqexp.config.targets import arguments, find_listed, make

_WEIGHTS = "changes the weights behind the back of those that each seed keeps, the ones of its own best epoch"
_ONE_LOSS = "goes by one loss of the whole population, and so would couple the seeds"
_LOGGER = "writes to a logger of Lightning's Trainer, which has none here: TensorBoard and logger=[...] get the scores"
_BAR = "draws a bar or table over seqexp's own lines; see trainer.enable_progress_bar"

REFUSED: dict[type, str] = {
    lightnings.EarlyStopping: f"{_ONE_LOSS}; early_stopping.patience is for each seed by itself",
    lightnings.Checkpoint: "the state of training and each seed's best weights are saved in any case, in checkpoints/",
    lightnings.StochasticWeightAveraging: _WEIGHTS,
    lightnings.WeightAveraging: _WEIGHTS,
    lightnings.BaseFinetuning: _WEIGHTS,
    lightnings.ModelPruning: "prunes the numbers of a parameter together, and so would couple the seeds",
    lightnings.BatchSizeFinder: f"{_ONE_LOSS}; data.batch_size is a setting",
    lightnings.LearningRateFinder: f"{_ONE_LOSS}; python -m seqexp.search searches for optimizer.lr",
    lightnings.SpikeDetection: _ONE_LOSS,
    lightnings.GradientAccumulationScheduler: "is not known to the schedule; see trainer.accumulate_grad_batches",
    lightnings.LearningRateMonitor: _LOGGER,
    lightnings.DeviceStatsMonitor: _LOGGER,
    lightnings.ThroughputMonitor: _LOGGER,
    lightnings.ProgressBar: _BAR,
    lightnings.ModelSummary: _BAR,
    lightnings.LambdaCallback: "takes functions, which YAML cannot hold",
    lightnings.BasePredictionWriter: "is for predictions apart from training; those of the test split are kept",
}
"""Callbacks that would break what a run promises, or could not do what Lightning says of them; and why."""


def find_callbacks(node: Mapping[str, Any], allowed: list[str]) -> dict[str, Callback]:
    """Builds what the group `callback` names.

    Args:
        node: name -> settings.
        allowed: packages that the user trusts.

    Raises:
        ConfigError: a setting is wrong, or such a callback cannot be had here.
    """
    return {name: _build(name, settings, allowed) for name, settings in node.items()}


def _build(name: str, node: Any, allowed: list[str]) -> Callback:
    where = f"callback.{name}"
    found = find_listed("callback", name, node, Callback, allowed)
    for kind, why in REFUSED.items():
        if issubclass(found, kind):
            raise ConfigError(f"{where}._target_={node['_target_']}: {why}")
    if found is Callback:
        raise ConfigError(f"{where}._target_={node['_target_']}: does nothing; take a class derived from it")
    made = make(where, found, arguments(where, node, found, given=()), (Exception,))
    if isinstance(made, lightnings.Timer) and made.time_remaining() == 0:
        raise ConfigError(f"{where}.duration must be > 0, got {node.get('duration')}")
    return made
