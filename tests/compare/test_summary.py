"""Several tasks at once: which tasks and rows are in the summary, what it counts, and that it is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from seqexp.compare.comparison import Comparison
from seqexp.compare.runs import Metric, Run
from seqexp.compare.section import Section
from seqexp.compare.summary import missing, summarise

Build = Callable[[list[Run]], list[Section]]
OnTasks = Callable[..., list[Run]]
LEVELS = {
    "lstm": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
    "gru": [0.2, 0.1, 0.6, 0.8, 0.6, 0.5],
    "rnn": [0.4, 0.3, 0.9, 1.0, 1.1, 1.2],
}


def test_ranks_verdicts_and_ratios_over_tasks(on_tasks: OnTasks, sections_of: Build) -> None:
    runs = on_tasks(LEVELS)
    sections = sections_of(runs)
    found = summarise(sections)
    assert found is not None
    assert (found.rows[-1], found.tasks) == ("rnn", list("abcdef"))
    assert found.critical == pytest.approx(2.3437 * np.sqrt(3 * 4 / (6 * 6)), abs=1e-4)
    assert found.friedman.chi_squared == pytest.approx(stats.friedmanchisquare(*found.ranks.T).statistic)
    pair = next(pair for pair in found.pairs if {pair.first, pair.second} == {"lstm", "rnn"})
    assert (pair.first, pair.differ, pair.outcomes["better"], sum(pair.outcomes.values())) == ("lstm", True, 6, 6)
    means = {(each.data, each.cell): np.log(each.test).mean() for each in runs}
    logs = [means[task, "lstm"] - means[task, "rnn"] for task in "abcdef"]
    oracle = stats.ttest_1samp(logs, 0).confidence_interval(1 - 0.05 / 3)
    assert pair.ratio is not None
    ends = np.log([pair.ratio.mean, pair.ratio.low, pair.ratio.high])
    assert ends == pytest.approx([np.mean(logs), oracle.low, oracle.high])
    other = next(pair for pair in found.pairs if {pair.first, pair.second} == {"lstm", "gru"})
    wins = [section.pairs[i].winner for section in sections for i in range(3) if section.pairs[i].second == "lstm"]
    assert other.outcomes["better"] == wins.count(other.first)
    assert other.outcomes["worse"] == wins.count(other.second) > 0
    assert not other.differ


@pytest.mark.parametrize(("num_tasks", "there"), [(2, False), (3, True)])
def test_three_tasks_are_the_least(on_tasks: OnTasks, sections_of: Build, num_tasks: int, there: bool) -> None:
    sections = sections_of(on_tasks({cell: levels[:num_tasks] for cell, levels in LEVELS.items()}))
    assert (summarise(sections) is not None) == there
    assert missing(sections[:2]) is None


def test_settings_of_one_data_are_no_further_tasks(on_tasks: OnTasks, sections_of: Build) -> None:
    runs = [replace(each, data="sine", settings={"data.noise": ord(each.data)}) for each in on_tasks(LEVELS)]
    sections = sections_of(runs)
    assert len(sections) == 6
    assert summarise(sections) is None
    assert missing(sections) is None


def test_a_row_that_a_task_lacks_is_left_out_and_that_is_said(on_tasks: OnTasks, sections_of: Build) -> None:
    runs = [each for each in on_tasks(LEVELS) if (each.data, each.cell) != ("b", "gru")]
    found = summarise(sections_of(runs))
    assert found is not None
    assert set(found.rows) == {"lstm", "rnn"}
    assert found.notes[:-1] == ["gru is left out over tasks: it is missing on b."]
    alone = [each for each in runs if each.data != "b" or each.cell == "lstm"]
    found = summarise(sections_of(alone))  # nothing met on b
    assert found is not None
    assert (len(found.rows), found.tasks) == (3, list("acdef"))


def test_tasks_without_two_common_rows_have_no_summary_and_that_is_said(on_tasks: OnTasks, sections_of: Build) -> None:
    lacking = {"a": "lstm", "b": "gru", "c": "rnn"}
    sections = sections_of([each for each in on_tasks(LEVELS) if lacking.get(each.data) != each.cell])
    assert summarise(sections) is None
    assert missing(sections) == "There is no summary of the 6 tasks: fewer than two rows were compared on all."


def test_a_score_of_0_has_a_rank_and_no_ratio(on_tasks: OnTasks, sections_of: Build) -> None:
    runs = [
        replace(each, test=0 * each.test) if (each.data, each.cell) == ("c", "lstm") else each
        for each in on_tasks(LEVELS)
    ]
    found = summarise(sections_of(runs))
    assert found is not None
    assert all((pair.ratio, pair.no_ratio) == (None, ["c"]) for pair in found.pairs)
    assert found.ranks[2, found.rows.index("lstm")] == 1
    assert found.relative is not None


def test_diverged_seeds_are_last_in_ranks_and_counted(on_tasks: OnTasks, sections_of: Build) -> None:
    runs = [
        replace(each, test=np.where(np.arange(12) < 8, np.nan, each.test)) if each.cell == "lstm" else each
        for each in on_tasks(LEVELS)
    ]
    found = summarise(sections_of(runs))
    assert found is not None
    assert found.rows[-1] == "lstm"
    assert found.notes[0].startswith("48 diverged seeds on these tasks: last in ranks")
    assert found.relative is not None
    assert found.relative.found.means[-1].mean == np.inf
    assert json.dumps(found.as_dict(), allow_nan=False)


def test_scores_of_several_kinds_are_named(on_tasks: OnTasks, sections_of: Build) -> None:
    other = Metric("mae", "MAE", "units of the data")
    found = summarise(
        sections_of([replace(each, metric=other) if each.data == "a" else each for each in on_tasks(LEVELS)])
    )
    assert found is not None
    assert found.notes[:-1] == ["Ratios are of scores of different kinds: MAE on a; MSE on b, c, d, e, f."]


def test_picked_rows_stand_for_their_names(on_tasks: OnTasks, sections_of: Build) -> None:
    runs = [replace(each, settings={"optimizer.lr": 0.01}) for each in on_tasks(LEVELS)]
    worse = [replace(each, settings={"optimizer.lr": 0.1}, val=2 * each.val, test=each.test / 9) for each in runs]
    found = summarise(sections_of([*runs, *worse]))
    plain = summarise(sections_of(runs))
    assert found is not None
    assert plain is not None
    assert found.rows == plain.rows
    assert found.ranks.tolist() == plain.ranks.tolist()


def test_a_comparison_writes_it(
    on_tasks: OnTasks, sections_of: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqexp.show.figures.encode", lambda *_: b"drawn elsewhere")
    levels = {cell: LEVELS[cell][:3] for cell in ("lstm", "rnn")}
    comparison = Comparison(sections_of(on_tasks(levels)), [], [])
    paths = comparison.write(tmp_path)
    assert {path.name for path in paths} >= {"tasks.png", "tasks.svg"}
    numbers = json.loads((tmp_path / "comparison.json").read_text())["over_tasks"]
    assert numbers["sentences"] == comparison.sentences[-2:]
    assert numbers["mean_ranks"] == {"lstm": 1, "rnn": 2}
    assert "## Over tasks\n\n- Over 3 tasks the mean ranks are lstm 1.00" in (tmp_path / "comparison.md").read_text()
    events = b"".join(path.read_bytes() for path in (tmp_path / "comparison").glob("*tfevents*"))
    assert b"tasks" in events
