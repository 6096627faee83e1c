"""In what the seeds of a run differ, and what a reader must know of its splits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqexp.data.module import PopulationData

MODEL, ORDER = "new initial weights", "a new order of training"


def varies(settings: Mapping[str, Any], data: PopulationData, solved: bool) -> dict[str, str]:
    """The sources of randomness that each seed draws from anew, with what that means for this task.

    Args:
        settings: the configuration, checked and resolved.
        data: of the run.
        solved: whether the readout is solved, on the training split in whatever order.

    Returns:
        `data`, `model` and `order`, those of them that no seed is fixed for and that can change a number, each with
        words that end "the intervals speak of ...".
    """
    found = {"data": data.task.varies, "model": MODEL, "order": ORDER}
    if data.task.fixed:
        del found["data"]
    if solved or not data.has_order or settings["trainer"].get("overfit_batches"):
        del found["order"]
    found = {source: words for source, words in found.items() if settings[f"{source}_seed"] is None}
    if data.folds.number > 1:
        kind = "test period" if data.task.chronological else "test set"
        found = {"data": "", **found}
        found["data"] += " and " * bool(found["data"]) + f"another of {data.folds.number} {kind}s"
    return found
