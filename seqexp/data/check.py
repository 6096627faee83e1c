"""Whether a task keeps its word: its sizes, each seed's sample and its guesses, before anything learns from it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from seqexp.data.split import Split
from seqexp.data.task import Sample, Task

SIZES = ("input_size", "output_size", "num_sequences")


def check_sizes(task: Task) -> None:
    """Checks the attributes that a task must have before it is asked for a sample.

    Raises:
        ValueError: one is missing, or is not what `Task` says.
    """
    for name in SIZES:
        value = getattr(task, name, None)
        if type(value) is not int or value < 1:
            raise ValueError(f"{_name(task)}: {name} must be a whole number >= 1 (int), {_got(task, name)}")
    if type(getattr(task, "forecasts", None)) is not bool:
        raise ValueError(
            f"{_name(task)}: forecasts must be True (the targets continue the inputs' own series, so the split is "
            f"chronological) or False (the split is random), {_got(task, 'forecasts')}"
        )


def check_sample(task: Task, seed: int, sample: Sample, first: Sample | None = None) -> None:
    """Checks one seed's sample: kinds, shapes, and that every number is finite.

    Args:
        task: made the sample.
        seed: for that seed.
        sample: all of its sequences.
        first: the sample of the population's first seed, which the others are stacked with.

    Raises:
        ValueError: what was expected, and what came.
    """
    where = f"the sample of seed {seed} by {_name(task)}"
    if not isinstance(sample, Sample):
        raise ValueError(
            f"{where} must be a Sample(inputs, targets, noiseless) of seqexp.data.task, got {_kind(sample)}"
        )
    count, features, outputs = task.num_sequences, task.input_size, task.output_size
    sizes = f"num_sequences={count}, input_size={features}, output_size={outputs}"
    for name, tensor in sample._asdict().items():
        if tensor is None and name not in ("inputs", "targets"):
            continue
        kind = _kind(tensor)
        if kind != "torch.float32":
            raise ValueError(f"{where}: {name} must be an ordinary torch.float32 tensor on the CPU, got {kind}")
        steps: int | str = "T" if first is None else first.inputs.shape[1]
        wanted = (count, steps, features) if name == "inputs" else (count, outputs)
        shape = tuple(tensor.shape)
        if not _fits(shape, wanted):
            axes = "(N, T, I)" if name == "inputs" else "(N, O)"
            others = "" if first is None else ", T as for the first seed"
            raise ValueError(
                f"{where}: {name} must have the shape {axes} = {_shape(wanted)}, got {_shape(shape)} ({sizes}{others})"
            )
        _check_finite(f"{where}: {name}", tensor)
    for name in sample._fields:
        if first is not None and (getattr(sample, name) is None) != (getattr(first, name) is None):
            raise ValueError(f"{where}: {name} must be given for all seeds or for none")


def _fits(shape: tuple[int, ...], wanted: tuple[int | str, ...]) -> bool:
    pairs = zip(shape, wanted, strict=False)
    return len(shape) == len(wanted) and all(a == b or (b == "T" and a > 0) for a, b in pairs)


def _check_finite(where: str, tensor: Tensor) -> None:
    if tensor.isfinite().all():
        return
    wrong = (~tensor.isfinite()).nonzero()  # (wrong numbers, axes), in order of the sequences
    sequence, *rest = wrong[0].tolist()
    axes = ("step", "feature") if len(rest) == 2 else ("output",)
    place = ", ".join(f"{axis} {index}" for axis, index in zip(axes, rest, strict=True))
    more = len(wrong[:, 0].unique()) - 1
    others = f", and in {more} more" if more else ""
    value = tensor[tuple(wrong[0])].item()
    raise ValueError(f"{where} must be finite, got {value} in sequence {sequence} ({place}; counted from 0){others}")


def check_guess_names(task: Task, guesses: object, taken: str, most: int, longest: int) -> None:
    """Checks that guesses are a dict of named ones, as a record can hold them.

    Args:
        task: made the guesses.
        guesses: all of them.
        taken: the name under which seqexp records something else.
        most: how many guesses a record takes.
        longest: how many letters of a name.

    Raises:
        ValueError: what was expected, and what came.
    """
    where = f"{_name(task)}.guesses"
    if not isinstance(guesses, dict):
        raise ValueError(f"{where} must return a dict of name -> tensor or None, got {_kind(guesses)}")
    if len(guesses) > most:
        raise ValueError(f"{where} must return at most {most} guesses, got {len(guesses)}")
    for name in guesses:
        if not (isinstance(name, str) and name.strip() and name.isprintable() and len(name) <= longest):
            raise ValueError(
                f"{where}: the name of a guess must be a text of one line and at most {longest} letters, got {name!r}"
            )
        if name == taken:
            raise ValueError(
                f"{where}: a guess may not have the name {taken}, under which the score of the sample's noiseless "
                "targets is recorded"
            )


def check_guess(task: Task, name: str, guess: object, test: Split) -> None:
    """Checks one guess: its kind, its shape, and that every number is finite.

    Args:
        task: made it.
        name: what the task calls it.
        guess: should be (S, N, O), or (S, 1, O).
        test: the split whose targets are guessed.

    Raises:
        ValueError: what was expected, and what came.
    """
    where = f"{_name(task)}.guesses: {name}"
    if not (isinstance(guess, Tensor) and guess.is_floating_point() and _is_plain(guess)):
        raise ValueError(f"{where} must be an ordinary tensor of floats on the CPU, or None, got {_kind(guess)}")
    wanted, shape = tuple(test.targets.shape), tuple(guess.shape)
    if shape not in (wanted, (wanted[0], 1, wanted[2])):
        raise ValueError(f"{where} must have the shape (S, N, O) = {wanted}, or 1 for N, got {_shape(shape)}")
    for index, values in enumerate(guess):
        _check_finite(f"{where} for number {index + 1} of the {len(guess)} seeds", values)


def check_chance(task: Task, seed: int, sample: Sample, again: Callable[[], Sample]) -> None:
    """Checks that a sample is a function of the generator that the task was given.

    Args:
        task: made the sample.
        seed: for that seed.
        sample: as it was made.
        again: makes it once more, by a new task. Meanwhile torch's, NumPy's and Python's global generators are in
            other states.

    Raises:
        ValueError: the two differ.
    """
    before = digest(*sample)  # at once: the task may use its memory again
    with _other_chance():
        after = digest(*again())
    if before != after:
        raise ValueError(
            f"{_name(task)}.sample must draw from the generator that it is given and from nothing else, and its "
            f"constructor must draw nothing: the sample of seed {seed} differs between two tasks of the same settings. "
            "torch's functions take generator=generator; for NumPy, take "
            "np.random.default_rng(generator.initial_seed())"
        )


@contextmanager
def _other_chance() -> Iterator[None]:
    """Moves the global generators on for a while: then no draw of theirs is the one that it would have been."""
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    torch.rand(1), np.random.random_sample(), random.random()
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])
        random.setstate(states[2])


def digest(*tensors: Tensor | None) -> str:
    """Hash of the values, shapes and dtypes of some tensors on the CPU, in this order."""
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(b"None" if tensor is None else f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        if tensor is not None:
            found.update(tensor.contiguous().numpy().data)
    return found.hexdigest()[:32]


def _name(task: Task) -> str:
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
