"""How a population is trained: the LightningModule and its callbacks. Knows no cell and no task by name."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.profilers import Profiler
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from seqexp.data.split import Split, join
from seqexp.data.task import Task
from seqexp.model import Model
from seqexp.score import RunningMean, Score
from seqexp.training.groups import Groups
from seqexp.training.packed import Packed

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]


class Schedule(NamedTuple):
    """How the learning rate changes, the same for every seed: what makes a scheduler, and after what it steps."""

    make: Callable[[Optimizer], LRScheduler]
    interval: Literal["epoch", "step"]


class Training(LightningModule):
    """Trains S independent seeds as one model.

    The loss is the sum over seeds of each seed's own score, so one seed's gradient is what it would be alone.

    Args:
        model: the population, its weights drawn.
        score: what each seed minimises, and what its weights are selected by.
        task: may have a criterion of success of its own.
        make_optimizer: called with the parameters. It must treat each number by itself (as SGD, Adam and their
            like do); one that mixes the entries of a parameter, such as LBFGS, would mix the seeds.
        schedule: of the learning rate; None leaves it as it is.

    Attributes:
        train_score: the running training score of this epoch, per seed.
        val_score: the running validation score, per seed.
        validated: predictions and batches of this validation, until it ends.
        predictions: (S, B, O) or (S, B, T, O) for each test batch.
        batch_weight: of an update, what the present batch is: less than 1 where batches accumulate.
    """

    def __init__(
        self,
        model: Model,
        score: Score,
        task: Task,
        make_optimizer: OptimizerFactory,
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.score = score
        self.task = task
        self.make_optimizer = make_optimizer
        self.schedule = schedule
        self.groups = Groups(model)
        self.batch_weight = 1.0
        self.train_score = RunningMean()
        self.val_score = RunningMean()
        self.validated: list[tuple[Tensor, Split]] = []
        self.predictions: list[Tensor] = []

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets what Lightning notes around every hook, some forty times a step, past torch's slow road."""
        if name == "_current_fx_name":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Builds the optimizer and, where there is a schedule, the scheduler of its learning rate."""
        optimizer = self.pack()
        if self.schedule is None:
            return optimizer
        scheduler = self.schedule.make(optimizer)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": self.schedule.interval}}

    def pack(self) -> Optimizer:
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

    def on_train_batch_start(self, batch: Split, batch_idx: int) -> None:
        """Notes what share of an update the batch is; an epoch's last update may be made of fewer batches."""
        if (size := self.trainer.accumulate_grad_batches) > 1:
            rest = int(self.trainer.num_training_batches) - batch_idx // size * size
            self.batch_weight = 1 / min(size, rest)

    def training_step(self, batch: Split, batch_idx: int) -> Tensor:
        """Returns the sum over seeds of each one's score on its batch. Its gradient is then ready for `backward`."""
        value = self.groups.differentiate(batch, self.score)
        self.train_score.add(value, batch.counted)
        return value.sum()

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Adds the gradient of the last `training_step`; `loss` has no graph."""
        self.packed.gradients.add_(self.groups.gradient, alpha=self.batch_weight)

    def learn(self, batch: Split) -> None:
        """Leaves a batch's gradients with the parameters, without a Trainer."""
        self.zero_grad()
        self.backward(self.training_step(batch, 0))

    def validation_step(self, batch: Split, batch_idx: int) -> None:
        """Keeps the prediction."""
        self.validated.append((self.groups.predict(batch), batch))

    def end_validation(self) -> Tensor | None:
        """Scores all of this validation at once, and asks the task which seeds have solved it.

        How a validation is cut into batches depends on the number of seeds, and may decide nothing.

        Returns:
            (S,) bool; None where the task has no criterion.
        """
        prediction, batch = joined(self.validated)
        self.validated.clear()
        self.val_score.add(self.score.value(prediction, batch.targets, batch.weight), batch.counted)
        return self.task.solved(prediction, batch)

    def test_step(self, batch: Split, batch_idx: int) -> None:
        """Keeps the predictions."""
        self.predictions.append(self.groups.predict(batch))

    def predict(self, batches: Iterable[Split], count: int) -> None:
        """Keeps the predictions of so many of some batches, without a Trainer."""
        like = next(self.model.parameters())
        for index, batch in enumerate(itertools.islice(batches, count)):
            self.test_step(batch.to(like.device, like.dtype), index)

    def measure(self, batches: Iterable[Split]) -> dict[str, Tensor]:
        """Returns the score of each seed, and what is shown beside it, on all of some batches: name -> (S,)."""
        like = next(self.model.parameters())
        cast = [batch.to(like.device, like.dtype) for batch in batches]
        prediction, batch = joined([(self.groups.predict(each), each) for each in cast])
        given = (prediction, batch.targets, batch.weight)
        found = {self.score.name: self.score.value(*given), **self.score.shown(*given)}
        return {name: value * batch.counted / batch.counted for name, value in found.items()}  # as a RunningMean has it

    def on_train_epoch_start(self) -> None:
        """Starts the training score anew."""
        self.train_score.reset()
        self.val_score.reset()

    def on_validation_epoch_start(self) -> None:
        """Starts the validation score anew."""
        self.val_score.reset()
        self.validated.clear()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds the state of the generators that dropout draws from."""
        checkpoint["dropout"] = self.model.cell.generator_states()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Sets those generators; takes the weights' precision, which Lightning sets only after it has loaded them."""
        self.to(next(iter(checkpoint["state_dict"].values())).dtype)
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


def joined(parts: Sequence[tuple[Tensor, Split]]) -> tuple[Tensor, Split]:
    """Predictions and batches of pieces, (S, B, ...), as those of the whole."""
    predictions, batches = zip(*parts, strict=True)
    return (predictions[0], batches[0]) if len(parts) == 1 else (torch.cat(predictions, 1), join(batches))


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
