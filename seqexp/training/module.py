"""How a population is trained: the LightningModule and its callbacks. Knows no cell and no task by name."""

from __future__ import annotations

import contextlib
import logging
import time
import warnings
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.profilers import Profiler
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.optim import Optimizer

from seqexp.board import Board
from seqexp.groups import Groups
from seqexp.model import Model, Packed, mean_square
from seqexp.record import put

log = logging.getLogger(__name__)

# Lightning's loggers print by handlers of their own; what they say belongs to the run's log.
for _name in ("lightning", "lightning.pytorch", "lightning.fabric"):
    logging.getLogger(_name).handlers.clear()
    logging.getLogger(_name).propagate = True
# Lightning wonders why a run is not one of Slurm's steps wherever Slurm is installed; a run is one process.
warnings.filterwarnings("ignore", "The `srun` command is available on your system but is not used")

Batch = tuple[Tensor, Tensor]
OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]


class Training(LightningModule):
    """Trains S independent seeds as one model.

    The loss is the sum over seeds of each seed's own MSE, so one seed's gradient is what it would be alone.

    Args:
        model: the population, its weights drawn.
        make_optimizer: called with the parameters. It must treat each number by itself (as SGD, Adam and their
            like do); one that mixes the entries of a parameter, such as LBFGS, would mix the seeds.

    Attributes:
        train_score: the running training MSE of this epoch, per seed.
        val_score: the running validation MSE, per seed.
        predictions: (S, B, O) for each test batch.
        share: of an update, what one batch is: less than 1 where batches accumulate.
    """

    def __init__(self, model: Model, make_optimizer: OptimizerFactory) -> None:
        super().__init__()
        self.model = model
        self.make_optimizer = make_optimizer
        self.groups = Groups(model)
        self.share = 1.0
        self.train_score = RunningMean()
        self.val_score = RunningMean()
        self.predictions: list[Tensor] = []

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets what Lightning notes around every hook, some forty times a step, past torch's slow road."""
        if name == "_current_fx_name":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def configure_optimizers(self) -> Optimizer:
        """Builds the optimizer over the population's parameters, packed into one tensor."""
        self.packed = Packed(self.model)
        self.groups.bind(self.packed)
        return self.make_optimizer([self.packed.values])

    def optimizer_zero_grad(self, epoch: int, batch_idx: int, optimizer: Optimizer) -> None:
        """Zeroes the gradients before each step."""
        self.zero_grad()

    def zero_grad(self, set_to_none: bool = False) -> None:
        """Zeroes the gradients in place, as they are views of the packed ones."""
        self.packed.gradients.zero_()

    def on_train_start(self) -> None:
        """Notes what share of an update each batch is."""
        self.share = 1 / self.trainer.accumulate_grad_batches

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Returns the sum over seeds of each one's MSE on its batch. Its gradient is then ready for `backward`."""
        mse = self.groups.differentiate(*batch)
        self.train_score.add(mse, batch[1].shape[1])
        return mse.sum()

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Adds the gradient of the last `training_step`; `loss` has no graph."""
        self.packed.gradients.add_(self.groups.gradient, alpha=self.share)

    def learn(self, batch: Batch) -> None:
        """Leaves a batch's gradients with the parameters, without a Trainer."""
        self.zero_grad()
        self.backward(self.training_step(batch, 0))

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Adds the batch to the validation score."""
        self.val_score.add(self.score(batch), batch[1].shape[1])

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Keeps the predictions."""
        self.predictions.append(self.groups.predict(batch[0]))

    def score(self, batch: Batch) -> Tensor:
        """Returns each seed's MSE on a batch, (S,)."""
        inputs, targets = batch
        return mean_square(self.groups.predict(inputs) - targets)

    def on_train_epoch_start(self) -> None:
        """Starts the training score anew."""
        self.train_score.reset()
        self.val_score.reset()

    def on_validation_epoch_start(self) -> None:
        """Starts the validation score anew."""
        self.val_score.reset()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds the state of the generators that dropout draws from."""
        checkpoint["dropout"] = self.model.cell.generator_states()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Sets those generators."""
        self.model.cell.set_generator_states(checkpoint["dropout"])

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clips each seed's gradient by itself, where a norm over all of them would couple the seeds."""
        if gradient_clip_val is None:
            return
        if gradient_clip_algorithm == "value":
            self.packed.gradients.clamp_(-gradient_clip_val, gradient_clip_val)
            return
        gradients = [each.grad.flatten(1) for each in self.model.parameters() if each.grad is not None]  # (S, ...)
        norms = torch.stack([torch.linalg.vector_norm(each, dim=1) for each in gradients], dim=1)  # (S, parameters)
        norm = torch.linalg.vector_norm(norms, dim=1)  # (S,); along rows, where no other seed enters the rounding
        factor = (gradient_clip_val / (norm + 1e-6)).clamp(max=1.0)[:, None]  # the rule of torch's clip_grad_norm_
        for gradient in gradients:
            gradient.mul_(factor)


class NoProfiler(Profiler):
    """Measures nothing. Lightning's own way of measuring nothing enters a generator around every hook."""

    _nothing = contextlib.nullcontext()

    def profile(self, action_name: str) -> contextlib.AbstractContextManager[None]:  # type: ignore[override]
        """Does nothing while the action runs."""
        return self._nothing

    def start(self, action_name: str) -> None:
        """Does nothing."""

    def stop(self, action_name: str) -> None:
        """Does nothing."""


class RunningMean:
    """The mean of per-seed scores over batches of different size."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets everything."""
        self.total: Tensor | float = 0.0
        self.count = 0

    def add(self, score: Tensor, count: int) -> None:
        """Adds the mean score (S,) of `count` sequences."""
        self.total = self.total + score * count
        self.count += count

    def mean(self) -> Tensor:
        """Returns the mean over all sequences so far, (S,)."""
        return torch.as_tensor(self.total / self.count)


class Selection(Callback):
    """Watches every seed: its curves, its best epoch and the weights of that epoch, and whether it diverged.

    Each seed keeps the weights of its own best validation epoch, or its last ones where nothing validates.
    With patience, a seed that has not improved for so many validations keeps what it has for good, as it would
    if it were trained alone; training stops when that is true of all. After `fit` the model holds the kept weights.

    Args:
        training: what is watched.
        seeds: the S seeds, to name them in messages.
        patience: validations without improvement that a seed is granted; None grants all.

    Attributes:
        history: `train_mse` and `val_mse`, a tensor (S,) for each epoch; NaN where there was no validation.
        best_mse: (S,) validation MSE of the kept weights; infinite where there is none.
        best_epoch: (S,) the epoch of the kept weights.
        diverged: (S,) whether a seed's loss was ever NaN or infinite.
        validated: whether there was any validation.
        train_mse: (S,) training MSE of the kept weights, once `fit` has ended.
    """

    def __init__(self, training: Training, seeds: Sequence[int], patience: int | None) -> None:
        self.training = training
        self.seeds = tuple(seeds)
        self.patience = patience
        self.history: dict[str, list[Tensor]] = {"train_mse": [], "val_mse": []}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Starts with nothing kept, on the model's device."""
        if stage != "fit":
            return
        size, device = len(self.seeds), trainer.strategy.root_device
        self.kept = [each.detach().clone() for each in self.training.model.parameters()]
        self.best_mse = torch.full((size,), torch.inf, device=device)
        self.best_epoch = torch.full((size,), -1, device=device)
        self.waited = torch.zeros(size, dtype=torch.long, device=device)
        self.validated = False
        self.diverged = torch.zeros(size, dtype=torch.bool, device=device)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Follows the model to the device and precision that it has by now."""
        self.kept = [kept.to(each) for kept, each in zip(self.kept, self.training.model.parameters(), strict=True)]
        self.best_mse = self.best_mse.to(self.kept[0])

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stops at once what had stopped before its checkpoint: Lightning's checkpoints do not know of that."""
        self._stop_if_all_have_waited(trainer)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lets every seed that has improved keep its present weights, unless its patience is at an end."""
        if trainer.sanity_checking:
            return
        self.validated = True
        mse = self.training.val_score.mean()
        better = mse < self.best_mse
        if self.patience is not None:
            better &= self.waited < self.patience
        self.best_mse = torch.where(better, mse, self.best_mse)
        self.best_epoch = torch.where(better, trainer.current_epoch, self.best_epoch)
        self.waited = torch.where(better, 0, self.waited + 1)
        self._keep(better)
        self._stop_if_all_have_waited(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Notes the epoch's scores and names the seeds that have just diverged."""
        train, val = self.training.train_score.mean(), self.training.val_score
        self.history["train_mse"].append(train)
        self.history["val_mse"].append(val.mean() if val.count else torch.full_like(train, torch.nan))
        broken = ~train.isfinite()
        if val.count:
            broken |= ~self.history["val_mse"][-1].isfinite()
        if self.patience is not None:
            broken &= self.waited <= self.patience  # alone, the seed would have stopped by now
        for index in (broken & ~self.diverged).nonzero().flatten().tolist():
            seed, epoch = self.seeds[index], trainer.current_epoch
            log.warning("seed %d: the loss became NaN or infinite in epoch %d", seed, epoch)
        self.diverged |= broken

    @torch.no_grad()
    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Puts the kept weights into the model and scores them on the training split."""
        never = self.best_epoch < 0  # nothing was validated, or no validation score was finite
        self._keep(never)
        self.best_epoch = torch.where(never, len(self.history["train_mse"]) - 1, self.best_epoch)
        for parameter, kept in zip(self.training.model.parameters(), self.kept, strict=True):
            parameter.copy_(kept)
        self.training.eval()  # scores are the model's own, without dropout
        score = RunningMean()
        for inputs, targets in trainer.datamodule.splits["train"].evaluation_batches():  # type: ignore[attr-defined]
            batch = (inputs.to(self.kept[0]), targets.to(self.kept[0]))
            score.add(self.training.score(batch), inputs.shape[1])
        self.train_mse = score.mean()

    def _stop_if_all_have_waited(self, trainer: Trainer) -> None:
        if self.patience is not None and bool((self.waited >= self.patience).all()):
            trainer.should_stop = True

    @torch.no_grad()
    def _keep(self, which: Tensor) -> None:
        """Copies the present weights of some seeds, given as a mask (S,), to the kept ones."""
        for kept, parameter in zip(self.kept, self.training.model.parameters(), strict=True):
            mask = which.reshape(-1, *(1 for _ in parameter.shape[1:]))  # (S,) -> (S, 1, ...)
            torch.where(mask, parameter, kept, out=kept)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds of this."""
        return {
            "kept": self.kept,
            "best_mse": self.best_mse,
            "best_epoch": self.best_epoch,
            "waited": self.waited,
            "validated": self.validated,
            "diverged": self.diverged,
            "history": self.history,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from a checkpoint."""
        self.history.update(state_dict["history"])  # in place: the board and the bar hold it, too
        for name in self.state_dict().keys() - {"history"}:
            setattr(self, name, state_dict[name])


class BoardWriter(Callback):
    """Writes each epoch's scores to TensorBoard."""

    def __init__(self, board: Board, selection: Selection) -> None:
        self.board = board
        self.history = selection.history

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the epochs of a training that goes on from a checkpoint, even if none is left to train."""
        for epoch in range(len(self.history["train_mse"])):
            self._write(epoch)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the epoch that has just ended."""
        self._write(trainer.current_epoch)

    def _write(self, epoch: int) -> None:
        scores = {name.replace("_", "/"): rows[epoch].double().cpu().numpy() for name, rows in self.history.items()}
        self.board.scores(scores, epoch)


class Checkpoints(Callback):
    """Leaves `last.ckpt`, the state of training, now and then and at the end, and `best.ckpt`, the kept weights.

    Training that goes on from `last.ckpt`, by Lightning's own `ckpt_path`, ends with the bits it would have had.
    A file is complete or not there.

    Args:
        folder: where; it need not exist.
        every_seconds: how often the state is saved, at the end of an epoch.
        identity: what the training is, plain values; a checkpoint of another one is of no use.

    Attributes:
        seconds: that fit has taken so far, those before the checkpoint included.
    """

    def __init__(self, folder: Path, every_seconds: float, identity: dict[str, Any]) -> None:
        self.folder = folder
        self.every_seconds = every_seconds
        self.identity = identity
        self.seconds_before = 0.0
        self.start = self.saved = time.perf_counter()

    @property
    def seconds(self) -> float:
        """See the class."""
        return self.seconds_before + time.perf_counter() - self.start

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves the state of training if it is time; to stand after all callbacks that have a state."""
        if time.perf_counter() - self.saved >= self.every_seconds:
            self._save(trainer, "last.ckpt")
            self.saved = time.perf_counter()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves the state of training."""
        self._save(trainer, "last.ckpt")

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves the kept weights, which the model holds by now."""
        self._save(trainer, "best.ckpt", weights_only=True)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds of this."""
        return {"identity": self.identity, "seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from a checkpoint."""
        self.seconds_before = state_dict["seconds"]

    def usable(self) -> Path | None:
        """The folder's `last.ckpt`, if it is whole and of this training."""
        path = self.folder / "last.ckpt"
        try:
            with zipfile.ZipFile(path) as archive:
                if broken := archive.testzip():  # torch itself does not look whether the bytes are still those
                    raise zipfile.BadZipFile(f"{broken} is damaged")
            content = torch.load(path, weights_only=True, map_location="cpu")
            same = content["callbacks"][self.state_key]["identity"] == self.identity
        except Exception as error:  # whatever a damaged file makes torch say
            if path.exists():
                log.warning("%s cannot be read, so training starts anew: %s", path, type(error).__name__)
            return None
        return path if same else None

    def _save(self, trainer: Trainer, name: str, weights_only: bool = False) -> None:
        part = self.folder / f".{name}.part"
        trainer.save_checkpoint(part, weights_only=weights_only)
        put(part, self.folder / name)


class EpochBar(Callback):
    """A progress bar that counts epochs and shows the mean MSE over seeds; gone when training ends.

    Args:
        label: what is trained.
        console: where the bar is drawn; not a terminal, nothing is.
        selection: has the scores.
    """

    def __init__(self, label: str, console: Console, selection: Selection) -> None:
        self.history = selection.history
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[score]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            refresh_per_second=4,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task(label, total=None, score="")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Shows the bar."""
        epochs = trainer.max_epochs if trainer.max_epochs is not None and trainer.max_epochs > 0 else None
        self.bar.update(self.task, total=epochs)
        self.bar.start()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Counts the epoch."""
        val, train = self.history["val_mse"][-1], self.history["train_mse"][-1]
        name, score = ("train", train) if val.isnan().all() else ("validation", val)
        self.bar.update(
            self.task, completed=trainer.current_epoch + 1, score=f"{name} MSE {score.nanmean().item():.4g}"
        )

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Takes the bar away."""
        self.bar.stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Takes the bar away, so that what follows is readable."""
        self.bar.stop()
