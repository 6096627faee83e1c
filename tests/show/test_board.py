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

from seqexp.config.names import folder_name
from seqexp.show.board import Board, BoardLine, write_comparison

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


def metrics(board: EventAccumulator) -> set[str]:
    return {info.name.tag for info in hparams(board, "experiment").experiment.metric_infos}


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


def test_bands_are_student_t_intervals_over_seeds(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = rng.lognormal(size=(4, 5))
    with Board(tmp_path) as board:
        for epoch, row in enumerate(rows):
            board.scores({"val/mse": row}, epoch)
    found = read(tmp_path)
    assert set(found.Tags()["scalars"]) == {"val/mse", "band/val_mse_low", "band/val_mse_high"}
    for epoch, row in enumerate(rows):
        low, high = stats.t.interval(0.95, len(row) - 1, loc=row.mean(), scale=stats.sem(row))
        assert series(found, "val/mse")[epoch] == pytest.approx(row.mean(), rel=1e-6)
        assert series(found, "band/val_mse_low")[epoch] == pytest.approx(low, rel=1e-5)
        assert series(found, "band/val_mse_high")[epoch] == pytest.approx(high, rel=1e-5)


def test_a_seed_without_a_score_is_left_out_of_mean_and_band(tmp_path: Path) -> None:
    with Board(tmp_path) as board:
        board.scores({"val/mse": [0.1, math.nan, 0.3, math.inf]}, 0)
        board.scores({"train/mse": [math.nan, math.nan]}, 0)
        board.scores({"test/mse": [0.5]}, 0)  # one seed has no interval
    found = read(tmp_path)
    low, high = stats.t.interval(0.95, 1, loc=0.2, scale=stats.sem([0.1, 0.3]))
    assert series(found, "val/mse")[0] == pytest.approx(0.2)
    assert series(found, "band/val_mse_low")[0] == pytest.approx(low, rel=1e-5)
    assert series(found, "band/val_mse_high")[0] == pytest.approx(high, rel=1e-5)
    tags = set(found.Tags()["scalars"])
    assert tags == {"val/mse", "band/val_mse_low", "band/val_mse_high", "test/mse"}


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
    (text,) = found.Tensors("a text/text_summary")
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
    def expected(*tags: str) -> set[str]:
        bands = {f"band/{tag.replace('/', '_')}_{end}" for tag in tags for end in ("low", "high")}
        return {*tags, *bands}

    found = {name: set(board.Tags()["scalars"]) for name, (_, _, board) in runs.items()}
    assert found["sine"] == expected("train/mse", "val/mse", "selected/val_mse", "test/mse")
    assert found["sum"] == expected("train/mse", "test/mse")  # nothing validates there
    (selected,) = series(runs["sine"][2], "selected/val_mse").values()
    assert selected == pytest.approx(np.mean(runs["sine"][0].val_mse), rel=1e-6)


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
            assert series(board, f"band/{split}_mse_low")[epoch] == pytest.approx(low, rel=1e-4)
            assert series(board, f"band/{split}_mse_high")[epoch] == pytest.approx(high, rel=1e-4)
    (test,) = series(board, "test/mse").values()
    assert test == pytest.approx(np.mean(record.test_mse), rel=1e-6)


def test_hparams_have_the_same_keys_in_every_run_and_the_right_values(runs: dict[str, Any]) -> None:
    found = {name: settings(board) for name, (_, _, board) in runs.items()}
    assert set(found["sine"]) == set(found["sum"])
    needed = ("data", "cell", "hidden_size", "num_layers", "lr", "batch_size", "num_seeds", "num_parameters")
    assert set(needed) <= set(found["sine"])
    expected = {
        "sine": {
            "data": "sine",
            "cell": "rnn",
            "hidden_size": 16,
            "num_layers": 1,
            "lr": 0.005,
            "batch_size": 32,
            "num_seeds": 3,
        },
        "sum": {
            "data": "sum",
            "cell": "lstm",
            "hidden_size": 16,
            "num_layers": 2,
            "lr": 0.05,
            "batch_size": 42,
            "num_seeds": 2,
        },
    }
    for name, values in expected.items():
        for key, value in {**values, "num_parameters": runs[name][0].num_parameters}.items():
            assert found[name][key] == value, key


def test_hparams_metrics_are_scalars_that_the_run_has_and_there_is_no_hp_metric(runs: dict[str, Any]) -> None:
    for _, _, board in runs.values():
        assert {"val/mse", "test/mse"} <= metrics(board)
        assert "hp_metric" not in metrics(board) | set(board.Tags()["scalars"])
    assert metrics(runs["sine"][2]) <= set(runs["sine"][2].Tags()["scalars"])


def test_custom_scalars_have_one_margin_chart_for_each_split_the_same_in_every_run(runs: dict[str, Any]) -> None:
    layouts = []
    for _, _, board in runs.values():
        (event,) = board.Tensors("custom_scalars__config__")
        layouts.append(event.tensor_proto.string_val[0])
    assert layouts[0] == layouts[1]
    (category,) = layout_pb2.Layout.FromString(layouts[0]).category
    series_of = [chart.margin.series for chart in category.chart]
    assert [len(each) for each in series_of] == [1, 1, 1]
    tags = {(each[0].value, each[0].lower, each[0].upper) for each in series_of}
    assert tags == {(f"{s}/mse", f"band/{s}_mse_low", f"band/{s}_mse_high") for s in ("train", "val", "test")}


def test_the_forecast_and_the_predictions_are_pictures(runs: dict[str, Any]) -> None:
    for name, tag in (("sine", "forecast"), ("sum", "predictions")):
        (image,) = runs[name][2].Images(tag)
        pixels = imread(io.BytesIO(image.encoded_image_string))
        assert pixels.std() > 0.01  # something is drawn


def test_the_figure_shows_target_prediction_band_and_persistence(
    train: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from seqexp.show import figures

    seen: dict[str, Any] = {}
    right = figures.forecast

    def forecast(**values: Any) -> Figure:
        seen.update(values)
        return right(**values)

    monkeypatch.setattr(figures, "forecast", forecast)
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


def test_a_comparison_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "events.out.tfevents.1").write_text("precious")
    (tmp_path / "comparison").symlink_to(tmp_path / "outside")
    write_comparison(tmp_path / "comparison", {}, "", {})
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["events.out.tfevents.1"]


def test_a_comparison_has_a_run_for_each_label_and_none_that_is_gone(tmp_path: Path) -> None:
    def line(tag: str, level: float) -> BoardLine:
        return BoardLine(tag, np.array([1, 2]), level * np.array([[1.0, 0.5, 2.0], [0.5, np.nan, np.nan]]))

    place, tag = tmp_path / "comparison", "comparison/sine: validation MSE"
    write_comparison(place, {}, "", {"rnn": [line(tag, 1.0)], "old": [line(tag, 3.0)]})
    (place / "mine").mkdir()
    write_comparison(place, {}, "", {"rnn": [line(tag, 2.0)], "lstm cell.hidden_size=8": [line(tag, 1.0)]})
    shown = {path.name for path in place.iterdir() if path.is_dir() and any(path.iterdir())}
    assert shown == {"rnn", folder_name("lstm cell.hidden_size=8")}
    found = EventAccumulator(str(place / "rnn"))
    found.Reload()
    assert [(each.step, each.value) for each in found.Scalars(tag)] == [(1, 2.0), (2, 1.0)]
    (low,) = found.Scalars("~band/sine: validation MSE, low")  # comes last among all tags
    assert low.value == 1.0
    whole = EventAccumulator(str(place))
    whole.Reload()
    layout = layout_pb2.Layout.FromString(whole.Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0])
    (chart,) = layout.category[0].chart
    (series,) = chart.margin.series
    assert (series.value, series.lower) == (tag, "~band/sine: validation MSE, low")


def test_a_comparison_leaves_a_run_below_it_alone(tmp_path: Path) -> None:
    own = tmp_path / "comparison" / "rnn" / "events.out.tfevents.1"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"curves")
    (own.parent / "result.json").write_text("{}")
    write_comparison(tmp_path / "comparison", {}, "", {"rnn": [BoardLine("a", np.array([1]), np.ones((1, 3)))]})
    assert list(own.parent.glob("events*")) == [own]
