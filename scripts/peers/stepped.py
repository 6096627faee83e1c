"""One training step of a population, and of a plain loop over its seeds with the same weights and batch, in turns.

Milliseconds per seed and step: forward, backward and update by Adam. One thread.
cd scripts; python -m peers.stepped --cell mingru --steps 200 --hidden 64 --seeds 10 --reads last
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch._dynamo  # the first step of an optimizer would import it, within the time that is measured
from torch import nn

from peers.bare import Bare
from peers.plain_cells import PLAIN, like
from peers.work import answer
from seqexp.data.split import Split

TASKS = {"last": "data=adding", "steps": "data=flip_flop data.bits=2"}
"""Two inputs in each, and targets of the last step or of every step."""

ROWS = 32
"""Sequences of a batch."""

SECONDS = 2.0
"""After which no turn begins; there are at least 3."""


def population(cell: str, steps: int, hidden: int, seeds: int, reads: str) -> tuple[Bare, Split]:
    """A population and its first batch."""
    sizes = [f"data.length={steps}", f"cell.hidden_size={hidden}", f"num_seeds={seeds}"]
    rows = [f"data.batch_size={ROWS}", f"data.num_sequences={4 * ROWS}", "data.steps_per_epoch=1"]
    bare = Bare([*TASKS[reads].split(), f"cell={cell}", *sizes, *rows])
    return bare, next(bare.batches())


def plain_loop(bare: Bare, batch: Split, cell: str, reads: str) -> Callable[[], None]:
    """One step of each seed, one after another."""
    models, optimizers = [], []
    own = bare.training.model
    for seed in range(own.cell.num_seeds):
        plain = like(own.cell, cell, seed)
        readout = nn.Linear(own.cell.output_size, batch.targets.shape[-1])
        models.append(nn.ModuleList([plain, readout]))
        optimizers.append(torch.optim.Adam(models[-1].parameters(), fused=True))

    def step() -> None:
        for seed, ((plain, readout), optimizer) in enumerate(zip(models, optimizers, strict=True)):
            optimizer.zero_grad()
            states = plain(batch.inputs[seed])
            prediction = readout(states[:, -1] if reads == "last" else states)
            nn.functional.mse_loss(prediction, batch.targets[seed]).backward()
            optimizer.step()

    return step


def main() -> None:
    """Measures one cell at one size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", choices=PLAIN, default="rnn")
    parser.add_argument("--reads", choices=TASKS, default="last")
    for name, size in (("steps", 20), ("hidden", 16), ("seeds", 30)):
        parser.add_argument(f"--{name}", type=int, default=size)
    options = parser.parse_args()
    torch.set_num_threads(1)
    bare, batch = population(options.cell, options.steps, options.hidden, options.seeds, options.reads)
    sides = {"own": lambda: bare.step(batch), "plain": plain_loop(bare, batch, options.cell, options.reads)}
    taken: dict[str, list[float]] = {name: [] for name in sides}
    begin = time.perf_counter()
    while len(taken["own"]) < 4 or time.perf_counter() - begin < SECONDS:
        for name, step in sides.items():
            start = time.perf_counter()
            step()
            taken[name].append(1e3 * (time.perf_counter() - start) / options.seeds)
    warm = {name: each[1:] for name, each in taken.items()}  # the first makes work space
    ratio = statistics.median(plain / own for own, plain in zip(*warm.values(), strict=True))
    answer(**{f"{name}_ms": statistics.median(each) for name, each in warm.items()}, ratio=ratio)


if __name__ == "__main__":
    main()
