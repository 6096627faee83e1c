"""Handwritten digits, read as sequences: row by row, pixel by pixel, or in a mixed order."""

from __future__ import annotations

import gzip

import numpy as np
import torch
from torch import Tensor

from seqexp.data import installed
from seqexp.data.guesses import Guess, rows, too_much
from seqexp.data.shape import Classes, Values
from seqexp.data.split import Split
from seqexp.data.task import Sequences, Task

FILE = "datasets/data/digits.csv.gz"
"""Below the folder of scikit-learn: 1797 lines of 64 pixels from 0 to 16 and the class."""

COUNT, SIDE, BRIGHTEST, CLASSES = 1797, 8, 16, 10

# One order for everybody: torch.randperm(64) at the seed 0.
PERMUTATION = (
    *(44, 46, 17, 3, 47, 21, 35, 6, 33, 2, 63, 19, 28, 22, 42, 11, 40, 4, 14, 13, 15, 52, 8, 45, 48, 60, 55, 16, 61),
    *(54, 9, 1, 51, 32, 59, 49, 31, 10, 26, 5, 18, 0, 62, 27, 38, 50, 34, 41, 43, 23, 56, 25, 57, 37, 30, 20, 53, 12),
    *(29, 39, 7, 24, 58, 36),
)
"""Step t of `permuted` reads pixel PERMUTATION[t], counted from 0 row by row."""


class Digits(Task):
    """1,797 pictures of 8 x 8 pixels, of which class 0 to 9 is to be said after the last step.

    The first picture of the file, from 0 (`.`) over 6 (`:`) and 11 (`#`) to 16, and how its pixels are read:

        . . . # : . . .     rows      inputs  (8, 8): row 0, row 1, ... row 7
        . . # # : # . .     pixels    inputs  (64, 1): row 0 from left to right, row 1, ... row 7
        . . # . . # : .     permuted  inputs  (64, 1): the same pixels in the order of `PERMUTATION`
        . . # . . : : .
        . . : . . : : .     target  0
        . . # . . # : .
        . . # . : # . .
        . . : # : . . .

    There is one data set for all seeds, and one split, which `data_seed` draws (null is 0): intervals over seeds speak
    of initial weights and of the order of training only, and with `data.folds` of several test sets. Pixels are divided
    by 16. In the mixed order neighbours are far apart, which no guess notices. The 13 writers are in all splits alike:
    scores are those of known writers.

    A constant guess scores about ln 10 = 2.303 nats; `logistic` is a logistic regression on all 64 pixels, and
    `nearest` the class of the nearest training picture. The noise is not known.

    Source: E. Alpaydin, C. Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning Repository (1998),
    its test set, as scikit-learn has it (`load_digits`). Pixel by pixel and permuted as in Q. V. Le, N. Jaitly,
    G. E. Hinton, "A simple way to initialize recurrent networks of rectified linear units" (2015), with MNIST.

    Args:
        by: rows, pixels, or permuted.

    Raises:
        ValueError: a setting is out of range, or scikit-learn is not installed.
    """

    inputs: Values
    targets = Classes(CLASSES)
    fixed = True
    num_sequences = COUNT

    def __init__(self, by: str) -> None:
        if by not in ("rows", "pixels", "permuted"):
            raise ValueError(f"by must be rows, pixels or permuted, got {by!r}")
        self.by = by
        self.inputs = Values(SIDE if by == "rows" else 1)
        with gzip.open(installed.find("sklearn", "scikit-learn", FILE), "rt", encoding="ascii") as file:
            table = torch.from_numpy(np.loadtxt(file, delimiter=",", dtype=np.int64))
        if table.shape != (COUNT, SIDE * SIDE + 1):
            raise ValueError(
                f"{FILE} of scikit-learn has {tuple(table.shape)} numbers, and not those of 1,797 pictures"
            )
        self._table = table

    @property
    def numbers(self) -> int:
        """Pixels and classes."""
        return COUNT * (SIDE * SIDE + 1)

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        """All pictures in the order of the file: inputs (N, 8, 8) or (N, 64, 1), classes (N,).

        Raises:
            ValueError: another number or length of sequences is asked for.
        """
        if count != COUNT or length is not None:
            raise ValueError(f"the digits are {COUNT} pictures of {SIDE * SIDE} pixels")
        pixels = self._table[:, :-1].float() / BRIGHTEST  # (N, 64)
        if self.by == "permuted":
            pixels = pixels[:, list(PERMUTATION)]
        return Sequences(pixels.reshape(COUNT, -1, self.inputs.size), self._table[:, -1].clone())

    def guesses(self, train: Split, test: Split) -> dict[str, Guess]:
        """Adds the class of the nearest training picture."""
        return {**super().guesses(train, test), "nearest": nearest(train, test, self.targets)}


def nearest(train: Split, test: Split, targets: Classes) -> Tensor | str:
    """The class of the training sequence that is nearest by the squares of all differences, per seed.

    How sure it is, is measured: with `wrong` of n training sequences of another class than their nearest neighbour
    among the others, it gives that class 1 - e, and all others together e = (wrong + 1) / (n + 2).

    Args:
        train: what is looked at; two sequences at least.
        test: whose targets are predicted.
        targets: the classes, at least two.

    Returns:
        (S, N, C) float64 logits; or why there is none.
    """
    known, asked = (rows(split.inputs.double().cpu(), per_step=False) for split in (train, test))  # (S, N, T * I)
    _, count, columns = known.shape
    if count < 2:
        return "there is one training sequence, and none to measure how sure its class is"
    if (reason := too_much(count * (count + asked.shape[1]) * columns)) is not None:
        return reason
    found = []
    for seen, other, classes in zip(known, asked, train.targets.cpu(), strict=True):
        among = torch.cdist(seen, seen, compute_mode="donot_use_mm_for_euclid_dist").fill_diagonal_(torch.inf)
        wrong = int((classes[among.argmin(1)] != classes).sum())
        unsure = (wrong + 1) / (count + 2)
        logits = torch.full((len(other), targets.count), unsure / (targets.count - 1), dtype=torch.float64).log()
        chosen = classes[torch.cdist(other, seen, compute_mode="donot_use_mm_for_euclid_dist").argmin(1)]
        found.append(logits.scatter(1, chosen[:, None], float(np.log1p(-unsure))))
    return torch.stack(found)
