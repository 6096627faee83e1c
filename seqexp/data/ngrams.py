"""N-gram models: what the last few tokens of a text tell of the next one, by counting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def predict(stream: Ints, inputs: Ints, shares: Floats, orders: Sequence[int]) -> dict[int, npt.NDArray[np.float32]]:
    """The next token's probability after each step, by models of several orders.

    The model of order k has read the last k tokens, h, of which h' are the last k - 1. In the text that it is fitted
    to, n(h) tokens followed h, D(h) different ones, and n(h, c) of them were c. Then

        p_k(c | h) = (n(h, c) + D(h) p_(k-1)(c | h')) / (n(h) + D(h)),    p_0 = shares

    Where h was never seen, and where fewer than k tokens of the sequence have been read, it is p_(k-1).

    Source: I. H. Witten, T. C. Bell, "The zero-frequency problem", IEEE Transactions on Information Theory 37 (1991),
    interpolated as in S. Chen, J. Goodman, "An empirical study of smoothing techniques for language modeling" (1999).

    Args:
        stream: (L,) the text that is counted.
        inputs: (N, T) sequences; what came before a sequence is not known to its first steps.
        shares: (C,) p_0, all above 0.
        orders: some k >= 1.

    Returns:
        Order -> log p of the next token after each step, (N, T, C).
    """
    num_sequences, steps = inputs.shape
    logs = np.empty((num_sequences * steps, len(shares)))
    logs[:] = shares  # probabilities until the end
    found = {}
    seen, asked = np.zeros(len(stream), np.int64), np.zeros(inputs.shape, np.int64)  # contexts of length 0: all are one
    for order in range(1, max(orders) + 1):
        # The context that ends at a token is its token `order - 1` steps before, and the shorter context after that.
        seen, asked = _longer(stream, inputs, seen, asked, order, len(shares))
        _sharpen(logs.reshape(*inputs.shape, -1)[:, order - 1 :], stream, seen, asked[:, order - 1 :], order)
        if order in orders:
            found[order] = np.log(logs).astype(np.float32).reshape(*inputs.shape, -1)
    return found


def _longer(stream: Ints, inputs: Ints, seen: Ints, asked: Ints, order: int, count: int) -> tuple[Ints, Ints]:
    """Numbers the contexts of a length from those that are shorter by one, alike in the text and in sequences.

    Args:
        stream: (L,) tokens.
        inputs: (N, T) tokens.
        seen: the number of the context of length order - 1 that ends at each token of the stream.
        asked: the same of the sequences.
        order: the new length.
        count: of different tokens.

    Returns:
        The new numbers, of which the first order - 1 of a text or a sequence have no meaning.
    """
    back = order - 1
    first, other = np.zeros_like(seen), np.zeros_like(asked)
    first[back:] = stream[: len(stream) - back]
    other[:, back:] = inputs[:, : inputs.shape[1] - back]
    pairs = np.concatenate([seen * count + first, (asked * count + other).ravel()])
    numbers = np.unique(pairs, return_inverse=True)[1].reshape(-1)
    return numbers[: len(seen)], numbers[len(seen) :].reshape(asked.shape)


def _sharpen(shares: npt.NDArray[Any], stream: Ints, seen: Ints, asked: Ints, order: int) -> None:
    """Turns p_(k-1) into p_k, in place.

    Args:
        shares: (N, T', C) probabilities after the steps that have a context of length k.
        stream: (L,) tokens.
        seen: (L,) the number of the context that ends at each token.
        asked: (N, T') the same of the sequences.
        order: k.
    """
    before, after = seen[order - 1 : -1], stream[order:]
    if asked.size == 0:  # the sequences are shorter than the context
        return
    contexts, places = np.unique(asked, return_inverse=True)
    places = places.reshape(asked.shape)
    where = np.searchsorted(contexts, before).clip(max=len(contexts) - 1)
    counted = contexts[where] == before  # what no sequence asks for needs no row
    table = np.zeros((len(contexts), shares.shape[-1]))
    np.add.at(table, (where[counted], after[counted]), 1)
    total, different = table.sum(1), (table > 0).sum(1)
    unseen = total == 0
    total[unseen], different[unseen] = 0, 1  # leaves p_(k-1)
    table /= (total + different)[:, None]
    shares *= (different / (total + different))[places][..., None]
    shares += table[places]
