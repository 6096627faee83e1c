"""Solves the readout of a population whose cells are not trained: ridge regression, each seed by itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from seqexp.cell.threads import one_thread
from seqexp.data.module import VAL, PopulationData
from seqexp.data.split import Split
from seqexp.model import Model
from seqexp.training.module import Training, joined

log = logging.getLogger(__name__)

PIECE = 2**11
"""Steps of one seed's sequences in a piece, about; how a split is cut must not depend on the number of seeds, as sums
would be rounded otherwise."""


@dataclass
class Solved:
    """What solving leaves behind, by the names of `Selection`, which does the same for training.

    Attributes:
        penalties: the penalty that each seed took; None for one that has no readout.
        diverged: (S,) whether a seed's states are not finite, so that it has no readout.
        validated: whether there was a validation.
        best: (S,) validation score; infinite where there is none.
        solved: (S,) 0, the step at which the task's criterion is met, or -1; None where the task has none.
        train: name -> (S,) training score, and what is shown beside it.
        history: no curves: there are no epochs.
        best_epoch: none, of none.
    """

    penalties: list[float | None]
    diverged: Tensor
    validated: bool
    best: Tensor
    solved: Tensor | None
    train: dict[str, Tensor]
    history: Mapping[str, Sequence[Tensor]] = field(default_factory=lambda: {"train": [], "val": []})
    best_epoch: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))


@torch.no_grad()
def solve(training: Training, train: Split, val: Split | None, seeds: Sequence[int]) -> Solved:
    """Solves every seed's readout on the training split; the penalty is picked by the score on the validation split.

    The weights w (O, H) and the bias of one seed minimise, in the units in which the network is trained and with the
    weights of the steps, mean |y - w h - bias|^2 + penalty |w|^2.

    Args:
        training: the population; gets the readout.
        train: the training split.
        val: the validation split; None takes the first penalty.
        seeds: of the population, to name them in messages.
    """
    training.eval()
    model = training.model
    train = train.to(model.weight.device, model.weight.dtype)
    val = None if val is None else val.to(model.weight.device, model.weight.dtype)
    every = _ridge(training, train)  # (L, S, O, H + 1)
    index = torch.zeros(model.num_seeds, dtype=torch.long)  # of a penalty, (S,)
    if val is not None and len(every) > 1:
        scores = _scores(training, every, val).nan_to_num(nan=torch.inf)  # (L, S)
        index = scores.argmin(0).cpu()  # the largest penalty, where several are as good
    _give(model, every[index, torch.arange(model.num_seeds)])  # (L, S, ...) -> (S, O, H + 1)
    diverged = ~model.weight.flatten(1).isfinite().all(1)
    best, solved = torch.full_like(model.bias[:, 0], torch.inf), None
    if val is not None:
        for batch in val.evaluation_batches():
            training.validation_step(batch, 0)
        met = training.end_validation()
        best = training.val_score.mean()
        solved = None if met is None else torch.where(met, 0, -1)
    scored = training.measure(train.evaluation_batches())
    taken = zip(index.tolist(), diverged.tolist(), strict=True)
    penalties = [None if broken else model.cell.penalties[place] for place, broken in taken]
    for seed, penalty in zip(seeds, penalties, strict=True):
        if penalty is None:
            log.warning("seed %d: the states became NaN or infinite, so that there is no readout", seed)
        else:
            log.info("seed %d: ridge penalty %g", seed, penalty)
    return Solved(penalties, diverged, val is not None, best, solved, scored)


def _ridge(training: Training, split: Split) -> Tensor:
    """The readout for each penalty, weights and in the last column the bias, (L, S, O, H + 1) in float64."""
    model = training.model
    moments: list[Moments | None] = [None] * model.num_seeds
    for batch in pieces(split):
        targets = batch.targets
        if model.scaling is not None and model.restores:
            targets = model.scaling.hide(targets, batch.inputs, batch.lengths)
        states = training.groups.encode(batch)  # (S, H, B) or (S, H, T, B)
        for seed in range(model.num_seeds):
            rows = states[seed].flatten(1).t()  # (H, B) -> (B, H), or (H, T, B) -> (T * B, H)
            wanted, weight = targets[seed].double(), None
            if wanted.dim() == 3:  # of every step, (B, T, O) -> (T * B, O), in the order of the states
                wanted = wanted.transpose(0, 1).flatten(0, 1)
                weight = None if batch.weight is None else batch.weight[seed].double().t().flatten()
            with one_thread():
                found = moments[seed]
                if found is None:
                    found = moments[seed] = Moments.around(rows.double(), wanted, weight)
                found.add(rows.double(), wanted, weight)
    with one_thread():
        solutions = [each.solve(model.cell.penalties) for each in moments if each is not None]
    return torch.stack(solutions, dim=1)


@dataclass
class Moments:
    """Sums over rows, of states and targets side by side, around a pivot near their mean, which spares digits.

    Attributes:
        pivot: (H + O,).
        count: the sum of the rows' weights.
        first: (H + O,) the sum of the rows.
        second: (H + O, H + O) that of their products.
        outputs: O.
    """

    pivot: Tensor
    count: Tensor
    first: Tensor
    second: Tensor
    outputs: int

    @classmethod
    def around(cls, states: Tensor, targets: Tensor, weight: Tensor | None) -> Moments:
        """No rows yet, and the mean of these as the pivot: states (n, H), targets (n, O), weights (n,)."""
        rows = torch.cat([states, targets], dim=1)
        pivot = rows.mean(0) if weight is None or not weight.any() else rows[weight > 0].mean(0)
        size = rows.shape[1]
        return cls(pivot, rows.new_zeros(()), rows.new_zeros(size), rows.new_zeros(size, size), targets.shape[1])

    def add(self, states: Tensor, targets: Tensor, weight: Tensor | None) -> None:
        """Adds rows; those without weight count nothing, whatever they hold."""
        rows = torch.cat([states, targets], dim=1) - self.pivot
        if weight is None:
            weighted, count = rows, torch.tensor(float(len(rows)), dtype=torch.float64, device=rows.device)
        else:
            rows, weight = rows[weight > 0], weight[weight > 0]
            weighted, count = rows * weight[:, None], weight.sum()
        self.count += count
        self.first += weighted.sum(0)
        self.second += weighted.t() @ rows

    def solve(self, penalties: Sequence[float]) -> Tensor:
        """The readout for each penalty, (L, O, H + 1); NaN where a sum is not finite or nothing was counted."""
        size = len(self.first) - self.outputs
        mean = self.first / self.count
        spread = self.second / self.count - mean[:, None] * mean
        if not spread.isfinite().all():
            return spread.new_full((len(penalties), self.outputs, size + 1), torch.nan)
        values, vectors = torch.linalg.eigh(spread[:size, :size])
        turned = vectors.t() @ spread[:size, size:]  # (H, O)
        found = []
        for penalty in penalties:
            weight = (vectors @ (turned / (values.clamp(min=0) + penalty)[:, None])).t()  # (O, H)
            center = mean + self.pivot
            bias = center[size:] - weight @ center[:size]
            found.append(torch.cat([weight, bias[:, None]], dim=1))
        return torch.stack(found)


def pieces(split: Split) -> Iterator[Split]:
    """A split's sequences, so many at once that they have about `PIECE` steps."""
    yield from split.batches(max(1, PIECE // split.steps))


def _scores(training: Training, every: Tensor, val: Split) -> Tensor:
    """The score on the validation split of the readout for each penalty, (L, S); states are computed once."""
    model = training.model
    found: list[list[tuple[Tensor, Split]]] = [[] for _ in every]
    for batch in pieces(val):
        states = training.groups.encode(batch)
        for each, readout in zip(found, every, strict=True):
            _give(model, readout)
            each.append((model.decode(states, batch.inputs, batch.lengths), batch))
    scores = []
    for each in found:
        prediction, whole = joined(each)
        scores.append(training.score.value(prediction.double(), whole.targets, whole.weight))
    return torch.stack(scores)


def _give(model: Model, readout: Tensor) -> None:
    """Gives every seed its readout, (S, O, H + 1)."""
    model.weight.copy_(readout[..., :-1])
    model.bias.copy_(readout[..., -1])


def solve_readout(training: Training, data: PopulationData) -> tuple[Solved, float]:
    """Solves every seed's readout, and says in how many seconds.

    Args:
        training: the population.
        data: of the run, made and set up; its Trainer has device and precision, and does nothing.

    Raises:
        RuntimeError: the data have no Trainer.
    """
    if (trainer := data.trainer) is None:
        raise RuntimeError("solve_readout needs the data's trainer: set it before")
    start = time.perf_counter()
    trainer.precision_plugin.convert_module(training)
    training.to(trainer.strategy.root_device)
    val = data.splits[VAL] if data.batches_left(VAL) else None
    solved = solve(training, data.splits["train"], val, data.seeds)
    return solved, time.perf_counter() - start
