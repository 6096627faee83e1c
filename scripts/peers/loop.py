"""The plain way: one ordinary torch.nn training loop per seed, one after another.

cd scripts; python -m peers.loop --cell lstm --work mini --threads 1 --processes 2
"""

from __future__ import annotations

import functools
import multiprocessing
import time
from collections.abc import Iterator

import torch
import torch._dynamo  # the first step of an optimizer would import it, within the time that is measured
from torch import Tensor, nn

from peers.work import HIDDEN, LEARNING_RATE, Options, answer, make_data, make_parser, read


def batches(x: Tensor, y: Tensor, batch_size: int | None) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch: everything at once, or shuffled mini-batches cut by index."""
    if batch_size is None:
        yield x, y
        return
    order = torch.randperm(len(x), device=x.device)
    yield from zip(x[order].split(batch_size), y[order].split(batch_size), strict=True)


def train(seed: int, options: Options) -> float:
    """Trains one seed and returns its test MSE."""
    torch.manual_seed(seed)
    arrays = make_data(seed, options.work.train)
    x, y, x_test, y_test = (torch.from_numpy(each).to(options.device) for each in arrays)
    recurrent = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[options.cell](1, HIDDEN, batch_first=True)
    model = nn.ModuleDict({"cell": recurrent, "readout": nn.Linear(HIDDEN, 1)}).to(options.device)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        return nn.functional.mse_loss(model["readout"](model["cell"](x)[0][:, -1]), y)

    for _ in range(options.work.epochs):
        for inputs, targets in batches(x, y, options.work.batch_size):
            optimizer.zero_grad()
            loss(inputs, targets).backward()
            optimizer.step()
    with torch.no_grad():
        return loss(x_test, y_test).item()


def main() -> None:
    """Trains all seeds, in one process or shared out among several."""
    parser = make_parser(__doc__)
    parser.add_argument("--processes", type=int, default=1, help="that share the seeds out")
    options = read(parser)
    if options.threads:
        torch.set_num_threads(options.threads)
    train_one = functools.partial(train, options=options)
    start = time.perf_counter()
    if options.processes == 1:
        scores = [train_one(seed) for seed in range(options.seeds)]
    else:  # forked, so that they share one import of torch
        with multiprocessing.get_context("fork").Pool(options.processes) as pool:
            scores = pool.map(train_one, range(options.seeds), chunksize=1)
    answer(train_seconds=time.perf_counter() - start, test_mse=sum(scores) / len(scores))


if __name__ == "__main__":
    main()
