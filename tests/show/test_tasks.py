"""The figure of several tasks: every word can be read, groups and steps are where they belong."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from seqexp.show.figures import Figure, encode
from seqexp.show.styles import style_of
from seqexp.show.tasks import Profile, Ranks, close, tasks

LONG = "lstm cell.hidden_size=64 optimizer.weight_decay=0.0001"


def profile(num_rows: int) -> Profile:
    levels = np.geomspace(0.01, 3, 50)
    share = np.stack([np.clip(np.linspace(-0.1 * row, 1.5, 50), 0, 1) for row in range(num_rows)])
    return Profile(levels=levels, share=share, low=share - 0.05, high=share + 0.05, num_tasks=5)


@pytest.mark.parametrize("names", [("lstm", "rnn"), ("gru", LONG, "rnn"), ("gru", "lstm", "mgu", "rnn", LONG)])
@pytest.mark.parametrize("critical", [0.5, 1.3, math.inf])
def test_every_word_can_be_read(names: tuple[str, ...], critical: float, check_texts: Callable[[Figure], None]) -> None:
    ranks = Ranks(labels=names, means=np.linspace(1.2, len(names) - 0.2, len(names)), critical=critical, num_tasks=5)
    check_texts(tasks(ranks, profile(len(names)), names))
    encode(tasks(ranks, None, names), "png")  # warnings are errors


def test_rows_of_which_no_two_differ_are_one_group() -> None:
    means = np.array([1.0, 1.5, 2.4, 2.6, 4.0])
    assert close(means, 1.2) == [(0, 1), (1, 3)]
    assert close(means, 1.1) == [(0, 1), (1, 2), (2, 3)]  # exactly the critical difference apart: they differ
    assert close(means, 9.0) == [(0, 4)]
    assert close(means, 0.1) == []


def test_the_profile_is_a_step_function_of_what_scores_so_or_lower() -> None:
    ranks = Ranks(labels=["a", "b"], means=np.array([1.0, 2.0]), critical=0.8, num_tasks=5)
    figure = tasks(ranks, profile(2), ["b", "a"])
    first, second, at_one = figure.axes[1].get_lines()
    assert first.get_drawstyle() == "steps-post"
    assert np.asarray(first.get_ydata()).tolist() == profile(2).share[0].tolist()
    assert np.asarray(at_one.get_xdata()).tolist() == [1, 1]
    assert [line.get_color() for line in (first, second)] == [style_of(label, ["b", "a"])[0] for label in "ab"]
    assert first.get_color() != second.get_color()
    drawn = [line for line in figure.axes[0].get_lines() if list(map(float, line.get_xdata())) == [1.0, 1.8]]
    assert len(drawn) == 1
