"""How wide a terminal is, and how a page is laid out on it."""

from __future__ import annotations

import io
import os
import pty
from typing import Any

import pytest

from seqexp import terminal
from seqexp.terminal import columns, hang, is_smart, wrap


class Terminal(io.StringIO):
    """A stream that is one, and whose file is none of the system's."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("asked", "found"), [("40", 40), ("0", 80), ("-3", 80), ("many", 80), ("", 80)])
def test_a_terminal_is_as_wide_as_it_is_said_to_be_and_a_pipe_has_no_end(
    asked: str, found: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", asked)
    assert columns(Terminal()) == found
    assert columns(io.StringIO()) is None


@pytest.mark.parametrize("size", [132, 0])
def test_each_stream_is_asked_for_its_own_width(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    ends = pty.openpty()
    try:
        monkeypatch.setattr(os, "get_terminal_size", lambda number: os.terminal_size((size * (number == ends[1]), 24)))
        with open(ends[1], "w", closefd=False) as stream:
            assert columns(stream) == (size or terminal.USUAL)
    finally:
        for end in ends:
            os.close(end)


@pytest.mark.parametrize(("term", "smart"), [("xterm", True), ("dumb", False), ("unknown", False), (None, True)])
def test_a_dumb_terminal_takes_no_line_back(term: str | None, smart: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TERM", raising=False) if term is None else monkeypatch.setenv("TERM", term)
    assert is_smart(Terminal()) is smart
    assert not is_smart(io.StringIO())


PAGE = """\
Two verbs, of which each has a line below, and no more than that.

  run      what trains a population of seeds
  compare  what compares them
  a left column that is long  goes on two in
    inner text goes on where it begins"""

NARROW = """\
Two verbs, of which each has a line
below, and no more than that.

  run      what trains a population
           of seeds
  compare  what compares them
  a left column that is long  goes
    on two in
    inner text goes on where it
    begins"""


def test_a_second_column_goes_on_below_itself() -> None:
    assert hang(PAGE, 35) == NARROW
    assert hang(PAGE, None) == hang(PAGE, 200) == PAGE


def test_nothing_is_lost_and_single_words_only_are_too_long() -> None:
    for width in range(1, 60):
        text: Any = hang(PAGE, width)
        assert text.split() == PAGE.split()
        assert all(len(line) <= width or len(line.split()) <= 2 for line in text.split("\n"))


def test_a_name_too_long_for_an_indented_line_has_a_line_of_its_own_from_the_first_column() -> None:
    for size, start in ((19, ""), (20, ""), (30, ""), (18, "  ")):
        name = "n" * size
        lines = wrap(f"0.012 ± 0.001 · 4 s → {name} is where it lies now", 20, indent=2)
        assert lines == ["0.012 ± 0.001 · 4 s", "  →", start + name, "  is where it lies", "  now"]
    assert wrap("4.1 s → outputs/mine", 18, indent=2) == ["4.1 s", "  → outputs/mine"]
