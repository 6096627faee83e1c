"""The LightningDataModule: one dataset per seed, split, stacked, and cut into batches by index."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import torch
from lightning.pytorch import LightningDataModule

from seqexp.data.check import check_chance, check_sample, check_sizes, digest
from seqexp.data.split import EVALUATION_ROWS, Batches, Split
from seqexp.data.task import Sample, Task
from seqexp.seeding import generator


class PopulationData(LightningDataModule):
    """Makes every seed's data, splits it, and hands out batches for the whole population.

    Seed k's data, split and shuffling depend on k alone.

    Attributes:
        task: makes one seed's sequences.
        splits: `train`, `val` and `test`, once they are made.
        limits: for each split how many of its batches a pass takes, as a Trainer has it: a share (float) or a number
            (int). To be set before the data are made.
        data_hash: for each seed two digests: of its training and validation sequences as they were sampled and split,
            and of the test targets that it is scored on. Seeds of two runs share their data if the digests are equal.

    Args:
        make_task: builds the task; called again to see that a new one makes the same sequences.
        seeds: the S seeds.
        batch_size: sequences per seed in a training batch; None is full batch.
        train_fraction: share of the sequences that is trained on.
        val_fraction: share that selects among weights; may be 0.
        test_fraction: share that is scored once, at the end.

    Raises:
        ValueError: the task lacks an attribute, a size or fraction is out of range, or a split would be empty.
    """

    def __init__(
        self,
        make_task: Callable[[], Task],
        seeds: Sequence[int],
        batch_size: int | None,
        train_fraction: float,
        val_fraction: float,
        test_fraction: float,
    ) -> None:
        super().__init__()
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size must be >= 1, or null for full batch, got {batch_size}")
        self.make_task = make_task
        self.task = make_task()
        check_sizes(self.task)
        self.seeds = seeds
        self.batch_size = batch_size
        self.bounds = _bounds(self.task.num_sequences, train_fraction, val_fraction, test_fraction)
        self.limits: dict[str, int | float] = dict.fromkeys(self.bounds, 1.0)
        self.shuffle: list[torch.Generator] = []
        self.splits: dict[str, Split] = {}
        self.data_hash: list[list[str]] = []
        self._first: Sample | None = None

    @property
    def has_val(self) -> bool:
        """Whether there is a validation split."""
        return self.bounds["val"][1] > self.bounds["val"][0]

    def num_batches(self, split: str) -> int:
        """How many batches `train`, `val` or `test` has."""
        count, rows = self._count(split), self.batch_rows(split)
        return -(-count // max(rows)) if rows else 0

    def batches_left(self, split: str) -> int:
        """How many of them its limit leaves to a pass."""
        count, limit = self.num_batches(split), self.limits[split]
        return int(count * limit) if isinstance(limit, float) else min(count, limit)

    def batch_rows(self, split: str) -> set[int]:
        """The numbers of sequences per seed that the batches of a split have: all the same, but perhaps the last."""
        return _rows(self._count(split), self._size(split))

    def evaluation_rows(self) -> set[int]:
        """The same for all passes without a backward, which the training split has, too."""
        return set().union(*(_rows(self._count(split), self._evaluation_size) for split in self.bounds))

    @property
    def _evaluation_size(self) -> int:
        return max(1, EVALUATION_ROWS // len(self.seeds))

    def _size(self, split: str) -> int:
        """Sequences per seed in a batch. Where a limit counts batches, it is the same whoever else is in the run."""
        limit = self.limits[split]
        is_limited = limit != 0 and not (isinstance(limit, float) and limit == 1)
        if split == "train" or is_limited:
            return self.batch_size or self._count(split)
        return self._evaluation_size

    def _count(self, split: str) -> int:
        start, stop = self.bounds[split]
        return stop - start

    def first(self) -> Sample:
        """The first seed's sample, checked, as its task made it; kept until all data are made."""
        if self._first is None:
            self._first = _sample(self.task, self.seeds[0])
        return self._first

    def make(self) -> None:
        """Makes and checks every seed's data, once; later calls change nothing.

        Raises:
            ValueError: a sample is not what the task says, or is not drawn from its generator alone.
        """
        if self.splits:
            return
        first = self.first()
        check_chance(self.task, self.seeds[0], first, lambda: _sample(self.make_task(), self.seeds[0]))
        count = len(self.seeds)
        splits = {name: _room(first, count, stop - start) for name, (start, stop) in self.bounds.items()}
        for index, seed in enumerate(self.seeds):
            sample = self._ordered(seed, first if index == 0 else _sample(self.task, seed, first))
            for name, (start, stop) in self.bounds.items():
                for room, values in zip(splits[name], sample, strict=True):
                    if room is not None and values is not None:
                        room[index] = values[start:stop]  # a copy: a task may use its own memory again
        self.shuffle = [generator(seed, "shuffle") for seed in self.seeds]
        scored = self.batches_left("test") * self._size("test")
        self.data_hash = [_hashes(splits, index, scored) for index in range(count)]
        self.splits, self._first = splits, None

    def setup(self, stage: str | None = None) -> None:
        """Makes the data, where that has not been done, and puts them on the trainer's device."""
        self.make()
        if self.trainer and self.splits["train"].inputs.device != self.trainer.strategy.root_device:
            device = self.trainer.strategy.root_device
            self.splits = {name: split.to(device) for name, split in self.splits.items()}

    def _ordered(self, seed: int, sample: Sample) -> Sample:
        """One seed's sample, so ordered that its splits are consecutive."""
        if self.task.forecasts:
            return sample
        order = torch.randperm(self.task.num_sequences, generator=generator(seed, "split"))
        return Sample._make(None if each is None else each[order] for each in sample)

    def train_dataloader(self) -> Batches:
        """Batches of the training split, each seed in its own new order at each pass; overfitting wants the same."""
        overfit = self.trainer is not None and self.trainer.overfit_batches > 0  # type: ignore[attr-defined]
        return self.splits["train"].batches(self.batch_size, None if overfit else self.shuffle)

    def val_dataloader(self) -> Batches | list[Any]:
        """The validation split in order; nothing where there is none."""
        return self.splits["val"].batches(self._size("val")) if self.has_val else []

    def test_dataloader(self) -> Batches:
        """The test split in order."""
        return self.splits["test"].batches(self._size("test"))

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Does nothing: `setup` has put all of the data there."""
        return batch

    def state_dict(self) -> dict[str, Any]:
        """The state of each seed's shuffling, (S, bytes)."""
        return {"shuffle": torch.stack([each.get_state() for each in self.shuffle])}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continues each seed's shuffling where a checkpoint left it."""
        for each, state in zip(self.shuffle, state_dict["shuffle"], strict=True):
            each.set_state(state.clone())  # torch ignores where a view begins, and crashes


def _sample(task: Task, seed: int, first: Sample | None = None) -> Sample:
    """One seed's sample, checked."""
    try:
        sample = task.sample(generator(seed, "data"))
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or re.search(r"allocate|overflow", str(error)):
            reason = str(error).partition("\n")[0]
            raise ValueError(f"the sample of seed {seed} needs more memory than there is ({reason})") from error
        raise
    check_sample(task, seed, sample, first)
    return sample


def _room(sample: Sample, num_seeds: int, count: int) -> Split:
    """Memory for one split of all seeds, of the shapes of one seed's sample."""
    return Split._make(None if each is None else each.new_empty(num_seeds, count, *each.shape[1:]) for each in sample)


def _hashes(splits: dict[str, Split], index: int, scored: int) -> list[str]:
    """Digests of what one seed is trained and selected on, and of the first test targets, which it is scored on."""
    seen = [each[index] for name in ("train", "val") for each in (splits[name].inputs, splits[name].targets)]
    return [digest(*seen), digest(splits["test"].targets[index, :scored])]


def _rows(count: int, size: int) -> set[int]:
    """The lengths of the pieces when `count` is cut into pieces of `size`."""
    return {min(size, count), count % size} - {0} if count else set()


def _bounds(count: int, train: float, val: float, test: float) -> dict[str, tuple[int, int]]:
    """Turns fractions of `count` sequences into (start, stop) of each split."""
    fractions = {"train": train, "val": val, "test": test}
    for name, fraction in fractions.items():
        if not 0 <= fraction <= 1:
            raise ValueError(f"{name}_fraction must be between 0 and 1, got {fraction}")
    rounding = 1e-9  # 0.7 + 0.15 + 0.15 may be a little more than 1
    if sum(fractions.values()) > 1 + rounding:
        given = " + ".join(f"{value:g}" for value in fractions.values())
        raise ValueError(f"train_fraction + val_fraction + test_fraction must be <= 1, got {given}")
    stops = [int(count * share + rounding * count) for share in (train, train + val, train + val + test)]
    bounds = dict(zip(fractions, zip([0, *stops], stops, strict=False), strict=True))
    for name, (start, stop) in bounds.items():
        if stop == start and (name != "val" or val > 0):
            raise ValueError(
                f"{name}_fraction must leave at least one of the {count} sequences, got {fractions[name]:g}"
            )
    return bounds
