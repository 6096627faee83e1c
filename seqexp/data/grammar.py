"""Strings of a grammar, one symbol after the other: which may come next, and a score that asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from seqexp.data.split import Split
from seqexp.data.task import Sequences
from seqexp.score import CrossEntropy, weighted_mean

SURE = 30.0
"""A logit beside which those of 0 have a share of e^-30 each, which no float32 notices."""


class NextSymbol(CrossEntropy):
    """The cross-entropy of the next symbol in nats; shown beside it is whether the legal symbols are told apart.

    Where several symbols may follow, no prediction names the one that does, so accuracy cannot reach 1.

    Args:
        legal: next symbols (..., T) -> which symbols were legal at each step, (..., T, C).
    """

    def __init__(self, legal: Callable[[Tensor], Tensor]) -> None:
        super().__init__("nats")
        self.legal = legal

    def shown(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> dict[str, Tensor]:
        """The share of steps, and of whole strings, at which each legal symbol has a larger logit than any other."""
        right = self.told_apart(prediction, target)  # (S, B, T)
        counts = torch.ones_like(right) if weight is None else weight > 0
        found = right.to(prediction.dtype)
        return {
            "legal_steps": weighted_mean(found, counts.to(found.dtype)),
            "legal_strings": (right | ~counts).all(2).to(found.dtype).mean(1),
        }

    def told_apart(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Whether each legal symbol has a larger logit than any other: (S, B, T, C) and (S, B, T) -> (S, B, T)."""
        legal = self.legal(target)
        least = prediction.masked_fill(~legal, torch.inf).amin(-1)
        most = prediction.masked_fill(legal, -torch.inf).amax(-1)
        return least > most

    def solved(self, prediction: Tensor, batch: Split) -> Tensor:
        """Which seeds tell legal symbols apart at every step of every string, (S,) bool."""
        right = self.told_apart(prediction, batch.targets)
        return (right if batch.weight is None else right | (batch.weight == 0)).flatten(1).all(1)


class Grammar:
    """A finite automaton that writes strings: at each step one of the legal symbols, all as likely.

    A string begins in the first state and ends with the first state that has no edge.

    Args:
        symbols: a letter for each symbol, in the order of their numbers.
        edges: state -> symbol -> next state; all strings begin with the same symbol.

    Attributes:
        follows: (states + 1, C) int64, the state after a symbol; the last state is that of what is no string.
        legal: (states + 1, C) bool.
    """

    def __init__(self, symbols: str, edges: Mapping[str, Mapping[str, str]]) -> None:
        names = list(edges)
        self.symbols = symbols
        self.dead = len(names)
        self.follows = torch.full((len(names) + 1, len(symbols)), self.dead)
        for state, leads in enumerate(edges.values()):
            for symbol, end in leads.items():
                self.follows[state, symbols.index(symbol)] = names.index(end)
        self.legal = self.follows != self.dead
        self.end = next(state for state, leads in enumerate(edges.values()) if not leads)
        self.opening = symbols.index(next(iter(edges[names[0]])))
        self._tables: dict[tuple[int, bool], tuple[Tensor, Tensor]] = {}

    def accepts(self, string: str) -> bool:
        """Whether a string is one of the grammar's."""
        state = 0
        for letter in string:
            state = self.dead if letter not in self.symbols else int(self.follows[state, self.symbols.index(letter)])
        return state == self.end

    def legal_next(self, targets: Tensor) -> Tensor:
        """Which symbols were legal: next symbols (..., T), from the second of a string on -> (..., T, C) bool."""
        follows, legal = self.follows.to(targets.device), self.legal.to(targets.device)
        states = [follows[0, self.opening].expand(targets.shape[:-1])]
        for symbols in targets[..., :-1].unbind(-1):
            states.append(follows[states[-1], symbols])
        return legal[torch.stack(states, -1)]

    def walk(self, symbols: Tensor) -> Tensor:
        """The states after each symbol of strings (..., T), of the same shape."""
        follows = self.follows.to(symbols.device)
        state = torch.zeros_like(symbols[..., 0])
        states = []
        for symbol in symbols.unbind(-1):
            state = follows[state, symbol]
            states.append(state)
        return torch.stack(states, -1)

    def write(self, draws: Tensor, exactly: bool) -> Sequences:
        """Makes strings of uniform numbers, as one-hot inputs and next symbols.

        They are drawn as by the grammar among all strings of the length asked for. `best` are the logarithms of the
        probabilities by which a next symbol was drawn; those of the grammar itself where the length is exact, as
        nobody who reads a string knows how long it will be.

        Args:
            draws: (N, T) float64 between 0 and 1; T is one less than the symbols of the longest string.
            exactly: all have that length.

        Returns:
            Inputs (N, T, C), targets (N, T), lengths (N,), best (N, T, C).

        Raises:
            ValueError: no string is so short.
        """
        count, steps = draws.shape
        chances, bounds = self._chances(steps, exactly)
        state = self.follows[0, self.opening].expand(count)
        states, symbols = [], [torch.full((count,), self.opening)]
        for step in range(steps):
            states.append(state)
            symbol = (draws[:, step, None] >= bounds[step, state]).sum(1)  # (N, C) -> (N,)
            symbol = symbol.masked_fill(state == self.end, 0)
            symbols.append(symbol)
            state = torch.where(state == self.end, self.end, self.follows[state, symbol])
        walked, written = torch.stack(states, 1), torch.stack(symbols, 1)  # (N, T), (N, T + 1)
        inside = walked != self.end
        inputs = torch.nn.functional.one_hot(written[:, :-1], len(self.symbols)).float() * inside[..., None]
        known = self._even[walked] if exactly else chances[torch.arange(steps), walked]  # (N, T, C)
        best = known.clamp_min(torch.finfo(torch.float64).tiny).log().clamp_min(-SURE).float()
        return Sequences(inputs, written[:, 1:].contiguous(), lengths=inside.sum(1), best=best)

    @property
    def _even(self) -> Tensor:
        """The grammar's own probabilities, (states + 1, C) float64; 0 in states that nothing follows."""
        return self.legal.double() / self.legal.sum(1, keepdim=True).clamp_min(1)

    def _chances(self, steps: int, exactly: bool) -> tuple[Tensor, Tensor]:
        """Probabilities of the next symbol at each step and state, (T, states + 1, C), and their upper bounds."""
        if (steps, exactly) not in self._tables:
            ends = torch.zeros(self.dead + 1, dtype=torch.float64)
            ends[self.end] = 1  # probability that a string ends after so many symbols
            found = []
            for _ in range(steps):
                joint = self._even * ends[self.follows]
                total = joint.sum(1)
                found.append(joint / torch.where(total > 0, total, 1)[:, None])
                if not exactly:
                    total[self.end] = 1
                ends = total
            if ends[self.follows[0, self.opening]] == 0:
                raise ValueError(f"length must be that of a string of the grammar, less one, got {steps}")
            chances = torch.stack(found[::-1])
            bounds = chances.cumsum(2)
            # Rounding must not leave a draw beyond the last symbol that may follow.
            last = (chances > 0) & (chances.flip(2).cumsum(2).flip(2) == chances)
            self._tables[steps, exactly] = chances, bounds.masked_fill(last, 2).cummax(2).values
        return self._tables[steps, exactly]
