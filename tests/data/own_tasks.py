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

from seqexp.data.shape import Values
from seqexp.data.split import Split
from seqexp.data.sum import Sum
from seqexp.data.task import Sequences, Task
from seqexp.score import Score
from seqexp.seeding import generator as seeded

COUNT, STEPS = 40, 5

# ---------------------------------------------------------------- wrong ones


def holding(tensor: Tensor, value: float, *place: int) -> Tensor:
    """A copy that holds a value at a place."""
    changed = tensor.clone()
    changed[place] = value
    return changed


WRONG: dict[str, tuple[Callable[[Tensor, Tensor], Any], str]] = {
    "targets (N,)": (lambda x, y: Sequences(x, y[:, 0]), "targets must have the shape (N, O) = (40, 1), got (40,)"),
    "targets (N, O, 1)": (lambda x, y: Sequences(x, y[..., None]), "(N, O) = (40, 1), got (40, 1, 1)"),
    "targets (N, 2)": (lambda x, y: Sequences(x, y.expand(-1, 2)), "(N, O) = (40, 1), got (40, 2)"),
    "targets (1, O)": (lambda x, y: Sequences(x, y[:1]), "(N, O) = (40, 1), got (1, 1)"),
    "inputs (T, N, I)": (lambda x, y: Sequences(x.transpose(0, 1), y), "(N, T, I) = (40, 5, 1), got (5, 40, 1)"),
    "inputs (N, T)": (lambda x, y: Sequences(x[..., 0], y), "(N, T, I) = (40, 5, 1), got (40, 5)"),
    "inputs (N, T, 2)": (lambda x, y: Sequences(x.expand(-1, -1, 2), y), "(40, 5, 1), got (40, 5, 2)"),
    "no steps": (lambda x, y: Sequences(x[:, :0], y), "(40, 5, 1), got (40, 0, 1)"),
    "too few": (lambda x, y: Sequences(x[1:], y[1:]), "(40, 5, 1), got (39, 5, 1)"),
    "surplus": (lambda x, y: Sequences(torch.cat([x, x]), torch.cat([y, y])), "(40, 5, 1), got (80, 5, 1)"),
    "best (N/2, O)": (
        lambda x, y: Sequences(x, y, best=y[::2]),
        "best must have the shape (N, O) = (40, 1), got (20",
    ),
    "weight for the last step": (
        lambda x, y: Sequences(x, y, weight=x[..., 0].abs()),
        "weight is for targets of every step (reads='steps')",
    ),
    "float64": (lambda x, y: Sequences(x.double(), y), "inputs must be an ordinary torch.float32 tensor"),
    "float64 targets": (lambda x, y: Sequences(x, y.double()), "targets must be an ordinary torch.float32 tensor"),
    "bfloat16": (lambda x, y: Sequences(x, y, best=y.bfloat16()), "best must be an ordinary torch.float32 tensor"),
    "int": (lambda x, y: Sequences(x.int(), y), "got torch.int32"),
    "complex": (lambda x, y: Sequences(x + 0j, y), "got torch.complex64"),
    "NumPy": (lambda x, y: Sequences(x.numpy(), y.numpy()), "got numpy.ndarray"),  # type: ignore[arg-type]
    "lists": (lambda x, y: Sequences(x.tolist(), y.tolist()), "got list of 40"),  # type: ignore[arg-type]
    "targets None": (lambda x, y: Sequences(x, None), "got NoneType"),  # type: ignore[arg-type]
    "with a gradient": (lambda x, y: Sequences(x.requires_grad_(), y), "requires_grad=True"),
    "sparse": (lambda x, y: Sequences(x.to_sparse(), y), "sparse"),
    "on another device": (lambda x, y: Sequences(x.to("meta"), y), "meta"),
    "2-tuple": (
        lambda x, y: (x, y),
        "must be Sequences(inputs, targets, ...) of seqexp.data.task, got tuple of 2",
    ),
    "None": (lambda x, y: None, "must be Sequences(inputs, targets, ...) of seqexp.data.task, got NoneType"),
    "nan at first": (lambda x, y: Sequences(holding(x, torch.nan, 0, 2, 0), y), "got nan in sequence 0 (step 2"),
    "nan at last": (lambda x, y: Sequences(holding(x, torch.nan, -1, 4, 0), y), "got nan in sequence 39 (step 4"),
    "inf": (
        lambda x, y: Sequences(x, holding(y, torch.inf, 30, 0)),
        "targets must be finite, got inf in sequence 30",
    ),
    "-inf": (
        lambda x, y: Sequences(x, y, best=holding(y, -torch.inf, 9, 0)),
        "best must be finite, got -inf in sequence 9",
    ),
    "all nan": (
        lambda x, y: Sequences(x * torch.nan, y),
        "nan in sequence 0 (step 0, feature 0; counted from 0), and in 39",
    ),
    "nan at best": (lambda x, y: Sequences(x, y, best=y * torch.nan), "best must be finite, got nan in sequence 0"),
}
"""How a sample can be wrong: what is handed over in the place of (x, y), and a part of what is said of it."""


class Wrong(Task):
    """Sums, as they should be but for the sample of one seed."""

    inputs = targets = Values(1)
    num_sequences = COUNT

    def __init__(self, how: str, seed: int) -> None:
        self.how = how
        self.seed = seed

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        x = torch.randn(COUNT, STEPS, 1, generator=generator)
        if generator.initial_seed() != seeded(self.seed, "data").initial_seed():
            return Sequences(x, x.sum(1))
        return WRONG[self.how][0](x, x.sum(1))  # type: ignore[no-any-return]


class Ragged(Wrong):
    """Sequences of another length for one seed, or something that only one seed gives."""

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        x = torch.randn(COUNT, STEPS, 1, generator=generator)
        if generator.initial_seed() != seeded(self.seed, "data").initial_seed():
            return Sequences(x, x.sum(1), best=x.sum(1))
        return Sequences(x[:, 1:], x.sum(1), best=x.sum(1)) if self.how == "steps" else Sequences(x, x.sum(1))


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

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        x = CHANCE[self.how]()
        return Sequences(x, x.sum(1))


class Drawing(Wrong):
    """Draws in its constructor."""

    def __init__(self, how: str, seed: int) -> None:
        super().__init__(how, seed)
        self.bias = CHANCE[how]()

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        x = torch.randn(COUNT, STEPS, 1, generator=generator) + self.bias
        return Sequences(x, x.sum(1))


class Remembering(Wrong):
    """Draws once for each seed, and hands over the same from then on."""

    def __init__(self, how: str, seed: int) -> None:
        super().__init__(how, seed)
        self.drawn: dict[int, Tensor] = {}

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        seed = generator.initial_seed()
        if seed not in self.drawn:
            self.drawn[seed] = CHANCE[self.how]()
        return Sequences(self.drawn[seed], self.drawn[seed].sum(1))


class Raises(Wrong):
    """Says itself that something is wrong with its data, or breaks."""

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
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
        "mine must be an ordinary tensor of floats on the CPU, a text or None, got numpy",
    ),
    "a float": (
        lambda y: {"mine": 0.5},
        "mine must be an ordinary tensor of floats on the CPU, a text or None, got float",
    ),
    "whole numbers": (lambda y: {"mine": y.int()}, "got torch.int32"),
    "complex": (lambda y: {"mine": y + 0j}, "got torch.complex64"),
    "with a gradient": (lambda y: {"mine": y.clone().requires_grad_()}, "requires_grad=True"),
    "on another device": (lambda y: {"mine": y.to("meta")}, "meta"),
    "nan": (
        lambda y: {"mine": holding(y, torch.nan, 1, 5, 0)},
        "mine for number 2 of the 3 seeds must be finite, got nan in sequence 5 (output 0; counted from 0)",
    ),
    "inf for all N": (lambda y: {"mine": y[:, :1] + torch.inf}, "must be finite, got inf in sequence 0"),
    "a list": (lambda y: [y], ".guesses must return a dict of name -> tensor, text or None, got list of 1"),
    "None": (lambda y: None, ".guesses must return a dict of name -> tensor, text or None, got NoneType"),
    "no name": (lambda y: {"": y}, "the name of a guess must be a text of one line and at most 200 letters, got ''"),
    "a number for a name": (
        lambda y: {3: y},
        "text of one line and at most 200 letters, got 3",
    ),
    "a name without end": (lambda y: {"a" * 201: y}, "at most 200 letters"),
    "more than a record takes": (lambda y: {f"guess {n}": y for n in range(50)}, "at most 49 guesses, got 50"),
    "two lines for a reason": (
        lambda y: {"mine": "no data\nhere"},
        "the reason why mine is left out must be a text of one line and at most 200 letters, got 'no data",
    ),
    "no reason": (lambda y: {"mine": ""}, "the reason why mine is left out must be a text"),
    "two lines for a name": (lambda y: {"a\nb": y}, "the name of a guess must be a text of one line"),
    "noise": (lambda y: {"noise": y}, "a guess may not have the name noise, under which"),
    "noise, None": (lambda y: {"noise": None}, "a guess may not have the name noise, under which"),
}
"""How guesses can be wrong: what is handed over for test targets y (3, 8, 1), and a part of what is said of it."""


class Guesses(Wrong):
    """Samples that are right, and guesses that are not, or break."""

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        x = torch.randn(COUNT, STEPS, 1, generator=generator)
        return Sequences(x, x.sum(1), best=x.sum(1))

    def guesses(self, train: Split, test: Split) -> Any:
        if self.how == "refuses":
            raise ValueError("test has a gap that nothing is known of")
        if self.how == "breaks":
            raise TypeError("row 7 is no row")
        return GUESSES[self.how][0](test.targets)


class Lacks(Wrong):
    """Lacks one attribute, or has another kind of it."""

    def __init__(self, how: str, value: Any) -> None:
        self.values: dict[str, Any] = {
            **{"inputs": Values(1), "targets": Values(1), "reads": "last", "num_sequences": COUNT},
            **{"chronological": True, "chooses_length": False},
        }
        del self.values[how]
        if value is not None:
            self.values[how] = value

    def __getattribute__(self, name: str) -> Any:
        if name in ("inputs", "targets", "reads", "num_sequences", "chronological", "chooses_length"):
            try:
                return self.values[name]
            except KeyError:
                raise AttributeError(name) from None
        return super().__getattribute__(name)


# ---------------------------------------------------------------- right ones


class Columns(Task):
    """Windows of some columns of a CSV file predict one column, `horizon` rows on: the same table for every seed."""

    targets = Values(1)
    chronological = True

    def __init__(self, path: str, columns: list[str], target: str, window: int, horizon: int) -> None:
        with open(path, encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.table = torch.tensor([[float(row[name]) for name in columns] for row in rows])
        self.values = torch.tensor([[float(row[target])] for row in rows])
        self.window, self.horizon = window, horizon
        self.inputs = Values(len(columns))
        self.num_sequences = len(rows) - window - horizon + 1

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        last = self.window - 1
        return Sequences(
            inputs=self.table.unfold(0, self.window, 1)[: self.num_sequences].transpose(1, 2),
            targets=self.values[last + self.horizon :],
        )

    def guesses(self, train: Split, test: Split) -> dict[str, Tensor | None]:
        return {**super().guesses(train, test), "persistence": test.inputs[:, :, -1, -1:]}


class Emptying(Columns):
    """The same, by a constructor that uses up the list that it is given."""

    def __init__(self, path: str, columns: list[str], target: str, window: int, horizon: int) -> None:
        taken = [columns.pop(0) for _ in range(len(columns))]
        super().__init__(path, taken, target, window, horizon)


class Ahead(Task):
    """The next `ahead` values of a noisy sine at once, from windows of time and value."""

    chronological = True

    def __init__(self, length: int, window: int, ahead: int, with_time: bool) -> None:
        self.length, self.window, self.ahead, self.with_time = length, window, ahead, with_time
        self.inputs, self.targets = Values(1 + with_time), Values(ahead)
        self.num_sequences = length - window - ahead + 1

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        t = 0.1 * torch.arange(self.length)
        y = torch.sin(t) + 0.05 * torch.randn(self.length, generator=generator)
        series = torch.stack([t / 100, y], 1) if self.with_time else y[:, None]
        inputs = series.unfold(0, self.window, 1)[: self.num_sequences].transpose(1, 2)
        targets = y.unfold(0, self.ahead, 1)[self.window :]
        return Sequences(inputs, targets)

    def guesses(self, train: Split, test: Split) -> dict[str, Tensor | None]:
        last = test.inputs[:, :, -1, -1:].expand(-1, -1, self.ahead)  # (S, N, T, I) -> (S, N, O)
        return {**super().guesses(train, test), "persistence": last}


class Older(Task):
    """As tasks were written for seqexp 0.1."""

    input_size = output_size = 1
    forecasts = False
    num_sequences = COUNT

    def sample(self, generator: torch.Generator) -> Any:  # type: ignore[override]
        x = torch.randn(COUNT, STEPS, 1, generator=generator)
        return x, x.sum(1), None


class Quartic(Score):
    """The mean of the fourth powers of the errors, as somebody would write it who knows no calculus."""

    name, label, unit = "quartic", "quartic error", "fourth powers of the data"
    targets = "values"

    def value(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        return (prediction - target).pow(4).mean((1, 2))


class Nameless(Quartic):
    """Lacks what a table would show of it."""

    label = None  # type: ignore[assignment]


class Scored(Sum):
    """Says by itself what it is scored by."""

    def __init__(self, num_sequences: int, length: int, kind: str) -> None:
        super().__init__(num_sequences, length, "normal")
        self.kind = kind

    @property
    def score(self) -> Any:
        return {"quartic": Quartic(), "text": "mse"}[self.kind]


class Ends(Task):
    """Sequences of five steps; those of the second seed end at another."""

    inputs = targets = Values(1)
    num_sequences = COUNT

    def __init__(self, second: int) -> None:
        self.second = second

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        x = torch.randn(COUNT, STEPS, 1, generator=generator)
        last = self.second if generator.initial_seed() == seeded(1, "data").initial_seed() else STEPS
        x[:, last:] = 0
        return Sequences(x, x.sum(1), lengths=torch.full((COUNT,), last))


class Reusing(Task):
    """Fills the same memory for every seed."""

    inputs = targets = Values(1)
    chronological = True
    num_sequences = COUNT

    def __init__(self) -> None:
        self.x = torch.empty(COUNT, STEPS, 1)
        self.y = torch.empty(COUNT, 1)

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        self.x.normal_(generator=generator)
        self.y.copy_(self.x.sum(1))
        return Sequences(self.x, self.y)
