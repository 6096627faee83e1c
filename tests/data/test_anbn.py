"""Counting: the strings of both languages, what is legal in them, and that lengths beyond training are exact."""

from __future__ import annotations

import inspect
import math
import re

import pytest
import torch

from seqexp import baselines
from seqexp.data.anbn import AnBn, Counting
from seqexp.data.anbncn import AnBnCn
from seqexp.data.module import PopulationData
from seqexp.data.split import Split
from seqexp.data.task import Sequences
from seqexp.seeding import generator

each_kind = pytest.mark.parametrize("kind", [AnBn, AnBnCn])
LETTERS = "abc"


def whole(kind: type[Counting], made: Sequences) -> list[str]:
    """The strings, `$` at the end: of the inputs, and of the targets after the first letter."""
    symbols = LETTERS[: kind.letters] + "$"
    assert made.lengths is not None
    found = []
    for inputs, targets, length in zip(made.inputs, made.targets.tolist(), made.lengths.tolist(), strict=True):
        assert (inputs[:length].sum(1) == 1).all()
        assert not inputs[length:].any()
        read = "".join(LETTERS[each] for each in inputs[:length].argmax(1).tolist())
        written = "".join(symbols[each] for each in targets[:length])
        assert read[1:] == written[:-1]
        found.append(read + written[-1])
    return found


def string(kind: type[Counting], n: int) -> str:
    return "".join(letter * n for letter in LETTERS[: kind.letters]) + "$"


@each_kind
def test_all_n_are_as_frequent_and_a_length_beyond_training_is_the_one_string_of_the_language(
    kind: type[Counting],
) -> None:
    made = whole(kind, kind(3000, 5).sample(generator(0, "data"), 3000, None))
    for n in range(1, 6):
        assert made.count(string(kind, n)) == pytest.approx(600, abs=100)
    assert set(made) == {string(kind, n) for n in range(1, 6)}
    for n in (1, 5, 40, 333):
        longer = kind(3, 5).sample(generator(0, "data"), 3, n * kind.letters)
        assert whole(kind, longer) == [string(kind, n)] * 3
        assert longer.weight is not None
        assert longer.weight.tolist() == [[0.0] * n + [1.0] * (n * (kind.letters - 1))] * 3


@each_kind
def test_the_docstring_shows_such_a_string_and_what_is_legal(kind: type[Counting]) -> None:
    found = re.search(r"inputs +(.*)\n +targets +(.*)\n +legal +(.*)\n(.*)\n", inspect.getdoc(kind) or "")
    assert found is not None
    lines = found[0].splitlines()
    start = lines[2].index(found[3])
    n = found[1].count("a")
    assert found[1].replace(" ", "") + "$" == string(kind, n)
    made = kind(1, 9).sample(generator(0, "data"), 1, n * kind.letters)
    symbols = LETTERS[: kind.letters] + "$"
    assert found[2].split() == [symbols[each] for each in made.targets[0].tolist()]
    for place, row in enumerate(kind(1, 9).legal_next(made.targets)[0].tolist()):
        shown = {line[start + 2 * place : start + 2 * place + 1].strip() for line in lines[2:]} - {""}
        assert shown == {symbol for symbol, yes in zip(symbols, row, strict=True) if yes}


@each_kind
def test_noise_is_ln_n_a_string_and_nothing_where_one_symbol_is_legal(kind: type[Counting]) -> None:
    N = 6
    far = 20 * kind.letters
    data = PopulationData(lambda changes: kind(4000, N), range(2), None, 0.4, 0.1, 0.5, test_lengths=[far])
    data.make()
    test, longer = data.splits["test"], data.evaluations[f"test@{far}"]
    nats = baselines.score(baselines.guess(data.task, data.splits["train"], test), test, data.task.score)
    assert nats["noise"] is not None
    assert nats["constant"] is not None
    expected = 2 * math.log(N) / (kind.letters * (N + 1))
    assert nats["noise"].tolist() == pytest.approx([expected] * 2, rel=0.05)
    assert (nats["constant"] > 2 * expected).all()
    assert test.weight is not None
    total = nats["noise"] * test.weight.sum((1, 2)) / test.num_sequences
    assert total.tolist() == pytest.approx([math.log(N)] * 2, rel=0.04)
    beyond = baselines.score(baselines.guess(data.task, data.splits["train"], longer), longer, data.task.score)
    assert beyond["noise"] is not None
    assert beyond["noise"].tolist() == pytest.approx([0, 0], abs=1e-9)


@each_kind
def test_it_is_solved_when_the_end_is_known_and_who_does_not_count_passes_no_string(kind: type[Counting]) -> None:
    task = kind(5, 7)
    made = task.sample(generator(0, "data"), 5, 4 * kind.letters)
    batch = Split._make(None if each is None else each[None].repeat(3, *[1] * each.dim()) for each in made)
    logits = task.legal_next(batch.targets).float()
    logits[1, 0, 0] = 0  # a step that has no weight
    logits[2, :, -1] = logits[2, :, -2]  # one more of the last letter
    assert task.solved(logits, batch).tolist() == [True, True, False]
    shown = task.score.shown(logits, batch.targets, batch.weight)
    assert shown["legal_strings"].tolist() == [1, 1, 0]
    counted = 4 * (kind.letters - 1)
    assert shown["legal_steps"].tolist() == pytest.approx([1, 1, 1 - 1 / counted])


@each_kind
def test_wrong_settings_are_refused(kind: type[Counting]) -> None:
    with pytest.raises(ValueError, match="num_sequences must be >= 1, got 0"):
        kind(0, 5)
    with pytest.raises(ValueError, match="most must be >= 2, got 1"):
        kind(5, 1)
    with pytest.raises(ValueError, match=f"length must be a multiple of {kind.letters}, n of each letter, got 7"):
        kind(5, 5).sample(generator(0, "data"), 5, 7)


def test_a_batch_is_a_function_of_its_seed_and_step_alone() -> None:
    populations = [
        PopulationData(lambda changes: AnBnCn(20, 6), seeds, 4, 0.4, 0.3, 0.3, fresh=True) for seeds in ((3, 4), (4,))
    ]
    for each in populations:
        each.make()
    together, alone = (next(each.fresh_batches(range(7, 8))) for each in populations)
    for one, other in zip(together, alone, strict=True):
        assert (one is None) == (other is None)
        assert one is None or (other is not None and torch.equal(one[1:], other))
    assert not torch.equal(next(populations[1].fresh_batches(range(8, 9))).targets, alone.targets)
