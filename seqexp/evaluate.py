"""evaluate(): scores of a finished run elsewhere than where it was trained, such as on longer sequences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from seqexp import baselines
from seqexp.config.mistakes import ConfigError
from seqexp.data.split import Split
from seqexp.record import evaluations as files
from seqexp.record.record import Record
from seqexp.run.fit import limit_threads, listed
from seqexp.run.load import load_run, record_of
from seqexp.run.unchanged import check_unchanged


def evaluate(
    folder: Path | str,
    test_lengths: Sequence[int] = (),
    evaluations: Mapping[str, Mapping[str, Any]] | None = None,
    allowed_packages: Sequence[str] = (),
    allowed_environment: Sequence[str] = (),
) -> Record:
    """Scores the kept weights of a finished run on other sequences, and keeps that in files of their own.

    What was evaluated before, in training or later, is not evaluated again. `result.json` does not change.

    Args:
        folder: the run's folder.
        test_lengths: lengths T of the sequences, for a task that chooses its length.
        evaluations: other tests by name, each the settings of the task that are changed for it.
        allowed_packages: as for `seqexp.run.load`.
        allowed_environment: as for `seqexp.run.load`.

    Returns:
        The record with all evaluations: `record.score("test@40")`.

    Raises:
        RecordError: there is no readable run, or the task does not make the data that it was trained on any more.
        ConfigError: the task cannot make what is asked for, or that is the test again, or a name means something else
            already.
    """
    path = Path(folder)
    known = files.joined(record_of(path), path)
    wanted, there = files.meanings(test_lengths, evaluations or {}), files.known(known, path)
    for name in wanted.keys() & there.keys():
        if wanted[name] != there[name]:
            raise ConfigError(
                f"{folder}: {name} was evaluated already and means {there[name]} there, not {wanted[name]}; "
                "take another name"
            )
    lengths = [length for length in test_lengths if f"test@{length}" not in there]
    others = {name: dict(changes) for name, changes in (evaluations or {}).items() if f"test@{name}" not in there}
    if not (lengths or others):
        return known
    missing = {"test_lengths": lengths, "evaluations": others}
    record, parts = load_run(path, allowed_packages, allowed_environment, missing)
    guesses = parts.make_data()
    data, training = parts.data, parts.training.eval()
    check_unchanged(path, record, data)
    for name in others:
        if _same(data.evaluations[f"test@{name}"], data.splits["test"]):
            raise ConfigError(f"{folder}: {name} leaves the test data as they are, and would be the test again")
    with limit_threads(parts):
        for name, split in data.evaluations.items():
            scores, found = listed(training.measure(split.evaluation_batches())), guesses[name]
            scored = listed(baselines.score(found, split, training.score))
            files.write(path, record, name, wanted[name], scores, scored, baselines.left_out(found))
    return files.joined(record, path)


def _same(one: Split, other: Split) -> bool:
    """Whether two splits hold the same sequences, targets and weights."""
    pairs = zip(one.learnable, other.learnable, strict=True)
    return all(a is b if a is None or b is None else torch.equal(a, b) for a, b in pairs)
