"""The copy problem: symbols are to be repeated after a long pause."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seqexp.data.drawn import Drawn
from seqexp.data.guesses import Guess
from seqexp.data.shape import Classes, Tokens
from seqexp.data.split import Split
from seqexp.data.task import Sequences
from seqexp.score import CrossEntropy, error_rate

SYMBOLS, RECALLED = 8, 10
BLANK, MARKER = SYMBOLS, SYMBOLS + 1

SURE = 30.0
"""A logit beside which those of 0 have a share of e^-30 each, which no float32 notices."""


class Recall(CrossEntropy):
    """The cross-entropy over all steps; shown beside it is the accuracy on the recalled symbols, which is what counts.

    Of the accuracy over all steps, nearly all is blanks. Chance is 1/8.
    """

    def shown(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> dict[str, Tensor]:
        """The share of right symbols among the last ten steps."""
        return {"recall_accuracy": recall_accuracy(prediction, target)}


def recall_accuracy(prediction: Tensor, target: Tensor) -> Tensor:
    """The share of right symbols among the recalled ones: (S, B, T, C) logits and (S, B, T) classes -> (S,)."""
    return 1 - error_rate(prediction[:, :, -RECALLED:], target[:, :, -RECALLED:], None)


class Copy(Drawn):
    """Ten symbols of eight, a pause, a marker; then the symbols are to be said in their order.

    With 3 symbols instead of 10, 4 steps of pause, `_` for the blank and `!` for the marker:

        inputs   a c b _ _ _ ! _ _ _
        targets  _ _ _ _ _ _ _ a c b

    T is the pause and 20. A constant guess scores the entropy of the classes' shares. Who remembers nothing, but
    knows when to speak, has a cross-entropy of 10 ln 8 / T nats and recalls 1/8 of the symbols: the guess
    `memoryless`. There is no noise.

    Source: M. Arjovsky, A. Shah, Y. Bengio, "Unitary evolution recurrent neural networks", ICML (2016), after
    S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9 (1997).

    Args:
        num_sequences: N.
        pause: steps from the last symbol to the marker, the marker included.

    Raises:
        ValueError: a setting is out of range.
    """

    inputs = Tokens(SYMBOLS + 2)
    targets = Classes(SYMBOLS + 1)
    reads = "steps"
    chooses_length = True

    def __init__(self, num_sequences: int, pause: int) -> None:
        if num_sequences < 1:
            raise ValueError(f"num_sequences must be >= 1, got {num_sequences}")
        if pause < 1:
            raise ValueError(f"pause must be >= 1, got {pause}")
        self.num_sequences = num_sequences
        self.pause = pause

    @property
    def score(self) -> Recall:
        """The cross-entropy in nats, with the recall's accuracy beside it."""
        return Recall("nats")

    @property
    def numbers(self) -> int:
        """Inputs and targets."""
        return 2 * self.num_sequences * (self.pause + 2 * RECALLED)

    def draw(self, generator: torch.Generator, count: int, length: int | None) -> tuple[Tensor]:
        """Draws the symbols (N, 10)."""
        steps = self._steps(length)
        if steps <= 2 * RECALLED:
            raise ValueError(f"length must be > {2 * RECALLED}, to hold the symbols twice and a pause, got {steps}")
        return (torch.randint(SYMBOLS, (count, RECALLED), generator=generator),)

    def arrange(self, drawn: Sequence[Tensor], length: int | None) -> Sequences:
        """Makes tokens (N, T), and classes (N, T)."""
        (symbols,) = drawn
        inputs = torch.full((len(symbols), self._steps(length)), BLANK)
        targets = inputs.clone()
        inputs[:, :RECALLED], inputs[:, -RECALLED - 1] = symbols, MARKER
        targets[:, -RECALLED:] = symbols
        return Sequences(inputs, targets)

    def _steps(self, length: int | None) -> int:
        return length or self.pause + 2 * RECALLED

    def guesses(self, train: Split, test: Split) -> dict[str, Guess]:
        """Adds the guess of somebody who remembers nothing, but knows when to speak."""
        logits = torch.zeros(len(test.inputs), 1, test.steps, SYMBOLS + 1, dtype=torch.float64)
        logits[:, :, :-RECALLED, BLANK] = SURE
        logits[:, :, -RECALLED:, BLANK] = -SURE
        return {**super().guesses(train, test), "memoryless": logits}

    def solved(self, prediction: Tensor, batch: Split) -> Tensor:
        """A seed has solved it when it recalls 99 of 100 symbols."""
        return recall_accuracy(prediction, batch.targets) >= 0.99
