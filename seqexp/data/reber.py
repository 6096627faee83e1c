"""Reber's grammar: which symbols may come next?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seqexp.data.drawn import Drawn
from seqexp.data.grammar import Grammar, NextSymbol
from seqexp.data.shape import Classes, Values
from seqexp.data.split import Split
from seqexp.data.task import Sequences

SYMBOLS = "BTSXPVE"

EDGES = {
    "start": {"B": "1"},
    "1": {"T": "2", "P": "3"},
    "2": {"S": "2", "X": "4"},
    "3": {"T": "3", "V": "5"},
    "4": {"X": "3", "S": "6"},
    "5": {"P": "4", "V": "6"},
    "6": {"E": "end"},
    "end": {},
}
"""State -> symbol -> next state, as in Cleeremans et al. (1989)."""

GRAMMAR = Grammar(SYMBOLS, EDGES)

SHORTEST = 4
"""Steps of BTXSE and BPVVE, the shortest strings: one less than symbols."""


class Reber(Drawn):
    """Strings of Reber's grammar, symbol by symbol, one-hot; the target of each step is the next symbol.

        inputs   B T S X X V V
        targets  T S X X V V E
        legal    T S S X T P E
                 P X X S V V

    Where two symbols are legal each follows with probability 1/2. Strings have unequal lengths: training has all up to
    `length` steps, as frequent as the grammar makes them; a test at a length has that length only. A constant guess
    scores the entropy of the symbols' shares; the guess `logistic`, which sees one symbol, that of a next symbol given
    the last one. `noise`, who knows the grammar, scores ln 2 nats where two symbols are legal and 0 elsewhere (a
    little less for the longest strings, which have to end). Accuracy cannot reach 1: `legal_steps` is the share of
    steps, `legal_strings` the share of strings, at which every legal symbol has a larger logit than every illegal one.

    Source: A. S. Reber, "Implicit learning of artificial grammars", Journal of Verbal Learning and Verbal Behavior 6
    (1967); for recurrent networks A. Cleeremans, D. Servan-Schreiber, J. L. McClelland, "Finite state automata and
    simple recurrent networks", Neural Computation 1 (1989).

    Args:
        num_sequences: N.
        length: T, steps of the longest string: one less than its symbols.

    Raises:
        ValueError: a setting is out of range.
    """

    inputs = Values(len(SYMBOLS))
    targets = Classes(len(SYMBOLS))
    reads = "steps"
    chooses_length = True
    automaton = "state"
    variable_names = ("state",)
    grammar = GRAMMAR
    shortest = SHORTEST

    def __init__(self, num_sequences: int, length: int) -> None:
        if num_sequences < 1:
            raise ValueError(f"num_sequences must be >= 1, got {num_sequences}")
        if length < self.shortest:
            raise ValueError(f"length must be >= {self.shortest}, the steps of the shortest string, got {length}")
        self.num_sequences = num_sequences
        self.length = length

    @property
    def score(self) -> NextSymbol:
        """The cross-entropy in nats, with the shares of legal predictions beside it."""
        return NextSymbol(self.grammar.legal_next)

    @property
    def numbers(self) -> int:
        """Inputs, targets and the best prediction."""
        return self.num_sequences * self.length * (2 * len(SYMBOLS) + 1)

    def draw(self, generator: torch.Generator, count: int, length: int | None) -> tuple[Tensor]:
        """Draws the numbers (N, T) by which each symbol is chosen."""
        if length is not None and length < self.shortest:
            raise ValueError(f"length must be >= {self.shortest}, the steps of the shortest string, got {length}")
        return (torch.rand(count, length or self.length, generator=generator, dtype=torch.float64),)

    def arrange(self, drawn: Sequence[Tensor], length: int | None) -> Sequences:
        """Makes one-hot inputs (N, T, 7), and the next symbols (N, T)."""
        return self.grammar.write(drawn[0], exactly=length is not None)

    def alphabet(self) -> dict[str, Sequence[float]]:
        """The letters, one-hot."""
        return {letter: [float(letter == each) for each in SYMBOLS] for letter in SYMBOLS}

    def variables(self, batch: Split) -> dict[str, Tensor]:
        """The grammar's state after each symbol."""
        return {"state": self.grammar.walk(batch.inputs.argmax(-1)).to(batch.inputs.dtype)}

    def solved(self, prediction: Tensor, batch: Split) -> Tensor:
        """A seed has solved it when at all steps of all strings every legal symbol beats every illegal one."""
        return self.score.solved(prediction, batch)
