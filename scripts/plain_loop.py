"""The lab sheet's two programs in plain PyTorch, one seed after another: the oracle and the peer of the lab presets.

    python scripts/plain_loop.py --data sine --cell rnn --seeds 30

Uses nothing of seqexp. Prints one line: the mean test MSE over seeds, its standard deviation, and the seconds.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from torch import Tensor, nn


def make_data(name: str, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training and test inputs (N, 20, 1) and targets (N, 1) of one seed."""
    rng = np.random.default_rng(seed)
    if name == "sine":
        series = np.sin(np.linspace(0, 40, 1000)) + 0.1 * rng.standard_normal(1000)
        inputs, targets = np.lib.stride_tricks.sliding_window_view(series, 20)[:-1], series[20:, None]
    else:
        inputs = rng.standard_normal((1000, 20))
        targets = inputs.sum(1, keepdims=True)
    x, y = torch.tensor(inputs[..., None], dtype=torch.float32), torch.tensor(targets, dtype=torch.float32)
    count = int(0.8 * len(x))
    return x[:count], y[:count], x[count:], y[count:]


def train(name: str, cell: str, seed: int) -> float:
    """Trains one seed by the sheet's settings and returns its test MSE."""
    torch.manual_seed(seed)
    x, y, x_test, y_test = make_data(name, seed)
    recurrent = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[cell](1, 16, batch_first=True)
    readout = nn.Linear(16, 1)
    epochs, lr = (100, 0.01) if name == "sine" else (20, 0.001)
    optimizer = torch.optim.Adam([*recurrent.parameters(), *readout.parameters()], lr=lr)
    for _ in range(epochs):
        loss = nn.functional.mse_loss(readout(recurrent(x)[0][:, -1]), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return nn.functional.mse_loss(readout(recurrent(x_test)[0][:, -1]), y_test).item()


def main() -> None:
    """Trains all seeds in turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", choices=["sine", "sum"], default="sine")
    parser.add_argument("--cell", choices=["rnn", "lstm", "gru"], default="rnn")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    start = time.perf_counter()
    scores = [train(options.data, options.cell, seed) for seed in range(options.seeds)]
    seconds = time.perf_counter() - start
    deviation = np.std(scores, ddof=1) if len(scores) > 1 else float("nan")
    half = 1.96 * deviation / len(scores) ** 0.5
    print(
        f"plain {options.cell} on lab_{options.data}: test MSE {np.mean(scores):.5g} ± {half:.2g} "
        f"(sd {deviation:.2g}, {len(scores)} seeds), {seconds:.2f} s"
    )


if __name__ == "__main__":
    main()
