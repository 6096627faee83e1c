"""Tasks whose randomness is one step and everything else another, so that many seeds' sequences are made at once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from seqexp.data.task import Sequences, Task


class Drawn(Task):
    """A task that first draws numbers from the generator, and then makes each sequence of its own numbers alone.

    A stream draws each seed's numbers from that seed's generator, lays all of them behind each other, and has the
    sequences of all seeds arranged in one go, which for ten seeds of `adding` takes a third of the time. So `arrange`
    has to make the same bits of a sequence, whatever stands beside it.
    """

    @abstractmethod
    def draw(self, generator: torch.Generator, count: int, length: int | None) -> Sequence[Tensor]:
        """Draws what is random in `count` sequences of one seed: tensors (N, ...).

        Args:
            generator: the only source of randomness.
            count: N.
            length: steps of each sequence; None for those that the task trains on.
        """

    @abstractmethod
    def arrange(self, drawn: Sequence[Tensor], length: int | None) -> Sequences:
        """Makes sequences of what was drawn for them, of any number of seeds, in memory of their own.

        Args:
            drawn: what `draw` returns, with any N.
            length: as for `draw`.
        """

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        """Makes one seed's sequences."""
        return self.arrange(self.draw(generator, count, length), length)
