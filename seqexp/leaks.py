"""What of a task's data makes a score easier than it looks, or impossible: found without training anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from seqexp.data.guesses import linear
from seqexp.data.module import PopulationData
from seqexp.data.series import Series
from seqexp.data.shape import Classes, Values
from seqexp.data.split import Split
from seqexp.data.task import Task
from seqexp.score import Score

MOST_SEQUENCES = 2_000
"""Of each split of the first seed, so many of the first are looked at."""

EXACT = 1e-6
"""A share of the constant guess's error that is rounding."""

NEARLY_ALL = 0.999
"""A share of the variance, or of the targets, that gives them away."""

LARGE_CLASS = 0.9
"""A share of the targets from which one class hides what is learnt of the others."""

Weight = Literal["fault", "doubt", "note"]


class Finding(NamedTuple):
    """A sentence on the data: a fault, a doubt (true of some honest tasks, too), or what a reader should know."""

    weight: Weight
    text: str


class Looked(NamedTuple):
    """What the probes look at: the first seed's splits, on the CPU.

    Attributes:
        task: made the data.
        train: what is fitted to.
        test: what is scored.
        data: all splits of all seeds.
    """

    task: Task
    train: Split
    test: Split
    data: PopulationData


def findings(data: PopulationData) -> list[Finding]:
    """Looks for leaks, and for what makes a score mean less than it seems.

    Args:
        data: made.

    Returns:
        Faults, then doubts, then notes; empty where nothing was found.
    """
    train, test = (data.splits[name].of(slice(1)).first(MOST_SEQUENCES) for name in ("train", "test"))
    looked = Looked(data.task, train, test, data)
    found = [each for probe in PROBES for each in probe(looked)]
    order: tuple[Weight, ...] = ("fault", "doubt", "note")
    return sorted(found, key=lambda each: order.index(each.weight))


def constant_columns(looked: Looked) -> Iterator[Finding]:
    """Targets or inputs that never change."""
    task = looked.task
    for name in ("targets", "inputs"):
        shape = task.targets if name == "targets" else task.inputs
        size = shape.size if isinstance(shape, Values) else 1
        columns = torch.cat([getattr(each, name).reshape(-1, size) for each in (looked.train, looked.test)])
        same = (columns == columns[0]).all(0)
        if same.all():
            weight: Weight = "fault" if name == "targets" else "doubt"
            yield Finding(weight, f"The {name} are constant: every one is {columns[0, 0]:g}.")
        elif same.any():
            places = ", ".join(str(place + 1) for place in torch.nonzero(same)[:, 0].tolist())
            yield Finding("note", f"Of the {name} column {places} never changes.")


def echoes(looked: Looked) -> Iterator[Finding]:
    """Targets that stand in the inputs of their own sequence."""
    split = looked.test
    if isinstance(looked.task.targets, Classes) == isinstance(looked.task.inputs, Values):
        return  # numbers are no classes
    inputs = split.inputs if split.inputs.dim() == 4 else split.inputs[..., None]
    targets = split.targets if isinstance(looked.task.targets, Values) else split.targets[..., None]
    if targets[0].unique().numel() < 3:
        return  # of two values some are equal by chance
    found: dict[int, tuple[int, int]] = {}
    for target in range(targets.shape[-1]):
        if (place := _echo(looked.task, inputs[0], targets[0, ..., target], split)) is not None:
            found[target] = place
    for target, (lag, column) in list(found.items())[:1]:
        when = f"{lag} step{'s' * (lag != 1)} before the last" if looked.task.reads == "last" else _ago(lag)
        others = f" (and {len(found) - 1} other targets are such copies)" if len(found) > 1 else ""
        yield Finding(
            "doubt",
            f"Target {target + 1} is the value of input {column + 1}, {when}, exactly{others}: is the past being "
            "predicted? A task that asks for memory means it so.",
        )


def _ago(lag: int) -> str:
    return f"{lag} step{'s' * (lag != 1)} ago" if lag else "of the same step"


def _echo(task: Task, inputs: Tensor, target: Tensor, split: Split) -> tuple[int, int] | None:
    """The lag and the input column of which a target is a copy: (N, T, I) and (N,) or (N, T)."""
    steps = inputs.shape[1]
    counts = None if split.weight is None else split.weight[0] > 0
    for lag in range(steps):
        if task.reads == "last":
            equal = inputs[:, steps - 1 - lag] == target[:, None]
        else:
            equal = inputs[:, : steps - lag] == target[:, lag:, None]
            if counts is not None:
                equal = equal[counts[:, lag:]]
        share = equal.flatten(0, -2).double().mean(0)
        if equal.numel() and share.max() >= NEARLY_ALL:
            return lag, int(share.argmax())
    return None


def linear_function(looked: Looked) -> Iterator[Finding]:
    """Targets that least squares predict exactly, and what of the inputs suffices for that."""
    task = looked.task
    if not (isinstance(task.targets, Values) and isinstance(task.inputs, Values)):
        return
    predicted = linear(looked.train, looked.test)
    if isinstance(predicted, str):
        return
    error, spread = _errors(predicted, looked.test), _errors(looked.test.targets.double().mean(1, True), looked.test)
    if spread > 0 and error <= EXACT * spread:
        yield Finding(
            "doubt",
            f"The target is a linear function of the inputs, but for {error / spread:.1g} of its variance on test: "
            "is the past, or the target itself, among the inputs?",
        )
    if task.reads == "last" and looked.train.lengths is None:
        yield from _order(looked, error, spread)


def _order(looked: Looked, error: float, spread: float) -> Iterator[Finding]:
    """Whether least squares need to know which step is which."""
    generator = torch.Generator().manual_seed(0)
    train, test = (_shuffled(each, generator) for each in (looked.train, looked.test))
    shuffled = linear(train, test)
    if not isinstance(shuffled, str) and spread > 0 and error < 0.9 * spread:
        other = _errors(shuffled, test)
        if other <= 1.05 * error + EXACT * spread:
            yield Finding(
                "note",
                "The order of the steps does not matter to least squares: with steps shuffled in each sequence they "
                f"score {other:.3g}, and {error:.3g} in order.",
            )


def _shuffled(split: Split, generator: torch.Generator) -> Split:
    """Each sequence's steps in another order of their own."""
    order = torch.rand(split.inputs.shape[:3], generator=generator).argsort(2)
    return split._replace(inputs=split.inputs.gather(2, order[..., None].expand_as(split.inputs)))


def single_inputs(looked: Looked) -> Iterator[Finding]:
    """One input at one step that says nearly all of the target."""
    task, split = looked.task, looked.test
    if not isinstance(task.inputs, Values) or split.num_sequences < 10:
        return
    features = split.inputs[0] if task.reads == "last" else split.inputs[0].flatten(0, 1)[:, None]  # (N, T, I)
    targets = split.targets[0] if task.reads == "last" else split.targets[0].flatten(0, 1)
    if task.reads == "steps" and split.weight is not None:
        counted = split.weight[0].flatten() > 0
        features, targets = features[counted], targets[counted]
    share = _of_classes(features, targets) if isinstance(task.targets, Classes) else _explained(features, targets)
    best = int(share.argmax())
    step, column = divmod(best, features.shape[2])
    if share.flatten()[best] >= NEARLY_ALL:
        back = features.shape[1] - 1 - step
        where = "" if task.reads == "steps" else f", {back} step{'s' * (back != 1)} before the last,"
        what = "classes" if isinstance(task.targets, Classes) else "variance of target 1"
        says = f"it explains {share.flatten()[best]:.2%} of the {what}"
        yield Finding("doubt", f"Input {column + 1}{where} alone gives the target away: {says}.")


def _explained(features: Tensor, targets: Tensor) -> Tensor:
    """The squared correlation of each feature (N, T, I) with the first target, (T, I)."""
    x, y = features.double(), targets.double()[:, 0]
    x, y = x - x.mean(0), y - y.mean()
    scale = x.square().sum(0) * y.square().sum()
    return torch.where(scale > 0, (x * y[:, None, None]).sum(0).square() / torch.where(scale > 0, scale, 1), 0)


def _of_classes(features: Tensor, targets: Tensor) -> Tensor:
    """The share of targets whose class the value of a feature (N, T, I) settles, where few values are taken: (T, I)."""
    found = torch.zeros(features.shape[1:], dtype=torch.float64)
    if targets.unique().numel() < 2:
        return found
    for step in range(features.shape[1]):
        for column in range(features.shape[2]):
            values, places = features[:, step, column].unique(return_inverse=True)
            if len(values) <= max(2, len(targets) // 10):
                counts = torch.zeros(len(values), int(targets.max()) + 1).index_put_(
                    (places, targets), torch.ones(()), accumulate=True
                )
                found[step, column] = counts.amax(1).sum() / len(targets)
    return found


def duplicates(looked: Looked) -> Iterator[Finding]:
    """Test sequences that were trained on."""
    known = set(_whole(looked.train))
    both = sum(each in known for each in _whole(looked.test))
    if both:
        count = looked.test.num_sequences
        yield Finding("doubt", f"{both} of {count} test sequences are in training as well, to the last number.")


def _whole(split: Split) -> list[bytes]:
    pairs = zip(split.inputs[0].contiguous().numpy(), split.targets[0].contiguous().numpy(), strict=True)
    return [inputs.tobytes() + target.tobytes() for inputs, target in pairs]


def scaled_by_all(looked: Looked) -> Iterator[Finding]:
    """Numbers that were scaled by rows of the test part, too."""
    task = looked.task
    if not isinstance(task, Series) or task.scales is not None:
        return
    values = task.record(torch.Generator().manual_seed(0)).values.double()
    mean, low, high = values.mean(0), values.amin(0), values.amax(0)
    deviations = (values.std(0, correction=0), values.std(0))
    standard = (mean.abs() < 1e-4) & ((deviations[0] - 1).abs().minimum((deviations[1] - 1).abs()) < 1e-4)
    unit = (low.abs() < 1e-6) & ((high - 1).abs() < 1e-6)
    for place in torch.nonzero(standard | unit)[:, 0].tolist():
        how = "mean 0 and deviation 1" if standard[place] else "minimum 0 and maximum 1"
        yield Finding(
            "fault",
            f"Column {place + 1} has {how} over training and test together: was it scaled by the test part, too? "
            "A task with `scales` is scaled by its training rows.",
        )


def classes(looked: Looked) -> Iterator[Finding]:
    """A class that nearly all targets have."""
    targets = looked.test.targets
    if not isinstance(looked.task.targets, Classes):
        return
    if looked.test.weight is not None:
        targets = targets[looked.test.weight > 0]
    counts = targets.flatten().bincount()
    if counts.max() >= LARGE_CLASS * counts.sum():
        share = float(counts.max() / counts.sum())
        name = looked.task.class_name(int(counts.argmax()))
        text = f"Class {name} has {share:.1%} of the test targets: who always says it is as often right."
        yield Finding("note", text)


def splits(looked: Looked) -> Iterator[Finding]:
    """What the task says of its splits, and how seeds differ."""
    for note in looked.data.notes:
        yield Finding("note", note)
    if not looked.task.fixed:
        yield Finding("note", f"Another seed has {looked.task.varies}.")
    count, seeds = len({tuple(each) for each in looked.data.data_hash}), len(looked.data.seeds)
    if seeds > count:
        yield Finding("note", f"The {seeds} seeds have {'one data set' if count == 1 else f'{count} data sets'}.")


def best_guess(score: Score, scored: Mapping[str, Tensor | None]) -> Finding | None:
    """Which guess is the best without a network, and how far it is from what nobody can beat."""
    means = {name: float(row.mean()) for name, row in scored.items() if row is not None and name != "noise"}
    if not means:
        return None
    name = min(means, key=lambda each: means[each])
    noise, label = scored.get("noise"), score.label
    least = 0.0 if noise is None else float(noise.mean())
    floor = f", {means[name] / least:.2f} times the noise" if least > 0 else ""
    if noise is not None and least <= EXACT * means[name]:
        floor = "; it could be 0, as the targets have no noise" if means[name] > 0 else ""
    return Finding("note", f"The best guess on test is {name}: {label} {means[name]:.4g}{floor}.")


def _errors(predicted: Tensor, split: Split) -> float:
    each = (predicted - split.targets.double()).square().mean(-1)
    return float(each.mean() if split.weight is None else (each * split.weight).sum() / split.weight.sum())


PROBES: tuple[Callable[[Looked], Iterator[Finding]], ...] = (
    *(constant_columns, scaled_by_all, echoes, linear_function, single_inputs, duplicates),
    *(classes, splits),
)
