"""Each target of a series by itself, where several are scored as one mean."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence

from torch import Tensor

from seqexp.data.evaluations import TARGET
from seqexp.data.guesses import Guess
from seqexp.data.series import Series
from seqexp.data.split import Split
from seqexp.data.task import Task

MOST_TARGETS = 10
"""So many of them are scored one by one."""


def places(task: Task, taken: Sequence[str] = ()) -> dict[str, int]:
    """The name of the evaluation that is each target's own, such as `test@target=price`, and the target's place.

    Args:
        task: whose targets they are; only a series names them.
        taken: names that other evaluations have.
    """
    if not isinstance(task, Series) or len(task.predicted) < 2:
        return {}
    found: dict[str, int] = {}
    for place, name in enumerate(task.names[:MOST_TARGETS]):
        key = f"{TARGET}{re.sub('[^A-Za-z0-9_.-]', '_', name)[:30]}"
        ways = itertools.chain([key], (f"{key}_{number}" for number in itertools.count(place + 1)))
        found[next(each for each in ways if each not in found and each not in taken)] = place
    return found


def alone(place: int, split: Split, guesses: Mapping[str, Guess]) -> tuple[Split, dict[str, Guess]]:
    """A split with one of its targets, and what is guessed of it.

    Args:
        place: of the target.
        split: targets (S, N, O).
        guesses: of these targets.
    """
    own = {name: each[..., [place]] if isinstance(each, Tensor) else each for name, each in guesses.items()}
    best = None if split.best is None else split.best[..., [place]]
    return split._replace(targets=split.targets[..., [place]], best=best), own
