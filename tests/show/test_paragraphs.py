"""No word and no number is broken on a terminal of any width, and nothing at all in a pipe."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from seqexp.show.console import say
from seqexp.show.paragraphs import put, room
from seqexp.terminal import wrap

WORDS = st.lists(st.text("ab漢=±%.5–(", min_size=1, max_size=12), min_size=1, max_size=30)


@given(WORDS, st.integers(1, 40), st.integers(0, 4))
def test_a_text_comes_back_whole_and_only_single_words_are_too_long(words: list[str], width: int, indent: int) -> None:
    text = " ".join(words)
    lines = wrap(text, width, indent)
    assert " ".join(lines[:1] + [line.lstrip(" ") for line in lines[1:]]) == text
    assert all(line.startswith(" " * indent) or indent + cell_len(line) > width for line in lines[1:])
    held = {"%", "±", "=", "<"}
    for line in lines:
        assert cell_len(line) <= width or not [
            True for left, right in zip(line.split(), line.split()[1:], strict=False) if not {left[-1], right[0]} & held
        ]


def test_what_belongs_to_a_number_stays_with_it() -> None:
    text = "test MSE 0.0122 ± 0.0008, p = 0.02, 20 seeds could have shown 5 %."
    for width in range(15, 60):
        together = "\n".join(wrap(text, width))
        assert all(part in together for part in ("0.0122 ± 0.0008", "p = 0.02", "20 seeds", "5 %."))


def test_spaces_at_the_start_stay_and_other_lines_are_indented() -> None:
    assert wrap("  one two three", 9, indent=4) == ["  one two", "    three"]
    assert wrap("", 9) == [""]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_pipe_has_lines_without_end_and_no_colour(terminal: bool) -> None:
    file = io.StringIO()
    console = Console(width=20, file=file, force_terminal=terminal, color_system="auto" if terminal else None)
    put(console, "[bold]no mark-up[/] :smile: " + "word " * 20, "bold")
    assert room(console) == (20 if terminal else None)
    lines = file.getvalue().splitlines()
    assert lines[0].find("[bold]no") >= 0
    assert (len(lines) > 4, "\x1b" in file.getvalue()) == (terminal, terminal)


@pytest.mark.parametrize("terminal", [True, False])
def test_what_a_run_says_of_itself_is_broken_between_words(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    monkeypatch.setenv("COLUMNS", "30")
    say(stream, "lstm on sine · test MSE 0.0127 ± 0.0014 (8 seeds) · constant 0.5314 → outputs/small")
    lines = stream.getvalue().removeprefix("\r\x1b[K").splitlines()
    if terminal:
        assert lines == [
            "lstm on sine · test MSE",
            "  0.0127 ± 0.0014 (8 seeds) ·",
            "  constant 0.5314",
            "  → outputs/small",
        ]
    else:
        assert len(lines) == 1
