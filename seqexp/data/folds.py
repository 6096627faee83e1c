"""Several splits of one recording, so that intervals speak of more than one test set."""

from __future__ import annotations

from seqexp.data.task import Sequences, Task


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

    Raises:
        ValueError: the data are drawn anew for each seed anyhow, or the folds would not fit.
    """

    def __init__(self, task: Task, number: int, test_fraction: float) -> None:
        if number < 1:
            raise ValueError(f"folds must be >= 1, got {number}")
        if number > 1 and not (task.chronological or task.fixed):
            raise ValueError(f"folds must be 1 for this task: each seed draws sequences of its own, got {number}")
        if number > 1 and not task.chronological and number * test_fraction > 1 + 1e-9:
            raise ValueError(f"folds must be <= 1 / test_fraction, for no two of them test the same, got {number}")
        self.number = number
        self.is_series = task.chronological
        self.total = self.count = task.num_sequences
        self._step = self.total // number
        if number > 1 and self.is_series:
            self.count = int(self.total / (1 + (number - 1) * test_fraction))
            self._step = (self.total - self.count) // (number - 1)

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
