"""Interquartile means and profiles of scores relative to baselines, over tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from seqexp.compare.relative import relative
from seqexp.compare.runs import Run
from seqexp.compare.section import Section
from seqexp.compare.tasks import tasks

Build = Callable[[list[Run]], list[Section]]
LEVELS = {"lstm": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], "rnn": [0.4, 0.3, 0.6, 0.9, 1.0, 1.1]}


def test_it_is_the_middle_half_of_scores_over_baselines(on_tasks: Callable[..., list[Run]], sections_of: Build) -> None:
    runs = on_tasks(LEVELS)
    found, notes = relative(tasks(sections_of(runs)), ["lstm", "rnn"])
    assert found is not None
    for cell, mean in zip(LEVELS, found.found.means, strict=True):
        scores = np.concatenate([each.test / 2 for each in runs if each.cell == cell])
        assert mean.mean == pytest.approx(stats.trim_mean(scores, 0.25))
        assert mean.low < mean.mean < mean.high
    assert (found.num_seeds, notes, found.tasks["c"]) == (12, ["Baselines: constant on a, b, c, d, e, f."], "constant")
    assert found.found.share[:, 0].tolist() == [0, 0]
    assert found.found.share[:, -1].tolist() == [1, 1]
    again, _ = relative(tasks(sections_of(runs)), ["lstm", "rnn"])
    assert again is not None
    assert again.found.means == found.found.means


def test_what_is_left_out_is_said(on_tasks: Callable[..., list[Run]], sections_of: Build) -> None:
    runs = on_tasks(LEVELS)
    without = [replace(each, baselines={}) if each.data == "b" else each for each in runs]
    found, notes = relative(tasks(sections_of(without)), ["lstm", "rnn"])
    assert found is not None
    assert list(found.tasks) == list("acdef")
    assert notes == [
        "b is left out of interquartile means and profiles: it has no baseline that scores above 0 on every seed.",
        "Baselines: constant on a, c, d, e, f.",
    ]
    less = [replace(each, baselines={}) if each.data in "bc" else each for each in runs]
    found, notes = relative(tasks(sections_of(less)), ["lstm", "rnn"])
    assert found is None
    assert notes[-1] == "They need 5 tasks, so there are none."
    four = [each for each in runs if each.data < "e"]
    assert relative(tasks(sections_of(four)), ["lstm", "rnn"]) == (None, [])


def test_tasks_of_fewer_seeds_count_as_much(on_tasks: Callable[..., list[Run]], sections_of: Build) -> None:
    runs = [
        replace(each, seeds=each.seeds[:4], test=each.test[:4], data_hash=(each.data_hash or [])[:4], baselines={
            "constant": np.full(4, 2.0)
        }) if each.data == "a" else each
        for each in on_tasks(LEVELS)
    ]  # fmt: skip
    found, notes = relative(tasks(sections_of(runs)), ["lstm", "rnn"])
    assert found is not None
    assert found.num_seeds == 4
    assert notes == [
        "Interquartile means and profiles are of the first 4 seeds of each task, so that all tasks count alike.",
        "The intervals of interquartile means cover some 90 % instead of 95 % where a task has so few seeds (4).",
        "Baselines: constant on a, b, c, d, e, f.",
    ]
    scores = np.concatenate([each.test[:4] / 2 for each in runs if each.cell == "lstm"])
    assert found.found.means[0].mean == pytest.approx(stats.trim_mean(scores, 0.25))


def test_nothing_but_zeros_and_divergence_still_has_levels(
    on_tasks: Callable[..., list[Run]], sections_of: Build
) -> None:
    runs = [replace(each, test=np.where(each.cell == "rnn", np.nan, 0.0) * each.test) for each in on_tasks(LEVELS)]
    found, _ = relative(tasks(sections_of(runs)), ["lstm", "rnn"])
    assert found is not None
    assert [mean.mean for mean in found.found.means] == [0, np.inf]
    assert np.isfinite(found.found.levels).all()
    assert found.found.share[:, -1].tolist() == [1, 0]
