"""Tasks as their owners write them, outside seqexp: right ones, and one that can be wrong in many ways."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqexp.data.split import Split
from seqexp.data.task import Sample, Task
from seqexp.seeding import generator as seeded

COUNT, STEPS = 40, 5

# ---------------------------------------------------------------- wrong ones


def holding(tensor: Tensor, value: float, *place: int) -> Tensor:
    """A copy that holds a value at a place."""
    changed = tensor.clone()
    changed[place] = value
    return changed


WRONG: dict[str, tuple[Callable[[Tensor, Tensor], Any], str]] = {
    "targets (N,)": (lambda x, y: Sample(x, y[:, 0], None), "targets must have the shape (N, O) = (40, 1), got (40,)"),
    "targets (N, O, 1)": (lambda x, y: Sample(x, y[..., None], None), "(N, O) = (40, 1), got (40, 1, 1)"),
    "targets (N, 2)": (lambda x, y: Sample(x, y.expand(-1, 2), None), "(N, O) = (40, 1), got (40, 2)"),
    "targets (1, O)": (lambda x, y: Sample(x, y[:1], None), "(N, O) = (40, 1), got (1, 1)"),
    "inputs (T, N, I)": (lambda x, y: Sample(x.transpose(0, 1), y, None), "(N, T, I) = (40, 5, 1), got (5, 40, 1)"),
    "inputs (N, T)": (lambda x, y: Sample(x[..., 0], y, None), "(N, T, I) = (40, 5, 1), got (40, 5)"),
    "inputs (N, T, 2)": (lambda x, y: Sample(x.expand(-1, -1, 2), y, None), "(40, 5, 1), got (40, 5, 2)"),
    "no steps": (lambda x, y: Sample(x[:, :0], y, None), "(40, 5, 1), got (40, 0, 1)"),
    "too few": (lambda x, y: Sample(x[1:], y[1:], None), "(40, 5, 1), got (39, 5, 1)"),
    "surplus": (lambda x, y: Sample(torch.cat([x, x]), torch.cat([y, y]), None), "(40, 5, 1), got (80, 5, 1)"),
    "noiseless (N/2, O)": (
        lambda x, y: Sample(x, y, y[::2]),
        "noiseless must have the shape (N, O) = (40, 1), got (20",
    ),
    "persistence (N, T)": (
        lambda x, y: Sample(x, y, None, x[..., 0]),
        "persistence must have the shape (N, O) = (40, 1)",
    ),
    "float64": (lambda x, y: Sample(x.double(), y, None), "inputs must be an ordinary torch.float32 tensor"),
    "float64 targets": (lambda x, y: Sample(x, y.double(), None), "targets must be an ordinary torch.float32 tensor"),
    "bfloat16": (lambda x, y: Sample(x, y, y.bfloat16()), "noiseless must be an ordinary torch.float32 tensor"),
    "int": (lambda x, y: Sample(x.int(), y, None), "got torch.int32"),
    "complex": (lambda x, y: Sample(x + 0j, y, None), "got torch.complex64"),
    "NumPy": (lambda x, y: Sample(x.numpy(), y.numpy(), None), "got numpy.ndarray"),  # type: ignore[arg-type]
    "lists": (lambda x, y: Sample(x.tolist(), y.tolist(), None), "got list of 40"),  # type: ignore[arg-type]
    "targets None": (lambda x, y: Sample(x, None, None), "got NoneType"),  # type: ignore[arg-type]
    "with a gradient": (lambda x, y: Sample(x.requires_grad_(), y, None), "requires_grad=True"),
    "sparse": (lambda x, y: Sample(x.to_sparse(), y, None), "sparse"),
    "on another device": (lambda x, y: Sample(x.to("meta"), y, None), "meta"),
    "2-tuple": (
        lambda x, y: (x, y),
        "must be a Sample(inputs, targets, noiseless) of seqexp.data.task, got tuple of 2",
    ),
    "None": (lambda x, y: None, "must be a Sample(inputs, targets, noiseless) of seqexp.data.task, got NoneType"),
    "nan at first": (lambda x, y: Sample(holding(x, torch.nan, 0, 2, 0), y, None), "got nan in sequence 0 (step 2"),
    "nan at last": (lambda x, y: Sample(holding(x, torch.nan, -1, 4, 0), y, None), "got nan in sequence 39 (step 4"),
    "inf": (
        lambda x, y: Sample(x, holding(y, torch.inf, 30, 0), None),
        "targets must be finite, got inf in sequence 30",
    ),
    "-inf": (
        lambda x, y: Sample(x, y, holding(y, -torch.inf, 9, 0)),
        "noiseless must be finite, got -inf in sequence 9",
    ),
    "all nan": (
        lambda x, y: Sample(x * torch.nan, y, None),
        "nan in sequence 0 (step 0, feature 0; counted from 0), and in 39",
    ),
    "nan guess": (lambda x, y: Sample(x, y, None, y * torch.nan), "persistence must be finite, got nan in sequence 0"),
}
"""How a sample can be wrong: what is handed over in the place of (x, y), and a part of what is said of it."""


class Wrong(Task):
    """Sums, as they should be but for the sample of one seed."""

    input_size = output_size = 1
    forecasts = False
    num_sequences = COUNT

    def __init__(self, how: str, seed: int) -> None:
        self.how = how
        self.seed = seed

    def sample(self, generator: torch.Generator) -> Sample:
        x = torch.randn(COUNT, STEPS, 1, generator=generator)
        if generator.initial_seed() != seeded(self.seed, "data").initial_seed():
            return Sample(x, x.sum(1), None)
        return WRONG[self.how][0](x, x.sum(1))  # type: ignore[no-any-return]


class Ragged(Wrong):
    """Sequences of another length for one seed, or something that only one seed gives."""

    def sample(self, generator: torch.Generator) -> Sample:
        x = torch.randn(COUNT, STEPS, 1, generator=generator)
        if generator.initial_seed() != seeded(self.seed, "data").initial_seed():
            return Sample(x, x.sum(1), x.sum(1))
        return Sample(x[:, 1:], x.sum(1), x.sum(1)) if self.how == "steps" else Sample(x, x.sum(1), None)


def _counted(numbers: Iterator[int]) -> Callable[[], Tensor]:
    return lambda: torch.full((COUNT, STEPS, 1), float(next(numbers)))


CHANCE: dict[str, Callable[[], Tensor]] = {
    "torch": lambda: torch.randn(COUNT, STEPS, 1),
    "a single draw of torch": lambda: torch.zeros(COUNT, STEPS, 1) + torch.rand(1),
    "numpy": lambda: torch.from_numpy(np.random.normal(size=(COUNT, STEPS, 1))).float(),
    "random": lambda: torch.full((COUNT, STEPS, 1), random.gauss()),
    "fresh entropy": lambda: torch.from_numpy(np.random.default_rng().normal(size=(COUNT, STEPS, 1))).float(),
    "a count of its calls": _counted(count()),
}
"""Where a sample's numbers may come from that is not its generator."""


class Chancy(Wrong):
    """Draws what no seed gives again."""

    def sample(self, generator: torch.Generator) -> Sample:
        x = CHANCE[self.how]()
        return Sample(x, x.sum(1), None)


class Drawing(Wrong):
    """Draws in its constructor."""

    def __init__(self, how: str, seed: int) -> None:
        super().__init__(how, seed)
        self.bias = CHANCE[how]()

    def sample(self, generator: torch.Generator) -> Sample:
        x = torch.randn(COUNT, STEPS, 1, generator=generator) + self.bias
        return Sample(x, x.sum(1), None)


class Remembering(Wrong):
    """Draws once for each seed, and hands over the same from then on."""

    def __init__(self, how: str, seed: int) -> None:
        super().__init__(how, seed)
        self.drawn: dict[int, Tensor] = {}

    def sample(self, generator: torch.Generator) -> Sample:
        seed = generator.initial_seed()
        if seed not in self.drawn:
            self.drawn[seed] = CHANCE[self.how]()
        return Sample(self.drawn[seed], self.drawn[seed].sum(1), None)


class Raises(Wrong):
    """Says itself that something is wrong with its data, or breaks."""

    def sample(self, generator: torch.Generator) -> Sample:
        if self.how == "refuses":
            raise ValueError("row 7 of the table is empty")
        raise KeyError("column")


GUESSES: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "(S, N)": (lambda y: {"mine": y[..., 0]}, "mine must have the shape (S, N, O) = (3, 8, 1), or 1 for N, got (3, 8)"),
    "(N, O)": (lambda y: {"mine": y[0]}, "got (8, 1)"),
    "(S, N - 1, O)": (lambda y: {"mine": y[:, 1:]}, "got (3, 7, 1)"),
    "(S, N, O + 2)": (lambda y: {"mine": y.expand(-1, -1, 3)}, "got (3, 8, 3)"),
    "NumPy": (
        lambda y: {"mine": y.numpy()},
        "mine must be an ordinary tensor of floats on the CPU, or None, got numpy",
    ),
    "a float": (lambda y: {"mine": 0.5}, "mine must be an ordinary tensor of floats on the CPU, or None, got float"),
    "whole numbers": (lambda y: {"mine": y.int()}, "got torch.int32"),
    "complex": (lambda y: {"mine": y + 0j}, "got torch.complex64"),
    "with a gradient": (lambda y: {"mine": y.clone().requires_grad_()}, "requires_grad=True"),
    "on another device": (lambda y: {"mine": y.to("meta")}, "meta"),
    "nan": (
        lambda y: {"mine": holding(y, torch.nan, 1, 5, 0)},
        "mine for number 2 of the 3 seeds must be finite, got nan in sequence 5 (output 0; counted from 0)",
    ),
    "inf for all N": (lambda y: {"mine": y[:, :1] + torch.inf}, "must be finite, got inf in sequence 0"),
    "a list": (lambda y: [y], ".guesses must return a dict of name -> tensor or None, got list of 1"),
    "None": (lambda y: None, ".guesses must return a dict of name -> tensor or None, got NoneType"),
    "no name": (lambda y: {"": y}, "the name of a guess must be a text of one line and at most 200 letters, got ''"),
    "a number for a name": (
        lambda y: {3: y},
        "text of one line and at most 200 letters, got 3",
    ),
    "a name without end": (lambda y: {"a" * 201: y}, "at most 200 letters"),
    "more than a record takes": (lambda y: {f"guess {n}": y for n in range(50)}, "at most 49 guesses, got 50"),
    "two lines for a name": (lambda y: {"a\nb": y}, "the name of a guess must be a text of one line"),
    "noise": (lambda y: {"noise": y}, "a guess may not have the name noise, under which"),
    "noise, None": (lambda y: {"noise": None}, "a guess may not have the name noise, under which"),
}
"""How guesses can be wrong: what is handed over for test targets y (3, 8, 1), and a part of what is said of it."""


class Guesses(Wrong):
    """Samples that are right, and guesses that are not, or break."""

    def sample(self, generator: torch.Generator) -> Sample:
        x = torch.randn(COUNT, STEPS, 1, generator=generator)
        return Sample(x, x.sum(1), x.sum(1))

    def guesses(self, train: Split, test: Split) -> Any:
        if self.how == "refuses":
            raise ValueError("test has a gap that nothing is known of")
        if self.how == "breaks":
            raise TypeError("row 7 is no row")
        return GUESSES[self.how][0](test.targets)


class Lacks(Wrong):
    """Lacks one attribute, or has another kind of it."""

    def __init__(self, how: str, value: Any) -> None:
        self.values: dict[str, Any] = {"input_size": 1, "output_size": 1, "num_sequences": COUNT, "forecasts": True}
        del self.values[how]
        if value is not None:
            self.values[how] = value

    def __getattribute__(self, name: str) -> Any:
        if name in ("input_size", "output_size", "num_sequences", "forecasts"):
            try:
                return self.values[name]
            except KeyError:
                raise AttributeError(name) from None
        return super().__getattribute__(name)


# ---------------------------------------------------------------- right ones


class Columns(Task):
    """Windows of some columns of a CSV file predict one column, `horizon` rows on: the same table for every seed."""

    output_size = 1
    forecasts = True

    def __init__(self, path: str, columns: list[str], target: str, window: int, horizon: int) -> None:
        with open(path, encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.inputs = torch.tensor([[float(row[name]) for name in columns] for row in rows])
        self.values = torch.tensor([[float(row[target])] for row in rows])
        self.window, self.horizon = window, horizon
        self.input_size = len(columns)
        self.num_sequences = len(rows) - window - horizon + 1

    def sample(self, generator: torch.Generator) -> Sample:
        last = self.window - 1
        return Sample(
            inputs=self.inputs.unfold(0, self.window, 1)[: self.num_sequences].transpose(1, 2),
            targets=self.values[last + self.horizon :],
            noiseless=None,
            persistence=self.values[last : last + self.num_sequences],
        )


class Emptying(Columns):
    """The same, by a constructor that uses up the list that it is given."""

    def __init__(self, path: str, columns: list[str], target: str, window: int, horizon: int) -> None:
        taken = [columns.pop(0) for _ in range(len(columns))]
        super().__init__(path, taken, target, window, horizon)


class Ahead(Task):
    """The next `ahead` values of a noisy sine at once, from windows of time and value."""

    forecasts = True

    def __init__(self, length: int, window: int, ahead: int, with_time: bool) -> None:
        self.length, self.window, self.ahead, self.with_time = length, window, ahead, with_time
        self.input_size, self.output_size = 1 + with_time, ahead
        self.num_sequences = length - window - ahead + 1

    def sample(self, generator: torch.Generator) -> Sample:
        t = 0.1 * torch.arange(self.length)
        y = torch.sin(t) + 0.05 * torch.randn(self.length, generator=generator)
        series = torch.stack([t / 100, y], 1) if self.with_time else y[:, None]
        inputs = series.unfold(0, self.window, 1)[: self.num_sequences].transpose(1, 2)
        targets = y.unfold(0, self.ahead, 1)[self.window :]
        return Sample(inputs, targets, None, inputs[:, -1, -1:].expand(-1, self.ahead))


class Older(Ahead):
    """The same as it was written for seqexp 0.1, which took persistence from the inputs."""

    def sample(self, generator: torch.Generator) -> Sample:
        inputs, targets, *_ = super().sample(generator)
        return Sample(inputs, targets, None)


class Reusing(Task):
    """Fills the same memory for every seed."""

    input_size = output_size = 1
    forecasts = True
    num_sequences = COUNT

    def __init__(self) -> None:
        self.inputs = torch.empty(COUNT, STEPS, 1)
        self.targets = torch.empty(COUNT, 1)

    def sample(self, generator: torch.Generator) -> Sample:
        self.inputs.normal_(generator=generator)
        self.targets.copy_(self.inputs.sum(1))
        return Sample(self.inputs, self.targets, None)
