"""The comparison against scipy, statsmodels and tables worked out by hand."""

from __future__ import annotations

import ast
import csv
import dataclasses
import itertools
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from rich.console import Console

import seqexp.compare
from seqexp import statistics
from seqexp.compare import CompareError, Comparison, compare
from seqexp.compare.__main__ import main
from seqexp.compare.comparison import written
from seqexp.compare.curves import read_curves
from seqexp.compare.table import tables
from seqexp.compare.text import gap_text, ratio_text, score_text
from seqexp.record.arrays import write_curves
from seqexp.record.record import Record

Array = npt.NDArray[np.float64]
SEEDS = list(range(10))
NOISE = np.exp(np.random.default_rng(3).normal(0, 0.1, (6, 40)))


def save(folder: Path, cell: str, test: Any, **changes: Any) -> Path:
    """Writes one run; `changes` go to the record, `settings` into its configuration."""
    scores = np.asarray(test, dtype=float)
    extra = changes.pop("settings", {})
    seeds = changes.pop("seeds", list(range(len(scores))))
    data = changes.pop("data", "sine")
    values: dict[str, Any] = {
        "status": "done",
        "data_hash": [[f"{data} {seed} train", f"{data} {seed} test"] for seed in seeds],
        "baselines": {"constant": [100.0 + seed for seed in seeds]},
        "num_parameters": {"rnn": 337, "lstm": 1233}.get(cell, 937),
        "epochs": 4,
        "train_seconds": 2.0 * len(seeds),
    }
    config: dict[str, Any] = {
        "seed": seeds[0] if seeds else 0,
        "num_seeds": len(seeds),
        "data": {"_target_": f"seqexp.data.{data}.Data", "noise": 0.1, "batch_size": None},
        "cell": {"_target_": f"seqexp.cell.{cell}.{cell.upper()}", "hidden_size": 16},
        "optimizer": {"_target_": "torch.optim.Adam", "lr": 0.01, "betas": [0.9, 0.999]},
    }
    for key, value in extra.items():
        group, name = key.split(".")
        config[group][name] = value
    folder.mkdir(parents=True)
    parts = dict.fromkeys(("train", "val", "test"), scores.tolist())
    parts |= {part: changes.pop(f"{part}_mse") for part in parts if f"{part}_mse" in changes}
    values["scores"] = {part: {"mse": row} for part, row in parts.items() if row is not None}
    values |= {"data": data, "cell": cell, "seeds": seeds, "config": config, **changes}
    Record(**values).write(folder)
    return folder


def console_text(comparison: Comparison, width: int = 80) -> str:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        comparison.render(console)
    return console.export_text()


def three_cells(root: Path, n: int = 10) -> None:
    for index, (cell, level) in enumerate((("rnn", 0.3), ("lstm", 0.1), ("gru", 0.1))):
        save(root / cell, cell, level * NOISE[index, :n])


# ---------------------------------------------------------------- words and numbers


def test_numbers_as_text() -> None:
    assert score_text(statistics.Interval(0.01218, 0.01138, 0.01298)) == "0.0122 ± 0.0008"
    assert score_text(statistics.Interval(2e-12, 1e-12, 3e-12)) == "2.00e-12 ± 1e-12"
    assert score_text(statistics.Interval(0.0, 0.0, 0.0)) == "0"
    assert score_text(statistics.Interval(0.3, 0.3 - 6e-17, 0.3 + 6e-17)) == "0.3 ± 0"
    assert score_text(statistics.Interval(0.5, math.nan, math.nan)) == "0.5"
    assert ratio_text(0.3401, 0.2812, 0.4113) == "0.34 (95 % interval 0.28\N{EN DASH}0.41)"
    assert ratio_text(0.9974, 0.9961, 0.9987) == "0.9974 (95 % interval 0.9961\N{EN DASH}0.9987)"
    assert ratio_text(0.9, 0.81, 0.99961, 0.05 / 3) == "0.90 (98.3 % interval 0.81\N{EN DASH}0.99961)"  # below 1
    assert ratio_text(0.5, 0.0, 1.2) == "0.50 (95 % interval below 1.20)"
    assert ratio_text(0.5, 0.25, math.inf) == "0.50 (95 % interval above 0.25)"
    assert ratio_text(0.5, 0.0, math.inf) == "0.5 (95 % interval open at both ends)"
    assert gap_text(0.5, -math.inf, 0.75, math.nan) == "0.5 (95 % interval below 0.75)"
    assert gap_text(0.5, 0.0012, 1.0, math.nan) == "0.50 (95 % interval 0.0012 to 1.00)"
    assert gap_text(0.5, -math.inf, math.inf, math.nan) == "0.5 (95 % interval open at both ends)"


# ---------------------------------------------------------------- verdicts


def test_three_cells_by_hand(tmp_path: Path) -> None:
    three_cells(tmp_path)
    found = compare(tmp_path)
    logs = np.log(NOISE[1, :10] / (3 * NOISE[0, :10]))
    ratio, ends = np.exp(logs.mean()), np.exp(statistics.SignFlip(logs).interval(0.05 / 5))  # the fifth of six steps
    assert found.sentences[2] == (
        f"lstm beats rnn on sine: test MSE {ratio:.2f}\N{MULTIPLICATION SIGN} (99 % interval "
        f"{ends[0]:.2f}\N{EN DASH}{ends[1]:.2f}), 10 paired seeds, p = 0.012 (Holm over 6 pairs); "  # 6 * 2 / 2^10
        "lower on 10 of 10 seeds, so on 69\N{EN DASH}100 % of new ones; "
        "failures on up to one seed in 4 could have gone unseen."
    )
    pair = found.sections[0].pairs[0]
    assert (pair.first, pair.second, pair.winner) == ("gru", "lstm", None)
    expected = math.exp(-statistics.detectable_effect(10, 6) * np.log(NOISE[2, :10] / NOISE[1, :10]).std(ddof=1))
    assert pair.detectable == pytest.approx(expected)
    assert f"10 paired seeds could have shown {100 * (1 - expected):.2g} %." in found.sentences[0]
    assert sum("beats the constant baseline" in text for text in found.sentences) == 3


def test_baseline_that_beats_every_cell(tmp_path: Path) -> None:
    lines = {"linear": (0.05 * NOISE[5, :10]).tolist(), "persistence": None}
    for index, cell in enumerate(("rnn", "lstm")):
        save(tmp_path / cell, cell, 0.1 * NOISE[index, :10], baselines=lines)
    told = compare(tmp_path).sentences
    assert told[1].startswith("the linear baseline beats every cell on sine")
    assert told[2].startswith("the linear baseline beats lstm on sine: test MSE 0.")


def test_baseline_not_beaten(tmp_path: Path) -> None:
    save(tmp_path / "a", "rnn", 0.1 * NOISE[0, :10], baselines={"linear": (0.1 * NOISE[1, :10]).tolist()})
    told = compare(tmp_path).sentences
    assert told[0] == "no cell was shown to beat the linear baseline on sine."
    assert told[1].startswith("no difference detected between rnn and the linear baseline on sine")


def test_any_baseline_may_be_the_best_but_noise_and_what_is_left_out_is_said(tmp_path: Path) -> None:
    lines = {name: (level * NOISE[5, :10]).tolist() for name, level in (("linear", 0.06), ("of my own", 0.05))}
    lines["noise"] = [0.01] * 10
    left_out = dict.fromkeys(("ar", "polynomial"), "one window is too few") | {"test@40/linear": "another length"}
    validated = {"linear": [0.07] * 10, "of my own": [0.06] * 10, "noise": [0.01] * 10, "ar": None}
    new = {"baselines": {**lines, "ar": None, "polynomial": None}, "left_out": left_out}
    new["validation_baselines"] = validated
    save(tmp_path / "lstm", "lstm", 0.1 * NOISE[0, :10], **new)
    # The best of all, but of two seeds: what most seeds do not have is no rival.
    save(tmp_path / "rnn", "rnn", 0.1 * NOISE[1, :2], baselines={"constant": [9.0] * 2, "lucky": [0.001] * 2})
    found = compare(tmp_path)
    (section,) = found.sections
    assert section.baseline == "of my own"
    assert section.notes.count("No baseline ar, polynomial: one window is too few.") == 1
    assert not any("another length" in note for note in section.notes)
    assert "No baseline ar, polynomial: one window is too few." in console_text(found, 200)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([0.1] * 8, [0.1] * 8, "scored the same on sine: 8 paired seeds."),
        ([0.0] * 8, [0.0] * 8, "scored the same on sine: 8 paired seeds."),
        ([0.1] * 8, [0.2] * 8, "lstm beats rnn on sine: test MSE 0.5\N{MULTIPLICATION SIGN} (95 %"),
        ([0.0] * 4 + [0.1] * 6, [1.0] * 10,
         "lstm beats rnn on sine: test MSE lower by 0.94 (95 % interval 0.90 to 0.97; ratio of means 0.06), 10 paired"),
        ([0.0, 1.0] * 4, [1.0, 0.0] * 4, "no difference detected between lstm and rnn on sine: difference 0 (95 %"),
        ([0.1], [0.2], "ratio 0.5, no interval, no verdict; num_seeds=6 or more could."),
        ([0.1, 0.11, 0.1], [0.2, 0.21, 0.2], "cannot reach p = 0.05; num_seeds=6 or more could."),
        ([0.1] * 7 + [math.nan] * 3, [0.2] * 10,
         "10 paired seeds (lstm diverged on 3, which counts as a loss by the largest difference"),
        ([0.1] * 9 + [math.nan], [0.2] * 10,
         "lstm is usually lower, but it diverged on 1 of 10 seeds, rnn on 0; ratio 0.57"),
        ([0.1] * 7 + [math.nan] * 3, [0.2] * 7 + [math.nan] * 3, "7 paired seeds (3 dropped: both diverged)"),
        ([1.0] * 19 + [50.0], [2.0] * 20,
         "lstm is usually lower, but worse on average, as it fails on 1 seed of 20: the ratio of the means is 1.72"),
        ([math.nan] * 4, [0.2] * 4, "undecided between lstm and rnn on sine: they differ only in seeds that diverged"),
        ([0.1] * 12, [0.2] * 8, "8 paired seeds of 12 and 8, p"),
    ],
)  # fmt: skip
def test_unusual_scores(tmp_path: Path, first: Any, second: Any, expected: str) -> None:
    save(tmp_path / "a", "lstm", first, baselines={})
    save(tmp_path / "b", "rnn", second, baselines={})
    found = compare(tmp_path)
    assert expected in found.sentences[0]
    assert "nan" not in found.to_markdown() + console_text(found)
    json.dumps(found.to_dict(), allow_nan=False)
    found.write(tmp_path)


def test_diverged_seeds_are_counted(tmp_path: Path) -> None:
    save(tmp_path / "a", "lstm", [0.1, math.nan, 0.3])
    found = compare(tmp_path)
    assert "| 2 of 3 |" in found.to_markdown()
    assert "lstm: 1 of 3 seeds diverged; its mean and interval are of the others." in found.sections[0].notes


@pytest.mark.parametrize("shared", [0, 1])
def test_unshared_seeds_are_not_paired(tmp_path: Path, shared: int) -> None:
    save(tmp_path / "a", "lstm", 0.1 * NOISE[0, :20])
    save(tmp_path / "b", "rnn", 0.1 * NOISE[1, :20], seeds=list(range(20 - shared, 40 - shared)))
    save(tmp_path / "c", "gru", 9 * NOISE[2, :20], seeds=list(range(50, 70)))
    gru_lstm, _, lstm_rnn = compare(tmp_path).sections[0].pairs
    told = compare(tmp_path).sentences
    assert ("share only one seed" if shared else "share no seeds") in told[2]
    assert told[2].endswith("no difference detected.")
    assert "a winner is named only on shared seeds" in told[0]
    assert gru_lstm.winner is None
    assert math.isnan(lstm_rnn.p_corrected)


def test_outlier_is_explained(tmp_path: Path) -> None:
    save(tmp_path / "a", "lstm", [1.0] * 10)
    save(tmp_path / "b", "rnn", [1.01] * 9 + [1e4])
    assert "lstm beats rnn" in (told := compare(tmp_path).sentences[0])
    assert "ratio of means 0.000999 (95 % interval open at both ends)" in told


# ---------------------------------------------------------------- rows, settings, selection


def sweep(root: Path, *, val: bool = True, shift: float = 1.0) -> None:
    """Three learning rates of two cells. Validation prefers 0.003; `shift` moves the others' test scores."""
    for index, cell in enumerate(("rnn", "lstm")):
        for lr, level in ((0.001, 0.3), (0.003, 0.2), (0.01, 0.4)):
            validation = level * NOISE[index, :10]
            test = NOISE[index + 2, :10] * (1 if lr == 0.003 else shift)
            values = validation.tolist() if val else None
            save(root / f"{cell}{lr}", cell, test, val_mse=values, settings={"optimizer.lr": lr})


def test_selection_looks_at_validation_only(tmp_path: Path) -> None:
    results = []
    for shift in (1e-6, 1.0, 1e6):  # the rows that are not picked score far better, the same, far worse
        sweep(tmp_path / str(shift), shift=shift)
        section = compare(tmp_path / str(shift)).sections[0]
        results.append((section.picked, section.pairs, section.sentences, section.notes))
    assert results[0] == results[1] == results[2]
    assert [section.data_set.rows[index].settings for index in results[0][0]] == [{"optimizer.lr": 0.003}] * 2
    assert results[0][3][0] == "lstm: optimizer.lr=0.003 was picked from 3 settings by mean validation MSE."


def test_choice_of_pairs_ignores_test_scores(tmp_path: Path) -> None:
    names = []
    for shift in (1e-6, 1e6):
        sweep(tmp_path / str(shift), val=False, shift=shift)
        names.append([(pair.first, pair.second) for pair in compare(tmp_path / str(shift)).sections[0].pairs])
    assert names[0] == names[1]
    assert len(names[0]) == 15


def test_nothing_is_picked_without_validation(tmp_path: Path) -> None:
    sweep(tmp_path, val=False)
    section = compare(tmp_path).sections[0]
    assert section.picked == []
    assert not any(line.picked for line in tables(section)[0].lines)
    assert "Nothing is picked" in section.notes[0]
    assert section.pairs[0].first == "lstm optimizer.lr=0.001"


def test_unequal_budgets_and_diverged_settings_are_told(tmp_path: Path) -> None:
    for lr, scores in ((0.01, [0.1, math.nan]), (0.1, [0.5, 0.5])):
        save(tmp_path / f"rnn{lr}", "rnn", scores, settings={"optimizer.lr": lr})
    save(tmp_path / "lstm", "lstm", [0.2, 0.2])
    notes = compare(tmp_path).sections[0].notes
    assert notes[0].endswith("optimizer.lr=0.1 was picked from 2 settings by mean validation MSE, "
                             "1 passed over because seeds diverged.")  # fmt: skip
    assert "Unequal budgets: the number of settings to pick from was lstm 1, rnn 2." in notes


@pytest.mark.parametrize(("num_settings", "pairs", "word"), [(7, 7, "same settings"), (90, 0, "none is tested")])
def test_many_unpicked_rows(tmp_path: Path, num_settings: int, pairs: int, word: str) -> None:
    for cell, setting in itertools.product(("rnn", "lstm"), range(num_settings)):
        folder = tmp_path / f"{cell}{setting}"
        save(folder, cell, [0.1, 0.2], val_mse=None, settings={"cell.hidden_size": setting})
    found = compare(tmp_path)
    assert len(found.sections[0].pairs) == pairs
    assert any(word in note for note in found.sections[0].notes)
    assert "more rows are in comparison.csv" in found.to_markdown() or num_settings == 7
    found.write(tmp_path)


def test_what_counts_as_swept(tmp_path: Path) -> None:
    save(tmp_path / "a", "lstm", [0.1, 0.2], settings={"cell.forget_bias": 1.0, "cell.hidden_size": 8})
    save(tmp_path / "b", "rnn", [0.1, 0.2])
    save(
        tmp_path / "c",
        "rnn",
        [0.3, 0.2],
        settings={"optimizer._target_": "torch.optim.SGD", "optimizer.betas": 0},
    )
    save(tmp_path / "d", "rnn", [0.3, 0.2], settings={"data.noise": 0.5})
    save(tmp_path / "e", "rnn", [0.3, 0.2], settings={"data.batch_size": 32})
    clean, noisy = compare(tmp_path).sections
    assert (clean.data_set.name, noisy.data_set.name) == ("sine data.noise=0.1", "sine data.noise=0.5")
    assert clean.data_set.keys == ["data.batch_size", "optimizer"]
    assert [row.label for row in clean.data_set.rows][:2] == [
        "lstm data.batch_size=null optimizer=adam", "rnn data.batch_size=32 optimizer=adam"
    ]  # fmt: skip


def test_settings_that_go_with_the_cell_are_told(tmp_path: Path) -> None:
    save(tmp_path / "a", "lstm", [0.1, 0.2], settings={"optimizer.lr": 0.1, "cell.hidden_size": 8})
    save(tmp_path / "b", "rnn", [0.1, 0.2])
    notes = compare(tmp_path).sections[0].notes
    assert notes == ["optimizer.lr is not the same for all cells: lstm 0.1, rnn 0.01."]


def test_seeds_pool_and_none_counts_twice(tmp_path: Path) -> None:
    save(tmp_path / "a", "rnn", [0.1, 0.2], seeds=[0, 1])
    save(tmp_path / "b", "rnn", [0.2, 0.3], seeds=[1, 2])
    save(tmp_path / "c", "rnn", [0.9], seeds=[2])
    section = compare(tmp_path, tmp_path / "a").sections[0]
    assert section.data_set.rows[0].test.values.tolist() == [0.1, 0.2, 0.3]
    found = "2 seeds of rnn found in more than one run: counted once, from the first folder"
    assert section.notes == [f"{found}, though the scores differ."]


def test_runs_on_other_data_are_noticed(tmp_path: Path) -> None:
    save(tmp_path / "a", "rnn", [0.1, 0.2], data_hash=None)
    save(tmp_path / "b", "lstm", [0.1, 0.2], baselines={"constant": [100.0, 50.0]}, data_hash=None)
    assert "The data of 1 seed differ between runs" in compare(tmp_path).sections[0].notes[0]


# ---------------------------------------------------------------- reading and writing


def broken_folders(root: Path) -> None:
    failure = {"type": "RuntimeError", "message": "out of memory"}
    save(root / "failed", "rnn", [0.1], status="failed", error=failure)
    save(root / "negative", "rnn", [-0.1])
    save(root / "seedless", "rnn", [])
    for name, text in (("half", '{"status": "do'), ("list", "[]"), ("missing", "{}")):
        (root / name).mkdir()
        (root / name / "result.json").write_text(text)
    for name in ("killed", "waiting"):
        (root / name / ".hydra").mkdir(parents=True)
    (root / "killed" / "seqexp.log").touch()


def test_broken_records_are_listed(tmp_path: Path) -> None:
    broken_folders(tmp_path)
    three_cells(tmp_path)
    found = compare(tmp_path)
    assert [(item.folder, item.reason) for item in found.failed] == [
        ("failed", "rnn on sine, RuntimeError: out of memory")
    ]
    reasons = {item.folder: item.reason for item in found.broken}
    assert sorted(reasons) == ["half", "killed", "list", "missing", "negative", "seedless", "waiting"]
    assert "negative number" in reasons["negative"]
    assert "no result.json" in reasons["killed"]
    assert reasons["waiting"] == "not begun"
    for text in (found.to_markdown(), console_text(found)):
        assert "out of memory" in text
        assert "7 runs could not be used" in text
    assert len(found.sections[0].data_set.rows) == 3


def test_files(tmp_path: Path) -> None:
    three_cells(tmp_path)
    save(tmp_path / "sum" / "a", "rnn", [0.1, 0.2, math.nan], data="sum", val_mse=None)
    write_curves(tmp_path / "rnn", SEEDS, {"train_mse": NOISE[:4, :10], "val_mse": NOISE[:4, :10]})
    first = {path.name: path.read_bytes() for path in compare(tmp_path).write(tmp_path)}
    kinds = [f"comparison.{kind}" for kind in ("csv", "json", "md", "png", "svg", "tex")]
    figures = [f"{name}.{kind}" for name in ("curves", "differences") for kind in ("png", "svg")]
    assert sorted(first) == [*kinds, *figures, "table.csv", "verdicts.csv"]
    assert first == {path.name: path.read_bytes() for path in compare(tmp_path / ".").write(tmp_path)}
    with (tmp_path / "comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 33
    assert rows[-1]["test_mse"] == ""
    assert rows[-1]["folder"] == "sum/a"
    assert float(rows[0]["test_mse"]) == 0.1 * NOISE[2, 0]
    assert rows[0]["seconds_per_seed"] == "2.0"
    numbers = json.loads((tmp_path / "comparison.json").read_text())
    assert numbers["data"][0]["pairs"][1]["winner"] == "gru"
    assert numbers["data"][0]["rows"][0]["test_mse"]["num_seeds"] == 10


# ---------------------------------------------------------------- the command line


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    three_cells(tmp_path / "a")
    save(tmp_path / "b" / "x", "minimal", NOISE[4, :10])
    assert main([str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    assert not list(tmp_path.rglob("comparison.md"))
    assert main([str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(tmp_path / "c" / "d")]) == 0
    assert "minimal" in (tmp_path / "c" / "d" / "comparison.md").read_text()
    assert "lstm beats rnn on sine" in capsys.readouterr().out
    paper = ["--figure-width", "3.4", "--figure-font", "8", "--figure-format", "pdf", "--margin", "50%"]
    assert main([str(tmp_path / "a"), "--out", str(tmp_path / "paper"), *paper]) == 0
    assert sorted(path.name for path in (tmp_path / "paper").glob("*.p*")) == [
        f"{name}.pdf" for name in ("comparison", "curves", "differences")
    ]
    assert "alike within 50 %" in capsys.readouterr().out
    for wrong in (["--figure-width", "1"], ["--figure-format", "gif"], ["--margin", "no"]):
        with pytest.raises(SystemExit, match="2"):
            main([str(tmp_path / "a"), *wrong])
        assert re.search(r"compare\.(figure\.(width|format)|margin) must be", capsys.readouterr().err)
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "a"), "--out", str(tmp_path / "file")])
    assert "cannot be written there" in capsys.readouterr().err


def test_a_figure_of_no_known_kind_or_width_is_refused(tmp_path: Path) -> None:
    three_cells(tmp_path)
    for wrong in ({"format": "jpg"}, {"width": 1.0}):
        with pytest.raises(CompareError, match=r"compare\.figure\.(format|width) must be"):
            compare(tmp_path).figure(**wrong)  # type: ignore[call-overload]


def test_nothing_to_compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken_folders(tmp_path / "broken")
    (tmp_path / "empty").mkdir()
    for name, words in (("no", "no such folder"), ("empty", "no run was found"), ("broken", "out of memory")):
        with pytest.raises(SystemExit, match="2"):
            main([str(tmp_path / name)])
        found = capsys.readouterr()
        assert re.fullmatch(rf"seqexp: [^\n]*{words}[^\n]*\n", found.err)
        assert found.out == ""
    with pytest.raises(CompareError, match="no such folder"):
        compare(tmp_path / "no")


def test_it_starts_without_the_heavy_libraries(tmp_path: Path) -> None:
    three_cells(tmp_path)
    code = (
        "import sys, seqexp.compare.__main__\n"
        "heavy = {'torch', 'lightning', 'hydra', 'matplotlib', 'pandas'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
    for path in Path(seqexp.compare.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [item.name for item in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.partition(".")[0] for name in names} & {
                "torch",
                "lightning",
                "hydra",
                "matplotlib",
            }
    done = subprocess.run([sys.executable, "-W", "error", "-m", "seqexp.compare", tmp_path], capture_output=True)
    assert done.returncode == 0
    assert done.stderr == b""


# ---------------------------------------------------------------- what must not be claimed


def test_no_winner_among_the_survivors(tmp_path: Path) -> None:
    rnn = 0.05 * NOISE[0, :20]
    rnn[10:] = np.nan  # far lower where it finished, but it finished half as often
    save(tmp_path / "rnn", "rnn", rnn)
    save(tmp_path / "lstm", "lstm", 0.1 * NOISE[1, :20])
    found = compare(tmp_path)
    pair = found.sections[0].pairs[0]
    assert (pair.lower, pair.winner) == (None, None)
    assert found.sentences[0].startswith("no difference detected between lstm and rnn on sine: ratio 0.86 (")
    assert "20 paired seeds (rnn diverged on 10, which counts as a loss" in found.sentences[0]


def test_seeds_that_diverge_after_their_best_epoch_are_counted(tmp_path: Path) -> None:
    save(tmp_path / "rnn", "rnn", 0.1 * NOISE[0, :10], diverged=[3, 4])
    (section,) = compare(tmp_path).sections
    assert "rnn: 2 of 10 seeds diverged later in training and keep earlier weights." in section.notes


def test_settings_that_change_no_result_are_no_settings(tmp_path: Path) -> None:
    for seed, shown in ((0, True), (3, False)):
        folder = save(tmp_path / str(seed), "rnn", 0.1 * NOISE[0, seed : seed + 3], seeds=list(range(seed, seed + 3)))
        record = Record.read(folder)
        config = record.config | {"trainer": {"enable_progress_bar": shown}, "allowed_packages": ["a"] * shown}
        dataclasses.replace(record, config=config).write(folder)
    (section,) = compare(tmp_path).sections
    assert section.data_set.keys == []
    assert [len(row.test.seeds) for row in section.data_set.rows] == [6]


def test_nothing_is_picked_where_no_setting_has_a_validation_score(tmp_path: Path) -> None:
    for index, lr in enumerate((0.01, 0.1)):
        score = 0.1 * NOISE[index, :8]
        save(tmp_path / str(lr), "rnn", score, settings={"optimizer.lr": lr}, val_mse=[math.nan] * 8)
    (section,) = compare(tmp_path).sections
    assert section.picked == []
    assert "Nothing is picked: no setting of rnn has a validation score." in section.notes


def test_a_run_that_is_called_comparison_keeps_its_curves(tmp_path: Path) -> None:
    own = save(tmp_path / "comparison", "rnn", 0.1 * NOISE[0, :8]) / "events.out.tfevents.1"
    own.write_bytes(b"curves")
    compare(tmp_path).write(tmp_path)
    assert own.read_bytes() == b"curves"


@pytest.mark.parametrize("name", ["train_mse_running", "train_mse"])  # the latter up to version 0.1
def test_the_training_curve_is_read_by_its_old_name_too(tmp_path: Path, name: str) -> None:
    write_curves(tmp_path, [4], {name: np.array([[1.0], [0.5]]), "val_mse": np.full((2, 1), np.nan)})
    found = read_curves(SimpleNamespace(folder=tmp_path), "train_mse_running")  # type: ignore[arg-type]
    assert {seed: line.tolist() for seed, line in found.items()} == {4: [1.0, 0.5]}  # and no line of the mean
    path = tmp_path / "curves.csv"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if ",mean," not in line))  # as 0.1's
    again = read_curves(SimpleNamespace(folder=tmp_path), "train_mse_running")  # type: ignore[arg-type]
    assert again.keys() == found.keys()


def test_a_program_says_which_files_it_has_written() -> None:
    top = Path("outputs/mine")
    paths = [top / name for name in ("comparison.md", "comparison.csv", "curves.png", "diagnostics/lag.svg")]
    expected = (
        "→ outputs/mine: comparison.md .csv, curves.png, diagnostics/lag.svg; python -m seqexp board outputs/mine"
    )
    assert written(top, paths) == expected
