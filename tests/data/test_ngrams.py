"""N-gram models against a count in a loop."""

from __future__ import annotations

import numpy as np

from seqexp.data import ngrams


def counted(text: list[int], history: list[int], order: int, shares: list[float]) -> list[float]:
    """p of each next token after a history, by the formula of the docstring."""
    if order == 0:
        return shares
    shorter = counted(text, history, order - 1, shares)
    if len(history) < order:
        return shorter
    after = [text[i + order] for i in range(len(text) - order) if text[i : i + order] == history[-order:]]
    if not after:
        return shorter
    total = len(after) + len(set(after))
    return [(after.count(c) + len(set(after)) * p) / total for c, p in enumerate(shorter)]


def test_every_order_is_what_a_loop_counts() -> None:
    rng = np.random.default_rng(0)
    text = rng.choice(4, 300, p=[0.5, 0.3, 0.15, 0.05])
    text[100:200] = np.resize([0, 1, 2, 0, 3], 100)  # something to be learnt
    inputs = rng.integers(0, 5, (6, 8))  # 4 never stands in the text
    inputs[0] = np.resize([0, 1, 2, 0, 3], 8)
    shares = np.array([0.4, 0.3, 0.15, 0.1, 0.05])
    found = ngrams.predict(text, inputs, shares, [1, 2, 3, 5])
    for order in (1, 2, 3, 5):
        wanted = [
            [counted(text.tolist(), row[: t + 1], order, shares.tolist()) for t in range(8)] for row in inputs.tolist()
        ]
        np.testing.assert_allclose(np.exp(found[order]), wanted, rtol=1e-6)
        np.testing.assert_allclose(np.exp(found[order]).sum(-1), 1, rtol=1e-6)


def test_a_sequence_shorter_than_the_order_has_what_there_is() -> None:
    text = np.resize([0, 1, 1], 30)
    found = ngrams.predict(text, np.array([[1, 1]]), np.array([0.5, 0.5]), [2, 5])
    np.testing.assert_array_equal(found[2], found[5])
    np.testing.assert_allclose(np.exp(found[2])[0, 1, 0], (9 + (9 + 2 * 0.5) / 21) / 10)


def test_large_alphabets_and_long_contexts_do_not_overflow() -> None:
    text = np.arange(40_000) % 9_973
    found = ngrams.predict(text, text[None, 500:510], np.full(9_973, 1 / 9_973), [8])
    assert (found[8][0, 3:].argmax(-1) == text[504:511]).all()
