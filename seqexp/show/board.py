"""Everything that is written to TensorBoard: tags, layout, hyper-parameters, pictures."""

from __future__ import annotations

import contextlib
import logging
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from seqexp.config.foreign import endings_logged
from seqexp.config.names import folder_name
from seqexp.record.record import RESULT
from seqexp.record.tidy import EVENTS
from seqexp.score import Score
from seqexp.show.figures import quietly
from seqexp.statistics import mean_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure


log = logging.getLogger(__name__)


def layout(metric: str, label: str) -> dict[str, dict[str, list[Any]]]:
    """One chart for each split, with the curves and bands of all runs; the same from every run of one metric."""
    return {
        TITLES.get(metric, label): {
            f"{split}: mean over seeds, 95 % interval": [
                "Margin",
                [f"{split}/{metric}", f"band/{split}_{metric}_low", f"band/{split}_{metric}_high"],
            ]
            for split in ("train", "val", "test")
        }
    }


TITLES = {"mse": "mean squared error", "mae": "mean absolute error"}
"""What the charts of a metric are called, where that is not its label."""


def columns(metric: str) -> tuple[str, ...]:
    """The columns of scores in HPARAMS; `val/mse` is the last epoch's, `selected/val_mse` that of the kept weights."""
    bands = (f"band/{name}_{metric}_{end}" for name in ("selected_val", "test") for end in ("low", "high"))
    return (f"val/{metric}", f"test/{metric}", f"selected/val_{metric}", *bands)


class Board:
    """The TensorBoard side of one run: one event file, directly in the run's folder. Leaving it writes everything.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._writer = SummaryWriter(str(folder))
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Board:
        self._open.enter_context(endings_logged("tensorboard", log))
        self._open.callback(self._writer.close)
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def start(self, settings: Mapping[str, bool | str | float], score: Score) -> None:
        """Writes the custom-scalars layout and the run's row in HPARAMS.

        Args:
            settings: the same flat keys in every run.
            score: what is curves and columns.
        """
        self._writer.add_custom_scalars(layout(score.name, score.label))
        # SummaryWriter.add_hparams would make a second run in a folder of its own.
        for summary in hparams(dict(settings), dict.fromkeys(columns(score.name))):
            self._add(summary)

    def scores(self, scores: Mapping[str, npt.ArrayLike], step: int) -> None:
        """Writes the mean over seeds and its 95 % Student-t interval; seeds without a finite score are left out.

        Args:
            scores: tag such as `val/mse` -> one score per seed, (S,).
            step: the epoch.
        """
        values = {}
        for tag, row in scores.items():
            interval = mean_interval(row)
            values[tag] = interval.mean
            name = tag.replace("/", "_")
            values[f"band/{name}_low"], values[f"band/{name}_high"] = interval.low, interval.high
        finite = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items() if np.isfinite(value)]
        self._add(Summary(value=finite), step)  # one event for all of them: cheaper than one each

    def value(self, tag: str, value: float, step: int) -> None:
        """Writes one number under SCALARS."""
        self._add(Summary(value=[Summary.Value(tag=tag, simple_value=value)]), step)

    def picture(self, tag: str, figure: Figure) -> None:
        """Shows a figure under IMAGES."""
        canvas = FigureCanvasAgg(figure)
        with quietly():
            canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[..., :3]  # (height, width, RGBA) -> RGB
        self._writer.add_image(tag, pixels, dataformats="HWC")

    def text(self, tag: str, markdown: str) -> None:
        """Shows a text under TEXT."""
        self._writer.add_text(tag, markdown)

    def margins(self, layout: Mapping[str, Any]) -> None:
        """Says which lines are one chart with its bands, under CUSTOM SCALARS."""
        self._writer.add_custom_scalars(dict(layout))

    def line(self, line: BoardLine) -> None:
        """Writes a line and the edges of its band."""
        names = (line.tag, *_edges(line.tag))
        for step, row in zip(line.steps.tolist(), line.values.tolist(), strict=True):
            values = zip(names, row, strict=True)
            finite = [Summary.Value(tag=tag, simple_value=value) for tag, value in values if math.isfinite(value)]
            if finite:
                self._add(Summary(value=finite), step)

    def _add(self, summary: Any, step: int | None = None) -> None:
        self._writer._get_file_writer().add_event(Event(summary=summary), step)


class BoardLine(NamedTuple):
    """A line with its band.

    Attributes:
        tag: of the chart; lines of one tag share it.
        steps: (E,) whole numbers.
        values: (E, 3) mean, low, high; what is not finite is left out.
    """

    tag: str
    steps: npt.NDArray[np.integer[Any]]
    values: npt.NDArray[np.floating[Any]]


def write_comparison(
    folder: Path, pictures: Mapping[str, Figure], table: str, lines: Mapping[str, Sequence[BoardLine]]
) -> None:
    """Writes a sweep's own TensorBoard run: its figures under IMAGES, table and verdict under TEXT.

    What is compared has a run of its own below, by its name, so that one chart shows all of it.

    Args:
        folder: where; its name is the run's name in TensorBoard. What an earlier comparison wrote there goes.
        pictures: tag -> figure.
        table: in Markdown.
        lines: label -> its lines.
    """
    if not _is_free(folder):
        return  # a run has that name, and its own curves are worth more than these; or a link, which leads elsewhere
    for earlier in [folder, *(each for each in folder.glob("*") if each.is_dir() and _is_free(each))]:
        for events in earlier.glob(EVENTS):
            if not events.is_dir():
                events.unlink()
        if earlier != folder and not any(earlier.iterdir()):
            earlier.rmdir()
    with Board(folder) as board:
        tags = dict.fromkeys(line.tag for each in lines.values() for line in each)
        board.margins({"comparison": {tag: ["Margin", [tag, *_edges(tag)]] for tag in tags}})
        for tag, figure in pictures.items():
            board.picture(tag, figure)
        board.text("comparison", table)
    for label, own in lines.items():
        place = folder / folder_name(label)
        if _is_free(place) and (place.is_dir() or not os.path.lexists(place)):
            with Board(place) as board:
                for line in own:
                    board.line(line)


def _is_free(folder: Path) -> bool:
    """Whether a folder is no run's, and no link."""
    return not ((folder / RESULT).exists() or (folder / ".hydra").exists() or folder.is_symlink())


def _edges(tag: str) -> list[str]:
    """The tags of a band's edges: they come last among all."""
    return [f"~band/{tag.partition('/')[2]}, {end}" for end in ("low", "high")]
