"""Parts of a record, checked before a comparison uses them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from seqexp.compare.keys import CompareError, listed
from seqexp.config import LONGEST_NAME, MOST_BASELINES
from seqexp.config.kinds import margin_of
from seqexp.config.mistakes import ConfigError
from seqexp.record.record import Record
from seqexp.statistics import Array

MOST_EVALUATIONS = 50


def check_names(record: Record) -> None:
    """Refuses texts that no table could show, and more of them than any run has."""
    baselines = [record.baselines, record.validation_baselines, *record.evaluation_baselines.values()]
    if max(map(len, baselines)) > MOST_BASELINES:
        raise ValueError(f"baselines must be {MOST_BASELINES} at most")
    parts = [*record.scores, *record.evaluation_baselines]
    if max(len(parts), len(record.data_notes), *map(len, record.scores.values())) > MOST_EVALUATIONS:
        raise ValueError(f"evaluations, metrics and notes must be {MOST_EVALUATIONS} at most")
    names = [("data", record.data), ("cell", record.cell), ("metric", record.metric)]
    names += [("metric_label", record.metric_label), ("metric_unit", record.metric_unit)]
    names += [("baselines", key) for rows in baselines for key in rows]
    names += [("left_out", text) for pair in record.left_out.items() for text in pair]
    names += [("varies", text) for pair in (record.varies or {}).items() for text in pair]
    names += [("data_notes", text) for text in record.data_notes[:MOST_EVALUATIONS]]
    names += [("scores", key) for key in parts] + [("scores", key) for rows in record.scores.values() for key in rows]
    for kind, text in names:
        if not (text.strip() and len(text) <= LONGEST_NAME and len(text.splitlines()) == 1):
            raise ValueError(f"{kind} must be a name of one line and at most {LONGEST_NAME} letters, got {text[:40]!r}")


def best_epoch(record: Record) -> list[int] | None:
    """Each seed's best epoch; None where the record has none."""
    epochs = record.best_epoch
    if not epochs:
        return None
    if len(epochs) != len(record.seeds) or not all(
        type(epoch) is int and 0 <= epoch < max(1, record.epochs) for epoch in epochs
    ):
        raise ValueError(f"best_epoch must hold, for each seed, one of the {record.epochs} epochs, counted from 0")
    return epochs


def solved(record: Record) -> Array | None:
    """When each seed solved the task, (S,), infinite where it never did; refuses what no training can have written."""
    rows: list[Any] | None = record.solved
    if rows is None:
        return None
    known = [step for step in rows if step is not None]
    if len(rows) != len(record.seeds) or not all(type(step) is int and 0 <= step <= record.steps for step in known):
        raise ValueError(f"solved must hold a step from 0 to {record.steps}, or null, for each of the seeds")
    return np.array([math.inf if step is None else step for step in rows], dtype=float)


def asked_by(config: dict[str, Any]) -> tuple[str, ...]:
    """What the run's sweep was asked to compare by; nothing where that is no list of names."""
    node = config.get("compare")
    try:
        return listed(node.get("by") if isinstance(node, dict) else None)
    except CompareError:
        return ()


def asked_margin(config: dict[str, Any]) -> float | None:
    """The share within which the run's sweep counts scores as alike; None where that is no share."""
    node = config.get("compare")
    try:
        return margin_of(node.get("margin") if isinstance(node, dict) else None)
    except ConfigError:
        return None
