"""What a comparison shows on TensorBoard: tags, charts, pictures and texts, of runs in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text

from seqexp.compare import board
from seqexp.compare.runs import Metric, Run
from seqexp.compare.section import Section
from seqexp.show.board import BoardLine

LSTM, RNN = np.array([0.10, 0.11, 0.12, 0.13]), np.array([0.30, 0.31, 0.28, 0.33])


def with_curves(run: Run, folder: Path) -> Run:
    """Leaves a `curves.csv` of two epochs for a run, the second being its scores."""
    folder.mkdir(parents=True)
    rows = [f"{epoch},{seed},{9 - 8 * epoch},{score}" for epoch in (0, 1) for seed, score in enumerate(run.test)]
    (folder / "curves.csv").write_text("\n".join(["epoch,seed,train_mse_running,val_mse", *rows]) + "\n")
    return run


@pytest.fixture
def sections(run: Callable[..., Run], sections_of: Callable[..., list[Section]], tmp_path: Path) -> list[Section]:
    """Two cells on a task without curves, and on another at two levels of noise, with curves."""
    runs = [run("sum", cell, scores) for cell, scores in (("lstm", LSTM), ("rnn", RNN))]
    for noise in (0.1, 0.3):
        for cell, scores in (("lstm", LSTM), ("rnn", RNN)):
            folder = tmp_path / f"{noise}{cell}"
            made = run("sine", cell, noise * scores, folder=folder, settings={"data.noise": noise}, epochs=2)
            runs.append(with_curves(made, folder))
    return sections_of(runs)


def panels(sections: list[Section]) -> list[board.CurvePanel]:
    found, _ = board.curve_panels(sections, "val")
    return found


def test_each_task_and_split_has_one_tag_with_a_line_for_each_cell(sections: list[Section]) -> None:
    shown = board.curves(sections, panels(sections))
    assert set(shown.lines) == {"lstm", "rnn"}
    found: dict[str, BoardLine] = {line.tag: line for line in shown.lines["lstm"]}
    assert list(found)[:3] == [
        "comparison/sine noise=0.1: val MSE",
        "comparison on train/sine noise=0.1: train MSE",
        "comparison on test/sine noise=0.1: test MSE",
    ]
    assert [tag for tag in found if "sum" in tag] == ["comparison on test/sum: test MSE"]
    curve, test = found["comparison/sine noise=0.1: val MSE"], found["comparison on test/sine noise=0.1: test MSE"]
    assert curve.steps.tolist() == [1, 2]
    np.testing.assert_allclose(curve.values[:, 0], [0.0115, 0.0115])
    assert test.steps.tolist() == [2]
    assert test.values[0, 1] < test.values[0, 0] < test.values[0, 2]
    groups = {tag.partition("/")[0] for tag in found}
    assert sorted(groups) == ["comparison", "comparison on test", "comparison on train"]


def test_charts_of_the_comparison_stand_before_those_of_every_run(sections: list[Section]) -> None:
    charts = board.curves(sections, panels(sections)).charts
    assert [each.title for each in charts] == [
        "sine noise=0.1: MSE",
        "sine noise=0.3: MSE",
        "sum: MSE without validation",  # no run of it has a curve
        "sine: MSE, every run",
        "sum: MSE, every run",
    ]
    assert [each.is_closed for each in charts] == [False, False, False, True, True]
    assert [chart.title for chart in charts[0].charts] == [
        f"sine noise=0.1: {part} MSE" for part in ("val", "test", "train")
    ]
    assert [chart.title for chart in charts[2].charts] == ["sum: test MSE", "sum: train MSE"]


def test_two_metrics_of_one_task_share_no_chart(
    run: Callable[..., Run], sections_of: Callable[..., list[Section]]
) -> None:
    mae = Metric("mae", "MAE", "units of the data")
    runs = [run("sine", "lstm", LSTM), run("sine", "lstm", LSTM, metric=mae, name="other")]
    charts = board.curves(sections_of(runs), []).charts
    assert len({chart.tag for each in charts for chart in each.charts}) == sum(len(each.charts) for each in charts)


def test_names_are_only_cut_where_they_stay_apart(
    run: Callable[..., Run], sections_of: Callable[..., list[Section]]
) -> None:
    runs = [
        run("sine", "lstm", LSTM, settings={"data.a.noise": a, "data.b.noise": b}, name=f"{a}{b}")
        for a, b in ((1, 2), (2, 1), (1, 1))
    ]
    names = board.short_names(sections_of(runs))
    assert len(set(names.values())) == 3
    twice = [
        run("sine", "lstm", LSTM, settings={key: 1, other: 0}, name=key)
        for key, other in (("data.a.x", "data.b.x"), ("data.b.x", "data.a.x"))
    ]
    assert len(set(board.short_names(sections_of(twice)).values())) == 2


def test_pictures_can_be_read_and_the_whole_figure_is_beside_them(sections: list[Section]) -> None:
    from seqexp.compare import pictures

    drawn = {"comparison": pictures.comparison(sections), "curves": pictures.comparison(sections)}
    found = board.pictures(sections, panels(sections), [], drawn, {"gates": drawn["curves"]})
    assert list(found)[:3] == [f"comparison pictures/{name}" for name in ("sine noise=0.1", "sine noise=0.3", "sum")]
    assert {"comparison pictures/~comparison.png", "comparison pictures, curves/~curves.png"} <= set(found)
    assert "comparison pictures, diagnostics/gates" in found
    assert min(found).startswith("comparison pictures")
    for tag, figure in found.items():
        if "~" not in tag and "diagnostics" not in tag:
            assert figure.get_size_inches()[0] * 100 == 300
            texts = figure.findobj(lambda each: isinstance(each, Text) and bool(each.get_text()))
            assert min(each.get_fontsize() for each in texts) >= 10


def test_the_verdict_stands_before_any_table_and_tables_fit(sections: list[Section]) -> None:
    found = board.texts(sections, [], [], None, "# whole")
    assert next(iter(found)) == "comparison"
    assert list(found)[-1] == "comparison in full"
    assert found["comparison"].startswith("- **On sine")
    for name in ("sine noise=0.1", "sine noise=0.3", "sum"):
        first, table = found[f"comparison/{name}"].split("\n\n")[:2]
        assert first.startswith("**On ")
        assert table.count("\n") <= board.MOST_ROWS + 1
        assert table.partition("\n")[0].count("|") - 1 <= board.MOST_COLUMNS + 1


def test_a_long_table_keeps_what_was_picked(run: Callable[..., Run], sections_of: Callable[..., list[Section]]) -> None:
    runs = [
        run("sine", cell, scores * (1 + lr), settings={"optimizer.lr": lr}, name=f"{cell}{lr}", val=scores * (1 + lr))
        for cell, scores in (("lstm", LSTM), ("rnn", RNN))
        for lr in range(8)
    ]
    text = board.texts(sections_of(runs), [], [], None, "")["comparison/sine"]
    assert text.count("\N{CHECK MARK}") == 2
    assert "more rows are in comparison.md" in text
