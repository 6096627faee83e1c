"""What is printed, in which order, and how much of it."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from seqexp.compare.answer import answer
from seqexp.compare.data_sets import group
from seqexp.compare.report import READING, markdown
from seqexp.compare.runs import Problem, Run
from seqexp.compare.screen import render
from seqexp.compare.section import Section, build
from tests.compare.test_pairs import run

NOISE = np.exp(np.random.default_rng(9).normal(0, 0.1, (40, 10)))
GUESSES = {"constant": 20 * NOISE[38], "linear": 1e-14 * NOISE[39]}
LINES = {"baselines": GUESSES, "validation_baselines": GUESSES}


def sections(*runs: Run) -> list[Section]:
    return build(group(runs))


def printed(found: list[Section], width: int | None, problems: list[Problem] | None = None) -> str:
    """What a terminal of this width gets, or a pipe."""
    file = io.StringIO()
    console = Console(width=width or 80, file=file, force_terminal=width is not None, color_system=None)
    render(console, found, problems or [], [])
    return re.sub(r"\x1b\[[\d;]*m", "", file.getvalue())


def grid(count: int = 2, **settings: Any) -> list[Run]:
    """Two cells, each with some learning rates, on one task."""
    return [
        run(cell, range(10), level * NOISE[at], **LINES, settings={"cell": cell, "optimizer.lr": lr, **settings})
        for index, (cell, level) in enumerate((("lstm", 0.1), ("rnn", 0.3)))
        for at, lr in enumerate([0.001, 0.003, 0.01][:count], start=10 * index)
    ]


def many(count: int) -> list[Section]:
    return sections(*(each for noise in range(count) for each in grid(1, **{"data.noise": noise / 10})))


@pytest.mark.parametrize("width", [60, 80, 120, None])
def test_answer_then_table_then_baselines_then_fine_print(width: int | None) -> None:
    found = sections(*grid())
    text = " ".join(printed(found, width).split())
    (section,) = found
    order = [
        answer(section),
        "parameters",
        "The linear baseline beats both",
        section.sentences[0],
        "was picked",
        READING,
    ]
    positions = [text.find(part) for part in order]
    assert -1 not in positions
    assert positions == sorted(positions)
    assert text.count("linear baseline beats") == 1


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_word_and_no_number_is_broken(width: int) -> None:
    found = sections(*grid(3, **{"cell.hidden_size": "match:lstm-16"}))
    whole = printed(found, None, [Problem("a/folder", "a reason of some words " * 8)])
    words = set(whole.replace("–", "").split())
    narrow = printed(found, width, [Problem("a/folder", "a reason of some words " * 8)])
    assert max(map(len, narrow.splitlines())) <= width
    known = words | {f"optimizer.lr={lr}" for lr in ("0.001", "0.003", "0.01")} | {"cell.hidden_size=match:lstm-16"}
    known |= {"Not", "shown", "for", "lack", "room:", "parameters,", "MSE,", "seeds,", "and", "per", "s", "seed."}
    assert {word for word in narrow.replace("–", "").split() if not set(word) <= {"─"}} <= known


def test_in_a_pipe_each_sentence_and_each_row_is_one_line() -> None:
    found = sections(*grid())
    lines = printed(found, None).splitlines()
    assert answer(found[0]) in lines
    assert READING in lines
    (head,) = [line for line in lines if line.startswith("cell")]
    assert re.split(r"\s{2,}", head) == [
        *("cell", "optimizer.lr", "seeds", "parameters", "validation MSE", "test MSE", "ratio to linear", "s per seed"),
        "against guesses",
    ]


def test_of_many_data_sets_the_answers_come_first_and_the_rest_is_told_to_be_elsewhere() -> None:
    for count, tables, pairs in ((4, True, True), (5, True, False), (13, False, False)):
        found = many(count)
        lines = printed(found, None).splitlines()
        assert lines[:count] == [answer(section) for section in found]
        text = "\n".join(lines)
        assert ("parameters" in text, found[0].sentences[0] in text) == (tables, pairs)
        assert ("comparison.md" in text) == (count > 4)
    page = markdown(found, [], [])
    assert all(section.sentences[0].split(":")[0] in page for section in found)


def test_a_note_of_many_data_sets_is_said_once() -> None:
    found = sections(*(each for noise in range(30) for each in grid(2, **{"data.noise": noise / 10})))
    assert len(found) == 30
    text = printed(found, 80)
    assert text.count("lstm: optimizer.lr=0.001 was picked") <= 1
    assert len(text.splitlines()) < 110


def test_rounding_is_no_number() -> None:
    found = sections(*grid())
    for text in (printed(found, 80), printed(found, None), markdown(found, [], [])):
        assert "0 (up to rounding)" in text
        assert not re.search(r"\de-1\d", text)
    assert markdown(found, [], []).splitlines()[2].startswith("- **On sine, lstm predicts better than rnn: ")
