"""What TensorBoard's own server makes of several sweeps in one folder: columns, charts and their order."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams.backend_context import Context
from tensorboard.plugins.hparams.list_session_groups import Handler

from seqexp.show.board import KEPT, SIZES, Board, BoardLine, Content, Curves, write_comparison
from seqexp.show.layout import Category, Chart, every_run

TICKED = 5
"""Columns of each kind that HPARAMS shows at first."""


def write_sweep(folder: Path, task: str, metric: str, lr: Sequence[float] = (0.005,)) -> None:
    """A sweep of two cells on a task, as small as one can be."""
    label = metric.upper()
    for cell in ("rnn", "lstm"):
        for value in lr:
            with Board(folder / f"cell={cell},lr={value}") as board:
                settings = {"cell": cell, "data": task, "lr": value, "metric": metric, "num_seeds": 2, "zeta": cell}
                board.start(settings, Curves(task, metric, label, validated=True), is_alone=False)
                board.scores({f"val/{metric}": [0.1, 0.2], f"train/{metric}": [0.1, 0.3]}, 0)
                board.scores({f"test/{metric}": [0.2, 0.3], **{tag: [0.2, 0.3] for tag in KEPT.values()}}, 1)
                for tag in SIZES.values():
                    board.value(tag, 1.0, 1)
    tag = f"comparison/{task}: val {label}"
    line = BoardLine(tag, np.array([1]), np.ones((1, 3)))
    charts = [
        Category(f"{task}: {label}", [Chart(f"{task}: val {label}", tag)]),
        every_run(task, label, validated=True, is_closed=True),
    ]
    write_comparison(folder / "comparison", Content({}, {}, {"rnn": [line], "lstm": [line]}, charts))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> TBContext:
    folder = tmp_path_factory.mktemp("outputs")
    write_sweep(folder / "a", "sine", "mse", lr=[0.005, 0.02])
    write_sweep(folder / "b", "sine", "mae")
    write_sweep(folder / "c", "sum", "mse")
    write_sweep(folder / "d", "sine", "mse")
    multiplexer = EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    return TBContext(data_provider=MultiplexerDataProvider(multiplexer, str(folder)), logdir=str(folder))


def experiment(served: TBContext) -> tuple[Context, Any]:
    context, request = Context(served), RequestContext()
    content = context.hparams_metadata(request, "")
    found = context.experiment_from_metadata(
        request, "", True, content, context.hparams_from_data_provider(request, "", 0)
    )
    return context, found


def test_settings_that_differ_come_first_and_the_kept_scores_are_ticked(served: TBContext) -> None:
    _, found = experiment(served)
    columns = [info.name for info in found.hparam_infos if info.differs]
    assert columns == ["cell", "data", "lr", "metric", "zeta"]
    assert [info.name for info in found.hparam_infos][: len(columns)] == columns
    ticked = [info.name.tag for info in found.metric_infos][:TICKED]
    assert ticked == ["kept/test", "kept/val", "run/epochs", "run/num_parameters", "run/steps"]


def test_every_run_has_all_ticked_columns_whatever_it_is_scored_by(served: TBContext) -> None:
    """Parallel coordinates draw no other."""
    context, found = experiment(served)
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0,
        slice_size=100,
        allowed_statuses=[api_pb2.STATUS_UNKNOWN, api_pb2.STATUS_SUCCESS],
        col_params=[api_pb2.ColParams(metric=info.name) for info in found.metric_infos],
    )
    groups = Handler(RequestContext(), context, "", request).run().session_groups
    assert len(groups) == 10
    for group in groups:
        valued = {value.name.tag for value in group.metric_values}
        assert {info.name.tag for info in list(found.metric_infos)[:TICKED]} <= valued


def test_charts_of_all_sweeps_are_there_and_the_comparison_comes_first(served: TBContext) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of html5lib, which TensorBoard brings
        from tensorboard.plugins.custom_scalar.custom_scalars_plugin import CustomScalarsPlugin
    layout = json.loads(CustomScalarsPlugin(served).layout_impl(RequestContext(), ""))
    titles = [category["title"] for category in layout["category"]]
    assert titles[:2] == ["sine: MSE", "sine: MSE, every run"]
    assert sorted(titles) == sorted(
        {f"{name}{more}" for name in ("sine: MSE", "sine: MAE", "sum: MSE") for more in ("", ", every run")}
    )
    for category in layout["category"]:
        assert category["chart"], "no chart was lost when TensorBoard merged them"
        assert category.get("closed", False) == ("every run" in category["title"])
