"""Counting: as many b as there were a, and then the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from seqexp.data.drawn import Drawn
from seqexp.data.grammar import SURE, NextSymbol
from seqexp.data.shape import Classes, Values
from seqexp.data.split import Split
from seqexp.data.task import Sequences


class Counting(Drawn):
    """Strings of some letters, each n times, and an end; what the tasks `anbn` and `anbncn` share.

    Args:
        num_sequences: N.
        most: the largest n in training, from 1 on, all as frequent.

    Raises:
        ValueError: a setting is out of range.
    """

    letters: ClassVar[int]
    reads = "steps"
    chooses_length = True

    def __init__(self, num_sequences: int, most: int) -> None:
        if num_sequences < 1:
            raise ValueError(f"num_sequences must be >= 1, got {num_sequences}")
        if most < 2:
            raise ValueError(f"most must be >= 2, got {most}")
        self.inputs = Values(self.letters)
        self.targets = Classes(self.letters + 1)
        self.num_sequences = num_sequences
        self.most = most

    @property
    def score(self) -> NextSymbol:
        """The cross-entropy in nats, with the shares of legal predictions beside it."""
        return NextSymbol(self.legal_next)

    @property
    def numbers(self) -> int:
        """Inputs, targets, weights and the best prediction."""
        return self.num_sequences * self.letters * self.most * (2 * self.letters + 3)

    @property
    def variable_names(self) -> Sequence[str]:
        """A count of each letter, and what is open."""
        return ("a less b", *(f"{letter} so far" for letter in "abc"[: self.letters]))

    def variables(self, batch: Split) -> dict[str, Tensor]:
        """How many more a than b there were, and how many of each letter."""
        counts = batch.inputs.cumsum(2)  # (S, B, T, letters)
        found = {f"{letter} so far": counts[..., place] for place, letter in enumerate("abc"[: self.letters])}
        return {"a less b": counts[..., 0] - counts[..., 1], **found}

    def draw(self, generator: torch.Generator, count: int, length: int | None) -> tuple[Tensor]:
        """Draws n of each string, (N,)."""
        if length is None:
            return (torch.randint(1, self.most + 1, (count,), generator=generator),)
        if length % self.letters:
            raise ValueError(f"length must be a multiple of {self.letters}, n of each letter, got {length}")
        return (torch.full((count,), length // self.letters),)

    def arrange(self, drawn: Sequence[Tensor], length: int | None) -> Sequences:
        """Makes one-hot inputs (N, T, letters), and the next symbols (N, T), the last of them the end.

        At a length of its own all strings are the one of that length. There only the steps have a weight at which one
        symbol alone is legal: how many a follow is no matter of the language.
        """
        n, count = drawn[0], len(drawn[0])
        steps = self.letters * self.most if length is None else length
        place = torch.arange(steps + 1) // n[:, None]  # (N, T + 1): which letter stands there
        symbols = place.clamp_max(self.letters)
        inside = symbols[:, :-1] < self.letters
        inputs = torch.nn.functional.one_hot(symbols[:, :-1], self.letters + 1)[..., : self.letters].float()
        targets = symbols[:, 1:].masked_fill(~inside, 0)
        counting = symbols[:, :-1] > 0
        best = torch.zeros(count, steps, self.letters + 1).masked_fill_(
            torch.nn.functional.one_hot(targets, self.letters + 1).bool() & counting[..., None], SURE
        )
        best[..., :2] = torch.where(counting[..., None], best[..., :2], self._open(steps))
        best[..., 2:] -= 2 * SURE * ~counting[..., None]
        weight = counting.float() * inside if length is not None else None
        return Sequences(inputs, targets, weight, n * self.letters, best)

    def _open(self, steps: int) -> Tensor:
        """Logarithms of the probabilities of a and b after k of a, (T, 2): n is uniform, and it is at least k."""
        left = (self.most - torch.arange(1, steps + 1)).clamp_min(0).float()  # larger n
        return torch.stack([left, torch.ones(steps)], 1).div(left[:, None] + 1).log().clamp_min(-SURE)

    def legal_next(self, targets: Tensor) -> Tensor:
        """Which symbols were legal: next symbols (..., T) -> (..., T, letters + 1) bool."""
        before = torch.cat([torch.zeros_like(targets[..., :1]), targets[..., :-1]], -1)  # the symbols that are read
        seen = torch.nn.functional.one_hot(before, self.letters + 1).cumsum(-2)  # (..., T, C): how many of each
        full = seen.gather(-1, before[..., None])[..., 0] >= seen[..., 0]
        only = torch.where(full, before + 1, before).clamp_max(self.letters)
        legal = torch.nn.functional.one_hot(only, self.letters + 1).bool()
        legal[..., 0] |= before == 0
        return legal

    def solved(self, prediction: Tensor, batch: Split) -> Tensor:
        """A seed has solved it when at all steps of all strings every legal symbol beats every illegal one."""
        return self.score.solved(prediction, batch)


class AnBn(Counting):
    """Strings of n times a and then n times b, one-hot; the target of each step is the next symbol, `$` after the last.

        inputs   a a a b b b
        targets  a a b b b $
        legal    a a a b b $
                 b b b

    In training n is 1 to N, all as frequent (N is `most`); a test at a length T is the string of n = T/2. While a is
    read, a and b are legal; from the first b on one symbol only, and only who has counted knows when it is the end.
    `noise`, who counts, scores ln N nats a string, ln N / (N + 1) on average over steps; in a test at a length 0, as
    there only steps count at which one symbol is legal. A constant guess scores the entropy of the symbols' shares.
    Accuracy cannot reach 1: `legal_steps` is the share of steps, `legal_strings` the share of strings, at which every
    legal symbol has a larger logit than every illegal one.

    Source: F. A. Gers, J. Schmidhuber, "LSTM recurrent networks learn simple context-free and context-sensitive
    languages", IEEE Transactions on Neural Networks 12 (2001); G. Weiss, Y. Goldberg, E. Yahav, "On the practical
    computational power of finite precision RNNs for language recognition", ACL (2018).

    Args:
        num_sequences: N, strings.
        most: the largest n in training.

    Raises:
        ValueError: a setting is out of range.
    """

    letters = 2
