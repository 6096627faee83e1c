"""The copy problem: where symbols stand, and what who remembers nothing scores."""

from __future__ import annotations

import inspect
import math
import re

import pytest
import torch

from seqexp import baselines
from seqexp.data import copy
from seqexp.data.copy import Copy, recall_accuracy
from seqexp.data.module import PopulationData
from seqexp.data.split import Split
from seqexp.score import ErrorRate
from seqexp.seeding import generator

BLANK, MARKER = 8, 9


@pytest.mark.parametrize(("pause", "length"), [(5, None), (1, None), (5, 33)])
def test_symbols_are_said_in_their_order_after_the_marker(pause: int, length: int | None) -> None:
    inputs, targets, *rest = Copy(200, pause).sample(generator(0, "data"), 200, length)
    assert not [each for each in rest if each is not None]
    T = length or pause + 20
    seen = set()
    for tokens, classes in zip(inputs.tolist(), targets.tolist(), strict=True):
        symbols = tokens[:10]
        seen |= set(symbols)
        assert tokens == [*symbols, *[BLANK] * (T - 21), MARKER, *[BLANK] * 10]
        assert classes == [*[BLANK] * (T - 10), *symbols]
    assert seen == set(range(8))


def test_the_docstring_shows_such_a_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    text = inspect.getdoc(Copy) or ""
    said = re.search(r"With (\d+) symbols instead of 10, (\d+) steps of pause", text)
    assert said is not None
    monkeypatch.setattr(copy, "RECALLED", int(said[1]))
    made = Copy(1, int(said[2])).sample(generator(0, "data"), 1, None)
    rows = [dict(zip(tokens, "abcdefgh", strict=False)) for tokens in [dict.fromkeys(made.inputs[0, :3].tolist())]]
    letters = {**rows[0], BLANK: "_", MARKER: "!"}
    shown = [re.search(rf"{name} +(.*)", text) for name in ("inputs", "targets")]
    for row, line in zip((made.inputs[0], made.targets[0]), shown, strict=True):
        assert line is not None
        pattern = ["." if letters[each] in "abc" else letters[each] for each in row.tolist()]
        assert re.fullmatch(" ".join(map(str, pattern)), line[1].strip())
    assert shown[0] is not None
    assert shown[1] is not None
    assert shown[0][1].split()[:3] == shown[1][1].split()[-3:]


@pytest.mark.parametrize("pause", [4, 30])
def test_guesses_score_what_the_docstring_says(pause: int) -> None:
    T = pause + 20
    data = PopulationData(lambda changes: Copy(900, pause), range(2), None, 0.6, 0.1, 0.3)
    data.make()
    train, test = data.splits["train"], data.splits["test"]
    guesses = baselines.guess(data.task, train, test)
    nats = baselines.score(guesses, test, data.task.score)
    assert nats["memoryless"] is not None
    assert nats["memoryless"].tolist() == pytest.approx([10 * math.log(8) / T] * 2, rel=1e-9)
    shares = [(T - 10) / T, *[10 / (8 * T)] * 8]
    assert nats["constant"] is not None
    assert nats["constant"].tolist() == pytest.approx([-sum(p * math.log(p) for p in shares)] * 2, rel=0.02)
    assert nats["noise"] is None
    wrong = baselines.score(guesses, test, ErrorRate())
    assert wrong["constant"] is not None
    assert wrong["constant"].tolist() == pytest.approx([10 / T] * 2, rel=1e-6)
    memoryless = guesses["memoryless"]
    assert isinstance(memoryless, torch.Tensor)
    recalled = recall_accuracy(memoryless.expand(-1, test.num_sequences, -1, -1), test.targets)
    assert recalled.tolist() == pytest.approx([1 / 8] * 2, abs=0.03)


def test_only_what_is_recalled_counts_for_recall_and_success() -> None:
    task = Copy(10, 3)
    made = task.sample(generator(0, "data"), 10, None)
    batch = Split(*(each[None].expand(4, *each.shape) for each in made[:2]))
    logits = torch.nn.functional.one_hot(batch.targets, 9).float()
    logits[1, 0, -1] = 0
    logits[1, 0, -1, (batch.targets[1, 0, -1] + 1) % 8] = 1  # one of a hundred is wrong
    logits[2] = logits[1]
    logits[2, 5, -10] = 0
    logits[2, 5, -10, BLANK] = 1  # and two
    logits[3, :, :-10] = -logits[3, :, :-10]  # all blanks are wrong
    assert task.solved(logits, batch).tolist() == [True, True, False, True]
    shown = task.score.shown(logits, batch.targets, None)
    assert shown.keys() == {"recall_accuracy"}
    assert shown["recall_accuracy"].tolist() == pytest.approx([1, 0.99, 0.98, 1])


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="num_sequences must be >= 1, got 0"):
        Copy(0, 3)
    with pytest.raises(ValueError, match="pause must be >= 1, got 0"):
        Copy(3, 0)
    with pytest.raises(ValueError, match="length must be > 20, to hold the symbols twice and a pause, got 20"):
        Copy(3, 3).sample(generator(0, "data"), 3, 20)
