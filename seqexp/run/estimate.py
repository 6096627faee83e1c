"""How long a run will take, from timing a few steps of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from seqexp.run.build import Parts


def estimate(parts: Parts) -> float:
    """Seconds that training may take at most; the weights are used up by that."""
    parts.make_data(guessed=False)
    parts.data.setup()
    training, batches = parts.training, parts.data.train_dataloader()
    batch = next(iter(batches))
    if training.model.cell.penalties:  # one pass to solve, one to score
        return 2 * len(batches) * _seconds(lambda: training.groups.predict(batch))
    optimizer = training.pack()

    def step() -> None:
        training.learn(batch)
        optimizer.step()

    training.learn(batch)  # the first step makes work space
    epochs = parts.settings["trainer"]["max_epochs"]
    return _seconds(step) * len(batches) * (epochs if epochs and epochs > 0 else 1000)


def _seconds(work: Callable[[], Any]) -> float:
    """What some work takes, from doing it a few times."""
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < 0.2 or count < 2:
        work()
        count += 1
    return (time.perf_counter() - start) / count
