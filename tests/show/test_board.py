"""What TensorBoard gets, read back through TensorBoard's own event reader."""

from __future__ import annotations

import io
import json
import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from scipy import stats
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import plugin_data_pb2

from seqexp.show.board import SIZES, Board, BoardLine, Content, Curves, write_comparison
from seqexp.show.layout import Category, Chart, edges, every_run, run_tag

HPARAMS = "_hparams_/"


def read(folder: Path) -> EventAccumulator:
    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0, "tensors": 0})
    accumulator.Reload()
    return accumulator


def series(board: EventAccumulator, tag: str) -> dict[int, float]:
    return {event.step: event.value for event in board.Scalars(tag)}


def hparams(board: EventAccumulator, tag: str) -> Any:
    content = board.summary_metadata[f"{HPARAMS}{tag}"].plugin_data.content
    return plugin_data_pb2.HParamsPluginData.FromString(content)


def settings(board: EventAccumulator) -> dict[str, Any]:
    info = hparams(board, "session_start_info").session_start_info
    return {key: getattr(value, value.WhichOneof("kind")) for key, value in info.hparams.items()}


def categories(board: EventAccumulator) -> list[Any]:
    (event,) = board.Tensors("custom_scalars__config__")
    return list(layout_pb2.Layout.FromString(event.tensor_proto.string_val[0]).category)


SINE = Curves("sine", "mse", "MSE", validated=True)


# ---------------------------------------------------------------- a Board by itself


def test_the_end_of_tensorboards_own_thread_goes_to_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Writer(threading.Thread):
        __module__ = "tensorboard.summary.writer"

        def run(self) -> None:
            raise OSError("no space")

    before = threading.excepthook
    with Board(tmp_path), caplog.at_level("INFO"):
        (thread := Writer()).start()
        thread.join()
    assert "a thread of tensorboard ended: no space" in caplog.text
    assert threading.excepthook is before


def test_bands_are_student_t_intervals_over_seeds_and_sort_last(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = rng.lognormal(size=(4, 5))
    with Board(tmp_path) as board:
        board.start({}, SINE, is_alone=True)
        for epoch, row in enumerate(rows):
            board.scores({"val/mse": row}, epoch)
    found = read(tmp_path)
    mean = run_tag("sine", "val", "MSE")
    assert sorted(found.Tags()["scalars"]) == ["val/mse", *sorted([mean, *edges(mean)])]
    for epoch, row in enumerate(rows):
        ends = stats.t.interval(0.95, len(row) - 1, loc=row.mean(), scale=stats.sem(row))
        assert series(found, "val/mse")[epoch] == series(found, mean)[epoch] == pytest.approx(row.mean(), rel=1e-6)
        for tag, end in zip(edges(mean), ends, strict=True):
            assert series(found, tag)[epoch] == pytest.approx(end, rel=1e-5)


def test_a_seed_without_a_score_is_left_out_of_mean_and_band(tmp_path: Path) -> None:
    with Board(tmp_path) as board:
        board.start({}, SINE, is_alone=False)
        board.scores({"val/mse": [0.1, math.nan, 0.3, math.inf]}, 0)
        board.scores({"train/mse": [math.nan, math.nan]}, 0)
        board.scores({"test/mse": [0.5]}, 0)  # one seed has no interval, and charts with bands need one
    found = read(tmp_path)
    ends = stats.t.interval(0.95, 1, loc=0.2, scale=stats.sem([0.1, 0.3]))
    val, test = (run_tag("sine", split, "MSE") for split in ("val", "test"))
    assert series(found, "val/mse")[0] == pytest.approx(0.2)
    for tag, end in zip(edges(val), ends, strict=True):
        assert series(found, tag)[0] == pytest.approx(end, rel=1e-5)
    assert set(found.Tags()["scalars"]) == {"val/mse", val, *edges(val), "test/mse", test, *edges(test)}
    assert {series(found, tag)[0] for tag in (test, *edges(test))} == {0.5}


def test_a_picture_arrives_as_it_was_drawn(tmp_path: Path) -> None:
    figure = Figure(figsize=(2, 1), dpi=50, facecolor="red")
    with Board(tmp_path) as board:
        board.picture("a figure", figure)
        board.text("a text", "**bold**")
    found = read(tmp_path)
    (image,) = found.Images("a figure")
    assert (image.width, image.height) == (100, 50)
    pixels = imread(io.BytesIO(image.encoded_image_string))[..., :3]
    assert (pixels == [1, 0, 0]).all()
    (text,) = found.Tensors("a text")
    assert text.tensor_proto.string_val[0] == b"**bold**"


# ---------------------------------------------------------------- a whole run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Path, EventAccumulator]]:
    """Two runs that have as little as possible in common."""
    from seqexp.run.execute import run

    tiny = ["trainer.enable_progress_bar=false", "trainer.max_epochs=2"]
    choices = {
        "sine": ["num_seeds=3", "data.length=120"],
        "sum": [
            "data=sum", "cell=lstm", "cell.num_layers=2", "cell.dropout=0.1", "optimizer=sgd", "num_seeds=2",
            "data.num_sequences=60", "data.val_fraction=0", "data.batch_size=null",
        ],
    }  # fmt: skip
    made = {}
    for name, overrides in choices.items():
        folder = tmp_path_factory.mktemp("board") / name
        record = run([*tiny, *overrides], folder=folder)
        made[name] = (record, folder, read(folder))
    return made


def test_there_is_exactly_one_event_file_and_it_lies_in_the_folder(runs: dict[str, Any]) -> None:
    for _, folder, _ in runs.values():
        (file,) = folder.rglob("*tfevents*")
        assert file.parent == folder


def test_scalars_are_the_contracts_and_nothing_else(runs: dict[str, Any]) -> None:
    def expected(task: str, *splits: str) -> set[str]:
        means = [run_tag(task, split, "MSE") for split in splits]
        bands = {tag for mean in means for tag in (mean, *edges(mean))}
        kept = {*(f"kept/{split}" for split in splits if split != "train"), *SIZES.values()}
        return {*(f"{split}/mse" for split in splits), *kept, *bands}

    found = {name: set(board.Tags()["scalars"]) for name, (_, _, board) in runs.items()}
    assert found["sine"] == expected("sine", "train", "val", "test")
    assert found["sum"] == expected("sum", "train", "test")  # nothing validates there
    record, _, board = runs["sine"]
    for split in ("val", "test"):
        (kept,) = series(board, f"kept/{split}").values()
        assert kept == pytest.approx(np.mean(record.score(split)), rel=1e-6)
    for name in ("epochs", "num_parameters", "steps"):
        assert list(series(board, f"run/{name}").values()) == [getattr(record, name)]


def test_bands_sort_behind_all_others_and_kept_scores_before_curves(runs: dict[str, Any]) -> None:
    for _, _, board in runs.values():
        groups = dict.fromkeys(tag.partition("/")[0] for tag in sorted(board.Tags()["scalars"]))
        assert [name for name in groups if name != "val"] == ["kept", "run", "test", "train", "~band"]


def test_curves_and_test_score_are_the_means_of_the_record(runs: dict[str, Any]) -> None:
    record, folder, board = runs["sine"]
    rows = np.genfromtxt(folder / "curves.csv", delimiter=",", names=True)
    for split, column in (("train", "train_mse_running"), ("val", "val_mse")):
        found = series(board, f"{split}/mse")
        assert sorted(found) == [0, 1]
        for epoch, value in found.items():
            of_epoch = rows[rows["epoch"] == epoch]
            seeds = of_epoch[column][~np.isnan(of_epoch["seed"])]  # the row of their mean names none
            assert value == pytest.approx(seeds.mean(), rel=1e-5)
            low, high = stats.t.interval(0.95, len(seeds) - 1, loc=seeds.mean(), scale=stats.sem(seeds))
            for tag, end in zip(edges(run_tag("sine", split, "MSE")), (low, high), strict=True):
                assert series(board, tag)[epoch] == pytest.approx(end, rel=1e-4)
    (test,) = series(board, "test/mse").values()
    assert test == pytest.approx(np.mean(record.test_mse), rel=1e-6)


def test_hparams_are_cell_task_and_rate_and_what_was_typed(runs: dict[str, Any]) -> None:
    found = {name: settings(board) for name, (_, _, board) in runs.items()}
    assert found["sine"] == {
        "data": "sine", "cell": "rnn", "lr": 0.005, "max_epochs": 2, "num_seeds": 3, "length": 120
    }  # fmt: skip
    assert found["sum"] == {
        **{"data": "sum", "cell": "lstm", "lr": 0.05, "optimizer": "sgd", "max_epochs": 2, "num_seeds": 2},
        **{"num_layers": 2, "dropout": 0.1, "num_sequences": 60, "val_fraction": 0, "batch_size": 42},
    }


def test_five_metrics_that_every_run_has_sort_before_all_others(runs: dict[str, Any]) -> None:
    """TensorBoard makes its list of columns from all runs, as long as none of them brings a list of its own."""
    for record, _, board in runs.values():
        tags = set(board.Tags()["scalars"])
        assert f"{HPARAMS}experiment" not in board.summary_metadata
        assert "hp_metric" not in tags
        first = sorted(tags)[:5] if record.val_mse else sorted(tags)[:4]
        assert all(tag.startswith(("kept/", "run/")) for tag in first)


def test_a_run_alone_has_a_chart_with_a_band_for_each_split_of_its_task(runs: dict[str, Any]) -> None:
    for name, splits in (("sine", ["val", "test", "train"]), ("sum", ["test", "train"])):
        (category,) = categories(runs[name][2])
        assert category.title.startswith(f"{name}: MSE")
        drawn = [(chart.title, *chart.margin.series) for chart in category.chart][::-1]  # the page turns them round
        assert [title for title, _ in drawn] == [f"{name}: {split} MSE" for split in splits]
        for split, (_, line) in zip(splits, drawn, strict=True):
            tag = run_tag(name, split, "MSE")
            assert (line.value, line.lower, line.upper) == (tag, *edges(tag))


def test_a_run_of_a_sweep_leaves_the_layout_to_the_sweep(tmp_path: Path) -> None:
    with Board(tmp_path) as board:
        board.start({"lr": 0.1}, SINE, is_alone=False)
    found = read(tmp_path)
    assert settings(found) == {"lr": 0.1}
    assert "custom_scalars__config__" not in found.Tags()["tensors"]


def test_the_forecast_and_the_predictions_are_pictures(runs: dict[str, Any]) -> None:
    for name, tag in (("sine", "view/forecast"), ("sum", "view/predictions")):
        for shown in (tag, f"{tag} in full"):
            (image,) = runs[name][2].Images(shown)
            pixels = imread(io.BytesIO(image.encoded_image_string))
            assert pixels.std() > 0.01  # something is drawn


def test_the_figure_shows_target_prediction_band_and_persistence(
    train: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from seqexp.show import run as drawn

    seen: dict[str, Any] = {}
    right = drawn.forecast

    def forecast(**values: Any) -> Figure:
        seen.update(values)
        return right(**values)

    monkeypatch.setattr(drawn, "forecast", forecast)
    record, folder = train("num_seeds=3")
    with np.load(folder / "predictions.npz") as arrays:
        targets, predictions = arrays["targets"], arrays["predictions"]
    np.testing.assert_array_equal(seen["target"], targets[0, :, 0])
    assert np.mean((seen["persistence"] - seen["target"]) ** 2) == pytest.approx(record.baselines["persistence"][0])
    # the first member reads its own series there, so its prediction lies in the band
    assert ((seen["low"] <= seen["mean"]) & (seen["mean"] <= seen["high"])).all()
    spread = 0.05 * (seen["high"] - seen["low"]) + 1e-6
    assert (predictions[0, :, 0] >= seen["low"] - spread).all()
    assert (predictions[0, :, 0] <= seen["high"] + spread).all()


def test_the_records_json_is_what_tensorboard_shows(runs: dict[str, Any]) -> None:
    for _, folder, board in runs.values():
        raw = json.loads((folder / "result.json").read_text())
        (value,) = series(board, "test/mse").values()
        assert value == pytest.approx(np.mean(raw["test_mse"]), rel=1e-6)


def content(*charts: Category, **lines: list[BoardLine]) -> Content:
    return Content({}, {"comparison": "**who wins**"}, lines, charts)


def test_a_comparison_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "events.out.tfevents.1").write_text("precious")
    (tmp_path / "comparison").symlink_to(tmp_path / "outside")
    write_comparison(tmp_path / "comparison", content())
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["events.out.tfevents.1"]


def test_a_comparison_has_a_run_for_each_label_and_none_that_is_gone(tmp_path: Path) -> None:
    def line(tag: str, level: float) -> BoardLine:
        return BoardLine(tag, np.array([1, 2]), level * np.array([[1.0, 0.5, 2.0], [0.5, np.nan, np.nan]]))

    place, tag = tmp_path / "comparison", "comparison/sine: val MSE"
    write_comparison(place, content(rnn=[line(tag, 1.0)], old=[line(tag, 3.0)]))
    (place / "mine").mkdir()
    lines = {"rnn": [line(tag, 2.0)], "lstm cell.hidden_size=8": [line(tag, 1.0)]}
    write_comparison(place, content(Category("sine: MSE", [Chart("sine: val MSE", tag)], is_closed=True), **lines))
    shown = {path.name for path in place.iterdir() if path.is_dir() and any(path.iterdir())}
    assert shown == {"rnn", "lstm,cell.hidden_size=8"}
    found = read(place / "rnn")
    assert series(found, tag) == {1: 2.0, 2: 1.0}
    assert series(found, edges(tag)[0]) == {1: 1.0, 2: 1.0}
    whole = read(place)
    (category,) = categories(whole)
    assert (category.title, category.closed) == ("sine: MSE", True)
    (chart,) = category.chart
    (drawn,) = chart.margin.series
    assert (drawn.value, drawn.lower, drawn.upper) == (tag, *edges(tag))
    assert whole.Tensors("comparison")[0].tensor_proto.string_val[0] == b"**who wins**"


def test_labels_that_would_share_a_folder_do_not(tmp_path: Path) -> None:
    lines = [BoardLine("a", np.array([1]), np.ones((1, 3)))]
    write_comparison(tmp_path / "comparison", content(**{"lstm a=1": lines, "lstm,a=1": lines}))
    assert len([path for path in (tmp_path / "comparison").iterdir() if path.is_dir()]) == 2


def test_charts_of_every_run_differ_where_splits_do() -> None:
    """TensorBoard merges categories of one title, and may lose charts of theirs that differ."""
    with_validation, without = (every_run("sine", "MSE", validated) for validated in (True, False))
    assert with_validation.title != without.title
    assert set(without.charts) < set(with_validation.charts)


def test_a_comparison_leaves_a_run_below_it_alone(tmp_path: Path) -> None:
    own = tmp_path / "comparison" / "rnn" / "events.out.tfevents.1"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"curves")
    (own.parent / "result.json").write_text("{}")
    write_comparison(tmp_path / "comparison", content(rnn=[BoardLine("a", np.array([1]), np.ones((1, 3)))]))
    assert list(own.parent.glob("events*")) == [own]
