"""Everything that is written to TensorBoard: tags, layout, hyper-parameters, pictures."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from seqexp.config.foreign import endings_logged
from seqexp.record.record import RESULT
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

    def _add(self, summary: Any, step: int | None = None) -> None:
        self._writer._get_file_writer().add_event(Event(summary=summary), step)


def write_comparison(folder: Path, pictures: Mapping[str, Figure], table: str) -> None:
    """Writes a sweep's own TensorBoard run: its figures under IMAGES, table and verdict under TEXT.

    Args:
        folder: where; its name is the run's name in TensorBoard. What an earlier comparison wrote there goes.
        pictures: tag -> figure.
        table: in Markdown.
    """
    if (folder / RESULT).exists() or (folder / ".hydra").exists() or folder.is_symlink():
        return  # a run has that name, and its own curves are worth more than these; or a link, which leads elsewhere
    for earlier in folder.glob("events.out.tfevents.*"):
        if not earlier.is_dir():
            earlier.unlink()
    with Board(folder) as board:
        for tag, figure in pictures.items():
            board.picture(tag, figure)
        board.text("comparison", table)
