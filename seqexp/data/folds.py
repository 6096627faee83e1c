"""Several splits of one recording, so that intervals speak of more than one test set."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from seqexp.data.task import Sequences, Task

Cut = Callable[[int], Mapping[str, tuple[int, int]]]
"""The (start, stop) of each split of so many sequences."""


class Folds:
    """Which part of a data set each seed's split is made of.

    With 3 folds, 70 % to train, 15 % to select and 15 % to test:

        windows of a series   ------------------------------------
        seed 0, 3, 6 ...      train............val..test.
        seed 1, 4, 7 ...           train............val..test.
        seed 2, 5, 8 ...                train............val..test.

    The test periods follow each other and share no window. Sequences without an order are dealt in a circle instead:
    each fold has all of them, and begins N / folds later than the one before.

    Attributes:
        count: sequences in each fold.

    Args:
        task: makes the sequences.
        number: how many folds; 1 is one split.
        test_fraction: share of a fold that is tested on.
        cut: the (start, stop) of each split of a fold of so many sequences.

    Raises:
        ValueError: the data are drawn anew for each seed anyhow, or test periods would overlap.
    """

    def __init__(self, task: Task, number: int, test_fraction: float, cut: Cut) -> None:
        if number < 1:
            raise ValueError(f"folds must be >= 1, got {number}")
        if number > 1 and not (task.chronological or task.fixed):
            raise ValueError(f"folds must be 1 for this task: each seed draws sequences of its own, got {number}")
        self.number = number
        self.is_series = task.chronological
        self.total = self.count = task.num_sequences
        self._test_fraction, self._step = test_fraction, self.total // number
        if number > 1:
            found = self._fitting(number, cut)
            if found is None:
                most = next((each for each in range(min(number - 1, self.total), 1, -1) if self._may_fit(each, cut)), 1)
                raise ValueError(f"folds must be <= {most} here, for no two of them test the same, got {number}")
            self.count, self._step = found

    def _may_fit(self, number: int, cut: Cut) -> bool:
        try:
            return self._fitting(number, cut) is not None
        except ValueError:  # a split would be empty
            return False

    def _fitting(self, number: int, cut: Cut) -> tuple[int, int] | None:
        """How many sequences a fold has, as many as may be, and how far the next begins behind it; None: none fit.

        Raises:
            ValueError: a split would be empty in any case.
        """
        if not self.is_series:
            step = self.total // number
            return (self.total, step) if _tested(cut, self.total) <= step else None
        count = int(self.total / (1 + (number - 1) * self._test_fraction))
        size = _tested(cut, count)
        while (step := (self.total - count) // (number - 1)) < size:  # rounding makes tests a little larger
            count -= 1
            try:
                size = _tested(cut, count)
            except ValueError:
                return None
        return count, step

    @property
    def note(self) -> str:
        """What a reader must know of folds that go forward in time; empty where there are none."""
        if self.number == 1 or not self.is_series:
            return ""
        return (
            f"data.folds={self.number}: in each fold training comes first, then validation, then the test; what one "
            "fold tests may train seeds of a later one, never its own."
        )

    def shift(self, seed: int) -> int:
        """How many sequences later than the first fold that of a seed begins."""
        return seed % self.number * self._step

    def cut(self, found: Sequences, seed: int) -> Sequences:
        """The fold of a seed, of sequences that are in the order of their split."""
        if self.number == 1:
            return found
        shift = self.shift(seed)
        if self.is_series:
            return Sequences._make(None if each is None else each[shift : shift + self.count] for each in found)
        return Sequences._make(None if each is None else each.roll(-shift, 0) for each in found)


def _tested(cut: Cut, count: int) -> int:
    """How many of so many sequences are tested on."""
    start, stop = cut(count)["test"]
    return stop - start
