"""The pictures of one run: what it predicts and how it learnt, as files and on TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seqexp.data.guesses import Guess
from seqexp.data.series import Series
from seqexp.data.shape import Values
from seqexp.data.split import Split
from seqexp.record.files import write_atomically
from seqexp.run.build import Parts
from seqexp.show import figures, periods, small
from seqexp.show import run as drawn
from seqexp.show.board import VIEW, Board
from seqexp.statistics import mean_interval

KINDS: tuple[figures.Kind, ...] = ("png", "svg")
"""The files of each picture; none of them: nothing is drawn for a file."""


def predicted(
    board: Board,
    folder: Path,
    parts: Parts,
    guesses: Mapping[str, Guess],
    test: Split,
    predictions: Tensor,
    title: str,
    cell: str,
) -> dict[str, npt.NDArray[Any]]:
    """Shows what the population predicts: on the first seed's series if it is a forecast, else for all seeds.

    With folds each test period is predicted by the seeds of its own fold: others may have trained on it.

    Args:
        board: where it is shown.
        folder: of the run, which gets `forecast.{png,svg}` or `predictions.{png,svg}`.
        parts: of the run.
        guesses: on the test split.
        test: the split.
        predictions: (S, N, O) or (S, N, T, O).
        title: what the run is called.
        cell: its name, by which it has its colour.

    Returns:
        Of a forecast what `predictions.npz` keeps of it: `series` (N,) and `forecast` (S, N), what each seed predicts
        on the first one's series; with folds `fold` (S,), the one of each seed.
    """
    task = parts.data.task
    if isinstance(task, Series) and len(task.names) > 1:
        title = f"{title}, {task.names[0]}"  # of several targets the first
    finite = predictions.isfinite().flatten(1).all(1)  # (S,): a seed that diverged has no picture
    if not finite.any() or not isinstance(task.targets, Values):
        return {}
    in_order = task.chronological and not (isinstance(task, Series) and task.interleaved)
    if not in_order or task.reads == "steps":
        seen = test.targets
        if test.weight is not None and seen.dim() == 4:  # what no score counts is no prediction of anything
            seen = seen.masked_fill(test.weight[..., None] == 0, torch.nan)
        guessed = predictions.masked_fill(seen.isnan(), torch.nan)
        target, prediction = (as_array(each[finite][..., 0].flatten(1)) for each in (seen, guessed))
        board.picture(f"{VIEW}/predictions", small.agreement(target, prediction, title, cell))
        full = figures.laid_out(drawn.agreement(target, prediction, title, cell))
        board.picture(f"{VIEW}/predictions in full", full)
        _write(folder, "predictions", full)
        return {}
    number = parts.data.folds.number
    every = as_array(predictions[..., 0] if number > 1 else _on_first_series(parts, test))  # (S, N)
    folds = np.array([seed % number for seed in parts.data.seeds])
    first = {int(fold): int(np.argmax(folds == fold)) for fold in np.unique(folds)}  # fold -> place of a seed
    lines = {fold: list(every[(folds == fold) & as_array(finite)]) for fold in first}
    mean, low, high = periods.spread(lines, dict.fromkeys(first, test.num_sequences))
    target = periods.joined([as_array(test.targets[place, :, 0]) for place in first.values()])
    persistence = guesses.get("persistence")
    count, where = int(finite.sum()), "test split of the first seed's series"
    if number > 1:
        where = f"test periods of {len(first)} folds, each predicted by its own seeds"
        where = where if len(first) > 1 else f"test period of fold {min(first) + 1} of {number}"
    board.picture(f"{VIEW}/forecast", small.forecast(target, mean, low, high, title, cell))
    full = drawn.forecast(
        target=target,
        mean=mean,
        low=low,
        high=high,
        persistence=periods.joined([as_array(persistence[place, : test.num_sequences, 0]) for place in first.values()])
        if isinstance(persistence, Tensor)
        else None,
        title=f"{title}: {where}, {count} seed{'s' * (count > 1)}",
        cell=cell,
    )
    full = figures.laid_out(full)
    board.picture(f"{VIEW}/forecast in full", full)
    _write(folder, "forecast", full)
    return {"series": target, "forecast": every} if number == 1 else {"fold": folds}


def learnt(folder: Path, parts: Parts, history: Mapping[str, Sequence[Tensor]], title: str, cell: str) -> None:
    """Writes `curves.{png,svg}`: mean and interval over seeds of the training and validation score by epoch.

    Args:
        folder: of the run.
        parts: of the run.
        history: split -> for each epoch (S,) scores.
        title: what the run is called.
        cell: its name, by which it has its colour.
    """
    if not KINDS:
        return
    score = parts.training.score
    unit = "" if score.label.endswith(score.unit) else f" ({score.unit})"
    lines = {}
    for part, name in (("train", "training"), ("val", "validation")):
        rows = history.get(part)
        values = as_array(torch.stack(list(rows))) if rows else np.empty((0, 1))  # (E, S)
        if np.isfinite(values).any():
            ends = [mean_interval(row) for row in values]
            lines[name] = np.array([(each.mean, each.low, each.high) for each in ends])
    if lines:
        _write(folder, "curves", figures.laid_out(drawn.curves(title, f"{score.label}{unit}", lines, cell)))


def _on_first_series(parts: Parts, test: Split) -> Tensor:
    """What every seed predicts on the first seed's series, (S, N)."""
    groups = parts.training.groups
    num_seeds, like = groups.model.num_seeds, next(groups.model.parameters())
    series = test.of(slice(1)).to(like.device, like.dtype).evaluation_batches(num_seeds)
    # all read the same series
    pieces = [groups.predict(each.map(lambda x: x.expand(num_seeds, *x.shape[1:]))) for each in series]
    return torch.cat(pieces, dim=1)[..., 0]


def _write(folder: Path, name: str, figure: figures.Figure) -> None:
    for kind in KINDS:
        write_atomically(folder / f"{name}.{kind}", figures.encode(figure, kind))


def classes_of_steps(targets: Tensor, predictions: Tensor) -> dict[str, npt.NDArray[Any]]:
    """What is kept of classes at every step, a hundredth of the logits for a text of a hundred different characters.

    Args:
        targets: (S, N, T) classes.
        predictions: (S, N, T, C) logits.

    Returns:
        `targets` and `predicted`, the likeliest classes, (S, N, T) in the smallest kind of integer that holds them, and
        `log_probability` of the targets, (S, N, T) in nats with three digits; NaN where a seed diverged.
    """
    kind = np.min_scalar_type(predictions.shape[-1] - 1)
    found = {"targets": targets.int(), "predicted": predictions.argmax(-1).int()}
    chosen = [  # by seeds: all at once would double the memory of the logits
        logits.float().log_softmax(-1).gather(-1, classes.long().unsqueeze(-1))[..., 0]
        for logits, classes in zip(predictions, targets, strict=True)
    ]
    arrays = {name: as_array(values).astype(kind) for name, values in found.items()}
    return {**arrays, "log_probability": as_array(torch.stack(chosen)).astype(np.float16)}


def as_array(tensor: Tensor) -> npt.NDArray[Any]:
    """A tensor's values where NumPy can hold them."""
    values = tensor.detach().cpu()
    return (values.float() if values.dtype in (torch.bfloat16, torch.float16) else values).numpy()
