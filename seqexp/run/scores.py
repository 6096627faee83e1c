"""The score that a configuration names, or that its task has."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

from seqexp.config import LONGEST_NAME
from seqexp.config.mistakes import ConfigError, show
from seqexp.config.targets import find_class, make
from seqexp.data.shape import Values
from seqexp.data.task import Task
from seqexp.score import AbsoluteError, CrossEntropy, ErrorRate, Score, SquaredError

SCORES: dict[str, Callable[[], Score]] = {
    "mse": SquaredError,
    "mae": AbsoluteError,
    "cross_entropy": functools.partial(CrossEntropy, "nats"),
    "cross_entropy_bits": functools.partial(CrossEntropy, "bits"),
    "error_rate": ErrorRate,
}
"""The scores that have a short name."""


def find_score(asked: Any, allowed: Sequence[str], task: Task) -> Score:
    """The score that `data.score` names, or the task's own.

    Args:
        asked: a short name, a dotted path, or None.
        allowed: packages that the user trusts.
        task: whose predictions are scored.

    Raises:
        ConfigError: there is no such score, it lacks an attribute, or it is not for the task's targets.
    """
    if asked is None:
        where, score = f"{type(task).__qualname__}.score", task.score
    elif isinstance(asked, str) and asked in SCORES:
        where, score = f"data.score={asked}", SCORES[asked]()
    elif isinstance(asked, str) and "." in asked:
        where, score = f"data.score={asked}", _own(asked, allowed)
    else:
        raise ConfigError(
            f"data.score must be one of {', '.join(SCORES)}, the dotted path of a class derived from "
            f"seqexp.score.Score, or null for the task's own, got {show(asked)}"
        )
    _check(where, score)
    wanted = "values" if isinstance(task.targets, Values) else "classes"
    if score.targets != wanted:
        raise ConfigError(
            f"{where}: scores {score.targets}, and the targets of this task are {wanted} ({task.targets})"
        )
    return score


def _own(path: str, allowed: Sequence[str]) -> Score:
    """Builds a score of somebody's own."""
    found = find_class("data.score", path, Score, allowed)  # type: ignore[type-abstract]
    for name, each in inspect.signature(found).parameters.items():
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            raise ConfigError(f"data.score={path}: must be built without arguments, and this class needs {name}")
    return make("data.score", found, {})


def _check(where: str, score: object) -> None:
    """Checks what a task of somebody's own says is its score, and what tables, tags and files show of it."""
    if not isinstance(score, Score):
        raise ConfigError(f"{where} must be a seqexp.score.Score, got {show(score)}")
    for name in ("name", "label", "unit"):
        value = getattr(score, name, None)
        fits = isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= LONGEST_NAME
        if not fits or (name == "name" and not re.fullmatch(r"[A-Za-z0-9_.-]+", str(value))):
            rule = "letters, digits and _.- only" if name == "name" else "a line of text"
            raise ConfigError(f"{where}: {name} must be {rule}, got {value!r}")
    if (kind := getattr(score, "targets", None)) not in ("values", "classes"):
        raise ConfigError(f"{where}: targets must be 'values' or 'classes', got {kind!r}")
