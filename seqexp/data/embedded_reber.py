"""The embedded Reber grammar: the symbol before the last is the second one, a whole Reber string ago."""

from __future__ import annotations

from seqexp.data.grammar import Grammar
from seqexp.data.reber import EDGES, SHORTEST, SYMBOLS, Reber


def _inner(branch: str) -> dict[str, dict[str, str]]:
    """Reber's grammar between the two equal symbols of one branch, which follow its end."""
    own = {state: {symbol: branch + to for symbol, to in edges.items()} for state, edges in EDGES.items()}
    own["end"] = {branch: "last"}
    return {branch + state: edges for state, edges in own.items()}


GRAMMAR = Grammar(
    SYMBOLS,
    {
        "start": {"B": "branch"},
        "branch": {"T": "Tstart", "P": "Pstart"},
        **_inner("T"),
        **_inner("P"),
        "last": {"E": "end"},
        "end": {},
    },
)


class EmbeddedReber(Reber):
    """B, T or P, a string of Reber's grammar, the same T or P once more, E; the target is the next symbol.

        inputs   B T B P V V E T
        targets  T B P V V E T E
        legal    T B T T P E T E
                 P   P V V

    As `reber`, but for the symbol before the last E: only who has kept the second symbol through all of the inner
    string knows it. Who keeps everything else scores ln 2 nats there, and passes no string on `legal_strings`.
    A constant guess scores the entropy of the symbols' shares; `noise` ln 2 nats wherever two symbols are legal.

    Source: S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9 (1997), experiment 1, after
    A. Cleeremans, D. Servan-Schreiber, J. L. McClelland, "Finite state automata and simple recurrent networks", Neural
    Computation 1 (1989). They train on 256 strings and test on 256; a trial succeeds when on all of them every legal
    symbol is more active than every illegal one.

    Args:
        num_sequences: N.
        length: T, steps of the longest string: one less than its symbols.

    Raises:
        ValueError: a setting is out of range.
    """

    grammar = GRAMMAR
    shortest = SHORTEST + 4
