"""What fresh batches cost: CPU time of steps on batches drawn anew and of steps on a split, in turns, by one model.

Both sides train the same population, so that neither finds warmer caches than the other. CPU time, which other programs
disturb less than wall time; one thread.
cd scripts; python -m peers.streamed --cell rnn --seeds 10
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator

import torch

from peers.bare import Bare
from peers.work import CELLS, answer
from seqexp.data.split import Split

SETTINGS = [
    "data=adding", "data.length=100", "data.num_sequences=4000", "data.train_fraction=0.8", "data.val_fraction=0.1",
    "data.test_fraction=0.1", "data.batch_size=32", "data.steps_per_epoch=null", "cell.hidden_size=16",
]  # fmt: skip
BLOCK = 16
"""Steps of one side before the other's turn."""


def forever(side: Bare) -> Iterator[Split]:
    """Its batches, epoch after epoch."""
    while True:
        yield from side.batches()


def main() -> None:
    """Measures one cell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", choices=CELLS, default="rnn")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--turns", type=int, default=40)
    options = parser.parse_args()
    torch.set_num_threads(1)
    common = [*SETTINGS, f"cell={options.cell}", f"num_seeds={options.seeds}"]
    trained = Bare([*common, "data.fresh=true"])
    batches = {"fixed": forever(Bare([*common, "data.fresh=false"])), "fresh": forever(trained)}
    seconds: dict[str, list[float]] = {name: [] for name in batches}
    for turn in range(options.turns + 1):
        for name, source in batches.items():
            start = time.process_time()
            for _ in range(BLOCK):
                trained.step(next(source))
            if turn:  # the first makes work space
                seconds[name].append((time.process_time() - start) / BLOCK)
    ratios = [fresh / fixed for fixed, fresh in zip(*seconds.values(), strict=True)]
    each = {f"{name}_seconds": statistics.median(found) for name, found in seconds.items()}
    answer(**each, ratio=statistics.median(ratios))


if __name__ == "__main__":
    main()
