"""One seed's sequences: made, checked, ordered, and laid into the population's splits."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from seqexp.data.chance import digest
from seqexp.data.check import check_alike, check_sample
from seqexp.data.shape import Classes
from seqexp.data.split import Split
from seqexp.data.task import Sequences, Task
from seqexp.seeding import generator


def sample(
    task: Task, seed: int, purpose: str, count: int, length: int | None, first: Sequences | None = None
) -> Sequences:
    """Makes some sequences for one seed, and checks them.

    Args:
        task: makes them.
        seed: for which seed.
        purpose: what they are for; each purpose has its own randomness.
        count: how many.
        length: of how many steps; None leaves it to the task.
        first: the same of the population's first seed.

    Returns:
        The sequences. Targets of every step of sequences of unequal length have a weight, 0 at the padded steps.

    Raises:
        ValueError: there is not enough memory, or they are not what the task says.
    """
    try:
        found = task.sample(generator(seed, purpose), count, length)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or re.search(r"allocate|overflow", str(error)):
            reason = str(error).partition("\n")[0]
            raise ValueError(f"the sample of seed {seed} needs more memory than there is ({reason})") from error
        raise
    where = f"the sample of seed {seed}" + ("" if purpose == "data" else f" for {purpose}")
    check_sample(task, where, found, count, first)
    if length is not None and found.inputs.shape[1] != length:
        raise ValueError(f"{where} must have {length} steps (T), got {found.inputs.shape[1]}")
    found = masked(task, found)
    if first is not None:
        check_alike(task, where, found, first)
    return found


def masked(task: Task, found: Sequences) -> Sequences:
    """The same; what is padded has no weight."""
    if task.reads == "last" or found.lengths is None:
        return found
    inside = (torch.arange(found.inputs.shape[1]) < found.lengths[:, None]).float()  # (N, T)
    return found._replace(weight=inside if found.weight is None else inside * found.weight)


def ordered(task: Task, seed: int, found: Sequences) -> Sequences:
    """One seed's data set, so ordered that its splits are consecutive."""
    if task.chronological:
        return found
    order = torch.randperm(task.num_sequences, generator=generator(seed, "split"))
    if task.stratified:
        order = order[_spread(found.targets[order])]
    return Sequences._make(None if each is None else each[order] for each in found)


def _spread(classes: Tensor) -> Tensor:
    """An order (N,) in which each class is spread evenly, so that it has about its share of whatever is cut out.

    Args:
        classes: (N,).
    """
    counts = classes.bincount()
    places = classes.argsort(stable=True)  # class by class
    ranks = torch.arange(len(classes)) - (counts.cumsum(0) - counts)[classes[places]]
    shares = torch.empty(len(classes), dtype=torch.float64)
    shares[places] = (ranks.double() + 0.5) / counts[classes[places]]
    return shares.argsort(stable=True)


def lacking(task: Task, splits: Mapping[str, Split]) -> list[str]:
    """Says which classes of whole sequences one data set does not have in training, or in the test, of some seed."""
    if not (task.fixed and isinstance(task.targets, Classes) and task.reads == "last" and splits):
        return []
    found = []
    for name in ("train", "test"):
        seen = [set(each.unique().tolist()) for each in splits[name].targets]
        if gone := [each for each in range(task.targets.count) if not all(each in classes for classes in seen)]:
            shown = ", ".join(task.class_name(each) for each in gone[:5]) + ", ..." * (len(gone) > 5)
            where = "training" if name == "train" else "the test"
            where += " of some folds" * any(each in classes for classes in seen for each in gone)
            found.append(f"Of {task.targets.count} classes {len(gone)} have no sequence in {where}: {shown}.")
    return found


def room(found: Sequences, num_seeds: int, count: int) -> Split:
    """Memory for `count` sequences of all seeds, of the shapes of one seed's."""
    return Split._make(None if each is None else each.new_empty(num_seeds, count, *each.shape[1:]) for each in found)


def put(split: Split, index: int, found: Sequences, start: int, stop: int) -> None:
    """Copies some of one seed's sequences to its place: a task may use its own memory again."""
    for place, values in zip(split, found, strict=True):
        if place is not None and values is not None:
            place[index].copy_(values if stop - start == len(values) else values[start:stop])


def hashes(splits: dict[str, Split], index: int, scored: int, began: Split | None) -> list[str]:
    """Digests of what one seed is trained and selected on, and of the first test targets, which it is scored on.

    Args:
        splits: train, val and test.
        index: which seed.
        scored: how many sequences are tested on.
        began: the first batch of a stream, where there is one.
    """
    learnt = [splits["train"], splits["val"], *([] if began is None else [began])]
    seen = [each[index] for split in learnt for each in split.learnable if each is not None]
    test = splits["test"]
    given = [each[index, :scored] for each in (test.targets, test.weight) if each is not None]
    return [digest(*seen), digest(*given)]


def sizes(count: int, size: int) -> set[int]:
    """The lengths of the pieces when `count` is cut into pieces of `size`."""
    return {min(size, count), count % size} - {0} if count else set()


def bounds_of(count: int, train: float, val: float, test: float) -> dict[str, tuple[int, int]]:
    """Turns fractions of `count` sequences into (start, stop) of each split."""
    fractions = {"train": train, "val": val, "test": test}
    for name, fraction in fractions.items():
        if not 0 <= fraction <= 1:
            raise ValueError(f"{name}_fraction must be between 0 and 1, got {fraction}")
    rounding = 1e-9  # 0.7 + 0.15 + 0.15 may be a little more than 1
    if sum(fractions.values()) > 1 + rounding:
        given = " + ".join(f"{value:g}" for value in fractions.values())
        raise ValueError(f"train_fraction + val_fraction + test_fraction must be <= 1, got {given}")
    stops = [int(count * share + rounding * count) for share in (train, train + val, train + val + test)]
    bounds = dict(zip(fractions, zip([0, *stops], stops, strict=False), strict=True))
    for name, (start, stop) in bounds.items():
        if stop == start and (name != "val" or val > 0):
            raise ValueError(
                f"{name}_fraction must leave at least one of the {count} sequences, got {fractions[name]:g}"
            )
    return bounds


def with_gap(bounds: dict[str, tuple[int, int]], gap: int, chronological: bool) -> dict[str, tuple[int, int]]:
    """Leaves out the first windows of validation and of test, so that they share fewer values with what is before.

    Args:
        bounds: (start, stop) of each split.
        gap: how many windows.
        chronological: the windows are of a series, in its order; only then two neighbours share values.

    Raises:
        ValueError: it is below 0, or leaves a split nothing, or the task has no order.
    """
    if gap < 0:
        raise ValueError(f"gap must be >= 0, got {gap}")
    if gap and not chronological:
        raise ValueError(f"gap must be 0 unless the task is a series: no two of its sequences share values, got {gap}")
    found = dict(bounds)
    for name in ("val", "test"):
        start, stop = bounds[name]
        if 0 < stop - start <= gap:
            raise ValueError(f"gap must leave at least one of the {stop - start} windows of {name}, got {gap}")
        found[name] = (min(start + gap, stop), stop)
    return found
