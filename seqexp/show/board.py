"""Everything that is written to TensorBoard: scores, hyper-parameters, pictures, texts."""

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
from torch.utils.tensorboard import SummaryWriter, summary

from seqexp.config.foreign import endings_logged
from seqexp.config.names import folder_name
from seqexp.record.record import RESULT
from seqexp.record.tidy import EVENTS
from seqexp.show import layout
from seqexp.show.figures import quietly
from seqexp.show.layout import SPLITS, Category, edges, run_tag
from seqexp.statistics import mean_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure


log = logging.getLogger(__name__)


KEPT = {split: f"kept/{split}" for split in ("test", "val")}
"""Tags of the kept weights' scores, whatever the metric. HPARAMS sorts metrics by tag, ticks five, and draws as
parallel coordinates only runs that have all of them: so five of every run sort before those that name a metric."""

VIEW = "view"
"""The group of a run's pictures, which TensorBoard sorts behind the curves."""

SIZES = {name: f"run/{name}" for name in ("epochs", "num_parameters", "steps")}
"""Tags of how long was trained, and of one seed's parameters."""


class Curves(NamedTuple):
    """Whose the curves of a run are.

    Attributes:
        task: its name.
        metric: what is scored, as tags name it.
        label: the same as charts name it.
        validated: whether there is a validation split.
    """

    task: str
    metric: str
    label: str
    validated: bool


class Board:
    """The TensorBoard side of one run: one event file, directly in the run's folder. Leaving it writes everything.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._writer = SummaryWriter(str(folder))
        self._open = contextlib.ExitStack()
        self._bands: dict[str, str] = {}

    def __enter__(self) -> Board:
        self._open.enter_context(endings_logged("tensorboard", log))
        self._open.callback(self._writer.close)
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def start(self, settings: Mapping[str, bool | str | float], curves: Curves, is_alone: bool) -> None:
        """Writes the run's row in HPARAMS, and what its curves are called.

        TensorBoard itself finds the columns of all runs and puts those first that differ, as no run lists any.

        Args:
            settings: column -> value; a column that not all runs have is empty in the others.
            curves: whose they are.
            is_alone: no sweep writes a layout for this run and others.
        """
        self._bands = {f"{split}/{curves.metric}": run_tag(curves.task, split, curves.label) for split in SPLITS}
        if is_alone:
            self._add(layout.summary([layout.every_run(curves.task, curves.label, curves.validated)]))
        # SummaryWriter.add_hparams would make a second run in a folder of its own.
        _, row, _ = summary.hparams(dict(settings), {})
        self._add(row)

    def scores(self, scores: Mapping[str, npt.ArrayLike], step: int) -> None:
        """Writes the mean over seeds; of a curve its 95 % Student-t interval as well.

        Seeds without a finite score are left out; a single one has a band of no width.

        Args:
            scores: tag such as `val/mse` -> one score per seed, (S,).
            step: the epoch.
        """
        values: dict[str, float] = {}
        for tag, row in scores.items():
            interval = mean_interval(row)
            values[tag] = interval.mean
            if tag in self._bands:
                band = self._bands[tag]
                values |= _with_band(band, interval.mean, interval.low, interval.high)
        self._values(values, step)  # one event for all of them: cheaper than one each

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
        """Shows a text under TEXT; by its own tag, to which SummaryWriter.add_text would add a suffix."""
        (value,) = summary.text(tag, markdown).value
        value.tag = tag
        self._add(Summary(value=[value]))

    def layout(self, categories: Sequence[Category]) -> None:
        """Says which tags are one chart, under CUSTOM SCALARS."""
        self._add(layout.summary(categories))

    def line(self, line: BoardLine) -> None:
        """Writes a line and the edges of its band."""
        for step, (mean, low, high) in zip(line.steps.tolist(), line.values.tolist(), strict=True):
            self._values(_with_band(line.tag, mean, low, high), step)

    def _values(self, values: Mapping[str, float], step: int) -> None:
        finite = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items() if math.isfinite(value)]
        if finite:
            self._add(Summary(value=finite), step)

    def _add(self, written: Any, step: int | None = None) -> None:
        self._writer._get_file_writer().add_event(Event(summary=written), step)


class BoardLine(NamedTuple):
    """A line with its band.

    Attributes:
        tag: of the chart; lines of one tag share it.
        steps: (E,) whole numbers.
        values: (E, 3) mean, low, high; a mean that is not finite is left out.
    """

    tag: str
    steps: npt.NDArray[np.integer[Any]]
    values: npt.NDArray[np.floating[Any]]


class Content(NamedTuple):
    """What a sweep's own TensorBoard run shows.

    Attributes:
        pictures: tag -> figure, under IMAGES.
        texts: tag -> Markdown, under TEXT.
        lines: what is compared -> its lines, in a run of its own, so that one chart shows all of it by name.
        charts: under CUSTOM SCALARS.
    """

    pictures: Mapping[str, Figure]
    texts: Mapping[str, str]
    lines: Mapping[str, Sequence[BoardLine]]
    charts: Sequence[Category]


def write_comparison(folder: Path, content: Content) -> None:
    """Writes a sweep's own TensorBoard run.

    Args:
        folder: where; its name is the run's name in TensorBoard. What an earlier comparison wrote there goes.
        content: what it shows.
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
        board.layout(content.charts)
        for tag, figure in content.pictures.items():
            board.picture(tag, figure)
        for tag, markdown in content.texts.items():
            board.text(tag, markdown)
    names: set[str] = set()
    for label, own in content.lines.items():
        name = folder_name(label.replace(" ", ","))
        name = name if name not in names else folder_name(f"{label} ")  # which gets a hash
        names.add(name)
        place = folder / name
        if _is_free(place) and (place.is_dir() or not os.path.lexists(place)):
            with Board(place) as board:
                for line in own:
                    board.line(line)


def _with_band(tag: str, mean: float, low: float, high: float) -> dict[str, float]:
    """A mean and the ends of its interval by tag; of one seed alone, a band of no width: charts of bands need ends."""
    ends = (low, high) if math.isfinite(low) and math.isfinite(high) else (mean, mean)
    return dict(zip((tag, *edges(tag)), (mean, *ends), strict=True))


def _is_free(folder: Path) -> bool:
    """Whether a folder is no run's, and no link."""
    return not ((folder / RESULT).exists() or (folder / ".hydra").exists() or folder.is_symlink())
