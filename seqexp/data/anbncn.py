"""Counting twice: as many b as there were a, and as many c."""

from __future__ import annotations

from seqexp.data.anbn import Counting


class AnBnCn(Counting):
    """Strings of n times a, n times b and n times c, one-hot; the target of each step is the next symbol, `$` at last.

        inputs   a a b b c c
        targets  a b b c c $
        legal    a a b c c $
                 b b

    As `anbn`, with a third letter: the count has to be used and kept. In training n is 1 to N, all as frequent (N is
    `most`); a test at a length T is the string of n = T/3. `noise`, who counts, scores ln N nats a string,
    2 ln N / (3 (N + 1)) on average over steps; in a test at a length 0. A constant guess scores the entropy of the
    symbols' shares. No context-free grammar writes this language.

    Source: F. A. Gers, J. Schmidhuber, "LSTM recurrent networks learn simple context-free and context-sensitive
    languages", IEEE Transactions on Neural Networks 12 (2001).

    Args:
        num_sequences: N, strings.
        most: the largest n in training.

    Raises:
        ValueError: a setting is out of range.
    """

    letters = 3
