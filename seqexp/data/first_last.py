"""The last symbol is the first one, p steps ago."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from seqexp.data.drawn import Drawn
from seqexp.data.grammar import SURE
from seqexp.data.guesses import Guess
from seqexp.data.shape import Classes, Values
from seqexp.data.split import Split
from seqexp.data.task import Sequences
from seqexp.score import CrossEntropy, error_rate

TOLERANCE = 0.25
"""How far a probability may be from 0 or 1."""


class LastSymbol(CrossEntropy):
    """The cross-entropy over all steps; shown beside it is the accuracy at the last step, which needs the first."""

    def shown(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> dict[str, Tensor]:
        """The share of right last symbols; chance is 1/2."""
        return {"last_accuracy": 1 - error_rate(prediction[:, :, -1], target[:, :, -1], None)}


class FirstLast(Drawn):
    """Sequences x a1 a2 ... x and y a1 a2 ... y of p + 1 symbols, one-hot; the target is the next symbol.

    With p = 4, a to c being the symbols between:

        inputs   y a b c      inputs   x a b c
        targets  a b c y      targets  a b c x

    Both sequences are as frequent. Where the symbols between are `fixed`, all but the last can be told from the one
    before, and only who remembers the first symbol through p - 1 others knows the last: the guess `memoryless`, who
    knows everything else, scores ln 2 / p nats, and an accuracy of 1/2 at the last step, `last_accuracy`. Where they
    are `random`, each of the p - 1 is drawn among p - 1 symbols, and nobody scores better than `noise`,
    (p - 1) ln (p - 1) / p. A constant guess scores the entropy of the symbols' shares.

    Source: S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9 (1997), tasks 2a (`fixed`)
    and 2b (`random`). A trial succeeds there when all outputs are within 0.25 of the targets, of 2b at the last step.

    Args:
        num_sequences: N.
        lag: p, steps from the first symbol to the last; there are p + 1 symbols.
        between: "fixed", always a1, a2, ..., or "random".

    Raises:
        ValueError: a setting is out of range.
    """

    reads = "steps"

    variable_names = ("first symbol",)

    def __init__(self, num_sequences: int, lag: int, between: Literal["fixed", "random"]) -> None:
        if num_sequences < 1:
            raise ValueError(f"num_sequences must be >= 1, got {num_sequences}")
        if lag < 2:
            raise ValueError(f"lag must be >= 2, got {lag}")
        if between not in ("fixed", "random"):
            raise ValueError(f"between must be 'fixed' or 'random', got {between!r}")
        self.inputs = Values(lag + 1)
        self.targets = Classes(lag + 1)
        self.num_sequences = num_sequences
        self.lag = lag
        self.between = between

    @property
    def score(self) -> LastSymbol:
        """The cross-entropy in nats, with the last step's accuracy beside it."""
        return LastSymbol("nats")

    @property
    def numbers(self) -> int:
        """Inputs, targets and the best prediction."""
        return self.num_sequences * self.lag * (2 * self.lag + 3)

    def variables(self, batch: Split) -> dict[str, Tensor]:
        """Which of the two symbols came first: 0 for x, 1 for y."""
        is_y = batch.inputs[:, :, 0, self.lag]  # (S, B)
        return {"first symbol": is_y[..., None].expand(-1, -1, batch.steps)}

    def draw(self, generator: torch.Generator, count: int, length: int | None) -> tuple[Tensor]:
        """Draws the symbols (N, p + 1), of which x is p - 1, and y is p."""
        p = self.lag
        first = torch.randint(p - 1, p + 1, (count, 1), generator=generator)
        if self.between == "fixed":
            middle = torch.arange(p - 1).repeat(count, 1)
        else:
            middle = torch.randint(p - 1, (count, p - 1), generator=generator)
        return (torch.cat([first, middle, first], 1),)

    def arrange(self, drawn: Sequence[Tensor], length: int | None) -> Sequences:
        """Makes one-hot inputs (N, p, p + 1), and the next symbols (N, p)."""
        symbols, p = drawn[0], self.lag
        known = torch.nn.functional.one_hot(symbols, p + 1).float()
        best = known[:, 1:] * SURE
        if self.between == "random":
            best[:, :-1] = -SURE
            best[:, :-1, : p - 1] = 0
        return Sequences(known[:, :-1].contiguous(), symbols[:, 1:].contiguous(), best=best)

    def guesses(self, train: Split, test: Split) -> dict[str, Guess]:
        """Adds the guess of somebody who knows all but the first symbol."""
        if test.best is None:
            return super().guesses(train, test)
        logits = test.best[:, :1].double()
        logits[:, :, -1] = -SURE
        logits[:, :, -1, self.lag - 1 :] = 0
        return {**super().guesses(train, test), "memoryless": logits}

    def solved(self, prediction: Tensor, batch: Split) -> Tensor:
        """A seed has solved it when every probability is within 0.25 of 0 or 1; of random symbols, at the last step."""
        off = prediction.softmax(-1) - torch.nn.functional.one_hot(batch.targets, self.lag + 1)  # (S, B, T, C)
        off = off if self.between == "fixed" else off[:, :, -1:]
        return off.abs().flatten(1).amax(1) < TOLERANCE
