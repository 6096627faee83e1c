"""The two works that every side of a benchmark does, their data, and a peer's command line and answer. NumPy only."""

from __future__ import annotations

import argparse
import json
import sys
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

LENGTH, WINDOW, HIDDEN, LEARNING_RATE = 1000, 20, 16, 0.01
"""The sizes of the experiment `lab_sine`."""

WINDOWS = LENGTH - WINDOW
TEST_START = 882
"""Windows 882 to 979 are everybody's test split; seqexp validates on what lies between training and test."""


class Work(NamedTuple):
    """What one seed trains on, and for how long."""

    train: int  # the first so many windows
    epochs: int
    batch_size: int | None  # None is full batch; else it divides `train`


WORKS = {"full": Work(784, 100, None), "mini": Work(768, 20, 32)}
CELLS = ("rnn", "lstm", "gru")
JAX_CELLS = (*CELLS, "mingru", "minlstm", "lru")
"""Those of the table of all cells that JAX computes as well."""

ALL_CELLS = (
    *CELLS, "mgu", "cifg", "janet", "peephole", "layer_norm_lstm", "layer_norm_gru", "indrnn", "slstm", "lstm1997",
    "mingru", "minlstm", "lru", "tcn", "mlp", "s4d", "transformer",
)  # fmt: skip
"""Those that `plain_cells` has as well."""


def overrides(work: str, epochs: int | None = None) -> list[str]:
    """The same work as seqexp's command line says it, but for `cell` and `num_seeds`; with a validation split."""
    train, own_epochs, batch_size = WORKS[work]
    return [
        "experiment=lab_sine",
        f"data.train_fraction={train / WINDOWS}",
        f"data.val_fraction={(TEST_START - train) / WINDOWS}",
        f"data.test_fraction={(WINDOWS - TEST_START) / WINDOWS}",
        f"data.batch_size={'null' if batch_size is None else batch_size}",
        f"trainer.max_epochs={epochs or own_epochs}",
    ]


def make_data(seed: int, train: int) -> tuple[Array, Array, Array, Array]:
    """One seed's training and test windows (N, 20, 1) and targets (N, 1)."""
    noise = np.random.default_rng(seed).standard_normal(LENGTH)
    series = (np.sin(np.linspace(0, 40, LENGTH)) + 0.1 * noise).astype(np.float32)
    x = np.lib.stride_tricks.sliding_window_view(series, WINDOW)[:-1, :, None].copy()
    y = series[WINDOW:, None]
    return x[:train], y[:train], x[TEST_START:], y[TEST_START:]


def stack_data(seeds: int, train: int) -> list[Array]:
    """The same four arrays with a leading seed axis."""
    return [np.stack(arrays) for arrays in zip(*(make_data(seed, train) for seed in range(seeds)), strict=True)]


class Options(argparse.Namespace):
    """A peer's command line."""

    cell: str
    work: Work
    seeds: int
    threads: int | None
    device: str


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """The options that all peers have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", choices=CELLS, default="rnn")
    parser.add_argument("--work", choices=WORKS, default="full")
    parser.add_argument("--epochs", type=int, help="instead of the work's own")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--threads", type=int, help="torch peers only; else the library's own choice")
    parser.add_argument("--device", default="cpu", help="torch peers only: cpu or cuda")
    return parser


def read(parser: argparse.ArgumentParser) -> Options:
    """Reads the command line."""
    options = parser.parse_args(namespace=Options())
    work = WORKS[str(options.work)]
    options.work = work if options.epochs is None else work._replace(epochs=options.epochs)
    return options


def answer(**numbers: object) -> None:
    """Prints what a program measured as one line of JSON."""
    json.dump(numbers, sys.stdout)
    sys.stdout.write("\n")
