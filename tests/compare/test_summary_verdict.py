"""What is said of several tasks: whole sentences, true as they are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from rich.console import Console

from seqexp.compare.comparison import Comparison
from seqexp.compare.runs import Run
from seqexp.compare.section import Section
from seqexp.compare.summary import Summary, summarise

Build = Callable[[list[Run]], list[Section]]
OnTasks = Callable[..., list[Run]]
LEVELS = {
    "lstm": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
    "gru": [0.2, 0.1, 0.6, 0.8, 0.6, 0.5],
    "rnn": [0.4, 0.3, 0.9, 1.0, 1.1, 1.2],
}


def summary(sections: list[Section]) -> Summary:
    found = summarise(sections)
    assert found is not None
    return found


def test_what_six_tasks_say_of_three_rows(on_tasks: OnTasks, sections_of: Build) -> None:
    ranks, *pairs, middle = summary(sections_of(on_tasks(LEVELS))).sentences
    assert ranks == (
        "Over 6 tasks the mean ranks are lstm 1.33, gru 1.67 and rnn 3.00 (1 is best), the critical difference 1.35: "
        "lstm ranks above rnn; the others are too close to tell."
    )
    assert len(pairs) == 3
    assert pairs[0].startswith("lstm against gru on 6 tasks: better on 4, worse on 2; mean ratio 0.")
    assert pairs[1].startswith(
        "lstm against rnn on 6 tasks: better on 6, worse on 0; mean ratio 0.41× (95 % interval 0."
    )
    assert middle.startswith(
        "Relative to each task's baseline, the middle half of all seeds on 6 tasks scores on average "
    )
    assert middle.endswith("; lower is better, the intervals speak of new seeds on these tasks.")


def test_too_few_tasks_cannot_tell_two_rows_apart(on_tasks: OnTasks, sections_of: Build) -> None:
    sections = sections_of(on_tasks({cell: LEVELS[cell][:4] for cell in ("lstm", "rnn")}))
    ranks, pair = summary(sections).sentences
    assert ranks == (
        "Over 4 tasks the mean ranks are lstm 1.00 and rnn 2.00 (1 is best); ranks of so few tasks cannot show a "
        "difference of two rows, those of 6 could."
    )
    assert pair.startswith("lstm against rnn on 4 tasks: better on 4, worse on 0; mean ratio 0.")


def test_ranks_that_are_close(on_tasks: OnTasks, sections_of: Build) -> None:
    sections = sections_of(on_tasks({"a": [1, 2, 3], "b": [2, 3, 1], "c": [3, 1, 2]}))
    assert (
        summary(sections)
        .sentences[0]
        .endswith("; no two are the critical difference of 1.91 apart, so their order may be chance.")
    )


def test_where_there_is_no_mean_ratio_or_no_interquartile_mean(on_tasks: OnTasks, sections_of: Build) -> None:
    def changed(each: Run) -> Run:
        if each.cell == "rnn":
            return replace(each, test=np.where(np.arange(12) < 4, np.nan, each.test))
        return replace(each, test=0 * each.test) if each.data in "bc" else each

    _, pair, middle = summary(
        sections_of([changed(each) for each in on_tasks({cell: LEVELS[cell] for cell in ("lstm", "rnn")})])
    ).sentences
    assert pair.endswith("; no mean ratio, as there is none on b and c.")
    assert "and rnn nothing (more than a quarter diverged); lower is better" in middle


def test_a_console_has_the_pairs_of_the_best_row_only(on_tasks: OnTasks, sections_of: Build) -> None:
    levels = {f"cell{index}": [0.1 * (index + 1)] * 5 for index in range(5)}
    comparison = Comparison(sections_of(on_tasks(levels)), [], [])
    found = comparison.summary
    assert found is not None
    assert sum(" against " in text for text in found.sentences) == 10
    short = [text for text in found.short if " against " in text]
    assert [text.split()[0] for text in short] == ["cell0"] * 4
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        comparison.render(console)
    text = console.export_text()
    assert "6 more pairs over tasks: comparison.md." in text
