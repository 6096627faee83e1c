"""What is said of grids, budgets and training that was still going on: each note where it holds, and only there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqexp.compare import compare
from seqexp.compare.data_sets import group
from seqexp.compare.runs import Metric, Run
from seqexp.compare.section import build
from seqexp.compare.trained import noted
from seqexp.record.arrays import write_curves
from tests.compare.test_comparison import console_text, save

MSE = Metric("mse", "MSE", "squared units of the data")


def run(cell: str, test: Any, settings: dict[str, Any] | None = None, **changes: Any) -> Run:
    """A run of 100 epochs whose validation scores are its test scores, and whose best epochs are its 50th."""
    scores = np.asarray(test, dtype=float)
    seeds = list(range(len(scores)))
    fields: dict[str, Any] = {
        **{"folder": Path("nowhere"), "name": cell, "data": "sine", "cell": cell, "metric": MSE},
        **{"settings": settings or {}, "seeds": seeds, "baselines": {}, "diverged": frozenset()},
        **{"train": scores, "val": scores, "test": scores, "num_parameters": 1, "train_seconds": 1.0},
        **{"epochs": 100, "steps": 800, "best_epoch": [49] * len(seeds)},
        "data_hash": [[f"train {seed}", f"test {seed}"] for seed in seeds],
    }
    return Run(**fields | changes)


def notes(*runs: Run, by: tuple[str, ...] = ()) -> list[str]:
    (data_set,) = group(runs, by)
    (before,) = build([data_set])
    after = noted(before)
    assert after.notes[: len(before.notes)] == before.notes
    return after.notes[len(before.notes) :]


# ---------------------------------------------------------------- the edge of a grid


def swept(best: Any, values: Any, key: str = "optimizer.lr", **settings: Any) -> list[Run]:
    """One run for each value, of which `best` has the lowest validation score."""
    return [run("lstm", [0.1 + (value != best), 0.2 + (value != best)], {key: value, **settings}) for value in values]


@pytest.mark.parametrize(
    ("best", "values", "end"),
    [
        (0.1, [0.001, 0.1, 0.01], "largest of the 3"),
        (0.001, [0.1, 0.001, 0.01], "smallest of the 3"),
        (1, [1, 10], None),  # whole numbers end there
        (1, [1, 0.1], "largest of the 2"),
        (2, [2, 10], "smallest of the 2"),
        (0, [0, 0.1], None),  # nor is there anything below 0
        (0.01, [0.001, 0.1, 0.01], None),
        (0.1, [0.1, None], None),
        ("a", ["a", "b"], None),
        (True, [True, False], None),
    ],
)
def test_a_picked_number_at_the_edge_of_its_grid(best: Any, values: list[Any], end: str | None) -> None:
    found = notes(*swept(best, values))
    shown = f"{best:g}" if isinstance(best, float) else best
    said = f"lstm: optimizer.lr={shown} is the {end} that were tried: a wider grid may find a better one."
    assert found == ([said] if end else [])


def test_each_kind_has_a_grid_of_its_own() -> None:
    worse = [run("lstm", [5.0, 5.0], {"optimizer": "sgd", "optimizer.lr": lr}) for lr in (1.0, 3.0)]
    (note,) = notes(*swept(0.1, [0.01, 0.1], optimizer="adam"), *worse, by=("cell",))
    assert note.startswith("lstm: optimizer.lr=0.1 is the largest of the 2 that were tried")


def test_what_only_another_cell_could_choose_is_no_edge() -> None:
    assert notes(*swept(0.01, [0.1, 0.01, 0.001]), run("rnn", [1.0, 1.0], {"optimizer.lr": 0.1})) == []


# ---------------------------------------------------------------- the last tenth


def late(*best: int, epochs: int = 100, **changes: Any) -> list[str]:
    """The notes on a run whose seeds were at their best in these epochs, counted from 0."""
    fields = {"epochs": epochs, "best_epoch": list(best), **changes}
    return notes(run("rnn", fields.pop("scores", [0.1] * len(best)), **fields))


def test_the_median_seed_was_at_its_best_in_the_last_tenth() -> None:
    assert late(5, 6, 89, 90, 99) == []
    assert late(5, 6, 90, 91, 99) == [
        "rnn: 3 of 5 seeds were still improving in the last tenth of 100 epochs (best epoch of the median seed 91): "
        "longer training may change its score."
    ]
    (even,) = late(5, 6, 194, 199, epochs=200)
    assert "2 of 4 seeds were" in even
    assert "last tenth of 200 epochs (best epoch of the median seed 195)" in even
    (short,) = late(4, epochs=5)
    assert "1 of 1 seed was still improving in the last of 5 epochs (" in short
    assert late(3, epochs=5) == late(0, epochs=1) == []


def test_no_word_of_it_where_nothing_tells_or_patience_ended_the_training() -> None:
    patient = {"early_stopping.patience": 3, "trainer.max_epochs": 500}
    assert late(99, 99, settings=patient) == []
    assert late(99, 99, settings={"callback.stop": "earlystopping", "trainer.max_epochs": 500}) == []
    assert len(late(99, 99, settings=patient | {"trainer.max_epochs": 100})) == 1  # the budget was first
    assert len(late(99, 99, settings=patient | {"trainer.max_steps": 800})) == 1
    assert len(late(99, 99, settings={"trainer.max_epochs": 500})) == 1  # the clock was
    assert notes(run("rnn", [0.1, 0.1], best_epoch=None)) == []
    assert late(99, 99, val=None) == []
    assert late(99, 99, 5, scores=[np.nan, np.nan, 0.1]) == []  # those that diverged keep the last epoch


def curves(folder: Path, *lines: Any) -> Path:
    """Writes the validation curves of seeds 0, 1, …"""
    folder.mkdir()
    write_curves(folder, range(len(lines)), {"val_mse": np.array(lines, dtype=float).T})
    return folder


def line(start: float, end: float, epochs: int = 20) -> list[float]:
    """A curve that stands still but for its last two epochs."""
    return [2 * start, *[start] * (epochs - 3), end * 1.5, end]


def test_how_much_the_last_tenth_was_worth(tmp_path: Path) -> None:
    folder = curves(tmp_path / "rnn", line(1.0, 0.81), line(1.0, 1.0))
    (note,) = notes(run("rnn", [0.81, 1.0], folder=folder, epochs=20, best_epoch=[19, 1]))
    # sqrt(0.81 * 1) = 0.9 of what it was
    assert "(best epoch of the median seed 20; validation MSE 10 % lower than before it)" in note


def test_many_rows_are_counted() -> None:
    runs = [run("rnn", [0.1, 0.2], {"cell.hidden_size": size}, best_epoch=[99, 99]) for size in range(2, 14)]
    found = notes(*runs, by=("cell.hidden_size",))
    assert (len(found), found[-1]) == (11, "2 more rows are like that.")


# ---------------------------------------------------------------- budgets


def two(first: dict[str, Any], second: dict[str, Any], by: tuple[str, ...] = ()) -> list[str]:
    return notes(run("lstm", [0.1, 0.2], **first), run("rnn", [0.3, 0.2], **second), by=by)


def test_budgets_differ() -> None:
    epochs = {"epochs": 200, "steps": 1600, "settings": {"trainer.max_epochs": 200}}
    said = "Budgets differ: lstm 100 epochs (800 steps), rnn 200 epochs (1,600 steps)."
    assert two({"settings": {"trainer.max_epochs": 100}}, epochs) == [said]  # and nothing else says it
    assert two({}, {"steps": 1600}) == ["Budgets differ: lstm 100 epochs (800 steps), rnn 100 epochs (1,600 steps)."]
    assert two({}, {}) == []
    assert two({"steps": 0}, {"steps": 0, "epochs": 70}) == ["Budgets differ: lstm 100 epochs, rnn 70 epochs."]


def test_budgets_that_are_the_question_or_that_patience_cut_short() -> None:
    sizes = [{"settings": {"trainer.max_epochs": count}, "epochs": count} for count in (100, 200)]
    assert two(*sizes, by=("trainer.max_epochs",)) == []
    batches = [{"settings": {"data.batch_size": size}, "steps": 32 * size} for size in (8, 16)]
    assert two(*batches, by=("data.batch_size",)) == []
    patient = {"early_stopping.patience": 3, "trainer.max_epochs": 200}
    whole = {"settings": patient, "epochs": 200, "steps": 1600}
    assert two({"settings": patient, "epochs": 40}, whole) == []
    endless = patient | {"trainer.max_epochs": -1}
    assert two({"settings": endless}, whole) == ["Budgets differ: lstm unlimited epochs, rnn 200 epochs (1,600 steps)."]


def test_rows_of_several_runs_have_a_range() -> None:
    more = run("rnn", [0.1, 0.2], seeds=[2, 3], epochs=90, steps=720)
    assert notes(run("rnn", [0.1, 0.2]), more, run("lstm", [0.1, 0.2])) == [
        "Budgets differ: lstm 100 epochs (800 steps), rnn 90 to 100 epochs (720 to 800 steps)."
    ]


# ---------------------------------------------------------------- every output


def test_the_notes_of_records_are_in_every_output(tmp_path: Path) -> None:
    known = {"epochs": 30, "best_epoch": [29, 28], "val_mse": [0.2, 0.3]}
    for name, lr in (("a", 0.01), ("b", 0.02)):
        save(tmp_path / name, "rnn", [0.1 / lr, 0.2 / lr], settings={"optimizer.lr": lr}, **known)
    save(tmp_path / "c", "lstm", [0.1, 0.2], epochs=30, val_mse=None, best_epoch=[29, 29])
    save(tmp_path / "d", "gru", [0.1, 0.2], epochs=30, val_mse=[0.1, 0.2])
    found = compare(tmp_path)
    improving = "rnn optimizer.lr=0.01: 2 of 2 seeds were still improving in the last tenth of 30 epochs"
    (section,) = found.to_dict()["data"]
    said = [note for note in section["notes"] if "still improving" in note]
    assert [note.split(" (")[0] for note in said] == [improving, improving.replace("0.01", "0.02")]
    for text in (found.to_markdown(), console_text(found, 200)):
        assert "were still improving in the last tenth of 30 epochs" in text
    assert {row["cell"]: row["best_epoch"] for row in found.rows()} == {"rnn": 28, "lstm": None, "gru": None}


def test_what_was_solved_is_named_and_has_no_budget() -> None:
    solved = run("esn", [0.1, 0.2], epochs=0, steps=0, best_epoch=None, is_solved=True)
    (said,) = notes(solved, run("rnn", [0.3, 0.4]))
    assert said == (
        "esn: the readout alone is learnt, by least squares, without epochs; parameters are the readout's, and fixed "
        "weights are not counted."
    )
