"""A row: one setting of what is compared, with the seeds of all its runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

from seqexp.compare.keys import CELL
from seqexp.compare.learnt import Learnt, Source
from seqexp.compare.notes import found_twice
from seqexp.compare.runs import Run
from seqexp.compare.settings import Setting, show
from seqexp.statistics import Array


@dataclass(frozen=True)
class Scores:
    """One score per seed: seeds (n,) ascending, values (n,), NaN where a seed diverged, and what each learnt."""

    seeds: npt.NDArray[np.int64]
    values: Array
    learnt: Learnt

    @property
    def num_diverged(self) -> int:
        """How many seeds have no score."""
        return int(np.isnan(self.values).sum())


@dataclass(frozen=True, kw_only=True)
class Row:
    """One setting of what is compared: all its runs, their seeds pooled.

    Attributes:
        cell: the cell's name.
        compared: the keys that are compared and their values here.
        settings: the other swept keys of the data set and their values here.
        runs: its runs.
        sources: (run, position in that run) of each seed.
        train: training scores.
        val: validation scores, None where a run had no validation split.
        test: test scores.
        solved: the step at which each seed solved the task, infinite where it did not, NaN where its record does not
            say; None where no record does.
        shown: other metrics on test, by name, one value per seed, NaN where there is none.
        evaluations: name -> one score per seed, NaN where there is none.
        shown_elsewhere: other metrics there, by names such as `test@40_accuracy`, alike.
        whole: the row with all of its seeds, where other seeds pick than judge: then `val` is of those that pick, and
            all else here of those that judge, which may be none. None where all seeds do both.
    """

    cell: str
    compared: dict[str, Setting]
    settings: dict[str, Setting]
    runs: list[Run]
    sources: list[Source]
    train: Scores
    val: Scores | None
    test: Scores
    solved: Scores | None = None
    shown: dict[str, Array] = field(default_factory=dict)
    evaluations: dict[str, Array] = field(default_factory=dict)
    shown_elsewhere: dict[str, Array] = field(default_factory=dict)
    whole: Row | None = None

    @property
    def name(self) -> str:
        """The compared keys as a user types them, but a cell by its mere name."""
        return " ".join(show(value) if key == CELL else f"{key}={show(value)}" for key, value in self.compared.items())

    @property
    def setting(self) -> str:
        """The other swept keys, as a user types them."""
        return " ".join(f"{key}={show(value)}" for key, value in self.settings.items())

    @property
    def label(self) -> str:
        """Name and setting."""
        return f"{self.name} {self.setting}" if self.settings else self.name

    @property
    def num_parameters(self) -> int:
        """Parameters of one seed's model."""
        return self.runs[0].num_parameters

    @property
    def state_size(self) -> int | None:
        """Numbers that one seed's cell carries from step to step; None where that grows or is not known."""
        return self.runs[0].state_size

    @property
    def is_solved(self) -> bool:
        """Whether none of its runs was trained."""
        return all(run.is_solved for run in self.runs)

    @property
    def seconds_per_seed(self) -> float:
        """Mean training time of one seed."""
        return sum(run.train_seconds for run in self.runs) / sum(len(run.seeds) for run in self.runs)


def pool(compared: dict[str, Setting], settings: dict[str, Setting], runs: list[Run]) -> tuple[Row, list[str]]:
    """Pools the seeds of some runs.

    Args:
        compared: the keys that name the row and their values.
        settings: the other swept keys and their values.
        runs: all that have these values.

    Returns:
        The row, and what is to be said of seeds found twice, which count once.
    """
    sources: dict[int, Source] = {}
    again: list[tuple[int, Source]] = []
    for run in runs:
        for index, seed in enumerate(run.seeds):
            if sources.setdefault(seed, (run, index)) != (run, index):
                again.append((seed, (run, index)))
    seeds = sorted(sources)
    ordered = [sources[seed] for seed in seeds]
    scores = partial(scores_of, seeds, Learnt.of(ordered))
    row = Row(
        cell=runs[0].cell,
        compared=compared,
        settings=settings,
        runs=runs,
        sources=ordered,
        train=scores([run.train[index] for run, index in ordered]),
        val=scores([run.val[index] for run, index in ordered if run.val is not None])
        if all(run.val is not None for run in runs)
        else None,
        test=scores([run.test[index] for run, index in ordered]),
        solved=scores([np.nan if run.solved is None else run.solved[index] for run, index in ordered])
        if any(run.solved is not None for run in runs)
        else None,
        shown=_pooled(ordered, {id(run): run.shown for run in runs}),
        evaluations=_pooled(ordered, {id(run): run.evaluations for run in runs}),
        shown_elsewhere=_pooled(ordered, {id(run): run.shown_elsewhere for run in runs}),
    )
    if not again:
        return row, []
    return row, list(found_twice(row.label, [sources[seed] for seed, _ in again], [source for _, source in again]))


def _pooled(sources: Sequence[Source], named: dict[int, dict[str, Array]]) -> dict[str, Array]:
    """Name -> one number per seed, NaN where the seed's run has none of that name.

    Args:
        sources: (run, position) of each seed.
        named: a run's identity -> name -> its numbers.
    """
    nothing = np.array([])
    names = dict.fromkeys(name for of_run in named.values() for name in of_run)
    pooled: dict[str, Array] = {}
    for name in names:
        found = [(named[id(run)].get(name, nothing), index) for run, index in sources]
        pooled[name] = np.array([scores[index] if scores.size else np.nan for scores, index in found])
    return pooled


def scores_of(seeds: list[int], learnt: Learnt, values: Sequence[float]) -> Scores:
    """The scores of some seeds, in their order."""
    return Scores(np.asarray(seeds, dtype=np.int64), np.asarray(values, dtype=float), learnt)
