"""The LightningDataModule: one dataset per seed, split, stacked, and cut into batches by index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from lightning.pytorch import LightningDataModule

from seqexp.data.chance import check_chance
from seqexp.data.check import check_counted, check_task, check_texts
from seqexp.data.evaluations import TEST, elsewhere, of_other_files
from seqexp.data.folds import Folds
from seqexp.data.sampling import bounds_of, hashes, lacking, ordered, put, room, sample, sizes, with_gap
from seqexp.data.split import Batches, Split, evaluation_rows
from seqexp.data.stream import Stream, check_stream, draw_again
from seqexp.data.task import Sequences, Task, features
from seqexp.data.unseen import Laid, unseen
from seqexp.seeding import drawn_from, generator

VAL = "val"

DIGESTED = 8
"""Sequences by which a stream is known, drawn for nothing else."""


class PopulationData(LightningDataModule):
    """Makes every seed's data, splits it, and hands out batches for the whole population.

    Seed k's data, split and shuffling depend on k alone, and where one seed is fixed for them, on that alone.

    Attributes:
        task: makes one seed's sequences.
        splits: `train`, `val` and `test`, once they are made.
        evaluations: what else the trained model is scored on, by names such as `test@40`; once they are made.
        limits: for each split how many of its batches a pass takes, as a Trainer has it: a share (float) or a number
            (int). To be set before the data are made.
        data_hash: for each seed two digests: of what training and validation are made of, as it was sampled and split,
            and of the test targets that it is scored on. Seeds of two runs share their data if the digests are equal.

    Args:
        make_task: builds the task, with some of its settings changed; called again to see that a new one makes the
            same sequences.
        seeds: the S seeds.
        batch_size: sequences per seed in a training batch; None is full batch.
        train_fraction: share of the sequences that is trained on.
        val_fraction: share that selects among weights; may be 0.
        test_fraction: share that is scored once, at the end.
        fresh: every training batch is drawn anew; the training split is then only scored, never trained on.
        steps_per_epoch: fresh batches of an epoch; None for as many as cutting the training split would give.
        test_lengths: lengths T, beside the task's own, at which the trained model is tested as well.
        evaluations: other tests by name, each the settings of the task that are changed for it.
        gap: windows of a series that are left out between two splits, the first ones of the later split.
        data_seed: draws the data of all S seeds; None: each seed its own. Where the task's data are the same for every
            seed it draws nothing but their split, and None is 0.
        order_seed: shuffles the batches of all S seeds; None: each seed its own.
        folds: how many splits there are of one recording; seed k has split k mod folds. Of a series each has as many
            windows, and its test period follows that of the one before (a rolling origin); of other data each has other
            test sequences (cross-validation).

    Raises:
        ValueError: the task lacks an attribute, a setting is out of range, or a split would be empty.
    """

    def __init__(
        self,
        make_task: Callable[[Mapping[str, Any]], Task],
        seeds: Sequence[int],
        batch_size: int | None,
        train_fraction: float,
        val_fraction: float,
        test_fraction: float,
        # Data files of 0.1 have none of these; conf/data has them all.
        fresh: bool = False,
        steps_per_epoch: int | None = None,
        test_lengths: Sequence[int] = (),
        evaluations: Mapping[str, Mapping[str, Any]] | None = None,
        gap: int = 0,
        data_seed: int | None = None,
        order_seed: int | None = None,
        folds: int = 1,
    ) -> None:
        super().__init__()
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size must be >= 1, or null for full batch, got {batch_size}")
        self.make_task = make_task
        self.task = make_task({})
        check_task(self.task)
        self.seeds = seeds
        self.data_seeds = drawn_from(seeds, 0 if self.task.fixed and data_seed is None else data_seed)
        self.order_seeds = drawn_from(seeds, order_seed)
        self.batch_size = batch_size

        def cut(count: int) -> dict[str, tuple[int, int]]:
            bounds = bounds_of(count, train_fraction, val_fraction, test_fraction)
            return with_gap(bounds, gap, self.task.chronological)

        self.folds = Folds(self.task, folds, test_fraction, cut)
        self.bounds = cut(self.folds.count)
        check_stream(self.task, fresh, steps_per_epoch)
        self.fresh = fresh
        self.steps_per_epoch = steps_per_epoch
        self.elsewhere = elsewhere(self.task, test_lengths, evaluations or {}, make_task)
        self.limits: dict[str, int | float] = dict.fromkeys(self.bounds, 1.0)
        self.shuffle: list[torch.Generator] = []
        self.splits: dict[str, Split] = {}
        self.evaluations: dict[str, Split] = {}
        self.data_hash: list[list[str]] = []
        self.stream: Stream | None = None
        self._first: Sequences | None = None
        self._known: Sequences | None = None  # of a stream, the kinds and shapes of one seed's batch

    @property
    def has_val(self) -> bool:
        """Whether there is a validation split."""
        return self.bounds["val"][1] > self.bounds["val"][0]

    @property
    def has_order(self) -> bool:
        """Whether an epoch's batches depend on an order: a stream has none, nor has one batch of everything."""
        return not self.fresh and self.batch_size is not None and self.batch_size < self._count("train")

    @property
    def notes(self) -> list[str]:
        """What the task says of its splits, and what there is to know of folds."""
        found = check_texts(self.task, "notes", self.task.notes(self.bounds)) + lacking(self.task, self.splits)
        return [*found, self.folds.note] if self.folds.note else found

    @property
    def evaluation_numbers(self) -> int:
        """How many numbers one seed's evaluations hold at least, told before they are made."""
        rows, found = self._count(TEST), 0
        for task, length in self.elsewhere.values():
            each = task.numbers // task.num_sequences if length is None else length * features(task.inputs)
            found += (task.num_sequences if task.chronological or task.fixed else rows) * each
        return found

    def num_batches(self, split: str) -> int:
        """How many batches `train`, `val` or `test` has."""
        if split == "train" and self.fresh and self.steps_per_epoch is not None:
            return self.steps_per_epoch
        count, rows = self._count(split), self.batch_rows(split)
        return -(-count // max(rows)) if rows else 0

    def batches_left(self, split: str) -> int:
        """How many of them its limit leaves to a pass."""
        count, limit = self.num_batches(split), self.limits[split]
        return int(count * limit) if isinstance(limit, float) else min(count, limit)

    def batch_rows(self, split: str) -> set[int]:
        """The numbers of sequences per seed that the batches of a split have: all the same, but perhaps the last."""
        if split == "train" and self.fresh:
            return {self._size("train")}
        return sizes(self._count(split), self._size(split))

    def evaluation_rows(self) -> set[int]:
        """The same for all passes without a backward, which the training split has, too."""
        return set().union(*(sizes(self._count(split), self._evaluation_size) for split in self.bounds))

    @property
    def _evaluation_size(self) -> int:
        return evaluation_rows(len(self.seeds))

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

    def first(self) -> Sequences:
        """The first seed's sample, checked, as its task made it; kept until all data are made."""
        if self._first is None:
            self._first = self._sample(self.task, self.data_seeds[0])
        return self._first

    def make(self) -> None:
        """Makes and checks every seed's data, once; later calls change nothing.

        Raises:
            ValueError: a sample is not what the task says, or is not drawn from its generator alone.
        """
        if self.splits:
            return
        first = self.first()
        count, begin = len(self.seeds), self.data_seeds[0]
        check_chance(self.task, begin, first, lambda: self._sample(self.make_task({}), begin))
        splits = self._cut(self.task, "data", self.bounds, first)
        self.shuffle = [generator(seed, "shuffle") for seed in self.order_seeds]
        if self.fresh:
            numbers = self._size("train") * (self.task.numbers // self.task.num_sequences) * count
            self.stream = Stream(self.fresh_batches, self.num_batches("train"), numbers, torch.device("cpu"))
        scored = self.batches_left("test") * self._size("test")
        # A number of its own: how many a batch has is no matter of the data.
        began = self._stacked(self.task, "stream", DIGESTED, None) if self.fresh else None
        learnt = splits["train"], splits[VAL]
        evaluations = {name: self._evaluation(name, *each, learnt) for name, each in self.elsewhere.items()}
        for name, split in {**splits, **evaluations}.items():
            check_counted(self.task, name, split, self.seeds)
        self.data_hash = [hashes(splits, index, scored, began) for index in range(count)]
        self.splits, self.evaluations, self._first = splits, evaluations, None

    def fresh_batches(self, steps: range) -> Iterator[Split]:
        """Draws the batches of some steps of a stream, for all seeds, and checks them: what is `learnable`."""
        purposes, count = [f"stream {step}" for step in steps], self._size("train")
        if self._known is None or len(self._known.inputs) != count:
            self._known = sample(self.task, self.data_seeds[0], purposes[0], count, None)
        found = draw_again(self.task, self.data_seeds, purposes, self._known)
        yield from found or (self._stacked(self.task, each, count, None).learnable for each in purposes)

    def _sample(self, task: Task, seed: int, purpose: str = "data", first: Sequences | None = None) -> Sequences:
        """One seed's whole data set."""
        return sample(task, seed, purpose, task.num_sequences, None, first)

    def _stacked(self, task: Task, purpose: str, count: int, length: int | None) -> Split:
        """So many sequences for every seed."""
        first = sample(task, self.data_seeds[0], purpose, count, length)
        split = room(first, len(self.seeds), count)
        for index, seed in enumerate(self.data_seeds):
            found = first if seed == self.data_seeds[0] else sample(task, seed, purpose, count, length, first)
            put(split, index, found, 0, count)
        return split

    def _evaluation(self, name: str, task: Task, length: int | None, learnt: Sequence[Split]) -> Split:
        """The sequences of one evaluation, as many as are tested on: of one recording, those of the test split.

        Of another file, or of more or fewer, they are all that were neither trained nor selected on.
        """
        if not (task.chronological or task.fixed):
            return self._stacked(task, name, self._count(TEST), length)
        if task.num_sequences != self.task.num_sequences or of_other_files(self.task, task):
            return unseen(self._stacked(task, name, task.num_sequences, None), learnt, self._laid(task, name))
        return self._cut(task, name, {TEST: self.bounds[TEST]}, self._sample(task, self.data_seeds[0], name))[TEST]

    def _laid(self, task: Task, name: str) -> Iterator[tuple[Laid | None, Laid | None, list[slice]]]:
        """Of each recording and fold: where its sequences lie, where another task's do, and which were learnt from."""
        for drawn, shift in dict.fromkeys(zip(self.data_seeds, map(self.folds.shift, self.seeds), strict=True)):
            learnt = [slice(start + shift, stop + shift) for start, stop in (self.bounds["train"], self.bounds[VAL])]
            yield self.task.laid(generator(drawn, "data")), task.laid(generator(drawn, name)), learnt

    def _cut(
        self, task: Task, purpose: str, bounds: Mapping[str, tuple[int, int]], first: Sequences
    ) -> dict[str, Split]:
        """Parts of every seed's whole data set, of which the first seed's is made."""
        splits = {name: room(first, len(self.seeds), stop - start) for name, (start, stop) in bounds.items()}
        for index, (seed, drawn_by) in enumerate(zip(self.seeds, self.data_seeds, strict=True)):
            found = first if drawn_by == self.data_seeds[0] else self._sample(task, drawn_by, purpose, first)
            found = self.folds.cut(ordered(task, drawn_by, found), seed)
            for name, (start, stop) in bounds.items():
                put(splits[name], index, found, start, stop)
        return splits

    def setup(self, stage: str | None = None) -> None:
        """Makes the data, where that has not been done, and puts them on the trainer's device."""
        self.make()
        if self.trainer and self.splits["train"].inputs.device != self.trainer.strategy.root_device:
            device = self.trainer.strategy.root_device
            self.splits = {name: split.to(device) for name, split in self.splits.items()}
            self.evaluations = {name: split.to(device) for name, split in self.evaluations.items()}
            if self.stream is not None:
                self.stream.device = device

    def train_dataloader(self) -> Batches | Stream:
        """Batches of the training split, each seed in its own new order at each pass; overfitting wants the same."""
        if self.stream is not None:
            return self.stream
        overfit = self.trainer is not None and self.trainer.overfit_batches > 0  # type: ignore[attr-defined]
        return self.splits["train"].batches(self.batch_size, None if overfit else self.shuffle)

    def val_dataloader(self) -> Batches | list[Any]:
        """The validation split in order; nothing where there is none."""
        return self.splits["val"].batches(self._size("val")) if self.has_val else []

    def test_dataloader(self) -> Batches:
        """The test split in order."""
        return self.splits[TEST].batches(self._size(TEST))

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Does nothing: `setup` has put all of the data there."""
        return batch

    def state_dict(self) -> dict[str, Any]:
        """The state of each seed's shuffling, (S, bytes), or how far a stream is."""
        if self.stream is not None:
            return {"passes": self.stream.passes}
        return {"shuffle": torch.stack([each.get_state() for each in self.shuffle])}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continues where a checkpoint left it."""
        if self.stream is not None:
            self.stream.passes = state_dict["passes"]
            return
        for each, state in zip(self.shuffle, state_dict["shuffle"], strict=True):
            each.set_state(state.clone())  # torch ignores where a view begins, and crashes
