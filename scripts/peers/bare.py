"""seqexp's own training step and optimiser in the smallest possible loop: no Lightning, no validation, no logging.

cd scripts; python -m peers.bare --work full --cell lstm num_seeds=30      any override of seqexp can follow
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence

import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from peers.work import CELLS, WORKS, answer, overrides
from seqexp.config.compose import CONF
from seqexp.data.split import Split
from seqexp.run.build import build
from seqexp.run.fit import limit_threads


def compose_config(settings: Sequence[str]) -> DictConfig:
    """What `python -m seqexp` makes of its command line."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", list(settings))


class Bare:
    """A population with its data and optimiser, and no trainer.

    Args:
        settings: as on seqexp's command line.
        device: where everything lives.
    """

    def __init__(self, settings: Sequence[str], device: str = "cpu") -> None:
        self.parts = build(compose_config(settings))
        self.parts.data.setup()
        splits = self.parts.data.splits
        for name, split in splits.items():
            splits[name] = split.to(torch.device(device))
        self.training = self.parts.training.to(device)
        self.optimizer = self.training.pack()
        self.epochs = int(self.parts.settings["trainer"]["max_epochs"])

    def batches(self) -> Iterator[Split]:
        """One epoch of training batches."""
        return iter(self.parts.data.train_dataloader())

    def step(self, batch: Split) -> None:
        """One update."""
        self.training.learn(batch)
        self.optimizer.step()

    def train(self) -> float:
        """Trains to the end, with the threads that a whole run would take, and returns the seconds that it took."""
        with limit_threads(self.parts):
            start = time.perf_counter()
            for _ in range(self.epochs):
                for batch in self.batches():
                    self.step(batch)
            if batch.inputs.is_cuda:
                torch.cuda.synchronize()
            return time.perf_counter() - start

    def test_mse(self) -> float:
        """The mean over seeds of the test MSE."""
        test = self.parts.data.splits["test"]
        return self.training.measure([test])["mse"].mean().item()


def main() -> None:
    """Trains all seeds at once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", choices=CELLS, default="rnn")
    parser.add_argument("--work", choices=WORKS, default="full")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("settings", nargs="*", metavar="OVERRIDE")
    options = parser.parse_args()
    bare = Bare([*overrides(options.work), f"cell={options.cell}", *options.settings], options.device)
    answer(train_seconds=bare.train(), test_mse=bare.test_mse())


if __name__ == "__main__":
    main()
