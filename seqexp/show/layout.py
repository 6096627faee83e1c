"""What tags are called in TensorBoard, and which of them are one chart under CUSTOM SCALARS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.plugins.custom_scalar import layout_pb2

SPLITS = ("val", "test", "train")
"""Splits in the order in which charts stand."""

LAST = "~band/"
"""What tags of plumbing begin with: TensorBoard sorts them behind all others."""


class Chart(NamedTuple):
    """A chart of all runs that have a tag.

    Attributes:
        title: above it; of one category no two are alike.
        tag: of the mean over seeds; the ends of its interval have the tags that `edges` gives.
    """

    title: str
    tag: str


class Category(NamedTuple):
    """Charts below one heading. TensorBoard merges categories of one title, and of charts that differ it loses some."""

    title: str
    charts: Sequence[Chart]
    is_closed: bool = False


def edges(tag: str) -> tuple[str, str]:
    """The tags of a band's lower and upper edge."""
    stem = tag if tag.startswith(LAST) else LAST + tag
    return f"{stem}, low", f"{stem}, high"


def curve_title(task: str, split: str, label: str) -> str:
    """What a chart is called, short enough for the page's cards: `sine: val MSE`."""
    return f"{task}: {split} {label}"


def run_tag(task: str, split: str, label: str) -> str:
    """The tag by which runs of one task share a chart.

    Args:
        task: its name.
        split: train, val or test.
        label: what is scored.
    """
    return f"{LAST}every run/{curve_title(task, split, label)}"


def every_run(task: str, label: str, validated: bool, is_closed: bool = False) -> Category:
    """The charts of one task with a line for each run, wherever it was started.

    Args:
        task: its name.
        label: what is scored.
        validated: whether there is a validation split.
        is_closed: whether the category is folded.
    """
    splits = [split for split in SPLITS if validated or split != "val"]
    charts = [Chart(curve_title(task, split, label), run_tag(task, split, label)) for split in splits]
    return Category(f"{titled(task, label, validated)}, every run", charts, is_closed)


def titled(task: str, label: str, validated: bool) -> str:
    """A category's title: one for each task, score and set of splits."""
    return f"{task}: {label}{'' if validated else ' without validation'}"


def summary(categories: Sequence[Category]) -> Summary:
    """The layout as TensorBoard reads it; it shows the last chart of a category first, so they are turned round."""
    layout = layout_pb2.Layout(
        category=[
            layout_pb2.Category(title=each.title, chart=map(_chart, reversed(each.charts)), closed=each.is_closed)
            for each in categories
        ]
    )
    tensor = TensorProto(dtype="DT_STRING", string_val=[layout.SerializeToString()], tensor_shape=TensorShapeProto())
    plugin = SummaryMetadata.PluginData(plugin_name="custom_scalars")
    metadata = SummaryMetadata(plugin_data=plugin)
    return Summary(value=[Summary.Value(tag="custom_scalars__config__", tensor=tensor, metadata=metadata)])


def _chart(chart: Chart) -> layout_pb2.Chart:
    low, high = edges(chart.tag)
    series = layout_pb2.MarginChartContent.Series(value=chart.tag, lower=low, upper=high)
    return layout_pb2.Chart(title=chart.title, margin=layout_pb2.MarginChartContent(series=[series]))
