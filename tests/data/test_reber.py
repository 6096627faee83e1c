"""Reber's grammars: against regular expressions, with every string that one symbol more, less or another makes."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterator

import pytest
import torch

from seqexp import baselines
from seqexp.data.embedded_reber import EmbeddedReber
from seqexp.data.grammar import NextSymbol
from seqexp.data.module import PopulationData
from seqexp.data.reber import SYMBOLS, Reber
from seqexp.data.split import Split
from seqexp.data.task import Sequences
from seqexp.seeding import generator

INNER = "B(?:(?:TS*X|PT*VP)(?:XT*VP)*(?:S|XT*VV)|PT*VV)E"
LANGUAGES = {Reber: re.compile(INNER), EmbeddedReber: re.compile(f"B([TP]){INNER}\\1E")}
each_kind = pytest.mark.parametrize("kind", LANGUAGES)


def strings(made: Sequences) -> list[str]:
    assert made.lengths is not None
    rows = zip(made.inputs, made.targets.tolist(), made.lengths.tolist(), strict=True)
    return [
        "".join(SYMBOLS[each] for each in [*inputs[:length].argmax(1).tolist(), targets[length - 1]])
        for inputs, targets, length in rows
    ]


def neighbours(string: str) -> Iterator[str]:
    """What another symbol, one less and one more make of a string."""
    for place in range(len(string) + 1):
        head, tail = string[:place], string[place:]
        yield head + tail[1:]
        for symbol in SYMBOLS:
            yield head + symbol + tail[1:]
            yield head + symbol + tail


@each_kind
def test_only_legal_strings_are_written_and_the_checker_refuses_what_is_none(kind: type[Reber]) -> None:
    made = kind(3000, 30).sample(generator(0, "data"), 3000, None)
    found = strings(made)
    assert len(set(found)) > 200
    language = LANGUAGES[kind]
    for string in set(found):
        assert language.fullmatch(string)
        assert kind.grammar.accepts(string)
    refused = 0
    for string in sorted(set(found), key=lambda each: (len(each), each))[:30]:
        for other in neighbours(string):
            legal = language.fullmatch(other) is not None
            assert kind.grammar.accepts(other) == legal, other
            refused += not legal
    assert refused > 2000
    assert not kind.grammar.accepts("BQ")


@each_kind
def test_targets_are_the_inputs_a_step_later_and_legal_symbols_are_those_that_lead_to_a_string(
    kind: type[Reber],
) -> None:
    made = kind(300, 24).sample(generator(1, "data"), 300, None)
    assert made.lengths is not None
    legal = kind.grammar.legal_next(made.targets)
    prefixes: dict[str, set[str]] = {}
    for string in strings(kind(5_000, 40).sample(generator(2, "data"), 5_000, None)):
        for place in range(1, len(string)):
            prefixes.setdefault(string[:place], set()).add(string[place])
    for row, string in enumerate(strings(made)):
        length = len(string) - 1
        assert "".join(SYMBOLS[each] for each in made.targets[row, :length]) == string[1:]
        assert (made.inputs[row, :length].sum(1) == 1).all()
        assert not made.inputs[row, length:].any()
        for step in range(min(length, 4)):  # longer prefixes are rarely seen
            shown = {symbol for symbol, yes in zip(SYMBOLS, legal[row, step].tolist(), strict=True) if yes}
            assert shown == prefixes[string[: step + 1]]


@each_kind
def test_strings_are_drawn_as_the_grammar_makes_them_up_to_a_length_and_at_a_length(kind: type[Reber]) -> None:
    count = 8_000
    found = strings(kind(count, 60).sample(generator(0, "data"), count, None))
    for string, probability in {"TXSE": 1 / 8, "PVVE": 1 / 8, "TSXSE": 1 / 16, "PVPSE": 1 / 16}.items():
        inner = f"B{string}"
        share = sum(inner in each[-len(inner) - 2 :] for each in found) / count
        assert share == pytest.approx(probability, abs=4 * (probability / count) ** 0.5)
    few = kind(500, kind.shortest + 1)
    assert {len(each) - 1 for each in strings(few.sample(generator(0, "data"), 500, None))} == {
        few.shortest,
        few.shortest + 1,
    }
    longer = few.sample(generator(0, "data"), 50, 71)  # far beyond what it trains on
    assert {len(each) for each in strings(longer)} == {72}
    assert all(LANGUAGES[kind].fullmatch(each) for each in strings(longer))
    assert len(set(strings(longer))) == 50


@each_kind
def test_the_docstring_shows_such_a_string(kind: type[Reber]) -> None:
    lines = re.search(r"inputs +(.*)\n +targets +(.*)\n +legal +(.*)\n(.*)\n", inspect.getdoc(kind) or "")
    assert lines is not None
    inputs, targets = lines[1].split(), lines[2].split()
    assert inputs[1:] == targets[:-1]
    assert LANGUAGES[kind].fullmatch("".join([*inputs, targets[-1]]))
    legal = kind.grammar.legal_next(torch.tensor([SYMBOLS.index(each) for each in targets]))
    start = lines[0].splitlines()[2].index(lines[3])
    for place, row in enumerate(legal.tolist()):
        column = [line[start + 2 * place : start + 2 * place + 1].strip() for line in lines[0].splitlines()[2:]]
        assert {each for each in column if each} == {symbol for symbol, yes in zip(SYMBOLS, row, strict=True) if yes}


@each_kind
def test_noise_is_ln_2_where_two_symbols_are_legal_and_guesses_lie_above(kind: type[Reber]) -> None:
    data = PopulationData(lambda changes: kind(900, 60), range(2), None, 0.6, 0.1, 0.3, test_lengths=[30])
    data.make()
    train = data.splits["train"]
    for test in (data.splits["test"], data.evaluations["test@30"]):
        assert test.weight is not None
        nats = baselines.score(baselines.guess(data.task, train, test), test, data.task.score)
        two = kind.grammar.legal_next(test.targets).sum(-1) == 2
        known = (two * test.weight).sum((1, 2)) / test.weight.sum((1, 2)) * math.log(2)
        assert nats["noise"] is not None
        assert nats["logistic"] is not None
        assert nats["constant"] is not None
        assert nats["noise"].tolist() == pytest.approx(known.tolist(), rel=1e-4)
        assert (nats["noise"] < nats["logistic"]).all()
        assert (nats["logistic"] < nats["constant"]).all()


@each_kind
def test_it_is_solved_when_every_legal_symbol_beats_every_illegal_one_everywhere(kind: type[Reber]) -> None:
    task = kind(6, 30)
    assert isinstance(task.score, NextSymbol)
    made = task.sample(generator(0, "data"), 6, None)
    assert made.lengths is not None
    inside = (torch.arange(30) < made.lengths[:, None]).float()
    batch = Split._make(None if each is None else each[None].repeat(4, *[1] * each.dim()) for each in made)
    batch = batch._replace(weight=inside[None].repeat(4, 1, 1))
    logits = kind.grammar.legal_next(batch.targets).float()
    logits[1, 2, 3] *= 0.1  # what is compared are the symbols of one step
    logits[2, 0, 1] = 0.5  # equal is not more
    logits[3][inside == 0] = 0  # padding does not matter
    assert task.solved(logits, batch).tolist() == [True, True, False, True]
    shown = task.score.shown(logits, batch.targets, batch.weight)
    assert shown["legal_strings"].tolist() == pytest.approx([1, 1, 5 / 6, 1])
    assert shown["legal_steps"].tolist() == pytest.approx([1, 1, 1 - 1 / inside.sum().item(), 1])


def test_who_forgets_the_branch_passes_no_embedded_string() -> None:
    task = EmbeddedReber(400, 40)
    made = task.sample(generator(0, "data"), 400, None)
    legal = task.grammar.legal_next(made.targets[None])
    forgot = legal.clone()
    assert made.lengths is not None
    rows = torch.arange(400)
    forgot[0, rows, made.lengths - 2] = torch.tensor([symbol in "TP" for symbol in SYMBOLS])
    weight = (torch.arange(40) < made.lengths[:, None]).float()[None]
    shown = task.score.shown(forgot.float(), made.targets[None], weight)
    assert shown["legal_strings"].item() == 0
    assert shown["legal_steps"].item() == pytest.approx(1 - 400 / weight.sum().item())


@each_kind
def test_wrong_settings_are_refused(kind: type[Reber]) -> None:
    least = kind.shortest
    with pytest.raises(ValueError, match="num_sequences must be >= 1, got 0"):
        kind(0, 20)
    with pytest.raises(
        ValueError, match=f"length must be >= {least}, the steps of the shortest string, got {least - 1}"
    ):
        kind(5, least - 1)
    with pytest.raises(ValueError, match=f"length must be >= {least}, the steps of the shortest string, got 2"):
        kind(5, 20).sample(generator(0, "data"), 5, 2)
