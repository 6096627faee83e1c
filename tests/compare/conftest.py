"""What the tests of several tasks share: runs of any cells on any tasks, in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqexp.compare.data_sets import group
from seqexp.compare.runs import Metric, Run
from seqexp.compare.section import Section, build

NOISE = np.exp(np.random.default_rng(11).normal(0, 0.05, (40, 12)))


def _run(task: str, cell: str, scores: Any, **changes: Any) -> Run:
    values = np.asarray(scores, dtype=float)
    seeds = list(range(len(values)))
    fields: dict[str, Any] = {
        "folder": Path(task) / cell,
        "name": f"{task}/{cell}",
        "data": task,
        "cell": cell,
        "settings": {},
        "seeds": seeds,
        "data_hash": [[f"{task} {seed}", f"{task} {seed} test"] for seed in seeds],
        "metric": Metric("mse", "MSE", "squared units of the data"),
        "train": values,
        "val": values,
        "test": values,
        "baselines": {"constant": np.full(len(values), 2.0)},
        "diverged": frozenset(),
        "num_parameters": 1,
        "epochs": 1,
        "steps": 1,
        "train_seconds": 1.0,
    }
    return Run(**fields | changes)


@pytest.fixture
def run() -> Callable[..., Run]:
    """One run of a cell on a task: `run("sine", "lstm", scores)`; every field can be another."""
    return _run


@pytest.fixture
def sections_of() -> Callable[..., list[Section]]:
    """The sections of a comparison of some runs, with a margin or without."""
    return lambda runs, margin=None: build(group(runs), margin)


@pytest.fixture
def on_tasks() -> Callable[..., list[Run]]:
    """Runs of 12 seeds on tasks `a`, `b`, ...; `on_tasks({"lstm": [0.1, 0.2], "rnn": [0.3, 0.1]})` has two tasks."""

    def runs(levels: dict[str, list[float]]) -> list[Run]:
        noise = iter(NOISE)
        return [
            _run("abcdefgh"[task], cell, level * next(noise))
            for cell, of_cell in levels.items()
            for task, level in enumerate(of_cell)
        ]

    return runs
