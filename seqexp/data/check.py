"""Whether a task keeps its word: its sizes, each seed's sample and its guesses, before anything learns from it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seqexp.data.shape import Classes, Tokens, Values
from seqexp.data.split import Split
from seqexp.data.task import Sequences, Task, outputs

MIGRATING = "docs/migrating.md says what a task of 0.1 needs"

LONGEST_TEXT = 200
"""Letters of what a task says of its data."""


def check_task(task: Task) -> None:
    """Checks the attributes that a task must have before it is asked for a sample.

    Raises:
        ValueError: one is missing, or is not what `Task` says.
    """
    former = [name for name in ("input_size", "output_size") if hasattr(task, name)]
    for name, kinds in (("inputs", (Values, Tokens)), ("targets", (Values, Classes))):
        if not isinstance(getattr(task, name, None), kinds):
            words = " or ".join(f"{kind.__name__}(...)" for kind in kinds)
            old = f"; {former[0]} is how a task of 0.1 says it, and {MIGRATING}" if former else ""
            raise ValueError(f"{name_of(task)}: {name} must be {words} of seqexp.data.shape, {_got(task, name)}{old}")
    if task.reads not in ("last", "steps"):
        raise ValueError(f"{name_of(task)}: reads must be 'last' or 'steps', {_got(task, 'reads')}")
    task.check_enough()
    count = getattr(task, "num_sequences", None)
    if type(count) is not int or count < 1:
        raise ValueError(
            f"{name_of(task)}: num_sequences must be a whole number >= 1 (int), {_got(task, 'num_sequences')}"
        )
    for name in ("chronological", "chooses_length", "fixed"):
        if type(getattr(task, name)) is not bool:
            raise ValueError(f"{name_of(task)}: {name} must be True or False, {_got(task, name)}")
    check_texts(task, "varies", [getattr(task, "varies", None)])
    _check_scales(task)


def _check_scales(task: Task) -> None:
    if task.scales is None:
        return
    sizes = [each.size if isinstance(each, Values) else 0 for each in (task.inputs, task.targets)]
    found = [len(task.scales.inputs), len(task.scales.targets)]
    if not isinstance(task.inputs, Values) or found != sizes:
        raise ValueError(
            f"{name_of(task)}: scales must have one kind for each input and target that is a value, {sizes} of them, "
            f"got {found}"
        )


def check_texts(task: Task, name: str, texts: object) -> list[str]:
    """Checks what a task says of its data, as a comparison prints it.

    Raises:
        ValueError: it is no list of texts, or one of them is empty, or longer than a line.
    """
    for text in texts if isinstance(texts, list) else [None]:
        if not (isinstance(text, str) and 0 < len(text.strip()) <= LONGEST_TEXT and text.isprintable()):
            raise ValueError(f"{name_of(task)}: {name} must be text of one line and at most {LONGEST_TEXT} letters")
    return list(texts)  # type: ignore[call-overload,no-any-return]


def check_sample(task: Task, where: str, sample: Sequences, count: int, first: Sequences | None = None) -> None:
    """Checks what a task made for one seed: kinds, shapes, and that every number is finite and in its range.

    Args:
        task: made it.
        where: what it is, for messages.
        sample: all of its sequences.
        count: how many there must be.
        first: the same of the population's first seed, which the others are stacked with.

    Raises:
        ValueError: what was expected, and what came.
    """
    where = f"{where} by {name_of(task)}"
    if not isinstance(sample, Sequences):
        raise ValueError(f"{where} must be Sequences(inputs, targets, ...) of seqexp.data.task, got {_kind(sample)}")
    steps: int | str = "T" if first is None else first.inputs.shape[1]
    for name, tensor in sample._asdict().items():
        if tensor is None and name not in ("inputs", "targets"):
            continue
        axes, wanted, dtype = _expected(task, name, count, steps)
        kind = _kind(tensor)
        if kind != str(dtype):
            raise ValueError(f"{where}: {name} must be an ordinary {dtype} tensor on the CPU, got {kind}")
        shape = tuple(tensor.shape)
        if not _fits(shape, wanted):
            others = "" if first is None else "; T as for the first seed"
            raise ValueError(
                f"{where}: {name} must have the shape {axes} = {_shape(wanted)}, got {_shape(shape)} "
                f"(num_sequences={count}, inputs={task.inputs}, targets={task.targets}, reads={task.reads!r}{others})"
            )
        if name == "inputs":
            steps = shape[1]
        _check_finite(f"{where}: {name}", tensor, axes)
        _check_range(task, f"{where}: {name}", name, tensor, int(steps))
    if task.reads == "last" and sample.weight is not None:
        raise ValueError(f"{where}: weight is for targets of every step (reads='steps'), and this task reads the last")


def check_alike(task: Task, where: str, sample: Sequences, first: Sequences) -> None:
    """Checks that a seed's sequences have what the first seed's have, which they are stacked with.

    Raises:
        ValueError: weights, lengths or the best predictions are given for one of the two only.
    """
    for name in sample._fields:
        if (getattr(sample, name) is None) != (getattr(first, name) is None):
            raise ValueError(f"{where} by {name_of(task)}: {name} must be given for all seeds or for none")


def check_counted(task: Task, name: str, split: Split, seeds: Sequence[int]) -> None:
    """Checks that every seed has a target that counts, without which a split has no score.

    Args:
        task: made the split.
        name: of the split.
        split: of all seeds, perhaps without sequences; what is padded has no weight.
        seeds: the S seeds.

    Raises:
        ValueError: a seed has none.
    """
    if split.weight is None or split.num_sequences == 0:
        return
    for seed, total in zip(seeds, split.weight.flatten(1).sum(1).tolist(), strict=True):
        if total == 0:
            raise ValueError(
                f"{name_of(task)}: weight must be > 0 somewhere in the sequences for {name}, within their lengths, "
                f"and is 0 everywhere for seed {seed}"
            )


def _expected(task: Task, name: str, count: int, steps: int | str) -> tuple[str, tuple[int | str, ...], torch.dtype]:
    """The axes, sizes and dtype of a part of the sequences."""
    if name == "lengths":
        return "(N,)", (count,), torch.int64
    if name == "weight":
        return "(N, T)", (count, steps), torch.float32
    of = task.inputs if name == "inputs" else task.targets
    has_steps = name in ("inputs", "past") or task.reads == "steps"
    axes, wanted = ("(N, T", (count, steps)) if has_steps else ("(N", (count,))
    size = of.size if isinstance(of, Values) else outputs(task.targets) if name == "best" else None
    if size is None:
        return f"{axes}{')' if 'T' in axes else ',)'}", wanted, torch.int64
    letter = "I" if name == "inputs" else "O" if isinstance(of, Values) else "C"
    return f"{axes}, {letter})", (*wanted, size), torch.float32


def _fits(shape: tuple[int, ...], wanted: tuple[int | str, ...]) -> bool:
    pairs = zip(shape, wanted, strict=False)
    return len(shape) == len(wanted) and all(a == b or (b == "T" and a > 0) for a, b in pairs)


AXES = {"N": "sequence", "T": "step", "I": "feature", "O": "output", "C": "class"}
"""What the axes of a sample are called in messages."""


def _check_finite(where: str, tensor: Tensor, axes: str) -> None:
    if not tensor.is_floating_point() or tensor.isfinite().all():
        return
    raise ValueError(f"{where} must be finite, got {_wrong(tensor, ~tensor.isfinite(), axes)}")


def _check_range(task: Task, where: str, name: str, tensor: Tensor, steps: int) -> None:
    """Checks tokens, classes, lengths and weights."""
    if name == "lengths":
        low, high, axes = 1, steps, "(N,)"
    elif name == "weight":
        if (tensor < 0).any():
            raise ValueError(f"{where} must be >= 0, got {_wrong(tensor, tensor < 0, '(N, T)')}")
        if not (tensor > 0).any():
            raise ValueError(f"{where} must be > 0 somewhere, and is 0 everywhere")
        return
    elif name in ("inputs", "targets") and not isinstance(of := getattr(task, name), Values):
        low, high, axes = 0, of.count - 1, "(N, T)" if tensor.dim() == 2 else "(N,)"
    else:
        return
    outside = (tensor < low) | (tensor > high)
    if outside.any():
        raise ValueError(f"{where} must be >= {low} and <= {high}, got {_wrong(tensor, outside, axes)}")


def _wrong(tensor: Tensor, wrong: Tensor, axes: str) -> str:
    """The first of the wrong numbers, its place, and in how many sequences there are more."""
    places = wrong.nonzero()  # (wrong numbers, axes), in order of the sequences
    sequence, *rest = places[0].tolist()
    names = [AXES[letter] for letter in axes if letter in AXES][1:]
    place = ", ".join(f"{axis} {index}" for axis, index in zip(names, rest, strict=True))
    more = len(places[:, 0].unique()) - 1
    others = f", and in {more} more" if more else ""
    value = tensor[tuple(places[0])].item()
    return f"{value} in sequence {sequence} ({place}{'; ' if place else ''}counted from 0){others}"


def check_guess_names(task: Task, guesses: object, taken: str, most: int, longest: int) -> None:
    """Checks that guesses are a dict of named ones, or of reasons, as a record can hold them.

    Args:
        task: made the guesses.
        guesses: all of them.
        taken: the name under which seqexp records something else.
        most: how many guesses a record takes.
        longest: how many letters of a name or a reason.

    Raises:
        ValueError: what was expected, and what came.
    """
    where = f"{name_of(task)}.guesses"
    if not isinstance(guesses, dict):
        raise ValueError(f"{where} must return a dict of name -> tensor, text or None, got {_kind(guesses)}")
    if len(guesses) > most:
        raise ValueError(f"{where} must return at most {most} guesses, got {len(guesses)}")
    for name in guesses:
        if not _is_line(name, longest):
            raise ValueError(
                f"{where}: the name of a guess must be a text of one line and at most {longest} letters, got {name!r}"
            )
        if name == taken:
            raise ValueError(
                f"{where}: a guess may not have the name {taken}, under which the score of the sample's best "
                "prediction is recorded"
            )
        if isinstance(reason := guesses[name], str) and not _is_line(reason, longest):
            raise ValueError(
                f"{where}: the reason why {name} is left out must be a text of one line and at most {longest} letters, "
                f"got {reason!r}"
            )


def _is_line(text: object, longest: int) -> bool:
    return isinstance(text, str) and bool(text.strip()) and text.isprintable() and len(text) <= longest


def check_guess(task: Task, name: str, guess: object, test: Split) -> None:
    """Checks one guess: its kind, its shape, and that every number is finite.

    Args:
        task: made it.
        name: what the task calls it.
        guess: should be a prediction of the targets, or have 1 in the place of N or T.
        test: the split whose targets are guessed.

    Raises:
        ValueError: what was expected, and what came.
    """
    where = f"{name_of(task)}.guesses: {name}"
    if not (isinstance(guess, Tensor) and guess.is_floating_point() and _is_plain(guess)):
        raise ValueError(f"{where} must be an ordinary tensor of floats on the CPU, a text or None, got {_kind(guess)}")
    size = outputs(task.targets)
    whole = (*test.inputs.shape[: 2 if task.reads == "last" else 3], size)
    shape = tuple(guess.shape)
    alike = [length if axis in (0, len(whole) - 1) else 1 for axis, length in enumerate(whole)]
    if len(shape) != len(whole) or any(n not in (w, a) for n, w, a in zip(shape, whole, alike, strict=True)):
        axes = f"(S, N, {'T, ' if task.reads == 'steps' else ''}{'O' if isinstance(task.targets, Values) else 'C'})"
        ones = "N" if task.reads == "last" else "N or T"
        raise ValueError(f"{where} must have the shape {axes} = {whole}, or 1 for {ones}, got {_shape(shape)}")
    for index, values in enumerate(guess):
        name = f"{where} for number {index + 1} of the {len(guess)} seeds"
        _check_finite(name, values, "(N, T, O)" if task.reads == "steps" else "(N, O)")


def name_of(task: Task) -> str:
    """The dotted path of a task's class."""
    return f"{type(task).__module__}.{type(task).__qualname__}"


def _got(task: Task, name: str) -> str:
    return f"got {getattr(task, name)!r}" if hasattr(task, name) else "and there is none"


def _shape(sizes: tuple[int | str, ...]) -> str:
    return f"({', '.join(map(str, sizes))}{',' * (len(sizes) == 1)})"


def _kind(value: object) -> str:
    """What a value is, in as few words as tell it from a float32 tensor."""
    if not isinstance(value, Tensor):
        length = f" of {len(value)}" if isinstance(value, tuple | list) else ""
        return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.") + length
    words = [] if _is_plain(value) else [str(value.layout), str(value.device), f"requires_grad={value.requires_grad}"]
    return " ".join([str(value.dtype), *words])


def _is_plain(tensor: Tensor) -> bool:
    return tensor.layout is torch.strided and not tensor.requires_grad and tensor.device.type == "cpu"
