"""What is compared: by which keys, in which metric, and on what else than test."""

from __future__ import annotations

import csv
import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqexp.compare import CompareError, compare
from seqexp.compare.__main__ import main
from seqexp.compare.keys import listed
from seqexp.compare.section import Section
from seqexp.compare.table import tables
from seqexp.record import provenance
from seqexp.record.arrays import write_curves
from seqexp.record.record import Record
from seqexp.statistics import SignFlip

NOISE = np.exp(np.random.default_rng(9).normal(0, 0.1, (12, 10)))
ADAM = {"_target_": "torch.optim.Adam", "lr": 0.01, "betas": [0.9, 0.999]}
SGD = {"_target_": "torch.optim.SGD", "lr": 0.05, "momentum": 0.9}
ERROR = {"metric": "error_rate", "metric_label": "error rate", "metric_unit": "share of sequences"}

_numbers = itertools.count()


def save(root: Path, test: Any, groups: dict[str, dict[str, Any]] | None = None, **changes: Any) -> Path:
    """Writes a run of ten seeds of an LSTM on a sine; `groups` change its configuration, `changes` its record."""
    cell = changes.pop("cell", "lstm")
    seeds, metric = list(range(len(test))), changes.get("metric", "mse")
    data = changes.pop("data", "sine")
    config: dict[str, Any] = {
        "data": {"_target_": f"seqexp.data.{data}.Data", "batch_size": 32},
        "cell": {"_target_": f"seqexp.cell.{cell}.{cell.upper()}", "hidden_size": 16},
        "optimizer": ADAM,
        "scheduler": {"_target_": "", "gamma": 0.5} if "scheduler" in (groups or {}) else {},
    }
    for group, values in (groups or {}).items():
        config[group] = values if "_target_" in values or not values else {**config.get(group, {}), **values}
    scores = np.asarray(test, dtype=float).tolist()
    validation = changes.pop("val", scores)
    elsewhere = changes.pop("elsewhere", {})
    parts = {
        "train": {metric: scores},
        "val": {metric: validation},
        "test": {metric: scores, **changes.pop("beside", {})},
    }
    values = {
        "status": "done",
        "data": data,
        "cell": cell,
        "seeds": seeds,
        "data_hash": [[f"{data} {seed} train", f"{data} {seed} test"] for seed in seeds],
        "scores": parts | {name: {metric: list(row)} for name, row in elsewhere.items()},
        "baselines": {"constant": [5.0 + seed for seed in seeds]},
        "num_parameters": 337,
        "epochs": 4,
        "train_seconds": 2.0,
        "config": config,
    }
    folder = root / f"run{next(_numbers)}"
    folder.mkdir(parents=True)
    Record(**(values | changes)).write(folder)
    return folder


def only(root: Path, **options: Any) -> Section:
    (section,) = compare(root, **options).sections
    return section


def names(section: Section) -> list[str]:
    return [label for label, _ in section.shown]


# ---------------------------------------------------------------- ordinary questions


def optimizers(root: Path) -> None:
    save(root, 0.1 * NOISE[0], {"optimizer": ADAM})
    save(root, 0.3 * NOISE[1], {"optimizer": SGD})


def widths(root: Path) -> None:
    for index, width in enumerate((8, 16, 128)):
        save(root, 0.3 / (index + 1) * NOISE[index], {"cell": {"hidden_size": width}})


def depths(root: Path) -> None:
    for index in (1, 2):
        save(root, 0.3 / index * NOISE[index], {"cell": {"num_layers": index}})


def schedulers(root: Path) -> None:
    save(root, 0.1 * NOISE[0], {"scheduler": {"_target_": "torch.optim.lr_scheduler.CosineAnnealingLR", "T_max": 9}})
    save(root, 0.3 * NOISE[1], {"scheduler": {}})


QUESTIONS: dict[str, tuple[Callable[[Path], None], str, list[str]]] = {
    "optimizers": (optimizers, "optimizer", ["optimizer=adam", "optimizer=sgd"]),
    "widths": (widths, "cell.hidden_size", [f"cell.hidden_size={width}" for width in (8, 16, 128)]),
    "depths": (depths, "cell.num_layers", ["cell.num_layers=1", "cell.num_layers=2"]),
    "schedulers": (schedulers, "scheduler", ["scheduler=cosineannealinglr", "scheduler=none"]),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_one_cell_and_one_swept_key_need_no_word(tmp_path: Path, question: str) -> None:
    make, key, labels = QUESTIONS[question]
    make(tmp_path)
    section = only(tmp_path)
    assert names(section) == labels
    assert section.notes == [f"There is one cell, so {key} is compared, as compare.by={key} would have it."]
    best = labels[0] if question in ("optimizers", "schedulers") else labels[-1]
    assert [pair.winner for pair in section.pairs if best in (pair.first, pair.second)] == [best] * (len(labels) - 1)
    assert any(text.startswith(f"{best} beats ") for text in section.sentences)
    asked = only(tmp_path, by=key)
    assert (asked.pairs, asked.sentences, asked.notes) == (section.pairs, section.sentences, [])


def test_the_learning_rate_is_picked_and_not_compared(tmp_path: Path) -> None:
    for index, (width, lr) in enumerate(itertools.product((8, 16), (0.01, 0.1))):
        level = 0.1 * (index + 1)
        save(tmp_path, level * NOISE[index], {"cell": {"hidden_size": width}, "optimizer": {**ADAM, "lr": lr}})
    section = only(tmp_path)
    assert names(section) == ["cell.hidden_size=8", "cell.hidden_size=16"]
    assert [row.settings for _, row in section.shown] == [{"optimizer.lr": 0.01}] * 2
    alone = save(tmp_path / "alone", NOISE[0]).parent
    save(alone, NOISE[1], {"optimizer": {**ADAM, "lr": 0.1}})
    assert names(only(alone)) == ["lstm"]


def several(root: Path) -> None:
    """Two widths and two depths of two cells; validation prefers width 16 and one layer, and the RNN by far."""
    for index, (cell, width, depth) in enumerate(itertools.product(("lstm", "rnn"), (8, 16), (1, 2))):
        level = (0.1 if cell == "rnn" else 0.5) * (2 if width == 8 else 1) * depth
        save(root, level * NOISE[index], {"cell": {"hidden_size": width, "num_layers": depth}}, cell=cell)


def test_any_keys_are_compared_and_all_others_picked(tmp_path: Path) -> None:
    several(tmp_path)
    assert names(only(tmp_path)) == ["lstm", "rnn"]
    both = only(tmp_path, by=["cell", "cell.hidden_size"])
    labels = [f"{cell} cell.hidden_size={width}" for cell in ("lstm", "rnn") for width in (8, 16)]
    assert names(both) == labels
    assert all(row.settings == {"cell.num_layers": 1} for _, row in both.shown)
    assert f"{labels[3]} beats {labels[0]} on sine: test MSE 0.1" in " ".join(both.sentences)
    width = only(tmp_path, by="cell.hidden_size")
    assert names(width) == ["cell.hidden_size=8", "cell.hidden_size=16"]
    assert all(row.settings == {"cell": "rnn", "cell.num_layers": 1} for _, row in width.shown)
    assert "cell.hidden_size=8: cell=rnn cell.num_layers=1 was picked from 4 settings" in width.notes[0]


def test_several_swept_keys_of_one_cell_demand_a_word_and_the_table_is_there(tmp_path: Path) -> None:
    for index, (width, depth) in enumerate(itertools.product((8, 16), (1, 2))):
        save(tmp_path, NOISE[index], {"cell": {"hidden_size": width, "num_layers": depth}})
    section = only(tmp_path)
    assert section.notes[0] == (
        "There is one cell, and cell.hidden_size, cell.num_layers were swept: say which is compared, by "
        "compare.by=cell.hidden_size or compare.by=[cell.hidden_size,cell.num_layers]. Until then they are settings of "
        "the cell, to pick from."
    )
    table, *_ = tables(section)
    assert table.columns[:3] == ["cell", "cell.hidden_size", "cell.num_layers"]
    assert len([line for line in table.lines if not line.baseline]) == 4


def test_what_changes_with_the_compared_key_is_noted(tmp_path: Path) -> None:
    save(tmp_path, NOISE[0], {"cell": {"hidden_size": 8}, "trainer": {"gradient_clip_val": 5}})
    save(tmp_path, NOISE[1], {"cell": {"hidden_size": 16}, "trainer": {"gradient_clip_val": 9}})
    assert only(tmp_path, by="cell.hidden_size").notes == [
        "trainer.gradient_clip_val is not the same for all rows: 8 5, 16 9."
    ]


def test_the_sweeps_own_question_is_kept(tmp_path: Path) -> None:
    several(tmp_path / "asked")
    for path in (tmp_path / "asked").glob("*/result.json"):
        raw = json.loads(path.read_text())
        raw["config"]["compare"] = {"by": ["cell.num_layers"]}
        path.write_text(json.dumps(raw))
    assert names(only(tmp_path / "asked")) == ["cell.num_layers=1", "cell.num_layers=2"]
    assert names(only(tmp_path / "asked", by="cell")) == ["lstm", "rnn"]


def test_a_key_that_is_missing_is_at_its_neutral_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(provenance.NEUTRAL_SETTINGS, "scheduler", {})
    from seqexp.compare.settings import neutral

    neutral.cache_clear()
    try:
        old = save(tmp_path, NOISE[0][:5])
        raw = json.loads((old / "result.json").read_text())
        del raw["config"]["scheduler"]
        (old / "result.json").write_text(json.dumps(raw))
        save(tmp_path, NOISE[1], {"scheduler": {}})
        save(tmp_path, NOISE[2], {"scheduler": {"_target_": "torch.optim.lr_scheduler.StepLR", "step_size": 3}})
        section = only(tmp_path)
        assert [(label, len(row.runs)) for label, row in section.shown] == [
            ("scheduler=none", 2),
            ("scheduler=steplr", 1),
        ]
    finally:
        neutral.cache_clear()


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ("data", "the test targets change with it"),
        ("data.noise", "compare.by=data.noise: the test targets change with it"),
        ("seed", "runs that differ in it alone count as one"),
        ("cell.hiddensize", "no run has a setting of that name. Did you mean cell.hidden_size?"),
        ("cell.num_layers", "is the same in all runs; what differs: data.noise, cell.hidden_size."),
        ("cell,cell", "names a key twice"),
        (["cell", 3], "must be a swept key"),
        ("", "must be a swept key"),
    ],
)
def test_what_cannot_be_compared_by_is_refused(tmp_path: Path, by: Any, words: str) -> None:
    for noise in (0.1, 0.2):
        hashes = [[f"{noise} {seed}", f"{noise} {seed}"] for seed in range(10)]
        groups = {"data": {"noise": noise}, "cell": {"hidden_size": int(100 * noise), "num_layers": 1}}
        save(tmp_path, NOISE[0], groups, data_hash=hashes)
    with pytest.raises(CompareError) as error:
        compare(tmp_path, by=by)
    assert words in str(error.value)


def test_a_key_of_the_data_that_leaves_the_test_targets_is_compared(tmp_path: Path) -> None:
    for index, share in enumerate((0.1, 0.5)):
        hashes = [[f"train {share} {seed}", f"test {seed}"] for seed in range(10)]
        save(tmp_path, (1 - share) * NOISE[index], {"data": {"train_fraction": share}}, data_hash=hashes)
    assert [section.data_set.name for section in compare(tmp_path).sections] == [
        "sine data.train_fraction=0.1",
        "sine data.train_fraction=0.5",
    ]
    section = only(tmp_path, by="data.train_fraction")
    (pair,) = section.pairs
    assert (pair.winner, pair.difference.num_pairs) == ("data.train_fraction=0.5", 10)
    assert section.notes == []


def test_lists_of_keys() -> None:
    assert listed(None) == ()
    assert listed("cell, optimizer") == listed(["cell", "optimizer"]) == ("cell", "optimizer")


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    several(tmp_path)
    assert main([str(tmp_path), "--by", "cell,cell.num_layers"]) == 0
    assert "rnn cell.num_layers=1 beats lstm" in (tmp_path / "comparison.md").read_text().replace("\\", "")
    capsys.readouterr()
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path), "--by", "cell.bidirectional"])
    assert capsys.readouterr().err.startswith("seqexp: compare.by=cell.bidirectional: no run has")


# ---------------------------------------------------------------- other metrics


def test_the_metric_is_named_everywhere(tmp_path: Path) -> None:
    mae = {"metric": "mae", "metric_label": "MAE", "metric_unit": "units of the data"}
    for index, cell in enumerate(("lstm", "rnn")):
        folder = save(tmp_path, (index + 1) * NOISE[index], cell=cell, **mae)
        write_curves(folder, range(10), {"train_mae_running": NOISE[:4], "val_mae": NOISE[:4]})
    found = compare(tmp_path)
    found.write(tmp_path)
    text = (tmp_path / "comparison.md").read_text()
    assert "MSE" not in text
    assert "| test MAE |" in text
    assert "lstm beats rnn on sine: test MAE 0." in text
    with (tmp_path / "comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {"train_mae", "val_mae", "test_mae"} < set(rows[0])
    assert float(rows[3]["test_mae"]) == NOISE[0, 3]
    numbers = json.loads((tmp_path / "comparison.json").read_text())["data"][0]
    assert numbers["metric"] == {"name": "mae", "label": "MAE", "unit": "units of the data"}
    assert numbers["rows"][0]["test_mae"]["num_seeds"] == 10
    assert found.figure().axes[0].get_xlabel() == "test MAE (units of the data)"
    curves = found.figure("curves").axes[0]
    assert curves.get_ylabel() == "validation MAE\n(units of the data)"
    assert len(curves.get_lines()) == 2


def test_a_unit_that_the_label_names_is_not_named_twice(tmp_path: Path) -> None:
    save(tmp_path, NOISE[0], metric="nats", metric_label="cross-entropy in nats", metric_unit="nats")
    assert compare(tmp_path).figure().axes[0].get_xlabel() == "test cross-entropy in nats"


def test_runs_of_different_metrics_are_sections_of_their_own(tmp_path: Path) -> None:
    save(tmp_path, NOISE[0])
    save(tmp_path, NOISE[1], metric="mae", metric_label="MAE", metric_unit="units of the data")
    found = compare(tmp_path)
    assert [section.data_set.name for section in found.sections] == ["sine by MAE", "sine by MSE"]
    assert not any(section.pairs for section in found.sections)
    row, *_ = found.rows()
    assert row["test_mae"] == NOISE[1, 0]
    assert math.isnan(row["test_mse"])


def test_metrics_beside_are_shown(tmp_path: Path) -> None:
    save(tmp_path, NOISE[0], beside={"accuracy": [0.5] * 10})
    save(tmp_path, NOISE[1], cell="rnn")
    table, *_ = tables(only(tmp_path))
    at = table.columns.index("test accuracy")
    assert [line.texts[at] for line in table.lines] == ["0.5 ± 0", "\N{EN DASH}", "\N{EN DASH}"]
    assert [row["test_accuracy"] for row in compare(tmp_path).rows()][::10] == pytest.approx(
        [0.5, math.nan], nan_ok=True
    )


def test_scores_that_reach_0_are_compared_by_their_difference(tmp_path: Path) -> None:
    lstm, rnn = [0.0] * 4 + [0.02] * 6, [0.25, 0.2] * 5
    chance = {"baselines": {"constant": [0.5] * 10}}
    save(tmp_path, lstm, **ERROR, **chance)
    save(tmp_path, rnn, cell="rnn", **ERROR, **chance)
    save(tmp_path, np.add(rnn, 0.001), cell="gru", **ERROR, **chance)
    section = only(tmp_path)
    gru_lstm, gru_rnn, lstm_rnn = section.pairs
    assert not any(pair.difference.by_ratio for pair in section.pairs)  # one table has one scale
    assert lstm_rnn.difference.gap == pytest.approx(np.mean(lstm) - np.mean(rnn))
    assert lstm_rnn.difference.p == 2 / 2**10
    assert (gru_rnn.difference.gap, gru_rnn.winner) == (pytest.approx(0.001), "rnn")
    low, high = SignFlip(np.subtract(rnn, lstm)).interval(lstm_rnn.difference.level)
    assert section.sentences[2].startswith(
        f"lstm beats rnn on sine: test error rate lower by 0.21 (98.8 % interval {low:.2f} to {high:.2f}; "
        "ratio of means 0.0533), 10 paired seeds, p = 0.012 (Holm over 6 pairs); lower on 10 of 10 seeds"
    )
    assert "e+" not in section.sentences[0]
    assert gru_lstm.detectable < gru_lstm.difference.gap


def test_two_that_are_0_up_to_rounding_score_the_same(tmp_path: Path) -> None:
    for cell, level in (("lstm", 1e-14), ("rnn", 3e-14)):
        save(tmp_path, (level * NOISE[0]).tolist(), cell=cell, baselines={"constant": [19.0] * 10})
    section = only(tmp_path)
    assert section.sentences[0] == "lstm and rnn scored the same on sine: 10 paired seeds."
    assert section.pairs[0].winner is None


def test_no_ratio_where_a_mean_is_0(tmp_path: Path) -> None:
    save(tmp_path, [0.0] * 10, baselines={})
    save(tmp_path, 0.1 * NOISE[0], cell="rnn", baselines={})
    assert "ratio" not in only(tmp_path).sentences[0]


@pytest.mark.parametrize(("level", "by_ratio"), [(1e-10, True), (1e-13, False)])
def test_a_guess_that_is_exact_up_to_rounding_has_no_ratio(tmp_path: Path, level: float, by_ratio: bool) -> None:
    baselines = {"constant": [1.0] * 10, "linear": (level * NOISE[5]).tolist()}
    guesses = {"baselines": baselines, "validation_baselines": baselines}
    save(tmp_path, 0.1 * NOISE[0], **guesses)
    save(tmp_path, 0.2 * NOISE[1], cell="rnn", **guesses)
    section = only(tmp_path)
    assert section.pairs[0].difference.by_ratio
    assert [pair.difference.by_ratio for pair in section.baseline_pairs] == [by_ratio] * 2
    assert all(pair.winner == "the linear baseline" for pair in section.baseline_pairs)
    table, *_ = tables(section)
    ratios = [line.texts[table.columns.index("ratio to linear")] for line in table.lines]
    assert (ratios[0] != "\N{EN DASH}") == by_ratio


# ---------------------------------------------------------------- evaluations


def lengths(root: Path, **changes: Any) -> None:
    guesses = {f"test@{length}": {"constant": [float(length)] * 10, "linear": None} for length in (40, 160)}
    for index, cell in enumerate(("lstm", "rnn")):
        level = 0.1 * (index + 1)
        elsewhere = {"test@40": 2 * level * NOISE[index], "test@160": 9 * level * NOISE[index]}
        groups = {"data": {"length": 20, "test_lengths": [40, 160] if index else [40]}}
        if index == 0:
            del elsewhere["test@160"]  # it was not asked for there
        values = {"evaluation_baselines": guesses, "elsewhere": elsewhere, "baselines": {"constant": [20.0] * 10}}
        save(root, level * NOISE[index], groups, cell=cell, **(values | changes))


def test_evaluations_have_a_column_and_a_curve(tmp_path: Path) -> None:
    lengths(tmp_path)
    found = compare(tmp_path)
    (section,) = found.sections
    _, table = tables(section)
    assert table.columns == ["cell", "MSE test", "MSE test@40", "MSE test@160"]
    assert [line.texts[0] for line in table.lines] == ["lstm", "rnn", "constant"]
    rnn = [0.2 * NOISE[1].mean() * factor for factor in (1, 2, 9)]
    shown = [float(text.split(" ±")[0]) for text in table.lines[1].texts[1:]]
    assert shown == pytest.approx(rnn, rel=0.05)
    assert table.lines[0].texts[3] == "\N{EN DASH}"
    assert table.lines[2].texts[1:] == ["20 ± 0", "40 ± 0", "160 ± 0"]
    assert section.scope[-1] == "Pairs are tested on test only; the scores at evaluations are shown beside."
    assert len(section.pairs) == 1
    written = {path.name for path in found.write(tmp_path)}
    assert {"evaluations.png", "evaluations.svg"} < written
    row = next(row for row in found.rows() if row["cell"] == "rnn")
    assert row["test@160_mse"] == 1.8 * NOISE[1, 0]
    assert row["constant test@160"] == 160
    numbers = json.loads((tmp_path / "comparison.json").read_text())["data"][0]
    assert numbers["rows"][1]["evaluations"]["test@40"]["mean"] == pytest.approx(rnn[1])
    assert numbers["evaluation_baselines"]["test@40"]["constant"]["mean"] == 40


def test_evaluations_stand_at_their_length(tmp_path: Path) -> None:
    lengths(tmp_path)
    figure = compare(tmp_path).figure("evaluations")
    assert figure is not None
    axes = figure.axes[0]
    lstm, rnn, constant = axes.get_lines()
    assert np.asarray(rnn.get_xdata()).tolist() == [20, 40, 160]
    assert np.asarray(rnn.get_ydata()) == pytest.approx([0.2 * NOISE[1].mean() * each for each in (1, 2, 9)])
    assert np.isnan(np.asarray(lstm.get_ydata())).tolist() == [False, False, True]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["20 (test)", "40", "160"]
    assert constant.get_color() == "0.35"


def test_evaluations_that_are_no_lengths_stand_in_their_order(tmp_path: Path) -> None:
    save(tmp_path, NOISE[0], elsewhere={"noise=0.5": 3 * NOISE[0], "test@40": 2 * NOISE[0]})
    figure = compare(tmp_path).figure("evaluations")
    assert figure is not None
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["test", "noise=0.5", "test@40"]
    save(tmp_path / "other", NOISE[0])
    with pytest.raises(CompareError, match="figure must be one of comparison, "):
        compare(tmp_path / "other").figure("evaluations")
